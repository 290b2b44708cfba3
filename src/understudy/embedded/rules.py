"""A rule as a test adds it: `llm.when(user="weather").reply("It is sunny.")`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from understudy.embedded.lines import caller, reading
from understudy.errors import SettingsError
from understudy.replies import Reply, error, plain, written
from understudy.rules import Rule
from understudy.space import Space as World

if TYPE_CHECKING:
    from understudy.embedded.space import Space

REPLIES = (
    "a reply is a text (for JSON: json.dumps(...)), error(...), tool_call(...), a list of these, or a mapping"
)


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
        self._space.unfinished.pop(self, None)
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

    def error(self, kind: str | int, message: str | None = None, /, **fields: Any) -> Added:
        """Answer with this error each time: short for `.reply(error(kind, ...))`."""
        __tracebackhide__ = True
        return self.reply(error(kind, message, **fields))


def spelled(when: Mapping[str, Any] | None, keys: Mapping[str, Any]) -> dict[str, Any]:
    """A `when` as a rule file would have it. Raises SettingsError where it is no mapping."""
    if when is not None and not isinstance(when, Mapping):
        raise SettingsError(caller(), "when", f'expected keywords, like user="weather"; found {when!r}')
    return {**(when or {}), **{key.removesuffix("_"): value for key, value in keys.items()}}


def add(world: World, rule: dict[str, Any], replies: Sequence[Reply], line: str) -> Rule:
    """Add the rule, and return it as it was read. Raises SettingsError that names the line."""
    try:
        said = [written(reply) for reply in replies]
        several = len(said) > 1 or "repeat" in rule or not said
        value = plain(rule) | ({"sequence": said} if several else {"reply": said[0]})
    except TypeError as problem:
        raise SettingsError(line, "", f"{problem}; {REPLIES}") from None
    rules = reading(lambda: world.rulebook.read(value), line)
    reading(lambda: world.rulebook.add(rules), line)
    return rules[0]
