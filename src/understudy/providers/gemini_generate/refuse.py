"""Gemini's generateContent: the table of what the API refuses.

In the order in which the API looks: its JSON reader knows no other fields than these, then each field is
looked at for itself, last whether the turns hang together. docs/validation.md has the same rows, with the
words of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from understudy.errors import Failure
from understudy.model import Request
from understudy.providers import gemini_base as base
from understudy.providers.base import Check, by_field
from understudy.providers.gemini_generate import schemas, thinking
from understudy.providers.gemini_generate.parse import VERTEX

GITHUB = "https://github.com/"

# --- fields that there are not --------------------------------------------------------------------

FIELDS: dict[str, frozenset[str]] = {
    kind: frozenset(names.split())
    for kind, names in {
        "request": "model contents system_instruction tools tool_config safety_settings generation_config "
        "cached_content labels service_tier store model_armor_config",
        "content": "parts role",
        "part": "text thought thought_signature inline_data file_data function_call function_response "
        "executable_code code_execution_result tool_call tool_response video_metadata media_resolution "
        "part_metadata audio_transcription media_processing speech_metadata document_metadata "
        "spreadsheet_metadata audio_metadata",
        "config": "candidate_count stop_sequences max_output_tokens temperature top_p top_k seed "
        "presence_penalty frequency_penalty response_mime_type response_schema response_json_schema "
        "_response_json_schema response_logprobs logprobs response_modalities media_resolution "
        "speech_config thinking_config image_config routing_config model_selection_config model_config "
        "audio_timestamp enable_affective_dialog enable_enhanced_civic_answers response_format "
        "translation_config audio_transcription_config continuation_token",
    }.items()
}
"""Source: the types and converters of `google-genai` 3.4, read 2026-11."""


def _unknown(request: Request) -> Failure | None:
    strangers = [
        (where, name)
        for where, kind, raw in _objects(request.raw)
        for name in raw
        if base.snake(name) not in FIELDS[kind]
    ]
    if request.version != VERTEX:  # which knows other fields of tools and schemas
        strangers += schemas.found(request.raw).strangers
    violations = [
        (where, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.')
        for where, name in strangers
        for at in [f" at '{where}'" if where else ""]
    ]
    if not violations:
        return None
    words = "\n".join(description for _, description in violations)
    return Failure(400, "invalid_request", words, facts={"violations": violations})


def _objects(raw: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The objects whose fields are known: where they are, of which kind they are, and they themselves."""
    yield "", "request", raw
    contents = [(f"contents[{i}]", each) for i, each in enumerate(base.listed(raw, "contents"))]
    if (system := base.field(raw, "systemInstruction")) is not None:
        contents.append(("system_instruction", system))
    for where, content in contents:
        yield where, "content", content
        parts = base.field(content, "parts")
        if type(parts) is dict:
            yield f"{where}.parts", "part", parts
        for index, part in enumerate(parts if type(parts) is list else ()):
            yield f"{where}.parts[{index}]", "part", part
    if (config := base.field(raw, "generationConfig")) is not None:
        yield "generation_config", "config", config


# --- each field for itself --------------------------------------------------------------------------

ASKED = "* GenerateContentRequest."
ROLES = (None, "", "user", "model", "function")
DATA = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
    "audioTranscription",
    "thoughtSignature",
)


def _contents(request: Request) -> Failure | None:
    if base.listed(request.raw, "contents"):
        return None
    return base.refusal(f"{ASKED}contents: contents is not specified\n")


def _parts(request: Request) -> Failure | None:
    """Contents without parts, and parts that hold nothing; all that are found are told."""
    told = []
    for index, content in enumerate(base.listed(request.raw, "contents")):
        parts = base.listed(content, "parts")
        if not parts:
            told.append(f"{ASKED}contents[{index}].parts: contents.parts must not be empty.\n")
        for number, part in enumerate(parts):
            if all(base.field(part, name) is None for name in DATA):
                where = f"{ASKED}contents[{index}].parts[{number}].data"
                told.append(f"{where}: required oneof field 'data' must have one initialized field\n")
    return base.refusal("".join(told)) if told else None


