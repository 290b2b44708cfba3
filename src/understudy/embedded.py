"""Understudy inside another program: a server in a thread, and what a test does with it.

    test's thread --call--> server's thread: rules, journal, faults, ...      server/thread.py
                  --HTTP--> port, or none: `transport()`, `asgi()`            transport.py, asgi.py

Everything that a test changes or reads passes through `call`, between two answers of the server: nothing
is torn. Without a port there is no thread; then `call` is the turnstile for whoever asks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from os import PathLike, fspath, path
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar, overload

from msgspec.structs import replace

from understudy import settings as settings_module
from understudy.answering import NEAREST, STRICT
from understudy.app import App
from understudy.asgi import Asgi
from understudy.conversation import told
from understudy.errors import Place, SettingsError
from understudy.limits import read_limits, written
from understudy.model import HttpRequest, Step, Steps
from understudy.replies import Reply, plain
from understudy.replies import written as reply_written
from understudy.routes import in_space
from understudy.rules import Rule
from understudy.server import ServerThread
from understudy.settings import FIELDS, Settings
from understudy.space import Space as World
from understudy.transport import Transport
from understudy.verification import Verification, read_wanted, verify
from understudy.verification.read import KEYS as WANTED_KEYS
from understudy.view import View

T = TypeVar("T")
How = Literal["refuse", "hang", "reset"]
API_KEY = "understudy"
"""The key in `env`, where the server takes any."""
HERE = path.dirname(__file__)


class Added:
    """A rule that a test has added."""

    def __init__(self, space: Space, id: str, name: str) -> None:
        self._space = space
        self.id = id
        self.name = name

    @property
    def answered(self) -> int:
        """How often it has answered."""
        return self._space.call(lambda world: world.rulebook.state.used.get(self.id, 0))

    def remove(self) -> None:
        """Take it back; one that is gone already stays gone."""
        self._space.call(lambda world: world.rulebook.remove(self.id))

    def __repr__(self) -> str:
        return f"<rule {self.name}>"


class When:
    """Which requests a rule is for; `reply` adds the rule."""

    def __init__(self, space: Space, when: Mapping[str, Any]) -> None:
        self._space = space
        self._when = when

    def reply(
        self,
        *replies: Reply,
        repeat: Literal["once", "last", "cycle"] | None = None,
        times: int | None = None,
        probability: float | None = None,
        priority: int | None = None,
        pace: Any = None,
        faults: Sequence[Any] | None = None,
        then: Mapping[str, str] | None = None,
        name: str | None = None,
        id: str | None = None,
    ) -> Added:
        """Answer with this; with several replies, by one after the other, then the rule matches no more.

        A reply is a text, `error(...)`, `tool_call(...)`, a list of texts and calls, or a mapping as in a
        rule file. Without a name, the rule is called by the line that adds it. Raises SettingsError.
        """
        __tracebackhide__ = True
        line = caller()
        beside = {
            "repeat": repeat,
            "times": times,
            "probability": probability,
            "priority": priority,
            "pace": pace,
            "faults": faults,
            "then": then,
            "id": id,
        }
        given = {key: value for key, value in beside.items() if value is not None}
        rule = {"name": name or line, "when": self._when, **given}
        added = self._space.call(lambda world: add(world, rule, replies, line))
        return Added(self._space, added.id, added.name)


class Space:
    """What a test does with a space of a server: rules of its own, and what was asked of it."""

    def __init__(self, understudy: Understudy, name: str) -> None:
        self._understudy = understudy
        self.name = name

    # Where it is

    @property
    def url(self) -> str:
        """Where the space begins: `http://127.0.0.1:43210`, or `.../@name`. For SDKs that add `/v1`."""
        return self._understudy.address + self._prefix

    @property
    def base_url(self) -> str:
        """The same with `/v1` behind it, for SDKs of OpenAI's kind."""
        return f"{self.url}/v1"

    @property
    def env(self) -> dict[str, str]:
        """The variables that make the vendors' SDKs come here, for a child process or for `monkeypatch`."""
        keys = self._understudy.settings.api_key
        key = keys[0] if keys else API_KEY
        return {
            "OPENAI_BASE_URL": self.base_url,
            "OPENAI_API_BASE": self.base_url,
            "OPENAI_API_KEY": key,
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": key,
            "GOOGLE_GEMINI_BASE_URL": self.url,
            "GEMINI_API_KEY": key,
        }

    # Rules

    def when(self, when: Mapping[str, Any] | None = None, /, **keys: Any) -> When:
        """Which requests: the keys of a rule's `when`, all of which must hold; without any, all requests.

        `not_` stands for `not`, which is a word of Python's.
        """
        return When(self, spelled(when, keys))

    # What was asked

    @property
    def requests(self) -> list[View]:
        """All requests and their answers, oldest first."""
        return self.call(lambda world: [View(replace(each), world.engine) for each in world.journal.oldest()])

    def verify(self, when: Mapping[str, Any] | None = None, /, **keys: Any) -> Verification:
        """Check that such a request came: at least once, or `times`, `at_least`, `at_most`.

        Keys are those of a rule's `when`, and of the answer; beside them `order`, `tokens`, `cost`: see
        docs/verify.md. Raises AssertionError that tells what came nearest, SettingsError for a mistake.
        """
        __tracebackhide__ = True
        beside = {key: plain(keys.pop(key)) for key in WANTED_KEYS if key in keys and key != "when"}
        pattern = spelled(when, keys)
        wanted = reading(lambda: read_wanted({"when": pattern, **beside}, Place("verify")), caller())
        found = self.call(lambda world: verify(list(world.journal.oldest()), world.engine.asked, wanted))
        if not found.ok:
            raise AssertionError(found.message)
        return found

    def conversation(self) -> str:
        """What was asked and answered, and why, for a person to read."""
        views = self.requests
        return self.call(lambda world: told(views, lambda view: why_not(world, view)))

    @property
    def unmatched(self) -> list[View]:
        """The requests that were refused because no rule matched: there are some under `strict` alone."""
        return [view for view in self.requests if view.error.startswith(STRICT)]

    @property
    def unused(self) -> list[str]:
        """The rules with `times` that have not answered so often, each with how often it has."""
        return self.call(unused)

    # What stands around an answer

    @property
    def faults(self) -> list[dict[str, Any]]:
        """The faults that befall all requests: `llm.faults = [{"fault": "hang", "times": 1}]`."""
        return self.call(lambda world: world.world.faults.listed())

    @faults.setter
    def faults(self, value: Sequence[Mapping[str, Any]]) -> None:
        __tracebackhide__ = True
        line = caller()
        self.call(lambda world: reading(lambda: world.world.faults.replace(plain(value)), line))

    @property
    def limits(self) -> list[dict[str, Any]]:
        """The rate limits: `llm.limits = {"requests": "60/min", "per": "key"}`, or None for none."""
        return self.call(lambda world: written(world.world.limits.limits))

    @limits.setter
    def limits(self, value: Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | None) -> None:
        __tracebackhide__ = True
        limits = reading(lambda: read_limits(plain(value), Place("limits")), caller())
        self.call(lambda world: world.world.limits.replace(limits))

    def advance(self, seconds: float) -> None:
        """Move the mock's clock forward, which limits and scenarios go by."""
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"time goes forward, by a number of seconds; found {seconds!r}")
        self.call(lambda world: forward(world, seconds))

    def outage(self, seconds: float | None = None, how: How = "refuse") -> AbstractContextManager[object]:
        """Begin an outage of the whole server: `refuse` closes its port, `hang` is silent, `reset` resets.

        Without seconds it lasts until `end_outage`; as a context manager, until the block ends.
        """
        if how not in ("refuse", "hang", "reset"):
            raise ValueError(f"expected refuse, hang or reset; found {how!r}")
        if seconds is not None and not 0 < seconds < float("inf"):
            raise ValueError(f"expected a number of seconds, above 0; found {seconds!r}")
        self._understudy.begin_outage(how, seconds)
        over = ExitStack()
        over.callback(self.end_outage)
        return over

    def end_outage(self) -> None:
        """End the outage under way, if there is one; the port is open again when this returns."""
        self._understudy.end_outage()

    def reset(self) -> None:
        """As at the start: rules and what they remember, limits, faults, clock, journal."""
        self.call(lambda world: world.reset())

    def call(self, function: Callable[[World], T]) -> T:
        """What the function makes of the space, called while no answer is being made."""
        __tracebackhide__ = True
        try:
            return self._understudy.carry_out(
                lambda app: function(app.space(self.name) if self.name else app.main)
            )
        except SettingsError as mistake:  # of the caller's, who has no use for our lines
            raise mistake.with_traceback(None) from None

    # Without a port

    def transport(self) -> Any:
        """A transport for clients of httpx and httpx2, sync and async: they ask this space without a port."""
        return Transport(self.handle)

    def handle(self, http: HttpRequest) -> Iterator[Step]:
        """The steps of the answer to a request of this space, each made while no other answer is."""
        inside = HttpRequest(http.method, self._prefix + http.target, http.headers, http.body, http.peer)
        return self._understudy.steps(inside)

    @property
    def _prefix(self) -> str:
        return f"/@{self.name}" if self.name else ""


