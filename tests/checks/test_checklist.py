"""Each way to be broken makes the right checks fail, with the right words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from upstreams import (
    CORS,
    LIMITS,
    MODELS,
    PREFLIGHT,
    USAGE,
    Answering,
    Asked,
    Clock,
    Sent,
    answered,
    as_json,
    chunk,
    chunks,
    completion,
    edited,
    error,
    good,
    http,
    instead,
    sse,
    streamed,
    upstream,
    wants,
)

from understudy.checks.checklist import CHECKS, run
from understudy.checks.client import Client
from understudy.checks.endpoint import Endpoint
from understudy.checks.findings import Result

NAMES = [check.name for check in CHECKS]
PATIENT_S, HASTY_S = 20.0, 2.0


def results(
    answering: Answering,
    key: str | None = "sk-secret-key-1234",
    timeout: float = PATIENT_S,
    model: str | None = None,
    wait: Callable[[float], object] | None = None,
) -> dict[str, Result]:
    """How the checks go with such a server."""
    with upstream(answering) as port:
        client = Client(f"http://127.0.0.1:{port}/v1", key, timeout, time.monotonic, wait or Clock().wait, {})
        return {each.name: each for each in run(Endpoint(client, model), CHECKS, ignore, ignore)}


def ignore(_: object) -> None:
    """Nobody looks."""


def statuses(went: dict[str, Result], status: str) -> set[str]:
    return {name for name, result in went.items() if result.status == status}


def told(result: Result) -> str:
    """All that a result says about problems."""
    return "\n".join(
        f"{each.found} | {each.expected} | {each.advice}"
        for each in result.findings
        if each.level in ("fail", "warn")
    )


def failing(answering: Answering, **more: Any) -> dict[str, str]:
    """What the failing checks say, by name."""
    went = results(answering, **more)
    return {name: told(went[name]) for name in NAMES if name in statuses(went, "fail")}


# --- a good server ------------------------------------------------------------------------------------


def test_a_server_that_answers_as_the_api_reference_says_passes_everything() -> None:
    went = results(good)
    assert list(went) == [
        "reachable",
        "key",
        "models",
        "completion",
        "stream",
        "usage",
        "tools",
        "structured",
        "errors",
        "failover",
        "cors",
        "limits",
    ]
    assert statuses(went, "pass") == set(NAMES), {n: told(r) for n, r in went.items() if r.status != "pass"}


def test_what_passes_says_what_was_seen() -> None:
    went = results(good)
    assert went["models"].detail == "small-1, text-embedding-1, large-1"
    assert went["completion"].detail == 'small-1: "Hello to you, my friend!"'
    assert went["stream"].detail == '8 frames, "Hello to you, my friend!"'
    assert went["usage"].detail == "12 + 6 = 18"
    assert went["tools"].detail == '{"city": "Paris"}, then "It is sunny in Paris."'
    assert went["failover"].detail == "large-1 answers too"
    assert went["limits"].detail == "59 requests left, 29988 tokens left"


def test_further_fields_and_comments_are_fine() -> None:
    def more(asked: Asked) -> Sent:
        if wants(asked, "stream"):
            body = b": keep-alive\n\nevent: chunk\nid: 1\n" + sse(chunks(asked.json))
            return Sent(streamed(body.replace(b"\n", b"\r\n")))
        if wants(asked, "whole"):
            return as_json(completion(asked.json, {"content": "Hi", "reasoning": "hm"}) | {"extra": [1]})
        return good(asked)

    assert failing(more) == {}


def test_reasoning_models_may_say_nothing_of_what_is_optional() -> None:
    def bare(asked: Asked) -> Sent:
        if not wants(asked, "whole"):
            return good(asked)
        value = edited(completion(asked.json, {"content": "Hi"}), "choices.0.logprobs")
        return as_json(edited(value, "choices.0.message.refusal"), headers=LIMITS)

    assert failing(bare) == {}


# --- completion, field by field -----------------------------------------------------------------------


def changed(what: str, path: str, *new: Any) -> Answering:
    """A good server whose answers of one kind lack a field, or have another value in it."""
    return instead(what, lambda asked: as_json(edited(answered(asked.json), path, *new), headers=LIMITS))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("id", "id is missing | a string that is not empty"),
        ("object", 'object is missing | "chat.completion"'),
        ("created", "created is missing | an integer"),
        ("model", "model is missing | a string that is not empty"),
        ("choices", "choices is missing | an array with something in it"),
        ("choices.0", "choices is [] | an array with something in it"),
        ("choices.0.index", "choices[0].index is missing | an integer"),
        ("choices.0.message", "choices[0].message is missing | an object"),
        ("choices.0.message.role", 'choices[0].message.role is missing | "assistant"'),
        (
            "choices.0.finish_reason",
            'choices[0].finish_reason is missing | "stop", "length", "tool_calls", "content_filter" or '
            '"function_call"',
        ),
        ("usage.total_tokens", "usage.total_tokens is missing | an integer, not negative"),
        ("usage.prompt_tokens", "usage.prompt_tokens is missing | an integer, not negative"),
        ("usage.completion_tokens", "usage.completion_tokens is missing | an integer, not negative"),
    ],
)
def test_a_completion_without_a_field_fails_and_names_it(path: str, words: str) -> None:
    found = failing(changed("whole", path))
    assert list(found) == ["completion"]
    assert words in found["completion"]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("id", 7, "id is 7 | a string"),
        ("object", "text_completion", 'object is "text_completion" | "chat.completion"'),
        ("created", "now", 'created is "now" | an integer'),
        ("created", 1.5, "created is 1.5 | an integer"),
        ("choices", {}, "choices is {} | an array"),
        ("choices.0.finish_reason", "done", 'choices[0].finish_reason is "done" | "stop"'),
        ("choices.0.finish_reason", None, 'choices[0].finish_reason is null | "stop"'),
        ("choices.0.message.content", ["a"], 'choices[0].message.content is ["a"] | a string or null'),
        ("choices.0.message.role", "bot", 'choices[0].message.role is "bot" | "assistant"'),
        ("choices.0.message.tool_calls", {}, "choices[0].message.tool_calls is {} | an array or null"),
        ("usage.total_tokens", "18", 'usage.total_tokens is "18" | an integer, not negative'),
        ("usage.prompt_tokens", -1, "usage.prompt_tokens is -1 | an integer, not negative"),
        ("choices.0.message.content", "", "the message is empty"),
        ("choices.0.message.content", None, "the message is empty"),
    ],
)
def test_a_completion_with_a_wrong_field_fails_and_shows_it(path: str, value: Any, words: str) -> None:
    found = failing(changed("whole", path, value))
    assert list(found) == ["completion"]
    assert words in found["completion"]


def test_all_that_is_wrong_with_a_completion_is_told_at_once() -> None:
    found = failing(
        instead(
            "whole", lambda asked: as_json({"choices": [{"message": {"role": "assistant", "content": "Hi"}}]})
        )
    )
    assert list(found) == ["completion"]
    for name in ("id", "object", "created", "model", "choices[0].index", "choices[0].finish_reason"):
        assert f"{name} is missing" in found["completion"]


def test_an_advice_says_where_to_compare() -> None:
    found = failing(changed("whole", "choices.0.finish_reason"))["completion"]
    assert "Agents decide by it whether to go on, to call a tool or to stop." in found
    assert "https://platform.openai.com/docs/api-reference/chat" in found


def test_what_builds_on_a_completion_is_skipped_where_there_is_none() -> None:
    went = results(instead("whole", Sent(http(200, b'{"id": "chatcmpl-1", "obj'))))
    assert statuses(went, "fail") == {"completion", "failover"}
    assert statuses(went, "skip") == {"usage", "tools", "structured", "limits"}
    assert went["tools"].detail == "needs completion"


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (Sent(http(200, b'{"id": "chat')), 'the body is no JSON (Input data was truncated): `{"id": "chat`'),
        (Sent(http(200, b"{'id': 1}")), "the body is no JSON (JSON is malformed"),
        (Sent(http(200, b"[" * 100_000)), "the body is no JSON"),
        (Sent(http(200, b"")), "the body of the answer (HTTP 200) is empty"),
        (
            Sent(http(200, b"\x1f\x8b\x08", {"content-encoding": "gzip"})),
            "It is compressed, which nobody asked for",
        ),
        (Sent(http(200, b"<html>Welcome</html>", kind="text/html")), "a page for browsers"),
        (Sent(http(200, b'{"id": "chat', {"content-length": "500"})), "breaks off in the middle of the body"),
        (Sent(http(500, b"Oops")), "HTTP 500: `Oops` | HTTP 200 | The server breaks down"),
        (error(503, "overloaded"), 'HTTP 503: "overloaded" | HTTP 200 | The server breaks down'),
        (error(404, "The model `small-1` does not exist"), "--model NAME, one that GET /models lists"),
        (error(400, "no"), 'HTTP 400: "no" | HTTP 200 | The server does not take what the API takes'),
        (as_json({"error": {"message": "busy"}}), 'HTTP 200 with an error in it: {"message": "busy"}'),
        (Sent(b""), "ends the connection without an answer"),
        (Sent(b"", "reset"), "ends the connection without an answer"),
        (Sent(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "answers something that is not HTTP: 'SSH-2.0-OpenSSH_9.2p1"),
    ],
)
def test_an_answer_that_is_none_fails_the_completion_and_says_what_came(sent: Sent, words: str) -> None:
    found = failing(instead("whole", sent))
    assert set(found) == {"completion", "failover"}, "the second model is asked the same"
    assert words in found["completion"]


@pytest.mark.parametrize(("value", "shown"), [([1], "[1]"), (None, "null"), ("Hi", '"Hi"')])
def test_json_that_is_no_object_fails_the_completion(value: Any, shown: str) -> None:
    found = failing(instead("whole", as_json(value)))
    assert list(found) == ["completion"]
    assert f"the body is {shown} | an object" in found["completion"]


def test_a_completion_that_hangs_ends_at_the_timeout() -> None:
    found = failing(instead("whole", Sent(b"", "hang")), timeout=HASTY_S)
    assert set(found) == {"completion", "failover"}
    assert "accepts the connection and says nothing within 2 s" in found["completion"]
    assert "--timeout" in found["completion"]


def test_silence_in_the_middle_of_a_body_is_told_apart_from_a_hang() -> None:
    begun = http(200, b'{"id": "chat', {"content-length": "500"})
    found = failing(instead("whole", Sent(begun, "hang")), timeout=HASTY_S)
    assert "the body stops in the middle and nothing more comes until the timeout" in found["completion"]


def test_a_wrong_content_type_fails_since_sdks_hand_out_text() -> None:
    def plain(asked: Asked) -> Sent:
        return Sent(http(200, json.dumps(answered(asked.json)).encode(), LIMITS, kind="text/plain"))

    found = failing(instead("whole", plain))
    assert list(found) == ["completion"]
    assert 'content-type is "text/plain" | application/json' in found["completion"]


# --- models -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "new", "words"),
    [
        ("object", (), 'object is missing | "list"'),
        ("data", (), "data is missing | an array"),
        ("data.0.id", (), "data[0].id is missing | a string that is not empty"),
        ("data.0.object", ("engine",), 'data[0].object is "engine" | "model"'),
        ("data.1.created", (), "data[1].created is missing | an integer"),
        ("data.2.owned_by", (None,), "data[2].owned_by is null | a string"),
    ],
)
def test_a_list_of_models_with_a_wrong_field_fails(path: str, new: tuple[Any, ...], words: str) -> None:
    found = failing(instead("models", as_json(edited(MODELS, path, *new))), model="small-1")
    assert list(found) == ["models"]
    assert words in found["models"]


def test_an_empty_list_of_models_fails_and_what_needs_a_model_is_skipped() -> None:
    went = results(instead("models", as_json({"object": "list", "data": []})))
    assert statuses(went, "fail") == {"models"}
    assert "Load a model" in told(went["models"])
    assert went["completion"].status == "skip"
    assert went["completion"].detail == (
        "no model is known: GET /models gives none that looks like one for chat; name one with --model"
    )


def test_without_a_model_a_check_alone_fails_for_it_was_not_done() -> None:
    with upstream(instead("models", error(404, "Not found"))) as port:
        client = Client(f"http://127.0.0.1:{port}/v1", None, PATIENT_S, time.monotonic, Clock().wait, {})
        [result] = run(Endpoint(client), [CHECKS[NAMES.index("tools")]], ignore, ignore)
    assert result.status == "fail"
    assert told(result).endswith("| a model to ask | Name one with --model.")


def test_a_server_without_a_list_can_be_checked_with_a_model_of_ones_own() -> None:
    went = results(instead("models", error(404, "Not found")), model="large-1")
    assert statuses(went, "fail") == {"models"}
    assert went["completion"].detail == 'large-1: "Hello to you, my friend!"'
    assert went["failover"].status == "skip"


def test_a_model_for_embeddings_is_not_asked_to_chat() -> None:
    listed = edited(MODELS, "data", [MODELS["data"][1], MODELS["data"][2]])
    went = results(instead("models", as_json(listed)))
    assert went["completion"].detail.startswith("large-1: ")
    assert went["failover"].detail.startswith("only one model is listed")


# --- streams ------------------------------------------------------------------------------------------


def stream_of(change: Callable[[list[dict[str, Any]]], bytes]) -> Answering:
    """A good server whose stream is made from the good chunks by `change`."""
    return instead("stream", lambda asked: Sent(streamed(change(chunks(asked.json)))))


@pytest.mark.parametrize("path", ["id", "object", "created", "model", "choices"])
def test_chunks_without_a_field_fail_once_for_all_of_them(path: str) -> None:
    found = failing(stream_of(lambda good: sse([edited(each, path) for each in good])))
    assert list(found) == ["stream"]
    assert f"frame 1.{path} is missing" in found["stream"]
    assert found["stream"].count("is missing") == 1


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("choices.0.delta", None, "frame 2.choices[0].delta is null | an object"),
        ("choices.0.index", "0", 'frame 2.choices[0].index is "0" | an integer'),
        ("choices.0.finish_reason", "eos", 'frame 2.choices[0].finish_reason is "eos" | "stop"'),
        ("object", "chat.completion", 'frame 2.object is "chat.completion" | "chat.completion.chunk"'),
        ("choices.0.delta.content", 5, "frame 2.choices[0].delta.content is 5 | a string or null"),
        ("id", "chatcmpl-2", 'the chunks have 2 ids: ["chatcmpl-1", "chatcmpl-2"] | the same id'),
    ],
)
def test_a_chunk_with_a_wrong_field_fails_and_is_numbered(path: str, value: Any, words: str) -> None:
    found = failing(stream_of(lambda good: sse([good[0], edited(good[1], path, value), *good[2:]])))
    assert list(found) == ["stream"]
    assert words in found["stream"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda good: sse(good, done=""),
            "the stream ends without [DONE] | `data: [DONE]` as the last frame",
        ),
        (lambda good: sse(good[:3], done=""), "the stream ends after 3 frames, without finish_reason and"),
        (lambda good: sse(good[:-2] + good[-1:]), "finish_reason comes 0 times: [] | one finish_reason"),
        (lambda good: sse([*good[:-1], *good[-2:]]), 'finish_reason comes 2 times: ["stop", "stop"]'),
        (
            lambda good: sse([*good[:3], good[-2], *good[3:-2], good[-1]]),
            "frame 5 has text after finish_reason",
        ),
        (lambda good: sse(good[:-1]), "no chunk has usage, though stream_options.include_usage asked for it"),
        (lambda good: sse(good[1:]), 'the first delta has no role: {"content": "Hello "}'),
        (lambda good: sse(good) + sse(good[:1], done=""), "frame 10 comes after [DONE]"),
        (
            lambda good: sse(good[:2])[:-40] + b"\n\n" + sse(good[2:]),
            "frame 2 is no JSON (Input data was trunc",
        ),
        (lambda good: sse(good).replace(b"data: {", b'data: {"', 1), "frame 1 is no JSON (JSON is malformed"),
        (
            lambda good: sse(good).replace(b"data: {", b"date: {", 1),
            "a line that belongs to no frame: `date: {",
        ),
        (
            lambda good: sse([*good[:2], {"error": {"message": "overloaded"}}], done=""),
            'frame 3 is an error: {"message": "overloaded"}',
        ),
        (lambda good: b"data: [DONE]\n\n", "no frame: `data: [DONE]`"),
        (lambda good: b": nothing\n\n", "no frame: `: nothing`"),
    ],
)
def test_a_broken_stream_fails_with_one_reason(
    change: Callable[[list[dict[str, Any]]], bytes], words: str
) -> None:
    found = failing(stream_of(change))
    assert list(found) == ["stream"]
    assert words in found["stream"]
    assert found["stream"].count("\n") == 0, "one finding, not its consequences too"


def test_a_stream_that_is_cut_says_how_far_it_came() -> None:
    cut = instead(
        "stream", lambda asked: Sent(streamed(sse(chunks(asked.json)[:4], done=""), whole=False), "reset")
    )
    found = failing(cut)
    assert list(found) == ["stream"]
    assert "the connection breaks off after 4 frames (" in found["stream"]
    assert "the timeouts and limits of a proxy" in found["stream"]


def test_a_stream_that_falls_silent_ends_at_the_timeout() -> None:
    stalled = instead(
        "stream", lambda asked: Sent(streamed(sse(chunks(asked.json)[:4], done=""), whole=False), "hang")
    )
    found = failing(stalled, timeout=HASTY_S)
    assert list(found) == ["stream"]
    assert "the stream falls silent after 4 frames (" in found["stream"]


def test_a_stream_that_goes_on_after_done_is_told() -> None:
    open_ended = instead("stream", lambda asked: Sent(streamed(sse(chunks(asked.json)), whole=False), "hang"))
    found = failing(open_ended, timeout=HASTY_S)
    assert list(found) == ["stream"]
    assert "[DONE] came after 8 frames (" in found["stream"]
    assert "and the answer does not end" in found["stream"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (error(400, "no streams"), 'HTTP 400: "no streams"'),
        (error(500, "boom"), 'HTTP 500: "boom" | HTTP 200 | The server breaks down'),
        (Sent(http(200, b"", kind="text/event-stream")), "the body of the answer (HTTP 200) is empty"),
        (Sent(b""), "ends the connection without an answer"),
    ],
)
def test_no_stream_at_all_fails_the_stream_alone(sent: Sent, words: str) -> None:
    found = failing(instead("stream", sent))
    assert list(found) == ["stream"]
    assert words in found["stream"]


def test_a_server_that_does_not_stream_is_told_as_such() -> None:
    found = failing(instead("stream", lambda asked: as_json(answered(asked.json))))
    assert list(found) == ["stream"]
    assert 'a whole answer, though the request says "stream": true' in found["stream"]


def test_a_stream_under_another_content_type_fails() -> None:
    plain = instead("stream", lambda asked: Sent(http(200, sse(chunks(asked.json)), kind="text/plain")))
    found = failing(plain)
    assert list(found) == ["stream"]
    assert 'content-type is "text/plain" | text/event-stream' in found["stream"]


def test_a_time_of_its_own_in_each_chunk_is_a_warning() -> None:
    went = results(stream_of(lambda good: sse([each | {"created": n} for n, each in enumerate(good)])))
    assert went["stream"].status == "warn"
    assert "created differs between chunks: [0, 1, 2]" in told(went["stream"])


def test_usage_beside_choices_is_a_warning() -> None:
    went = results(stream_of(lambda good: sse([*good[:-2], good[-2] | {"usage": USAGE}])))
    assert went["stream"].status == "warn"
    assert statuses(went, "fail") == set()


# --- usage --------------------------------------------------------------------------------------------


def test_a_sum_that_is_wrong_fails_usage_alone() -> None:
    found = failing(changed("whole", "usage.total_tokens", 20))
    assert list(found) == ["usage"]
    assert "whole: total_tokens is 20 | 12 + 6 = 18" in found["usage"]


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        (USAGE | {"total_tokens": 19}, "streamed: total_tokens is 19 | 12 + 6 = 18"),
        (
            {"prompt_tokens": 10, "completion_tokens": 6, "total_tokens": 16},
            "prompt_tokens is 12 for the whole answer and 10 for the streamed one",
        ),
        (
            {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
            "completion_tokens is 6 for the whole answer and 5 for the streamed one",
        ),
    ],
)
def test_a_streams_usage_must_agree(usage: dict[str, int], words: str) -> None:
    found = failing(stream_of(lambda good: sse([*good[:-1], good[-1] | {"usage": usage}])))
    assert list(found) == ["usage"]
    assert words in found["usage"]


def test_another_text_may_cost_another_number_of_tokens() -> None:
    other = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
    assert failing(stream_of(lambda good: sse([*good[:3], *good[4:-1], good[-1] | {"usage": other}]))) == {}


def test_a_part_that_is_more_than_its_whole_fails() -> None:
    found = failing(changed("whole", "usage.prompt_tokens_details", {"cached_tokens": 13}))
    assert (
        "prompt_tokens_details.cached_tokens is 13 | a part of prompt_tokens, which is 12" in found["usage"]
    )


def test_no_usage_is_a_warning_for_it_is_optional() -> None:
    went = results(changed("whole", "usage"))
    assert statuses(went, "fail") == set()
    assert went["usage"].status == "warn"


# --- tools and structured output ----------------------------------------------------------------------


def test_a_text_in_place_of_a_call_says_that_the_model_calls_no_tools() -> None:
    found = failing(instead("tool", lambda asked: as_json(completion(asked.json, {"content": "I can't."}))))
    assert list(found) == ["tools"]
    assert (
        'no tool call but "I can\'t." | a call of get_weather | The model does not call tools'
        in found["tools"]
    )


def test_a_refusal_of_tools_says_that_the_model_calls_no_tools() -> None:
    found = failing(instead("tool", error(400, "small-1 does not support tools")))
    assert list(found) == ["tools"]
    assert 'HTTP 400: "small-1 does not support tools" | HTTP 200 | The model does not call' in found["tools"]


CALL = "choices.0.message.tool_calls.0"


@pytest.mark.parametrize(
    ("path", "new", "words"),
    [
        (f"{CALL}.id", (), "tool_calls[0].id is missing | a string that is not empty"),
        (f"{CALL}.id", ("",), 'tool_calls[0].id is "" | a string that is not empty'),
        (f"{CALL}.type", ("tool",), 'tool_calls[0].type is "tool" | "function"'),
        (f"{CALL}.function", (), "tool_calls[0].function is missing | an object"),
        (
            f"{CALL}.function.arguments",
            ({"city": "Paris"},),
            'function.arguments is {"city": "Paris"} | a string | It is JSON in a string',
        ),
        (
            f"{CALL}.function.arguments",
            ('{"city": ',),
            "the arguments are no JSON (Input data was truncated)",
        ),
        (f"{CALL}.function.arguments", ("{}",), "arguments.city is missing | a string"),
        (f"{CALL}.function.arguments", ('{"city": 5}',), "arguments.city is 5 | a string"),
        (f"{CALL}.function.name", ("get_time",), 'a call of "get_time" | a call of get_weather'),
    ],
)
def test_a_call_that_is_wrong_fails_tools_alone(path: str, new: tuple[Any, ...], words: str) -> None:
    found = failing(changed("tool", path, *new))
    assert list(found) == ["tools"]
    assert words in found["tools"]


def test_the_result_goes_back_under_the_calls_id() -> None:
    seen: list[Any] = []

    def listening(asked: Asked) -> Sent:
        if wants(asked, "result"):
            seen.extend(asked.json["messages"])
        return good(asked)

    assert failing(listening) == {}
    assert [message["role"] for message in seen] == ["user", "assistant", "tool"]
    assert seen[1]["tool_calls"][0]["id"] == seen[2]["tool_call_id"] == "call_1"


def test_a_model_that_never_stops_calling_is_told() -> None:
    def again(asked: Asked) -> Sent:
        return as_json(answered(asked.json | {"tool_choice": "required"}))

    found = failing(instead("result", again))
    assert list(found) == ["tools"]
    assert "the model calls tools again, 3 times after it had the result" in found["tools"]


def test_a_loop_that_ends_with_an_error_or_with_nothing_is_told() -> None:
    assert 'HTTP 400: "no tool role"' in failing(instead("result", error(400, "no tool role")))["tools"]
    empty = failing(changed("result", "choices.0.message.content", None))["tools"]
    assert "after the tool's result comes no text" in empty


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Paris is in France.",
            'the text is no JSON (JSON is malformed: invalid character (byte 0)): "Paris',
        ),
        ('```json\n{"name": "Paris"}\n```', "the text is no JSON in a Markdown fence"),
        ('{"name": "Paris"}', "the JSON.country is missing | a string"),
        ('{"name": 1, "country": "France", "is_capital": true}', "the JSON.name is 1 | a string"),
        (
            '{"name": "Paris", "country": "France", "is_capital": true, "river": "Seine"}',
            'the JSON has further keys: ["river"]',
        ),
        ("[]", "the JSON is [] | an object"),
        ("", "no text"),
    ],
)
def test_an_answer_off_the_schema_fails_structured_alone(text: str, words: str) -> None:
    found = failing(changed("structured", "choices.0.message.content", text))
    assert list(found) == ["structured"]
    assert words in found["structured"]


def test_a_refusal_of_response_format_is_told_as_such() -> None:
    found = failing(instead("structured", error(400, "response_format is not supported")))
    assert list(found) == ["structured"]
    assert "does not do structured output" in found["structured"]


# --- errors -------------------------------------------------------------------------------------------

MISTAKES = {
    "garbage": "a body that is no JSON",
    "no messages": "a body without messages",
    "wizard": "a message of an unknown role",
}


@pytest.mark.parametrize("what", MISTAKES)
@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (as_json({"detail": "Not good"}, 400), ".error is missing | an object"),
        (as_json({"error": "Not good"}, 400), '.error is "Not good" | an object'),
        (
            as_json({"error": {"message": "Not good"}}, 422),
            ".error.type is missing | a string that is not empty",
        ),
        (as_json({"error": {"type": "bad"}}, 400), ".error.message is missing | a string that is not empty"),
        (Sent(http(400, b"<h1>Bad Request</h1>", kind="text/html")), ": HTTP 400, and the body is no JSON"),
        (Sent(http(400, b"")), ": HTTP 400, and the body is no JSON (Input data was truncated): nothing"),
        (error(500, "Traceback"), ': HTTP 500: "Traceback" | HTTP 400, or another status from 400 to 499'),
        (as_json(completion({"model": "m"}, {"content": "Hi"})), ": HTTP 200: `{"),
    ],
)
def test_a_mistake_that_is_not_refused_in_shape_fails_errors_alone(what: str, sent: Sent, words: str) -> None:
    found = failing(instead(what, sent))
    assert list(found) == ["errors"]
    assert MISTAKES[what] + words in found["errors"]


def test_an_unknown_path_must_have_the_error_object_too() -> None:
    def lost(asked: Asked) -> Sent:
        known = asked.is_chat or asked.method != "POST"
        return good(asked) if known else Sent(http(404, b"404 page not found", kind="text/plain"))

    found = failing(lost)
    assert list(found) == ["errors"]
    assert "an unknown path: HTTP 404, and the body is no JSON" in found["errors"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "m", "type": "t", "code": None}, "error.param is missing | a string or null"),
        ({"message": "m", "type": "t", "param": None}, "error.code is missing | a string or null"),
        ({"message": "m", "type": "t", "param": None, "code": 400}, "error.code is 400 | a string or null"),
    ],
)
def test_param_and_code_are_worth_a_warning(body: dict[str, Any], words: str) -> None:
    went = results(instead("garbage", as_json({"error": body}, 400)))
    assert went["errors"].status == "warn"
    assert words in told(went["errors"])


# --- a second model -----------------------------------------------------------------------------------


def test_one_model_alone_leaves_nothing_to_fail_over_to() -> None:
    listed = edited(MODELS, "data", MODELS["data"][:1])
    went = results(instead("models", as_json(listed)))
    assert went["failover"].status == "skip"
    assert "only one model is listed" in went["failover"].detail


def test_a_second_model_that_does_not_answer_fails_failover_alone() -> None:
    def one_of_two(asked: Asked) -> Sent:
        if asked.is_chat and b'"large-1"' in asked.body:
            return error(503, "not loaded")
        return good(asked)

    found = failing(one_of_two)
    assert list(found) == ["failover"]
    assert 'no other model answers: large-1: HTTP 503: "not loaded"' in found["failover"]
    assert "a model other than small-1" in found["failover"]


def test_failover_is_tried_even_where_the_first_model_is_down() -> None:
    def first_is_down(asked: Asked) -> Sent:
        return error(503, "down") if asked.is_chat and b'"small-1"' in asked.body else good(asked)

    went = results(first_is_down)
    assert went["completion"].status == "fail"
    assert went["failover"].status == "pass"


# --- browsers and limits ------------------------------------------------------------------------------


def preflight(status: int, headers: dict[str, str]) -> Answering:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    sent = Sent(f"HTTP/1.1 {status} Whatever\r\n{head}content-length: 0\r\n\r\n".encode())
    return lambda asked: sent if asked.method == "OPTIONS" else good(asked)


@pytest.mark.parametrize(
    ("answering", "words"),
    [
        (preflight(405, {}), "the preflight (OPTIONS) gets HTTP 405 | HTTP 200 or 204"),
        (preflight(204, {}), "access-control-allow-origin is missing in the preflight's answer"),
        (
            preflight(204, PREFLIGHT | {"access-control-allow-origin": "https://other.example"}),
            'access-control-allow-origin is "https://other.example" in the preflight\'s answer',
        ),
        (
            preflight(204, PREFLIGHT | {"access-control-allow-headers": "*"}),
            "does not name authorization | authorization in it (* does not stand for it)",
        ),
        (
            preflight(204, PREFLIGHT | {"access-control-allow-headers": "Authorization"}),
            "access-control-allow-headers does not name content-type",
        ),
        (
            instead("models", Sent(http(200, json.dumps(MODELS).encode()).replace(b"access-control", b"x"))),
            "access-control-allow-origin is missing in an answer",
        ),
    ],
)
def test_what_keeps_browsers_out_is_a_warning(answering: Answering, words: str) -> None:
    went = results(answering)
    assert statuses(went, "fail") == set()
    assert statuses(went, "warn") == {"cors"}
    assert words in told(went["cors"])


def test_the_origin_that_asked_is_as_good_as_any() -> None:
    def echo(asked: Asked) -> Sent:
        sent = good(asked)
        origin = asked.headers.get("origin", "null").encode()
        return Sent(sent.data.replace(b"allow-origin: *", b"allow-origin: " + origin))

    assert CORS == {"access-control-allow-origin": "*"}
    assert results(echo)["cors"].status == "pass"


def limited(**changes: str | None) -> Answering:
    headers = LIMITS | {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in changes.items()}
    kept = {name: value for name, value in headers.items() if value is not None}
    return instead("whole", lambda asked: as_json(answered(asked.json), headers=kept))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"remaining_requests": "61"},
            "x-ratelimit-remaining-requests is 61 | at most x-ratelimit-limit-requests",
        ),
        ({"limit_tokens": "lots"}, 'x-ratelimit-limit-tokens is "lots" | a whole number'),
        ({"remaining_tokens": "-1"}, 'x-ratelimit-remaining-tokens is "-1" | a whole number'),
        (
            {"reset_requests": "soon"},
            'x-ratelimit-reset-requests is "soon" | a duration like 12ms, 1s or 6m0s',
        ),
        ({"reset_tokens": "60"}, 'x-ratelimit-reset-tokens is "60" | a duration'),
    ],
)
def test_limits_that_do_not_agree_fail_limits_alone(changes: dict[str, str | None], words: str) -> None:
    found = failing(limited(**changes))
    assert list(found) == ["limits"]
    assert words in found["limits"]


@pytest.mark.parametrize(
    "reset", ["0s", "2ms", "12ms", "1s", "6m0s", "1m30.951s", "1h2m3s", "1d0h", "644.5ms"]
)
def test_the_vendors_durations_are_understood(reset: str) -> None:
    assert results(limited(reset_tokens=reset))["limits"].status == "pass"


def test_a_missing_one_is_a_warning_and_none_at_all_a_skip() -> None:
    assert results(limited(reset_tokens=None))["limits"].status == "warn"
    none = instead("whole", lambda asked: as_json(answered(asked.json)))
    assert results(none)["limits"].status == "skip"


# --- keys and limits in force -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "key", "words"),
    [
        (error(401, "Incorrect API key"), "sk-secret-key-1234", "The key is refused. Is it whole"),
        (error(401, "No API key"), None, "It wants a key: give it with --api-key, or in OPENAI_API_KEY"),
        (error(403, "Not for you"), "sk-secret-key-1234", "The key may not do this"),
        (
            error(402, "Pay first"),
            "sk-secret-key-1234",
            "The account's quota is used up. Waiting does not help",
        ),
        (
            error(429, "You exceeded your current quota", "insufficient_quota", "insufficient_quota"),
            "sk-secret-key-1234",
            "The account's quota is used up. Waiting does not help",
        ),
        (
            error(429, "Rate limit reached", "requests", "rate_limit_exceeded"),
            "sk-secret-key-1234",
            "The key's rate limit is reached. Wait (the answer has no retry-after)",
        ),
    ],
)
def test_a_key_that_is_refused_everywhere_fails_key_alone(sent: Sent, key: str | None, words: str) -> None:
    went = results(lambda asked: sent, key)
    assert statuses(went, "fail") == {"key"}
    assert words in told(went["key"])
    assert went["completion"].detail == "needs key"


def test_a_key_that_is_refused_for_completions_alone_fails_key_too() -> None:
    went = results(lambda asked: error(401, "no") if asked.is_chat else good(asked))
    assert statuses(went, "fail") == {"key"}


def test_where_a_429_says_when_to_come_back_the_check_comes_back_then() -> None:
    clock, refusals = Clock(), iter([True, True])
    slow_down = {"retry-after-ms": "700", "retry-after": "1"}

    def strict(asked: Asked) -> Sent:
        if wants(asked, "whole") and next(refusals, False):
            return as_json({"error": {"message": "Rate limit reached", "type": "requests"}}, 429, slow_down)
        return good(asked)

    went = results(strict, wait=clock.wait)
    assert statuses(went, "fail") == set()
    assert clock.waited == [0.7, 0.7]
    assert went["limits"].detail == "59 requests left, 29988 tokens left; waited 2 times as a 429 said"


def test_it_does_not_come_back_for_ever_nor_later_than_the_timeout() -> None:
    clock = Clock()
    limit = {"message": "Rate limit reached", "type": "requests"}
    went = results(lambda asked: as_json({"error": limit}, 429, {"retry-after": "2"}), wait=clock.wait)
    assert statuses(went, "fail") == {"key"}
    assert "Wait 2 s as retry-after says" in told(went["key"])
    waits = len(clock.waited)
    assert set(clock.waited) == {2.0}
    results(lambda asked: as_json({"error": limit}, 429, {"retry-after": "3600"}), wait=clock.wait)
    assert len(clock.waited) == waits


def test_a_server_that_repeats_the_key_does_not_get_it_printed() -> None:
    went = results(lambda asked: error(401, f"Bad key: {asked.headers['authorization']}"))
    assert "sk-secret" not in str(went)
    assert 'HTTP 401: "Bad key: Bearer ***"' in told(went["key"])


# --- broken everywhere --------------------------------------------------------------------------------


def test_a_server_that_only_says_500_is_reachable_and_does_nothing_else() -> None:
    went = results(lambda asked: error(500, "boom"), model="small-1")
    assert statuses(went, "fail") == {"models", "completion", "stream", "errors"}
    assert statuses(went, "pass") == {"reachable", "key"}


def test_garbage_everywhere_is_not_http() -> None:
    went = results(lambda asked: Sent(b"\x00\xff\x17garbage\r\n\r\n"))
    assert statuses(went, "fail") == {"reachable"}
    assert "answers something that is not HTTP" in told(went["reachable"])
    assert statuses(went, "skip") == set(NAMES) - {"reachable"}


@pytest.mark.parametrize("kept", range(0, 140, 7))
def test_an_answer_cut_anywhere_never_breaks_the_check_itself(kept: int) -> None:
    went = results(lambda asked: Sent(good(asked).data[:kept]), model="small-1")
    assert statuses(went, "fail")
    assert "breaks down" not in told(went["reachable"]) or kept == 0
    assert "the check itself broke down" not in str(went)


@pytest.mark.parametrize("value", [None, True, 5, "text", [], [None], {}, {"data": [5]}, {"choices": [None]}])
def test_no_json_value_breaks_the_check_itself(value: Any) -> None:
    went = results(lambda asked: as_json(value), model="small-1")
    assert "the check itself broke down" not in str(went)
    assert went["completion"].status == "fail"


def test_what_does_break_is_said_to_be_our_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.checks.checklist._sums", lambda where, tokens: [][0])
    went = results(good)
    assert statuses(went, "fail") == {"usage"}
    assert "the check itself broke down: IndexError" in told(went["usage"])
    assert "a bug of understudy check" in told(went["usage"])


def test_a_stream_of_one_chunk_after_another_is_read_as_it_comes() -> None:
    def piecewise(asked: Asked) -> Sent:
        body = sse(chunks(asked.json))
        pieces = b"".join(b"1\r\n%b\r\n" % body[n : n + 1] for n in range(len(body)))
        head = streamed(b"").partition(b"\r\n\r\n")[0]
        return Sent(head + b"\r\n\r\n" + pieces + b"0\r\n\r\n")

    assert failing(instead("stream", piecewise)) == {}
    assert chunk({"model": "m"}, {})["object"] == "chat.completion.chunk"
