"""A space of a server as a test has it in hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from msgspec.structs import replace

from understudy.answering import NEAREST, STRICT
from understudy.conversation import told
from understudy.embedded.lines import caller, reading
from understudy.embedded.rules import When, spelled
from understudy.errors import Place, SettingsError
from understudy.limits import read_limits, written
from understudy.model import HttpRequest, Step
from understudy.replies import plain
from understudy.space import Space as World
from understudy.transport import Transport
from understudy.verification import Verification, read_wanted, verify
from understudy.verification.read import KEYS as WANTED_KEYS
from understudy.verification.read import PATTERN_KEYS
from understudy.view import View

if TYPE_CHECKING:
    from understudy.embedded.understudy import Understudy

T = TypeVar("T")
How = Literal["refuse", "hang", "reset"]
API_KEY = "understudy"
"""The key in `env`, where the server takes any."""


class Space:
    """What a test does with a space of a server: rules of its own, and what was asked of it."""

    def __init__(self, understudy: Understudy, name: str) -> None:
        self._understudy = understudy
        self.name = name
        self.unfinished: dict[When, str] = {}
        """Each `when(...)` that has no `.reply(...)` yet, with its line: it does nothing so far."""

    def __repr__(self) -> str:
        return f"<space {self.name}>"

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
        rule = When(self, spelled(when, keys))
        self.unfinished[rule] = caller()
        return rule

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
        for key in pattern:
            if key not in PATTERN_KEYS:  # which may be meant to stand beside the pattern: `time=1`
                raise Place(caller(), "when").unknown("key", key, (*PATTERN_KEYS, *WANTED_KEYS))
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
