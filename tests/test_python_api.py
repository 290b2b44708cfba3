"""The Python API: a server inside a test, with the `openai` SDK as who asks."""

from __future__ import annotations

import asyncio
import inspect
import os
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

import understudy
from understudy import Call, SettingsError, Space, Understudy, error, tool_call

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).name
WEATHER: Any = {"type": "function", "function": {"name": "get_weather"}}


def message(llm: Space, text: str, **more: Any) -> Any:
    """The message that the SDK gets for this question, without retries."""
    with OpenAI(base_url=llm.base_url, api_key="sk-secret-secret", max_retries=0, timeout=20) as client:
        asked: Any = [{"role": "user", "content": text}]
        more = {"model": "gpt-4o"} | more
        return client.chat.completions.create(messages=asked, **more).choices[0].message


def said(llm: Space, text: str, **more: Any) -> Any:
    return message(llm, text, **more).content


def here() -> int:
    """The line that calls."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


# --- the package ----------------------------------------------------------------------------------------


def test_the_public_names_are_sorted_and_all_there() -> None:
    assert understudy.__all__ == sorted(understudy.__all__)
    assert {name for name in understudy.__all__ if not hasattr(understudy, name)} == set()
    assert set(understudy.__all__) <= set(dir(understudy))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        understudy.nonsense  # noqa: B018


def test_importing_the_package_imports_nothing_of_it() -> None:
    code = "import understudy, sys; print([name for name in sys.modules if name.startswith('understudy.')])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_a_program_that_uses_the_api_passes_mypy_strict(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        """
import httpx
import httpx2
from understudy import Call, Space, Understudy, error, tool_call


def weather(llm: Space) -> str:
    rule = llm.when(user="weather").reply("It is sunny.", times=2)
    llm.when({"user": "both"}, turn=1).reply(["Let me look.", tool_call("get_weather", city="Paris")])
    llm.when(user="flaky").reply(error("rate_limit"), error(503, retry_after=1), "finally", repeat="last")
    llm.limits = {"requests": "60/min"}
    llm.faults = [{"fault": "hang", "times": 1}]
    llm.verify(user="weather", times=rule.answered)
    calls: list[Call] = llm.requests[-1].tool_calls
    with llm.outage(how="hang"):
        pass
    return llm.requests[-1].user + calls[0].name


with Understudy(rules="rules.yaml", strict=True, seed=7, pace="40/s") as llm:
    weather(llm)
    weather(llm.space("alice"))
    number: int = llm.requests[0].usage.input
    httpx.Client(transport=llm.transport())
    httpx2.AsyncClient(transport=llm.transport())
