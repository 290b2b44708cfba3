"""A reply unfolded in time, and folded back.

    Reply --fit--> Reply --unfold--> Event ... --pace--> Event | Pause ...
                     ^----------------- fold ------------------'

`fold(unfold(reply))` is the reply again. Nothing here waits: a pause is a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate, islice, repeat, takewhile, zip_longest
from math import exp
from typing import Protocol, assert_never

from msgspec.structs import replace

from understudy import tokens, usage
from understudy.model import (
    AnyReply,
    Audio,
    Begin,
    Delta,
    Event,
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
    ResourceReply,
    Sampling,
    ServerToolCall,
    Stop,
    Text,
    ToolCall,
    ToolResult,
)


def content(part: Part) -> str:
    """What is streamed of a part: its text, or what the model wrote to call a tool."""
    match part:
        case Text(text) | Reasoning(text) | Refusal(text) | ToolResult(_, text):
            return text
        case ToolCall(_, written) | ServerToolCall(_, written):
            return written
        case Audio(data) | File(_, _, data):
            return data
        case Image(url):
            return url
        case _ as never:
            assert_never(never)


def with_content(part: Part, text: str) -> Part:
    """The same part with another content."""
    match part:
        case Text() | Reasoning() | Refusal() | ToolResult():
            return replace(part, text=text)
        case ToolCall():
            return replace(part, arguments=text)
        case ServerToolCall():
            return replace(part, input=text)
        case Audio() | File():
            return replace(part, data=text)
        case Image():
            return replace(part, url=text)
        case _ as never:
            assert_never(never)


def cut_short(part: Part, text: str) -> Part:
    """The same part, of which only the first `text` was said: nothing behind it is cited, and nothing ran."""
    if isinstance(part, ServerToolCall):
        return replace(part, input=text, result="", error="")
    if isinstance(part, Text) and part.citations:
        most = len(text)
        kept = [each for each in part.citations if each.start < most]
        cut = [replace(each, end=most) if (each.end or 0) > most else each for each in kept]
        return Text(text, tuple(cut))
    return with_content(part, text)


# --- fit: what sampling leaves of a reply ----------------------------------------------------------


def fit(
    parts: tuple[Part, ...], stop: Stop, sampling: Sampling, encoding: str
) -> tuple[tuple[Part, ...], Stop]:
    """The parts, cut where a stop sequence or the token limit ends them, and why they end.

    A stop sequence ends text alone and is not part of it; the limit counts everything, reasoning
    too, and may cut a tool call's arguments in the middle, as the real APIs do.
    """
    if stop == "end" and type(parts[-1] if parts else None) is ToolCall:
        stop = "tool_call"
    if sampling.stop:
        parts, stop = _cut_at_stop(parts, stop, sampling.stop)
    if sampling.max_tokens is not None:
        parts, stop = _cut_at_limit(parts, stop, sampling.max_tokens, encoding)
    return parts, stop


def _cut_at_stop(
    parts: tuple[Part, ...], stop: Stop, sequences: tuple[str, ...]
) -> tuple[tuple[Part, ...], Stop]:
    for number, part in enumerate(parts):
        if type(part) is not Text:
            continue
        found = [at for at in (part.text.find(sequence) for sequence in sequences if sequence) if at >= 0]
        if found:
            return (*parts[:number], cut_short(part, part.text[: min(found)])), "stop_sequence"
    return parts, stop


def stopped_by(parts: tuple[Part, ...], sequences: tuple[str, ...]) -> str:
    """The stop sequence that ends these parts, empty where none does."""
    for part in parts:
        if type(part) is Text:
            found = [(part.text.find(sequence), sequence) for sequence in sequences if sequence]
            if found := [each for each in found if each[0] >= 0]:
                return min(found, key=lambda each: each[0])[1]
    return ""


def _cut_at_limit(
    parts: tuple[Part, ...], stop: Stop, limit: int, encoding: str
) -> tuple[tuple[Part, ...], Stop]:
    left = limit
    for number, part in enumerate(parts):
        cost = usage.part_tokens(part, encoding)
        if cost > left:
            text = content(part)
            around = cost - tokens.count(text, encoding)
            kept = _within(left - around, tokens.split(text, encoding), encoding)
            rest = (cut_short(part, kept),) if kept else ()
            return (*parts[:number], *rest), "length"
        left -= cost
    return parts, stop


def _within(limit: int, slices: tuple[str, ...], encoding: str) -> str:
    """The first slices that cost at most `limit` tokens together; one with an emoji costs several."""
    costs = accumulate(tokens.count(each, encoding) for each in slices)
    return "".join(slices[: sum(1 for _ in takewhile(limit.__ge__, costs))])


# --- unfold and fold -------------------------------------------------------------------------------


def unfold(reply: Reply) -> Iterator[Event]:
    """The reply's events, unpaced: each part's slices in one Delta, the choices one after another."""
    yield Begin(reply)
    choices = (reply, *reply.others)
    for choice, each in enumerate(choices):
        for index, part in enumerate(each.parts):
            yield PartStart(index, part, choice)
            yield Delta(index, tokens.split(content(part), reply.encoding), choice)
            yield PartEnd(index, choice)
        yield Finish(each.stop, choice, choice == len(choices) - 1)


def fold(events: Iterable[Event]) -> Reply:
    """The reply that these events unfold: the inverse of `unfold`, and of `pace`."""
    begin: Reply | None = None
    parts: dict[tuple[int, int], Part] = {}
    texts: dict[tuple[int, int], list[str]] = {}
    stops: dict[int, Stop] = {}
    for event in events:
        match event:
            case Begin(reply):
                begin = reply
            case PartStart(index, part, choice):
                parts[choice, index] = part
                texts[choice, index] = []
            case Delta(index, slices, choice):
                texts[choice, index] += slices
            case Finish(stop, choice):
                stops[choice] = stop
    if begin is None:
        raise ValueError("a stream of events starts with Begin; found none")
    folded = [
        replace(
            each,
            parts=tuple(with_content(parts[k], "".join(texts[k])) for k in sorted(parts) if k[0] == choice),
            stop=stops.get(choice, "end"),
        )
        for choice, each in enumerate((begin, *begin.others))
    ]
    return replace(folded[0], others=tuple(folded[1:]))


# --- pace --------------------------------------------------------------------------------------------


class Chance(Protocol):
    """A seeded source of chance, such as `random.Random`."""

    def random(self) -> float:
        """From 0 up to 1."""

    def gauss(self, mu: float, sigma: float) -> float:
        """Normally distributed."""


def factor(jitter: Jitter, chance: Chance) -> float:
    """What a time is multiplied by: 0 or more, and 1 in the mean, so that the rate is what was asked for."""
    match jitter.kind:
        case "uniform":
            return 1 + jitter.spread * (2 * chance.random() - 1)
        case "normal":  # cut off on both sides alike, which keeps the mean
            return min(2.0, max(0.0, chance.gauss(1, jitter.spread)))
        case "lognormal":  # exp(N(0, s)) has the mean exp(s * s / 2)
            return exp(chance.gauss(0, jitter.spread) - jitter.spread**2 / 2)
        case _ as never:
            assert_never(never)


def ttft(pace: Pace, chance: Chance | None = None) -> float:
    """Seconds to the first token. Without `chance` there is no jitter, here and below."""
    if pace.jitter is None or chance is None:
        return pace.ttft
    return pace.ttft * factor(pace.jitter, chance)


def _gaps(pace: Pace, chance: Chance | None) -> Iterator[Pause]:
    """The pauses between slices, without end."""
    seconds, jitter = 1 / pace.tokens_per_second, pace.jitter
    if jitter is None or chance is None:
        return repeat(Pause(seconds))
    return (Pause(seconds * factor(jitter, chance)) for _ in repeat(None))


def paced(reply: Reply, pace: Pace, chance: Chance | None = None) -> Iterator[Event | Pause]:
    """The reply's events with the time between them: a slice every 1 / tokens_per_second.

    Choices are told side by side, as one batch of a real model would be; the first slice comes
    without a pause, since the time to first token is over when the answer begins.
    """
    if not pace.tokens_per_second:
        yield from unfold(reply)
        return
    yield Begin(reply)
    choices = (reply, *reply.others)
    ticks = zip_longest(*(_ticks(each, choice) for choice, each in enumerate(choices)))
    for events in next(ticks, ()):
        yield from events or ()
    for tick, pause in zip(ticks, _gaps(pace, chance), strict=False):
        yield pause
        for events in tick:
            yield from events or ()
    for choice, each in enumerate(choices):
        yield Finish(each.stop, choice, choice == len(choices) - 1)


def _ticks(reply: Reply, choice: int) -> Iterator[tuple[Event, ...]]:
    """What one choice says at each tick: a slice, with the start or end of its part."""
    for index, part in enumerate(reply.parts):
        slices = tokens.split(content(part), reply.encoding) or ("",)
        last = len(slices) - 1
        for number, each in enumerate(slices):
            delta = Delta(index, (each,), choice)
            if 0 < number < last:
                yield (delta,)
                continue
            start = (PartStart(index, part, choice),) if number == 0 else ()
            end = (PartEnd(index, choice),) if number == last else ()
            yield (*start, delta, *end)


def duration(reply: AnyReply, pace: Pace, chance: Chance | None = None) -> float:
    """Seconds that the whole answer takes at this pace, time to first token included.

    With the same chance it is drawn as the stream would be: `ttft`, then the pauses of `paced`. What has no
    tokens takes as long as a first one; models and what is kept take no time.
    """
    if isinstance(reply, ModelsReply | ResourceReply):
        return 0.0
    first = ttft(pace, chance)
    if not pace.tokens_per_second or not isinstance(reply, Reply):
        return first
    longest = max(
        sum(max(1, len(tokens.split(content(part), reply.encoding))) for part in each.parts)
        for each in (reply, *reply.others)
    )
    gaps = max(0, longest - 1)
    if pace.jitter is None or chance is None:
        return first + gaps / pace.tokens_per_second
    return first + sum(pause.seconds for pause in islice(_gaps(pace, chance), gaps))
