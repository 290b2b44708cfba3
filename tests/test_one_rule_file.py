"""One rule file, asked through every API that converses, whole and streamed: the same answer arrives.

What is asked is the conversation of `conversations.py`. A provider that is listed is asked, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from conversations import EACH_WAY, NO_CONVERSATION, Way, conversation, generates, question
from understudy.app import App
from understudy.model import (
    Head,
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
from understudy.settings import Settings

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

    def said(self, kind: type[Part], otherwise: Callable[[Any], Part]) -> Answer:
        """The answer with the parts of a kind said otherwise."""
        return self._replace(
            parts=tuple(otherwise(part) if isinstance(part, kind) else part for part in self.parts)
        )

    def ended(self, why: Stop, otherwise: Stop) -> Answer:
        """The answer with one reason to end told as another."""
        return self._replace(stop=otherwise if self.stop == why else self.stop)


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

LOST: dict[str, Callable[[Answer], Answer]] = {
    "refusal": lambda answer: answer.said(Refusal, lambda part: Text(part.text)),
    "call_ids": lambda answer: answer.said(ToolCall, lambda part: replace(part, id="")),
    "stop_sequence": lambda answer: answer.ended("stop_sequence", "end"),
    "content_filter": lambda answer: answer.ended("content_filter", "end"),
    "cached_tokens": lambda answer: answer._replace(usage=replace(answer.usage, cached=0)),
    "reasoning_tokens": lambda answer: answer._replace(usage=replace(answer.usage, reasoning=0)),
}
"""What arrives in place of an answer where an API has no word for something in it."""


def arriving(name: str, answer: Answer) -> Answer:
    """The answer as the API can say it."""
    for each in conversation(name).get("cannot_say", {}):
        answer = LOST[each](answer)
    return answer


class Heard(NamedTuple):
    """What went over the wire, in how many seconds, and what the journal says of it."""

    status: int
    body: bytes
    seconds: float
    api: str
    by: str
    error: str


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
        exchange.error,
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
    assert told(way, found.body) == arriving(way.provider.NAME, answer)


@EACH_WAY
def test_a_sequence_goes_on_from_its_error_to_its_answer(app: App, way: Way) -> None:
    refused, answered = heard(app, way, "A flaky one"), heard(app, way, "A flaky one")
    assert (refused.status, refused.by) == (429, "flaky")
    assert refused.error == "Too fast."
    assert b'"Too fast."' in refused.body
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


def test_what_has_no_conversation_does_generate() -> None:
    assert set(NO_CONVERSATION) <= {each.NAME for each in PROVIDERS if generates(each)}
