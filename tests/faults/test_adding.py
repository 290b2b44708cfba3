"""docs/adding-a-fault.md, from the top: each of its files is a fault that a server takes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from answers import PACED, PLACE, STREAM, WHOLE, struck

from sockets import opened
from understudy import faults
from understudy.app import App
from understudy.errors import SettingsError
from understudy.faults import Fault, fault_schema, read_fault
from understudy.server import new_loop
from understudy.settings import Settings

PAGE = (Path(__file__).parent.parent.parent / "docs" / "adding-a-fault.md").read_text()
FILES = re.findall(r"^```python\n# src/understudy/faults/(\w+)\.py\n(.*?)^```$", PAGE, re.M | re.S)
TESTS = re.findall(r"^```\n(from answers import .*?)^```$", PAGE, re.M | re.S)
NOTHING, COMMENT, MUTE = FILES
Write = Callable[[tuple[str, str]], None]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file of the page, and adds its class to FAULTS."""

    def write(file: tuple[str, str]) -> None:
        name, code = file
        module = ModuleType(f"understudy.faults.{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(code, module.__dict__)
        added = getattr(module, name.capitalize())
        assert issubclass(added, Fault)
        monkeypatch.setattr(faults, "FAULTS", (*faults.FAULTS, added))

    return write


@pytest.mark.parametrize("answer", [WHOLE, STREAM, PACED], ids=["whole", "stream", "paced"])
def test_the_first_does_nothing_and_has_no_fields(written: Write, answer: Any) -> None:
    written(NOTHING)
    assert struck("comment", answer) == answer
    with pytest.raises(SettingsError, match="this has no fields"):
        read_fault({"comment": {"after": 1}}, PLACE)


def test_the_tests_of_the_second_pass(written: Write) -> None:
    written(COMMENT)
    (code,) = TESTS
    names: dict[str, Any] = {}
    exec(code, names)
    tests = [test for name, test in names.items() if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        test()


def test_its_mistakes_are_told_and_editors_know_it(written: Write) -> None:
    written(COMMENT)
    with pytest.raises(SettingsError, match=r'unknown key "aftr" \(did you mean "after"\?\)'):
        read_fault({"comment": {"aftr": 1}}, PLACE)
    shown = fault_schema()["anyOf"][1]["properties"]["comment"]
    assert shown["description"] == (
        "A comment comes behind the event of a stream that the point `after` falls into."
    )
    assert list(shown["properties"]) == ["after", "text"]


@pytest.mark.parametrize(
    ("file", "fault", "stream", "seen"),
    [
        (COMMENT, {"comment": {"text": "hold on"}}, True, b"\n\n: hold on\n\ndata: "),
        (MUTE, "mute", False, b'"message":{"role":"assistant","content":null'),
        (MUTE, "mute", True, b'"delta":{"role":"assistant","content":"","refusal":null}'),
    ],
)
def test_a_server_takes_it(written: Write, file: Any, fault: object, stream: bool, seen: bytes) -> None:
    written(file)
    with opened(App(Settings()).server, None, new_loop) as server:
        assert b" 200 OK" in server.ask(asked("PUT", "/_understudy/faults", [{"fault": fault}]))
        body = {"model": "gpt-4o", "stream": stream, "messages": [{"role": "user", "content": "Hello"}]}
        assert seen in server.ask(asked("POST", "/v1/chat/completions", body))


def asked(method: str, path: str, body: object) -> bytes:
    data = json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    return f"{head}content-length: {len(data)}\r\n\r\n".encode() + data
