"""OpenAI's Chat Completions: `POST /v1/chat/completions`, whole and streamed.

Source: platform.openai.com/docs/api-reference/chat, and the types of `openai` 3.54
(`chat_completion.py`, `chat_completion_chunk.py`, `completion_create_params.py`), read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Literal

from understudy import tokens
from understudy.model import (
    AUTO,
    DEFAULT_SAMPLING,
    PLAIN,
    Audio,
    Begin,
    Broken,
    Delta,
    Event,
    File,
    Finish,
    HttpRequest,
    Image,
    Message,
    Part,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    Reply,
    Request,
    ResponseFormat,
    Sampling,
    Stop,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)
from understudy.providers import openai_base as base
from understudy.providers.base import encode, quote

NAME = "openai-chat"
ROUTES = (("POST", "/v1/chat/completions"),)
head = base.head
error = base.error
unrouted = base.unrouted

Role = Literal["system", "user", "assistant", "tool"]
ROLES: dict[str, Role] = {
    "system": "system",
    "assistant": "assistant",
    "user": "user",
    "function": "tool",
    "tool": "tool",
    "developer": "system",
}
FINISH: dict[Stop, str] = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_call": "tool_calls",
    "content_filter": "content_filter",
}
STOPS: dict[str, Stop] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
}

# --- parse -------------------------------------------------------------------------------------------

TYPES = {
    "messages": base.OBJECTS,
    "stream": base.BOOLEAN,
    "stream_options": base.OBJECT,
    "temperature": base.DECIMAL,
    "top_p": base.DECIMAL,
    "n": base.INTEGER,
    "max_tokens": base.INTEGER,
    "max_completion_tokens": base.INTEGER,
    "presence_penalty": base.DECIMAL,
    "frequency_penalty": base.DECIMAL,
    "logit_bias": base.OBJECT,
    "logprobs": base.BOOLEAN,
    "top_logprobs": base.INTEGER,
    "seed": base.INTEGER,
    "user": base.STRING,
    "metadata": base.OBJECT,
    "store": base.BOOLEAN,
    "tools": base.OBJECTS,
    "functions": base.OBJECTS,
    "parallel_tool_calls": base.BOOLEAN,
    "response_format": base.OBJECT,
    "modalities": base.STRINGS,
    "audio": base.OBJECT,
    "reasoning_effort": base.STRING,
    "service_tier": base.STRING,
    "verbosity": base.STRING,
}


def parse(http: HttpRequest) -> Request:
    """Read a chat completion request.

    Body: {"model": str, "messages": [{"role", "content"?, ...}], ...}; unknown fields stay in `raw`.
    Raises Failure(400) for what cannot be understood: no JSON object, missing or mistyped fields,
    roles and content types that there are not.
    """
    raw = base.body_object(http)
    model = base.required_model(raw)
    base.check_types(raw, TYPES)
    messages = base.required(raw, "messages", base.OBJECTS)
    names: dict[str, str] = {}
    return Request(
        NAME,
        "chat",
        model,
        tuple([_message(each, index, names) for index, each in enumerate(messages)]),
        raw,
        _tools(raw) if "tools" in raw or "functions" in raw else (),
        _tool_choice(raw) if "tool_choice" in raw or "function_call" in raw else AUTO,
        raw.get("parallel_tool_calls") is not False,
        _response_format(raw) if "response_format" in raw else PLAIN,
        _sampling(raw) if not _SAMPLING.isdisjoint(raw) else DEFAULT_SAMPLING,
        raw.get("stream") is True,
        base.choices_wanted(raw),
    )


def _message(raw: Any, index: int, names: dict[str, str]) -> Message:
    """One message; `names` maps the ids of tool calls seen so far to their tools' names."""
    where = f"messages[{index}]"
    if type(raw) is not dict:
        raise base.invalid_type(where, "an object", raw)
    given = base.required(raw, "role", base.STRING, f"{where}.")
    role = ROLES.get(given)
    if role is None:
        raise base.invalid_value(f"{where}.role", given, tuple(ROLES))
    content = raw.get("content")
    if len(raw) == 2 and type(content) is str and role != "tool":
        return Message(role, (Text(content),))
    name = raw.get("name") or ""
    if type(name) is not str:
        raise base.invalid_type(f"{where}.name", "a string", name)
    parts = _content(content, f"{where}.content")
    if role == "tool":
        return Message(role, (_tool_result(raw, parts, given, names, where),), name)
    if role == "assistant":
        parts = (*_thoughts(raw, where), *parts, *_calls(raw, names, where))
    return Message(role, parts, name)