def _roles(request: Request) -> Failure | None:
    roles = [content.get("role") for content in base.listed(request.raw, "contents")]
    if all(role in ROLES for role in roles):
        return None
    return base.refusal("Please use a valid role: user, model.")


_EITHER = re.compile(r"gemini-[12]\.")
"""The models that answer in JSON or call functions; those of later generations do both."""


def _json_and_tools(request: Request) -> Failure | None:
    if not request.tools or request.response_format.kind == "text" or not _EITHER.match(request.model):
        return None
    return base.refusal("Function calling with a response mime type: 'application/json' is unsupported")


# --- whether the turns hang together ---------------------------------------------------------------

AFTER_USER = (
    "Please ensure that function call turn comes immediately after a user turn or after a function response "
    "turn."
)
AFTER_CALL = "Please ensure that function response turn comes immediately after a function call turn."
AS_MANY = (
    "Please ensure that the number of function response parts is equal to the number of function call parts "
    "of the function call turn."
)


def _turns(request: Request) -> Failure | None:
    """Calls follow a user's turn or results; results follow their calls, as many."""
    before, open_calls = "", 0
    for role, calls, results in _merged(request):
        if open_calls and results != open_calls:
            return base.refusal(AS_MANY)
        if calls and not before:
            return base.refusal(AFTER_USER)
        if results and not open_calls:
            return base.refusal(AFTER_CALL)
        before, open_calls = role, calls
    return None


def _merged(request: Request) -> Iterator[tuple[str, int, int]]:
    """The turns. The model's contents that follow each other are one: a streamed answer comes back so."""
    said = calls = 0
    for role, called, results in map(_counted, base.listed(request.raw, "contents")):
        if role == "model":
            said, calls = said + 1, calls + called
            continue
        if said:
            yield "model", calls, 0
            said = calls = 0
        yield role, 0, results
    if said:
        yield "model", calls, 0


def _counted(content: dict[str, Any]) -> tuple[str, int, int]:
    """A content's role, and how many calls and results it holds."""
    parts = base.listed(content, "parts")
    return (
        content.get("role") or "user",
        _number(parts, "functionCall"),
        _number(parts, "functionResponse"),
    )


def _number(parts: Iterable[dict[str, Any]], name: str) -> int:
    return sum(base.field(part, name) is not None for part in parts)


# --- the table --------------------------------------------------------------------------------------

USER = {"role": "user", "parts": [{"text": "Hi"}]}
CALL = {"functionCall": {"name": "find", "args": {}}}
CALLED = {"role": "model", "parts": [CALL]}
RESULT = {"functionResponse": {"name": "find", "response": {"output": "it"}}}
RESULTS = {"role": "user", "parts": [RESULT]}
TAGS = {"type": "OBJECT", "properties": {"tags": {"type": "ARRAY"}}}


def example(**changes: Any) -> dict[str, Any]:
    """A plain request with `changes`; its model stands in the path, too."""
    return {"model": "gemini-2.5-flash", "contents": [USER], **changes}


def offering(**function: Any) -> list[dict[str, Any]]:
    """Tools: one function of the name `find`."""
    return [{"functionDeclarations": [{"name": "find", **function}]}]


def taking(schema: dict[str, Any]) -> dict[str, Any]:
    """A request with a function that takes one argument of this schema."""
    return example(tools=offering(parameters={"type": "OBJECT", "properties": {"data": schema}}))


def thinking_with(budget: int) -> dict[str, Any]:
    config = {"thinkingConfig": {"thinkingBudget": budget}}
    return {"model": "gemini-2.5-pro", "contents": [USER], "generationConfig": config}


