"""Rules as users meet them: from files, over the control API, in spaces, strict; over a real socket."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import openai
import pytest

from understudy.app import App
from understudy.model import HttpRequest
from understudy.settings import Settings

Serving = Callable[..., AbstractContextManager[str]]

RULES = """
rules:
- when: {user: weather}
  reply: It is sunny in Paris.
- name: ask for the weather
  when: {tools: get_weather, turn: 1}
  reply: {tool_calls: [{name: get_weather, arguments: {city: Paris}}]}
- when: {tool_result: {regex: '(?P<degrees>\\d+) degrees'}}
  reply: {template: "It is {{ groups.degrees }} degrees in Paris."}
- when: {user: flaky}
  sequence: [{error: rate_limit}, {error: {kind: overloaded, retry_after: 0.001}}, finally]
- when: {user: page}
  reply: {status: 502, headers: {content-type: text/html}, body: <html>Bad gateway</html>}
- when: {user: special}
  reply: {text: Hello, id: mine, model: my-model, usage: {input: 1, output: 2}, headers: {x-mine: "1"}}
- when: {user: cut}
  reply: {text: This will be cut}
  faults: [{cut: {after: 40%}}]
"""


OPEN: list[openai.OpenAI] = []


def client(url: str, space: str = "", retries: int = 0) -> openai.OpenAI:
    OPEN.append(openai.OpenAI(base_url=f"{url}{space}/v1", api_key="any", max_retries=retries))
    return OPEN[-1]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Leaves no connection open."""
    yield
    while OPEN:
        OPEN.pop().close()


def ask(api: openai.OpenAI, text: str, **more: Any) -> Any:
    return api.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}], **more)


def say(api: openai.OpenAI, text: str) -> str:
    return str(ask(api, text).choices[0].message.content)


def control(url: str, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"{url}/_understudy{path}", data, method=method), timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


def test_a_file_says_what_is_answered(serving: Serving, file: Path) -> None:
    with serving(str(file)) as url:
        api = client(url)
        assert say(api, "How is the weather?") == "It is sunny in Paris."
        tool: Any = {
            "type": "function",
            "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
        }
        called = ask(api, "And in town?", tools=[tool]).choices[0]
        assert called.finish_reason == "tool_calls"
        assert called.message.tool_calls[0].function.arguments == '{"city":"Paris"}'
        with pytest.raises(openai.RateLimitError):
            say(api, "flaky")
        assert say(client(url, retries=1), "flaky") == "finally"
        assert say(api, "flaky") != "finally"
        with pytest.raises(openai.InternalServerError) as page:
            say(api, "page")
        assert (page.value.status_code, page.value.response.text) == (502, "<html>Bad gateway</html>")
        special = api.chat.completions.with_raw_response.create(
            model="gpt-4o", messages=[{"role": "user", "content": "special"}]
        )
        parsed = special.parse()
        assert (parsed.model, parsed.id, special.headers["x-mine"]) == ("my-model", "chatcmpl-mine", "1")
        assert parsed.usage is not None
        assert (parsed.usage.prompt_tokens, parsed.usage.completion_tokens) == (1, 2)
        with pytest.raises(openai.APIConnectionError):
            say(api, "cut")
        assert "mock" in say(api, "Something else entirely").lower()


def test_strict_tells_the_nearest_rules_and_is_not_retried(serving: Serving, file: Path) -> None:
    with serving(str(file), "--strict") as url:
        with pytest.raises(openai.NotFoundError) as refused:
            say(client(url, retries=2), "wether")
        assert refused.value.code == "no_rule_matched"
        assert "none of the 7 rules matches" in refused.value.message
        assert "user: expected a text that contains 'weather', found 'wether'" in refused.value.message
        assert len(control(url, "GET", "/requests")["requests"]) == 1


def test_a_file_is_read_again_and_a_mistake_keeps_the_last_good_one(serving: Serving, file: Path) -> None:
    with serving(str(file)) as url:
        api = client(url)
        assert say(api, "weather") == "It is sunny in Paris."
        file.write_text("rules: [{when: {user: weather}, reply: It rains.}]")
        until(lambda: say(api, "weather") == "It rains.")
        file.write_text("rules: [{wen: {user: weather}, reply: It snows.}]")
        file.write_text("rules: [{when: {user: weather}, reply: It hails.}]")
        until(lambda: say(api, "weather") == "It hails.")


def until(holds: Callable[[], bool], tries: int = 200) -> None:
    """Ask until it holds; a server takes half a second to see that a file has changed."""
    for _ in range(tries):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never held")


