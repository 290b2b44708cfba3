"""Replies that quote the request: `It is {{ groups.degrees }} degrees, {{ user }}`.

The language is Jinja's, in its ImmutableSandboxedEnvironment: a template reaches no Python beyond the values
below, and cannot change them, since they are shared between requests. The sandbox and the bounds are there so
that a file, or a request that it quotes, does no harm by accident:

- text: at most MAX_TEXT characters, counted while it is written
- values: only numbers can be multiplied; powers, `replace` and `join` are checked before they are computed
- loops: `range` gives at most MAX_RANGE numbers, and at most MAX_NESTING loops are inside one another
- filters and methods of texts: those in the lists below; padding and formatting are not among them

Chance comes with the request, drawn from the seed: the same requests, in the same order, get the same texts.

Not bounded: what an author who means it builds by `set` upon `set`. Whoever writes the rules runs the server.

A mistake that can be seen in the text is a SettingsError when the file is read. One that shows only with a
request (a group that did not take part, a division by zero) never becomes an error of the server: the reply
is then a text in square brackets that says which template failed, and why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from operator import itemgetter
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from understudy.caching import cached
from understudy.errors import Place, SettingsError
from understudy.matchers.base import NO_GROUPS, Groups, size
from understudy.matchers.text import new_results
from understudy.model import HttpRequest, Request, Scene, ToolCall

if TYPE_CHECKING:
    import jinja2
    from jinja2 import nodes

MAX_TEXT = 1_000_000
MAX_RANGE = 10_000
MAX_NESTING = 2
MAX_CACHED_CHARS = 20_000
"""Values longer than this, together, are not kept in the cache of rendered texts."""

# fmt: off
FILTERS = (
    "abs", "capitalize", "count", "d", "default", "e", "escape", "first", "float", "groupby", "int",
    "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
    "replace", "reverse", "round", "select", "selectattr", "sort", "string", "sum", "title", "tojson",
    "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
)
TEXT_METHODS = frozenset((
    "capitalize", "casefold", "count", "endswith", "find", "index", "isalpha", "isdigit", "islower",
    "isnumeric", "isspace", "istitle", "isupper", "lower", "lstrip", "partition", "removeprefix",
    "removesuffix", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split", "splitlines",
    "startswith", "strip", "swapcase", "title", "upper",
))
# fmt: on

STATEMENTS = ("Output", "If", "For", "Assign", "AssignBlock", "FilterBlock", "With")
"""What a template can do, as Jinja names it. Macros are missed by nobody and can call themselves."""

Extra = Mapping[str, Callable[[Request], object]]
"""Further variables, by name."""
NO_EXTRA: Extra = {}


# --- What a template can quote -----------------------------------------------------------------------


class QuotedMessage(NamedTuple):
    """A message: `{% for m in messages %}{{ m.role }}: {{ m.text }}{% endfor %}`."""

    role: str
    text: str
    name: str


class QuotedResult(NamedTuple):
    """A tool's result."""

    name: str
    text: str


class QuotedTool(NamedTuple):
    """A tool on offer."""

    name: str
    description: str


class QuotedCall(NamedTuple):
    """A call of a tool that the assistant made; `text` is its arguments as they were sent."""

    name: str
    text: str
    id: str

    @property
    def arguments(self) -> object:
        """The arguments by name: `{{ tool_calls[0].arguments.city }}`; the text where it is no JSON."""
        try:
            return msgspec.json.decode(self.text)
        except msgspec.DecodeError:
            return self.text


class Sent(dict[str, str]):
    """Parameters of the query, by name; the first where there are several."""

    _noun = "parameter"

    def __missing__(self, name: str) -> Any:
        from jinja2 import StrictUndefined

        return StrictUndefined(f'the request has no {self._noun} "{name}"')


class SentHeaders(Sent):
    """Headers by name, whatever its case; the first where there are several."""

    _noun = "header"

    def __missing__(self, name: str) -> Any:
        folded = str(name).lower()
        return self[folded] if folded in self else super().__missing__(folded)


