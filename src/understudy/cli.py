"""The command line: `understudy serve`, a thin face over `settings` and `app`, and `understudy check`."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Any

import click

from understudy import __version__
from understudy.errors import SettingsError

RULES = "understudy.yaml"
"""The rule file that is read where there is one and none is named."""
PORT_TAKEN = (
    "port {port} is taken by another program; use another one: understudy serve --port {other} "
    "(who has it: ss -ltnp 'sport = :{port}')"
)

OUTAGES = {
    "refuse": "the port is closed",
    "hang": "connections are accepted, and nobody gets a byte",
    "reset": "connections are accepted, and whoever asks is reset",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="understudy")
def main() -> None:
    """A mock LLM server: answers like the real APIs, without a key, a bill or a network."""


@main.command()
@click.argument("rules", nargs=-1, type=click.Path())
@click.option("--host", multiple=True, help="Address to listen on; may be repeated.  [127.0.0.1 and ::1]")
@click.option("--port", type=int, help="Port to listen on; 0 picks a free one.  [8080]")
@click.option("--settings", "file", type=click.Path(), help="A YAML file with any of these settings.")
@click.option("--seed", type=int, help="Makes ids the same at every start, and varies the autopilot's words.")
@click.option("--pace", help="How fast answers come: typical, 40/s, or ttft=300ms,jitter=10%.  [instant]")
@click.option(
    "--tokens", help="Count tokens with OpenAI's vocabularies, or estimate: exact | estimate.  [exact]"
)
@click.option("--strict", is_flag=True, default=None, help="A request that no rule matches is an error.")
@click.option("--no-autopilot", is_flag=True, default=None, help="No rule matches: answer with a plain text.")
@click.option(
    "--validation",
    help="What the vendor would refuse: strict refuses it, warn only says so, off is silent.  [strict]",
)
@click.option("--unknown-models", help="Models that are not listed: answer | refuse.  [answer]")
@click.option("--unknown-ids", help="Ids that nothing is kept under: answer | refuse.  [refuse]")
@click.option("--api-key", multiple=True, help="Let in this key alone; may be repeated.  [any key, or none]")
@click.option("--rate-limit", help="So many requests for each client, then 429: 1/s, 60/min.  [no limit]")
@click.option("--faults", help="Faults in force: '[{fault: {error: 503}, probability: 0.1}]'.  [none]")
@click.option("--limits", help="The vendor's limits: requests=60/min,tokens=30000/min,per=key.  [no limit]")
@click.option("--control-token", help="Whoever sends it as a bearer token may use the control API from afar.")
@click.option("--journal", help="Where exchanges are kept: memory, or sqlite:///FILE.  [memory]")
@click.option("--log-level", help="debug (with bodies) | info | warning | error.  [info]")
@click.option("--tls-cert", help="A PEM certificate: serve HTTPS.")
@click.option("--tls-key", help="The certificate's key.")
@click.option("--drain", type=float, help="Seconds for running answers to finish after Ctrl-C.  [10]")
def serve(file: str | None, **flags: Any) -> None:
    """Run the server until Ctrl-C."""
    from understudy import settings

    if not flags["rules"] and not os.environ.get("UNDERSTUDY_RULES") and os.path.exists(RULES):
        flags["rules"] = (RULES,)
    chosen = None
    try:
        chosen = settings.load(file, os.environ, flags)
        _serve(chosen)
    except SettingsError as mistake:
        of_rules = chosen is not None and mistake.source in chosen.rules and mistake.path
        more = f" (all that is wrong: understudy rules check {mistake.source})" if of_rules else ""
        click.echo(f"understudy: {mistake}{more}", err=True)
        sys.exit(2)


def _serve(settings: Any) -> None:
    from understudy import server, terminal
    from understudy.app import App

    form = "%(asctime)s  %(levelname)s  %(message)s"
    logging.basicConfig(level=settings.log_level.upper(), format=form, datefmt="%H:%M:%S")
    tls = _tls(settings.tls_cert, settings.tls_key)
    app = App(settings)
    log = terminal.ExchangeLog(settings.log_level, app.main.engine.sent)
    app.on_close = log.add
    app.server.every(terminal.EVERY_S, log.flush)
    names = [model.id for model in app.models]

    def ready(port: int) -> None:
        click.echo(terminal.banner(app.version, port, settings, names, len(app.files.rules)))

    try:
        server.run(app.server, settings.host, settings.port, tls, ready)
    except OSError as problem:
        raise _why_not(problem, settings) from None
    finally:
        log.flush()
        app.close()


def _tls(certificate: str | None, key: str | None) -> Any:
    if certificate is None:
        return None
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as problem:
        raise SettingsError("--tls-cert", "", f"{certificate} and {key} cannot be used: {problem}") from None
    return context


def _why_not(problem: OSError, settings: Any) -> SettingsError:
    import errno

    if problem.errno == errno.EADDRINUSE:
        return SettingsError("--port", "", PORT_TAKEN.format(port=settings.port, other=settings.port + 1))
    if problem.errno == errno.EACCES:
        return SettingsError(
            "--port", "", f"port {settings.port} is for the administrator alone; use one above 1023"
        )
    hosts = ", ".join(settings.host)
    return SettingsError("--host", "", f"cannot listen on {hosts}: {problem.strerror or problem}")


@main.command()
@click.argument("base_url", required=False)
@click.option("--api-key", help="The key to ask with.  [OPENAI_API_KEY, else any]")
@click.option("--model", help="The model to ask.  [the first listed one that looks like a chat model]")
@click.option("--only", multiple=True, metavar="NAME", help="Only this check; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document in place of lines.")
@click.option("--junit", metavar="FILE", type=click.Path(dir_okay=False), help="Write JUnit XML, too.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    metavar="SECONDS",
    help="How long a request may take.  [30]",
)
def check(**wishes: Any) -> None:
    """Go through the checklist of an OpenAI-compatible endpoint, whoever serves it.

    BASE_URL is OPENAI_BASE_URL where that is set, else http://localhost:8080/v1.
    Exits with 1 when a check failed.
    """
    import shutil
    import threading
    import time

    from understudy import checks

    width = shutil.get_terminal_size().columns
    outside = checks.Outside(
        os.environ,
        time.monotonic,
        threading.Event().wait,
        width if sys.stdout.isatty() else 0,
        width if sys.stderr.isatty() else 0,
    )
    sys.exit(checks.check(checks.Wishes(**wishes), outside))


@main.command()
@click.argument("duration")
@click.option(
    "--how",
    type=click.Choice(["refuse", "hang", "reset"]),
    default="refuse",
    help="Close the port, answer nothing, or reset connections.  [refuse]",
)
@click.option("--url", default="http://localhost:8080", help="Where the server is.  [http://localhost:8080]")
@click.option("--control-token", envvar="UNDERSTUDY_CONTROL_TOKEN", help="The server's, if it is afar.")
def outage(duration: str, how: str, url: str, control_token: str | None) -> None:
    """Have a running server fail for DURATION: 500ms, 5s, 1m.

    Exits with 1 when there is no server, or when it refuses.
    """
    import time

    from understudy.errors import Place
    from understudy.pace import read_seconds
    from understudy.remote import Remote

    try:
        lasting = read_seconds(duration, Place("DURATION", ""))
        Remote(url, control_token).call("POST", "outage", {"seconds": lasting, "how": how})
    except SettingsError as mistake:
        click.echo(f"understudy: {mistake}", err=True)
        sys.exit(2 if mistake.source == "DURATION" else 1)
    until = time.strftime("%H:%M:%S", time.localtime(time.time() + lasting))
    click.echo(f"until {until} ({lasting:g} s): {OUTAGES[how]}")


@main.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--limit", type=click.IntRange(0, 10_000), default=20, help="The last so many.  [20]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document per line.")
@click.option("--api", help="Only of this API: openai-chat, openai-embeddings, ...")
@click.option("--model", help="Only of this model; `*` and `?` stand for any letters.")
@click.option("--rule", help="Only answered by this: a rule's name or id, autopilot, refused, ...")
@click.option("--status", help="Only with this status: 200, 4xx.")
@click.option("--contains", metavar="TEXT", help="Only with this text in question or answer.")
@click.option("--url", default="http://localhost:8080", help="Where the server is.  [http://localhost:8080]")
@click.option("--control-token", envvar="UNDERSTUDY_CONTROL_TOKEN", help="The server's, if it is afar.")
def requests(
    follow: bool, limit: int, as_json: bool, url: str, control_token: str | None, **filters: str | None
) -> None:
    """Print what was asked of a running server, and what was answered, a line each.

    With `--url http://localhost:8080/@name`, of the space of this name. Exits with 1 when there is no
    server, or when it refuses.
    """
    import threading

    from understudy import terminal
    from understudy.remote import Remote

    printed = terminal.Printed(as_json, click.echo, lambda told: click.echo(f"understudy: {told}", err=True))
    try:
        if follow:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
            printed.follow(Remote(url, control_token), limit, filters, threading.Event().wait)
        else:
            printed.last(Remote(url, control_token), limit, filters)
    except SettingsError as mistake:
        click.echo(f"understudy: {mistake}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(0)


@main.group()
def rules() -> None:
    """Check rule files, describe them to editors, show what is built in."""


@rules.command(name="check")
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@click.option("--werror", is_flag=True, help="Exit with 1 for a warning, too.")
def check_rules(files: tuple[str, ...], werror: bool) -> None:
    """Tell all mistakes of rule files, and rules that can never answer.

    Each file is looked at by itself. Exits with 1 when there is a mistake.
    """
    from understudy.rulefiles import EXTRA
    from understudy.rules.report import report

    found = report(files, EXTRA)
    click.echo("\n".join((*found.lines, found.summary)))
    sys.exit(1 if found.mistakes or (werror and found.warnings) else 0)


@rules.command(name="schema")
def rules_schema() -> None:
    """Print the JSON Schema of rule files, from which editors complete and explain."""
    import json

    from understudy.rules.schema import schema

    click.echo(json.dumps(schema(), indent=2, ensure_ascii=False))


@rules.command(name="show")
@click.argument("file", required=False, type=click.Path())
def show_rules(file: str | None) -> None:
    """Print the built-in answers as a rule file; of a FILE, its rules as they are understood.

    Those of a file come in the order in which they are asked, with the name of every form.
    """
    from pathlib import Path

    from understudy.autopilot import ANSWERS
    from understudy.rulefiles import EXTRA
    from understudy.rules.written import understood

    if file is None:
        click.echo(ANSWERS.read_text(encoding="utf-8"), nl=False)
        return
    try:
        click.echo(understood(file, Path(file).read_bytes(), EXTRA), nl=False)
    except SettingsError as mistake:
        click.echo(f"understudy: {mistake}", err=True)
        sys.exit(1)
    except OSError as problem:
        click.echo(f"understudy: {file}: cannot be read: {problem.strerror}", err=True)
        sys.exit(1)
