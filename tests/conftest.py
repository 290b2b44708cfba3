"""What several test files share: a live server of its own for each pytest process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread, Timer
from typing import IO
from urllib.request import urlopen

import pytest
from hypothesis import settings

# Where CI runs, a change should not fail for what chance finds elsewhere; at home, let chance search. There
# is no deadline for an example: the machine may be busy with something else.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("repeatable" if os.environ.get("CI") else "searching")

START_S = 20
STOP_S = 20


@contextmanager
def serve(*flags: str, python: str | Path = sys.executable) -> Iterator[str]:
    """Start `understudy serve` with `flags` on a free port; stop it as Ctrl-C does, expecting exit code 0."""
    process = subprocess.Popen(
        [python, "-u", "-m", "understudy", "serve", "--port", "0", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    with process:
        # Nobody else reads the line per exchange, and a full pipe would stop the server.
        drain = Thread(target=process.stdout.read)
        try:
            url = announced_url(process, process.stdout)
            drain.start()
            with urlopen(f"{url}/health", timeout=START_S) as answer:
                assert answer.status == 200
            yield url
            process.send_signal(signal.SIGINT)
            assert process.wait(STOP_S) == 0, "the server should exit with 0 on SIGINT"
        finally:
            process.kill()
            if drain.ident:
                drain.join()


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[str]]:
    """Starts a live server from the command line: `with serving("--seed", "7") as url:`."""
    return serve


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The URL, like `http://localhost:43210`, of a live server started from the command line."""
    with serve() as url:
        yield url


def announced_url(process: subprocess.Popen[str], output: IO[str]) -> str:
    """The first URL of the banner."""
    watchdog = Timer(START_S, process.kill)
    watchdog.start()
    seen = ""
    for line in output:
        seen += line
        if found := re.search(r"http://localhost:\d+", line):
            watchdog.cancel()
            return found[0]
    watchdog.cancel()
    raise AssertionError(f"the server ended, or said no URL within {START_S} s; it said: {seen or 'nothing'}")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The files of a certificate for `localhost` and of its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"),
            *("-nodes", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key
