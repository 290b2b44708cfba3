"""How pace is read, and what editors are told of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from understudy.app import App
from understudy.errors import Place, SettingsError
from understudy.model import INSTANT, HttpRequest, Jitter, Pace, Pause
from understudy.pace import JITTERS, KEYS, PRESETS, pace_schema, read_pace
from understudy.rules.read import read_text
from understudy.settings import Settings

WRITTEN: list[tuple[Any, Pace]] = [
    ("", Pace()),
    ("instant", Pace()),
    ("0", Pace()),
    ("40/s", Pace(0, 40)),
    ("40", Pace(0, 40)),
    (40, Pace(0, 40)),
    (12.5, Pace(0, 12.5)),
    ("fast", Pace(0.3, 200)),
    ("typical", Pace(0.9, 60)),
    ("slow", Pace(2, 25)),
    ("reasoning", Pace(20, 100)),
    ("ttft=300ms,tokens_per_second=50", Pace(0.3, 50)),
    ("ttft = 2s", Pace(2, 0)),
    ("delay=1m", Pace(delay=60)),
    ("typical,ttft=0", Pace(0, 60)),
    ("40/s, jitter=10%", Pace(0, 40, 0, Jitter("uniform", 0.1))),
    ("preset=slow,jitter=lognormal:0.5", Pace(2, 25, 0, Jitter("lognormal", 0.5))),
    ({}, Pace()),
    ({"ttft": "1m", "tokens_per_second": 12.5}, Pace(60, 12.5)),
    ({"delay": 0.5, "tokens_per_second": "40/s"}, Pace(0, 40, 0.5)),
    ({"preset": "typical", "delay": "2s"}, Pace(0.9, 60, 2)),
    ({"preset": "typical", "jitter": "20%"}, Pace(0.9, 60, 0, Jitter("uniform", 0.2))),
    ({"ttft": 1, "jitter": 0.1}, Pace(1, 0, 0, Jitter("uniform", 0.1))),
    ({"ttft": 1, "jitter": {"uniform": "10%"}}, Pace(1, 0, 0, Jitter("uniform", 0.1))),
    ({"ttft": 1, "jitter": {"normal": 0.25}}, Pace(1, 0, 0, Jitter("normal", 0.25))),
    ({"ttft": 1, "jitter": {"lognormal": 2}}, Pace(1, 0, 0, Jitter("lognormal", 2))),
    ({"ttft": 1, "jitter": "lognormal: 50%"}, Pace(1, 0, 0, Jitter("lognormal", 0.5))),
    ({"ttft": 1, "jitter": 0}, Pace(1)),
]
written = pytest.mark.parametrize(("value", "pace"), WRITTEN, ids=[str(value) for value, _ in WRITTEN])


@written
def test_a_pace_is_read(value: Any, pace: Pace) -> None:
    assert read_pace(value, Place("--pace", "")) == pace


@pytest.mark.parametrize("value", ["", "instant", "0/s", {}, {"ttft": 0}, {"preset": None}])
def test_no_pace_at_all_is_the_one_that_costs_nothing(value: Any) -> None:
    assert read_pace(value, Place("--pace", "")) is INSTANT


MISTAKES: list[tuple[Any, str]] = [
    ("quick", '$.pace: unknown preset "quick" (known: instant, fast, typical, slow, reasoning)'),
    ("typcial", '$.pace: unknown preset "typcial" (did you mean "typical"?)'),
    ("40/m", "$.pace: expected a rate like 40/s; found '40/m'"),
    ("-1", "$.pace: expected a rate like 40/s; found '-1'"),
    ("typical,", "$.pace: expected a rate like 40/s; found ''"),
    ("40/s,50/s", "$.pace: tokens_per_second is here twice"),
    ("ttf=1", '$.pace: unknown key "ttf" (did you mean "ttft"?)'),
    ("ttft=soon", "$.pace: expected a time like 300ms; found 'soon'"),
    (True, "$.pace: expected a pace: a preset, a rate like 40/s, or keys; found True"),
    ([40], "$.pace: expected a pace: a preset, a rate like 40/s, or keys; found [40]"),
    (-40, "$.pace: expected a rate like 40/s; found '-40'"),
    ({"ttf": 1}, '$.pace: unknown key "ttf" (did you mean "ttft"?)'),
    ({"preset": "slwo"}, '$.pace.preset: unknown preset "slwo" (did you mean "slow"?)'),
    ({"ttft": "2h"}, "$.pace.ttft: expected a time like 300ms; found '2h'"),
    ({"delay": -1}, "$.pace.delay: expected a time like 300ms; found -1"),
    ({"tokens_per_second": True}, "$.pace.tokens_per_second: expected a rate like 40/s; found True"),
    (
        {"ttft": 1, "jitter": 10},
        "$.pace.jitter: expected jitter like 10% or {lognormal: 0.5}, at most 100%; found 10",
    ),
    (
        {"ttft": 1, "jitter": "some"},
        "$.pace.jitter: expected jitter like 10% or {lognormal: 0.5}, at most 100%; found 'some'",
    ),
    (
        {"ttft": 1, "jitter": {"normal": "200%"}},
        "$.pace.jitter: expected a deviation like 10%, at most 100%; found '200%'",
    ),
    ({"ttft": 1, "jitter": {"lognormal": 3}}, "$.pace.jitter: expected a sigma like 0.5, at most 2; found 3"),
    (
        {"ttft": 1, "jitter": {"lognorm": 1}},
        '$.pace.jitter: unknown distribution "lognorm" (did you mean "lognormal"?)',
    ),
    (
        {"ttft": 1, "jitter": {"normal": 0.1, "uniform": 0.1}},
        "$.pace.jitter: expected one distribution, like {lognormal: 0.5}; found 2",
    ),
    (
        {"ttft": 1, "jitter": [1]},
        "$.pace.jitter: expected jitter like 10% or {lognormal: 0.5}, at most 100%; found [1]",
    ),
    (
        {"delay": 1, "jitter": "10%"},
        "$.pace.jitter: nothing to vary; give a preset, ttft or tokens_per_second too",
    ),
]
mistakes = pytest.mark.parametrize(("value", "message"), MISTAKES, ids=[str(value) for value, _ in MISTAKES])


@mistakes
def test_a_mistake_says_where_it_is_and_what_to_write(value: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_pace(value, Place("rules.yaml", "$.pace"))
    assert str(caught.value) == f"rules.yaml: {message}"


def test_a_mistake_in_a_flag_names_the_flag() -> None:
    with pytest.raises(SettingsError) as caught:
        read_pace("ttft=soon", Place("--pace", ""))
    assert str(caught.value) == "--pace: expected a time like 300ms; found 'soon'"


def test_every_distribution_can_be_written() -> None:
    assert tuple(JITTERS) == get_args(get_type_hints(Jitter)["kind"])


def test_presets_are_in_the_order_of_their_speed() -> None:
    seconds_for_100 = [p.ttft + (100 / p.tokens_per_second if p.ttft else 0) for p in PRESETS.values()]
    assert seconds_for_100 == sorted(seconds_for_100)


# --- Rule files --------------------------------------------------------------------------------------

EVERYWHERE = """
pace: typical
models:
  - plain
  - {id: thinker, pace: reasoning}