class Captured(dict[str, str]):
    """The groups that the rule's regexes captured; hashable, as a key of the cache."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))

    def __missing__(self, name: str) -> Any:
        from jinja2 import StrictUndefined

        return StrictUndefined(f'the group "{name}" took no part in the match')


NOWHERE = Scene(HttpRequest("POST", "/"))
"""What surrounds a request that has no scene."""


def scene(request: Request) -> Scene:
    return request.scene or NOWHERE


def headers(http: HttpRequest) -> SentHeaders:
    pairs = zip(http.headers[-2::-2], http.headers[::-2], strict=True)  # backwards: the first one stays
    return SentHeaders({name.decode("latin-1"): value.decode("latin-1") for name, value in pairs})


def parameters(http: HttpRequest) -> Sent:
    return Sent(reversed(parse_qsl(http.query, keep_blank_values=True)))


def chance(request: Request, purpose: str = "") -> Random:
    """What a text draws from: the same for the same request, and its own for each choice and purpose."""
    return Random(f"{scene(request).chance} {request.choice} {purpose}")


def pick(request: Request) -> Callable[[Iterable[Any]], Any]:
    """A function that gives one of several values, each as likely."""
    source = chance(request, "pick")

    def pick(values: Iterable[Any]) -> Any:
        several = list(values)
        if not several:
            raise ValueError("there is nothing to pick from")
        return source.choice(several)

    return pick


def randint(request: Request) -> Callable[[int, int], int]:
    """A function that gives a whole number between two, both included."""
    source = chance(request, "randint")

    def randint(low: int, high: int) -> int:
        if low > high:
            raise ValueError(f"there is no number from {low} to {high}")
        return source.randint(low, high)

    return randint


def moment(unix_s: float) -> str:
    """A moment in UTC: `2026-11-23T03:12:00Z`."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Read = Callable[[Request, Groups], object]

VARIABLES: dict[str, Read] = {
    "user": lambda request, groups: request.user,
    "system": lambda request, groups: request.system,
    "model": lambda request, groups: request.model,
    "api": lambda request, groups: request.api,
    "operation": lambda request, groups: request.operation,
    "turn": lambda request, groups: request.turn,
    "groups": lambda request, groups: Captured(groups),
    "subject": lambda request, groups: subject(request.user),
    "messages": lambda request, groups: tuple(
        QuotedMessage(message.role, message.text, message.name) for message in request.messages
    ),
    "tools": lambda request, groups: tuple(QuotedTool(tool.name, tool.description) for tool in request.tools),
    "tool_calls": lambda request, groups: tool_calls(request),
    "tool_results": lambda request, groups: tool_results(request),
    "body": lambda request, groups: request.raw,
}
SCENIC: dict[str, Read] = {
    "count": lambda request, groups: scene(request).count,
    "random": lambda request, groups: chance(request).random(),
    "randint": lambda request, groups: randint(request),
    "pick": lambda request, groups: pick(request),
    "now": lambda request, groups: moment(scene(request).now),
    "unix_time": lambda request, groups: int(scene(request).now),
    "key": lambda request, groups: scene(request).key,
    "headers": lambda request, groups: headers(scene(request).http),
    "query": lambda request, groups: parameters(scene(request).http),
}
VARIABLES |= SCENIC
FROM_SCENE = frozenset(SCENIC)
"""Variables that the same request may find changed when it comes again."""


def tool_calls(request: Request) -> tuple[QuotedCall, ...]:
    """All calls of the conversation so far, in order."""
    parts = [part for message in request.messages for part in message.parts]
    return tuple(
        QuotedCall(part.name, part.arguments, part.id) for part in parts if isinstance(part, ToolCall)
    )


def tool_results(request: Request) -> tuple[QuotedResult, ...]:
    """The results since the last assistant message. A name that was not sent is looked up in the calls."""
    results = new_results(request)
    if all(result.name for result in results):
        return tuple(QuotedResult(result.name, result.text) for result in results)
    names = {part.id: part.name for m in request.messages for part in m.parts if isinstance(part, ToolCall)}
    return tuple(QuotedResult(result.name or names.get(result.id, ""), result.text) for result in results)