def test_a_mistake_in_a_file_ends_the_start_with_its_place(file: Path, serving: Serving) -> None:
    file.write_text("rules: [{when: {usr: a}, reply: b}]")
    with (
        pytest.raises(
            AssertionError, match=r'\$\.rules\[0\]\.when: unknown key "usr" \(did you mean "user"\?\)'
        ),
        serving(str(file)),
    ):
        raise AssertionError("it should not have started")


def test_rules_are_added_replaced_and_removed_while_the_server_runs(serving: Serving, file: Path) -> None:
    with serving(str(file)) as url:
        api = client(url)
        assert control(url, "POST", "/rules", {"id": "w", "when": {"user": "weather"}, "reply": "Fog."}) == {
            "added": ["w"]
        }
        assert say(api, "weather") == "Fog."
        control(url, "PUT", "/rules/w", {"when": {"user": "weather"}, "reply": "Mist."})
        assert say(api, "weather") == "Mist."
        assert control(url, "GET", "/rules/w")["answered"] == 1
        listed = control(url, "GET", "/rules")["rules"]
        assert [rule["id"] for rule in listed][:2] == ["w", f"{file}.rules[0]"]
        control(url, "DELETE", "/rules/w")
        assert say(api, "weather") == "It is sunny in Paris."
        assert control(url, "POST", "/rules", [{"reply": "one"}, {"reply": "two"}]) == {"added": ["1", "2"]}
        assert say(api, "anything") == "one"
        control(url, "PUT", "/rules", {"rules": [{"reply": "three"}]})
        assert say(api, "anything") == "three"
        control(url, "POST", "/reset")
        assert say(api, "weather") == "It is sunny in Paris."
        with pytest.raises(HTTPError) as mistake:
            control(url, "POST", "/rules", {"replay": "x"})
        told = json.load(mistake.value)["error"]
        assert told["path"] == "$.rules[0]"
        assert 'unknown key "replay" (did you mean "reply"?)' in told["message"]


def test_a_rule_that_answers_the_same_again_and_again_counts_each_answer(
    serving: Serving, file: Path
) -> None:
    with serving(str(file)) as url:
        control(url, "PUT", "/rules", [{"when": {"user": "Hello"}, "reply": "Hi", "id": "h"}])
        api = client(url)
        assert [say(api, "Hello") for _ in range(4)] == ["Hi", "Hi", "Hi", "Hi"]
        assert control(url, "GET", "/rules/h")["answered"] == 4


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_header_of_a_rule_takes_the_place_of_the_usual_one(
    serving: Serving, file: Path, stream: bool
) -> None:
    headers = {"x-request-id": "req_mine", "X-RateLimit-Remaining-Requests": "0", "x-tenant": "acme"}
    with serving(str(file)) as url:
        control(url, "PUT", "/rules", {"reply": {"text": "Hi", "headers": headers}})
        api: Any = client(url).chat.completions.with_raw_response
        answer = api.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hello"}], stream=stream
        ).http_response
        answer.close()
        assert answer.headers.get_list("x-request-id") == ["req_mine"]
        assert answer.headers.get_list("x-ratelimit-remaining-requests") == ["0"]
        assert answer.headers.get_list("x-ratelimit-limit-requests") == ["30000"]
        assert answer.headers["x-tenant"] == "acme"


@pytest.mark.parametrize("name", ["content-length", "Transfer-Encoding", "connection"])
def test_a_rule_cannot_say_where_an_answer_ends(serving: Serving, file: Path, name: str) -> None:
    with serving(str(file)) as url:
        for reply in ({"text": "Hi"}, {"status": 200, "body": "Hi"}):
            with pytest.raises(HTTPError) as mistake:
                control(url, "POST", "/rules", {"reply": reply | {"headers": {name: "5"}}})
            told = json.load(mistake.value)["error"]["message"]
            assert "this header goes with the body, the server writes it" in told


def test_the_count_in_a_template_is_of_all_requests_of_the_space(serving: Serving, file: Path) -> None:
    rules = [
        {"when": {"user": "Hello"}, "reply": "Hi"},
        {"when": {"user": "Which"}, "reply": {"template": "Request {{ count }}"}},
    ]
    with serving(str(file)) as url:
        control(url, "PUT", "/rules", rules)
        api = client(url)
        assert [say(api, text) for text in ("Hello", "Hello", "Which")] == ["Hi", "Hi", "Request 3"]
        assert [say(api, text) for text in ("Hello", "Which", "Which")] == ["Hi", "Request 5", "Request 6"]


