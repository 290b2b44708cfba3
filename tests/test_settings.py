"""Settings from a file, the environment and flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from understudy.errors import Place, SettingsError
from understudy.model import Pace
from understudy.pace import read_pace
from understudy.settings import FIELDS, Settings, load


def test_without_a_word_the_defaults_hold() -> None:
    assert load(None, {}, {}) == Settings()
    assert (Settings().host, Settings().port) == (("127.0.0.1", "::1"), 8080)


def test_a_file_is_overruled_by_the_environment_and_that_by_flags(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("port: 1\nseed: 1\ntokens: estimate\nlog-level: debug\n")
    found = load(str(file), {"UNDERSTUDY_PORT": "2", "UNDERSTUDY_SEED": "2"}, {"port": 3, "seed": None})
    assert (found.port, found.seed, found.tokens, found.log_level) == (3, 2, "estimate", "debug")


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_has_a_variable(name: str) -> None:
    text = {
        "host": "0.0.0.0",
        "pace": "40/s",
        "tokens": "estimate",
        "log_level": "debug",
        "validation": "warn",
        "unknown_models": "refuse",
        "unknown_ids": "answer",
        "rate_limit": "1/s",
        "limits": "requests=60/min,per=key",
        "faults": "[{fault: hang}]",
        "strict": "true",
        "no_autopilot": "true",
    }.get(name, "7")
    other = (
        {"UNDERSTUDY_TLS_KEY": "k"}
        if name == "tls_cert"
        else {"UNDERSTUDY_TLS_CERT": "c"}
        if name == "tls_key"
        else {}
    )
    found = load(None, {f"UNDERSTUDY_{name.upper()}": text} | other, {})
    assert getattr(found, name) != getattr(Settings(), name)


def test_hosts_are_a_list_or_a_text_with_commas(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("host: ['0.0.0.0', '::']\n")
    assert load(str(file), {}, {}).host == ("0.0.0.0", "::")
    assert load(None, {"UNDERSTUDY_HOST": "0.0.0.0, ::"}, {}).host == ("0.0.0.0", "::")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("instant", Pace()),
        ("", Pace()),
        ("40/s", Pace(0, 40)),
        ("40", Pace(0, 40)),
        ("ttft=300ms,tokens_per_second=50", Pace(0.3, 50)),
        ("ttft=2s", Pace(2, 0)),
        ("ttft=0.5", Pace(0.5, 0)),
        ({"ttft": "1m", "tokens_per_second": 12.5}, Pace(60, 12.5)),
    ],
)
def test_a_pace_is_read(value: Any, found: Pace) -> None:
    assert read_pace(value, Place("--pace", "")) == found


MISTAKES: list[tuple[str, dict[str, str], dict[str, Any], str]] = [
    ("prot: 1", {}, {}, '{file}: $: unknown key "prot" (did you mean "port"?)'),
    ("- 1", {}, {}, "{file}: $: expected keys and values, found list"),
    ("port: many", {}, {}, "{file}: $.port: expected a number from 0 to 65535; found 'many'"),
    ("port: 70000", {}, {}, "{file}: $.port: expected a number from 0 to 65535; found 70000"),
    ("pace: {ttf: 1}", {}, {}, '{file}: $.pace: unknown key "ttf" (did you mean "ttft"?)'),
    ("pace: typcial", {}, {}, '{file}: $.pace: unknown preset "typcial" (did you mean "typical"?)'),
    ("pace: [1]", {}, {}, "{file}: $.pace: expected a pace: a preset, a rate like 40/s, or keys; found [1]"),
    ("", {"UNDERSTUDY_PORT": "x"}, {}, "UNDERSTUDY_PORT: expected a number from 0 to 65535; found 'x'"),
    ("", {"UNDERSTUDY_TOKENS": "some"}, {}, "UNDERSTUDY_TOKENS: expected exact or estimate; found 'some'"),
    ("", {}, {"log_level": "loud"}, "--log-level: expected debug, info, warning or error; found 'loud'"),
    ("", {}, {"port": -1}, "--port: expected a number from 0 to 65535; found -1"),
    ("", {}, {"drain": -0.5}, "--drain: expected a number of seconds, 0 or more; found -0.5"),
    ("drain: .nan", {}, {}, "{file}: $.drain: expected a number of seconds, 0 or more; found '.nan'"),
    ("port:", {}, {}, "{file}: $.port: expected a number from 0 to 65535; found None"),
    ("", {}, {"pace": "x/s"}, "--pace: expected a rate like 40/s; found 'x/s'"),
    ("", {}, {"tls_cert": "c"}, "--tls-cert: a certificate and its key go together; give --tls-key too"),
]


@pytest.mark.parametrize(("text", "environment", "flags", "message"), MISTAKES)
def test_a_mistake_says_where_it_is(
    tmp_path: Path, text: str, environment: dict[str, str], flags: dict[str, Any], message: str
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(str(file), environment, flags)
    assert str(caught.value) == message.format(file=file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    with pytest.raises(SettingsError, match=r"none\.yaml: cannot be read: .*No such file"):
        load(str(missing), {}, {})
    broken = tmp_path / "broken.yaml"
    broken.write_text("port: [1\nseed: 2\n")
    with pytest.raises(SettingsError, match=r"broken\.yaml: line 2, column 5: did not find"):
        load(str(broken), {}, {})


def test_a_slip_in_a_variable_is_told() -> None:
    with pytest.raises(SettingsError) as error:
        load(None, {"UNDERSTUDY_VALIDATON": "off", "PATH": "/bin"}, {})
    assert str(error.value) == (
        'the environment: unknown variable "UNDERSTUDY_VALIDATON" (did you mean "UNDERSTUDY_VALIDATION"?)'
    )


def test_faults_of_the_settings_are_read_as_the_control_api_reads_them() -> None:
    assert load(None, {}, {"faults": "[{fault: {error: 503}, times: 2}]"}).faults == (
        {"fault": {"error": 503}, "times": 2},
    )
    with pytest.raises(SettingsError) as error:
        load(None, {"UNDERSTUDY_FAULTS": "[{fault: {eror: 503}}]"}, {})
    assert str(error.value).startswith('UNDERSTUDY_FAULTS: [0].fault: unknown fault "eror"')
