"""The JSON Schema of rule files (draft 2020-12), from which editors complete, explain and check.

Matchers, faults and pace say themselves what they take; the rest mirrors `read.py`, key by key. What a
schema cannot say is left to `understudy rules check`: regular expressions, templates, which turns there are.
"""

from __future__ import annotations

from typing import Any, get_args

from understudy.faults import Error, fault_schema
from understudy.limits import PER, UNITS
from understudy.matchers import when_schema
from understudy.model import Stop
from understudy.pace import pace_schema
from understudy.rules.parts import CITATION, SERVER_TOOLS, SOURCES, WITHIN, object_schema
from understudy.rules.rule import Repeat

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Schema = {"type": "string"}
HEADER_NAME = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
RATE = rf"^\s*0*[1-9][0-9]{{0,14}}\s*/\s*([0-9]{{1,12}}(\.[0-9]{{1,6}})?)?\s*({'|'.join(UNITS)})\s*$"
LIMITS_TEXT = r"^\s*(off)?\s*$|="


def schema() -> Schema:
    """The JSON Schema of a rule file."""
    return {
        "$schema": DRAFT,
        "title": "A rule file of Understudy",
        "type": ["object", "null"],
        "properties": {
            "models": said("The models on offer.", optional(listed(ref("model")))),
            "limits": said("The vendor's rate limits.", optional(ref("limits"))),
            "pace": said("How fast answers come, where no rule says otherwise.", optional(ref("pace"))),
            "prompts": said("Prompts that requests name, by their ids.", optional(prompts())),
            "rules": said("The first that matches answers.", optional(listed(ref("rule")))),
        },
        "additionalProperties": False,
        "$defs": {
            "when": when_schema("#/$defs/when"),
            "fault": lenient(fault_schema()),
            "error": lenient(Error.schema()),
            "pace": lenient(pace_schema()),
            "model": model(),
            "limits": limits(),
            "rule": rule(),
            "reply": reply(),
            "response": response(),
            "raw": raw(),
            "part": part(),
            "call": call(),
            "citations": citations(),
            **{kind: tool.schema() for kind, tool in SERVER_TOOLS.items()},
            "headers": headers(),
        },
    }


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def said(description: str, of: Schema) -> Schema:
    return {"description": description, **of}


