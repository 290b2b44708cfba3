"""The vendor's shapes, field by field, and how a value differs from one.

Each is a JSON Schema of what `openai` 3.54's types require; further fields are fine, for compatible servers
add their own. Sources: `ChatCompletion`, `ChatCompletionChunk`, `ChatCompletionMessage`,
`ChatCompletionMessageFunctionToolCall`, `CompletionUsage`, `Model` and `ErrorObject` in `openai/types`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from understudy.checks.findings import Finding, fail, quoted

Schema = dict[str, Any]
REFERENCE = "https://platform.openai.com/docs/api-reference"
STRING: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MAYBE_STRING: Schema = {"type": ["string", "null"]}
FINISH_REASONS = ("stop", "length", "tool_calls", "content_filter", "function_call")


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with these fields, and any others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": required | (optional or {}),
    }


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return schema | {"type": [*types, "null"]}


def array(items: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": items} | ({"minItems": least} if least else {})


USAGE = record(
    {"prompt_tokens": COUNT, "completion_tokens": COUNT, "total_tokens": COUNT},
    {
        "prompt_tokens_details": maybe(record({}, {"cached_tokens": maybe(COUNT)})),
        "completion_tokens_details": maybe(record({}, {"reasoning_tokens": maybe(COUNT)})),
    },
)
TOOL_CALL = record(
    {"id": NAME, "type": {"const": "function"}, "function": record({"name": NAME, "arguments": STRING})}
)
MESSAGE = record(
    {"role": {"const": "assistant"}},
    {"content": MAYBE_STRING, "refusal": MAYBE_STRING, "tool_calls": maybe(array(TOOL_CALL))},
)
COMPLETION = record(
    {
        "id": NAME,
        "object": {"const": "chat.completion"},
        "created": INTEGER,
        "model": NAME,
        "choices": array(
            record(
                {"index": INTEGER, "message": MESSAGE, "finish_reason": {"enum": list(FINISH_REASONS)}},
                {"logprobs": {"type": ["object", "null"]}},
            ),
            least=1,
        ),
    },
    {"usage": maybe(USAGE), "system_fingerprint": MAYBE_STRING, "service_tier": MAYBE_STRING},
)
ANSWERED = record({"choices": array(record({"message": MESSAGE}), least=1)})
"""What a completion must have at the least, for a client to go on with it."""
CHUNK = record(
    {
        "id": NAME,
        "object": {"const": "chat.completion.chunk"},
        "created": INTEGER,
        "model": NAME,
        "choices": array(
            record(
                {
                    "index": INTEGER,
                    "delta": record(
                        {},
                        {
                            "role": {"enum": ["assistant", None]},
                            "content": MAYBE_STRING,
                            "refusal": MAYBE_STRING,
                            "tool_calls": maybe(array(record({"index": INTEGER}))),
                        },
                    ),
                },
                {"finish_reason": {"enum": [*FINISH_REASONS, None]}},
            )
        ),
    },
    {"usage": maybe(USAGE), "system_fingerprint": MAYBE_STRING, "service_tier": MAYBE_STRING},
)
MODELS = record(
    {
        "object": {"const": "list"},
        "data": array(
            record({"id": NAME, "object": {"const": "model"}, "created": INTEGER, "owned_by": STRING})
        ),
    }
)
ERROR = record({"error": record({"message": NAME, "type": NAME})})

TYPES = {
    "string": "a string",
    "integer": "an integer",
    "object": "an object",
    "array": "an array",
    "null": "null",
    "number": "a number",
    "boolean": "a boolean",
}
ADVICE = {
    "finish_reason": "Agents decide by it whether to go on, to call a tool or to stop.",
    "role": "Clients send the message back as it is, and the next request is refused without it.",
    "id": "Clients put a stream's chunks, and a tool's result and its call, together by it.",
    "arguments": "It is JSON in a string, which clients decode themselves.",
    "tool_calls": "Without a call in it, the field is missing or null.",
    "choices": "Every client reads choices[0]; without one it breaks.",
    "message": "SDKs show it as the exception's text.",
    "type": "Applications tell errors apart by it.",
    "total_tokens": "Applications add it up for their bills and budgets.",
}

OTHERWISE = "SDKs hand it to the application as it is, which may not expect that."


def mismatches(value: Any, schema: Schema, where: str = "", page: str = "chat") -> list[Finding]:
    """How the value differs from the schema: a finding for each field. `where` stands before its name."""
    import jsonschema_rs

    validator = jsonschema_rs.validator_for(schema)
    return [
        fail(found, expected, f"{ADVICE.get(field, OTHERWISE)} Compare with {REFERENCE}/{page}.")
        for found, expected, field in dict.fromkeys(_told(validator, schema, value, where))
    ]


def _told(validator: Any, schema: Schema, value: Any, where: str) -> Iterator[tuple[str, str, str]]:
    """What was found, what was expected, and the name of the field, for each difference."""
    for error in validator.iter_errors(value):
        steps = list(error.instance_path)
        keyword = list(error.schema_path)
        rules = at(schema, keyword[:-1])
        if error.kind.name == "required":
            field = error.kind.property
            found = f"{path(where, [*steps, field])} is missing"
            yield found, words(rules["properties"][field]), field
        else:
            named = [str(step) for step in steps if isinstance(step, str)]
            yield (
                f"{path(where, steps)} is {quoted(error.instance)}",
                words(rules),
                named[-1] if named else "",
            )


def at(schema: Any, steps: Sequence[str | int]) -> Schema:
    """The part of a schema that a validator's path leads to."""
    for step in steps:
        schema = schema[step]
    found: Schema = schema
    return found


def path(where: str, steps: Sequence[str | int]) -> str:
    """`choices[0].message.role`, with `where` before it; the whole thing has the name `where`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return f"{where}{text}" if where else text.removeprefix(".") or "the body"


def words(schema: Schema) -> str:
    """What a schema asks for, in words."""
    if "const" in schema:
        return quoted(schema["const"])
    if "enum" in schema:
        *most, last = (quoted(each) for each in schema["enum"])
        return f"{', '.join(most)} or {last}"
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    text = " or ".join(TYPES[each] for each in types)
    if schema.get("minItems"):
        return f"{text} with something in it"
    if schema.get("minLength"):
        return f"{text} that is not empty"
    return f"{text}, not negative" if "minimum" in schema else text
