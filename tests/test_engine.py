"""The engine as transcripts: an HTTP request in, steps out."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from understudy import planning
from understudy.access import Access
from understudy.engine import Engine, World
from understudy.errors import Failure, Place
from understudy.failures import FaultSet, failing_key, failing_model
from understudy.faults import Chance, Fault
from understudy.journal import Exchange, Journal
from understudy.limits import LimitSet, read_limits
from understudy.model import (
    INSTANT,
    Abort,
    CountReply,
    EmbeddingReply,
    Head,
    HttpRequest,
    Jitter,
    ModelInfo,
    ModelsReply,
    Pace,
    Pause,
    Reasoning,
    Reply,
    Request,
    Scene,
    Send,
    Step,
    Text,
    ToolCall,
    Usage,
)
from understudy.planning import MOST_KEPT, MOST_PLANS, MOST_REMEMBERED, Answer, Planner, Policy
from understudy.providers import KEEPERS, PROVIDERS, openai_chat, openai_completions
from understudy.resources import Collections
from understudy.tokens import encoding_of

HELLO = Reply((Text("Hello, world!"),))
Chat = Callable[[Request], Answer]


def hello(request: Request) -> Answer:
    return Answer(HELLO, "hello")


def made(
    chat: Chat = hello,
    pace: Pace = INSTANT,
    policy: Policy = Policy(),  # noqa: B008
    keys: tuple[str, ...] = (),
    limits: object = None,
    paces: Mapping[str, Pace] = {},
) -> Engine:
    numbers = iter(range(10_000))
    clock = iter(range(1_700_000_000, 1_800_000_000))

    def now() -> float:
        return float(next(clock))

    def models(request: Any) -> Answer:
        if request.model:
            raise Failure(404, "not_found", f"The model '{request.model}' does not exist")
        return Answer(ModelsReply(()))

    operations = {
        "chat": chat,
        "completion": chat,
        "embedding": lambda request: Answer(EmbeddingReply((bytes(8),), Usage(3))),
        "models": models,
    }
    limited = LimitSet(read_limits(limits, Place("limits")) if limits else ())
    return Engine(
        PROVIDERS,
        Planner(operations, encoding_of, failing_model, policy, pace_of=paces.get),
        Journal(now),
        World(Access(keys, failing_key), limited, FaultSet(), Scene, Collections(lambda: 29 * "k")),
        clock=now,
        new_id=lambda: f"{next(numbers):05d}{24 * 'x'}",
        pace=pace,
        chance=lambda name: Random(f"7 {name}"),
        keepers=KEEPERS,
    )


def asked(path: str = "/v1/chat/completions", method: str = "POST", **fields: Any) -> HttpRequest:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]} | fields
    return HttpRequest(method, path, (b"host", b"localhost"), json.dumps(body).encode())


def play(engine: Engine, http: HttpRequest) -> list[Step]:
    return list(engine.handle(http))


def head_of(steps: list[Step]) -> Head:
    head = next(step for step in steps if isinstance(step, Head))
    assert all(line.count(b": ") for line in head.headers.removesuffix(b"\r\n").split(b"\r\n"))
    return head


def body_of(steps: list[Step]) -> bytes:
    return b"".join(step.data for step in steps if isinstance(step, Send))


def error_of(steps: list[Step]) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(body_of(steps))["error"]
    return error


def only(engine: Engine) -> Exchange:
    (exchange,) = engine.journal
    return exchange


def test_a_whole_answer_is_a_head_with_its_length_and_a_body() -> None:
    steps = play(made(), asked())
    head, send = steps
    assert isinstance(head, Head)
    assert isinstance(send, Send)
    assert (head.status, head.length) == (200, len(send.data))
    answer = json.loads(send.data)
    assert answer["choices"][0]["message"]["content"] == "Hello, world!"
    assert answer["usage"] | {"prompt_tokens_details": 0, "completion_tokens_details": 0} == {
        "prompt_tokens": 8,
        "completion_tokens": 4,
        "total_tokens": 12,
        "prompt_tokens_details": 0,
        "completion_tokens_details": 0,
    }


def test_an_unpaced_stream_leaves_as_one_piece() -> None:
    head, send = play(made(), asked(stream=True))
    assert isinstance(head, Head)
    assert isinstance(send, Send)
    assert head.length is None
    assert b"content-type: text/event-stream" in head.headers
    assert send.data.count(b"data: ") == 7
    assert send.data.endswith(b"data: [DONE]\n\n")


def test_a_paced_stream_pauses_before_its_head_and_between_its_slices() -> None:
    steps = play(made(pace=Pace(0.5, 10)), asked(stream=True))
    kinds = [step.seconds if isinstance(step, Pause) else type(step).__name__ for step in steps]
    assert kinds == [0.5, "Head", "Send", 0.1, "Send", 0.1, "Send", 0.1, "Send"]


def test_a_paced_whole_answer_comes_when_its_last_token_would() -> None:
    steps = play(made(pace=Pace(0.5, 10)), asked())
    assert [type(step) for step in steps] == [Pause, Head, Send]
    assert isinstance(steps[0], Pause)
    assert steps[0].seconds == pytest.approx(0.8)


def test_pace_changes_no_byte_of_a_stream() -> None:
    paced = body_of(play(made(pace=Pace(0, 10)), asked(stream=True)))
    assert paced == body_of(play(made(), asked(stream=True)))


def test_the_journal_makes_the_bytes_of_a_stream_again() -> None:
    engine = made()
    sent = body_of(play(engine, asked(stream=True, stream_options={"include_usage": True})))
    assert engine.sent(only(engine)) == sent


def test_the_journal_shows_no_more_of_a_stream_than_was_sent() -> None:
    engine = made(pace=Pace(0, 10))
    steps = engine.handle(asked(stream=True))
    sent = b"".join(step.data for step, _ in zip(steps, range(4), strict=False) if isinstance(step, Send))
    steps.close()  # type: ignore[attr-defined]
    assert sent
    assert engine.sent(only(engine)) == sent
    assert only(engine).outcome == "client left"


def test_the_journal_names_what_answered_and_what_it_cost() -> None:
    engine = made()
    play(engine, asked())
    exchange = only(engine)
    assert (exchange.api, exchange.model, exchange.answered_by) == ("openai-chat", "gpt-4o", "hello")
    assert (exchange.input_tokens, exchange.output_tokens, exchange.status) == (8, 4, 200)


def test_every_choice_is_asked_for_by_itself() -> None:
    def numbered(request: Request) -> Answer:
        return Answer(Reply((Text(f"{request.messages[0].text} {request.choice}"),)))

    answer = json.loads(body_of(play(made(numbered), asked(n=3))))
    assert [choice["message"]["content"] for choice in answer["choices"]] == ["hi 0", "hi 1", "hi 2"]
    assert answer["usage"]["completion_tokens"] == 3 * 3


def test_reasoning_is_counted_as_part_of_the_output() -> None:
    thoughtful = Reply((Reasoning("one two three"), Text("four")))
    counted = json.loads(body_of(play(made(lambda request: Answer(thoughtful)), asked())))["usage"]
    assert counted["completion_tokens"] == 4
    assert counted["completion_tokens_details"]["reasoning_tokens"] == 3


@pytest.mark.parametrize("limit", [1, 5, 6, 9, 100])
def test_no_answer_costs_more_than_its_limit(limit: int) -> None:
    call = Reply((ToolCall("get_weather", '{"city": "Paris"}'),))
    answer = json.loads(body_of(play(made(lambda request: Answer(call)), asked(max_tokens=limit))))
    assert answer["usage"]["completion_tokens"] <= limit
    assert (answer["choices"][0]["finish_reason"] == "length") == (limit < 100)


def test_every_prompt_of_a_completion_is_asked_for_by_itself() -> None:
    def numbered(request: Request) -> Answer:
        return Answer(Reply((Text(f"{request.messages[0].text} {request.choice}"),)))

    steps = play(made(numbered), asked("/v1/completions", model="m", prompt=["one", "two"], n=2))
    answer = json.loads(body_of(steps))
    assert [choice["text"] for choice in answer["choices"]] == ["one 0", "one 1", "two 0", "two 1"]


def test_tool_calls_get_ids_of_their_own() -> None:
    calls = Reply((ToolCall("a"), ToolCall("b"), ToolCall("c", id="mine")))
    answer = json.loads(body_of(play(made(lambda request: Answer(calls)), asked())))
    ids = [call["id"] for call in answer["choices"][0]["message"]["tool_calls"]]
    assert ids[2] == "call_mine"
    assert len(set(ids)) == 3
    assert answer["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("http", "status", "message", "code"),
    [
        (asked("/v1/nowhere"), 404, "Invalid URL (POST /v1/nowhere)", "unknown_url"),
        (
            asked("/chat/completions"),
            404,
            "Invalid URL (POST /chat/completions). Did you mean /v1/chat/completions? "
            "The base URL of an OpenAI client should end with /v1.",
            "unknown_url",
        ),
        (
            asked("/v1/v1/chat/completions"),
            404,
            "Invalid URL (POST /v1/v1/chat/completions). Did you mean /v1/chat/completions? "
            "The base URL of an OpenAI client should end with /v1.",
            "unknown_url",
        ),
        (
            asked("/v1/embeddings", method="GET"),
            405,
            "Not allowed to GET on /v1/embeddings. (HINT: Perhaps you meant to make a POST request?)",
            "method_not_supported",
        ),
        (
            asked("/v1/models/gpt-4o", method="POST"),
            405,
            "Not allowed to POST on /v1/models/gpt-4o. (HINT: Perhaps you meant to make a GET request?)",
            "method_not_supported",
        ),
    ],
)
def test_a_path_or_method_that_there_is_not(http: HttpRequest, status: int, message: str, code: str) -> None:
    steps = play(made(), http)
    assert head_of(steps).status == status
    assert error_of(steps) == {
        "message": message,
        "type": "invalid_request_error",
        "param": None,
        "code": code,
    }


def test_a_refused_request_is_in_the_journal_too() -> None:
    engine = made()
    play(engine, HttpRequest("POST", "/v1/chat/completions", (), b"nonsense"))
    exchange = only(engine)
    assert (exchange.status, exchange.answered_by, exchange.api) == (400, "refused", "openai-chat")
    assert exchange.error.startswith("We could not parse the JSON body")
    assert b"could not parse the JSON body" in engine.sent(exchange)


def test_a_query_and_an_escaped_path_find_their_route() -> None:
    assert head_of(play(made(), asked("/v1/chat/completions?api-version=1"))).status == 200
    assert head_of(play(made(), asked("/v1/chat%2Fcompletions"))).status == 200


def test_an_escaped_question_mark_is_part_of_a_models_name() -> None:
    steps = play(made(), asked("/v1/models/a%3Fb", method="GET"))
    assert error_of(steps)["message"] == "The model 'a?b' does not exist"


def test_head_is_answered_as_get_is() -> None:
    assert head_of(play(made(), asked("/v1/models", method="HEAD"))).status == 200


def test_a_browser_may_ask_from_anywhere() -> None:
    http = HttpRequest(
        "OPTIONS", "/v1/chat/completions", (b"access-control-request-headers", b"authorization, x-a")
    )
    engine = made()
    (head,) = play(engine, http)
    assert isinstance(head, Head)
    assert head.status == 204
    assert head.headers.decode().splitlines() == [
        "access-control-allow-origin: *",
        "access-control-expose-headers: *",
        "access-control-allow-methods: GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD",
        "access-control-allow-headers: authorization, x-a",
        "access-control-max-age: 86400",
    ]
    assert len(engine.journal) == 0


def test_every_answer_may_be_read_by_any_page() -> None:
    for http in (asked(), asked(stream=True), asked("/nowhere"), asked(messages=1)):
        assert b"access-control-allow-origin: *\r\n" in head_of(play(made(), http)).headers


def test_a_bug_of_ours_says_so_and_is_not_retried(caplog: pytest.LogCaptureFixture) -> None:
    def buggy(request: Request) -> Answer:
        raise KeyError("secret detail")

    engine = made(buggy)
    with caplog.at_level(logging.ERROR, "understudy"):
        steps = play(engine, asked())
    head = head_of(steps)
    assert head.status == 500
    assert b"x-understudy-bug: KeyError\r\n" in head.headers
    assert b"x-should-retry: false\r\n" in head.headers
    assert error_of(steps)["code"] == "understudy_bug"
    assert "secret detail" not in body_of(steps).decode()
    assert only(engine).status == 500
    assert "a bug of Understudy's, answering POST /v1/chat/completions" in caplog.text


@pytest.mark.parametrize(
    ("status", "kind"),
    [(408, "invalid_request_error"), (413, "invalid_request_error"), (503, "server_error")],
)
def test_what_is_no_request_is_refused_in_the_apis_envelope(status: int, kind: str) -> None:
    steps = list(made().refuse(status, "Too much."))
    assert head_of(steps).status == status
    assert error_of(steps) == {"message": "Too much.", "type": kind, "param": None, "code": None}


def test_a_bug_that_shows_while_an_answer_is_sent_is_not_dressed_as_the_vendors_either() -> None:
    steps = list(made().refuse(500, "KeyError: 'secret detail'"))
    assert b"x-understudy-bug: KeyError\r\n" in head_of(steps).headers
    assert error_of(steps)["code"] == "understudy_bug"
    assert "secret detail" not in body_of(steps).decode()


def test_the_same_request_gets_the_same_text_under_another_id() -> None:
    engine = made()
    first, second = (json.loads(body_of(play(engine, asked()))) for _ in range(2))
    assert first["choices"] == second["choices"]
    assert first["id"] != second["id"]


def test_a_lasting_answer_is_planned_once_and_each_time_has_an_id_of_its_own() -> None:
    asked_for = []

    def lasting(request: Request) -> Answer:
        asked_for.append(request)
        return Answer(Reply((Text("Hello"), ToolCall("a"))), lasting=True)

    engine = made(lasting)
    answers = [json.loads(body_of(play(engine, asked()))) for _ in range(4)]
    assert len(asked_for) == 1
    assert len({answer["id"] for answer in answers}) == 4
    assert len({answer["choices"][0]["message"]["tool_calls"][0]["id"] for answer in answers}) == 4
    assert len({answer["created"] for answer in answers}) == 4


def test_the_bytes_of_an_answer_that_was_asked_for_often_are_those_of_the_first_but_for_id_and_time() -> None:
    engine = made(lambda request: Answer(HELLO, lasting=True))
    first, *rest = (json.loads(body_of(play(engine, asked()))) for _ in range(5))
    for answer in rest:
        assert answer["id"] != first["id"]
        assert answer["created"] > first["created"]
        assert answer | {"id": first["id"], "created": first["created"]} == first


def test_an_answer_that_quotes_its_own_time_is_made_anew_each_time() -> None:
    engine = made(lambda request: Answer(Reply((Text("It is 1700000015 or 1700000009."),)), lasting=True))
    for _ in range(8):
        answer = json.loads(body_of(play(engine, asked())))
        assert answer["choices"][0]["message"]["content"] == "It is 1700000015 or 1700000009."


def test_an_answer_that_does_not_last_is_planned_each_time() -> None:
    numbers = iter(range(9))
    engine = made(lambda request: Answer(Reply((Text(str(next(numbers))),))))
    answers = [json.loads(body_of(play(engine, asked()))) for _ in range(3)]
    assert [answer["choices"][0]["message"]["content"] for answer in answers] == ["0", "1", "2"]


def test_an_answer_one_of_whose_choices_does_not_last_is_planned_each_time() -> None:
    numbers = iter(range(9))

    def second_alone_changes(request: Request) -> Answer:
        if not request.choice:
            return Answer(HELLO, lasting=True)
        return Answer(Reply((Text(str(next(numbers))),)))

    engine = made(second_alone_changes)
    answers = [json.loads(body_of(play(engine, asked(n=2)))) for _ in range(2)]
    assert [answer["choices"][1]["message"]["content"] for answer in answers] == ["0", "1"]


HI = {"role": "user", "parts": [{"text": "hi"}]}
SAID = Reply((Text("It was 1700000000, and 00000xxxxxxxxxxxxxxxxxxxxxxxx."), ToolCall("f", '{"x":1}')))


@pytest.mark.parametrize("reply", [HELLO, SAID], ids=["a text", "a text like an id, and a call"])
@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/chat/completions", {}),
        ("/v1/chat/completions", {"n": 2, "stream": True}),
        ("/v1/responses", {"input": "hi"}),
        ("/v1/responses", {"input": "hi", "stream": True}),
        ("/v1/messages", {"max_tokens": 9}),
        ("/v1/messages", {"max_tokens": 9, "stream": True}),
        ("/v1beta/models/g:generateContent", {"contents": [HI]}),
        ("/v1beta/models/g:streamGenerateContent?alt=sse", {"contents": [HI]}),
        ("/v1beta/models/g:streamGenerateContent", {"contents": [HI]}),
    ],
)
def test_an_answer_that_is_given_again_is_what_would_be_encoded(
    path: str, fields: dict[str, Any], reply: Reply
) -> None:
    engine = made(lambda request: Answer(reply, lasting=True), policy=Policy("off"))
    for _ in range(4):
        steps = play(engine, asked(path, **fields))
        exchange = list(engine.journal)[-1]
        assert (exchange.status, body_of(steps)) == (200, engine.sent(exchange))
    (plan,) = engine._planner._plans.values()
    assert plan.form is not None


def test_the_bytes_of_answers_that_are_given_again_are_remembered_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = made(lambda request: Answer(HELLO, lasting=True))
    size = len(body_of(play(engine, asked())))

    def remembered() -> int:
        for number in range(10):
            for _ in range(3):
                play(engine, asked(user=f"{number}"))
        plans = engine._planner._plans.values()
        return sum(plan.form is not None for plan in plans)

    monkeypatch.setattr(planning, "MOST_FORM", size // 2)
    assert remembered() == 0
    engine._planner.forget()
    monkeypatch.setattr(planning, "MOST_FORM", size)
    monkeypatch.setattr(planning, "MOST_FORMS", 3 * size)
    assert remembered() == 3
    engine._planner.forget()
    assert remembered() == 3


def test_an_answer_of_many_bytes_is_made_anew_and_the_same_but_for_id_and_time() -> None:
    engine = made(lambda request: Answer(Reply((Text("word " * 40_000),)), lasting=True))
    first, *rest = (json.loads(body_of(play(engine, asked()))) for _ in range(4))
    assert all(each | {"id": first["id"], "created": first["created"]} == first for each in rest)


def test_an_answer_without_an_id_is_made_anew_and_the_same() -> None:
    engine = made()
    asked_for = []

    def models(request: Any) -> Answer:
        asked_for.append(request)
        return Answer(ModelsReply((ModelInfo("a"), ModelInfo("b"))), lasting=True)

    engine._planner._operations = {"models": models}
    bodies = {body_of(play(engine, HttpRequest("GET", "/v1/models"))) for _ in range(4)}
    assert len(bodies) == len(asked_for) == 1


def test_an_answer_larger_than_all_the_room_is_not_remembered() -> None:
    engine = made(lambda request: Answer(Reply((Text("x" * (MOST_KEPT + 1)),)), lasting=True))
    play(engine, asked())
    assert not engine._planner._plans


def test_a_providers_plan_is_not_taken_for_anothers() -> None:
    """Two wire APIs may share a path, and a header tells which one is meant."""
    engine = made(lambda request: Answer(HELLO, lasting=True))
    play(engine, asked(model="m"))
    chat, other = openai_chat, openai_completions
    assert [key[0] for key in engine._planner._plans] == [chat]
    engine._routes.find = lambda http: other  # type: ignore[method-assign]
    assert error_of(play(engine, asked(prompt=1)))["param"] == "prompt"
    assert b'"object":"text_completion"' in body_of(play(engine, asked(model="m")))


def test_a_plan_is_not_for_another_version_of_the_api() -> None:
    asked_for = []

    def lasting(request: Request) -> Answer:
        asked_for.append(request.version)
        return Answer(HELLO, lasting=True)

    engine = made(lasting)

    def status(version: bytes, path: str = "/v1/messages", **fields: Any) -> int:
        http = replace(asked(path, max_tokens=9, **fields), headers=(b"anthropic-version", version))
        return head_of(play(engine, http)).status

    old, new = b"2023-06-01", b"2026-10-21"
    assert [status(each, temperature=0.5) for each in (old, old, new, new, old)] == [200, 200, 400, 400, 200]
    assert asked_for == ["2023-06-01"]
    system = {"role": "system", "content": "Be brief."}
    path, messages = "/v1/messages/count_tokens", [system, {"role": "user", "content": "hi"}]
    engine._planner._operations = {"count": lambda request: Answer(CountReply(Usage(3)), lasting=True)}
    assert [status(each, path, messages=messages) for each in (new, new, old, new)] == [200, 200, 400, 200]


def test_a_plan_for_another_version_takes_the_place_of_the_first() -> None:
    engine = made(lambda request: Answer(HELLO, lasting=True), policy=Policy("off"))
    for version in (b"2023-06-01", b"2026-10-21") * 3:
        http = replace(asked("/v1/messages", max_tokens=9, top_k=5), headers=(b"anthropic-version", version))
        for _ in range(3):
            play(engine, http)
    (plan,) = engine._planner._plans.values()
    assert plan.form is not None
    assert (engine._planner._kept, engine._planner._formed) == (plan.size, len(plan.form.body))


def test_the_plans_that_are_remembered_are_bounded() -> None:
    asked_for = []

    def lasting(request: Request) -> Answer:
        asked_for.append(request.user)
        return Answer(HELLO, lasting=True)

    engine = made(lasting)
    for number in (*range(MOST_PLANS + 1), 0):
        play(engine, asked(messages=[{"role": "user", "content": str(number)}]))
    assert asked_for.count("0") == 2
    long = asked(messages=[{"role": "user", "content": "x" * MOST_REMEMBERED}])
    play(engine, long)
    play(engine, long)
    assert asked_for.count("x" * MOST_REMEMBERED) == 2


def test_the_bytes_of_the_plans_are_bounded_too() -> None:
    asked_for = []
    half = Reply((Text("x" * (MOST_KEPT // 2 + 1)),))

    def lasting(request: Request) -> Answer:
        asked_for.append(request.user)
        return Answer(half, lasting=True)

    engine = made(lasting)
    for word in ("a", "a", "b", "a"):
        play(engine, asked(messages=[{"role": "user", "content": word}]))
    assert asked_for == ["a", "b", "a"]


# --- validation ---------------------------------------------------------------------------------------

EMPTY: dict[str, Any] = {"messages": []}
COMPLAINT = (
    "Invalid 'messages': empty array. Expected an array with minimum length 1, "
    "but got an empty array instead."
)


def test_what_the_vendor_would_refuse_is_refused_and_the_answer_says_what_lets_it_pass() -> None:
    engine = made()
    steps = play(engine, asked(**EMPTY))
    head = head_of(steps)
    assert head.status == 400
    assert b"x-understudy-passes-with: --validation warn\r\n" in head.headers
    assert error_of(steps)["message"] == COMPLAINT
    assert only(engine).error == COMPLAINT


@pytest.mark.parametrize("stream", [False, True])
def test_a_warning_is_in_a_header_and_in_the_journal(stream: bool) -> None:
    engine = made(policy=Policy("warn"))
    head = head_of(play(engine, asked(stream=stream, **EMPTY)))
    assert head.status == 200
    assert f"x-understudy-warning: 400 {COMPLAINT}\r\n".encode() in head.headers
    assert only(engine).warning == f"400 {COMPLAINT}"


def test_a_warning_comes_with_a_remembered_answer_too() -> None:
    engine = made(lambda request: Answer(HELLO, lasting=True), policy=Policy("warn"))
    heads = [head_of(play(engine, asked(**EMPTY))).headers for _ in range(3)]
    assert all(b"x-understudy-warning: 400 " in head for head in heads)
    assert len(engine._planner._plans) == 1


def test_without_validation_nobody_complains() -> None:
    engine = made(policy=Policy("off"))
    head = head_of(play(engine, asked(**EMPTY)))
    assert head.status == 200
    assert b"x-understudy-warning" not in head.headers
    assert only(engine).warning == ""


def test_a_model_that_nobody_knows_is_refused_where_that_is_wanted() -> None:
    engine = made(policy=Policy(known=lambda model: model == "gpt-5"))
    steps = play(engine, asked())
    head = head_of(steps)
    assert head.status == 404
    assert b"x-understudy-passes-with: --unknown-models answer\r\n" in head.headers
    assert error_of(steps) == {
        "message": "The model `gpt-4o` does not exist or you do not have access to it.",
        "type": "invalid_request_error",
        "param": None,
        "code": "model_not_found",
    }
    assert head_of(play(engine, asked(model="gpt-5"))).status == 200


def test_more_tokens_than_the_models_window_are_refused_and_counted() -> None:
    long = [{"role": "user", "content": "a " * 9_000}]
    steps = play(made(), asked(model="gpt-4", messages=long))
    assert head_of(steps).status == 400
    assert error_of(steps)["code"] == "context_length_exceeded"
    assert error_of(steps)["message"].startswith("This model's maximum context length is 8192 tokens.")
    engine = made(policy=Policy("warn"))
    assert head_of(play(engine, asked(model="gpt-4", messages=long))).status == 200
    assert only(engine).warning.startswith("400 This model's maximum context length is 8192 tokens.")
    assert head_of(play(made(policy=Policy("off")), asked(model="gpt-4", messages=long))).status == 200
    assert head_of(play(made(), asked(model="a-model-of-mine", messages=long))).status == 200


# --- keys, limits, faults -----------------------------------------------------------------------------


def with_key(key: str, **fields: Any) -> HttpRequest:
    http = asked(**fields)
    return HttpRequest(
        http.method, http.target, (*http.headers, b"authorization", f"Bearer {key}".encode()), http.body
    )


def test_a_wrong_key_is_refused_before_the_request_is_read() -> None:
    steps = play(made(keys=("right",)), with_key("wrong", messages=1))
    assert head_of(steps).status == 401
    assert error_of(steps)["code"] == "invalid_api_key"
    assert b"x-understudy-passes-with: " in head_of(steps).headers


def test_a_request_over_the_limit_is_refused_and_all_answers_count_down() -> None:
    engine = made(limits={"requests": "2/h", "per": "key"})
    headers = [head_of(play(engine, with_key("sk-1"))).headers for _ in range(3)]
    for left, head in zip((1, 0, 0), headers, strict=True):
        assert b"x-ratelimit-limit-requests: 2\r\n" in head
        assert b"x-ratelimit-remaining-requests: %d\r\n" % left in head
    assert [exchange.status for exchange in engine.journal] == [200, 200, 429]
    assert head_of(play(engine, with_key("sk-2"))).status == 200


def test_a_refused_request_counts_too() -> None:
    engine = made(limits={"requests": "2/h", "per": "key"})
    steps = play(engine, with_key("sk-1", messages=1))
    assert b"x-ratelimit-remaining-requests: 1\r\n" in head_of(steps).headers
    assert head_of(steps).status == 400


def test_the_mocks_clock_frees_a_window_and_dates_the_answers() -> None:
    engine = made(limits={"requests": "1/h", "per": "key"})
    first = json.loads(body_of(play(engine, asked())))
    assert head_of(play(engine, asked())).status == 429
    engine.world.ahead += 3600
    second = json.loads(body_of(play(engine, asked())))
    assert second["created"] - first["created"] >= 3600


def test_a_fault_befalls_the_answer_and_the_journal_keeps_what_was_sent() -> None:
    engine = made()
    engine.world.faults.replace([{"fault": {"cut": {"after": "10 bytes", "how": "reset"}}, "times": 1}])
    head, send, abort = play(engine, asked())
    assert isinstance(head, Head)
    assert isinstance(send, Send)
    assert abort == Abort("reset")
    assert (head.status, len(send.data)) == (200, 10)
    exchange = only(engine)
    assert (exchange.outcome, exchange.faults, exchange.sent) == ("cut", ("cut",), 10)
    assert engine.sent(exchange) == send.data
    assert len(play(engine, asked())) == 2


def test_an_error_on_purpose_is_in_the_vendors_words_and_in_the_journal() -> None:
    engine = made()
    engine.world.faults.replace([{"fault": {"error": "overloaded"}}])
    steps = play(engine, asked())
    assert head_of(steps).status == 503
    assert error_of(steps)["type"] == "server_error"
    assert only(engine).error == error_of(steps)["message"]
    assert only(engine).faults == ("error",)


CALL = Reply((ToolCall("f", '{"x":1}'),))
OFFERED: dict[str, Any] = {"tools": [{"type": "function", "function": {"name": "f"}}]}


def called_of(steps: list[Step]) -> str:
    """The name of the tool that a whole answer calls."""
    name: str = json.loads(body_of(steps))["choices"][0]["message"]["tool_calls"][0]["function"]["name"]
    return name


@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_may_change_what_is_said(stream: bool) -> None:
    engine = made(lambda request: Answer(CALL))
    engine.world.faults.replace([{"fault": {"unknown_tool": {"name": "g"}}}])
    steps = play(engine, asked(stream=stream, **OFFERED))
    assert b'"name":"g"' in body_of(steps)
    assert b'"name":"f"' not in body_of(steps)
    assert only(engine).faults == ("unknown_tool",)
    assert engine.sent(only(engine)) == body_of(steps)


def test_what_a_fault_changes_is_not_remembered() -> None:
    engine = made(lambda request: Answer(CALL, lasting=True))
    engine.world.faults.replace([{"fault": "unknown_tool", "times": 1}])
    told = [called_of(play(engine, asked(**OFFERED))) for _ in range(3)]
    assert told == ["no_such_tool", "f", "f"]


def test_an_answer_whose_bytes_are_remembered_can_be_changed_too() -> None:
    class Loud(Fault, frozen=True):
        KEY = "loud"

        def alter(self, reply: Reply, chance: Chance) -> Reply:
            return Reply((Text("HELLO!"),))

    answer = Answer(HELLO, lasting=True)
    engine = made(lambda request: answer)
    for _ in range(3):
        assert b"Hello, world!" in body_of(play(engine, asked()))
    (plan,) = engine._planner._plans.values()
    assert plan.form is not None
    plan.faults = (Loud(),)
    assert b"HELLO!" in body_of(play(engine, asked()))
    plan.faults = ()
    assert b"Hello, world!" in body_of(play(engine, asked()))


def test_an_error_inside_a_stream_is_in_the_vendors_words_and_in_the_journal() -> None:
    engine = made()
    engine.world.faults.replace([{"fault": {"error_event": {"kind": "rate_limit", "after": "1 event"}}}])
    body = body_of(play(engine, asked(stream=True)))
    *_, last, end = body.split(b"\n\n")
    told = json.loads(last.removeprefix(b"data: "))["error"]
    assert end == b""
    assert (told["type"], told["code"]) == ("requests", "rate_limit_exceeded")
    assert told["message"].startswith("Rate limit reached for gpt-4o in organization ")
    exchange = only(engine)
    assert (exchange.status, exchange.outcome, exchange.error) == (200, "complete", told["message"])


def test_what_is_no_generated_text_is_not_altered() -> None:
    engine = made()
    engine.world.faults.replace([{"fault": "unknown_tool"}])
    body = {"model": "text-embedding-3-small", "input": "hi"}
    http = HttpRequest("POST", "/v1/embeddings", (b"host", b"localhost"), json.dumps(body).encode())
    assert head_of(play(engine, http)).status == 200


def test_a_model_that_fails_on_purpose_does_so_each_time() -> None:
    engine = made(lambda request: Answer(HELLO, lasting=True))
    assert [head_of(play(engine, asked(model="mock-error-503"))).status for _ in range(3)] == [503] * 3
    assert len(engine._planner._plans) == 1


def test_a_slow_model_is_slow_whatever_the_pace() -> None:
    engine = made()
    steps = play(engine, asked(model="mock-slow", stream=True))
    slow = failing_model("mock-slow")
    assert slow is not None
    assert slow.pace is not None
    assert steps[0] == Pause(slow.pace.ttft)
    assert engine.sent(only(engine)) == body_of(steps)


# --- Pace --------------------------------------------------------------------------------------------


def pauses_of(steps: list[Step]) -> list[float]:
    return [step.seconds for step in steps if isinstance(step, Pause)]


UNEVEN = Pace(0.5, 10, jitter=Jitter("uniform", 0.1))


def test_jitter_varies_every_pause_and_stays_within_its_spread() -> None:
    first, *between = pauses_of(play(made(pace=UNEVEN), asked(stream=True)))
    assert 0.45 <= first <= 0.55
    assert first != 0.5
    assert len(set(between)) == 3
    assert all(0.09 <= seconds <= 0.11 for seconds in between)


def test_the_same_seed_gives_the_same_pauses_answer_by_answer() -> None:
    one, other = made(pace=UNEVEN), made(pace=UNEVEN)
    twice = [pauses_of(play(one, asked(stream=True))) for _ in range(2)]
    assert twice[0] != twice[1]
    assert twice == [pauses_of(play(other, asked(stream=True))) for _ in range(2)]


def test_a_whole_answer_takes_as_long_as_its_jittered_stream() -> None:
    (whole,) = pauses_of(play(made(pace=UNEVEN), asked()))
    assert whole == pytest.approx(sum(pauses_of(play(made(pace=UNEVEN), asked(stream=True)))))


def test_jitter_changes_no_byte_and_the_journal_makes_them_without_it() -> None:
    engine = made(pace=UNEVEN)
    sent = body_of(play(engine, asked(stream=True)))
    assert sent == body_of(play(made(), asked(stream=True)))
    assert engine.sent(only(engine)) == sent
    assert engine.world.jittered == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_delay_goes_before_everything(stream: bool) -> None:
    steps = play(made(pace=Pace(0.5, delay=2)), asked(stream=stream))
    assert steps[:2] == [Pause(2), Pause(0.5)]
    assert [type(step) for step in steps[2:]] == [Head, Send]


def test_a_delay_alone_is_the_only_pause() -> None:
    assert [type(step) for step in play(made(pace=Pace(delay=2)), asked())] == [Pause, Head, Send]


def test_a_delay_is_for_refusals_and_faults_too_and_time_to_first_token_is_not() -> None:
    engine = made(pace=Pace(0.5, delay=2))
    refused = play(engine, asked(messages=[]))
    assert (head_of(refused).status, pauses_of(refused)) == (400, [2])
    engine.world.faults.replace([{"fault": {"error": "overloaded"}}])
    failed = play(engine, asked())
    assert (head_of(failed).status, pauses_of(failed)) == (503, [2])


def test_a_list_of_models_has_no_first_token_to_wait_for() -> None:
    assert pauses_of(play(made(pace=Pace(0.5, 10)), asked("/v1/models", "GET"))) == []


PACES: list[tuple[str, Pace | None, str, float]] = [
    ("a rule's pace comes before a failing model's", Pace(1), "mock-slow", 1),
    ("a failing model's comes before the listed one's", None, "mock-slow", 2),
    ("a rule's pace comes before the model's", Pace(1), "gpt-4o", 1),
    ("a model's pace comes before that of all", None, "gpt-4o", 3),
    ("what has none of its own has that of all", None, "gpt-4o-mini", 4),
]


@pytest.mark.parametrize(("own", "model", "ttft"), [row[1:] for row in PACES], ids=[row[0] for row in PACES])
def test_the_nearest_pace_holds(own: Pace | None, model: str, ttft: float) -> None:
    engine = made(
        lambda request: Answer(HELLO, pace=own), Pace(4), paces={"gpt-4o": Pace(3), "mock-slow": Pace(5)}
    )
    assert pauses_of(play(engine, asked(model=model, stream=True)))[0] == ttft


def test_a_rule_may_be_instant_where_all_else_is_slow() -> None:
    engine = made(lambda request: Answer(HELLO, pace=INSTANT), Pace(4, delay=1))
    assert pauses_of(play(engine, asked())) == []


def test_a_fault_can_strike_whoever_has_a_header() -> None:
    engine = made()
    engine.world.faults.replace([{"fault": {"error": 503}, "when": {"headers": {"x-who": "me"}}}])
    http = asked()
    mine = HttpRequest(http.method, http.target, (*http.headers, b"x-who", b"me"), http.body)
    assert head_of(play(engine, http)).status == 200
    assert head_of(play(engine, mine)).status == 503


def test_a_wrong_key_in_the_query_is_not_kept() -> None:
    engine = made(keys=("right",))
    http = HttpRequest("GET", "/v1/models?key=geheim123", (b"host", b"localhost"))
    assert head_of(play(engine, http)).status == 400  # as Google has it, whose way this is
    exchange = only(engine)
    kept = f"{exchange.http.target} {exchange.error} {exchange.answer!r}"
    assert "geheim123" not in kept


def test_of_an_answer_to_head_no_byte_of_the_body_was_sent() -> None:
    engine = made()
    play(engine, asked("/v1/models", method="HEAD"))
    assert only(engine).sent == 0
    assert engine.sent(only(engine)) == b""