MAX_SUBJECT_WORDS = 8
_OPENINGS = (
    r"(?:hi|hello|hey)(?: there| everyone| again)?|dear \w+|thanks|thank you|ok|okay|so|well|now|please",
    r"just|also|first|then|(?:can|could|would|will) you|do you know|i (?:want|need|would like)(?: you)?",
    r"i'd like(?: you)?|i(?: am|'m) looking for|help(?: me)?|let's|let us|tell me|teach me|show me|give me",
    r"kindly|find me|walk me through|write|create|make|build|generate|produce|draft|compose|prepare",
    r"implement|develop|design|provide|explain|describe|discuss|summari[sz]e|translate|analy[sz]e|define",
    r"list|answer|say|talk",
    r"what(?:'s| is| are| was| were| does| do)|who(?:'s| is| are| was| were)|where(?:'s| is| are)",
    r"when (?:is|was)|why (?:is|are|do|does|did)|how (?:do|can|should|would) (?:i|we|you|one)",
    r"how (?:does|do|is|are|to)|to|me|us|about|on|of|for|with|the|an?|some|my|your|our|this|that|these|those",
    r"following",
)
_OPENING = re.compile(rf"(?:{'|'.join(_OPENINGS)})(?![\w'-])[\s,:;!.-]*", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?](?=\S)[^.!?\n]*)*")
_LOOSE_ENDS = re.compile(
    r"(?:\s+(?:an?|and|are|as|at|because|but|by|for|from|how|i|in|into|is|its?|of|on|or|so|that|the|their|they"
    r"|this|to|using|we|what|when|where|which|who|why|with|you))+$",
    re.IGNORECASE,
)


def subject(text: str) -> str:
    """The words of a text that it is about: `Please write a poem about the sea!` gives `poem about the sea`.

    The first sentence that says something, without courtesies, commands and question words in front and
    without punctuation behind, at most MAX_SUBJECT_WORDS words. Empty if there is nothing left.
    """
    return _subject(text[:300])


@cached(entries=1_024, longest=8_192)
def _subject(text: str) -> str:
    for sentence in _SENTENCE.findall(text):
        words = _without_opening(sentence.lstrip(" \t\"'`*#>-:,;()[]")).rstrip(" \t\"'`*:,;!?.").split()
        if any(character.isalnum() for word in words for character in word):
            return _first(words).rstrip(" ,;:\"'`*")
    return ""


def _without_opening(sentence: str) -> str:
    at = 0
    while found := _OPENING.match(sentence, at):
        at = found.end()
    return sentence[at:]


def _first(words: list[str]) -> str:
    """As many of the words as a subject has, without those that cannot end it."""
    first = " ".join(words[:MAX_SUBJECT_WORDS])
    return first if len(words) <= MAX_SUBJECT_WORDS else _LOOSE_ENDS.sub("", first)


# --- Templates -----------------------------------------------------------------------------------------

Values = tuple[object, ...]
Piece = str | Callable[[Values], object]
"""A piece of a text: what stands in the template, or what is put in for the values of its variables."""


