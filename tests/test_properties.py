"""Any JSON and any bytes at all: answered, or refused in the vendor's words, never by a fault of our own."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.app import App
from understudy.model import Head, HttpRequest, Send
from understudy.settings import Settings

CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
HI = '{"role": "user", "content": "Hi"}'
PATHS = (CHAT, COMPLETIONS, EMBEDDINGS)
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
VALID: dict[str, dict[str, Any]] = {
    CHAT: {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "ada"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "found"},
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a"}}],
            },
        ],
        "tools": [TOOL],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": {"type": "object"}},
        },
        "stream": False,
        "stream_options": {"include_usage": True},
        "n": 1,
        "max_tokens": 20,
        "max_completion_tokens": 20,
        "stop": ["x"],
        "seed": 1,
        "logprobs": True,
        "top_logprobs": 2,
        "temperature": 0.5,
        "functions": [{"name": "find"}],
        "function_call": "auto",
        "service_tier": "auto",
        "parallel_tool_calls": True,
    },
    COMPLETIONS: {
        "model": "gpt-3.5-turbo-instruct",
        "prompt": ["Say hi"],
        "max_tokens": 5,
        "n": 1,
        "echo": True,
        "logprobs": 1,
        "stop": "x",
        "stream": False,
        "stream_options": {"include_usage": True},
        "seed": 1,
    },
    EMBEDDINGS: {
        "model": "text-embedding-3-small",
        "input": ["one", "two"],
        "dimensions": 8,
        "encoding_format": "float",
        "user": "u",
    },
}

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["user", "function", "text", "required", "json_schema", "TERMINATE", "<|endoftext|>", "gpt-4o", "{}"]
)
numbers = st.integers(-3, 130) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
names = words | st.sampled_from(
    sorted({key for fields in VALID.values() for key in fields} | {"role", "content"})
)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


Validation = Literal["strict", "off"]


@cache
def app(validation: Validation) -> App:
    return App(Settings(seed=1, validation=validation))


def ask(path: str, body: bytes, method: str = "POST", validation: Validation = "off") -> Answered:
    """The answer of the whole program, socket excepted."""
    steps = list(app(validation).handle(HttpRequest(method, path, (b"host", b"localhost"), body)))
    head = steps[0]
    assert isinstance(head, Head)
    lines = head.headers.decode("latin-1").split("\r\n")
    assert lines.pop() == ""
    headers = dict(line.split(": ", 1) for line in lines)
    sent = b"".join(step.data for step in steps if isinstance(step, Send))
    assert head.length in (None, len(sent))
    return Answered(head.status, headers, sent)


def checked(path: str, body: bytes, validation: Validation = "off") -> Answered:
    """The answer, which is one that the vendor could give."""
    answered = ask(path, body, validation=validation)
    assert "x-understudy-bug" not in answered.headers, answered.body
    if answered.status != 200:
        assert answered.status == 400, answered
        error = json.loads(answered.body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["type"] == "invalid_request_error"
        assert error["message"]
        return answered
    if answered.headers["content-type"] == "application/json":
        json.loads(answered.body)
        return answered
    *frames, done, rest = answered.body.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    assert all(json.loads(frame.removeprefix(b"data: "))["id"] for frame in frames)
    return answered


def refusal(path: str, body: bytes) -> dict[str, Any]:
    answered = checked(path, body)
    assert answered.status == 400
    error: dict[str, Any] = json.loads(answered.body)["error"]
    return error


@given(st.sampled_from(PATHS), anything)
def test_any_json_is_answered_or_refused(path: str, body: Any) -> None:
    checked(path, json.dumps(body).encode(), "strict")


@given(st.sampled_from(PATHS), st.binary(max_size=200))
def test_any_bytes_are_refused(path: str, body: bytes) -> None:
    checked(path, body)


@settings(max_examples=400)
@given(st.sampled_from(PATHS), st.data())
def test_any_value_in_any_field_is_answered_or_refused_by_the_fields_name(
    path: str, data: st.DataObject
) -> None:
    field = data.draw(st.sampled_from(sorted(VALID[path])))
    body = VALID[path] | {field: data.draw(anything)}
    answered = checked(path, json.dumps(body).encode())
    if answered.status == 400:
        error = json.loads(answered.body)["error"]
        assert (error["param"] or "model").startswith(field)
    checked(path, json.dumps(body).encode(), "strict")


@settings(max_examples=400)
@given(st.data())
def test_any_value_anywhere_in_a_chat_request_is_answered_or_refused(data: st.DataObject) -> None:
    body = json.loads(json.dumps(VALID[CHAT]))
    place: Any = body
    while True:
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(anything)
    body["stream"] = data.draw(st.booleans())
    checked(CHAT, json.dumps(body).encode())
    checked(CHAT, json.dumps(body).encode(), "strict")


@given(st.lists(st.sampled_from(sorted(VALID[CHAT])), unique=True))
def test_any_selection_of_fields_is_answered_or_refused(fields: list[str]) -> None:
    body = {key: VALID[CHAT][key] for key in fields}
    answered = checked(CHAT, json.dumps(body).encode())
    assert answered.status == (200 if {"model", "messages"} <= set(fields) else 400)
    checked(CHAT, json.dumps(body).encode(), "strict")


@given(st.sampled_from(PATHS), st.binary(max_size=30), st.integers(0, 400), st.integers(0, 40))
def test_a_damaged_body_is_answered_or_refused(path: str, junk: bytes, at: int, length: int) -> None:
    whole = json.dumps(VALID[path]).encode()
    checked(path, whole[:at] + junk + whole[at + length :], "strict")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"model":' * 100_000,
        b'{"model": NaN}',
        b'{"model": Infinity}',
        b'{"model": 1e999}',
        b'{"model": ' + b"9" * 5000 + b"}",
        b'{"model": "\\ud800"}',
        b'{"model": "\xed\xa0\x80"}',
        b"{'model': 'x'}",
        b'\xef\xbb\xbf{"model": "x"}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_json_is_refused_as_such(path: str, body: bytes) -> None:
    error = refusal(path, body)
    assert error["message"].startswith("We could not parse the JSON body of your request.")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"[]", "an array"),
        (b"1", "an integer"),
        (b"1.5", "a decimal number"),
        (b"null", "null"),
        (b'"x"', "a string"),
    ],
)
def test_what_is_no_object_is_refused_as_such(path: str, body: bytes, found: str) -> None:
    assert refusal(path, body)["message"] == (
        f"Invalid request body: expected an object, but got {found} instead."
    )


@pytest.mark.parametrize("depth", [10, 100, 400, 900])
@pytest.mark.parametrize(
    "field", ["metadata", "tools", "response_format", "content", "prediction", "arguments", "text"]
)
def test_deep_nesting_is_no_fault_of_ours(field: str, depth: int) -> None:
    deep = '{"items": ' * depth + "{}" + "}" * depth
    schema = '{"type": "array", "items": ' * depth + '{"type": "string"}' + "}" * depth
    bodies = {
        "metadata": f'"messages": [{HI}], "metadata": {deep}',
        "prediction": f'"messages": [{HI}], "prediction": {deep}',
        "content": f'"messages": [{{"role": "user", "content": {deep}}}]',
        "arguments": f'"messages": [{{"role": "user", "content": {json.dumps("[" * depth)}}}]',
        "text": f'"messages": [{{"role": "user", "content": {json.dumps("By this schema: " + schema)}}}]',
        "tools": f'"messages": [{HI}], "tool_choice": "required", "tools": [{{"type": "function", '
        f'"function": {{"name": "f", "parameters": {schema}}}}}]',
        "response_format": f'"messages": [{HI}], "response_format": {{"type": "json_schema", "json_schema": '
        f'{{"name": "f", "schema": {schema}}}}}',
    }
    body = f'{{"model": "m", {bodies[field]}}}'.encode()
    checked(CHAT, body)
    checked(CHAT, body, "strict")


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "system", "content": "Be kind."}],
        [{"role": "assistant", "content": "Hello."}],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": []}],
        [{"role": "user", "content": None}],
        [{"role": "user"}],
        [{"role": "user", "content": "\x00\x1f\u2028\ufeff\U0010ffff"}],
        [{"role": "user", "content": "{{ 7 * 7 }} {% raw %}"}],
        [{"role": "user", "content": "x" * 1_000_000}],
        [{"role": "user", "content": "a"}] * 3000,
    ],
    ids=[
        "none",
        "system alone",
        "assistant alone",
        "empty",
        "no parts",
        "null",
        "missing",
        "controls",
        "template",
        "a megabyte",
        "3,000 messages",
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_conversation_of_any_shape_is_answered(messages: list[dict[str, Any]], stream: bool) -> None:
    body = {"model": "gpt-4o", "messages": messages, "stream": stream}
    assert checked(CHAT, json.dumps(body).encode()).status == 200


def test_of_keys_that_come_twice_the_last_counts() -> None:
    body = b'{"model": 1, "model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}'
    assert json.loads(checked(CHAT, body).body)["model"] == "gpt-4o"


@pytest.mark.parametrize("model", ["a\r\nset-cookie: x=1", "ä🎉", "x" * 10_240, "../../etc", "gpt-4o\x00"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_hostile_model_name_stays_in_the_body(model: str, stream: bool) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
    answered = checked(CHAT, json.dumps(body).encode())
    assert answered.status == 200
    assert "set-cookie" not in answered.headers
    first = answered.body.split(b"\n\n")[0].removeprefix(b"data: ")
    assert json.loads(first)["model"] == model


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=60))
def test_any_path_below_v1_is_answered_by_a_json_object(path: str) -> None:
    answered = ask(f"/v1/{path}", b"", "GET")
    assert "x-understudy-bug" not in answered.headers
    assert answered.status in (200, 404, 405)
    assert isinstance(json.loads(answered.body), dict)


def test_the_same_request_is_answered_the_same_twice() -> None:
    body = json.dumps(VALID[CHAT]).encode()
    first, second = (json.loads(ask(CHAT, body).body) for _ in range(2))
    assert first["choices"] == second["choices"]
    assert first["usage"] == second["usage"]
    assert re.fullmatch(r"chatcmpl-[0-9A-Za-z]{29}", first["id"])


@given(st.integers(1, 60), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_answer_costs_more_than_its_limit(limit: int, words: str) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": words}], "max_tokens": limit}
    answer = json.loads(checked(CHAT, json.dumps(body).encode()).body)
    assert answer["usage"]["completion_tokens"] <= limit


@pytest.mark.parametrize("limit", range(8, 30))
def test_no_emoji_is_cut_in_the_middle(limit: int) -> None:
    content = "👩‍👩‍👧 🎉 🦄 お誕生日"
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": content}], "max_tokens": limit}
    answer = json.loads(checked(CHAT, json.dumps(body).encode()).body)
    assert answer["usage"]["completion_tokens"] <= limit
    assert "\ufffd" not in (answer["choices"][0]["message"]["content"] or "")