def _thoughts(raw: dict[str, Any], where: str) -> tuple[Part, ...]:
    found: list[Part] = []
    kinds: tuple[tuple[str, type[Reasoning] | type[Refusal]], ...] = (
        ("reasoning_content", Reasoning),
        ("refusal", Refusal),
    )
    for key, kind in kinds:
        text = raw.get(key)
        if text is None:
            continue
        if type(text) is not str:
            raise base.invalid_type(f"{where}.{key}", "a string", text)
        found.append(kind(text))
    return tuple(found)


def _calls(raw: dict[str, Any], names: dict[str, str], where: str) -> tuple[Part, ...]:
    """The assistant's tool calls; the deprecated `function_call` is one whose id is its name."""
    calls: list[Part] = []
    given = raw.get("tool_calls") or []
    if type(given) is not list:
        raise base.invalid_type(f"{where}.tool_calls", "an array of objects", given)
    for index, call in enumerate(given):
        at = f"{where}.tool_calls[{index}]"
        if type(call) is not dict:
            raise base.invalid_type(at, "an object", call)
        kind, body = ("custom", "input") if call.get("type") == "custom" else ("function", "arguments")
        function = base.required(call, kind, base.OBJECT, f"{at}.")
        name = base.required(function, "name", base.STRING, f"{at}.{kind}.")
        arguments = base.required(function, body, base.STRING, f"{at}.{kind}.")
        id = base.required(call, "id", base.STRING, f"{at}.")
        names[id] = name
        calls.append(ToolCall(name, arguments, id))
    if (function := raw.get("function_call")) is not None:
        if type(function) is not dict:
            raise base.invalid_type(f"{where}.function_call", "an object", function)
        name = base.required(function, "name", base.STRING, f"{where}.function_call.")
        arguments = base.required(function, "arguments", base.STRING, f"{where}.function_call.")
        calls.append(ToolCall(name, arguments, name))
    return tuple(calls)


def _tool_result(
    raw: dict[str, Any], parts: tuple[Part, ...], given: str, names: dict[str, str], where: str
) -> ToolResult:
    text = "\n".join(part.text for part in parts if isinstance(part, Text))
    if given == "function":
        name = base.required(raw, "name", base.STRING, f"{where}.")
        return ToolResult(name, text, name)
    id = base.required(raw, "tool_call_id", base.STRING, f"{where}.")
    return ToolResult(id, text, names.get(id, ""))


def _content(content: Any, where: str) -> tuple[Part, ...]:
    if type(content) is str:
        return (Text(content),)
    if content is None:
        return ()
    if type(content) is not list:
        raise base.invalid_type(where, "one of a string or array of objects", content)
    return tuple([_part(each, f"{where}[{index}]") for index, each in enumerate(content)])


def _part(raw: Any, where: str) -> Part:
    if type(raw) is not dict:
        raise base.invalid_type(where, "an object", raw)
    kind = base.required(raw, "type", base.STRING, f"{where}.")
    reader = PARTS.get(kind)
    if reader is None:
        raise base.invalid_value(f"{where}.type", kind, tuple(PARTS))
    return reader(raw, f"{where}.")


def _text(raw: dict[str, Any], where: str) -> Part:
    return Text(base.required(raw, "text", base.STRING, where))