def listed(item: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": item} | ({"minItems": least} if least else {})


def optional(of: Schema) -> Schema:
    """The same, or null, which says nothing."""
    return {"anyOf": [of, {"type": "null"}]}


def lenient(of: Schema) -> Schema:
    """The same, where null stands for a field that is not given.

    A mapping of one key is no mapping of fields: its key is a name, and its value has them.
    """
    if "anyOf" in of and "properties" not in of:
        return of | {"anyOf": [lenient(each) for each in of["anyOf"]]}
    if "properties" not in of:
        return of
    one = of.get("maxProperties") == 1
    fields = {key: lenient(each) if one else optional(each) for key, each in of["properties"].items()}
    return of | {"properties": fields}


def mapping(properties: dict[str, Schema], **more: Any) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def number(least: int) -> Schema:
    return {"type": "integer", "minimum": least}


def rule() -> Schema:
    properties = {
        "name": said("What the journal calls it.", TEXT),
        "id": said("What the control API calls it.", TEXT),
        "when": said("Which requests it answers: all of this holds. Without it, every request.", ref("when")),
        "reply": said("The answer.", ref("reply")),
        "sequence": said(
            "Several answers, one after another; then the rule no longer matches.",
            listed(ref("reply"), least=1),
        ),
        "repeat": said(
            "What comes after the last of the sequence: nothing, the last again, or the first.",
            {"enum": list(get_args(Repeat))},
        ),
        "times": said("How often it answers at most.", optional(number(1))),
        "probability": said(
            "How likely it answers at all; drawn from the seed.",
            {"type": "number", "minimum": 0, "maximum": 1},
        ),
        "priority": said("Higher ones are asked first; 0 where it is not said.", {"type": "integer"}),
        "pace": said("How fast its answers come.", optional(ref("pace"))),
        "faults": said("What befalls its answers, in this order.", optional(listed(ref("fault")))),
        "then": said(
            "`{scenario: state}`: the states that scenarios are in after it has answered.",
            optional({"type": "object", "additionalProperties": TEXT}),
        ),
    }
    return mapping(
        properties,
        oneOf=[{"required": ["reply"]}, {"required": ["sequence"]}],
        dependentRequired={"repeat": ["sequence"]},
    )


def reply() -> Schema:
    return {
        "anyOf": [
            said("What the model says.", TEXT),
            ref("response"),
            mapping({"error": said("An error in place of an answer.", ref("error"))}, required=["error"]),
            ref("raw"),
        ]
    }


def response() -> Schema:
    properties = {
        "text": said("What the model says.", TEXT),
        "template": said("What it says, quoting the request: `You said {{ user }}`.", TEXT),
        "reasoning": said("What it thinks aloud first.", thought()),
        "refusal": said("With which words it refuses.", TEXT),
        "citations": said("What the text rests on.", optional(ref("citations"))),
        "tool_calls": said("The tools that it calls.", listed(ref("call"))),
        **server_tools(),
        "parts": said("All of these, in an order of your own.", listed(ref("part"))),
        "stop": said("Why the answer ends.", {"enum": list(get_args(Stop))}),
        "usage": said("Tokens, in place of those that are counted.", optional(usage())),
        "logprobs": said(
            "Tokens and their log probabilities: `{Yes: -0.1, No: -2.3}`.", optional(logprobs())
        ),
        "model": said("The model that the answer names.", TEXT),
        "id": said("The answer's id.", TEXT),
        "headers": said("Further headers of the answer.", optional(ref("headers"))),
        "pace": said("How fast this answer comes.", optional(ref("pace"))),
        "faults": said("What befalls this answer.", optional(listed(ref("fault")))),
    }
    alone = ("text", "template", "refusal")
    spread = {
        "anyOf": [{"required": [key]} for key in (*alone, "reasoning", *SERVER_TOOLS)]
        + [{"required": ["tool_calls"], "properties": {"tool_calls": {"minItems": 1}}}],
        "not": {
            "anyOf": [{"required": [a, b]} for i, a in enumerate(alone) for b in alone[i + 1 :]]
            + [{"required": ["parts"]}]
        },
    }
    apart = {
        "required": ["parts"],
        "not": {
            "anyOf": [
                {"required": [key]} for key in (*alone, "reasoning", "tool_calls", "citations", *SERVER_TOOLS)
            ]
        },
    }
    return mapping(properties, anyOf=[spread, apart], **{"if": CITES, "then": CITING})


CITES: Schema = {"required": ["citations"], "properties": {"citations": {"type": "array"}}}
CITING: Schema = {"anyOf": [{"required": ["text"]}, {"required": ["template"]}]}


def thought() -> Schema:
    hidden = mapping({"redacted": TEXT | {"minLength": 1}}, required=["redacted"])
    return {"anyOf": [TEXT, hidden]}


def server_tools() -> dict[str, Schema]:
    return {
        kind: said("A tool that the vendor runs, and what came of it.", ref(kind)) for kind in SERVER_TOOLS
    }


def citations() -> Schema:
    one = object_schema(CITATION) | {
        "oneOf": [present(key) for key in SOURCES],
        "not": {
            "anyOf": [
                {"allOf": [present(a), present(b)]} for i, a in enumerate(WITHIN) for b in WITHIN[i + 1 :]
            ]
            + [{"allOf": [present("for"), present(key)]} for key in ("start", "end")]
        },
    }
    return listed({"anyOf": [TEXT, one]})


def present(key: str) -> Schema:
    """That a key is there, and not null."""
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def usage() -> Schema:
    kinds = ("input", "output", "reasoning", "cached", "written", "written_1h")
    return mapping({kind: number(0) for kind in kinds})


def logprobs() -> Schema:
    return {"type": "object", "additionalProperties": {"type": "number", "maximum": 0}}


def raw() -> Schema:
    properties = {
        "status": said("The HTTP status; 200 where it is not said.", number(200) | {"maximum": 599}),
        "headers": said("Headers, as they are.", {"type": ["object", "null"]}),
        "body": {"description": "A text that is sent as it is; whatever else is sent as JSON."},
    }
    return said(
        "Bytes in place of an answer.",
        mapping(properties, anyOf=[{"required": ["status"]}, {"required": ["body"]}]),
    )


def part() -> Schema:
    properties = {
        "text": TEXT,
        "template": TEXT,
        "reasoning": thought(),
        "refusal": TEXT,
        "tool_call": ref("call"),
        **server_tools(),
        "citations": optional(ref("citations")),
    }
    alone = {"maxProperties": 1, "not": {"required": ["citations"]}}
    cites = {"maxProperties": 2, "required": ["citations"], **CITING}
    return {"anyOf": [TEXT, mapping(properties, minProperties=1, anyOf=[alone, cites])]}


def call() -> Schema:
    properties = {
        "name": said("The tool.", TEXT),
        "arguments": said(
            "A mapping, or a text that goes over the wire as it is.", {"type": ["object", "string"]}
        ),
        "id": said("The call's id; made up where it is not said.", TEXT),
    }
    return mapping(properties, required=["name"])


def headers() -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": HEADER_NAME},
        "additionalProperties": {"type": "string", "pattern": r"^[^\x00-\x1f\x7f]*$"},
    }


def model() -> Schema:
    properties = {
        "id": said("Its name.", TEXT),
        "owned_by": said("Whose it is.", TEXT),
        "created": said("When it was made, in Unix seconds.", number(0)),
        "context_window": said("How many tokens fit into it.", number(1)),
        "pace": said("How fast its answers come.", optional(ref("pace"))),
    }
    return {"anyOf": [TEXT, mapping(properties, required=["id"])]}


def prompts() -> Schema:
    properties = {
        "instructions": said("What it says; `{{name}}` is a variable's place.", TEXT),
        "model": said("The model that it is for.", TEXT),
    }
    one = {"anyOf": [TEXT, mapping(properties, required=["instructions"])]}
    return {"type": "object", "additionalProperties": one}


def limits() -> Schema:
    rate = {"type": "string", "pattern": RATE, "examples": ["60/min", "1/s", "3/20s"]}
    one = mapping(
        {
            "requests": said("So many requests in this time.", optional(rate)),
            "tokens": said("So many tokens in this time.", optional(rate)),
            "per": said("Who has buckets of their own.", {"enum": list(PER)}),
            "burst": said("So many of them at once; all of them where it is not said.", optional(number(1))),
        },
        anyOf=[{"required": [of], "properties": {of: {"type": "string"}}} for of in ("requests", "tokens")],
    )
    return {"anyOf": [one, listed(one), {"type": "string", "pattern": LIMITS_TEXT}]}
