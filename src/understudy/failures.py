"""What fails on purpose: faults that stand until they are taken back, and the built-in models and keys.

request -> FaultSet.strike -> faults in order -> steps of the answer, changed
model   -> failing_model   -> faults, a pace, another reply
key     -> failing_key     -> Failure
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

from msgspec import Struct, structs

from understudy.errors import Failure, Place
from understudy.events import content, cut_short
from understudy.faults import FAULTS, Error, Fault, read_fault
from understudy.faults.base import Point, read_fields, shown
from understudy.faults.cut import Cut
from understudy.faults.garble import Garble
from understudy.faults.hang import Hang
from understudy.matchers import Matcher, read_when
from understudy.model import (
    AnyRequest,
    EmbeddingRequest,
    Message,
    Pace,
    Refusal,
    Reply,
    Request,
    Scene,
    Text,
)

# --- Standing faults -----------------------------------------------------------------------------------


FAULTS_PUT = Place("faults")
"""Where a mistake is in what the control API was sent."""


class Standing(Struct):
    """A fault that strikes whatever request matches `when`.

    It does so with `probability`, drawn from its own `chance`, so that entries do not disturb each other, and
    at most `times` (None: without end). `told` is its JSON as it was written, `struck` how often it has hit.
    """

    fault: Fault
    when: tuple[Matcher, ...]
    probability: float
    times: int | None
    told: Mapping[str, Any]
    chance: Random
    struck: int = 0

    @property
    def spent(self) -> bool:
        """Whether it cannot strike any more."""
        return self.probability == 0 or (self.times is not None and self.struck >= self.times)

    def hits(self, request: Request) -> bool:
        """Whether it strikes this request; draws only where the request matches, and counts."""
        if not all(matcher.match(request).ok for matcher in self.when):
            return False
        if self.probability < 1 and self.chance.random() >= self.probability:
            return False
        self.struck += 1
        return True


class FaultSet:
    """The standing faults, in the order in which they strike."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._entries: tuple[Standing, ...] = ()
        self._live: tuple[Standing, ...] = ()
        self.clear()

    def __bool__(self) -> bool:
        """Whether there is any left that may strike."""
        return bool(self._live)

    @property
    def needs_scene(self) -> bool:
        """Whether one that may strike looks at a request's scene: its key, headers, a scenario."""
        return any(matcher.at_scene for entry in self._live for matcher in entry.when)

    def strike(self, request: AnyRequest, scene: Scene | None = None) -> tuple[Fault, ...]:
        """The faults that hit this request, in order. `scene` is what surrounds it, where one looks at it."""
        asked = neutral(request)
        if scene is not None:
            asked = structs.replace(asked, scene=scene)
        hit = tuple([entry.fault for entry in self._live if entry.hits(asked)])
        if hit:
            self._live = tuple([entry for entry in self._live if not entry.spent])
        return hit

    def replace(self, value: object, place: Place = FAULTS_PUT) -> None:
        """Put these in place of all, each as if it had never struck, and chance as at the start.

        Body: [{"fault": {...}, "when"?: {...}, "probability"?: 0 to 1, "times"?: int}].
        Raises SettingsError, and changes nothing then.
        """
        if not isinstance(value, list):
            raise place.error(f'expected a list like [{{"fault": "hang"}}], found {shown(value)}')
        entries = [
            read_entry(each, place / number, self._random(number)) for number, each in enumerate(value)
        ]
        self.clear()
        self._entries = tuple(entries)
        self._live = tuple(entry for entry in entries if not entry.spent)

    def listed(self) -> list[dict[str, Any]]:
        """The JSON of all, the spent ones too, with how often each has `struck`."""
        return [{**entry.told, "struck": entry.struck} for entry in self._entries]

    def clear(self) -> None:
        """Take all back. `chance`, for what faults draw themselves, starts again from the seed."""
        self.chance = self._random("all")
        self._entries = self._live = ()

    def _random(self, name: object) -> Random:
        return Random(f"{self._seed} {name}")


def read_entry(value: object, place: Place, chance: Random) -> Standing:
    """Read a standing fault. `struck` is passed over, so that what was listed can be put back."""
    if isinstance(value, Mapping):
        for key in value:
            if key not in _READERS and key in FAULT_KEYS:
                raise place.error(f'unknown key "{key}": write {{"fault": {{"{key}": ...}}}}')
    fields = read_fields(value, _READERS, place)
    if "fault" not in fields or not isinstance(value, Mapping):
        raise place.error('which fault? Give one, like {"fault": {"cut": {"after": "40%"}}}')
    told = {
        "fault": value["fault"],
        "when": value.get("when") or {},
        "probability": fields.get("probability", 1.0),
        "times": fields.get("times"),
    }
    return Standing(fields["fault"], fields.get("when", ()), told["probability"], told["times"], told, chance)


def read_probability(value: object, place: Place) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise place.error(f"expected a probability from 0 to 1, found {shown(value)}")
    return float(value)


def read_times(value: object, place: Place) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise place.error(f"expected how many times, 1 or more; found {shown(value)}")
    return value


FAULT_KEYS = frozenset(fault.KEY for fault in FAULTS)
_READERS: Mapping[str, Callable[[object, Place], Any]] = {
    "fault": read_fault,
    "when": read_when,
    "probability": read_probability,
    "times": read_times,
    "struck": lambda value, place: value,
}


