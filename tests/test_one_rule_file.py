"""One rule file, asked through every API that converses, whole and streamed: the same answer arrives.

What is asked is one conversation: instructions, a question, a call of a tool, its result, and a second
question with an image. `tests/wire/<name>/conversation.json` has it as the API of this name wants it: `body`,
`headers`, and the `target` of a `whole` and of a `streamed` request, null where there is none, with what the
body has besides. "$ASK" stands for the second question; `like` names the API whose file says the rest.
A provider that is listed is asked, too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from understudy.app import App
from understudy.model import (
    Head,
    HttpRequest,
    Part,
    Pause,
    Reasoning,
    Refusal,
    Reply,
    Request,
    Send,
    Stop,
    Text,
    ToolCall,
    Usage,
)
from understudy.providers import PROVIDERS
from understudy.providers.base import Provider
from understudy.settings import Settings

WIRE = Path(__file__).parent / "wire"
RULES = r"""
pace: {ttft: 2s}

rules:
  - name: decoy
    when:
      user: everything
      any:
        - {system: verbose}
        - {tools: get_time}
        - {tool_called: get_time}
        - {tool_result: 22 degrees}
        - {turn: 1}
        - {has: audio}
        - {not: {has: image}}
    reply: One of these does not hold.

  - name: everything
    when:
      user: everything
      system: terse
      any_message: warm in oslo
      tools: get_weather
      tool_called: get_weather
      tool_result: {regex: '(?P<degrees>\d+) degrees'}
      turn: 2
      has: image
      operation: chat
    reply: {template: "{{ user }}: {{ groups.degrees }} degrees", usage: {input: 100, output: 20}}
    pace: instant

  - name: text
    when: {user: a text}
    reply: {text: "Grüße, and a second line:\n\"quoted\" 🎉", usage: {input: 100, output: 20}}
    pace: instant

  - name: thinking
    when: {user: think}
    reply:
      reasoning: Two and two ...
      text: Four.
      usage: {input: 100, output: 20, reasoning: 15, cached: 60}
    pace: instant

  - name: calls
    when: {user: two calls}
    reply:
      reasoning: Both at once.
      text: I will ask for both.
      tool_calls:
        - {name: get_weather, arguments: {city: Paris}, id: one}
        - {name: get_weather, arguments: {city: Rome}, id: two}
      usage: {input: 100, output: 20}
    pace: instant

  - name: refusal
    when: {user: forbidden}
    reply: {refusal: I cannot help with that., usage: {input: 100, output: 20}}
    pace: instant

  - name: length
    when: {user: for ever}
    reply: {text: And so on, stop: length, usage: {input: 100, output: 20}}
    pace: instant

  - name: filtered
    when: {user: filtered}
    reply: {text: First you, stop: content_filter, usage: {input: 100, output: 20}}
    pace: instant

  - name: stopped
    when: {user: stop there}
    reply: {text: "One, two", stop: stop_sequence, usage: {input: 100, output: 20}}
    pace: instant

  - name: slow
    when: {user: slowly}
    reply: {text: At its pace., usage: {input: 100, output: 20}}

  - name: flaky
    when: {user: flaky}
    sequence:
      - {error: {kind: rate_limit, message: Too fast.}}
      - {text: At last., usage: {input: 100, output: 20}}
    pace: instant
"""


class Answer(NamedTuple):
    """What arrives: the parts, why it ended, the tokens."""

    parts: tuple[Part, ...]
    stop: Stop = "end"
    usage: Usage = Usage(100, 20)


CALLS = (
    ToolCall("get_weather", '{"city":"Paris"}', "one"),
    ToolCall("get_weather", '{"city":"Rome"}', "two"),
)
ANSWERS: dict[str, tuple[str, Answer]] = {
    "everything": ("Ask everything", Answer((Text("Ask everything: 21 degrees"),))),
    "text": ("A text, please", Answer((Text('Grüße, and a second line:\n"quoted" 🎉'),))),
    "thinking": (
        "Think about it",
        Answer((Reasoning("Two and two ..."), Text("Four.")), "end", Usage(100, 20, 15, 60)),
    ),
    "calls": (
        "Two calls, please",
        Answer((Reasoning("Both at once."), Text("I will ask for both."), *CALLS), "tool_call"),
    ),
    "refusal": ("Something forbidden", Answer((Refusal("I cannot help with that."),))),
    "length": ("Go on for ever", Answer((Text("And so on"),), "length")),
    "filtered": ("This is filtered", Answer((Text("First you"),), "content_filter")),
    "stopped": ("Stop there", Answer((Text("One, two"),), "stop_sequence")),
}
STOPS_LIKE_ANY = Answer((Text("One, two"),), "end")
"""The API does not tell a stop sequence from any other end."""
REFUSES_IN_A_TEXT = Answer((Text("I cannot help with that."),))
"""The API has no word for a refusal: it is a text like any other."""
OWN: dict[tuple[str, str], Answer] = {
    ("openai-chat", "stopped"): STOPS_LIKE_ANY,
    ("openai-responses", "stopped"): STOPS_LIKE_ANY,
    ("gemini-generate", "stopped"): STOPS_LIKE_ANY,
    ("gemini-generate-array", "stopped"): STOPS_LIKE_ANY,
    ("gemini-generate", "refusal"): REFUSES_IN_A_TEXT,
    ("gemini-generate-array", "refusal"): REFUSES_IN_A_TEXT,
}
"""What arrives otherwise by the vendor's own ways."""
NO_CONVERSATION = {"openai-completions": "it takes prompts: there are no messages, tools or images in it"}

