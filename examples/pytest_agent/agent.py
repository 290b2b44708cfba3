"""A travel agent: it uses its tools as the model asks for, and hands back a plan that a program can read."""

from collections.abc import Callable, Sequence
from typing import Any

import openai
from openai.types.chat import (
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageParam,
    ChatCompletionToolMessageParam,
)
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, validate_call

MODELS = ("gpt-4o", "gpt-4o-mini")
"""The one to ask, and the one to ask when that fails."""
MOST_TURNS = 6
INSTRUCTIONS = "You plan a day out. Look at the weather first. Answer with the plan alone, as JSON."
Tool = Callable[..., object]


class Plan(BaseModel):
    """What the model has to answer in the end."""

    model_config = ConfigDict(extra="forbid")

    city: str
    activity: str
    people: int


class NoPlan(Exception):
    """The model refused, or talked for too long; the message says which."""


class Agent:
    """Asks a model what to do, does it, and tells the model what came of it, until there is a plan."""

    def __init__(self, client: openai.OpenAI, tools: Sequence[Tool], models: Sequence[str] = MODELS) -> None:
        self._client = client
        self._tools = {tool.__name__: validate_call(tool) for tool in tools}
        self._offered = [offer(name, tool) for name, tool in self._tools.items()]
        self._models = models

    def plan(self, wish: str) -> Plan:
        """A plan for this wish. Raises NoPlan, or what the SDK raised when the last model failed."""
        messages: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": wish},
        ]
        for _ in range(MOST_TURNS):
            choice = self._ask(messages)
            answer = choice.message
            if answer.refusal:
                raise NoPlan(f"the model refused: {answer.refusal}")
            messages.append(answer.model_dump(exclude_none=True))
            if answer.tool_calls:
                messages += [self._carry_out(call) for call in answer.tool_calls]
                continue
            if choice.finish_reason == "length":
                messages.append({"role": "user", "content": "That was cut off. Answer with less."})
                continue
            try:
                return Plan.model_validate_json(answer.content or "")
            except ValidationError as mistake:
                messages.append({"role": "user", "content": f"That is no plan: {mistake}"})
        raise NoPlan(f"no plan after {MOST_TURNS} turns")

    def _ask(self, messages: list[ChatCompletionMessageParam]) -> Any:
        """The model's choice; the next model's where one fails. The SDK has called each again by then."""
        for model in self._models:
            try:
                return self._client.chat.completions.create(
                    model=model,
                    messages=messages,
                    tools=self._offered,
                    response_format=PLAN_FORMAT,
                ).choices[0]
            except (openai.RateLimitError, openai.InternalServerError, openai.APIConnectionError):
                if model == self._models[-1]:
                    raise
        raise ValueError("an agent needs a model")

    def _carry_out(self, call: Any) -> ChatCompletionToolMessageParam:
        """A tool's result as a message. What goes wrong is told to the model, which can try again."""
        name, arguments = call.function.name, call.function.arguments
        try:
            result = str(self._tools[name](**TypeAdapter(dict[str, Any]).validate_json(arguments)))
        except KeyError:
            result = f"error: there is no tool {name}; there are: {', '.join(self._tools)}"
        except ValidationError as mistake:
            result = f"error: wrong arguments: {mistake}"
        except OSError as problem:
            result = f"error: the tool failed: {problem}"
        return {"role": "tool", "tool_call_id": call.id, "content": result}


def offer(name: str, tool: Any) -> ChatCompletionFunctionToolParam:
    """A function as the API wants to be told of it."""
    parameters = TypeAdapter(tool).json_schema()
    return {
        "type": "function",
        "function": {"name": name, "description": tool.__doc__ or "", "parameters": parameters},
    }


PLAN_FORMAT: Any = {
    "type": "json_schema",
    "json_schema": {"name": "plan", "strict": True, "schema": Plan.model_json_schema()},
}