class Template:
    """A text that quotes the request it answers.

    `groups` are the names that the rule's regexes capture; `extra` adds variables. Nothing is looked at
    before `check` or the first `render`, so that a file that is known to be good costs no time at the start.
    A text that holds no template at all is given as it is, without Jinja. `lasting` says whether the text
    depends on nothing but the request's content, as is known once it was looked at.
    """

    __slots__ = (
        "_compiled",
        "_pieces",
        "_plain",
        "_reads",
        "extra",
        "groups",
        "lasting",
        "names",
        "place",
        "text",
    )

    def __init__(
        self, text: str, place: Place, groups: Collection[str] = (), extra: Extra = NO_EXTRA
    ) -> None:
        self.text = text
        self.place = place
        self.groups = groups
        self.extra = extra
        self.names: tuple[str, ...] = ()
        self.lasting = False
        self._reads: tuple[Read, ...] | None = None
        self._plain: str | None = None
        self._pieces: tuple[Piece, ...] | None = None
        self._compiled: jinja2.Template | None = None

    def check(self) -> Template:
        """This template, if nothing is wrong with it. Raises SettingsError at `place`."""
        self._prepared()
        return self

    def render(self, request: Request, groups: Groups = NO_GROUPS) -> str:
        """The text for this request. Never raises: what fails is explained in the text."""
        if self._plain is not None:
            return self._plain
        try:
            reads = self._prepared() if self._reads is None else self._reads
            values = tuple([read(request, groups) for read in reads])
            if size(values) > MAX_CACHED_CHARS or not self.lasting or not _hashable(values):
                return self.written(values)
            return _cached(self, values)
        except Exception as e:  # whatever a template does, the server answers
            said = e.message if isinstance(e, SettingsError) else str(e) or type(e).__name__
            return f"[{self.place.source}: {self.place.path}: this template failed: {said}]"

    def written(self, values: Values) -> str:
        """The text for the values of `names`."""
        pieces, size = [], 0
        for piece in self._written(values):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_TEXT:
                raise OverflowError(f"its text is longer than {MAX_TEXT} characters")
        return "".join(pieces)

    def _written(self, values: Values) -> Iterable[str]:
        if self._pieces is not None:
            return [piece if isinstance(piece, str) else str(piece(values)) for piece in self._pieces]
        if self._compiled is None:
            self._compiled = _environment().from_string(self.text)
        return self._compiled.generate(zip(self.names, values, strict=True))

    def _prepared(self) -> tuple[Read, ...]:
        """How each of the variables that are used is read; computed once, like `names`."""
        if any(mark in self.text for mark in MARKS):
            tree = _parsed(self.text, self.place)
            self.names = _names(tree, self.place, self.groups, self.extra)
            self._pieces = _pieces(tree, self.names)
        else:
            self._plain = _NEWLINE.sub("\n", self.text)
            self._pieces = (self._plain,)
        self.lasting = FROM_SCENE.isdisjoint(self.names)
        self._reads = tuple(_read(name, self.extra) for name in self.names)
        return self._reads


MARKS = ("{{", "{%", "{#")
_NEWLINE = re.compile(r"\r\n?")


def _pieces(tree: nodes.Template, names: tuple[str, ...]) -> tuple[Piece, ...] | None:
    """A template that does nothing but quote variables and what is in them; None for one that does more.

    It needs no run of Jinja's own, whose setting up costs more than a short text. What is looked up in a
    variable is looked up by the sandbox, as Jinja's code does it.
    """
    from jinja2 import nodes

    pieces: list[Piece] = []
    for node in tree.body:
        if not isinstance(node, nodes.Output):
            return None
        for each in node.nodes:
            piece = each.data if isinstance(each, nodes.TemplateData) else _lookup(each, names)
            if piece is None:
                return None
            pieces.append(piece)
    return tuple(pieces)


def _lookup(node: nodes.Node, names: tuple[str, ...]) -> Callable[[Values], object] | None:
    """What gives `user`, `groups.city` or `messages[0].text`; None for any other expression."""
    from jinja2 import nodes

    if isinstance(node, nodes.Name) and node.name in names:
        return itemgetter(names.index(node.name))
    if isinstance(node, nodes.Getattr):
        look: Callable[[Any, Any], object] = _environment().getattr
        key = node.attr
        if node.node == nodes.Name("groups", "load") and not hasattr(Captured, key):
            look = _environment().getitem  # where getattr ends up, too, but not before it has failed
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        look, key = _environment().getitem, node.arg.value
    else:
        return None
    owner = _lookup(node.node, names)
    return None if owner is None else lambda values: look(owner(values), key)


@lru_cache(maxsize=1024)
def _cached(template: Template, values: Values) -> str:
    return template.written(values)


def _hashable(values: Values) -> bool:
    try:
        hash(values)
    except TypeError:
        return False
    return True


# --- Checking -----------------------------------------------------------------------------------------


def _parsed(text: str, place: Place) -> nodes.Template:
    from jinja2 import TemplateSyntaxError

    try:
        return _environment().parse(text)
    except TemplateSyntaxError as e:
        raise place.error(f"line {e.lineno} of the template: {e.message}") from None