app = Understudy.asgi(rules="rules.yaml")
other = llm.asgi()
"""
    )
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", program],
        capture_output=True,
        text=True,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
        cwd=tmp_path,
        check=False,
    )
    assert ran.stdout == "Success: no issues found in 1 source file\n"


# --- rules ----------------------------------------------------------------------------------------------


def test_a_rule_answers_and_the_autopilot_answers_the_rest() -> None:
    with Understudy() as llm:
        llm.when(user="weather").reply("It is sunny.")
        assert said(llm, "How is the weather?") == "It is sunny."
        assert "It is sunny." not in said(llm, "How are you?")


def test_several_replies_are_given_one_after_the_other() -> None:
    with Understudy(strict=True) as llm:
        llm.when(user="flaky").reply(error("rate_limit"), error("overloaded"), "finally")
        with pytest.raises(openai.RateLimitError):
            said(llm, "flaky")
        with pytest.raises(openai.InternalServerError):
            said(llm, "flaky")
        assert said(llm, "flaky") == "finally"
        with pytest.raises(openai.NotFoundError, match="Understudy is strict"):
            said(llm, "flaky")


def test_a_strict_refusal_names_the_rules_that_match_and_answer_no_more() -> None:
    with Understudy(strict=True) as llm:
        llm.when(user="once").reply("1", times=1, name="spent")
        llm.when(user="never").reply("1", probability=0.0, name="unlucky")
        said(llm, "once")
        with pytest.raises(openai.NotFoundError) as spent:
            said(llm, "once")
        llm.when(user="once").reply("1", "2", probability=0.0, name="unlucky too")
        with pytest.raises(openai.NotFoundError) as both:
            said(llm, "once and never")
    assert spent.value.message.partition(", and ")[2].startswith(
        'the rule that matches this request does not answer. The nearest: "spent": it matches, '
        'but it has answered once, as often as it may | "unlucky": user: expected'
    )
    assert "none of the 3 rules that match this request answers" in both.value.message
    assert "it matches, but answers with a probability of 0: chance was against it" in both.value.message


def test_a_sequence_may_be_repeated() -> None:
    with Understudy() as llm:
        llm.when().reply("one", "two", repeat="cycle")
        assert [said(llm, "?") for _ in range(3)] == ["one", "two", "one"]


def test_a_tool_call_reaches_the_sdk_as_one() -> None:
    with Understudy() as llm:
        llm.when(tools="get_weather", turn=1).reply(tool_call("get_weather", city="Paris"))
        call = message(llm, "Paris?", tools=[WEATHER]).tool_calls[0]
        assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"Paris"}')
        assert llm.requests[0].tool_calls == [tool_call("get_weather", city="Paris")]


def test_a_list_is_one_reply_of_several_parts() -> None:
    with Understudy() as llm:
        llm.when().reply(["Let me look.", tool_call("a", x=1), tool_call("b", '{"y": '), {"text": " Now."}])
        answered = message(llm, "?", tools=[WEATHER])
        assert answered.content == "Let me look. Now."
        assert [call.function.arguments for call in answered.tool_calls] == ['{"x":1}', '{"y": ']
        assert llm.requests[0].tool_calls == [Call("a", {"x": 1}), Call("b", '{"y": ')]


def test_the_arguments_of_a_call_may_have_any_name() -> None:
    assert tool_call("f", {"name": 1, "class": 2}, id=3) == Call("f", {"name": 1, "class": 2, "id": 3})
    with pytest.raises(TypeError, match="arguments that are a text are complete"):
        tool_call("f", "{}", city="Paris")


def test_an_error_has_a_kind_or_a_status_and_more() -> None:
    assert error("overloaded", retry_after=1) == {"error": {"kind": "overloaded", "retry_after": 1}}
    assert error(503, "Closed.") == {"error": {"status": 503, "message": "Closed."}}


def test_a_reply_may_be_a_mapping_as_in_a_rule_file() -> None:
    with Understudy() as llm:
        llm.when().reply({"text": "Hm.", "usage": {"input": 7, "output": 3}, "headers": {"x-a": "b"}})
        assert said(llm, "?") == "Hm."
        assert (llm.requests[0].usage.input, llm.requests[0].usage.output) == (7, 3)


@pytest.mark.parametrize(
    ("when", "keys"),
    [
        ({}, {"user": "paris", "model": "gpt-*", "turn": "1.."}),
        ({"user": "paris"}, {"stream": False}),
        ({"not": {"user": "rome"}}, {}),
        ({}, {"not_": {"user": "rome"}}),
        ({}, {"any": [{"user": "rome"}, {"user": "paris"}]}),
        ({}, {"body": {"$.temperature": 0.5}}),
        ({}, {"tools": "get_weather"}),
    ],
)
def test_conditions_are_keywords_or_a_mapping(when: dict[str, Any], keys: dict[str, Any]) -> None:
    with Understudy() as llm:
        llm.when(when, **keys).reply("matched")
        assert said(llm, "To Paris", temperature=0.5, tools=[WEATHER]) == "matched"
        with pytest.raises(AssertionError):
            llm.verify(when, **keys, times=2)
        llm.verify(when, **keys, times=1)


def test_what_stands_beside_a_reply_is_a_keyword() -> None:
    with Understudy() as llm:
        llm.when().reply("late", priority=-1)
        llm.when(user="once").reply("first", times=1, then={"tour": "begun"}, name="the first")
        llm.when(scenario={"tour": "begun"}).reply("second", pace={"ttft": "1ms"}, id="second")
        assert said(llm, "else") == "late"
        assert said(llm, "once") == "first"
        assert said(llm, "once") == "second"
        assert llm.requests[1].answered_by == "the first"


def test_a_rule_without_a_name_is_called_by_its_line() -> None:
    with Understudy() as llm:
        rule, line = llm.when().reply("Hello."), here()
        said(llm, "Hi")
        assert llm.requests[0].answered_by.endswith(f"{HERE}:{line}")
        assert rule.name == llm.requests[0].answered_by
        assert repr(rule) == f"<rule {rule.name}>"


def test_a_rule_tells_how_often_it_answered_and_can_be_taken_back() -> None:
    with Understudy(strict=True) as llm:
        rule = llm.when().reply("Hello.")
        assert rule.answered == 0
        said(llm, "Hi")
        assert rule.answered == 1
        rule.remove()
        rule.remove()
        with pytest.raises(openai.NotFoundError):
            said(llm, "Hi")


def test_a_mistake_is_told_of_the_line_that_made_it() -> None:
    llm = Understudy()
    with pytest.raises(SettingsError) as mistake:
        llm.when(usr="weather").reply("It is sunny.")
    assert mistake.value.source.endswith(f"{HERE}:{here() - 1}")
    assert str(mistake.value).endswith(': when: unknown key "usr" (did you mean "user"?)')
    with pytest.raises(SettingsError, match=r'sequence\[1\]\.error\.kind: unknown kind of error "late"'):
        llm.when().reply("a", error("late"))
    with pytest.raises(SettingsError, match="sequence: expected replies, found an empty list"):
        llm.when().reply()
    with pytest.raises(SettingsError, match=r"test_python_api\.py:\d+: .*unsupported"):
        llm.when().reply({"text": object()})
    with pytest.raises(
        SettingsError, match=r"object is unsupported; a reply is a text \(for JSON: json\.dumps"
    ):
        llm.when().reply(object())  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r'test_python_api\.py:\d+: when: unknown key "usr"'):
        llm.verify(usr="weather")
    with pytest.raises(SettingsError, match=r'unknown key "time" \(did you mean "times"\?\)'):
        llm.verify(user="weather", time=1)
    for call in (llm.when, llm.verify):
        with pytest.raises(
            SettingsError, match=r"""when: expected keywords, like user="weather"; found 'hi'"""
        ):
            call("hi")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"test_python_api\.py:\d+: requests: expected a rate"):
        llm.limits = {"requests": "many"}
    with pytest.raises(SettingsError, match=r'test_python_api\.py:\d+: \[0\]\.fault: unknown fault "hangs"'):
        llm.faults = [{"fault": "hangs"}]


# --- what was asked -------------------------------------------------------------------------------------


def test_a_request_is_seen_neutrally_and_as_it_was_sent() -> None:
    with Understudy() as llm:
        llm.when().reply("It is sunny.")
        with OpenAI(base_url=llm.base_url, api_key="sk-secret-secret") as client:
            stream = client.chat.completions.create(
                model="gpt-4o",
                messages=[
                    {"role": "developer", "content": "Be brief."},
                    {"role": "user", "content": "Rome?"},
                    {"role": "assistant", "content": "Rainy."},
                    {"role": "user", "content": [{"type": "text", "text": "Paris?"}]},
                ],
                tools=[WEATHER],
                stream=True,
            )
            assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "It is sunny."
        (seen,) = llm.requests
    assert (seen.id, seen.method, seen.path) == (1, "POST", "/v1/chat/completions")
    assert (seen.api, seen.operation, seen.model) == ("openai-chat", "chat", "gpt-4o")
    assert (seen.user, seen.system, seen.turn) == ("Paris?", "Be brief.", 2)
    assert [each.text for each in seen.messages] == ["Be brief.", "Rome?", "Rainy.", "Paris?"]
    assert (seen.tools, seen.stream) == (("get_weather",), True)
    assert seen.raw["messages"][3]["content"] == [{"type": "text", "text": "Paris?"}]
    assert seen.headers["authorization"] == "Bearer sk-s***"
    assert (seen.status, seen.text, seen.tool_calls) == (200, "It is sunny.", [])
    assert (seen.outcome, seen.error, seen.warning, seen.faults) == ("complete", "", "", ())
    assert seen.usage.output == 4  # "It is sunny." in o200k_base
    assert seen.answer.startswith("data: {")
    assert seen.answer.endswith("data: [DONE]\n\n")
    assert seen.at > 1_600_000_000
    assert seen.seconds >= 0


def test_an_error_is_seen_with_what_was_answered() -> None:
    with Understudy() as llm:
        llm.when().reply(error("rate_limit", "Slow down."))
        with pytest.raises(openai.RateLimitError):
            said(llm, "Hi")
        (seen,) = llm.requests
        assert (seen.status, seen.error, seen.text, seen.tool_calls) == (429, "Slow down.", "", [])
        assert seen.answer["error"]["message"] == "Slow down."
        assert "429 'Slow down.'" in repr(seen)


def test_what_is_no_conversation_is_seen_too() -> None:
    with Understudy() as llm, OpenAI(base_url=llm.base_url, api_key="any") as client:
        client.models.list()
        client.embeddings.create(model="text-embedding-3-small", input="Paris")
        with pytest.raises(openai.NotFoundError):
            client.get("/nowhere", cast_to=object)
        models, embedding, nowhere = llm.requests
        assert (models.operation, models.user, models.raw) == ("models", "", "")
        assert (embedding.operation, embedding.user, embedding.text) == ("embedding", "Paris", "")
        assert (nowhere.operation, nowhere.path, nowhere.status) == ("", "/v1/nowhere", 404)


def test_a_cut_answer_is_seen_as_far_as_it_came() -> None:
    with Understudy() as llm:
        llm.when().reply("One two three four five six.", faults=[{"cut": {"after": "3 events"}}])
        with httpx2.Client() as client, pytest.raises(httpx2.RemoteProtocolError):
            client.post(
                f"{llm.base_url}/chat/completions",
                json={"model": "gpt-4o", "messages": [{"role": "user", "content": "?"}], "stream": True},
            )
        (seen,) = llm.requests
        assert (seen.outcome, seen.faults) == ("cut", ("cut",))
        assert seen.text == "One two"


def test_what_was_asked_can_be_looked_at_after_the_end() -> None:
    with Understudy() as llm:
        llm.when().reply("Hello.")
        said(llm, "Hi")
    assert [each.text for each in llm.requests] == ["Hello."]
    llm.verify(user="Hi", times=1)


def test_verify_explains_what_came_nearest() -> None:
    with Understudy() as llm:
        said(llm, "How is the wether?")
        with pytest.raises(AssertionError) as missed:
            llm.verify(user="weather", times=1)
    assert str(missed.value).startswith('expected exactly 1 exchange like {"user": "weather"}, found 0 of 1')
    assert "expected a text that contains 'weather', found 'How is the wether?'" in str(missed.value)


def test_verify_takes_counts_order_answers_and_tokens() -> None:
    with Understudy() as llm:
        llm.when(user="Paris").reply(tool_call("get_weather", city="Paris"))
        said(llm, "Hello")
        said(llm, "Paris?", tools=[WEATHER])
        assert llm.verify(at_least=1, at_most=2).count == 2
        llm.verify(user="Rome", times=0)
        llm.verify(order=[{"user": "Hello"}, {"user": "Paris"}])
        llm.verify({"reply": {"tool_call": {"name": "get_weather", "arguments": {"city": "Paris"}}}})
        llm.verify(user="Hello", tokens={"at_least": 1, "at_most": 1000})
        with pytest.raises(AssertionError):
            llm.verify(order=[{"user": "Paris"}, {"user": "Hello"}])


def test_reset_makes_all_as_at_the_start(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{when: {user: file}, reply: from the file}]")
    with Understudy(rules=rules, seed=7) as llm:
        llm.when().reply("added")
        llm.faults = [{"fault": "hang"}]
        llm.limits = {"requests": "1/min"}
        llm.reset()
        assert said(llm, "file") == "from the file"
        assert said(llm, "file") == "from the file"
        assert (llm.faults, llm.limits, len(llm.requests)) == ([], [], 2)


# --- where it is ----------------------------------------------------------------------------------------


def test_its_urls_are_for_the_sdks_of_each_vendor() -> None:
    with Understudy() as llm:
        assert llm.url == f"http://127.0.0.1:{llm.port}"
        assert llm.base_url == f"http://127.0.0.1:{llm.port}/v1"
        assert llm.env["OPENAI_BASE_URL"] == llm.base_url
        assert llm.env["ANTHROPIC_BASE_URL"] == llm.url
        assert llm.env["GOOGLE_GEMINI_BASE_URL"] == llm.url
        assert (repr(llm), repr(llm.space("alice"))) == (f"<Understudy {llm.url}>", "<space alice>")
        assert llm.space("alice").env["OPENAI_BASE_URL"] == f"{llm.url}/@alice/v1"
    with Understudy(host="::1", api_key="sk-mine") as llm:
        assert llm.url == f"http://[::1]:{llm.port}"
        assert llm.env["OPENAI_API_KEY"] == llm.env["ANTHROPIC_API_KEY"] == "sk-mine"


def test_a_child_process_finds_it_by_its_environment() -> None:
    code = (
        "from openai import OpenAI; print(OpenAI().chat.completions.create("
        "model='gpt-4o', messages=[{'role': 'user', 'content': 'Hi'}]).choices[0].message.content)"
    )
    with Understudy() as llm:
        llm.when().reply("Hello, child.")
        ran = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **llm.env}, capture_output=True, text=True
        )
    assert ran.stdout == "Hello, child.\n", ran.stderr


def test_without_being_started_it_has_no_url() -> None:
    llm = Understudy()
    assert repr(llm) == "<Understudy, not started>"
    with pytest.raises(RuntimeError, match="not started"):
        llm.url  # noqa: B018
    with pytest.raises(RuntimeError, match="not started"):
        llm.outage()


def test_it_is_started_once_and_may_be_started_again() -> None:
    llm = Understudy().start()
    with pytest.raises(RuntimeError, match="started already"):
        llm.start()
    llm.stop()
    llm.stop()
    with llm:
        assert said(llm, "Hi")


def test_a_port_that_is_taken_is_told() -> None:
    with Understudy() as llm, pytest.raises(SettingsError, match=f"cannot listen on port {llm.port} of"):
        Understudy(port=llm.port).start()


def test_settings_are_those_of_the_command_line(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{when: {user: file}, reply: from the file}]")
    with Understudy(
        rules=[rules], seed=7, no_autopilot=True, unknown_models="refuse", validation="warn"
    ) as llm:
        assert said(llm, "file") == "from the file"
        with pytest.raises(openai.NotFoundError):
            said(llm, "file", model="no-such-model")
        assert llm.settings.seed == 7


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"prot": 1}, r'Understudy\(\.\.\.\): unknown setting "prot" \(did you mean "port"\?\)'),
        (
            {"validation": "lax"},
            r"Understudy\(validation=\.\.\.\): expected strict, warn or off; found 'lax'",
        ),
        ({"rules": "nowhere.yaml"}, r"nowhere\.yaml: cannot be read"),
        (
            {"journal": "redis://cache"},
            r"Understudy\(journal=\.\.\.\): expected memory or sqlite:///FILE; found 'redis://cache'",
        ),
        ({"tls_cert": "a.pem"}, "a certificate and its key go together"),
    ],
)
def test_a_mistake_in_the_settings_is_told_in_the_words_of_python(settings: Any, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Understudy(**settings)


def test_the_environment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_STRICT", "true")
    assert Understudy().settings.strict is False


def test_ids_are_the_same_for_the_same_seed() -> None:
    def first_id() -> str:
        with Understudy(seed=7) as llm:
            said(llm, "Hi")
            return str(llm.requests[0].answer["id"])

    assert first_id() == first_id()


def test_it_speaks_tls(tmp_path: Path) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
    names = ("-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate)
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    with Understudy(tls_cert=certificate, tls_key=key) as llm:
        trusting = ssl.create_default_context(cafile=certificate)
        assert httpx2.get(f"{llm.base_url}/models", verify=trusting).status_code == 200
        assert llm.url == f"https://localhost:{llm.port}"
    with pytest.raises(SettingsError, match=r"Understudy\(tls_cert=\.\.\.\): cannot be used"):
        Understudy(tls_cert=key, tls_key=key).start()


# --- spaces ---------------------------------------------------------------------------------------------


def test_a_space_has_rules_and_requests_of_its_own() -> None:
    with Understudy(strict=True) as llm:
        alice, bob = llm.space("alice"), llm.space("bob")
        alice.when().reply("I am Alice.")
        bob.when().reply("I am Bob.")
        assert said(alice, "Who?") == "I am Alice."
        assert said(bob, "Who?") == "I am Bob."
        with pytest.raises(openai.NotFoundError):
            said(llm, "Who?")
        assert [len(each.requests) for each in (alice, bob, llm)] == [1, 1, 1]
        alice.reset()
        assert [len(each.requests) for each in (alice, bob, llm)] == [0, 1, 1]
        assert (llm.drop("bob"), llm.drop("bob")) == (True, False)
        assert bob.requests == []


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ü", "x" * 101])
def test_a_space_that_no_path_can_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a space's name"):
        Understudy().space(name)


# --- what stands around an answer -----------------------------------------------------------------------


def test_faults_befall_all_requests_until_they_are_taken_back() -> None:
    with Understudy() as llm:
        llm.faults = [{"fault": {"error": "overloaded"}, "times": 1}]
        with pytest.raises(openai.InternalServerError):
            said(llm, "Hi")
        assert [each["struck"] for each in llm.faults] == [1]
        assert said(llm, "Hi")
        llm.faults = []
        assert llm.faults == []


@pytest.mark.parametrize("fault", [{"error": "rate_limit"}, {"hang": {"seconds": "1ms"}}])
@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_in_place_of_an_answer_uses_up_no_rule(fault: Any, stream: bool) -> None:
    with (
        Understudy(strict=True) as llm,
        OpenAI(base_url=llm.base_url, api_key="any", max_retries=0) as client,
    ):
        rules = [
            llm.when(user="in turn").reply("first", "second"),
            llm.when(user="once", scenario={"s": "Started"}).reply("only", times=1, then={"s": "over"}),
            llm.when(user="always").reply("again"),
        ]
        assert said(llm, "always") == "again"
        llm.faults = [{"fault": fault, "times": 3}]
        for text in ("in turn", "once", "always"):
            with pytest.raises(openai.APIError):
                client.chat.completions.create(
                    model="gpt-4o", messages=[{"role": "user", "content": text}], stream=stream
                )
        assert [rule.answered for rule in rules] == [0, 0, 1]
        assert [said(llm, text) for text in ("in turn", "once", "always")] == ["first", "only", "again"]
        assert [rule.answered for rule in rules] == [1, 1, 2]


def test_a_failing_model_that_errs_uses_up_no_rule() -> None:
    with Understudy() as llm:
        rule = llm.when(user="in turn").reply("first", "second")
        with pytest.raises(openai.RateLimitError):
            said(llm, "in turn", model="mock-rate-limited")
        assert (rule.answered, said(llm, "in turn")) == (0, "first")


def test_prompts_of_which_one_is_refused_use_up_no_rule() -> None:
    with (
        Understudy(strict=True) as llm,
        OpenAI(base_url=llm.base_url, api_key="any", max_retries=0) as client,
    ):
        rule = llm.when(user="go").reply("first", "second")

        def ask(*prompts: str) -> list[str]:
            found = client.completions.create(model="gpt-3.5-turbo-instruct", prompt=list(prompts))
            return [choice.text for choice in found.choices]

        with pytest.raises(openai.NotFoundError):
            ask("go", "go", "go")
        assert rule.answered == 0
        assert ask("go", "go") == ["first", "second"]


def test_an_answer_that_is_cut_has_been_given() -> None:
    with Understudy() as llm:
        rule = llm.when(user="in turn").reply("first", "second")
        llm.faults = [{"fault": "cut", "times": 1}]
        with pytest.raises(openai.APIConnectionError):
            said(llm, "in turn")
        assert (rule.answered, said(llm, "in turn")) == (1, "second")


def test_time_moves_on_and_lifts_a_limit() -> None:
    with Understudy() as llm:
        llm.limits = {"requests": "1/min"}
        assert said(llm, "Hi")
        with pytest.raises(openai.RateLimitError):
            said(llm, "Hi")
        llm.advance(60)
        assert said(llm, "Hi")
        assert llm.limits[0]["requests"] == "1/min"
        llm.limits = None
        assert said(llm, "Hi")
        with pytest.raises(ValueError, match="time goes forward"):
            llm.advance(-1)


def test_an_outage_ends_with_its_block() -> None:
    with Understudy() as llm:
        with llm.outage(), pytest.raises(openai.APIConnectionError):
            said(llm, "Hi")
        assert said(llm, "Hi")
        with llm.outage(60, "reset"), pytest.raises(openai.APIConnectionError):
            said(llm, "Hi")
        assert said(llm, "Hi")
        llm.outage(60, "hang")
        with pytest.raises(openai.APITimeoutError):
            said(llm, "Hi", timeout=0.05)
        llm.end_outage()
        llm.end_outage()
        assert said(llm, "Hi")
        with pytest.raises(ValueError, match="expected refuse, hang or reset"):
            llm.outage(how="slow")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="above 0"):
            llm.outage(0)


# --- threads --------------------------------------------------------------------------------------------


def test_it_leaves_no_thread_and_no_file_open() -> None:
    with Understudy() as llm:
        said(llm, "Hi")
    files = Path("/proc/self/fd")
    before = len(list(files.iterdir())) if files.exists() else 0
    threads = threading.active_count()
    for _ in range(3):
        with Understudy() as llm:
            said(llm, "Hi")
    assert threading.active_count() == threads
    assert (len(list(files.iterdir())) if files.exists() else 0) == before


def test_it_stops_while_an_answer_hangs() -> None:
    with Understudy() as llm:
        llm.when().reply("never", faults=["hang"])
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(said, llm, "Hi")
            while not llm.requests:
                pass
            llm.stop()
            assert isinstance(asked.exception(20), openai.APIConnectionError)
        assert [each.outcome for each in llm.requests] == ["client left"]


def test_several_servers_run_side_by_side() -> None:
    with Understudy() as one, Understudy(strict=True) as two:
        one.when().reply("one")
        two.when().reply("two")
        assert (said(one, "?"), said(two, "?")) == ("one", "two")
        assert (len(one.requests), len(two.requests)) == (1, 1)


def test_threads_change_rules_while_others_ask() -> None:
    def work(space: Space) -> list[Any]:
        answers = []
        for number in range(10):
            rule = space.when().reply(str(number))
            answers.append(said(space, "?"))
            rule.remove()
        return answers

    with Understudy() as llm, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, [llm.space(f"s{number}") for number in range(4)]))
    assert found == [[str(number) for number in range(10)]] * 4


def test_an_async_test_uses_it_as_a_sync_one_does() -> None:
    async def ask(llm: Space) -> list[str | None]:
        async with AsyncOpenAI(base_url=llm.base_url, api_key="any") as client:
            answers = [
                client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hi"}])
                for _ in range(3)
            ]
            return [each.choices[0].message.content for each in await asyncio.gather(*answers)]

    with Understudy() as llm:
        llm.when().reply("Hello.")
        assert asyncio.run(ask(llm)) == ["Hello."] * 3
        llm.verify(user="Hi", times=3)