Door = TypeVar("Door")


class Doors(Generic[Door]):
    """A way in without a port: `llm.asgi()`, or `Understudy.asgi(**settings)` for a new one."""

    def __init__(self, make: Callable[[Understudy], Door]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, instance: None, owner: type[Understudy]) -> Callable[..., Door]: ...
    @overload
    def __get__(self, instance: Understudy, owner: type[Understudy]) -> Callable[[], Door]: ...
    def __get__(self, instance: Understudy | None, owner: type[Understudy]) -> Callable[..., Door]:
        if instance is None:
            return lambda **settings: self._make(owner(**settings))
        return lambda: self._make(instance)


class Understudy(Space):
    """A mock LLM server inside this program, in a thread of its own: `with Understudy() as llm:`.

    Settings are those of the command line, with underscores: `rules`, `strict`, `port` (0 picks a free
    one), `seed`, `pace`, ... Neither the environment nor a settings file is looked at. It can be used
    without being started, by `transport()` and `asgi()`. Raises SettingsError.
    """

    def __init__(
        self,
        *,
        rules: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
        strict: bool = False,
        port: int = 0,
        seed: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(self, "")
        files = (rules,) if isinstance(rules, str | PathLike) else rules
        given = {
            "rules": tuple([fspath(each) for each in files]),
            "strict": strict,
            "port": port,
            "seed": seed,
            **settings,
        }
        self.settings: Settings = chosen({"drain": 0, **given})
        self._app = App(self.settings)
        self._thread = ServerThread(self._app.server)
        self._port: int | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Listen. Raises SettingsError where that cannot be: the port is taken, for instance."""
        if self._port is not None:
            raise RuntimeError("this server is started already")
        settings = self.settings
        try:
            self._port = self._thread.start(settings.host, settings.port, tls(settings))
        except OSError as problem:
            hosts = ", ".join(settings.host)
            reason = f"cannot listen on port {settings.port} of {hosts}: {problem.strerror or problem}"
            raise SettingsError("Understudy(port=...)", "", f"{reason}; port=0 picks a free one") from None
        return self

    def stop(self) -> None:
        """Stop listening, and break off what is under way; what was asked can still be looked at."""
        self._thread.stop()
        self._port = None
        self._app.close()

    def space(self, name: str) -> Space:
        """A space of this server: rules, limits, faults and journal of its own. Made by its first use."""
        if in_space(f"/@{name}") != (name, "/"):
            raise ValueError(
                f"a space's name has letters, digits and ._~- alone, at most 100; found {name!r}"
            )
        return Space(self, name)

    def drop(self, name: str) -> bool:
        """Forget a space and all that is in it; whether it was there."""
        return self._thread.call(lambda: self._app.drop(name))

    asgi = Doors(lambda llm: Asgi(llm.handle))
    """An ASGI app with the same answers, for hosts such as uvicorn: `Understudy.asgi(rules="rules.yaml")`."""

    # What spaces need

    @property
    def port(self) -> int:
        """The port that it listens on."""
        if self._port is None:
            raise RuntimeError(
                "this server is not started: write `with Understudy() as llm:`, or call start()"
            )
        return self._port

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        if self.settings.tls_cert:
            return f"https://localhost:{self.port}"  # which certificates are for
        hosts = self.settings.host
        host = next((host for host in hosts if host not in ("0.0.0.0", "::")), "127.0.0.1")
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def carry_out(self, function: Callable[[App], T]) -> T:
        """What the function makes of the whole, called while no answer is being made."""
        return self._thread.call(lambda: function(self._app))

    def steps(self, http: HttpRequest) -> Iterator[Step]:
        """The steps of an answer that leaves by no port; closed early, the client left."""
        steps = self._thread.call(lambda: self._begun(http))
        try:
            while (step := self._thread.call(lambda: next(steps, None))) is not None:
                yield step
        finally:
            self._thread.call(lambda: close(steps))

    def begin_outage(self, how: How, seconds: float | None) -> None:
        if self._port is None:
            raise RuntimeError("a server that is not started has no outages")
        self._thread.call(lambda: self._app.server.begin_outage(how, seconds))

    def end_outage(self) -> None:
        self._thread.end_outage()

    def _begun(self, http: HttpRequest) -> Steps:
        if self._port is None:  # a server looks after its files itself
            self._app.reload()
        return self._app.handle(http)


# --- settings -----------------------------------------------------------------------------------------


def chosen(given: Mapping[str, Any]) -> Settings:
    """The settings. Raises SettingsError in the words of Python."""
    place = Place("Understudy(...)", "")
    for name in given:
        if name not in FIELDS:
            raise place.unknown("setting", name, FIELDS)
    try:
        return settings_module.load(None, {}, {name: listed(value) for name, value in given.items()})
    except SettingsError as mistake:
        name = mistake.source.removeprefix("--").replace("-", "_")
        raise SettingsError(f"Understudy({name}=...)", mistake.path, mistake.message) from None


def listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) and value else value


def tls(settings: Settings) -> Any:
    if settings.tls_cert is None:
        return None
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as problem:
        raise SettingsError("Understudy(tls_cert=...)", "", f"cannot be used: {problem}") from None
    return context


# --- rules --------------------------------------------------------------------------------------------


def spelled(when: Mapping[str, Any] | None, keys: Mapping[str, Any]) -> dict[str, Any]:
    """A `when` as a rule file would have it."""
    return {**(when or {}), **{key.removesuffix("_"): value for key, value in keys.items()}}


def add(world: World, rule: dict[str, Any], replies: Sequence[Reply], line: str) -> Rule:
    """Add the rule, and return it as it was read. Raises SettingsError that names the line."""
    try:
        said = [reply_written(reply) for reply in replies]
        several = len(said) > 1 or "repeat" in rule or not said
        value = plain(rule) | ({"sequence": said} if several else {"reply": said[0]})
    except TypeError as problem:
        raise SettingsError(line, "", str(problem)) from None
    rules = reading(lambda: world.rulebook.read(value), line)
    reading(lambda: world.rulebook.add(rules), line)
    return rules[0]


def reading(read: Callable[[], T], line: str) -> T:
    """What is read from what the test's line says; a mistake in it is told of that line."""
    __tracebackhide__ = True
    try:
        return read()
    except SettingsError as mistake:
        place = mistake.path.removeprefix("$").removeprefix(".rules[0]").removeprefix(".")
        raise SettingsError(line, place, mistake.message) from None


def caller() -> str:
    """The line of the program that called Understudy: `tests/test_weather.py:12`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and path.dirname(frame.f_code.co_filename) == HERE:
        frame = frame.f_back
    name = frame.f_code.co_filename
    near = path.relpath(name) if path.isabs(name) and name.startswith(path.abspath("")) else name
    return f"{near}:{frame.f_lineno}"


# --- what was asked -----------------------------------------------------------------------------------


def why_not(world: World, view: View) -> list[str]:
    """Why rules did not answer: those that may no more, then those that came nearest."""
    rules, state = world.rulebook.rules, world.rulebook.state
    matching = [rule for rule in rules.rules if all(verdict.ok for verdict in rule.verdicts(view.request))]
    spent = [f"{rule.title}: {why}" for rule in matching if (why := state.spent(rule))]
    misses = rules.near_misses(view.request, NEAREST)
    return [*spent, *(f"{miss.rule.title}: {'; '.join(miss.why)}" for miss in misses)][:NEAREST]


def unused(world: World) -> list[str]:
    used = world.rulebook.state.used
    return [
        f"{rule.title}: answered {used.get(rule.id, 0)} of {rule.times} times"
        for rule in world.rulebook.rules.rules
        if rule.times is not None and used.get(rule.id, 0) < rule.times
    ]


def forward(world: World, seconds: float) -> None:
    world.world.ahead += seconds


def close(steps: Steps) -> None:
    """Tell a generator of steps that nobody wants more of it."""
    end = getattr(steps, "close", None)
    if end is not None:
        end()
