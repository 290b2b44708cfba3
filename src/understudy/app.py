"""The composition root: settings in, a server out. It alone knows everyone, the clock and chance."""

from __future__ import annotations

import logging
import random
import time
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from functools import cache

from understudy import __version__, tokens
from understudy.answering import Pilot
from understudy.autopilot import Autopilot, Plain, built_in_answers
from understudy.control import Outages, Spaces, is_call
from understudy.errors import SettingsError
from understudy.journal import Exchange, Journal
from understudy.model import HttpRequest, ModelInfo, Step, Upgrade
from understudy.routes import in_space
from understudy.rulefiles import RuleFiles
from understudy.rules import RuleSet
from understudy.server import Handle, Limits, Server
from understudy.sessions import SESSIONS
from understudy.settings import Settings
from understudy.space import Common, Space
from understudy.stores import open_store

ID_LENGTH = 29
LETTERS = bytes.maketrans(b"+/", b"Zq")


MOST_SPACES = 10_000
RELOAD_S = 0.5
"""How often the rule files are looked at."""
log = logging.getLogger("understudy")


class App:
    """A server with everything that it is made of. Raises SettingsError for a mistake in a rule file."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.version = __version__
        self.on_close: Callable[[Exchange], object] = lambda exchange: None
        self._ids = ids(settings.seed)
        self._clock = steady_clock()
        self.files = RuleFiles(settings.rules, settings)
        self.files.load()
        self.store = open_store(settings.journal)
        self.server = Server(
            self.handle,
            lambda status, message: self.main.engine.refuse(status, message),
            limits=Limits(drain_s=settings.drain),
            opens=lambda http: HttpRequest("GET", in_space(http.target)[1]).path in SESSIONS,
            open=self.open,
            spared=is_call,
            unanswered=self._unanswered,
        )
        self._common = Common(
            settings,
            self.version,
            self.files,
            pilot(settings),
            Outages(self.server.begin_outage, self.server.end_outage, lambda: self.server.outage),
            Spaces(self.names, self.drop),
            self._journal,
            self._clock,
            lambda: next(self._ids),
            random.Random,
            tokens.encoding_of if settings.tokens == "exact" else _estimate,
        )
        self._spaces: dict[str, Space] = {}
        self.main = self._made("", self._start_over)
        self.server.every(RELOAD_S, self.reload)

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        return self.files.models

    def handle(self, http: HttpRequest) -> Iterator[Step]:
        """Answer a request in the space that its path names."""
        if http.target.startswith("/@"):
            name, rest = in_space(http.target)
            if name:
                return self.space(name).handle(
                    HttpRequest(http.method, rest, http.headers, http.body, http.peer)
                )
        return self.main.handle(http)

    def open(self, http: HttpRequest, ask: Handle) -> Iterator[Step]:
        """Answer a request for a WebSocket: a session, or why its key is not let in."""
        name, rest = in_space(http.target)
        space = self.space(name) if name else self.main
        asked = HttpRequest(http.method, rest, http.headers, http.body, http.peer)
        if asked.path not in SESSIONS:
            return space.handle(asked)
        refusal = space.engine.locked_out(asked)
        if refusal is not None:
            return refusal
        session = SESSIONS[asked.path](http, ask, space.engine.now)
        return iter((Upgrade(session),))

    def space(self, name: str) -> Space:
        """The space of this name, made where there is none; of too many, that asked for longest ago goes."""
        space = self._spaces.pop(name, None)
        if space is None:
            if len(self._spaces) >= MOST_SPACES:
                oldest = next(iter(self._spaces))
                del self._spaces[oldest]
                log.warning(
                    "the space %r is forgotten: there are %d others, the most that are kept",
                    oldest,
                    MOST_SPACES,
                )
            space = self._made(name)
        self._spaces[name] = space
        return space

    def names(self) -> list[str]:
        """The names of the spaces that there are."""
        return sorted(self._spaces)

    def drop(self, name: str) -> bool:
        """Forget a space, its journal included; whether there was one of this name."""
        space = self._spaces.pop(name, None)
        if space is None:
            return False
        space.journal.clear()
        return True

    def reload(self) -> None:
        """Read the rule files again if they have changed; a mistake is told, and the last good ones stay."""
        if not self.files.changed():
            return
        try:
            self.files.reload()
        except SettingsError as mistake:
            log.error("%s; the rules stay as they were", mistake)
            return
        for space in (self.main, *self._spaces.values()):
            space.renew()
        count = len(self.files.rules)
        names = ", ".join(self.settings.rules)
        log.info("%s read again: %d rule%s", names, count, "" if count == 1 else "s")

    def close(self) -> None:
        """Keep what is to be kept: the journal."""
        self.store.close()

    def _journal(self, name: str) -> Journal:
        """The journal of a space."""
        return Journal(self._clock, shelf=self.store.shelf(name))

    def _start_over(self) -> None:
        """What belongs to no space: no outage, and ids from the seed again."""
        self.server.end_outage()
        self._ids = ids(self.settings.seed)

    def _made(self, name: str, on_reset: Callable[[], object] = lambda: None) -> Space:
        space = Space(name, self._common, on_reset)
        space.journal.on_close = lambda exchange: self.on_close(exchange)
        return space

    def _unanswered(self, http: HttpRequest, seconds: float, reset: bool) -> None:
        """Note what an outage left without an answer."""
        name, rest = in_space(http.target)
        space = self.space(name) if name else self.main
        asked = HttpRequest(http.method, rest, http.headers, http.body, http.peer)
        space.journal.unanswered(asked, "outage", seconds, "cut" if reset else "client left")


def pilot(settings: Settings) -> Pilot | None:
    """What answers when no rule does: nothing under `strict`."""
    if settings.strict:
        return None
    return Plain() if settings.no_autopilot else Autopilot(answers(), settings.seed or 0)


@cache
def answers() -> RuleSet:
    """The built-in answers, read once for all servers of a process."""
    return built_in_answers()


def ids(seed: int | None) -> Iterator[str]:
    """Endless random ids of letters and digits: the same again for a seed, else always others."""
    draw = random.Random(seed)
    while True:
        letters = b2a_base64(draw.randbytes(3 * ID_LENGTH * 16), newline=False).translate(LETTERS).decode()
        yield from (letters[at : at + ID_LENGTH] for at in range(0, len(letters), ID_LENGTH))


def steady_clock() -> Callable[[], float]:
    """Unix seconds that never go back."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()


def _estimate(model: str) -> str:
    return tokens.ESTIMATE
