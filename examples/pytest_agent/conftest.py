"""What the tests share: an agent whose model is the mock, and whose tools need no network either."""

from collections.abc import Iterator

import openai
import pytest
from agent import Agent, Tool

from understudy import Space

FORECASTS = {"Paris": "18 degrees, rain", "Rome": "30 degrees, sunny"}


def get_weather(city: str) -> str:
    """The weather in a city."""
    if city not in FORECASTS:
        raise OSError("the weather service does not answer")
    return FORECASTS[city]


def book_table(restaurant: str, people: int) -> str:
    """Book a table in a restaurant."""
    return f"A table for {people} at {restaurant}"


@pytest.fixture
def client(llm: Space) -> Iterator[openai.OpenAI]:
    """The SDK as the program uses it: the fixture `llm` has set OPENAI_BASE_URL and OPENAI_API_KEY."""
    with openai.OpenAI(timeout=10) as client:
        yield client


@pytest.fixture
def tools() -> list[Tool]:
    return [get_weather, book_table]


@pytest.fixture
def agent(client: openai.OpenAI, tools: list[Tool]) -> Agent:
    return Agent(client, tools)
