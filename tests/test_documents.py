"""Files that users write, read so that nothing is lost or mistaken."""

from __future__ import annotations

import gc

import pytest

from understudy.documents import parsed
from understudy.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", {"a": "no"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a: 2026-11-22", {"a": "2026-11-22"}),
        ("a: 007", {"a": "007"}),
        ("a: 1e3", {"a": 1000.0}),
        ("a: -7", {"a": -7}),
        ("a: ~", {"a": None}),
        ("a: True", {"a": True}),
        ("a: 'True'", {"a": "True"}),
        ("a: !!str 1", {"a": "1"}),
        ("1: a", {1: "a"}),
        ("a: &x {b: c}\nd: {<<: *x, e: f}", {"a": {"b": "c"}, "d": {"b": "c", "e": "f"}}),
        ("a: &x text\nb: *x", {"a": "text", "b": "text"}),
    ],
)
def test_plain_words_of_yaml_are_what_they_look_like(text: str, value: object) -> None:
    assert parsed("a.yaml", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 1.5, "1", null, true, "\\u00e9"]}', {"a": [1, 1.5, "1", None, True, "é"]}),
        (b'{"a": "\xc3\xa9"}', {"a": "é"}),
        ('{"a": 1,} # a comma, a comment', {"a": 1}),
        ('{"a": NaN}', {"a": "NaN"}),
    ],
)
def test_json_may_be_written_as_loosely_as_yaml(text: str | bytes, value: object) -> None:
    assert parsed("a.json", text) == value


def test_a_key_that_is_said_twice_is_a_mistake_in_every_language() -> None:
    with pytest.raises(SettingsError, match=r'^a\.yaml: line 2, column 1: the key "a" is here twice$'):
        parsed("a.yaml", "a: 1\na: 2")
    with pytest.raises(SettingsError, match=r'^a\.json: line 1, column 10: the key "a" is here twice$'):
        parsed("a.json", '{"a": 1, "a": 2}')
    with pytest.raises(SettingsError, match=r"^a\.toml: Cannot overwrite a value"):
        parsed("a.toml", "a = 1\na = 2")


@pytest.mark.parametrize("text", ["a: 1", "a: ["])
def test_the_garbage_collector_runs_on_after_reading_if_it_ran_before(text: str) -> None:
    for ran in (False, True):
        (gc.enable if ran else gc.disable)()
        try:
            parsed("a.yaml", text)
        except SettingsError:
            assert text == "a: ["
        assert gc.isenabled() is ran
