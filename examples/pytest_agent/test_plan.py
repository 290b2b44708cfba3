"""What the agent does while all goes well."""

import json

import pytest
from agent import Agent, Plan

from understudy import Space, tool_call

MUSEUM = '{"city": "Paris", "activity": "the Louvre", "people": 2}'


def test_it_looks_at_the_weather_and_then_plans(agent: Agent, llm: Space) -> None:
    llm.when(user="Paris", turn=1).reply(tool_call("get_weather", city="Paris"))
    llm.when(tool_result="rain").reply(MUSEUM)

    assert agent.plan("A day in Paris for two") == Plan(city="Paris", activity="the Louvre", people=2)

    llm.verify(order=[{"reply": {"tool_call": "get_weather"}}, {"tool_result": "18 degrees"}], others=False)


def test_the_weather_decides(agent: Agent, llm: Space) -> None:
    llm.when(turn=1).reply(tool_call("get_weather", city="Rome"))
    llm.when(tool_result="sunny").reply('{"city": "Rome", "activity": "Ostia beach", "people": 2}')
    llm.when(tool_result="rain").reply('{"city": "Rome", "activity": "the Vatican", "people": 2}')

    assert agent.plan("A day in Rome for two").activity == "Ostia beach"


def test_two_tools_at_once_are_both_answered(agent: Agent, llm: Space) -> None:
    llm.when(turn=1).reply(
        [tool_call("get_weather", city="Paris"), tool_call("book_table", restaurant="Chez Paul", people=2)]
    )
    llm.when(turn=2).reply(MUSEUM)

    agent.plan("A day in Paris for two, with dinner")

    *_, asked, weather, table = llm.requests[-1].raw["messages"]
    assert [weather["content"], table["content"]] == ["18 degrees, rain", "A table for 2 at Chez Paul"]
    assert [weather["tool_call_id"], table["tool_call_id"]] == [call["id"] for call in asked["tool_calls"]]


def test_it_tells_the_model_which_tools_there_are_and_what_to_answer(agent: Agent, llm: Space) -> None:
    llm.when().reply(MUSEUM)

    agent.plan("A day in Paris for two")

    (request,) = llm.requests
    assert request.tools == ("get_weather", "book_table")
    assert request.system.startswith("You plan a day out.")
    assert request.raw["response_format"]["json_schema"]["schema"]["required"] == [
        "city",
        "activity",
        "people",
    ]


def test_a_plan_costs_less_than_a_cent(agent: Agent, llm: Space) -> None:
    llm.when(turn=1).reply(tool_call("get_weather", city="Paris"))
    llm.when(turn=2).reply(MUSEUM)

    agent.plan("A day in Paris for two")

    llm.verify(cost={"at_most": 0.01}, prices={"gpt-4o": {"input": 2.5, "output": 10}})


@pytest.mark.llm(rules="conversation.yaml", strict=True)
def test_a_longer_conversation_from_a_file(agent: Agent, llm: Space) -> None:
    plan = agent.plan("A day in Paris for three, with dinner")

    assert plan == Plan(city="Paris", activity="the Louvre, then dinner at Chez Paul", people=3)
    assert json.loads(llm.requests[-1].text) == plan.model_dump()
