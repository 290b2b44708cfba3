"""Unfolding, folding, pacing and cutting replies."""

from __future__ import annotations

from random import Random
from typing import get_args, get_type_hints

import pytest

from understudy.events import (
    content,
    duration,
    factor,
    fit,
    fold,
    paced,
    stopped_by,
    ttft,
    unfold,
    with_content,
)
from understudy.model import (
    Audio,
    Begin,
    Broken,
    Citation,
    Delta,
    EmbeddingReply,
    File,
    Finish,
    Image,
    Jitter,
    ModelsReply,
    Pace,
    Part,
    PartEnd,
    PartStart,
    Pause,
    Reasoning,
    Refusal,
    Reply,
    Sampling,
    ServerToolCall,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)

HELLO = Reply((Text("Hello, world!"),))
MIXED = Reply(
    (Reasoning("Let me see."), Text("It is"), ToolCall("get_weather", '{"city": "Paris"}', "abc")),
    "tool_call",
    others=(Reply((Refusal("I will not."),)), Reply((), "length")),
)


def test_a_reply_unfolds_into_one_delta_a_part() -> None:
    assert list(unfold(HELLO)) == [
        Begin(HELLO),
        PartStart(0, Text("Hello, world!")),
        Delta(0, ("Hello", ",", " world", "!")),
        PartEnd(0),
        Finish("end"),
    ]


def test_a_paced_reply_has_a_pause_before_each_slice_but_the_first() -> None:
    assert list(paced(HELLO, Pace(tokens_per_second=50))) == [
        Begin(HELLO),
        PartStart(0, Text("Hello, world!")),
        Delta(0, ("Hello",)),
        Pause(0.02),
        Delta(0, (",",)),
        Pause(0.02),
        Delta(0, (" world",)),
        Pause(0.02),
        Delta(0, ("!",)),
        PartEnd(0),
        Finish("end"),
    ]


def test_choices_are_paced_side_by_side() -> None:
    reply = Reply((Text("one two"),), others=(Reply((Text("three"),)),))
    events = [event for event in paced(reply, Pace(tokens_per_second=1)) if isinstance(event, Delta | Pause)]
    assert events == [Delta(0, ("one",)), Delta(0, ("three",), 1), Pause(1.0), Delta(0, (" two",))]


@pytest.mark.parametrize(
    "reply", [HELLO, MIXED, Reply(()), Reply((Text(""),))], ids=["text", "mixed", "none", "empty"]
)
@pytest.mark.parametrize("pace", [Pace(), Pace(tokens_per_second=3)], ids=["at once", "paced"])
def test_folding_is_the_inverse_of_unfolding(reply: Reply, pace: Pace) -> None:
    assert fold(event for event in paced(reply, pace) if not isinstance(event, Pause)) == reply


def test_folding_needs_a_beginning() -> None:
    with pytest.raises(ValueError, match="starts with Begin"):
        fold([Broken(500, "server", "oh")])


def test_what_broke_off_folds_into_what_there_was() -> None:
    begin, start, delta, *_ = unfold(HELLO)
    assert fold([begin, start, delta, Broken(500, "server", "oh")]) == HELLO


@pytest.mark.parametrize(
    ("part", "held", "other"),
    [
        (Text("a"), "a", Text("b")),
        (Reasoning("a"), "a", Reasoning("b")),
        (Refusal("a"), "a", Refusal("b")),
        (ToolCall("f", "a", "1"), "a", ToolCall("f", "b", "1")),
        (ServerToolCall("web_search", "a", "{}"), "a", ServerToolCall("web_search", "b", "{}")),
        (ToolResult("1", "a", "f"), "a", ToolResult("1", "b", "f")),
        (Image("a", "low"), "a", Image("b", "low")),
        (Audio("a", "wav"), "a", Audio("b", "wav")),
        (File("1", "f", "a"), "a", File("1", "f", "b")),
    ],
    ids=lambda given: type(given).__name__,
)
def test_every_part_has_a_content_that_can_be_another(part: Part, held: str, other: Part) -> None:
    assert content(part) == held
    assert with_content(part, "b") == other


CUTS: list[tuple[str, tuple[Part, ...], Sampling, tuple[Part, ...], str]] = [
    ("nothing to cut", (Text("one two three"),), Sampling(), (Text("one two three"),), "end"),
    ("a stop sequence", (Text("one two three"),), Sampling(stop=("two",)), (Text("one "),), "stop_sequence"),
    ("the first of several", (Text("a b c"),), Sampling(stop=("c", "b")), (Text("a "),), "stop_sequence"),
    ("a stop sequence that is not there", (Text("a b"),), Sampling(stop=("z",)), (Text("a b"),), "end"),
    ("an empty stop sequence", (Text("a b"),), Sampling(stop=("",)), (Text("a b"),), "end"),
    ("a limit", (Text("one two three"),), Sampling(max_tokens=2), (Text("one two"),), "length"),
    (
        "a limit that suffices",
        (Text("one two three"),),
        Sampling(max_tokens=3),
        (Text("one two three"),),
        "end",
    ),
    ("a limit of nothing", (Text("one"),), Sampling(max_tokens=0), (), "length"),
    (
        "a limit over several parts",
        (Reasoning("one two"), Text("three four")),
        Sampling(max_tokens=3),
        (Reasoning("one two"), Text("three")),
        "length",
    ),
    (
        "a limit in a call",
        (ToolCall("f", '{"a": 1}'),),
        Sampling(max_tokens=6),
        (ToolCall("f", '{"a'),),
        "length",
    ),
    (
        "a limit in a call of the vendor's",
        (ServerToolCall("web_search", "one two three", '{"results": []}'), Text("four")),
        Sampling(max_tokens=7),
        (ServerToolCall("web_search", "one two"),),
        "length",
    ),
    (
        "a limit in a text with citations",
        (Text("one two three", (Citation("a"), Citation("b", end=13), Citation("c", start=8))),),
        Sampling(max_tokens=2),
        (Text("one two", (Citation("a"), Citation("b", end=7))),),
        "length",
    ),
    (
        "a stop sequence in a call",
        (ToolCall("f", "{}"),),
        Sampling(stop=("{",)),
        (ToolCall("f", "{}"),),
        "tool_call",
    ),
]