def _names(tree: nodes.Template, place: Place, groups: Collection[str], extra: Extra) -> tuple[str, ...]:
    """The variables that a template uses. Whatever it uses exists, or a SettingsError says what does not."""
    from jinja2 import nodes
    from jinja2.meta import find_undeclared_variables

    environment = _environment()
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        kind, known = (
            ("filter", environment.filters) if isinstance(node, nodes.Filter) else ("test", environment.tests)
        )
        name = getattr(node, "name", None)
        if name is not None and name not in known:
            raise place.unknown(kind, name, sorted(known))
    for statement in tree.find_all(nodes.Stmt):
        if type(statement).__name__ not in STATEMENTS:
            raise place.error(
                f"a template here has no `{type(statement).__name__.lower()}`; it has if, for and set"
            )
    if _nesting(tree) > MAX_NESTING:
        raise place.error(f"loops are nested more than {MAX_NESTING} deep")
    used = sorted(find_undeclared_variables(tree) - environment.globals.keys())
    for name in used:
        if name not in VARIABLES and name not in extra:
            raise place.unknown("variable", name, [*VARIABLES, *extra])
    _check_groups(tree, place, groups)
    return tuple(used)


def _read(name: str, extra: Extra) -> Read:
    if name not in extra:
        return VARIABLES[name]
    read = extra[name]
    return lambda request, groups: read(request)


def _nesting(node: nodes.Node) -> int:
    from jinja2 import nodes

    deepest = max((_nesting(child) for child in node.iter_child_nodes()), default=0)
    return deepest + isinstance(node, nodes.For)


def _check_groups(tree: nodes.Template, place: Place, groups: Collection[str]) -> None:
    """Complain about a group that no regex of the rule captures."""
    from jinja2 import nodes

    quoted: list[tuple[nodes.Expr, object]] = [
        (node.node, node.attr) for node in tree.find_all(nodes.Getattr)
    ]
    quoted += [(node.node, getattr(node.arg, "value", None)) for node in tree.find_all(nodes.Getitem)]
    for owner, name in quoted:
        if owner != nodes.Name("groups", "load") or not isinstance(name, str):
            continue
        if not groups:
            raise place.error(f'no regex of this rule captures a group "{name}": (?P<{name}>...) would')
        if name not in groups:
            raise place.unknown("group", name, groups)


# --- The sandbox -------------------------------------------------------------------------------------


@cache
def _environment() -> jinja2.Environment:
    """The environment of all templates. Importing Jinja takes time: the first template pays for it."""
    from jinja2 import StrictUndefined, pass_eval_context
    from jinja2.exceptions import SecurityError
    from jinja2.filters import do_join
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Environment(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"*", "**", "%"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "%" and isinstance(left, str):
                raise SecurityError("a text cannot be formatted with %; join pieces with ~")
            if operator == "**" and not (abs(left) <= 1000 and abs(right) <= 100):
                raise OverflowError("a power is too large")
            if operator == "*" and not (isinstance(left, int | float) and isinstance(right, int | float)):
                raise SecurityError("only numbers can be multiplied")
            return super().call_binop(context, operator, left, right)

        def wrap_str_format(self, value: Any) -> None:
            """No method that formats: the sandbox would let a safe one pass that pads without a limit."""

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            if isinstance(obj, str) and attr not in TEXT_METHODS:
                return False
            return super().is_safe_attribute(obj, attr, value)

    @pass_eval_context
    def join(context: Any, values: Iterable[Any], between: str = "", attribute: str | None = None) -> Any:
        joined = list(values)
        _check_size(len(joined) * len(between))
        return do_join(context, joined, between, attribute)

    environment = Environment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=None,
    )
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    environment.filters |= {"replace": _replace, "join": join}
    environment.globals = {"range": _range}
    return environment


def _check_size(size: float) -> None:
    if size > MAX_TEXT:
        raise OverflowError(f"a value is longer than {MAX_TEXT} characters")


def _range(*limits: int) -> range:
    numbers = range(*limits)
    if len(numbers) > MAX_RANGE:
        raise OverflowError(f"a range is longer than {MAX_RANGE} numbers")
    return numbers


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    _check_size(len(text) + text.count(old) * len(new))
    return text.replace(old, new, count)
