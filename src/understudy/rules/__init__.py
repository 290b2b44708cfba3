"""Rules: read from files, and selected for a request.

YAML -read-> RuleSet -select(request, state)-> Match(rule, reply, groups) or None
                     -near_misses(request)---> what came nearest, and why it did not match

rule.py     what a rule is
read.py     the grammar of rule files
index.py    which rules can match a request at all
ruleset.py  which rule answers
state.py    what rules remember: how often they answered, scenarios
book.py     the rules of a space, which change while they are used
raw.py      bytes in place of an answer

For `understudy rules`: mistakes.py (all of a file), proofs.py and lint.py (rules that never answer),
report.py (both, as lines), schema.py (for editors), written.py (rules as they were understood)
"""

from understudy.rules.book import Rulebook
from understudy.rules.read import RuleFile, load, read_rule, read_text, read_value
from understudy.rules.rule import Match, NearMiss, Response, Rule
from understudy.rules.ruleset import RuleSet
from understudy.rules.state import RuleState

__all__ = [
    "Match",
    "NearMiss",
    "Response",
    "Rule",
    "RuleFile",
    "RuleSet",
    "RuleState",
    "Rulebook",
    "load",
    "read_rule",
    "read_text",
    "read_value",
]
