"""Responses: the items of an answer's output.

Each part of a reply is an item: text and refusals are messages, a thought is a reasoning item with its
summary, a call is a call. The ids of items are made of the answer's.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from itertools import accumulate
from typing import Any

from msgspec import Raw

from understudy import tokens
from understudy.caching import cached
from understudy.model import (
    Citation,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Request,
    ServerToolCall,
    Stop,
    Text,
    ToolCall,
)
from understudy.providers import openai_base as base
from understudy.providers.base import encode
from understudy.providers.openai_responses import built_in, hosted
from understudy.providers.openai_responses.families import family

WHY: dict[Stop, str] = {
    "length": "max_output_tokens",
    "context_window": "max_output_tokens",
    "content_filter": "content_filter",
}
"""Why a response is incomplete; whatever ends otherwise is complete."""


def items(reply: Reply, request: Request) -> list[dict[str, Any]]:
    """The output of a whole answer."""
    found = []
    for index, place in enumerate(places(reply)):
        found.append(item(reply, request, index, place))
        if hosted.count(reply, index) == 2:
            found.append(hosted.printed(reply, index, item_id("sho", reply, place + 1)))
    return found


def places(reply: Reply) -> list[int]:
    """Where in the output the item of each part is, or the first of its two."""
    ends = [0, *accumulate(hosted.count(reply, index) for index in range(len(reply.parts)))]
    return ends[:-1]


def item(reply: Reply, request: Request, index: int, place: int) -> dict[str, Any]:
    """The item that a part is, whole; `place` is that in the output."""
    part = reply.parts[index]
    cut = WHY.get(reply.stop) == "max_output_tokens" and index == len(reply.parts) - 1
    match part:
        case Text() | Refusal():
            return _message(reply, index, place, cut, [content(part, reply, request)])
        case Reasoning():
            return _thought(reply, place, part, _summary(part))
        case ToolCall(_, arguments):
            return _call(part, reply, request, place, "incomplete" if cut else "completed", arguments)
        case ServerToolCall(kind):
            id = item_id(hosted.HOSTED[kind].prefix, reply, place)
            return hosted.item(reply, index, id, hosted.around(reply, request))
        case _:
            raise TypeError(f"a response cannot hold a part of type {type(part).__name__}")


def started(reply: Reply, request: Request, index: int, place: int) -> dict[str, Any]:
    """The item that a part is, before anything of it was said."""
    part = reply.parts[index]
    match part:
        case Text() | Refusal():
            return _message(reply, index, place, False, []) | {"status": "in_progress"}
        case Reasoning():
            return _thought(reply, place, part, [])
        case ToolCall():
            return _call(part, reply, request, place, "in_progress", "")
        case ServerToolCall(kind):
            id = item_id(hosted.HOSTED[kind].prefix, reply, place)
            return hosted.started(reply, index, id, hosted.around(reply, request))
        case _:
            raise TypeError(f"a response cannot hold a part of type {type(part).__name__}")


def content(part: Text | Refusal, reply: Reply, request: Request) -> dict[str, Any]:
    """What is in a message."""
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    top = request.sampling.top_logprobs
    told = tokens.split(part.text, reply.encoding) if top is not None else ()
    logprobs = [token(each, top or 0, reply.logprobs) for each in told]
    return {"type": "output_text", "annotations": citations_of(part), "logprobs": logprobs, "text": part.text}


def citations_of(part: Text) -> list[dict[str, Any]]:
    """What a text rests on: pages and files. Of documents in the request the API tells nothing."""
    return [_annotation(each, part.text) for each in part.citations if each.url or each.file]


def _annotation(source: Citation, text: str) -> dict[str, Any]:
    end = len(text) if source.end is None else source.end
    if source.url:
        return {
            "type": "url_citation",
            "end_index": end,
            "start_index": source.start,
            "title": source.title,
            "url": source.url,
        }
    return {
        "type": "file_citation",
        "file_id": source.file,
        "filename": source.title or source.file,
        "index": end,
    }


def item_id(prefix: str, reply: Reply, place: int) -> str:
    return f"{prefix}_{reply.id}{place:02x}"


def _message(
    reply: Reply, index: int, place: int, cut: bool, content: list[dict[str, Any]]
) -> dict[str, Any]:
    goes_on = any(isinstance(part, ToolCall | ServerToolCall) for part in reply.parts[index + 1 :])
    phase = "commentary" if goes_on else "final_answer"
    return {
        "id": item_id("msg", reply, place),
        "type": "message",
        "status": "incomplete" if cut else "completed",
        "content": content,
        **({"phase": phase} if family(reply.model).phases else {}),
        "role": "assistant",
    }


def _summary(part: Reasoning) -> list[dict[str, Any]]:
    return [] if part.redacted else [{"type": "summary_text", "text": part.text}]


def _thought(reply: Reply, place: int, part: Reasoning, summary: list[dict[str, Any]]) -> dict[str, Any]:
    """A reasoning item. What is said to be encrypted is the text, in base64, where nothing else is given."""
    text = "gAAAAA" + urlsafe_b64encode(part.text.encode(errors="replace")).decode()
    return {
        "id": item_id("rs", reply, place),
        "type": "reasoning",
        "content": [],
        "encrypted_content": part.redacted or text,
        "summary": summary,
    }


def _call(
    call: ToolCall, reply: Reply, request: Request, place: int, status: str, said: str
) -> dict[str, Any]:
    if (tool := built_in.built_in(call, request)) is not None:
        return built_in.item(call, tool, item_id(tool.prefix, reply, place), status)
    if is_custom(call, request):
        return {
            "id": item_id("ctc", reply, place),
            "type": "custom_tool_call",
            "status": status,
            "call_id": f"call_{call.id}",
            "input": said,
            "name": call.name,
        }
    return {
        "id": item_id("fc", reply, place),
        "type": "function_call",
        "status": status,
        "arguments": said,
        "call_id": f"call_{call.id}",
        "name": call.name,
    }


def is_custom(part: Part, request: Request) -> bool:
    if not isinstance(part, ToolCall):
        return False
    return any(tool.custom and tool.name == part.name for tool in request.tools)


@cached(entries=4_096, longest=64)
def token(text: str, top: int, told: base.Told) -> Raw:
    """A token's log probabilities in a message, encoded: the same wherever it occurs."""
    return Raw(
        encode(
            {
                "token": text,
                "bytes": list(text.encode(errors="replace")),
                "logprob": base.logprob(text, told),
                "top_logprobs": [
                    {"token": form, "bytes": list(form.encode(errors="replace")), "logprob": logprob}
                    for form, logprob in base.alternatives(text, top, told)
                ],
            }
        )
    )