def neutral(request: AnyRequest) -> Request:
    """The request as matchers see it, also where it asks for no generated text.

    What is to be embedded is the user's text then.
    """
    if isinstance(request, Request):
        return request
    if isinstance(request, EmbeddingRequest):
        asked = (Message("user", tuple([Text(each) for each in request.inputs])),)
        return Request(request.api, request.operation, request.model, asked, request.raw)
    return Request(request.api, request.operation, request.model, (), {})


# --- Models that fail ----------------------------------------------------------------------------------


class Failing(Struct, frozen=True, kw_only=True):
    """What a failing model does to an answer: `says` it in a line.

    `reply` gives the reply in place of the autopilot's, of generated text alone.
    """

    says: str
    faults: tuple[Fault, ...] = ()
    pace: Pace | None = None
    reply: Callable[[Request, Reply], Reply] | None = None


def shortened(request: Request, reply: Reply) -> Reply:
    """The usual answer, as if the token limit had ended it: half of its last part is missing."""
    if not reply.parts:
        return Reply((), "length")
    *parts, last = reply.parts
    text = content(last)
    return Reply((*parts, cut_short(last, text[: len(text) // 2])), "length")


MODEL_PREFIX = "mock-"
ERROR_PREFIX = "mock-error-"
TTFT_S, TOKENS_PER_SECOND = 2.0, 10.0
RETRY_AFTER_S = 1.0
SLIP = 0.85
"""How alike two names are of which one is a slip of the other, from 0 to 1."""
REFUSAL = "I'm sorry, I can't assist with that request."

_MODELS: Mapping[str, Failing] = {
    "mock-rate-limited": Failing(
        says="429, rate limit reached, with a retry-after of 1 s",
        faults=(Error("rate_limit", retry_after=RETRY_AFTER_S),),
    ),
    "mock-overloaded": Failing(
        says="the vendor's error for an overloaded engine", faults=(Error("overloaded"),)
    ),
    "mock-slow": Failing(
        says="answers slowly: 2 s to the first token, then 10 tokens/s", pace=Pace(TTFT_S, TOKENS_PER_SECOND)
    ),
    "mock-hang": Failing(says="accepts the request and never answers", faults=(Hang(),)),
    "mock-cut": Failing(says="ends the connection in the middle of the answer", faults=(Cut(Point(50)),)),
    "mock-garbled": Failing(says="answers with JSON that does not parse", faults=(Garble(),)),
    "mock-empty": Failing(says="answers without any text", reply=lambda request, reply: Reply((Text(""),))),
    "mock-truncated": Failing(says="half of the usual answer, with finish reason length", reply=shortened),
    "mock-refusal": Failing(
        says="refuses to answer, in the field for refusals",
        reply=lambda request, reply: Reply((Refusal(REFUSAL),)),
    ),
    "mock-echo": Failing(
        says="repeats the last user message", reply=lambda request, reply: Reply((Text(request.user),))
    ),
}
FAILING_MODELS: Mapping[str, str] = MappingProxyType(
    {f"{ERROR_PREFIX}<status>": "the error with this status, 400 to 599"}
    | {name: failing.says for name, failing in _MODELS.items()}
)
"""The name of each failing model, and what it does."""


def failing_model(name: str) -> Failing | None:
    """What the model of this name does to its answers; None for one that does not fail."""
    if not name.startswith(MODEL_PREFIX):
        return None
    if name.startswith(ERROR_PREFIX):
        return _failing_with(name.removeprefix(ERROR_PREFIX), name)
    return _MODELS.get(name)


def slip(name: str) -> str:
    """The failing model that a name of none is so near to that it is meant; else nothing."""
    from difflib import get_close_matches

    if not name.startswith(MODEL_PREFIX) or failing_model(name) is not None:
        return ""
    known = [f"{ERROR_PREFIX}{name[-3:]}", *_MODELS]
    return next(iter(get_close_matches(name.lower(), known, 1, SLIP)), "")


def _failing_with(status: str, name: str) -> Failing:
    """The model that fails with this status; where it is none, it says so in an error of its own."""
    if len(status) == 3 and status.isdecimal() and status[0] in "45":
        return Failing(says=f"the error {status}", faults=(Error.of(int(status)),))
    message = (
        f"The model `{name[:200]}` fails with the status in its name, which is a number from 400 to 599, "
        f"like {ERROR_PREFIX}503; found {status[:200]!r}."
    )
    return Failing(
        says="an error about its name", faults=(Error("invalid_request", 400, message, param="model"),)
    )


# --- Keys that fail ------------------------------------------------------------------------------------

_KEYS: Mapping[str, tuple[str, Error]] = {
    "mock-key-invalid": ("401, an incorrect key", Error("authentication")),
    "mock-key-no-quota": ("429, insufficient_quota", Error("quota")),
    "mock-key-rate-limited": (
        "429, rate limit reached, with a retry-after of 1 s",
        Error("rate_limit", retry_after=RETRY_AFTER_S),
    ),
}
FAILING_KEYS: Mapping[str, str] = MappingProxyType({name: says for name, (says, _) in _KEYS.items()})
"""The API keys that no request is answered for, and what it gets instead."""


def failing_key(key: str) -> Failure | None:
    """What a request with this key is refused with; None for any other key."""
    found = _KEYS.get(key)
    return found[1].failure({"key": key}) if found else None