rules:
  - when: {user: one}
    reply: a
    pace: {preset: slow, jitter: 20%}
  - when: {user: two}
    sequence:
      - {text: a, pace: fast}
      - b
    pace: 40/s
  - reply: c
"""


def test_a_rule_file_has_paces_for_all_for_a_model_a_rule_and_a_reply() -> None:
    file = read_text("rules.yaml", EVERYWHERE)
    assert file.pace == Pace(0.9, 60)
    assert [info.pace for info in file.models or ()] == [None, Pace(20, 100)]
    assert [[response.pace for response in rule.responses] for rule in file.rules] == [
        [Pace(2, 25, 0, Jitter("uniform", 0.2))],
        [Pace(0.3, 200), Pace(0, 40)],
        [None],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pace: typcial", '$.pace: unknown preset "typcial" (did you mean "typical"?)'),
        (
            "models: [{id: a, pace: {ttft: x}}]",
            "$.models[0].pace.ttft: expected a time like 300ms; found 'x'",
        ),
        ("models: [{id: a, pce: fast}]", '$.models[0]: unknown key "pce" (did you mean "pace"?)'),
        (
            "rules: [{reply: a, pace: {jitter: 5}}]",
            "$.rules[0].pace.jitter: expected jitter like 10% or {lognormal: 0.5}, at most 100%; found 5",
        ),
    ],
)
def test_a_mistake_in_a_rule_file_has_its_path(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_text("rules.yaml", text)
    assert str(caught.value) == f"rules.yaml: {message}"


# --- Seeds -------------------------------------------------------------------------------------------


def waits(app: App, path: str) -> float:
    """The seconds that an answer takes."""
    body = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}'
    request = HttpRequest("POST", path, (b"host", b"localhost"), body)
    return sum(step.seconds for step in app.handle(request) if isinstance(step, Pause))


def test_a_reset_draws_the_same_pauses_again_and_every_space_has_its_own_count() -> None:
    pace = Pace(0.5, 10, jitter=Jitter("lognormal", 0.5))
    app, other = App(Settings(seed=7, pace=pace)), App(Settings(seed=8, pace=pace))
    first = [waits(app, "/v1/chat/completions") for _ in range(2)]
    assert first[0] != first[1]
    assert [waits(app, "/@other/v1/chat/completions") for _ in range(2)] == first
    assert waits(app, "/_understudy/reset") == 0
    assert [waits(app, "/v1/chat/completions") for _ in range(2)] == first
    assert waits(other, "/v1/chat/completions") != first[0]


# --- The schema --------------------------------------------------------------------------------------


def fits(value: Any) -> bool:
    return bool(Draft202012Validator(pace_schema()).is_valid(value))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(pace_schema())


@written
def test_what_is_read_fits_the_schema(value: Any, pace: Pace) -> None:
    assert fits(value)


BEYOND = ("40/s,50/s", "ttft=soon", {"delay": 1, "jitter": "10%"}, {"ttft": 1, "jitter": {"normal": "200%"}})
"""Mistakes that a schema does not see: what depends on another key, and numbers within a text."""


@mistakes
def test_what_is_a_mistake_does_not_fit_the_schema(value: Any, message: str) -> None:
    assert fits(value) == (value in BEYOND)


@pytest.mark.parametrize("key", KEYS)
def test_the_schema_describes_every_key(key: str) -> None:
    (mapping,) = [form for form in pace_schema()["anyOf"] if form.get("type") == "object"]
    assert mapping["properties"][key]["description"]
    assert set(mapping["properties"]) == set(KEYS)


# --- The page ----------------------------------------------------------------------------------------

PAGE = (Path(__file__).parent.parent / "docs" / "pace.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without backquotes."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").replace("`", "") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split(" | ")] for line in lines[2:]]


def test_the_page_tells_every_preset_as_it_is() -> None:
    place = Place("docs/pace.md")
    told = {
        name: read_pace({"ttft": ttft, "tokens_per_second": rate}, place)
        for name, ttft, rate, _ in rows("Presets")
    }
    assert told == dict(PRESETS)


@pytest.mark.parametrize("key", KEYS)
def test_the_page_tells_every_key(key: str) -> None:
    assert f"| `{key}` |" in PAGE


@pytest.mark.parametrize("kind", JITTERS)
def test_the_page_tells_every_distribution_and_its_bound(kind: str) -> None:
    (told,) = [meaning for written, meaning in rows("Jitter") if f"{{{kind}:" in written]
    widest = JITTERS[kind][0]
    assert told.endswith(f"at most {'100%' if widest == 1 else f'{widest:.0f}'}")


def test_the_rule_files_on_the_page_can_be_read() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)
    file = read_text("rules.yaml", text)
    assert [info.pace for info in file.models or ()] == [None, Pace(20, 100), Pace(0.9, 60, 0.25)]
    assert len(file.rules) == 3
