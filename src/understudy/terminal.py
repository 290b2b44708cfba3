"""What `serve` prints: the banner, and a line per exchange.

Lines are gathered and printed together a few times a second, at most so many at once, so that the
terminal never slows the server down.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from understudy.journal import Exchange
from understudy.limits import written
from understudy.model import INSTANT, HttpRequest, Pace
from understudy.remote import Remote, followed, query
from understudy.settings import Settings

EVERY_S = 0.1
MOST_AT_ONCE = 50
MOST_BODY = 4_000
LARGE_BODY = 64 * 1024
"""Bytes of a body from which on it is shown as it is: laying out megabytes would hold the server up."""
LOCAL = frozenset(("localhost", "127.0.0.1", "::1", "0.0.0.0", "::"))
NOTHING_YET = "the journal is empty: nobody has asked anything yet"
ORDER = ("debug", "info", "warning", "error")


def banner(version: str, port: int, settings: Settings, models: Sequence[str], count: int) -> str:
    """The few lines at the start: what runs, where, what holds, and what to paste; `count` rules are read."""
    scheme, hosts = "https" if settings.tls_cert else "http", settings.host
    url = f"{scheme}://{called(hosts)}:{port}"
    bold = click.style
    return "\n".join(
        (
            "",
            f"  {bold('Understudy', bold=True, fg='magenta')} {version}  a mock LLM server",
            "",
            f"  Server    {bold(url, fg='cyan', underline=True)}   (on {', '.join(hosts)})",
            f"  Models    {', '.join(models[:4])} {others(models, settings)}",
            *(f"  {name:<9} {printable(says)}" for name, says in house_rules(settings, count)),
            "",
            f"  {bold(f'export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=any', fg='green')}",
            "",
            "  Ctrl-C stops it.",
            "",
        )
    )


def others(models: Sequence[str], settings: Settings) -> str:
    """What becomes of other models than the first few."""
    more = f"and {len(models) - 4} more" if len(models) > 4 else ""
    if settings.unknown_models == "refuse":
        return f"{more} and no other".strip()
    return "and any other name"


def house_rules(settings: Settings, count: int) -> list[tuple[str, str]]:
    """What holds, as lines of the banner: a name, and what it says."""
    refuses = {
        "strict": "what the vendor would refuse; --validation warn lets it pass",
        "warn": "nothing that it understands; warns of what the vendor would refuse",
        "off": "nothing that it understands",
    }
    limits = tuple([limit for limit in (*settings.limits, settings.rate_limit) if limit])
    told = {
        "Answers": answers(settings, count),
        "Refuses": refuses[settings.validation],
        "Fails": "as you like: mock-error-503, mock-cut, mock-hang ... as the model",
        "Keys": f"{len(settings.api_key)} that --api-key names" if settings.api_key else "",
        "Limits": ", ".join(_limit(each) for each in written(limits)),
        "Pace": "" if settings.pace is INSTANT else paced(settings.pace),
        "Seed": "" if settings.seed is None else str(settings.seed),
    }
    return [(name, says) for name, says in told.items() if says]


def answers(settings: Settings, count: int) -> str:
    """What answers: `rules.yaml (3 rules), then the autopilot`."""
    after = "autopilot"
    if settings.strict:
        after = "nobody else (--strict)"
    elif settings.no_autopilot:
        after = "a plain text (--no-autopilot)"
    if not settings.rules:
        return after
    rules = f"{count} rule{'' if count == 1 else 's'}"
    return f"{', '.join(settings.rules)} ({rules}), then {'the autopilot' if after == 'autopilot' else after}"


def paced(pace: Pace) -> str:
    """`2 s, then 40 tokens/s`."""
    first = f"{pace.delay + pace.ttft:g} s" if pace.delay or pace.ttft else ""
    rate = f"{pace.tokens_per_second:g} tokens/s" if pace.tokens_per_second else ""
    return ", then ".join(each for each in (first, rate) if each)


def _limit(told: Mapping[str, Any]) -> str:
    """`requests 1/s per client`."""
    return " ".join(f"{told[of]} {of}" for of in ("requests", "tokens") if of in told) + f" per {told['per']}"


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
    said = (
        f"fault: {', '.join(exchange.faults)}" if exchange.faults else "",
        "" if exchange.outcome == "complete" else exchange.outcome,
        exchange.error,
        f"warning: {exchange.warning}" if exchange.warning else "",
    )
    notes = [printable(shortened(note, 100)) for note in said if note]
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
    """A body, secrets masked, as far as it can be shown."""
    from understudy.control import readable  # `understudy requests` prints lines, and should start at once

    shown = readable(data) if len(data) < LARGE_BODY else data.decode(errors="replace")
    text = shown if isinstance(shown, str) else json.dumps(shown, indent=2, ensure_ascii=False)
    text = without_secrets(text)
    if len(text) > MOST_BODY:
        text = f"{text[:MOST_BODY]}\n... {len(text) - MOST_BODY} characters more"
    return "\n".join(f"    {mark} {printable(each)}" for each in text.splitlines())


def printable(text: str) -> str:
    """Text without control characters, which could play tricks on a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