CHECKS: tuple[Check, ...] = (
    Check(
        "an unknown field",
        "",
        _unknown,
        example(frequency_penalty=1),
        f"{GITHUB}MinLL/SkyrimNet-GamePlugin/issues/77",
    ),
    Check(
        "an unknown field of a part",
        "",
        _unknown,
        example(contents=[{"role": "user", "parts": {"text": "Hi", "role": "user"}}]),
        f"{GITHUB}gera2ld/ai.nvim/issues/13",
    ),
    Check(
        "an unknown field of a tool",
        "",
        _unknown,
        example(tools=[{"parameters": {"type": "OBJECT"}}]),
        f"{GITHUB}NoeFabris/opencode-antigravity-auth/pull/214",
    ),
    Check(
        "an unknown field of a schema",
        "",
        _unknown,
        taking({"type": "ARRAY", "items": {"type": "OBJECT", "additionalProperties": False}}),
        f"{GITHUB}nanbingxyz/5ire/issues/42",
    ),
    Check(
        "a type that there is not",
        "",
        schemas.values,
        taking({"type": "enum"}),
        f"{GITHUB}google-gemini/deprecated-generative-ai-js/issues/320",
    ),
    Check(
        "an enum of numbers",
        "",
        schemas.values,
        taking({"type": "STRING", "enum": [2]}),
        f"{GITHUB}microsoft/azure-devops-mcp/issues/145",
    ),
    Check(
        "a category that there is not",
        "",
        schemas.values,
        example(safetySettings=[{"category": "HARM_CATEGORY_IMAGE_HATE", "threshold": "BLOCK_NONE"}]),
        f"{GITHUB}NEKOparapa/AiNiee/issues/746",
    ),
    Check("no contents", "", _contents, example(contents=[]), f"{GITHUB}googleapis/js-genai/issues/912"),
    Check(
        "a content without parts",
        "",
        _parts,
        example(contents=[USER, {"role": "user", "parts": []}]),
        f"{GITHUB}egoist/chatwise-releases/issues/250",
    ),
    Check(
        "a part that holds nothing",
        "",
        _parts,
        example(contents=[{"role": "user", "parts": [{"thought": True}]}]),
        f"{GITHUB}boldsoftware/sketch/issues/68",
    ),
    Check(
        "unknown role",
        "",
        _roles,
        example(contents=[{"role": "developer", "parts": [{"text": "Be brief."}]}, USER]),
        f"{GITHUB}router-for-me/CLIProxyAPI/issues/2791",
    ),
    Check(
        "an array of nothing",
        "",
        schemas.rules,
        example(tools=offering(parameters=TAGS)),
        f"{GITHUB}kkrishnan90/gemini-desktop/pull/7",
    ),
    Check(
        "properties of what is no object",
        "",
        schemas.rules,
        taking({"type": "STRING", "properties": {"page_id": {"type": "STRING"}}}),
        f"{GITHUB}anomalyco/opencode/pull/11888",
    ),
    Check(
        "an enum of what is no text",
        "",
        schemas.rules,
        taking({"enum": ["a", "b"]}),
        f"{GITHUB}decolua/9router/issues/359",
    ),
    Check(
        "a function of a bad name",
        "",
        schemas.names,
        example(tools=[{"functionDeclarations": [{"name": "find it"}]}]),
        f"{GITHUB}google-gemini/gemini-cli/issues/7869",
    ),
    Check(
        "no thinking for a model that always thinks",
        "",
        thinking.budget,
        thinking_with(0),
        f"{GITHUB}vercel/ai/issues/8027",
    ),
    Check(
        "more to think with than the model has",
        "",
        thinking.budget,
        thinking_with(52_428),
        f"{GITHUB}RooCodeInc/Roo-Code/issues/4399",
    ),
    Check(
        "functions beside JSON",
        "",
        _json_and_tools,
        example(tools=offering(), generationConfig={"responseMimeType": "application/json"}),
        f"{GITHUB}symfony/ai/issues/803",
    ),
    Check(
        "a call at the start",
        "",
        _turns,
        example(contents=[CALLED, RESULTS]),
        f"{GITHUB}google-gemini/gemini-cli/issues/11814",
    ),
    Check(
        "a result without a call",
        "",
        _turns,
        example(contents=[RESULTS]),
        f"{GITHUB}BerriAI/litellm/issues/26755",
    ),
    Check(
        "fewer results than calls",
        "",
        _turns,
        example(contents=[USER, {"role": "model", "parts": [CALL, CALL]}, RESULTS]),
        f"{GITHUB}google-gemini/gemini-cli/issues/16543",
    ),
    Check(
        "a call without the signature of its thought",
        "",
        thinking.signatures,
        {"model": "gemini-3-pro-preview", "contents": [USER, CALLED, RESULTS]},
        f"{GITHUB}askimo-ai/askimo/issues/543",
    ),
)
complaints = by_field(CHECKS)
