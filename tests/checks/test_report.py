"""What a check prints and writes."""

from __future__ import annotations

from xml.etree import ElementTree

import click
import pytest

from understudy.checks.findings import Finding, Level, Result, fail, note, quoted, skip, status_of, warn
from understudy.checks.report import Lines, counts, document, junit

PASSED = Result("models", "Models listed", (note("mock-llm-v1"),), 0.25)
WARNED = Result("cors", "Browsers may call it (CORS)", (warn("no header", "a header", "Send it."),), 0.5)
SKIPPED = Result("limits", "Rate-limit headers", (skip("there are none"),), 0.0)
FAILED = Result(
    "stream",
    "Stream in the right format",
    (
        fail("no [DONE]", "`data: [DONE]`", "Send it last."),
        fail("no usage", "a usage chunk", "Send it last."),
        warn("odd times", "one time", "Few look."),
        note("5 frames"),
    ),
    1.5,
)
ALL = (PASSED, WARNED, SKIPPED, FAILED)


@pytest.mark.parametrize(
    ("levels", "status"),
    [
        ([], "pass"),
        (["note"], "pass"),
        (["note", "warn"], "warn"),
        (["skip", "warn"], "warn"),
        (["note", "skip"], "skip"),
        (["warn", "fail", "note"], "fail"),
    ],
)
def test_a_result_is_as_bad_as_its_worst_finding(levels: list[Level], status: str) -> None:
    assert status_of(levels) == status


def test_without_a_terminal_each_result_is_lines_of_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(terminal=False, width=100)
    for result in ALL:
        lines.started(result.name, result.title)
        lines.done(result)
    lines.summary(ALL)
    assert capsys.readouterr().out.splitlines() == [
        "PASS  models      Models listed                     mock-llm-v1",
        "WARN  cors        Browsers may call it (CORS)",
        "    found       no header",
        "    expected    a header",
        "    what to do  Send it.",
        "SKIP  limits      Rate-limit headers                there are none",
        "FAIL  stream      Stream in the right format",
        "    found       no [DONE]",
        "    expected    `data: [DONE]`",
        "    found       no usage",
        "    expected    a usage chunk",
        "    what to do  Send it last.",
        "    found       odd times",
        "    expected    one time",
        "    what to do  Few look.",
        "",
        "  1 passed, 1 failed, 1 warned, 1 skipped",
    ]


def test_on_a_terminal_a_result_takes_the_line_of_the_running_check(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = Lines(terminal=True, width=100)
    lines.started("models", "Models listed")
    lines.done(PASSED)
    shown = capsys.readouterr().out
    assert [click.unstyle(each).replace("\x1b[K", "") for each in shown.split("\r")] == [
        "",
        "  … models      Models listed                   ",
        "  ✓ models      Models listed                     mock-llm-v1\n",
    ]
    assert "\x1b[32m" in shown, "what passes is green"


def test_a_line_on_a_terminal_is_no_longer_than_it(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(terminal=True, width=70).done(Result("models", "Models listed", (note("m" * 200),)))
    shown = click.unstyle(capsys.readouterr().out).strip("\r\n").replace("\x1b[K", "")
    assert len(shown) == 70
    assert shown.endswith("m…")


def test_long_texts_are_wrapped_under_their_label(capsys: pytest.CaptureFixture[str]) -> None:
    finding = fail("word " * 20, "e", "a")
    Lines(terminal=False, width=60).done(Result("models", "Models listed", (finding,)))
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "    found       word word word word word word word word word",
        "                word word word word word word word word word",
        "                word word",
    ]


def test_a_server_cannot_play_tricks_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(terminal=False, width=100).done(
        Result("models", "Models listed", (fail("\x1b[2Jgone\x07", "e\x9b", "a"),))
    )
    shown = capsys.readouterr().out
    assert "\N{REPLACEMENT CHARACTER}[2Jgone\N{REPLACEMENT CHARACTER}" in shown
    assert not {"\x1b", "\x07", "\x9b"} & set(shown)


def test_the_document_has_everything() -> None:
    assert counts(ALL) == {"passed": 1, "failed": 1, "warned": 1, "skipped": 1}
    told = document("http://localhost:8080/v1", "mock-llm-v1", [PASSED, FAILED])
    assert {name: value for name, value in told.items() if name != "checks"} == {
        "version": 1,
        "base_url": "http://localhost:8080/v1",
        "model": "mock-llm-v1",
        "ok": False,
        "counts": {"passed": 1, "failed": 1, "warned": 0, "skipped": 0},
    }
    assert told["checks"][0] == {
        "name": "models",
        "title": "Models listed",
        "status": "pass",
        "detail": "mock-llm-v1",
        "seconds": 0.25,
        "findings": [{"level": "note", "found": "mock-llm-v1", "expected": "", "advice": ""}],
    }
    assert told["checks"][1]["detail"] == "no [DONE]"


def test_junit_has_a_test_case_for_each_check() -> None:
    root = ElementTree.fromstring(junit("http://localhost:8080/v1", ALL))
    assert root.tag == "testsuites"
    [suite] = root
    numbers = {"tests": "4", "failures": "1", "errors": "0", "skipped": "1", "time": "2.250"}
    assert suite.attrib == {"name": "http://localhost:8080/v1"} | numbers
    assert [case.attrib for case in suite] == [
        {"classname": "understudy.check", "name": name, "time": time}
        for name, time in (("models", "0.250"), ("cors", "0.500"), ("limits", "0.000"), ("stream", "1.500"))
    ]
    assert [[part.tag for part in case] for case in suite] == [
        ["system-out"],
        ["system-out"],
        ["skipped"],
        ["failure"],
    ]
    failure = suite[3][0]
    assert failure.attrib == {"message": "no [DONE]", "type": "fail"}
    assert failure.text == (
        "fail: found: no [DONE]\nexpected: `data: [DONE]`\nwhat to do: Send it last.\n\n"
        "fail: found: no usage\nexpected: a usage chunk\nwhat to do: Send it last.\n\n"
        "warn: found: odd times\nexpected: one time\nwhat to do: Few look.\n\n"
        "5 frames"
    )
    assert suite[2][0].attrib == {"message": "there are none"}


def test_junit_stays_xml_whatever_a_server_sent() -> None:
    wild = fail("\x00\x0b<b>]]>&\ufffe\ud800 ü", "e", "a")
    root = ElementTree.fromstring(junit("http://a/v1?<&>", [Result("models", "Models", (wild,))]))
    message = root[0][0][0].attrib["message"]
    mark = "\N{REPLACEMENT CHARACTER}"
    assert message == f"{mark}{mark}<b>]]>&{mark}{mark} ü"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        ("ü", '"ü"'),
        ({"a": [1]}, '{"a": [1]}'),
        ("x" * 300, '"' + "x" * 159 + "… (302 characters)"),
    ],
)
def test_what_is_quoted_is_json_and_short(value: object, shown: str) -> None:
    assert quoted(value) == shown


def test_a_finding_is_a_value() -> None:
    assert note("x") == Finding("note", "x", "", "")
