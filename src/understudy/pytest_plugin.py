"""The pytest plugin: the fixture `llm`, the marker `llm`, and the conversation in a failing test's report.

    session: one server for each distinct setting      test: a space of its own, dropped afterwards

It costs nothing where it is not used: the server is imported when a test first asks for the fixture.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from understudy.embedded import Space, Understudy

MARKER = (
    "llm(rules='rules.yaml', strict=True, **settings): have the test answered by an LLM server with these"
    " settings; rule files are looked for beside the test, then in the root directory (understudy)"
)
MOST_NAME = 60
"""Characters of a test's name in its space's."""
MOST_REPORT = 20_000
"""Characters of a conversation in a report."""
HERE = "127.0.0.1,localhost"
"""What no proxy is asked for, whatever the environment says: no proxy would find the server."""
SPACE = pytest.StashKey["Space"]()


class Servers:
    """The servers of a session, started when they are first needed."""

    def __init__(self) -> None:
        self._running: dict[str, Understudy] = {}

    def get(self, settings: dict[str, Any]) -> Understudy:
        """The server with these settings."""
        key = repr(sorted(settings.items()))
        if key not in self._running:
            from understudy.embedded import Understudy
            from understudy.errors import SettingsError

            try:
                self._running[key] = Understudy(**settings).start()
            except SettingsError as mistake:
                raise pytest.fail.Exception(str(mistake), pytrace=False) from None
        return self._running[key]

    def stop(self) -> None:
        for server in self._running.values():
            server.stop()
        self._running.clear()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def _understudy_servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture
def llm(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _understudy_servers: Servers
) -> Iterator[Space]:
    """A mock LLM server: a space of its own for this test. The vendors' SDKs find it by themselves."""
    server = _understudy_servers.get(settings(request.node))
    space = server.space(space_name(request.node.nodeid))
    server.drop(space.name)
    for name, value in space.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy" if "no_proxy" in os.environ else "NO_PROXY", HERE, prepend=",")
    request.node.stash[SPACE] = space
    yield space
    del request.node.stash[SPACE]
    server.end_outage()
    server.drop(space.name)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test with the marker has the server also where it does not name the fixture."""
    names: list[str] = getattr(item, "fixturenames", [])
    if "llm" not in names and item.get_closest_marker("llm"):
        names.append("llm")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """A test fails where it left a rule without a reply.

    Under `strict`, it also fails where its agent swallowed a refusal, or left a rule unused.
    """
    yield
    space = item.stash.get(SPACE, None)
    if space is not None and space.unfinished:
        lines = ", ".join(space.unfinished.values())
        pytest.fail(f"llm.when(...) does nothing without .reply(...): {lines}", pytrace=False)
    if space is not None and settings(item).get("strict"):
        complaint = "\n".join(complaints(space))
        if complaint:
            pytest.fail(complaint, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failing test's report says what the server saw."""
    report = yield
    space = item.stash.get(SPACE, None)
    if report.failed and space is not None:
        report.sections.append((f"LLM requests, in space {space.name}", bounded(space.conversation())))
    return report


def settings(item: pytest.Item) -> dict[str, Any]:
    """What the test's markers say together; the nearest one wins."""
    given: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("llm"))):
        if marker.args:
            pytest.fail("the marker llm takes keywords alone, like llm(rules='rules.yaml')", pytrace=False)
        given.update(marker.kwargs)
    if "rules" in given:
        files = given["rules"]
        several = files if isinstance(files, list | tuple) else [files]
        given["rules"] = [str(found(Path(file), item)) for file in several]
    return given


def found(file: Path, item: pytest.Item) -> Path:
    """The rule file beside the test, or else in the root directory."""
    beside = item.path.parent / file
    return beside if beside.exists() else item.config.rootpath / file


def space_name(nodeid: str) -> str:
    """A name that is this test's alone, and the same in every run: `test_weather-1a2b3c4d`."""
    readable = re.sub(r"[^A-Za-z0-9._~-]+", "-", nodeid.rpartition("::")[2])[:MOST_NAME]
    return f"{readable}-{zlib.crc32(nodeid.encode()):08x}"


def complaints(space: Space) -> Iterator[str]:
    for view in space.unmatched:
        yield f"no rule matched request #{view.id}, {view.user!r}: {view.error}"
    for rule in space.unused:
        yield f"a rule was not used as often as it says: {rule}"


def bounded(text: str) -> str:
    return text if len(text) <= MOST_REPORT else f"... {text[-MOST_REPORT:]}"
