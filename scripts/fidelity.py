"""Writes docs/fidelity.md: how much of the vendors' own test suites this server passes.

.venv/bin/python scripts/fidelity.py

The suites come with the source packages of the vendors' SDKs, in the versions of constraints.txt. What they
need is installed once, below .cache/fidelity; from then on, nothing is downloaded.

    sdist -> pytest, against this server as its users start it   -> outcomes -.
                    against this server, asked to be lenient      -> outcomes -+-> docs/fidelity.md
                    against a floor: `{}`, whatever is asked      -> outcomes -'
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import fill
from threading import Thread
from typing import Any, NamedTuple
from xml.etree import ElementTree
from zlib import crc32

from understudy import Understudy

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".cache" / "fidelity"
PAGE = ROOT / "docs" / "fidelity.md"
FLOOR = "floor"
LENIENT: Mapping[str, Any] = {"validation": "off", "unknown_ids": "answer"}
NEEDED = (
    "aiohttp==3.14.5",
    "dirty-equals==0.11",
    "http-snapshot[httpx]==0.1.9",
    "inline-snapshot==0.36.1",
    "pytest==9.2.0",
    "pytest-asyncio==1.5.0",
    "respx==0.22.0",
    "rich==15.0.0",
    "standardwebhooks==1.1.0",
    "time-machine==3.6.0",
)
"""What the suites import beside their SDKs."""


class Suite(NamedTuple):
    """A package whose sdist has a suite; `base` ends its base URL, `options` take the place of its own.

    `whole` are the groups in which no test may fail without a reason; `nested` those that are told apart
    by two words rather than one.
    """

    package: str
    base: str
    options: str
    whole: tuple[str, ...]
    nested: tuple[str, ...] = ("beta",)

    @property
    def title(self) -> str:
        return f"{self.package} {pinned(self.package)}"


class Expected(NamedTuple):
    """Why tests fail that will go on failing. `pattern` is searched in `group::file.Class::test[client]`."""

    package: str
    pattern: str
    tests: str
    why: str


SUITES = (
    Suite("openai", "/v1", "", ("chat", "completions", "responses", "embeddings", "models", "conversations")),
    Suite(
        "anthropic",
        "",
        "-p tests._alias_httpx",
        ("messages", "messages.batches", "models", "files"),
        ("beta", "messages"),
    ),
)

EXPECTED = (
    Expected(
        "openai",
        r"^embeddings::.*(method|response)_create\[(strict|aiohttp)\]",
        "embeddings without an `encoding_format`, strict",
        "The SDK asks for base64 of its own accord, and strictly checks the string that it gets against "
        "`embedding: List[float]` before it decodes it: what the real API answers fails, too. Only a server "
        "that sends numbers where base64 is asked for would pass.",
    ),
    Expected(
        "openai",
        r"^(beta\.)?responses::.*_compact_with_all_params",
        "`/v1/responses/compact` with an input",
        "What the user said is given back as it was said, as the reference shows it and the SDK describes "
        "it; the SDK's type of the list, `ResponseOutputItem`, has no message of a user's.",
    ),
    Expected(
        "anthropic",
        r"^beta\.messages::beta\.test_messages\..*_create_with_all_params",
        "a message with a `thread`",
        "There are no threads here; the request is refused with the error that the SDK has for it, "
        "`thread_unsupported_request`.",
    ),
)

BY_HAND = (
    "**Intelligence.** Answers are canned, or yours.",
    "**Live sessions**: OpenAI's Realtime API, Gemini's Live API. Responses over a WebSocket are there.",
    "**Media that are made**: images, speech, transcriptions, videos.",
    "**What an account has**: organisations, projects, users, keys, invoices, audit logs, usage reports.",
    "**Training and evaluation**: fine-tuning jobs, graders, evals.",
    "**Tools that the vendor runs**: web search, file search, code, shells, computers, MCP. A rule tells "
    "their calls and results; nothing is searched or run.",
    "**Judgement**: nothing is refused for what it says, unless a rule says so.",
    "**Tiers, regions, residency, zero retention**: echoed where the API echoes them; they change nothing.",
    "**Gemini's** files, caches, batches, tuned models and interactions.",
)
"""What is not imitated, beside whole groups of the suites."""

# --- the suites ----------------------------------------------------------------------------------------


def pinned(package: str) -> str:
    """The version of a package that everything is tested with."""
    found = re.search(rf"^{package}==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
    if found is None:
        raise SystemExit(f"constraints.txt pins no {package}")
    return found[1]


def prepared() -> Path:
    """The Python of an environment in which the suites run."""
    wanted = [f"{suite.package}=={pinned(suite.package)}" for suite in SUITES] + list(NEEDED)
    home = HOME / "venv"
    ready = home / f".ready-{crc32(' '.join(wanted).encode()):08x}"
    python = home / "bin" / "python"
    if not ready.exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
        ready.touch()
    return python


def unpacked(suite: Suite, python: Path) -> Path:
    """The folder of the suite's source package."""
    name = f"{suite.package}-{pinned(suite.package)}"
    folder = HOME / name
    if not (folder / "tests").exists():
        fetch: list[str | Path] = [
            python,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            ":all:",
            "--dest",
            HOME,
        ]
        subprocess.run([*fetch, name.replace("-", "==")], check=True)
        shutil.unpack_archive(HOME / f"{name}.tar.gz", HOME)
    return folder