# --- how a provider is asked ----------------------------------------------------------------------------


class Way(NamedTuple):
    """An API, asked for a `whole` or a `streamed` answer."""

    provider: Provider
    kind: str

    def __str__(self) -> str:
        return f"{self.provider.NAME} {self.kind}"


def generates(provider: Provider) -> bool:
    """Whether the API generates its answers: what does not, does not stream."""
    try:
        provider.encoder(Request(provider.NAME, "chat", "m", (), {}))
    except TypeError:
        return False
    return True


def file_of(name: str) -> Path:
    return WIRE / name.replace("-", "_") / "conversation.json"


def conversation(name: str) -> dict[str, Any]:
    """The conversation as an API has it."""
    file = file_of(name)
    assert file.exists(), (
        f"{file} is missing: say in it how the conversation of {file_of('openai-chat')} goes in {name}"
    )
    told: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return conversation(told["like"]) | told if "like" in told else told


def ways_of(provider: Provider) -> list[Way]:
    """The ways to ask an API; both, where its file is missing."""
    file = file_of(provider.NAME)
    told = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return [Way(provider, kind) for kind in ("whole", "streamed") if told.get(kind, True)]


CONVERSING = [each for each in PROVIDERS if generates(each) and each.NAME not in NO_CONVERSATION]
EACH_WAY = pytest.mark.parametrize("way", [way for each in CONVERSING for way in ways_of(each)], ids=str)


def question(way: Way, ask: str) -> HttpRequest:
    """The conversation whose last question is `ask`."""
    told = conversation(way.provider.NAME)
    body = json.dumps(told["body"] | told[way.kind].get("body", {})).replace('"$ASK"', json.dumps(ask))
    headers = [text.encode() for header in told.get("headers", {}).items() for text in header]
    return HttpRequest("POST", told[way.kind]["target"], tuple(headers), body.encode())


class Heard(NamedTuple):
    """What went over the wire, in how many seconds, and what the journal says that it was answered by."""

    status: int
    body: bytes
    seconds: float
    api: str
    by: str


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    file = tmp_path_factory.mktemp("rules") / "one.yaml"
    file.write_text(RULES, "utf-8")
    return App(Settings(rules=(str(file),)))


@pytest.fixture(autouse=True)
def _as_at_the_start(app: App) -> None:
    app.main.reset()


def heard(app: App, way: Way, ask: str) -> Heard:
    steps = list(app.handle(question(way, ask)))
    exchange = next(app.main.journal.newest())
    return Heard(
        next(step.status for step in steps if isinstance(step, Head)),
        b"".join(step.data for step in steps if isinstance(step, Send)),
        sum(step.seconds for step in steps if isinstance(step, Pause)),
        exchange.api,
        exchange.answered_by,
    )


def told(way: Way, body: bytes) -> Answer:
    """What a client makes of an answer."""
    reply = way.provider.read([body])
    assert isinstance(reply, Reply)
    return Answer(reply.parts, reply.stop, reply.usage)


# --- the tests --------------------------------------------------------------------------------------------


@EACH_WAY
@pytest.mark.parametrize("rule", ANSWERS)
def test_a_rule_answers_every_api_alike(app: App, way: Way, rule: str) -> None:
    ask, answer = ANSWERS[rule]
    found = heard(app, way, ask)
    assert (found.status, found.api, found.by, found.seconds) == (200, way.provider.NAME, rule, 0)
    assert told(way, found.body) == OWN.get((way.provider.NAME, rule), answer)


@EACH_WAY
def test_a_sequence_goes_on_from_its_error_to_its_answer(app: App, way: Way) -> None:
    refused, answered = heard(app, way, "A flaky one"), heard(app, way, "A flaky one")
    assert (refused.status, refused.by) == (429, "flaky")
    assert json.loads(refused.body)["error"]["message"] == "Too fast."
    assert (answered.status, answered.by) == (200, "flaky")
    assert told(way, answered.body) == Answer((Text("At last."),))


@EACH_WAY
def test_the_files_pace_is_for_all(app: App, way: Way) -> None:
    found = heard(app, way, "Slowly, please")
    assert (found.by, found.seconds) == ("slow", 2)


@EACH_WAY
def test_every_api_has_the_same_conversation(way: Way) -> None:
    request = way.provider.parse(question(way, "What is this?"))
    assert isinstance(request, Request)
    assert request.operation == "chat"
    assert request.stream == (way.kind == "streamed")
    assert (request.system, request.user, request.turn) == ("You are terse.", "What is this?", 2)
    assert [tool.name for tool in request.tools] == ["get_weather"]
    assert [each.role for each in request.messages] == ["system", "user", "assistant", "tool", "user"]


def test_a_provider_without_its_file_is_told_what_to_write() -> None:
    with pytest.raises(AssertionError, match=r"wire/a_new_one/conversation\.json is missing: say in it how"):
        conversation("a-new-one")


def test_what_has_no_conversation_is_there() -> None:
    assert set(NO_CONVERSATION) <= {each.NAME for each in PROVIDERS if generates(each)}
