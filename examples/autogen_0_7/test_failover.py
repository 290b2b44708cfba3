"""Failover in AutoGen 0.7: the first model fails, so the second answers.

AutoGen 0.7 has no `config_list`, and no client that goes on to another when one fails; `FailoverClient`
is such a client, to copy. The mock server is told to fail the first model three times, which is how
often its client asks before it gives up. Every request begins with the first model, so once that has
recovered, it answers again.
"""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Sequence
from typing import Any
from urllib.request import Request, urlopen

import openai
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.ui import Console
from autogen_core.models import (
    ChatCompletionClient,
    CreateResult,
    LLMMessage,
    ModelCapabilities,
    ModelInfo,
    RequestUsage,
)
from autogen_ext.models.openai import OpenAIChatCompletionClient

BASE_URL = os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1")


class FailoverClient(ChatCompletionClient):
    """Asks one model client after the other, by name, until one answers.

    All should be able to do the same: `model_info` and token counts are those of the first. A stream
    that breaks off after its first piece is not begun again by another client.
    """

    def __init__(self, clients: dict[str, ChatCompletionClient]) -> None:
        self._clients = clients
        self._first, *_, self._last = clients
        self.answered_by = ""

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        for name, client in self._clients.items():
            try:
                result = await client.create(messages, **options)
                break
            except openai.APIError as error:
                self._give_up_on(name, error)
        self.answered_by = name
        return result

    async def create_stream(
        self, messages: Sequence[LLMMessage], **options: Any
    ) -> AsyncGenerator[str | CreateResult, None]:
        for name, client in self._clients.items():
            stream = client.create_stream(messages, **options)
            try:
                piece = await anext(stream)
                break
            except openai.APIError as error:
                self._give_up_on(name, error)
        self.answered_by = name
        yield piece
        async for piece in stream:
            yield piece

    def _give_up_on(self, name: str, error: openai.APIError) -> None:
        """Go on to the next client; the last one's error is the caller's."""
        if name == self._last:
            raise error
        print(f"⚠️ {name} failed with {type(error).__name__}")

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    def actual_usage(self) -> RequestUsage:
        return added([client.actual_usage() for client in self._clients.values()])

    def total_usage(self) -> RequestUsage:
        return added([client.total_usage() for client in self._clients.values()])

    def count_tokens(self, messages: Sequence[LLMMessage], **options: Any) -> int:
        return self._clients[self._first].count_tokens(messages, **options)

    def remaining_tokens(self, messages: Sequence[LLMMessage], **options: Any) -> int:
        return self._clients[self._first].remaining_tokens(messages, **options)

    @property
    def capabilities(self) -> ModelCapabilities:
        return self._clients[self._first].capabilities

    @property
    def model_info(self) -> ModelInfo:
        return self._clients[self._first].model_info


def added(usages: list[RequestUsage]) -> RequestUsage:
    """The tokens of several clients together."""
    return RequestUsage(
        prompt_tokens=sum(usage.prompt_tokens for usage in usages),
        completion_tokens=sum(usage.completion_tokens for usage in usages),
    )


def mock_model(name: str, api_key: str) -> OpenAIChatCompletionClient:
    """A client of the mock server; `model_info` says what a model can do whose name AutoGen does not know."""
    return OpenAIChatCompletionClient(
        model=name,
        base_url=BASE_URL,
        api_key=os.environ.get("OPENAI_API_KEY", api_key),
        model_info={
            "vision": False,
            "function_calling": True,
            "json_output": True,
            "family": "unknown",
            "structured_output": True,
        },
    )


def fail(model: str, times: int) -> None:
    """Have the mock server answer the next requests for a model with 503."""
    faults = [{"fault": {"error": 503}, "when": {"model": model}, "times": times}]
    url = BASE_URL.removesuffix("/v1") + "/_understudy/faults"
    urlopen(Request(url, json.dumps(faults).encode(), method="PUT")).close()


async def main() -> None:
    """Ask three times: all is well, the first model fails, the first model has recovered."""
    model = FailoverClient(
        {
            "mock-claude-sonnet-4": mock_model("mock-claude-sonnet-4", "test-key"),
            "mock-gpt-4": mock_model("mock-gpt-4", "backup-key"),
        }
    )
    assistant = AssistantAgent("assistant", model_client=model)

    async def ask(question: str) -> None:
        await Console(assistant.run_stream(task=question))
        print(f"\n➡️ Answered by {model.answered_by}\n")

    await ask("What is a mock server good for?")

    print("The first model fails from now on, three times.\n")
    fail("mock-claude-sonnet-4", times=3)
    await ask("What is a backup model good for?")

    print("The first model has recovered.\n")
    await ask("What is a recovered model good for?")
    await model.close()


if __name__ == "__main__":
    asyncio.run(main())
