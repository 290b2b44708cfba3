"""Rule files, read: YAML, JSON or TOML in, rules out. Every mistake is a SettingsError at its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from msgspec import Struct

from understudy.documents import no_collection, parsed
from understudy.errors import Place, SettingsError
from understudy.faults import read_error, read_faults
from understudy.limits import Limit, read_limits
from understudy.matchers import read_when, when_keys
from understudy.matchers.base import described
from understudy.model import (
    NO_USAGE,
    ModelInfo,
    Pace,
    Prompt,
    Reply,
    Stop,
    Text,
    ToolCall,
    Usage,
)
from understudy.pace import read_pace
from understudy.rules.parts import SERVER_TOOLS, Named, read_part
from understudy.rules.raw import FRAMING, NOT_YOURS, read_raw
from understudy.rules.rule import Draft, Repeat, Response, Rule
from understudy.rules.ruleset import RuleSet
from understudy.rules.values import given, listed, mapping, told, whole, worded
from understudy.templates import NO_EXTRA, Extra, Template

FILE_KEYS = ("models", "limits", "pace", "prompts", "rules")
RULE_KEYS = (
    "name",
    "id",
    "when",
    "reply",
    "sequence",
    "repeat",
    "times",
    "probability",
    "priority",
    "pace",
    "faults",
    "then",
)
REPLY_KEYS = (
    "text",
    "template",
    "reasoning",
    "refusal",
    "tool_calls",
    "parts",
    "citations",
    *SERVER_TOOLS,
    "stop",
    "usage",
    "logprobs",
    "model",
    "id",
    "headers",
    "pace",
    "faults",
)
SAID = ("text", "template", "reasoning", "refusal", "tool_calls")
"""What most replies say."""
IN_PARTS = (*SAID, "citations", *SERVER_TOOLS)
"""The keys of a reply that `parts` takes the place of."""
PROMPT_KEYS = ("instructions", "model")
MODEL_KEYS = ("id", "owned_by", "created", "context_window", "pace")
USAGE_KEYS = ("input", "output", "reasoning", "cached", "written", "written_1h")


class RuleFile(Struct, frozen=True):
    """What a rule file says; None where it says nothing of it."""

    source: str
    rules: tuple[Rule, ...] = ()
    models: tuple[ModelInfo, ...] | None = None
    limits: tuple[Limit, ...] | None = None
    pace: Pace | None = None
    prompts: Mapping[str, Prompt] | None = None


def load(source: str, text: str | bytes, extra: Extra = NO_EXTRA, *, check: bool = True) -> RuleSet:
    """The rules of a file. `source` is its name in errors; `extra` adds template variables.

    Raises SettingsError, with the place and what to do. Without `check`, templates are not looked at before
    they are used: for a file that is known to be good, since importing Jinja takes as long as all the rest.
    """
    return RuleSet(read_text(source, text, extra, check=check).rules)


@no_collection()
def read_text(source: str, text: str | bytes, extra: Extra = NO_EXTRA, *, check: bool = True) -> RuleFile:
    """A rule file, from its text."""
    return read_value(source, parsed(source, text), extra, check=check)


@no_collection()
def read_value(source: str, value: object, extra: Extra = NO_EXTRA, *, check: bool = True) -> RuleFile:
    """A rule file, from the values that its text stands for."""
    root = Place(source)
    try:
        file = read_file(value, root, extra)
    except RecursionError:
        raise root.error("nested too deep") from None
    for template in templates(file.rules) if check else ():
        template.check()
    return file


def templates(rules: Iterable[Rule]) -> Iterator[Template]:
    for rule in rules:
        for response in rule.responses:
            if isinstance(response.reply, Draft):
                yield from (part for part in response.reply.parts if isinstance(part, Template))


def read_file(value: object, place: Place, extra: Extra) -> RuleFile:
    if value is None:
        return RuleFile(place.source)
    if isinstance(value, list):
        raise place.error("found a list: put it under `rules:`")
    file = mapping(value, FILE_KEYS, place)
    rules = told(file, "rules", [])
    return RuleFile(
        place.source,
        tuple(
            [
                read_rule(rule, place / "rules" / i, extra)
                for i, rule in enumerate(listed(rules, place / "rules"))
            ]
        ),
        given(file, "models", place, read_models),
        given(file, "limits", place, read_limits),
        given(file, "pace", place, read_pace),
        given(file, "prompts", place, read_prompts),
    )


# --- Prompts -----------------------------------------------------------------------------------------


def read_prompts(value: object, place: Place) -> dict[str, Prompt]:
    """Prompts by their ids: a text each, or a mapping with `instructions` and `model`."""
    if not isinstance(value, Mapping):
        raise place.error(f"expected prompts by their ids, found {described(value)}")
    return {str(id): read_prompt(each, place / str(id)) for id, each in value.items()}


def read_prompt(value: object, place: Place) -> Prompt:
    if isinstance(value, str):
        return Prompt(value)
    prompt = mapping(value, PROMPT_KEYS, place)
    if "instructions" not in prompt:
        raise place.error("a prompt needs `instructions`")
    return Prompt(
        worded(prompt["instructions"], place / "instructions"),
        worded(prompt.get("model", ""), place / "model"),
    )


# --- Models ------------------------------------------------------------------------------------------


def read_models(value: object, place: Place) -> tuple[ModelInfo, ...]:
    return tuple([read_model(each, place / i) for i, each in enumerate(listed(value, place))])


def read_model(value: object, place: Place) -> ModelInfo:
    """A name, or a mapping with `id`, `owned_by`, `created`, `context_window` and `pace`."""
    if isinstance(value, str):
        return ModelInfo(value)
    model = mapping(value, MODEL_KEYS, place)
    if "id" not in model:
        raise place.error("a model needs an `id`")
    plain = ModelInfo("")
    return ModelInfo(
        worded(model["id"], place / "id"),
        worded(model.get("owned_by", plain.owned_by), place / "owned_by"),
        whole(model.get("created", plain.created), place / "created", 0),
        whole(model.get("context_window", plain.context_window), place / "context_window", 1),
        given(model, "pace", place, read_pace),
    )


# --- Rules -------------------------------------------------------------------------------------------


def read_rule(value: object, place: Place, extra: Extra = NO_EXTRA) -> Rule:
    if isinstance(value, Mapping):
        for key in value:
            if key not in RULE_KEYS:
                raise unknown_of_rule(key, place)
    rule = mapping(value, RULE_KEYS, place)
    when = read_when(rule.get("when", {}), place / "when")
    groups = sorted(frozenset().union(*(matcher.captures() for matcher in when)))
    responses, repeat = read_responses(rule, place, groups, extra)
    return Rule(
        when=when,
        responses=responses,
        name=worded(rule.get("name", ""), place / "name"),
        priority=whole(rule.get("priority", 0), place / "priority"),
        place=place,
        id=worded(rule.get("id", ""), place / "id") or f"{place.source}{place.path.removeprefix('$')}",
        repeat=repeat,
        times=given(rule, "times", place, lambda times, at: whole(times, at, 1)),
        probability=read_probability(rule.get("probability", 1), place / "probability"),
        then=read_then(told(rule, "then", {}), place / "then"),
        told=value,
    )


def unknown_of_rule(key: object, place: Place) -> SettingsError:
    """The mistake of a key that no rule has; where a `reply` or a `when` has it, it says so."""
    homes = [("when", when_keys()), ("reply", {*REPLY_KEYS, *INSTEAD})]
    found = [f"`{home}: {{{key}: ...}}`" for home, keys in homes if key in keys]
    if found:
        return place.error(f'unknown key "{key}": it belongs into {" or ".join(found)}')
    return place.unknown("key", str(key), RULE_KEYS)


def read_responses(
    rule: Mapping[str, object], place: Place, groups: Sequence[str], extra: Extra
) -> tuple[tuple[Response, ...], Repeat]:
    """`reply`, or `sequence` with `repeat`. What the rule says of pace and faults goes for each of them."""
    pace = given(rule, "pace", place, read_pace)
    faults = read_faults(told(rule, "faults", []), place / "faults")
    if ("reply" in rule) == ("sequence" in rule):
        raise place.error("a rule needs a `reply`, or else a `sequence` of replies")
    if "reply" in rule:
        if "repeat" in rule:
            raise (place / "repeat").error("a `reply` is always repeated; `repeat` goes with a `sequence`")
        return (read_reply(rule["reply"], place / "reply", groups, extra, pace, faults),), "last"
    at = place / "sequence"
    given_ones = listed(rule["sequence"], at)
    if not given_ones:
        raise at.error("expected replies, found an empty list")
    repeat = rule.get("repeat", "once")
    if repeat not in get_args(Repeat):
        raise (place / "repeat").unknown("way to repeat", str(repeat), get_args(Repeat))
    responses = [read_reply(each, at / i, groups, extra, pace, faults) for i, each in enumerate(given_ones)]
    return tuple(responses), repeat  # type: ignore[return-value]


def read_probability(value: object, place: Place) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise place.error(f"expected a probability from 0 to 1, found {described(value)}")
    return float(value)


def read_then(value: object, place: Place) -> tuple[tuple[str, str], ...]:
    """`{scenario: state}`, the states that scenarios are in after the rule has answered."""
    if not isinstance(value, Mapping):
        raise place.error(f"expected scenarios like {{checkout: paid}}, found {described(value)}")
    return tuple((str(name), worded(state, place / str(name))) for name, state in value.items())


# --- Replies -----------------------------------------------------------------------------------------


def read_reply(
    value: object,
    place: Place,
    groups: Sequence[str],
    extra: Extra,
    pace: Pace | None = None,
    faults: tuple[Any, ...] = (),
) -> Response:
    """A text, or a mapping: an error, raw bytes, or parts: reasoning, text, tool calls, in this order.

    `parts` says the order itself.
    """
    if not isinstance(value, Mapping):
        reply = Reply((Text(worded(value, place, "a text or a mapping")),))
        return Response(reply, faults=faults, pace=pace)
    for key, read in INSTEAD.items():
        if key in value:
            instead = read(value, place)
            return Response(Reply(()), faults=(instead, *faults), pace=pace)
    if value and not any(key in REPLY_KEYS for key in value):
        raise no_reply(str(next(iter(value))), place)
    asked = mapping(value, REPLY_KEYS, place)
    return Response(
        read_parts(asked, place, groups, extra),
        read_headers(told(asked, "headers", {}), place / "headers"),
        (*faults, *read_faults(told(asked, "faults", []), place / "faults")),
        given(asked, "pace", place, read_pace) or pace,
    )


def no_reply(key: str, place: Place) -> SettingsError:
    """The error for a mapping that has nothing of a reply: a slip, or meant as an answer in JSON."""
    from difflib import get_close_matches

    mistake = place.unknown("key", key, REPLY_KEYS)
    if get_close_matches(key, REPLY_KEYS):
        return mistake
    return place.error(f"""{mistake.message}; an answer in JSON is a text, like '{{"city": "Paris"}}'""")


def read_parts(
    reply: Mapping[str, object], place: Place, groups: Sequence[str], extra: Extra
) -> Reply | Draft:
    if "parts" in reply:
        for key in sorted(reply.keys() & set(IN_PARTS)):
            raise place.error(f"`parts` says everything that is answered: move `{key}` into it")
        named = [
            read_part(part, place / "parts" / i)
            for i, part in enumerate(listed(reply["parts"], place / "parts"))
        ]
    else:
        named = spread(reply, place)
    read = [each.read(groups, extra) for each in named]
    parts = tuple([part for part, _ in read])
    calls = any(isinstance(part, ToolCall) for part in parts)
    stop = read_stop(reply["stop"], place / "stop") if "stop" in reply else ("tool_call" if calls else "end")
    usage = given(reply, "usage", place, read_usage) or NO_USAGE
    logprobs = given(reply, "logprobs", place, read_logprobs) or ()
    id, model = worded(reply.get("id", ""), place / "id"), worded(reply.get("model", ""), place / "model")
    if any(isinstance(part, Template) for part in parts):
        cited = {index: citations for index, (_, citations) in enumerate(read) if citations}
        return Draft(parts, stop, usage, id, model, logprobs, cited)
    plain = tuple(part for part in parts if not isinstance(part, Template))
    return Reply(plain, stop, usage, id, model=model, logprobs=logprobs)


def read_logprobs(value: object, place: Place) -> tuple[tuple[str, float], ...]:
    """Tokens and their log probabilities, `{Yes: -0.1, No: -2.3}`: each one's alternatives are the others."""
    if not isinstance(value, Mapping):
        raise place.error(f"expected tokens like {{Yes: -0.1, No: -2.3}}, found {described(value)}")
    for token, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not number <= 0:
            wanted = "expected a log probability, 0 or less"
            raise (place / str(token)).error(f"{wanted}; found {described(number)}")
    return tuple((str(token).strip(), float(number)) for token, number in value.items())


