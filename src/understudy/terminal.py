"""What `serve` prints: the banner, and a line per exchange.

Lines are gathered and printed together a few times a second, at most so many at once, so that the
terminal never slows the server down.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

import click

from understudy.control import readable
from understudy.journal import Exchange

EVERY_S = 0.1
MOST_AT_ONCE = 50
MOST_BODY = 4_000
LARGE_BODY = 64 * 1024
"""Bytes of a body from which on it is shown as it is: laying out megabytes would hold the server up."""
LOCAL = frozenset(("localhost", "127.0.0.1", "::1", "0.0.0.0", "::"))
ORDER = ("debug", "info", "warning", "error")


def banner(version: str, port: int, scheme: str, hosts: Sequence[str], models: Sequence[str]) -> str:
    """The few lines at the start: what runs, where, and what to paste."""
    url = f"{scheme}://{called(hosts)}:{port}"
    bold = click.style
    return "\n".join(
        (
            "",
            f"  {bold('Understudy', bold=True, fg='magenta')} {version}  a mock LLM server",
            "",
            f"  Server    {bold(url, fg='cyan', underline=True)}   (on {', '.join(hosts)})",
            f"  Models    {', '.join(models[:4])} and any other name",
            "  Answers   autopilot",
            "",
            f"  {bold(f'export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=any', fg='green')}",
            "",
            "  Ctrl-C stops it.",
            "",
        )
    )


def called(hosts: Sequence[str]) -> str:
    """The name to reach a server by that listens on `hosts`."""
    if any(host in LOCAL for host in hosts):
        return "localhost"
    return f"[{hosts[0]}]" if ":" in hosts[0] else hosts[0]


def line(exchange: Exchange) -> str:
    """An exchange in one line: time, api, model, what answered, tokens, status, duration."""
    colour = "green" if exchange.status < 400 else "yellow" if exchange.status < 500 else "red"
    shown = time.strftime("%H:%M:%S", time.localtime(exchange.at))
    tokens = f"{exchange.input_tokens}+{exchange.output_tokens} tok" if exchange.input_tokens else "-"
    outcome = "" if exchange.outcome == "complete" else exchange.outcome
    notes = [printable(shortened(note, 100)) for note in (outcome, exchange.error) if note]
    asked = exchange.api or shortened(f"{exchange.http.method} {exchange.http.path}", 40)
    took = exchange.seconds * 1000
    return "  ".join(
        (
            click.style(shown, dim=True),
            f"{printable(asked):<18}",
            f"{printable(shortened(exchange.model, 40)) or '-':<22}",
            f"{printable(shortened(exchange.answered_by, 40)) or '-':<28}",
            f"{tokens:>14}",
            click.style(f"{exchange.status}{' stream' if exchange.stream else ''}", fg=colour),
            click.style(f"{took:.1f} ms" if took >= 1 else f"{took:.2f} ms", dim=True),
            *notes,
        )
    )


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def bodies(exchange: Exchange, sent: bytes) -> str:
    """The request and the answer below an exchange's line."""
    return f"{_body('>', exchange.http.body)}\n{_body('<', sent)}"


def _body(mark: str, data: bytes) -> str:
    shown = readable(data) if len(data) < LARGE_BODY else data.decode(errors="replace")
    text = shown if isinstance(shown, str) else json.dumps(shown, indent=2, ensure_ascii=False)
    if len(text) > MOST_BODY:
        text = f"{text[:MOST_BODY]}\n... {len(text) - MOST_BODY} characters more"
    return "\n".join(f"    {mark} {printable(each)}" for each in text.splitlines())


def printable(text: str) -> str:
    """Text without control characters, which could play tricks on a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class ExchangeLog:
    """Gathers exchanges and prints them together when `flush` is called.

    `level` is the least level to print: exchanges are `info`, refused ones `warning`, our bugs `error`.
    """

    def __init__(self, level: str, sent: Callable[[Exchange], bytes]) -> None:
        self._level = ORDER.index(level)
        self._sent = sent
        self._waiting: list[Exchange] = []
        self._unshown = 0

    def add(self, exchange: Exchange) -> None:
        level = 1 if exchange.status < 400 else 2 if exchange.status < 500 else 3
        if level < self._level:
            return
        if len(self._waiting) < MOST_AT_ONCE:
            self._waiting.append(exchange)
        else:
            self._unshown += 1

    def flush(self) -> None:
        """Print what has gathered; of a flood, the first lines and a count."""
        if not self._waiting:
            return
        lines = []
        waiting, self._waiting = self._waiting, []
        for exchange in waiting:
            lines.append(line(exchange))
            if self._level == 0:
                lines.append(bodies(exchange, self._sent(exchange)))
        if self._unshown:
            lines.append(click.style(f"          ... and {self._unshown} exchanges more", dim=True))
            self._unshown = 0
        click.echo("\n".join(lines))
