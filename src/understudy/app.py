"""The composition root: settings in, a server out. It alone knows everyone, the clock and chance."""

from __future__ import annotations

import random
import time
from binascii import b2a_base64
from collections.abc import Callable, Iterator

from understudy import __version__, embeddings, tokens, usage
from understudy.access import Access
from understudy.autopilot import Autopilot, built_in_answers
from understudy.catalog import DEFAULT_MODELS, listed
from understudy.control import Control, Controlled, Outages, is_call
from understudy.engine import Engine, World
from understudy.errors import Failure
from understudy.failures import FaultSet, failing_key, failing_model
from understudy.journal import Journal
from understudy.limits import Limit, LimitSet
from understudy.model import (
    EmbeddingReply,
    EmbeddingRequest,
    HttpRequest,
    ModelInfo,
    ModelsRequest,
    Request,
    Step,
    Usage,
)
from understudy.planning import Answer, Planner, Policy
from understudy.providers import PROVIDERS
from understudy.server import Limits, Server
from understudy.settings import Settings

ID_LENGTH = 29
LETTERS = bytes.maketrans(b"+/", b"Zq")


class App:
    """A server with everything that it is made of."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.version = __version__
        self.models: tuple[ModelInfo, ...] = DEFAULT_MODELS
        self._ids = ids(settings.seed)
        clock = steady_clock()
        self.journal = Journal(clock)
        encoding_of = tokens.encoding_of if settings.tokens == "exact" else _estimate
        autopilot = Autopilot(built_in_answers(), settings.seed or 0)
        planner = Planner(
            {
                "chat": lambda request: generated(autopilot, request),
                "completion": lambda request: generated(autopilot, request),
                "embedding": lambda request: embedded(request, encoding_of),
                "models": self._listed,
            },
            encoding_of,
            failing_model,
            Policy(settings.validation, self._is_known),
        )
        self.world = World(
            Access(settings.api_key, failing_key), LimitSet(self._limits), FaultSet(settings.seed or 0)
        )
        self.engine = Engine(
            PROVIDERS,
            planner,
            self.journal,
            self.world,
            clock=clock,
            new_id=lambda: next(self._ids),
            pace=settings.pace,
        )
        self.server = Server(
            self.handle,
            self.engine.refuse,
            limits=Limits(drain_s=settings.drain),
            spared=is_call,
            unanswered=self._unanswered,
        )
        self.control = Control(
            Controlled(
                self.engine,
                Outages(self.server.begin_outage, self.server.end_outage, lambda: self.server.outage),
                self.reset,
                self.models,
                self.version,
                "https" if settings.tls_cert else "http",
            ),
            settings.control_token,
        )

    def handle(self, http: HttpRequest) -> Iterator[Step]:
        """Answer a request: a wire API's, the control API's, or a page's."""
        if not http.target.startswith("/v1/") and (steps := self.control.handle(http)) is not None:
            return steps
        return self.engine.handle(http)

    def reset(self) -> None:
        """As at the start: journal, ids, limits, faults and clock; no outage."""
        self.server.end_outage()
        self.world.limits.replace(self._limits)
        self.world.faults.clear()
        self.world.ahead = 0.0
        self.journal.clear()
        self._ids = ids(self.settings.seed)

    def _unanswered(self, http: HttpRequest, seconds: float, reset: bool) -> None:
        """Note what an outage left without an answer."""
        self.journal.unanswered(http, "outage", seconds, "cut" if reset else "client left")

    @property
    def _limits(self) -> tuple[Limit, ...]:
        """The limits that the settings name."""
        settings = self.settings
        return (*settings.limits, settings.rate_limit) if settings.rate_limit else settings.limits

    def _is_known(self, model: str) -> bool:
        """Whether a model of this name is answered."""
        if self.settings.unknown_models == "answer" or failing_model(model) is not None:
            return True
        return any(info.id == model for info in self.models)

    def _listed(self, request: ModelsRequest) -> Answer:
        found = listed(self.models, request)
        if not found.models and request.model:
            raise Failure(None, "unknown_model", facts={"model": request.model[:200]})
        return Answer(found, "models", lasting=True)


def generated(autopilot: Autopilot, request: Request) -> Answer:
    reply, by = autopilot.answer(request)
    return Answer(reply, f"autopilot: {by}", lasting=True)


def embedded(request: EmbeddingRequest, encoding_of: Callable[[str], str]) -> Answer:
    """A vector for each input."""
    encoding = encoding_of(request.model)
    full = embeddings.dimensions_of(request.model)
    wanted = min(request.dimensions or full, full)
    vectors = tuple(embeddings.vector(text, wanted, full) for text in request.inputs)
    reply = EmbeddingReply(vectors, Usage(usage.texts(request.inputs, encoding)))
    return Answer(reply, "embeddings", lasting=True)


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