def outcomes(suite: Suite, python: Path, folder: Path, url: str, name: str) -> dict[str, bool]:
    """Which tests the server at this URL passes, as one process of pytest reports it.

    What the floor passes is always the same, and asked once for each version.
    """
    report = HOME / f"{suite.package}-{pinned(suite.package)}-{name}.xml"
    if name == FLOOR and report.exists():
        return read(suite, report)
    report.unlink(missing_ok=True)
    asked = ["-m", "pytest", "tests/api_resources", "-o", f"addopts={suite.options}", f"--junitxml={report}"]
    quiet = ["-q", "--tb=no", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    ran = subprocess.run(
        [python, *asked, *quiet],
        cwd=folder,
        env={**os.environ, "TEST_API_BASE_URL": url + suite.base},
        capture_output=True,
        text=True,
    )
    if not report.exists():
        raise SystemExit(f"{suite.title} did not run:\n{ran.stdout}{ran.stderr}")
    return read(suite, report)


def read(suite: Suite, report: Path) -> dict[str, bool]:
    """Which tests passed, by a report in JUnit's form; those that were skipped are left out."""
    cases = ElementTree.parse(report).iter("testcase")
    return {
        named(suite, case): not any(case.find(word) is not None for word in ("failure", "error"))
        for case in cases
        if case.find("skipped") is None
    }


def named(suite: Suite, case: ElementTree.Element) -> str:
    """A test's name, `group::file.Class::test[client]`; its group is told by the folders and the file."""
    words = case.attrib["classname"].split(".")
    words = words[words.index("api_resources") + 1 :]
    files = [word.removeprefix("test_") for word in words if not word.startswith("Test")]
    group = ".".join(files[: 2 if files[0] in suite.nested else 1])
    return f"{group}::{'.'.join(words)}::{case.attrib['name']}"


class Floor(BaseHTTPRequestHandler):
    """Answers `{}`, whatever is asked: what passes with it, proves nothing."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is none."""


@contextmanager
def floor() -> Iterator[str]:
    """A floor server's URL."""
    with Quiet(("127.0.0.1", 0), Floor) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


# --- what came of it --------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A group of tests: how many there are, and how many pass against each server.

    `above` counts those that pass here and not with the floor; `failing` names those that fail here.
    """

    group: str
    passed: int
    all: int
    floor: int
    above: int
    strict: int
    failing: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return self.passed == self.all


class Ran(NamedTuple):
    """The outcomes of a suite, against each server."""

    suite: Suite
    strict: dict[str, bool]
    lenient: dict[str, bool]
    floor: dict[str, bool]

    def rows(self) -> list[Row]:
        """One for each group: those that are to be whole first, then by name."""
        groups = {name.partition("::")[0] for name in self.lenient}
        first = self.suite.whole
        order = sorted(groups, key=lambda group: (group not in first, group))
        return [self.row(group) for group in [*first, *order[len(first) :]]]

    def row(self, group: str) -> Row:
        names = [name for name in self.lenient if name.partition("::")[0] == group]
        passing = {name for name in names if self.lenient[name]}
        lowest = {name for name in names if self.floor.get(name)}
        strict = sum(self.strict.get(name, False) for name in names)
        failing = tuple(name for name in names if name not in passing)
        above = len(passing - lowest)
        return Row(group, len(passing), len(names), len(lowest), above, strict, failing)


def ran() -> list[Ran]:
    """Run each suite against each server, two at a time."""
    python = prepared()
    folders = {suite: unpacked(suite, python) for suite in SUITES}
    with ExitStack() as stack:
        strict = stack.enter_context(Understudy()).url
        lenient = stack.enter_context(Understudy(**LENIENT)).url
        urls = {"strict": strict, "lenient": lenient, FLOOR: stack.enter_context(floor())}
        pool = stack.enter_context(ThreadPoolExecutor(2))
        jobs: dict[tuple[Suite, str], Future[dict[str, bool]]] = {
            (suite, name): pool.submit(outcomes, suite, python, folders[suite], url, name)
            for suite in SUITES
            for name, url in urls.items()
        }
        return [Ran(suite, *(jobs[suite, name].result() for name in urls)) for suite in SUITES]


def reason(suite: Suite, name: str) -> Expected | None:
    """Why a test is expected to fail."""
    for each in EXPECTED:
        if each.package == suite.package and re.search(each.pattern, name):
            return each
    return None


# --- the page ---------------------------------------------------------------------------------------------

OPENING = """
How much of the vendors' own test suites passes. `make fidelity` runs them and writes this page. They come
with the source packages of the vendors' SDKs for Python, are made from the descriptions of the APIs, and
call each method of the SDK in eight or so ways, sync and async, loosely and strictly; what comes back is
held against the SDK's types, field by field. They prove shapes, not behaviour: that is what the tests of
this project are for.

- **passed** of **all**: with {flags}. The suites are written for a server that makes up whatever is asked
for: they name things that nobody made, and send what the real APIs refuse, like a `best_of` of 0.
- **floor**: what a server passes that answers `{{}}` to everything. It proves nothing.
- **above the floor**: what passes here and not there.
- **by default**: what passes without any flag, where requests are refused as the real APIs refuse them.

Tests that the suites skip themselves are left out.
"""
GOOGLE = (
    "There are tests in its package, but they replay recordings that are not published. What proves Gemini's "
    "APIs is in [tests/sdk](../tests/sdk) and [tests/wire](../tests/wire)."
)
WIDTH = 120


def wrapped(text: str) -> str:
    """Paragraphs and lists in lines of the width of all pages."""
    return "\n\n".join("\n".join(map(_filled, re.split(r"\n(?=- )", each))) for each in text.split("\n\n"))


def _filled(text: str) -> str:
    text = " ".join(text.split())
    return fill(text, WIDTH, subsequent_indent="  " * text.startswith("- "), break_on_hyphens=False)


def page(results: list[Ran]) -> str:
    flags = " and ".join(f"`--{name.replace('_', '-')} {value}`" for name, value in LENIENT.items())
    opening = wrapped(OPENING.format(flags=flags))
    google = f"## google-genai {pinned('google-genai')}\n\n{wrapped(GOOGLE)}"
    pieces = ["# Fidelity", opening, *map(table, results), google, unimitated(results)]
    return "\n\n".join(pieces) + "\n"


def table(ran: Ran) -> str:
    """The figures of a suite, and what fails in groups that are imitated."""
    rows = ran.rows()
    lines = [
        f"| {row.group} | {row.passed} | {row.all} | {row.floor} | {row.above} | {row.strict} |"
        for row in rows
    ]
    total = [sum(column) for column in zip(*[row[1:6] for row in rows], strict=True)]
    lines.append(f"| **together** | {' | '.join(f'**{number}**' for number in total)} |")
    head = "| group | passed | all | floor | above the floor | by default |\n|---|---|---|---|---|---|"
    return "\n".join([f"## {ran.suite.title}", "", head, *lines]) + failures(ran, rows)


def failures(ran: Ran, rows: list[Row]) -> str:
    """What fails in groups that are imitated: what is expected to, and how much else."""
    expected: Counter[Expected] = Counter()
    others: Counter[str] = Counter()
    for row in rows:
        if row.above or row.group in ran.suite.whole:
            for name in row.failing:
                why = reason(ran.suite, name)
                if why is None:
                    others[row.group] += 1
                else:
                    expected[why] += 1
    told = ""
    if expected:
        lines = [f"| {each.tests} | {count} | {each.why} |" for each, count in expected.items()]
        told += "\n".join(["\n", "| expected to fail | tests | why |", "|---|---|---|", *lines])
    if others:
        listed = ", ".join(f"{group} ({count})" for group, count in others.items())
        told += "\n\n" + wrapped(f"Imitated in part; so many tests still fail: {listed}.")
    return told


def unimitated(results: list[Ran]) -> str:
    lines = []
    for each in results:
        groups = ", ".join(row.group for row in each.rows() if not row.above and not row.whole)
        lines.append(f"**Of `{each.suite.package}`**, nothing above the floor: {groups}.")
    told = "\n".join(wrapped(f"- {line}") for line in (*lines, *BY_HAND))
    return f"## What is not imitated\n\n{told}"


def unexplained(results: list[Ran]) -> list[str]:
    """Tests that fail without a reason, of groups in which none may."""
    return [
        f"{each.suite.package} {name}"
        for each in results
        for row in each.rows()
        if row.group in each.suite.whole
        for name in row.failing
        if reason(each.suite, name) is None
    ]


def main() -> int:
    results = ran()
    PAGE.write_text(page(results))
    print(PAGE.relative_to(ROOT))
    if wrong := unexplained(results):
        print("failing without a reason:", *wrong, sep="\n  ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
