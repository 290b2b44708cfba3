"""What the agent does when the model, the network or a tool lets it down."""

from typing import Any

import openai
import pytest
from agent import Agent, NoPlan, Tool

from understudy import Call, Space, error, tool_call

MUSEUM = '{"city": "Paris", "activity": "the Louvre", "people": 2}'
WISH = "A day in Paris for two"
BUSY = error("rate_limit", retry_after=0.01)
DOWN = error("overloaded", retry_after=0.01)


def statuses(llm: Space) -> list[int]:
    return [request.status for request in llm.requests]


def test_it_waits_and_asks_again_when_it_asks_too_often(agent: Agent, llm: Space) -> None:
    llm.when().reply(BUSY, BUSY, MUSEUM)

    assert agent.plan(WISH).activity == "the Louvre"

    assert statuses(llm) == [429, 429, 200]


def test_the_second_model_answers_when_the_first_is_down(agent: Agent, llm: Space) -> None:
    llm.when(model="gpt-4o").reply(DOWN, repeat="last")
    llm.when(model="gpt-4o-mini").reply(MUSEUM)

    assert agent.plan(WISH).activity == "the Louvre"

    llm.verify(model="gpt-4o", times=3)
    llm.verify(model="gpt-4o-mini", times=1)


def test_it_says_so_when_both_models_are_down(agent: Agent, llm: Space) -> None:
    llm.when().reply(DOWN, repeat="last")

    with pytest.raises(openai.InternalServerError):
        agent.plan(WISH)

    assert statuses(llm) == [503] * 6


def test_a_wrong_key_is_not_tried_again(agent: Agent, llm: Space) -> None:
    llm.when().reply(error("authentication"))

    with pytest.raises(openai.AuthenticationError):
        agent.plan(WISH)

    assert statuses(llm) == [401]


def test_the_second_model_answers_when_the_first_hangs(
    llm: Space, client: openai.OpenAI, tools: list[Tool]
) -> None:
    llm.when(model="gpt-4o").reply("never", faults=["hang"])
    llm.when(model="gpt-4o-mini").reply(MUSEUM)

    impatient = client.with_options(timeout=0.2, max_retries=0)

    assert Agent(impatient, tools).plan(WISH).activity == "the Louvre"


def test_the_second_model_answers_when_the_first_breaks_off(
    llm: Space, client: openai.OpenAI, tools: list[Tool]
) -> None:
    llm.faults = [{"fault": {"cut": {"after": "50%"}}, "when": {"model": "gpt-4o"}}]
    llm.when().reply(MUSEUM)

    assert Agent(client.with_options(max_retries=0), tools).plan(WISH).activity == "the Louvre"

    assert [request.outcome for request in llm.requests] == ["cut", "complete"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (tool_call("get_weather", city="Atlantis"), "the weather service does not answer"),
        (tool_call("get_weather", town="Paris"), "wrong arguments"),
        (tool_call("get_weather", '{"city": "Par'), "wrong arguments"),
        (
            tool_call("get_wether", city="Paris"),
            "there is no tool get_wether; there are: get_weather, book_table",
        ),
    ],
    ids=["tool fails", "wrong name of an argument", "arguments cut off", "unknown tool"],
)
def test_the_model_is_told_what_went_wrong_with_its_call(
    agent: Agent, llm: Space, call: Call, told: str
) -> None:
    llm.when(turn=1).reply(call)
    llm.when(tool_result=told).reply(tool_call("get_weather", city="Paris"))
    llm.when(tool_result="18 degrees").reply(MUSEUM)

    assert agent.plan(WISH).activity == "the Louvre"

    llm.verify(tool_result={"starts_with": "error: "}, times=1)


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        ("The Louvre!", "That is no plan: "),
        ('{"city": "Paris", "activity": "the Louvre"}', "people"),
        ({"text": MUSEUM[:20], "stop": "length"}, "That was cut off."),
        ("", "That is no plan: "),
    ],
    ids=["prose", "a field is missing", "cut off", "empty"],
)
def test_it_asks_again_when_the_answer_is_no_plan(agent: Agent, llm: Space, answer: Any, asked: str) -> None:
    llm.when(turn=1).reply(answer)
    llm.when(turn=2, user=asked).reply(MUSEUM)

    assert agent.plan(WISH).activity == "the Louvre"


def test_a_refusal_is_final(agent: Agent, llm: Space) -> None:
    llm.when().reply({"refusal": "I can't help with that."})

    with pytest.raises(NoPlan, match="the model refused: I can't help with that"):
        agent.plan(WISH)

    llm.verify(times=1)


def test_a_model_that_never_comes_to_an_end_is_stopped(agent: Agent, llm: Space) -> None:
    llm.when().reply(tool_call("get_weather", city="Paris"))

    with pytest.raises(NoPlan, match="no plan after 6 turns"):
        agent.plan(WISH)

    llm.verify(times=6)