def read_instead_error(value: Mapping[str, object], place: Place) -> Any:
    return read_error(mapping(value, ("error",), place)["error"], place / "error")


INSTEAD: dict[str, Callable[[Mapping[str, object], Place], Any]] = {
    "error": read_instead_error,
    "status": read_raw,
    "body": read_raw,
}
"""Replies that are none of a model's: an error of the API, or raw bytes."""

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def read_headers(value: object, place: Place) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise place.error(f"expected headers like {{x-request-id: req_1}}, found {described(value)}")
    headers = []
    for name, text in value.items():
        at = place / str(name)
        if not _HEADER.fullmatch(str(name)):
            raise at.error("not a header's name")
        if str(name).lower() in FRAMING:
            raise at.error(NOT_YOURS)
        if not worded(text, at).isprintable():
            raise at.error("expected a text of one line")
        headers.append((str(name).lower(), worded(text, at)))
    return tuple(headers)


def read_usage(value: object, place: Place) -> Usage:
    """Tokens, in place of those that are counted; the keys are those of a Usage."""
    usage = mapping(value, USAGE_KEYS, place)
    return Usage(**{key: whole(usage[key], place / key, 0) for key in usage})


def spread(reply: Mapping[str, object], place: Place) -> list[Named]:
    """The parts of a reply that is written as a mapping: a thought, tools of the vendor's, a text, calls."""
    said = [key for key in ("text", "template", "refusal") if key in reply]
    if len(said) > 1:
        raise place.error(f"`{said[0]}` and `{said[1]}` exclude each other; `parts` can hold both")
    if reply.get("citations") is not None and said not in (["text"], ["template"]):
        raise (place / "citations").error("only a `text` or a `template` can cite")
    keys = ["reasoning", *(key for key in reply if key in SERVER_TOOLS), *said]
    named = [Named(key, reply[key], place / key, (reply, place)) for key in keys if key in reply]
    if "tool_calls" in reply:
        at, calls = place / "tool_calls", listed(reply["tool_calls"], place / "tool_calls")
        named += [Named("tool_call", call, at / i, (reply, place)) for i, call in enumerate(calls)]
    if not named:
        raise place.error(f"nothing to answer: give one of {', '.join((*SAID, 'parts', 'error', 'status'))}")
    return named


def read_stop(value: object, place: Place) -> Stop:
    for stop in get_args(Stop):
        if stop == value:
            return stop  # type: ignore[no-any-return]
    raise place.unknown("stop reason", str(value), get_args(Stop))