def _refusal(raw: dict[str, Any], where: str) -> Part:
    return Refusal(base.required(raw, "refusal", base.STRING, where))


def _image(raw: dict[str, Any], where: str) -> Part:
    image = base.required(raw, "image_url", base.OBJECT, where)
    base.check_types(image, {"detail": base.STRING}, f"{where}image_url.")
    return Image(
        base.required(image, "url", base.STRING, f"{where}image_url."), image.get("detail") or "auto"
    )


def _audio(raw: dict[str, Any], where: str) -> Part:
    audio = base.required(raw, "input_audio", base.OBJECT, where)
    return Audio(
        base.required(audio, "data", base.STRING, f"{where}input_audio."),
        base.required(audio, "format", base.STRING, f"{where}input_audio."),
    )


def _file(raw: dict[str, Any], where: str) -> Part:
    file = base.required(raw, "file", base.OBJECT, where)
    base.check_types(file, dict.fromkeys(("file_id", "filename", "file_data"), base.STRING), f"{where}file.")
    return File(file.get("file_id") or "", file.get("filename") or "", file.get("file_data") or "")


PARTS: dict[str, Callable[[dict[str, Any], str], Part]] = {
    "text": _text,
    "image_url": _image,
    "input_audio": _audio,
    "refusal": _refusal,
    "file": _file,
}


def _tools(raw: dict[str, Any]) -> tuple[Tool, ...]:
    tools = [_tool(each, f"tools[{index}]") for index, each in enumerate(raw.get("tools") or ())]
    functions = [_function(each, f"functions[{i}]") for i, each in enumerate(raw.get("functions") or ())]
    return (*tools, *functions)


def _tool(raw: Any, where: str) -> Tool:
    if type(raw) is not dict:
        raise base.invalid_type(where, "an object", raw)
    kind = base.required(raw, "type", base.STRING, f"{where}.")
    if kind not in ("function", "custom"):
        raise base.invalid_value(f"{where}.type", kind, ("function", "custom"))
    return _function(base.required(raw, kind, base.OBJECT, f"{where}."), f"{where}.{kind}", kind == "custom")


def _function(raw: Any, where: str, custom: bool = False) -> Tool:
    if type(raw) is not dict:
        raise base.invalid_type(where, "an object", raw)
    base.check_types(
        raw, {"description": base.STRING, "parameters": base.OBJECT, "strict": base.BOOLEAN}, f"{where}."
    )
    return Tool(
        base.required(raw, "name", base.STRING, f"{where}."),
        raw.get("description") or "",
        raw.get("parameters"),
        raw.get("strict") is True,
        custom,
    )


def _tool_choice(raw: dict[str, Any]) -> ToolChoice:
    """`tool_choice`, or the deprecated `function_call`: a mode, one tool, or a set of allowed ones."""
    key = "tool_choice" if raw.get("tool_choice") is not None else "function_call"
    choice = raw.get(key)
    if choice is None:
        return AUTO
    if choice in ("none", "auto", "required"):
        return ToolChoice(choice)
    if type(choice) is str:
        raise base.invalid_value(key, choice, ("none", "auto", "required"))
    if type(choice) is not dict:
        raise base.invalid_type(key, "one of a string or object", choice)
    if key == "function_call":
        return ToolChoice("required", (base.required(choice, "name", base.STRING, f"{key}."),))
    kind = base.required(choice, "type", base.STRING, f"{key}.")
    if kind not in ("function", "custom", "allowed_tools"):
        raise base.invalid_value(f"{key}.type", kind, ("allowed_tools", "function", "custom"))
    body = base.required(choice, kind, base.OBJECT, f"{key}.")
    if kind != "allowed_tools":
        return ToolChoice("required", (base.required(body, "name", base.STRING, f"{key}.{kind}."),))
    where = f"{key}.{kind}."
    offered = enumerate(base.required(body, "tools", base.OBJECTS, where))
    names = tuple([_tool(each, f"{where}tools[{index}]").name for index, each in offered])
    return ToolChoice("required" if body.get("mode") == "required" else "auto", names)


