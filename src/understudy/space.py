"""A space: an isolated world of rules, counters, limits, faults, clock and journal, chosen by `/@name/`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from msgspec import Struct

from understudy.access import Access, key_of
from understudy.answering import Answering, Pilot
from understudy.catalog import Catalog, pace_of
from understudy.control import Control, Controlled, Outages, Spaces
from understudy.engine import Engine, World
from understudy.failures import FaultSet, failing_key, failing_model, slip
from understudy.journal import Journal
from understudy.limits import LimitSet
from understudy.model import HttpRequest, Scene, Step
from understudy.planning import Planner, Policy
from understudy.promptcache import PromptCache
from understudy.providers import KEEPERS, PROVIDERS
from understudy.resources import Collections
from understudy.rulefiles import EXTRA, RuleFiles
from understudy.rules import Rulebook
from understudy.settings import Settings


class Common(Struct, frozen=True):
    """What all spaces of a server share.

    `journal` makes a space's journal, `clock` tells Unix seconds, `new_id` gives random letters, `chance` a
    source of chance for a seed, `encoding_of` names a model's vocabulary.
    """

    settings: Settings
    version: str
    files: RuleFiles
    pilot: Pilot | None
    outages: Outages
    spaces: Spaces
    journal: Callable[[str], Journal]
    clock: Callable[[], float]
    new_id: Callable[[], str]
    chance: Callable[[str], Random]
    encoding_of: Callable[[str], str]


class Space:
    """One space with everything that it is made of; `name` is empty for the one without a name."""

    def __init__(self, name: str, common: Common, on_reset: Callable[[], object] = lambda: None) -> None:
        self.name = name
        self._on_reset = on_reset
        self._common = common
        settings, files = common.settings, common.files
        seed, any_id = settings.seed or 0, settings.unknown_ids == "answer"
        scheme, prefix = "https" if settings.tls_cert else "http", f"/@{name}" if name else ""
        self.journal = common.journal(name)
        self.rulebook = Rulebook(lambda: files.rules, self._forget, seed, EXTRA)
        self._limits = files.limits
        self.world = World(
            Access(settings.api_key, failing_key),
            LimitSet(files.limits),
            FaultSet(seed),
            self._around,
            Collections(common.new_id, any_id=any_id, prompts=lambda: files.prompts),
        )
        self.world.faults.replace(list(settings.faults))
        self._catalog = Catalog(lambda: files.models, any_id)
        answering = Answering(
            self.rulebook,
            common.pilot,
            self._catalog,
            common.encoding_of,
            self.world.resources,
            lambda: self.engine.now(),
            self.handle,
            lambda host: f"{scheme}://{host}{prefix}",
        )
        self._prompts = PromptCache()
        self._planner = Planner(
            answering.operations,
            common.encoding_of,
            failing_model,
            Policy(settings.validation, self._is_known, self._warned, any_id),
            self._scene,
            lambda model: pace_of(files.models, model),
            self._prompts,
            lambda: self.engine.now(),
            KEEPERS,
            self.world.resources,
        )
        self.engine = Engine(
            PROVIDERS,
            self._planner,
            self.journal,
            self.world,
            clock=common.clock,
            new_id=common.new_id,
            pace=files.pace,
            chance=lambda name: common.chance(f"{seed} {name}"),
            keepers=KEEPERS,
        )
        self._control = Control(
            Controlled(
                self.engine,
                self.rulebook,
                common.outages,
                common.spaces,
                self.reset,
                lambda: self._catalog.models,
                common.version,
                scheme,
                prefix,
            ),
            settings.control_token,
        )
        self._start_count()

    def handle(self, http: HttpRequest) -> Iterator[Step]:
        """Answer a request: a wire API's, the control API's, or a page's."""
        if not http.target.startswith("/v1/") and (steps := self._control.handle(http)) is not None:
            return steps
        self._count += 1
        return self.engine.handle(http)

    def renew(self) -> None:
        """The rule files have changed."""
        files = self._common.files
        self.rulebook.renew()
        self.engine.pace = files.pace
        if files.limits != self._limits:
            self._limits = files.limits
            self.world.limits.replace(files.limits)

    def reset(self) -> None:
        """As at the start: rules and what they remember, limits, faults, clock, prompt cache and journal."""
        self.rulebook.reset()
        self._limits = self._common.files.limits
        self.world.limits.replace(self._limits)
        self.world.faults.replace(list(self._common.settings.faults))
        self.world.ahead = 0.0
        self.world.jittered = 0
        self._catalog.reset()
        self._prompts.clear()
        self.world.resources.clear()
        self.journal.clear()
        self._start_count()
        self._on_reset()

    def _start_count(self) -> None:
        self._count = 0
        self._chance = self._common.chance(f"{self._common.settings.seed or 0} {self.name}")

    def _forget(self) -> None:
        """Answers that were planned may be others now."""
        self._planner.forget()

    def _scene(self, http: HttpRequest) -> Scene | None:
        """What surrounds a request, where a rule looks at it."""
        if not self.rulebook.rules.needs_scene:
            return None
        return self._around(http, self._chance.random())

    def _around(self, http: HttpRequest, chance: float = 0.0) -> Scene:
        scenarios = dict(self.rulebook.state.scenarios)
        return Scene(http, key_of(http), scenarios, self._count, chance, self.engine.now())

    def _warned(self, model: str) -> str:
        """What to say of a model that is not listed and has nearly the name of one that fails."""
        if not model.startswith("mock-") or self._catalog.lists(model):
            return ""
        meant = slip(model)
        return f"no model {model} fails on purpose: did you mean {meant}?" if meant else ""

    def _is_known(self, model: str) -> bool:
        """Whether a model of this name is answered."""
        if self._common.settings.unknown_models == "answer" or failing_model(model) is not None:
            return True
        return self._catalog.lists(model)
