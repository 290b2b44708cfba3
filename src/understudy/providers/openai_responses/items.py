"""Responses: the items of a request's input, read as messages.

    reasoning, message (assistant), function_call ...   -> one assistant message, as one answer held them
    function_call_output                                -> a message of the role `tool`
    message (user, system, developer)                   -> itself

Calls of tools that the API ran by itself are what an assistant said; those that a client runs are calls with
results. Items that name what the server would have kept hold nothing to read here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec.structs import replace

from understudy.model import (
    Audio,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    ServerToolCall,
    Text,
    ToolCall,
    ToolResult,
)
from understudy.providers import openai_fields_base as reading
from understudy.providers import openai_refusals_base as say
from understudy.providers.openai_responses import built_in, hosted_read
from understudy.providers.openai_responses.hosted_read import ran_here, read_printed, read_shell

Role = Literal["system", "user", "assistant", "tool"]
ROLES: dict[str, Role] = {
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "user": "user",
}
KINDS = (
    "additional_tools",
    "agent_message",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction",
    "compaction_trigger",
    "computer_call",
    "computer_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "file_search_call",
    "function_call",
    "function_call_output",
    "image_generation_call",
    "item_reference",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "message",
    "multi_agent_call",
    "multi_agent_call_output",
    "program",
    "program_output",
    "reasoning",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
)
"""All types of items that there are, as the API lists them."""


def messages(items: list[Any], where: str = "input") -> tuple[Message, ...]:
    """The items of the field `where` as messages; what an assistant said in a row is one."""
    names: dict[str, str] = {}
    told: list[Message] = []
    for index, item in enumerate(items):
        for message in _messages(item, f"{where}[{index}]", names):
            if message.role == "assistant" and told and told[-1].role == "assistant":
                told[-1] = Message("assistant", (*told[-1].parts, *message.parts))
            else:
                told.append(message)
    return tuple(told)


def _messages(item: Any, where: str, names: dict[str, str]) -> tuple[Message, ...]:
    """One item; `names` maps the ids of calls seen so far to their tools' names.

    It maps that of a shell which the API ran by itself to no name: what that printed is no client's result.
    """
    if type(item) is not dict:
        raise say.invalid_type(where, "an input item", item)
    kind = item.get("type", "message")
    if kind not in KINDS:
        raise say.invalid_value(where, kind if type(kind) is str else "", KINDS)
    if kind in RESULTS:
        return (Message("tool", (_result(item, f"{where}.", names),)),)
    if kind == "message":
        return (_message(item, where),)
    if kind in built_in.RESULTS:
        return (_ran(item, names),)
    if kind == "mcp_approval_response":
        return (Message("tool", (_approval(item),)),)
    reader = SAID.get(kind)
    return (Message("assistant", reader(item, f"{where}.", names)),) if reader else ()


def _ran(item: dict[str, Any], names: dict[str, str]) -> Message:
    """What one of the API's own tools gave back, at the client, or where the API ran it."""
    result, *images = built_in.read_result(item)
    assert isinstance(result, ToolResult)
    if names.get(result.id) == "":
        return Message("assistant", (ServerToolCall("shell", result=read_printed(item), id=result.id),))
    return Message("tool", (result, *images))


def _approval(item: dict[str, Any]) -> ToolResult:
    """Whether a tool of an MCP server may run, as the client says: `approved`, or `denied` and why."""
    said = "approved" if item.get("approve") is True else "denied"
    reason, id = item.get("reason"), item.get("approval_request_id")
    text = f"{said}: {reason}" if type(reason) is str and reason else said
    return ToolResult(id if type(id) is str else "", text, "mcp_approval")


def _hosted(item: dict[str, Any], where: str, names: dict[str, str]) -> tuple[Part, ...]:
    return (hosted_read.READ[item["type"]](item),)


def _built_in(item: dict[str, Any], where: str, names: dict[str, str]) -> tuple[Part, ...]:
    call = built_in.read(item)
    here = item["type"] == "shell_call" and ran_here(item)
    names[call.id] = "" if here else call.name
    return (replace(read_shell(item), id=call.id),) if here else (call,)


def _message(item: dict[str, Any], where: str) -> Message:
    role = item.get("role")
    if role not in ROLES:
        raise say.invalid_value(where, role if type(role) is str else "", tuple(ROLES))
    content = item.get("content")
    if content is None:
        raise say.missing(f"{where}.content")
    return Message(ROLES[role], parts(content, f"{where}.content"))


def _call(item: dict[str, Any], where: str, names: dict[str, str]) -> tuple[Part, ...]:
    return (_called(item, where, names, "arguments"),)


