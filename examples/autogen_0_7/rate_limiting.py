"""AutoGen 0.7 against a rate limit: `make serve ARGS="--rate-limit 1/s"`.

The client that may retry waits as long as the server tells it to, and gets its answers. The one that
may not retry fails with RateLimitError as soon as it is too fast.
"""

import asyncio
import logging
import os
import sys

import openai
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.ui import Console
from autogen_ext.models.openai import OpenAIChatCompletionClient

# The client says how long it waits before each retry.
logging.basicConfig(stream=sys.stdout, format="⏳ %(message)s")
logging.getLogger("openai").setLevel(logging.INFO)


def mock_model(max_retries: int) -> OpenAIChatCompletionClient:
    """A client of the mock server; `model_info` says what a model can do whose name AutoGen does not know."""
    return OpenAIChatCompletionClient(
        model="mock-gpt-4",
        base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
        api_key=os.environ.get("OPENAI_API_KEY", "test-key"),
        max_retries=max_retries,
        model_info={
            "vision": False,
            "function_calling": True,
            "json_output": True,
            "family": "unknown",
            "structured_output": True,
        },
    )


async def chat(max_retries: int) -> None:
    """Ask three questions, one right after the other, with a client that retries so many times."""
    model = mock_model(max_retries)
    assistant = AssistantAgent("assistant", model_client=model)
    try:
        for number in ("one", "two", "three"):
            await Console(assistant.run_stream(task=f"Tell me about the number {number}."))
    finally:
        await model.close()


async def main() -> None:
    """Be patient, then be impatient."""
    # The default of 2 is enough for one client; where several share a limit, another may be faster.
    await chat(max_retries=5)
    print("\n✅ The patient client got its three answers.\n")

    try:
        await chat(max_retries=0)
        print("\nThe impatient client got its answers, too: is there a rate limit?")
    except openai.RateLimitError as error:
        wait = error.response.headers["retry-after"]
        print(f"\n❌ The impatient client failed: {type(error).__name__} {error.status_code}")
        print(f"   type {error.type}, code {error.code}, retry-after {wait} s")


if __name__ == "__main__":
    asyncio.run(main())
