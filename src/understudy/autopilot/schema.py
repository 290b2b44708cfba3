"""A valid instance of a JSON Schema, deterministically, with values that look sensible.

    schema -expand-> flat schema (no $ref, allOf, anyOf, oneOf, if) -build-> value -verify-> repair, again

The builder knows what a schema wants; `jsonschema_rs` alone knows whether a value is valid. Where it
objects, the place at fault is told to try its next alternative (another branch, another member of the
enum, fewer properties), and the whole is built again, a bounded number of times. A schema that nothing
satisfies, or one that is no schema at all, gets the best attempt: never an exception, never an endless
search, never a look at the network for a remote `$ref`.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from re import _parser as sre  # type: ignore[attr-defined]
from typing import Any

import msgspec

from understudy.caching import cached

Schema = dict[str, Any]
Path = tuple[str | int, ...]

MAX_ROUNDS = 48
MAX_NODES = 6_000
MAX_DEPTH = 24
MAX_SAME = 6
DEEP = 7
MAX_ITEMS = 200
MAX_TEXT = 20_000
BIG = 2**63  # whole numbers beyond are written as floats
HUGE = Fraction(10) ** 308
NEVER: Schema = {"type": []}


def named(text: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(text.split())


# --- what the user's words suggest ------------------------------------------------------------------

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?!\w|\.\d)")
QUANTITY = r"(-?\d{1,15}(?:\.\d{1,9})?)\b"
CAPITALS = r"([A-Z][\w'’-]*(?:[ -](?:[A-Z][\w'’-]*|de|la|del|of))*)"
PLACE = re.compile(rf"\b(?:in|at|for|near|to|from|of|around|visit|visiting)\s+{CAPITALS}")
CAPITALIZED = re.compile(rf"(?<![.!?]\s)(?<!^)\b{CAPITALS}")
STARTERS = named(
    "a an and are can could do does give hello hey hi how i i'm is it let list make my please show tell the"
    " then what what's when where which who why will would you your"
)


def _group(pattern: str) -> Callable[[str], str | None]:
    """A function that gives the first group of the first match."""
    compiled = re.compile(pattern)

    def found(words: str) -> str | None:
        match = compiled.search(words)
        return match.group(1).strip() if match else None

    return found


def _place(words: str) -> str | None:
    for match in [*PLACE.finditer(words), *CAPITALIZED.finditer(words)]:
        if match.group(1).lower() not in STARTERS:
            return match.group(1)
    return None


def _whole(words: str) -> str | None:
    return " ".join(words.split())[:400] or None


def _expression(words: str) -> str | None:
    for match in re.finditer(r"[(\d][\d\s.()+\-*/^%×÷]*[\d)]", words):
        text = match.group(0).strip()
        if re.search(r"\d\s*[-+*/^%×÷]", text):
            return text.replace("×", "*").replace("÷", "/").replace("^", "**")
    return None


def _origin(words: str) -> str | None:
    match = re.search(rf"\bfrom\s+{CAPITALS}", words)
    return match.group(1) if match else _place(words)


def _destination(words: str) -> str | None:
    match = re.search(rf"\bto\s+{CAPITALS}", words)
    return match.group(1) if match else _place(words)


_person = _group(rf"\b(?:[Nn]amed|[Cc]alled|I am|I'm|[Nn]ame is|[Uu]ser|[Ff]or)\s+[\"'“]?{CAPITALS}")
_url = _group(r"(https?://[^\s\"'<>)\]]+[^\s\"'<>)\].,;:!?])")
_email = _group(r"([\w.+-]+@[\w-]+(?:\.[\w-]+)+)")
_file = _group(r"((?:[~.\w-]*/)*[\w-]+\.[A-Za-z]\w{0,4})\b")
_date = _group(r"\b(\d{4}-\d{2}-\d{2})\b")
_language = _group(
    r"\b(?:[Ii]n|[Ii]nto|[Tt]o)\s+(English|French|German|Spanish|Italian|Portuguese|Japanese|Chinese|Dutch|Python)\b"
)
_code = _group(r"```\w*\n(.*?)```")

# A property's name, split into words, one of which is listed -> how to take it from the words, and
# what it is where they say nothing. The first row that fits wins.
STRINGS: tuple[tuple[frozenset[str], Callable[[str], str | None] | None, str], ...] = tuple(
    (frozenset(names.split()), taken, plain)
    for names, taken, plain in (
        ("email mail", _email, "ada@example.com"),
        ("url uri link website href homepage", _url, "https://example.com/"),
        ("origin departure source_city from", _origin, "Paris"),
        ("destination arrival to", _destination, "London"),
        ("city location place town capital where", _place, "Paris"),
        ("country nation", _place, "France"),
        ("expression formula equation calculation math arithmetic", _expression, "2 + 2"),
        ("code script program python", _code, "print('Hello from Understudy')"),
        ("command cmd shell bash", None, "echo hello"),
        ("path file filename filepath filename document", _file, "example.txt"),
        ("directory folder dir", None, "."),
        ("date day birthday deadline", _date, "2026-01-15"),
        ("time hour", _group(r"\b(\d{1,2}:\d{2})\b"), "09:30"),
        ("datetime timestamp created updated", None, "2026-01-15T09:30:00Z"),
        ("language lang locale", _language, "English"),
        ("unit units", _group(r"\b([Cc]elsius|[Ff]ahrenheit|[Kk]elvin|km|miles|kg)\b"), "celsius"),
        ("currency", _group(r"\b([A-Z]{3})\b"), "EUR"),
        ("symbol ticker", _group(r"\b([A-Z]{2,5})\b"), "ACME"),
        ("query question search keywords keyword q", _whole, "example"),
        (
            "task instruction instructions prompt request message input text content topic subject",
            _whole,
            "Hello.",
        ),
        ("username login handle", _person, "ada"),
        ("company organization organisation employer", None, "Example Ltd."),
        ("title headline", None, "An example"),
        ("author person owner customer name", _person, "Ada Lovelace"),
        ("surname lastname last", None, "Lovelace"),
        ("first firstname", None, "Ada"),
        ("street address", None, "12 Example Street"),
        ("zip zipcode postcode postal", None, "75001"),
        ("phone tel telephone mobile", None, "+44 20 7946 0000"),
        ("color colour", None, "blue"),
        ("sentiment mood", None, "positive"),
        ("status state", None, "ok"),
        ("category type kind tag label genre", None, "general"),
        ("reason reasoning rationale explanation why thought thinking", None, "It follows from the request."),
        ("step", None, "Read the request and answer it."),
        ("description summary details note notes comment body", None, "A short example."),
        ("id key identifier uuid", None, "example-1"),
        ("version", None, "1.0.0"),
        ("gender sex", None, "female"),
        ("job role occupation profession", None, "engineer"),
        ("conditions condition weather", None, "sunny"),
        ("fruit", None, "apple"),
        ("animal pet", None, "cat"),
    )
)
ANSWERS = named("answer result final output response reply solution completion")
NUMBERS: dict[str, float] = {
    "age": 36, "year": 2026, "month": 1, "day": 15, "hour": 9, "minute": 30, "price": 19.99, "cost": 19.99,
    "total": 42, "temperature": 21, "humidity": 55, "latitude": 48.8566, "lat": 48.8566, "longitude": 2.3522,
    "lon": 2.3522, "lng": 2.3522, "score": 0.9, "confidence": 0.9, "probability": 0.9, "rating": 4,
    "percent": 50, "percentage": 50, "height": 170, "weight": 65, "population": 2_100_000, "timeout": 10,
}  # fmt: skip
FORMATS: dict[str, Callable[[int], str]] = {
    "date-time": lambda n: f"2026-01-{15 + n % 14:02}T09:30:00Z",
    "date": lambda n: f"2026-01-{15 + n % 14:02}",
    "time": lambda n: f"09:{30 + n % 30:02}:00Z",
    "duration": lambda n: f"P{1 + n}D",
    "email": lambda n: f"ada{n or ''}@example.com",
    "idn-email": lambda n: f"ada{n or ''}@example.com",
    "hostname": lambda n: f"host{n}.example.com" if n else "example.com",
    "idn-hostname": lambda n: f"host{n}.example.com" if n else "example.com",
    "ipv4": lambda n: f"192.0.2.{1 + n % 254}",
    "ipv6": lambda n: f"2001:db8::{1 + n % 9999}",
    "uri": lambda n: f"https://example.com/{n or ''}",
    "url": lambda n: f"https://example.com/{n or ''}",
    "iri": lambda n: f"https://example.com/{n or ''}",
    "uri-reference": lambda n: f"/example/{n or ''}",
    "iri-reference": lambda n: f"/example/{n or ''}",
    "uri-template": lambda n: f"https://example.com/{{id}}/{n or ''}",
    "uuid": lambda n: f"6f1b2c3d-4e5f-4a6b-8c7d-{n:012x}",
    "json-pointer": lambda n: f"/example/{n}",
    "relative-json-pointer": lambda n: str(1 + n),
    "regex": lambda n: f"^[a-z]{{{1 + n}}}$",
    "binary": lambda n: "SGVsbG8=",
    "byte": lambda n: "SGVsbG8=",
}


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def name_words(name: str) -> list[str]:
    """`departureCity` and `departure_city` -> ["departure", "city"]."""
    return re.findall(r"[a-z]+|\d+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower())


# --- a text that a pattern matches --------------------------------------------------------------------

POOL = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. ,:/@+#!?'\"()[]{}<>=*&%$;~|^`\\\t\n"
CATEGORIES: dict[Any, Callable[[str], bool]] = {
    sre.CATEGORY_DIGIT: str.isdecimal,
    sre.CATEGORY_NOT_DIGIT: lambda c: not c.isdecimal(),
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_NOT_SPACE: lambda c: not c.isspace(),
    sre.CATEGORY_WORD: lambda c: c.isalnum() or c == "_",
    sre.CATEGORY_NOT_WORD: lambda c: not (c.isalnum() or c == "_"),
}


class _Sampler:
    """Writes one text that the parsed pattern matches; `extra` repetitions beyond the least, turn `nth`."""

    def __init__(self, nth: int, extra: int) -> None:
        self.nth = nth
        self.extra = extra
        self.groups: dict[int, str] = {}
        self.written = 0

    def text(self, nodes: Any) -> str:
        return "".join(self.node(op, value) for op, value in nodes)

    def node(self, op: Any, value: Any) -> str:
        if op is sre.LITERAL:
            return chr(value)
        if op is sre.NOT_LITERAL:
            return self.pick([c for c in POOL if ord(c) != value])
        if op is sre.ANY:
            return self.pick(list(POOL[:36]))
        if op is sre.IN:
            return self.pick(_members(value))
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            return self.repeat(*value)
        if op is sre.SUBPATTERN:
            text = self.text(value[3])
            if value[0] is not None:
                self.groups[value[0]] = text
            return text
        if op is sre.ATOMIC_GROUP:
            return self.text(value)
        if op is sre.BRANCH:
            return self.text(value[1][self.nth % len(value[1])])
        if op is sre.GROUPREF:
            return self.groups.get(value, "")
        if op is sre.GROUPREF_EXISTS:
            return self.text(value[1] if value[0] in self.groups else (value[2] or ()))
        return ""  # AT, ASSERT, ASSERT_NOT: the verifier tells whether they hold

    def pick(self, characters: list[str]) -> str:
        if not characters:
            return ""
        self.written += 1
        return characters[(self.written - 1 + self.nth) % min(len(characters), 26)]

    def repeat(self, least: int, most: Any, nodes: Any) -> str:
        times = min(int(most), max(int(least), 1) + self.extra if most != 0 else 0)
        return "".join(self.text(nodes) for _ in range(min(times, 2_000)) if self.written < MAX_TEXT)


def _members(items: Any) -> list[str]:
    """The characters of a set like `[a-z\\d]`, the pleasant ones first."""

    def holds(c: str) -> bool:
        for op, value in items:
            if op is sre.LITERAL and ord(c) == value:
                return True
            if op is sre.RANGE and value[0] <= ord(c) <= value[1]:
                return True
            if op is sre.CATEGORY and CATEGORIES[value](c):
                return True
        return False

    negated = bool(items) and items[0][0] is sre.NEGATE
    found = [c for c in POOL if holds(c) != negated]
    lows = [value if op is sre.LITERAL else value[0] for op, value in items if op in (sre.LITERAL, sre.RANGE)]
    return found or [chr(low) for low in lows if not 0xD800 <= low <= 0xDFFF]


@cached(entries=512, longest=1_024)
def _parsed(pattern: str) -> Any:
    """The syntax tree of an ECMA pattern in Python's terms, None where it has none or is endless."""
    python = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    python = re.sub(r"\\p\{[^}]*\}", "[A-Za-z]", python).replace(r"\/", "/")
    try:
        tree = sre.parse(python)
        return tree if tree.getwidth()[0] <= MAX_TEXT else None
    except (re.error, OverflowError, RecursionError, ValueError):
        return None