def _response_format(raw: dict[str, Any]) -> ResponseFormat:
    given = raw["response_format"]
    if given is None:
        return PLAIN
    kind = base.required(given, "type", base.STRING, "response_format.")
    if kind not in ("text", "json_object", "json_schema"):
        raise base.invalid_value("response_format.type", kind, ("json_object", "json_schema", "text"))
    if kind != "json_schema":
        return ResponseFormat(kind)
    body = base.required(given, "json_schema", base.OBJECT, "response_format.")
    base.check_types(body, {"schema": base.OBJECT, "strict": base.BOOLEAN}, "response_format.json_schema.")
    return ResponseFormat(
        "json_schema",
        body.get("schema"),
        base.required(body, "name", base.STRING, "response_format.json_schema."),
        body.get("strict") is True,
    )


_SAMPLING = frozenset(
    (
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "seed",
        "temperature",
        "top_p",
        "logprobs",
        "top_logprobs",
    )
)


MOST_TOP_LOGPROBS = 20


def _sampling(raw: dict[str, Any]) -> Sampling:
    limit = base.integer(raw, "max_completion_tokens", 0)
    top = base.integer(raw, "top_logprobs", 0, MOST_TOP_LOGPROBS) or 0
    return Sampling(
        base.integer(raw, "max_tokens", 0) if limit is None else limit,
        base.stop_sequences(raw),
        raw.get("seed"),
        raw.get("temperature"),
        raw.get("top_p"),
        top if raw.get("logprobs") else None,
    )


# --- body --------------------------------------------------------------------------------------------


def body(reply: Reply, request: Request) -> bytes:
    """The `chat.completion` object."""
    return encode(
        {
            "id": f"chatcmpl-{reply.id}",
            "object": "chat.completion",
            "created": reply.created,
            "model": reply.model,
            "choices": [_choice(each, index, request) for index, each in enumerate((reply, *reply.others))],
            "usage": base.usage_object(reply.usage),
            "service_tier": base.service_tier(request.raw),
            "system_fingerprint": base.fingerprint(reply.model),
        }
    )


def _choice(reply: Reply, index: int, request: Request) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    finish = FINISH[reply.stop]
    if len(reply.parts) == 1 and type(text := reply.parts[0]) is Text:
        message["content"] = text.text
    else:
        finish = _fill(message, reply, request, finish)
    top = request.sampling.top_logprobs
    return {
        "index": index,
        "message": message,
        "logprobs": None if top is None else _logprobs(reply, top),
        "finish_reason": finish,
    }


def _fill(message: dict[str, Any], reply: Reply, request: Request, finish: str) -> str:
    """Put the parts into the message; the finish reason is told, since `functions` have their own."""
    calls = []
    for part in reply.parts:
        match part:
            case Text(text):
                message["content"] = (message["content"] or "") + text
            case Refusal(text):
                message["refusal"] = (message["refusal"] or "") + text
            case Reasoning(text):
                message["reasoning_content"] = message.get("reasoning_content", "") + text
            case ToolCall():
                calls.append(part)
            case _:
                raise TypeError(f"a chat completion cannot hold a part of type {type(part).__name__}")
    if calls and _deprecated(request):
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments}
        return "function_call" if finish == "tool_calls" else finish
    if calls:
        custom = _custom_names(request)
        message["tool_calls"] = [
            {"id": f"call_{call.id}"} | _call(call, call.arguments, custom) for call in calls
        ]
    return finish


def _deprecated(request: Request) -> bool:
    """Whether the request offers `functions`, as before `tools` there were."""
    return "functions" in request.raw and not request.raw.get("tools")


def _custom_names(request: Request) -> frozenset[str]:
    return frozenset(tool.name for tool in request.tools if tool.custom)


