"""What `serve` prints."""

from __future__ import annotations

import re
from typing import Any

import click
import pytest

from understudy.journal import Exchange
from understudy.model import HttpRequest
from understudy.settings import Settings, load
from understudy.terminal import (
    LARGE_BODY,
    MOST_AT_ONCE,
    MOST_BODY,
    ExchangeLog,
    banner,
    bodies,
    house_rules,
    line,
    others,
    printable,
    without_secrets,
)


def exchange(number: int = 1, status: int = 200, model: str = "gpt-4o") -> Exchange:
    return Exchange(
        number,
        1_700_000_000.0,
        HttpRequest("POST", "/v1/chat/completions", (), b'{"model":"gpt-4o"}'),
        "openai-chat",
        model,
        "autopilot: greeting",
        status=status,
        input_tokens=9,
        output_tokens=12,
        seconds=0.0012,
        outcome="complete",
    )


def test_the_banner_has_the_line_to_paste() -> None:
    text = click.unstyle(banner("1.2.3", 8081, Settings(), ("mock-llm-v1", "mock-gpt-4"), 0))
    assert "Understudy 1.2.3" in text
    assert "http://localhost:8081   (on 127.0.0.1, ::1)" in text
    assert "mock-llm-v1, mock-gpt-4 and any other name" in text
    assert "export OPENAI_BASE_URL=http://localhost:8081/v1 OPENAI_API_KEY=any" in text


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        (("127.0.0.1", "::1"), "http://localhost:8081"),
        (("10.0.0.5", "0.0.0.0"), "http://localhost:8081"),
        (("127.0.0.2",), "http://127.0.0.2:8081"),
        (("fd00::2", "10.0.0.5"), "http://[fd00::2]:8081"),
    ],
)
def test_the_banner_has_a_url_that_the_server_listens_on(hosts: tuple[str, ...], url: str) -> None:
    text = click.unstyle(banner("1.2.3", 8081, Settings(host=hosts), ("mock-llm-v1",), 0))
    assert f"Server    {url}   (on" in text
    assert f"export OPENAI_BASE_URL={url}/v1 " in text


def test_a_line_tells_time_api_model_answerer_tokens_status_and_duration() -> None:
    words = re.split(r"\s{2,}", click.unstyle(line(exchange())).strip())
    assert re.fullmatch(r"\d\d:\d\d:\d\d", words[0])
    assert words[1:] == ["openai-chat", "gpt-4o", "autopilot: greeting", "9+12 tok", "200", "1.2 ms"]


def test_a_line_tells_of_a_client_that_left() -> None:
    left = exchange()
    left.outcome = "client left"
    left.stream = True
    assert click.unstyle(line(left)).endswith("200 stream  1.2 ms  client left")


def test_a_line_tells_why_a_request_was_refused() -> None:
    refused = exchange(status=400)
    refused.answered_by, refused.error = "refused", "Missing required parameter: 'messages'."
    assert click.unstyle(line(refused)).endswith("400  1.2 ms  Missing required parameter: 'messages'.")


def test_a_line_shows_a_path_that_no_api_has() -> None:
    lost = exchange(status=404)
    lost.api, lost.http = "", HttpRequest("GET", "/favicon.ico\x1b")
    assert "  GET /favicon.ico\ufffd  " in line(lost)


def test_a_line_shows_where_it_is_cut() -> None:
    refused = exchange(status=400)
    refused.answered_by, refused.error = "refused", "x" * 101
    assert line(refused).endswith(f"  {'x' * 99}…")


def test_less_than_a_millisecond_is_shown_as_such() -> None:
    quick = exchange()
    quick.seconds = 0.000042
    assert click.unstyle(line(quick)).endswith("200  0.04 ms")


def test_a_hostile_model_name_plays_no_tricks_on_the_terminal() -> None:
    assert "\x1b[2J" not in line(exchange(model="\x1b[2Jgpt"))
    assert printable("a\x1b\x07\u202eb\n") == "a\ufffd\ufffd\ufffdb\ufffd"


def test_bodies_are_shown_indented_and_bounded() -> None:
    shown = bodies(exchange(), b"data: x\n\n" + b"y" * (MOST_BODY + 10))
    assert '    >   "model": "gpt-4o"' in shown
    assert "    < data: x" in shown
    assert shown.endswith("    < ... 19 characters more")


def test_a_large_body_is_not_laid_out() -> None:
    shown = bodies(exchange(), b'{"a":"' + b"x" * LARGE_BODY + b'"}')
    assert '    < {"a":"xxx' in shown


