"""What matchers are made of.

matcher.py    what a matcher is, and what the index of a rule set knows of it
looking.py    matchers that test what they find in a request
combining.py  all, any, not
reading.py    how a value in a `when` is read, and its JSON Schema
forms.py      the value forms: tests of values
verdicts.py   what a matcher says
values.py     what matchers find, and how it is shown
"""

from understudy.matchers.combining import All, Any_, Not
from understudy.matchers.forms import (
    Between,
    Both,
    Contains,
    EndsWith,
    Exists,
    Like,
    Matches,
    OneOf,
    Only,
    StartsWith,
    Test,
    Tested,
)
from understudy.matchers.looking import At, Looking, Named, judged
from understudy.matchers.matcher import Fact, Look, Matcher, Reader
from understudy.matchers.reading import (
    FLAG,
    FORMS,
    JSON,
    LETTERS,
    NAME,
    NUMBER,
    TEXT,
    Kind,
    Schema,
    described,
    forms_schema,
    glob,
    one,
    read_test,
    several,
    value_schema,
)
from understudy.matchers.values import Json, Values, fold, masked, plain, shown, size, spelled
from understudy.matchers.verdicts import NO_GROUPS, Combined, Groups, Verdict

__all__ = [
    "FLAG",
    "FORMS",
    "JSON",
    "LETTERS",
    "NAME",
    "NO_GROUPS",
    "NUMBER",
    "TEXT",
    "All",
    "Any_",
    "At",
    "Between",
    "Both",
    "Combined",
    "Contains",
    "EndsWith",
    "Exists",
    "Fact",
    "Groups",
    "Json",
    "Kind",
    "Like",
    "Look",
    "Looking",
    "Matcher",
    "Matches",
    "Named",
    "Not",
    "OneOf",
    "Only",
    "Reader",
    "Schema",
    "StartsWith",
    "Test",
    "Tested",
    "Values",
    "Verdict",
    "described",
    "fold",
    "forms_schema",
    "glob",
    "judged",
    "masked",
    "one",
    "plain",
    "read_test",
    "several",
    "shown",
    "size",
    "spelled",
    "value_schema",
]