def _call(call: ToolCall, arguments: str, custom: frozenset[str]) -> dict[str, Any]:
    if call.name in custom:
        return {"type": "custom", "custom": {"name": call.name, "input": arguments}}
    return {"type": "function", "function": {"name": call.name, "arguments": arguments}}


def _logprobs(reply: Reply, top: int) -> dict[str, Any]:
    """Of what is said or refused; thoughts and tool calls have none."""
    logprobs: dict[str, Any] = {"content": None, "refusal": None}
    for part in reply.parts:
        if isinstance(part, Text | Refusal):
            found = [_token(token, top) for token in tokens.split(part.text, reply.encoding)]
            key = _SAID[type(part)]
            logprobs[key] = (logprobs[key] or []) + found
    return logprobs


_SAID: dict[type, str] = {Text: "content", Refusal: "refusal"}


def _token(token: str, top: int) -> dict[str, Any]:
    return {
        "token": token,
        "logprob": base.logprob(token),
        "bytes": list(token.encode(errors="replace")),
        "top_logprobs": [
            {"token": form, "logprob": logprob, "bytes": list(form.encode(errors="replace"))}
            for form, logprob in base.alternatives(token, top)
        ],
    }


# --- encoder -----------------------------------------------------------------------------------------


def encoder(request: Request) -> Callable[[Event], bytes]:
    """The stream: `data:` frames of `chat.completion.chunk` objects, then `data: [DONE]`."""
    return _Encoder(request)


