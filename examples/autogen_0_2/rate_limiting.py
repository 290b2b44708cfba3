"""AutoGen 0.2 against a rate limit: `make serve ARGS="--rate-limit 1/s"`.

The client that may retry waits as long as the server tells it to, and its chat finishes. The one that
may not retry fails with RateLimitError as soon as it is too fast.
"""

import logging
import os
import sys

import autogen
import openai

config_list = [
    {
        "model": "mock-gpt-4",
        "base_url": os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
        "api_key": os.environ.get("OPENAI_API_KEY", "test-key"),
        "price": [0, 0],  # AutoGen knows no price for this model
    }
]

# The client says how long it waits before each retry.
logging.basicConfig(stream=sys.stdout, format="⏳ %(message)s")
logging.getLogger("openai").setLevel(logging.INFO)


def chat(max_retries: int) -> None:
    """Ask three questions, one right after the other, with a client that retries so many times."""
    assistant = autogen.AssistantAgent(
        name="assistant",
        # AutoGen keeps replies in ./.cache and would not ask the server twice; None turns that off.
        llm_config={"config_list": config_list, "cache_seed": None, "max_retries": max_retries},
    )
    user_proxy = autogen.UserProxyAgent(
        name="user_proxy", human_input_mode="NEVER", code_execution_config=False
    )
    for number in ("one", "two", "three"):
        user_proxy.initiate_chat(assistant, message=f"Tell me about the number {number}.", max_turns=1)


if __name__ == "__main__":
    # The default of 2 is enough for one client; where several share a limit, another may be faster.
    chat(max_retries=5)
    print("\n✅ The patient client got its three answers.\n")

    try:
        chat(max_retries=0)
        print("\nThe impatient client got its answers, too: is there a rate limit?")
    except openai.RateLimitError as error:
        wait = error.response.headers["retry-after"]
        print(f"\n❌ The impatient client failed: {type(error).__name__} {error.status_code}")
        print(f"   type {error.type}, code {error.code}, retry-after {wait} s")
