"""What rules remember from one request to the next: how often they answered, and scenarios."""

from __future__ import annotations

from random import Random

from understudy.rules.rule import Response, Rule


class RuleState:
    """The state of a space's rules. All chance is drawn from `seed`, for each rule by itself."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        """As if nothing had been asked yet."""
        self.used: dict[str, int] = {}
        self.scenarios: dict[str, str] = {}
        self._chances: dict[str, Random] = {}

    @property
    def known(self) -> set[str]:
        """The ids of the rules of which something is remembered."""
        return {*self.used, *self._chances}

    def forget(self, id: str) -> None:
        """As if the rule of this id had answered nothing yet."""
        self.used.pop(id, None)
        self._chances.pop(id, None)

    def take(self, rule: Rule) -> Response | None:
        """The response that it is this rule's turn to give, which counts; None where it gives none."""
        if rule.steady:
            self.used[rule.id] = self.used.get(rule.id, 0) + 1
            return rule.responses[0]
        response = self._due(rule)
        if response is None or (rule.probability < 1 and self._chance(rule).random() >= rule.probability):
            return None
        self.used[rule.id] = self.used.get(rule.id, 0) + 1
        if rule.then:
            self.scenarios = {**self.scenarios, **dict(rule.then)}
        return response

    def give_back(self, rule: Rule, scenarios: dict[str, str]) -> None:
        """As before the rule's last answer, which nobody was given; `scenarios` as they were then."""
        self.used[rule.id] = self.used.get(rule.id, 1) - 1
        if rule.then:
            self.scenarios = scenarios

    def spent(self, rule: Rule) -> str:
        """Why a rule does not answer any more, empty where it does."""
        if self._due(rule) is not None:
            return ""
        count = self.used.get(rule.id, 0)
        if rule.times is not None and count >= rule.times:
            often = "once" if count == 1 else f"{count} times"
            return f"it has answered {often}, as often as it may"
        return f"its sequence of {len(rule.responses)} is over"

    def _due(self, rule: Rule) -> Response | None:
        count, responses = self.used.get(rule.id, 0), rule.responses
        if rule.times is not None and count >= rule.times:
            return None
        if count < len(responses):
            return responses[count]
        if rule.repeat == "once":
            return None
        return responses[-1 if rule.repeat == "last" else count % len(responses)]

    def _chance(self, rule: Rule) -> Random:
        if rule.id not in self._chances:
            self._chances[rule.id] = Random(f"{self._seed} {rule.id}")
        return self._chances[rule.id]