def test_exchanges_are_printed_together(capsys: pytest.CaptureFixture[str]) -> None:
    log = ExchangeLog("info", lambda each: b"")
    log.add(exchange())
    log.add(exchange())
    assert capsys.readouterr().out == ""
    log.flush()
    assert len(capsys.readouterr().out.splitlines()) == 2
    log.flush()
    assert capsys.readouterr().out == ""


def test_of_a_flood_the_first_lines_and_a_count_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    log = ExchangeLog("info", lambda each: b"")
    for number in range(MOST_AT_ONCE + 7):
        log.add(exchange(number))
    log.flush()
    lines = click.unstyle(capsys.readouterr().out).splitlines()
    assert len(lines) == MOST_AT_ONCE + 1
    assert lines[-1].strip() == "... and 7 exchanges more"


@pytest.mark.parametrize(("level", "statuses"), [("debug", 3), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_says_what_is_printed(
    level: str, statuses: int, capsys: pytest.CaptureFixture[str]
) -> None:
    log = ExchangeLog(level, lambda each: b"{}")
    for status in (200, 429, 500):
        log.add(exchange(status=status))
    log.flush()
    printed = capsys.readouterr().out
    assert sum("openai-chat" in each for each in printed.splitlines()) == statuses
    assert ("<" in printed) == (level == "debug")


def test_the_banner_tells_what_else_holds() -> None:
    settings = load(None, {}, {"rate_limit": "1/s", "api_key": ("sk-1", "sk-2"), "validation": "warn"})
    told = dict(house_rules(settings, 0))
    assert told["Refuses"] == "nothing that it understands; warns of what the vendor would refuse"
    assert told["Keys"] == "2 that --api-key names"
    assert told["Limits"] == "1/s requests per client"
    text = click.unstyle(banner("1", 80, settings, ("a",), 0))
    assert "  Limits    1/s requests per client\n" in text


@pytest.mark.parametrize(
    ("flags", "count", "name", "says"),
    [
        ({}, 0, "Answers", "autopilot"),
        ({"rules": ("a.yaml",)}, 1, "Answers", "a.yaml (1 rule), then the autopilot"),
        ({"rules": ("a.yaml", "b.yaml")}, 3, "Answers", "a.yaml, b.yaml (3 rules), then the autopilot"),
        (
            {"rules": ("a.yaml",), "strict": True},
            2,
            "Answers",
            "a.yaml (2 rules), then nobody else (--strict)",
        ),
        ({"no_autopilot": True}, 0, "Answers", "a plain text (--no-autopilot)"),
        ({"pace": "40/s"}, 0, "Pace", "40 tokens/s"),
        ({"pace": "ttft=1.5s,tokens_per_second=20"}, 0, "Pace", "1.5 s, then 20 tokens/s"),
        ({"seed": 7}, 0, "Seed", "7"),
    ],
)
def test_the_banner_tells_what_answers_and_how(flags: Any, count: int, name: str, says: str) -> None:
    assert dict(house_rules(load(None, {}, flags), count))[name] == says


def test_the_banner_tells_what_becomes_of_other_models() -> None:
    assert others(["a"] * 6, Settings()) == "and any other name"
    assert others(["a"] * 6, Settings(unknown_models="refuse")) == "and 2 more and no other"
    assert others(["a"], Settings(unknown_models="refuse")) == "and no other"


def test_a_line_tells_what_befell_the_answer_and_what_the_vendor_would_have_said() -> None:
    faulted = exchange()
    faulted.faults, faulted.outcome, faulted.warning = ("stall", "cut"), "cut", "400 No."
    words = re.split(r"\s{2,}", click.unstyle(line(faulted)).strip())
    assert words[-3:] == ["fault: stall, cut", "cut", "warning: 400 No."]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"api_key": "a\\"b", "x": 1}', '{"api_key": "***", "x": 1}'),
        ('{"Authorization":"Basic abc"}', '{"Authorization":"***"}'),
        ("use sk-proj-abcdefgh_12-34 now", "use sk-*** now"),
        ("header: Bearer abcdefgh.ijk", "header: Bearer ***"),
        ("a task-list, sk-1", "a task-list, sk-1"),
    ],
)
def test_a_body_is_shown_without_its_secrets(body: str, shown: str) -> None:
    assert without_secrets(body) == shown


def test_bodies_are_shown_without_their_secrets() -> None:
    told = exchange()
    told.http = HttpRequest("POST", "/v1/x", (), b'{"password": "hush"}')
    assert "hush" not in bodies(told, b"sk-abcdefghijklmnop")
    assert "abcdefgh" not in bodies(told, b"sk-abcdefghijklmnop")