_SECRETS = re.compile(
    r"""(?P<field>"(?:api[-_]?key|authorization|password|secret|access[-_]?token|token)"\s*:\s*")(?:[^"\\]|\\.)+"""
    r"""|\b(?P<start>sk-|sess-|gh[pousr]_|xox[abp]-|AKIA|AIza|Bearer[ ])[\w.+/=-]{8,}""",
    re.I,
)
"""A JSON field that holds a secret, and what looks like a key wherever it is."""


def without_secrets(text: str) -> str:
    """Text in which keys and the values of secret fields are masked."""
    return _SECRETS.sub(lambda found: f"{found['field'] or found['start']}***", text)


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


class Printed:
    """Prints the exchanges of a server elsewhere, as lines or as JSON; `note` is told what else happens."""

    def __init__(self, as_json: bool, echo: Callable[[str], object], note: Callable[[str], object]) -> None:
        self._as_json = as_json
        self._echo = echo
        self._note = note

    def last(self, remote: Remote, limit: int, filters: Mapping[str, str | None]) -> None:
        """The last so many. Raises SettingsError."""
        found = remote.call("GET", f"requests?{query(limit=limit, **filters)}")["requests"]
        for told in found:
            self._print(told)
        if not found:
            self._note("there is no such exchange in the journal" if any(filters.values()) else NOTHING_YET)

    def follow(
        self,
        remote: Remote,
        limit: int,
        filters: Mapping[str, str | None],
        wait: Callable[[float], object],
    ) -> None:
        """The last so many that have ended, and each that ends, without an end. Raises SettingsError."""
        path = f"requests/stream?{query(limit=limit, **filters)}"
        gone = False

        def missing(why: str) -> None:
            nonlocal gone
            gone = True
            self._note(f"the server is gone ({why}); waiting for it")

        for event in followed(remote, path, missing, wait):
            if gone:
                gone = False
                self._note("it is back")
            if event.kind == "missed":
                self._note(f"{json.loads(event.data)['missed']} exchanges were missed: they came too fast")
            elif event.data:
                self._print(json.loads(event.data))

    def _print(self, told: Mapping[str, Any]) -> None:
        self._echo(json.dumps(told, ensure_ascii=False) if self._as_json else line(summarised(told)))


def summarised(told: Mapping[str, Any]) -> Exchange:
    """The exchange that a line of the journal's list tells of."""
    return Exchange(
        number=told["id"],
        at=told["at"],
        http=HttpRequest(told["method"], told["path"]),
        api=told["api"],
        model=told["model"],
        answered_by=told["answered_by"],
        stream=told["stream"],
        status=told["status"],
        input_tokens=told["input_tokens"],
        output_tokens=told["output_tokens"],
        sent=told["bytes_sent"],
        seconds=told["seconds"],
        outcome=told["outcome"],
        error=told.get("error", ""),
        warning=told.get("warning", ""),
        faults=tuple(told.get("faults", ())),
    )
