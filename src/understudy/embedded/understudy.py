"""The server inside a program: settings in, a thread and a port out, or neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload

from understudy import settings as settings_module
from understudy.app import App
from understudy.asgi import Asgi
from understudy.embedded.space import How, Space
from understudy.errors import Place, SettingsError
from understudy.model import HttpRequest, Step, Steps
from understudy.routes import in_space
from understudy.server import ServerThread
from understudy.settings import FIELDS, Settings

T = TypeVar("T")
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
        self._app = in_python(lambda: App(self.settings))
        self._thread = ServerThread(self._app.server)
        self._port: int | None = None

    def __repr__(self) -> str:
        return "<Understudy, not started>" if self._port is None else f"<Understudy {self.url}>"

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

    asgi = Doors(lambda llm: Asgi(llm.handle, llm.session))
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

    def session(self, http: HttpRequest) -> Iterator[Step]:
        """The answer to a request for a WebSocket that comes by no port."""
        return self._thread.call(lambda: self._app.open(http, self.handle))

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


def chosen(given: Mapping[str, Any]) -> Settings:
    """The settings. Raises SettingsError in the words of Python."""
    place = Place("Understudy(...)", "")
    for name in given:
        if name not in FIELDS:
            raise place.unknown("setting", name, FIELDS)
    values = {name: listed(value) for name, value in given.items()}
    return in_python(lambda: settings_module.load(None, {}, values))


def in_python(read: Callable[[], T]) -> T:
    """What is read of the settings; a mistake that is told of a flag is told of the keyword."""
    try:
        return read()
    except SettingsError as mistake:
        if not mistake.source.startswith("--"):
            raise
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


def close(steps: Steps) -> None:
    """Tell a generator of steps that nobody wants more of it."""
    end = getattr(steps, "close", None)
    if end is not None:
        end()