class _Encoder:
    """One answer's encoder: what surrounds a delta is computed once, the rest is a join."""

    __slots__ = ("_blurred", "_end", "_head", "_reply", "_request", "_started")

    def __init__(self, request: Request) -> None:
        options = request.raw.get("stream_options") or {}
        self._request = request
        self._started: set[int] = set()
        self._blurred = options.get("include_obfuscation") is not False
        self._end = b',"usage":null' if options.get("include_usage") is True else b""

    def __call__(self, event: Event) -> bytes:
        return _FRAMES[type(event)](self, event)

    def _begin(self, event: Begin) -> bytes:
        self._reply = reply = event.reply
        self._head = b"data: " + encode(
            {
                "id": f"chatcmpl-{reply.id}",
                "object": "chat.completion.chunk",
                "created": reply.created,
                "model": reply.model,
                "service_tier": base.service_tier(self._request.raw),
                "system_fingerprint": base.fingerprint(reply.model),
            }
        ).removesuffix(b"}")
        return b""

    def _chunk(
        self, choice: int, delta: dict[str, Any], finish: str | None = None, logprobs: Any = None
    ) -> bytes:
        """A frame whose delta is not text."""
        choices = encode([{"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish}])
        return b'%b,"choices":%b%b%b}\n\n' % (self._head, choices, self._end, self._blur(""))

    def _role(self, choice: int) -> bytes:
        """The first frame of a choice that starts with text, or says nothing at all."""
        top = self._request.sampling.top_logprobs
        logprobs: dict[str, Any] | None = None if top is None else {"content": [], "refusal": None}
        return self._chunk(choice, {"role": "assistant", "content": "", "refusal": None}, None, logprobs)

    def _blur(self, text: str) -> bytes:
        return b',"obfuscation":' + quote(base.obfuscation(text)) if self._blurred else b""

    def _part_start(self, event: PartStart) -> bytes:
        """The choice's first frame names the role; a tool call has a frame with its id and name."""
        part, choice = event.part, event.choice
        first = choice not in self._started
        self._started.add(choice)
        if not isinstance(part, ToolCall):
            return self._role(choice) if first else b""
        reply = self._reply_of(choice)
        if self._left_out(part, reply, event.index):
            return b""
        calls = _calls_of(reply)
        call = self._call_start(part, calls.index(event.index))
        if not first:
            return self._chunk(choice, call)
        role: dict[str, Any] = {"role": "assistant", "content": None}
        if len(calls) == 1 or _deprecated(self._request):
            return self._chunk(choice, role | call | {"refusal": None})
        return self._chunk(choice, role | {"refusal": None}) + self._chunk(choice, call)

    def _reply_of(self, choice: int) -> Reply:
        return self._reply.others[choice - 1] if choice else self._reply

    def _left_out(self, part: Part, reply: Reply, index: int) -> bool:
        """Whether it is a second call, which the deprecated `function_call` has no place for."""
        return isinstance(part, ToolCall) and _deprecated(self._request) and index != _calls_of(reply)[0]

    def _call_start(self, call: ToolCall, place: int) -> dict[str, Any]:
        if _deprecated(self._request):
            return {"function_call": {"name": call.name, "arguments": ""}}
        start = _call(call, "", _custom_names(self._request))
        return {"tool_calls": [{"index": place, "id": f"call_{call.id}"} | start]}

    def _delta(self, event: Delta) -> bytes:
        reply = self._reply_of(event.choice)
        part = reply.parts[event.index]
        key = _SAID.get(type(part))
        if key and (top := self._request.sampling.top_logprobs) is not None:
            return b"".join([self._with_logprobs(each, key, event.choice, top) for each in event.slices])
        if self._left_out(part, reply, event.index):
            return b""
        before = self._before(part, reply, event)
        tails = _tails(event.slices, self._after(part) + self._end, self._blurred)
        return before + before.join(tails) if tails else b""

    def _before(self, part: Part, reply: Reply, event: Delta) -> bytes:
        """What a frame holds before the delta's text."""
        start = b'%b,"choices":[{"index":%d,"delta":' % (self._head, event.choice)
        if not isinstance(part, ToolCall):
            return start + _KEYS[type(part)]
        if _deprecated(self._request):
            return start + b'{"function_call":{"arguments":'
        place = _calls_of(reply).index(event.index)
        if part.name in _custom_names(self._request):
            return start + b'{"tool_calls":[{"index":%d,"custom":{"input":' % place
        return start + b'{"tool_calls":[{"index":%d,"function":{"arguments":' % place

    def _after(self, part: Part) -> bytes:
        """What a frame holds after the delta's text: all that `_before` opened is closed."""
        if isinstance(part, ToolCall):
            return (b"}}" if _deprecated(self._request) else b"}}]}") + _CLOSE
        return b"}" + _CLOSE

    def _with_logprobs(self, text: str, key: str, choice: int, top: int) -> bytes:
        delta = {
            "index": choice,
            "delta": {key: text},
            "logprobs": {"content": None, "refusal": None, key: [_token(text, top)]},
            "finish_reason": None,
        }
        return b'%b,"choices":[%b]%b%b}\n\n' % (self._head, encode(delta), self._end, self._blur(text))

    def _finish(self, event: Finish) -> bytes:
        finish = FINISH[event.stop]
        if finish == "tool_calls" and _deprecated(self._request):
            finish = "function_call"
        start = b"" if event.choice in self._started else self._role(event.choice)
        end = self._chunk(event.choice, {}, finish)
        return start + end + (self._last() if event.last else b"")

    def _last(self) -> bytes:
        usage = b""
        if self._end:
            numbers = encode(base.usage_object(self._reply.usage))
            usage = b'%b,"choices":[],"usage":%b%b}\n\n' % (self._head, numbers, self._blur(""))
        return usage + b"data: [DONE]\n\n"


_FRAMES: dict[type, Callable[[_Encoder, Any], bytes]] = {
    Begin: _Encoder._begin,
    PartStart: _Encoder._part_start,
    Delta: _Encoder._delta,
    PartEnd: lambda encoder, event: b"",
    Finish: _Encoder._finish,
    Broken: lambda encoder, event: base.error_frame(event.message),
}
_KEYS: dict[type, bytes] = {
    Text: b'{"content":',
    Refusal: b'{"refusal":',
    Reasoning: b'{"reasoning_content":',
}
_CLOSE = b',"logprobs":null,"finish_reason":null}]'


def _calls_of(reply: Reply) -> list[int]:
    """Where the reply's tool calls are among its parts."""
    return [index for index, part in enumerate(reply.parts) if isinstance(part, ToolCall)]


@lru_cache(maxsize=4096)
def _tails(slices: tuple[str, ...], after: bytes, blur: bool) -> tuple[bytes, ...]:
    """What each slice's frame holds from the text on; the same for every answer with this text."""
    if not blur:
        return tuple([b"%b%b}\n\n" % (quote(each), after) for each in slices])
    return tuple(
        [
            b'%b%b,"obfuscation":%b}\n\n' % (quote(each), after, quote(base.obfuscation(each)))
            for each in slices
        ]
    )


# --- read --------------------------------------------------------------------------------------------


def read(chunks: Iterable[bytes]) -> Reply:
    """Read an answer, whole or streamed: the inverse of `body` and of `encoder`."""
    frames = list(base.frames(b"".join(chunks)))
    return _read_body(frames[0]) if frames[0]["object"] == "chat.completion" else _read_stream(frames)


def _read_body(raw: dict[str, Any]) -> Reply:
    choices = [
        Reply(_read_message(choice["message"]), STOPS[choice["finish_reason"]]) for choice in raw["choices"]
    ]
    return _whole(raw, choices, base.read_usage(raw.get("usage")))


def _whole(raw: dict[str, Any], choices: list[Reply], usage: Usage) -> Reply:
    first, *others = choices
    return Reply(
        first.parts,
        first.stop,
        usage,
        id=raw["id"].removeprefix("chatcmpl-"),
        created=raw["created"],
        model=raw["model"],
        others=tuple(others),
    )


def _read_message(message: dict[str, Any]) -> tuple[Part, ...]:
    texts: tuple[tuple[str, Callable[[str], Part]], ...] = (
        ("reasoning_content", Reasoning),
        ("content", Text),
        ("refusal", Refusal),
    )
    parts = [kind(message[key]) for key, kind in texts if message.get(key) is not None]
    if function := message.get("function_call"):
        parts.append(ToolCall(function["name"], function["arguments"]))
    for call in message.get("tool_calls") or ():
        id = call["id"].removeprefix("call_")
        if call["type"] == "custom":
            parts.append(ToolCall(call["custom"]["name"], call["custom"]["input"], id))
        else:
            parts.append(ToolCall(call["function"]["name"], call["function"]["arguments"], id))
    return tuple(parts)


def _read_stream(frames: list[dict[str, Any]]) -> Reply:
    messages: dict[int, dict[str, Any]] = {}
    stops: dict[int, Stop] = {}
    for frame in frames:
        for choice in frame["choices"]:
            _add_delta(messages.setdefault(choice["index"], {}), choice["delta"])
            if choice["finish_reason"]:
                stops[choice["index"]] = STOPS[choice["finish_reason"]]
    usage = next((frame["usage"] for frame in reversed(frames) if frame.get("usage")), None)
    choices = [Reply(_read_message(messages[index]), stops.get(index, "end")) for index in sorted(messages)]
    return _whole(frames[0], choices, base.read_usage(usage))


def _add_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add a delta to the message that it is a piece of; an empty text starts nothing."""
    for key in ("reasoning_content", "content", "refusal"):
        if delta.get(key):
            message[key] = message.get(key, "") + delta[key]
    if function := delta.get("function_call"):
        whole = message.setdefault("function_call", {"name": "", "arguments": ""})
        for key in function:
            whole[key] += function[key]
    calls = message.setdefault("tool_calls", [])
    for piece in delta.get("tool_calls") or ():
        if piece["index"] == len(calls):
            calls.append(
                {"id": piece["id"], "type": piece["type"], piece["type"]: dict(piece[piece["type"]])}
            )
            continue
        call = calls[piece["index"]]
        body, key = call[call["type"]], "input" if call["type"] == "custom" else "arguments"
        body[key] += piece[call["type"]][key]