def test_of_too_many_spaces_the_one_that_was_asked_longest_ago_goes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("understudy.app.MOST_SPACES", 2)
    app = App(Settings())
    for name in ("a", "b", "a", "c", "a"):
        list(app.handle(HttpRequest("GET", f"/@{name}/v1/models", (b"host", b"localhost"))))
    assert app.names() == ["a", "c"]
    assert "the space 'b' is forgotten: there are 2 others, the most that are kept" in caplog.text


def test_spaces_share_the_rules_of_the_files_until_they_add_their_own(file: Path) -> None:
    app = App(Settings(rules=(str(file),)))
    one, other = app.space("one").rulebook, app.space("other").rulebook
    assert one.rules is other.rules
    one.add(one.read({"reply": "Mine."}))
    assert [rule.title for rule in other.rules.rules] == [rule.title for rule in app.files.rules.rules]
    assert len(one.rules) == len(other.rules) + 1
    one.reset()
    assert one.rules is other.rules


def test_spaces_do_not_see_each_other(serving: Serving, file: Path) -> None:
    with serving(str(file)) as url:
        alice, bob = client(url, "/@alice"), client(url, "/@bob")
        control(f"{url}/@alice", "POST", "/rules", {"reply": "Alice's."})
        assert (say(alice, "x"), say(bob, "weather")) == ("Alice's.", "It is sunny in Paris.")
        with pytest.raises(openai.RateLimitError):
            say(bob, "flaky")
        with pytest.raises(openai.RateLimitError):
            say(client(url), "flaky")
        assert control(f"{url}/@alice", "GET", "/requests")["total"] == 1
        assert control(f"{url}/@bob", "GET", "/requests")["total"] == 2
        assert control(url, "GET", "/spaces") == {"spaces": ["alice", "bob"]}
        control(url, "DELETE", "/spaces/alice")
        assert say(alice, "weather") == "It is sunny in Paris."


def test_scenarios_times_and_choices(serving: Serving, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(
        json.dumps({"rules": [{"when": {"user": "pay"}, "times": 1, "reply": "Paid."}, {"reply": "Later."}]})
    )
    with serving(str(path)) as url:
        api = client(url)
        answers = [choice.message.content for choice in ask(api, "pay", n=3).choices]
        assert answers == ["Paid."] * 3
        assert say(api, "pay") == "Later."


@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_are_those_of_the_rule(serving: Serving, tmp_path: Path, stream: bool) -> None:
    path = tmp_path / "r.yaml"
    path.write_text('rules: [{reply: {text: "Yes", logprobs: {"Yes": -0.25, "No": -1.5}}}]')
    with serving(str(path)) as url:
        answer = ask(client(url), "Is it?", logprobs=True, top_logprobs=2, stream=stream, n=2)
        choices = [choice for chunk in (answer if stream else [answer]) for choice in chunk.choices]
        tokens = [token for choice in choices if choice.logprobs for token in choice.logprobs.content or ()]
        assert [(token.token, token.logprob) for token in tokens] == [("Yes", -0.25)] * 2
        likeliest = [(each.token, each.logprob) for each in tokens[0].top_logprobs]
        assert likeliest == [("Yes", -0.25), ("No", -1.5)]
        if not stream:
            api = client(url)
            old = api.completions.create(model="gpt-3.5-turbo-instruct", prompt="Is it?", logprobs=2)
            assert old.choices[0].logprobs is not None
            assert old.choices[0].logprobs.token_logprobs == [-0.25]
            assert old.choices[0].logprobs.top_logprobs == [{"Yes": -0.25, "No": -1.5}]


def test_a_refused_request_is_in_the_journal_with_its_model_and_a_slip_is_warned_of(server_url: str) -> None:
    api = client(f"{server_url}/@slips")
    with pytest.raises(openai.BadRequestError):
        ask(api, "Hello", extra_body={"temperature": "hot"})
    answer = api.chat.completions.with_raw_response.create(
        model="mock-eror-503", messages=[{"role": "user", "content": "Hello"}]
    )
    assert "did you mean mock-error-503?" in answer.headers["x-understudy-warning"]
    refused, warned = control(f"{server_url}/@slips", "GET", "/requests")["requests"]
    assert (refused["model"], refused["status"]) == ("gpt-4o", 400)
    assert warned["warning"] == "no model mock-eror-503 fails on purpose: did you mean mock-error-503?"
    with pytest.raises(HTTPError) as mistake:
        control(server_url, "GET", "/requests?modell=x")
    assert 'unknown filter "modell" (did you mean "model"?)' in json.load(mistake.value)["error"]["message"]
    control(server_url, "DELETE", "/spaces/slips")