def _custom_call(item: dict[str, Any], where: str, names: dict[str, str]) -> tuple[Part, ...]:
    return (_called(item, where, names, "input"),)


def _called(item: dict[str, Any], where: str, names: dict[str, str], key: str) -> ToolCall:
    id = reading.required(item, "call_id", reading.STRING, where)
    name = reading.required(item, "name", reading.STRING, where)
    names[id] = name
    return ToolCall(name, reading.required(item, key, reading.STRING, where), id)


def _thought(item: dict[str, Any], where: str, names: dict[str, str]) -> tuple[Part, ...]:
    """A reasoning item: what it says in words, or that it says nothing which could be read."""
    reading.check_types(item, dict.fromkeys(("summary", "content"), reading.OBJECTS), where)
    texts = []
    for key in ("summary", "content"):
        for index, each in enumerate(item.get(key) or ()):
            at = f"{where}{key}[{index}]"
            if type(each) is not dict:
                raise say.invalid_type(at, "an object", each)
            texts.append(reading.required(each, "text", reading.STRING, f"{at}."))
    if texts:
        return (Reasoning("\n\n".join(texts)),)
    encrypted = item.get("encrypted_content")
    return (Reasoning(redacted=encrypted),) if type(encrypted) is str and encrypted else ()


def _result(item: dict[str, Any], where: str, names: dict[str, str]) -> ToolResult:
    id = reading.required(item, "call_id", reading.STRING, where)
    output = item.get("output")
    if output is None:
        raise say.missing(f"{where}output")
    told = parts(output, f"{where}output")
    text = "\n".join(part.text for part in told if isinstance(part, Text))
    return ToolResult(id, text, names.get(id, ""))


SAID: dict[str, Callable[[dict[str, Any], str, dict[str, str]], tuple[Part, ...]]] = {
    "function_call": _call,
    "custom_tool_call": _custom_call,
    "reasoning": _thought,
    **dict.fromkeys(hosted_read.READ, _hosted),
    **dict.fromkeys(built_in.READ, _built_in),
}
RESULTS = frozenset(("function_call_output", "custom_tool_call_output"))

# --- content ------------------------------------------------------------------------------------------


def parts(content: Any, where: str) -> tuple[Part, ...]:
    """A text, or an array of parts."""
    if type(content) is str:
        return (Text(content),)
    if type(content) is not list:
        raise say.invalid_type(where, "one of a string or array of objects", content)
    return tuple([_part(each, f"{where}[{index}]") for index, each in enumerate(content)])


def _part(raw: Any, where: str) -> Part:
    if type(raw) is not dict:
        raise say.invalid_type(where, "an object", raw)
    kind = raw.get("type")
    if kind not in PARTS:
        raise say.invalid_value(f"{where}.type", kind if type(kind) is str else "", LISTED)
    return PARTS[kind](raw, f"{where}.")


def _text(raw: dict[str, Any], where: str) -> Part:
    return Text(reading.required(raw, "text", reading.STRING, where))


def _refusal(raw: dict[str, Any], where: str) -> Part:
    return Refusal(reading.required(raw, "refusal", reading.STRING, where))


def _image(raw: dict[str, Any], where: str) -> Part:
    """An image, by URL or by the id of a file."""
    reading.check_types(raw, dict.fromkeys(("image_url", "file_id", "detail"), reading.STRING), where)
    return Image(raw.get("image_url") or raw.get("file_id") or "", raw.get("detail") or "auto")


def _file(raw: dict[str, Any], where: str) -> Part:
    keys = ("file_id", "filename", "file_data", "file_url")
    reading.check_types(raw, dict.fromkeys(keys, reading.STRING), where)
    data = raw.get("file_data") or raw.get("file_url") or ""
    return File(raw.get("file_id") or "", raw.get("filename") or "", data)


def _audio(raw: dict[str, Any], where: str) -> Part:
    audio = reading.required(raw, "input_audio", reading.OBJECT, where)
    return Audio(
        reading.required(audio, "data", reading.STRING, f"{where}input_audio."),
        reading.required(audio, "format", reading.STRING, f"{where}input_audio."),
    )


def _encrypted(raw: dict[str, Any], where: str) -> Part:
    """What only the API could read."""
    return Text("")


PARTS: dict[str, Callable[[dict[str, Any], str], Part]] = {
    "input_text": _text,
    "input_image": _image,
    "input_audio": _audio,
    "output_text": _text,
    "refusal": _refusal,
    "input_file": _file,
    "computer_screenshot": _image,
    "summary_text": _text,
    "encrypted_content": _encrypted,
}
LISTED = tuple(PARTS)
"""The types of parts as the API lists them."""