@pytest.mark.parametrize(
    ("parts", "sampling", "cut", "stop"), [row[1:] for row in CUTS], ids=[row[0] for row in CUTS]
)
def test_sampling_cuts_a_reply(
    parts: tuple[Part, ...], sampling: Sampling, cut: tuple[Part, ...], stop: str
) -> None:
    assert fit(parts, "end", sampling, "o200k_base") == (cut, stop)


@pytest.mark.parametrize(
    ("text", "sequences", "found"),
    [
        ("one two three", ("three", "two"), "two"),
        ("one two", ("two", "two "), "two"),
        ("one two", ("four",), ""),
        ("one two", ("", "one"), "one"),
        ("one two", (), ""),
    ],
)
def test_the_stop_sequence_that_comes_first_is_told(
    text: str, sequences: tuple[str, ...], found: str
) -> None:
    assert stopped_by((Reasoning("two three four"), Text(text)), sequences) == found


def test_the_time_an_answer_takes_is_that_of_its_longest_choice() -> None:
    reply = Reply((Text("one"),), others=(Reply((Text("one two three"),)),))
    assert duration(reply, Pace(0.5, 4)) == 1.0
    assert duration(reply, Pace(0.5)) == 0.5


TWENTY = Jitter("uniform", 0.2)
KINDS = get_args(get_type_hints(Jitter)["kind"])


class Told:
    """A chance that draws what it was told to."""

    def __init__(self, *draws: float) -> None:
        self.draws = iter(draws)

    def random(self) -> float:
        return next(self.draws)

    def gauss(self, mu: float, sigma: float) -> float:
        """So many deviations from the middle."""
        return mu + sigma * next(self.draws)


@pytest.mark.parametrize(
    ("jitter", "draw", "expected"),
    [
        (Jitter("uniform", 0.1), 0.0, 0.9),
        (Jitter("uniform", 0.1), 0.5, 1.0),
        (Jitter("uniform", 0.1), 0.75, 1.05),
        (Jitter("normal", 0.1), 0, 1.0),
        (Jitter("normal", 0.1), -2, 0.8),
        (Jitter("normal", 0.5), -3, 0.0),
        (Jitter("normal", 0.5), 3, 2.0),
        (Jitter("lognormal", 0.5), 0, 0.8824969),  # the median: exp(-0.125)
        (Jitter("lognormal", 0.5), 1, 1.4549914),  # exp(0.375)
    ],
)
def test_jitter_multiplies_a_time(jitter: Jitter, draw: float, expected: float) -> None:
    assert factor(jitter, Told(draw)) == pytest.approx(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_jitter_leaves_the_mean_as_it_is(kind: str) -> None:
    chance = Random(1)
    drawn = [factor(Jitter(kind, 0.8), chance) for _ in range(20_000)]  # type: ignore[arg-type]
    assert min(drawn) >= 0
    assert max(drawn) > 1.5
    assert sum(drawn) / len(drawn) == pytest.approx(1, abs=0.02)


def test_a_jittered_stream_has_pauses_of_its_own() -> None:
    pace = Pace(tokens_per_second=10, jitter=TWENTY)
    pauses = [e.seconds for e in paced(HELLO, pace, Told(0, 0.5, 1)) if isinstance(e, Pause)]
    assert pauses == pytest.approx([0.08, 0.1, 0.12])


def test_jitter_varies_the_time_to_the_first_token() -> None:
    assert ttft(Pace(0.5, jitter=TWENTY), Told(1)) == pytest.approx(0.6)
    assert ttft(Pace(0.5), Told()) == 0.5


def test_without_a_chance_there_is_no_jitter() -> None:
    plain, jittered = Pace(0.5, 10), Pace(0.5, 10, jitter=TWENTY)
    assert ttft(jittered) == 0.5
    assert list(paced(HELLO, jittered)) == list(paced(HELLO, plain))
    assert duration(HELLO, jittered) == duration(HELLO, plain)


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_answer_takes_as_long_as_its_stream_would(kind: str) -> None:
    pace = Pace(0.5, 10, jitter=Jitter(kind, 0.5))  # type: ignore[arg-type]
    chance = Random(3)
    streamed = ttft(pace, chance)
    streamed += sum(event.seconds for event in paced(MIXED, pace, chance) if isinstance(event, Pause))
    assert duration(MIXED, pace, Random(3)) == pytest.approx(streamed)


def test_jitter_changes_no_event() -> None:
    jittered = paced(MIXED, Pace(0, 10, jitter=TWENTY), Random(1))
    assert [event for event in jittered if not isinstance(event, Pause)] == [
        event for event in paced(MIXED, Pace(0, 10)) if not isinstance(event, Pause)
    ]


def test_what_has_no_tokens_takes_as_long_as_a_first_one_and_a_list_of_models_no_time() -> None:
    assert duration(EmbeddingReply((), Usage(3)), Pace(0.5, 10)) == 0.5
    assert duration(ModelsReply(()), Pace(0.5, 10)) == 0.0