def sample(pattern: str, nth: int = 0, least: int = 0, most: int | None = None) -> str | None:
    """A text that `pattern` matches, of `least` to `most` characters; the `nth` of several.

    None where the pattern cannot be read or no text was found that fits.
    """
    tree = _parsed(pattern)
    if tree is None:
        return None
    extra, step = 0, 1
    while extra <= 4_000:
        text = _Sampler(nth, extra).text(tree)
        if most is not None and len(text) > most:
            if step == 1:
                break
            extra, step = extra - step + 1, 1  # a stride too far: from here on in single steps
            continue
        if len(text) >= least and matches(pattern, text):
            return text
        step = max(1, min(2 * step, (least - len(text)) // 4))
        extra += step if len(text) < least or extra < 12 else 4_000
    return _shortest(tree, pattern, nth, least, most)


def _shortest(tree: Any, pattern: str, nth: int, least: int, most: int | None) -> str | None:
    for turn in (nth, *range(8)):
        text = _Sampler(turn, -1).text(tree)
        padded = text + "a" * (least - len(text))
        for candidate in (text, padded):
            if (
                len(candidate) >= least
                and (most is None or len(candidate) <= most)
                and matches(pattern, candidate)
            ):
                return candidate
    return None


@cached(entries=2_048, longest=1_024)
def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in `text`, asked of the validator, whose engine cannot be led astray."""
    validator = _validator({"pattern": pattern})
    return validator is not None and bool(validator.is_valid(text))


# --- schemas made flat --------------------------------------------------------------------------------


def _offline(uri: str) -> Any:
    raise ValueError(f"remote schemas are not fetched: {uri}")


def _validator(schema: Schema) -> Any:
    """The validator of `schema`, None where it is no schema or refers to something that is not there."""
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(schema, retriever=_offline)
    except (ValueError, TypeError, RecursionError):
        return None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _count(value: object, default: int) -> int:
    """A length or size: a number that is not negative, else `default`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        return default
    return int(value)


LARGEST = sys.float_info.max


def _bound(value: object) -> int | float | None:
    """A limit for numbers, None where there is no sensible one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return value


TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
KEYWORDS_OF = {
    "object": "properties required additionalProperties patternProperties minProperties maxProperties"
    " propertyNames dependentRequired dependentSchemas dependencies",
    "array": "items prefixItems contains minItems maxItems uniqueItems additionalItems",
    "string": "pattern minLength maxLength format contentEncoding",
    "number": "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf",
}


def types_of(flat: Schema) -> list[str]:
    """The types that a schema allows, those that its keywords speak of first."""
    declared = flat.get("type")
    names = [declared] if isinstance(declared, str) else _list(declared) if declared is not None else None
    if names is not None:
        known = [name.lower() for name in names if isinstance(name, str) and name.lower() in TYPES]
        if flat.get("nullable") is True and "null" not in known:
            known.append("null")
        return sorted(known, key=lambda name: name == "null")
    spoken = [name for name, keys in KEYWORDS_OF.items() if any(key in flat for key in keys.split())]
    return spoken + [name for name in TYPES if name not in spoken and name != "integer"]


def _both_types(a: object, b: object) -> object:
    ours, theirs = ([t] if isinstance(t, str) else _list(t) for t in (a, b))
    both = [t for t in ours if t in theirs or (t == "integer" and "number" in theirs)]
    return both + [t for t in theirs if t == "integer" and "number" in ours and t not in both]


def _both_schemas(a: object, b: object) -> object:
    if a is True or a == {}:
        return b
    if b is True or b == {}:
        return a
    if a is False or b is False:
        return False
    return {"allOf": [a, b]}


def _same(a: object, b: object) -> bool:
    """JSON's equality: `1` is `1.0` but not `true`."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    return a == b


def _both_enums(a: object, b: object) -> object:
    return [value for value in _list(a) if any(_same(value, other) for other in _list(b))]


def _both_steps(a: object, b: object) -> object:
    x, y = _bound(a), _bound(b)
    if not x or not y:
        return a or b
    fx, fy = Fraction(str(x)), Fraction(str(y))
    step = Fraction(
        math.lcm(fx.numerator * fy.denominator, fy.numerator * fx.denominator),
        fx.denominator * fy.denominator,
    )
    return int(step) if step.denominator == 1 else float(step)


def _larger(a: Any, b: Any) -> Any:
    return a if _bound(b) is None or (_bound(a) is not None and a >= b) else b


def _smaller(a: Any, b: Any) -> Any:
    return a if _bound(b) is None or (_bound(a) is not None and a <= b) else b


def _each(merge: Callable[[object, object], object]) -> Callable[[Any, Any], Any]:
    return lambda a, b: {
        **_dict(a),
        **{k: merge(a[k], v) if k in _dict(a) else v for k, v in _dict(b).items()},
    }


def _zipped(a: Any, b: Any) -> Any:
    a, b = _list(a), _list(b)
    return [_both_schemas(x, y) for x, y in zip(a, b, strict=False)] + a[len(b) :] + b[len(a) :]


def _union(a: Any, b: Any) -> Any:
    return [*_list(a), *(value for value in _list(b) if value not in _list(a))]


MERGES: dict[str, Callable[[Any, Any], Any]] = {
    "type": _both_types,
    "enum": _both_enums,
    "properties": _each(_both_schemas),
    "patternProperties": _each(_both_schemas),
    "dependentSchemas": _each(_both_schemas),
    "dependentRequired": _each(_union),
    "$defs": _each(lambda a, b: a),
    "required": _union,
    "additionalProperties": _both_schemas,
    "propertyNames": _both_schemas,
    "items": _both_schemas,
    "contains": _both_schemas,
    "prefixItems": _zipped,
    "multipleOf": _both_steps,
    "uniqueItems": lambda a, b: a is True or b is True,
    **dict.fromkeys(named("minimum exclusiveMinimum minLength minItems minProperties minContains"), _larger),
    **dict.fromkeys(named("maximum exclusiveMaximum maxLength maxItems maxProperties maxContains"), _smaller),
}


def merged(a: Schema, b: Schema) -> Schema:
    """One schema that asks for both; where two keywords cannot be joined, the second one's stays."""
    result = dict(a)
    for key, value in b.items():
        result[key] = MERGES[key](a[key], value) if key in a and key in MERGES else value
    return result


def _pointed(root: object, reference: str) -> object:
    """What a local `$ref` names (`#/$defs/x`, `#anchor`, `#`), None where there is no such thing."""
    base, _, fragment = reference.partition("#")
    if base and base != _dict(root).get("$id"):
        return next((s for s in _subschemas(root) if s.get("$id") == base), None)
    if not fragment:
        return root
    if not fragment.startswith("/"):
        names = ("$anchor", "$dynamicAnchor")
        return next((s for s in _subschemas(root) if any(s.get(n) == fragment for n in names)), None)
    at: Any = root
    for step in fragment[1:].split("/"):
        step = re.sub(r"%([0-9A-Fa-f]{2})", lambda m: chr(int(m.group(1), 16)), step)
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(at, dict) and step in at:
            at = at[step]
        elif isinstance(at, list) and step.isdecimal() and int(step) < len(at):
            at = at[int(step)]
        else:
            return None
    return at


def _subschemas(root: object) -> Iterator[Schema]:
    waiting = [root]
    for _ in range(MAX_NODES):
        if not waiting:
            return
        at = waiting.pop()
        if isinstance(at, dict):
            yield at
            waiting.extend(at.values())
        elif isinstance(at, list):
            waiting.extend(at)


def _weight(branch: object) -> int:
    """How much a branch is likely to grow: nothing for null, most for a reference."""
    flat = _dict(branch)
    if "$ref" in flat or "allOf" in flat:
        return 4
    kind = types_of(flat)[:1]
    return {"null": 0, "array": 2, "object": 3}.get(kind[0], 1) if kind else 5


# --- the builder --------------------------------------------------------------------------------------


class _Place:
    """Where in the instance a value stands: its path, its property's name, and how it was reached."""

    __slots__ = ("depth", "name", "nth", "path", "refs")

    def __init__(self, path: Path = (), name: str = "", nth: int = 0, refs: tuple[str, ...] = ()) -> None:
        self.path = path
        self.depth = len(path)
        self.name = name
        self.nth = nth
        self.refs = refs

    def member(self, name: str) -> _Place:
        return _Place((*self.path, name), name, self.nth, self.refs)

    def item(self, index: int, nth: int) -> _Place:
        singular = self.name[:-1] if len(self.name) > 3 and self.name.endswith("s") else self.name
        return _Place((*self.path, index), singular, nth, self.refs)


class _Builder:
    """Builds one instance; `tries` says at which path which alternative is due."""

    def __init__(
        self, root: object, words: str, seed: int, answer: str, optional: bool, tries: dict[Path, int]
    ) -> None:
        self.root = root
        self.words = words
        self.seed = seed
        self.answer = answer
        self.optional = optional
        self.tries = tries
        self.alternatives: dict[Path, int] = {}
        self.numbers = [_number(text) for text in NUMBER.findall(words) if len(text) < 16]
        self.nodes = 0
        self.taken = False

    # flat schemas

    def flat(self, schema: object, place: _Place, turn: int) -> tuple[Schema, int]:
        """The schema without references and branches, and what is left of `turn` after choosing those."""
        groups: list[list[Any]] = []
        result = self.joined(schema, place, groups, 0)
        combinations = 1
        for done in range(64):
            if done >= len(groups):
                break
            branches = self.sorted_branches(groups[done], self.is_deep(place))
            result = self.with_branch(result, branches, turn % len(branches), place, groups)
            turn, combinations = turn // len(branches), min(combinations * len(branches), 64)
        self.alternatives[place.path] = combinations
        return result, turn

    def with_branch(
        self, flat: Schema, branches: list[Any], first: int, place: _Place, groups: list[list[Any]]
    ) -> Schema:
        """The schema joined with the first branch, from number `first` on, whose types agree with it."""
        refs, result = place.refs, flat
        for shift in range(len(branches)):
            place.refs, more = refs, list[list[Any]]()
            branch = self.joined(branches[(first + shift) % len(branches)], place, more, 0)
            result = merged(flat, branch)
            if types_of(result):
                groups += more
                break
        return result

    def sorted_branches(self, branches: list[Any], deep: bool) -> list[Any]:
        """Branches in order, null last; the smallest first where it is deep enough."""
        if deep:
            return sorted(branches, key=_weight)
        return sorted(branches, key=lambda branch: _dict(branch).get("type") == "null")

    def joined(self, schema: object, place: _Place, groups: list[list[Any]], hops: int) -> Schema:
        """The schema with its references and `allOf` merged in; what branches goes to `groups`."""
        if schema is False:
            return NEVER
        if not isinstance(schema, dict) or hops > 32:
            return {}
        result = {key: value for key, value in schema.items() if key not in BRANCHING}
        for key in ("$ref", "$dynamicRef", "$recursiveRef"):
            reference = schema.get(key)
            if isinstance(reference, str):
                place.refs = (*place.refs, reference)
                result = merged(self.joined(_pointed(self.root, reference), place, groups, hops + 1), result)
        for part in _list(schema.get("allOf")):
            result = merged(result, self.joined(part, place, groups, hops + 1))
        for key in ("anyOf", "oneOf"):
            if _list(schema.get(key)) and len(groups) < 64:
                groups.append(schema[key])
        if "if" in schema and len(groups) < 64:
            then = {"allOf": [schema["if"], schema.get("then", True)]}
            groups.append([then, schema.get("else", True)])
        dependencies = _dict(schema.get("dependencies"))
        if dependencies:
            required = {k: v for k, v in dependencies.items() if isinstance(v, list)}
            schemas = {k: v for k, v in dependencies.items() if not isinstance(v, list)}
            result = merged(result, {"dependentRequired": required, "dependentSchemas": schemas})
        return result

    def is_deep(self, place: _Place) -> bool:
        if place.depth > DEEP or self.nodes > MAX_NODES // 4:
            return True
        return bool(place.refs) and place.refs.count(place.refs[-1]) > 1

    # values

    def value(self, schema: object, place: _Place) -> Any:
        self.nodes += 1
        endless = bool(place.refs) and place.refs.count(place.refs[-1]) > MAX_SAME
        if endless or place.depth > MAX_DEPTH or self.nodes > MAX_NODES:
            return None
        turn = self.tries.get(place.path, 0)
        flat, turn = self.flat(schema, place, turn)
        if "const" in flat:
            return flat["const"]
        if isinstance(flat.get("enum"), list):
            return self.member(flat["enum"], flat, place, turn)
        kinds = types_of(flat)
        if not kinds:
            return None
        given = self.given(flat, kinds, place)
        if turn < len(given):
            self.widen(place, len(given) + 3 * len(kinds))
            return given[turn]
        turn -= len(given)
        self.widen(place, len(given) + 3 * len(kinds))
        kind = kinds[turn % len(kinds)]
        return self.plain(kind, flat, place, turn // len(kinds))

    def widen(self, place: _Place, factor: int) -> None:
        self.alternatives[place.path] = self.alternatives.get(place.path, 1) * max(factor, 1)

    def member(self, members: list[Any], flat: Schema, place: _Place, turn: int) -> Any:
        """A member of an enum: one that the words name, else one by seed."""
        kinds = types_of(flat) if "type" in flat else None
        fitting = [
            m
            for m in members
            if kinds is None or _kind(m) in kinds or (_kind(m) == "integer" and "number" in kinds)
        ]
        members = fitting or members
        if not members:
            return None
        self.widen(place, len(members))
        words = self.words.lower()
        named = [
            i
            for i, m in enumerate(members)
            if isinstance(m, str) and m and re.search(rf"(?<!\w){re.escape(m.lower())}(?!\w)", words)
        ]
        if named and not place.nth:
            self.taken = True
        start = named[0] if named else self.seed
        return members[(start + turn + place.nth) % len(members)]

    def given(self, flat: Schema, kinds: list[str], place: _Place) -> list[Any]:
        """What the words, the default and the examples say, in this order."""
        found: list[Any] = []
        if not place.nth:
            found += self.from_words(kinds, flat, place)
        default = flat.get("default")
        if default is not None and not (isinstance(default, list | dict) and not default):
            found.append(default)
        found += _list(flat.get("examples"))[place.nth % 7 :][:3]
        if "example" in flat:
            found.append(flat["example"])
        return [value for value in found if _fits(value, flat, kinds)]

    def from_words(self, kinds: list[str], flat: Schema, place: _Place) -> list[Any]:
        found: Any = None
        if "string" in kinds:
            found = self.string_from_words(place.name)
        elif ("number" in kinds or "integer" in kinds) and self.numbers:
            found = self.number_from_words(place.name, flat, kinds)
        if found is None or found == "":
            return []
        self.taken = True
        return [found]

    def string_from_words(self, name: str) -> str | None:
        parts = set(name_words(name))
        if self.answer and parts & ANSWERS:
            return self.answer
        if not self.words.strip():
            return None
        for names, taken, _ in STRINGS:
            if parts & names:
                return taken(self.words[:2_000]) if taken else None
        return _whole(self.words) if parts & ANSWERS else None

    def number_from_words(self, name: str, flat: Schema, kinds: list[str]) -> int | float | None:
        """The next number of the text that fits; for a well-known quantity, one beside its name."""
        known = next((word for word in name_words(name) if word in NUMBERS), None)
        if known:
            beside = re.search(rf"\b{known}\b\W{{0,3}}(?:is|of|=|:)?\s*{QUANTITY}", self.words, re.I)
            return _number(beside.group(1)) if beside else None
        for index, number in enumerate(self.numbers):
            if ("number" in kinds or isinstance(number, int)) and _in_bounds(number, flat):
                del self.numbers[index]
                return number
        return None

    def plain(self, kind: str, flat: Schema, place: _Place, turn: int) -> Any:
        if kind == "null":
            return None
        if kind == "boolean":
            doubtful = set(name_words(place.name)) & {"error", "failed", "loop", "deleted", "disabled"}
            return (bool(doubtful) + turn + place.nth) % 2 == 0
        if kind in ("integer", "number"):
            return number(kind, flat, place.name, place.nth + turn, self.seed)
        if kind == "string":
            return self.string(flat, place, turn)
        if kind == "array":
            return self.array(flat, place, turn)
        return self.mapping(flat, place, turn)

    def string(self, flat: Schema, place: _Place, turn: int) -> str:
        least = min(_count(flat.get("minLength"), 0), MAX_TEXT)
        most = _count(flat["maxLength"], MAX_TEXT) if "maxLength" in flat else None
        nth = place.nth + turn
        pattern = flat.get("pattern")
        if isinstance(pattern, str):
            usual = self.usual_string(flat, place.name, nth)
            if len(usual) >= least and (most is None or len(usual) <= most) and matches(pattern, usual):
                return usual
            found = sample(pattern, nth, least, most)
            if found is not None:
                return found
        return fitted(self.usual_string(flat, place.name, nth), least, most)

    def usual_string(self, flat: Schema, name: str, nth: int) -> str:
        form = flat.get("format")
        if isinstance(form, str) and form in FORMATS:
            return FORMATS[form](nth)
        parts = set(name_words(name))
        if self.answer and parts & ANSWERS:
            text = self.answer
        else:
            text = next(
                (plain for names, _, plain in STRINGS if parts & names),
                " ".join(name_words(name)) or "example",
            )
        return f"{text} {nth + 1}" if nth else text

    def array(self, flat: Schema, place: _Place, turn: int) -> list[Any]:
        prefix = _list(flat.get("prefixItems"))
        items = flat.get("items", True)
        if isinstance(items, list):  # draft 7 and before
            prefix, items = items, flat.get("additionalItems", True)
        least = _count(flat.get("minItems"), 0)
        most = _count(flat.get("maxItems"), MAX_ITEMS) if "maxItems" in flat else MAX_ITEMS
        contains = flat.get("contains")
        wanted = _count(flat.get("minContains"), 1) if contains is not None else 0
        usual = 0 if self.is_deep(place) else (2, 0, 1, 3)[turn % 4]
        size = max(least, min(max(len(prefix) if usual else 0, usual, wanted), most))
        if items is False:
            size = max(least, min(size, len(prefix)))
        result: list[Any] = []
        for index in range(min(size, MAX_ITEMS)):
            own = prefix[index] if index < len(prefix) else items
            if size - wanted <= index:
                own = _both_schemas(own, contains)
            result.append(self.distinct(own, place, index, result if flat.get("uniqueItems") is True else []))
        return result

    def distinct(self, schema: object, place: _Place, index: int, others: list[Any]) -> Any:
        """An item unlike `others`."""
        value: Any = None
        for shift in range(24):
            value = self.value(schema, place.item(index, place.nth + index + shift))
            if not any(_same(value, other) for other in others):
                break
        return value

    def mapping(self, flat: Schema, place: _Place, turn: int) -> dict[str, Any]:
        properties = _dict(flat.get("properties"))
        required = [name for name in _list(flat.get("required")) if isinstance(name, str)]
        least = min(_count(flat.get("minProperties"), 0), MAX_ITEMS)
        most = _count(flat.get("maxProperties"), MAX_TEXT) if "maxProperties" in flat else MAX_TEXT
        result: dict[str, Any] = {}
        deep = self.is_deep(place)
        show = (self.optional and not deep) if turn % 3 == 0 else turn % 3 == 2
        wanted = (
            dict.fromkeys(required)
            if deep
            else dict.fromkeys([*(n for n in properties if n in required), *required])
        )
        ordered = (
            [name for name in properties if name in wanted or show or not deep] if not deep else list(wanted)
        )
        for name in dict.fromkeys([*ordered, *wanted]):
            self.add(name, flat, place, result, wanted, show, most)
        for name in [*properties, *self.invented(flat)]:
            if len(result) >= max(least, 0):
                break
            if name not in result and self.property_schema(name, flat) is not False:
                result[name] = self.value(self.property_schema(name, flat), place.member(name))
        return self.with_dependents(flat, place, result)

    def add(
        self,
        name: str,
        flat: Schema,
        place: _Place,
        result: dict[str, Any],
        wanted: dict[str, None],
        show: bool,
        most: int,
    ) -> None:
        """Put property `name` into `result`, if it is wanted, shown, or said in the words."""
        schema = self.property_schema(name, flat)
        missing = sum(other not in result for other in wanted)
        if name not in wanted and (schema is False or len(result) + missing >= most):
            return
        before, self.taken = self.taken, False
        value = self.value(schema, place.member(name))
        said, self.taken = self.taken, before or self.taken
        if name in wanted or show or said:
            result[name] = value

    def property_schema(self, name: str, flat: Schema) -> object:
        """What a property must be, by its name and the patterns that its name matches."""
        properties = _dict(flat.get("properties"))
        found: object = properties.get(name, True)
        matched = name in properties
        for pattern, schema in _dict(flat.get("patternProperties")).items():
            if matches(pattern, name):
                found, matched = _both_schemas(found, schema), True
        return found if matched else flat.get("additionalProperties", True)

    def invented(self, flat: Schema) -> Iterator[str]:
        """Names for properties that no list names."""
        names = flat.get("propertyNames")
        for pattern in _dict(flat.get("patternProperties")):
            for nth in range(MAX_ITEMS):
                name = sample(pattern, nth)
                if name is not None:
                    yield name
        for nth in range(MAX_ITEMS):
            if isinstance(names, dict):
                name = self.value(names, _Place(("", "key"), "key", nth))
                if isinstance(name, str):
                    yield name
            else:
                yield f"key{nth + 1}"

    def with_dependents(self, flat: Schema, place: _Place, result: dict[str, Any]) -> dict[str, Any]:
        """Add what the presence of a property asks for."""
        required, schemas = _dict(flat.get("dependentRequired")), _dict(flat.get("dependentSchemas"))
        extra: Schema = {}
        names = list(result)
        for name in names:
            more = [n for n in _list(required.get(name)) if isinstance(n, str)]
            names += [n for n in more if n not in names]
            if name in schemas:
                extra = merged(extra, _dict(schemas[name]))
        for name in names:
            if name not in result:
                result[name] = self.value(self.property_schema(name, flat), place.member(name))
        if not extra or "dependentSchemas" in extra:
            return result
        wider = merged({k: v for k, v in flat.items() if k != "dependentSchemas"}, extra)
        wider["required"] = _union(_list(wider.get("required")), list(result))
        again = self.value({**wider, "type": "object"}, place)
        return again if isinstance(again, dict) else result


BRANCHING = named("$ref $dynamicRef $recursiveRef allOf anyOf oneOf if then else dependencies")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    return {float: "number", str: "string", list: "array"}.get(type(value), "object")


def _fits(value: object, flat: Schema, kinds: Sequence[str]) -> bool:
    """Whether a suggested value keeps the simple limits; the verifier sees to the others."""
    kind = _kind(value)
    if kind not in kinds and not (kind == "integer" and "number" in kinds):
        return False
    if isinstance(value, str):
        pattern, most = flat.get("pattern"), _count(flat.get("maxLength"), MAX_TEXT)
        if not _count(flat.get("minLength"), 0) <= len(value) <= most:
            return False
        if isinstance(flat.get("format"), str) and flat["format"] in FORMATS:
            validator = _validator(
                {"format": flat["format"], "$schema": "http://json-schema.org/draft-07/schema#"}
            )
            if validator is None or not validator.is_valid(value):
                return False
        return not isinstance(pattern, str) or matches(pattern, value)
    return kind not in ("integer", "number") or _in_bounds(value, flat)


def _limits(flat: Schema) -> tuple[int | float | None, int | float | None, bool, bool]:
    """Lower and upper limit, and whether each is exclusive; knows draft 4's booleans."""
    low, high = _bound(flat.get("minimum")), _bound(flat.get("maximum"))
    above, below = _bound(flat.get("exclusiveMinimum")), _bound(flat.get("exclusiveMaximum"))
    open_low, open_high = flat.get("exclusiveMinimum") is True, flat.get("exclusiveMaximum") is True
    if above is not None and (low is None or above >= low):
        low, open_low = above, True
    if below is not None and (high is None or below <= high):
        high, open_high = below, True
    return low, high, open_low, open_high


def _in_bounds(value: Any, flat: Schema) -> bool:
    low, high, open_low, open_high = _limits(flat)
    if low is not None and (value < low or (open_low and value == low)):
        return False
    if high is not None and (value > high or (open_high and value == high)):
        return False
    step = _bound(flat.get("multipleOf"))
    return not step or (Fraction(str(value)) / Fraction(str(step))).denominator == 1


def number(kind: str, flat: Schema, name: str, nth: int, seed: int) -> int | float:
    """A number within the limits; the `nth` differs from the others where there is room."""
    low, high, open_low, open_high = _limits(flat)
    step = _bound(flat.get("multipleOf"))
    usual = next((NUMBERS[word] for word in name_words(name) if word in NUMBERS), 1 + seed % 3)
    unit = Fraction(str(abs(step))) if step else Fraction(1)
    if kind == "integer" and unit.denominator != 1:
        unit = Fraction(unit.numerator)
    start = Fraction(str(usual)) + nth * unit
    least = None if low is None else Fraction(str(low))
    most = None if high is None else Fraction(str(high))
    on_grid = kind == "integer" or bool(step)
    if not on_grid:
        return _real(_clamped(start, least, most, open_low, open_high, nth))
    if least is not None:
        lowest = math.ceil(least / unit) + (open_low and (least / unit).denominator == 1)
    if most is not None:
        highest = math.floor(most / unit) - (open_high and (most / unit).denominator == 1)
    at = math.floor(start / unit)
    if least is not None and most is not None and lowest <= highest:
        at = at if lowest <= at <= highest else lowest + nth % (highest - lowest + 1)
    elif least is not None and at < lowest:
        at = lowest + nth
    elif most is not None and at > highest:
        at = highest - nth
    return _real(at * unit)


def _clamped(
    start: Fraction, low: Fraction | None, high: Fraction | None, open_low: bool, open_high: bool, nth: int
) -> Fraction:
    below = low is not None and (start < low or (open_low and start == low))
    above = high is not None and (start > high or (open_high and start == high))
    if not below and not above:
        return start
    if low is not None and high is not None:
        return low + (high - low) * Fraction(1 + nth % 14, 2 + nth % 14) / (1 + nth // 14)
    if low is not None:
        return low + 1 + nth
    assert high is not None  # it is above, and there is no lower limit
    return high - 1 - nth


def _real(value: Fraction) -> int | float:
    if value.denominator == 1 and abs(value) < BIG:
        return value.numerator
    return float(min(max(value, -HUGE), HUGE))


def fitted(text: str, least: int, most: int | None) -> str:
    """`text`, drawn out or cut to the length asked for."""
    while len(text) < least:
        text += " " + text if text else "example"
        if len(text) > least and most is None:
            break
    return text if most is None else text[: max(most, 0)]


# --- verify and repair ----------------------------------------------------------------------------------


def instance(
    schema: object, *, words: str = "", seed: int = 0, answer: str = "", optional: bool = True
) -> Any:
    """A value that `schema` accepts, the same for the same arguments.

    `words` is the user's text, from which values are taken where a property's name or enum suggests it;
    `answer` is what a property like `answer` or `result` is to say; with `optional` false, properties
    that need not be there are left out unless the words speak of them.
    """
    try:
        key = msgspec.json.encode(schema)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    return msgspec.json.decode(_instance(key, words[:4_000], seed, answer, optional))


@cached(entries=1_024, longest=16_384)
def _instance(key: bytes, words: str, seed: int, answer: str, optional: bool) -> bytes:
    schema = msgspec.json.decode(key)
    validator = _validator(schema) if isinstance(schema, dict) else None
    tries: dict[Path, int] = {}
    best, fewest, spent = b"null", -1, 0
    for _ in range(MAX_ROUNDS):
        builder = _Builder(schema, words, seed, answer, optional, tries)
        value = builder.value(schema, _Place())
        encoded = msgspec.json.encode(value)
        errors = _errors(validator, value)
        if fewest < 0 or len(errors) < fewest:
            best, fewest = encoded, len(errors)
        spent += builder.nodes
        if not errors or spent > 2 * MAX_NODES:
            break
        for path in errors:
            _next_try(path, tries, builder.alternatives)
    return best


def _errors(validator: Any, value: Any) -> list[Path]:
    """The paths that the validator objects to, each once; none where there is no validator."""
    if validator is None:
        return []
    found: dict[Path, None] = {}
    for error in validator.iter_errors(value):
        found[tuple(error.instance_path)] = None
        if len(found) >= 16:
            break
    return list(found)


def _next_try(path: Path, tries: dict[Path, int], alternatives: dict[Path, int]) -> None:
    """Move `path` to its next alternative; where it has had them all, its parent too."""
    while True:
        tries[path] = tries.get(path, 0) + 1
        if not path or tries[path] < alternatives.get(path, 1):
            return
        tries[path] = 0
        path = path[:-1]
