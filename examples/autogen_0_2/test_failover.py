"""Failover in AutoGen 0.2: the first model of the config list fails, so the second answers.

The mock server is told to fail the first model three times, which is how often the client asks before
AutoGen goes on to the second. AutoGen begins every request with the first model, so once that has
recovered, it answers again.
"""

import json
import os
from urllib.request import Request, urlopen

import autogen

base_url = os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1")

config_list = [
    {
        "model": "mock-claude-sonnet-4",
        "base_url": base_url,
        "api_key": os.environ.get("OPENAI_API_KEY", "test-key"),
        "price": [0, 0],  # AutoGen knows no price for this model
    },
    {
        "model": "mock-gpt-4",
        "base_url": base_url,
        "api_key": os.environ.get("OPENAI_API_KEY", "backup-key"),
        "price": [0, 0],
    },
]

# AutoGen will try first model, then fallback to second
assistant = autogen.AssistantAgent(
    name="assistant",
    # AutoGen keeps replies in ./.cache and would not ask the server twice; None turns that off.
    llm_config={"config_list": config_list, "cache_seed": None},
)

user_proxy = autogen.UserProxyAgent(name="user_proxy", human_input_mode="NEVER", code_execution_config=False)


def fail(model: str, times: int) -> None:
    """Have the mock server answer the next requests for a model with 503."""
    faults = [{"fault": {"error": 503}, "when": {"model": model}, "times": times}]
    url = base_url.removesuffix("/v1") + "/_understudy/faults"
    urlopen(Request(url, json.dumps(faults).encode(), method="PUT")).close()


def ask(question: str) -> None:
    """Chat for one turn, and print which model answered."""
    assistant.client.clear_usage_summary()
    user_proxy.initiate_chat(assistant, message=question, max_turns=1)
    models = [model for model in assistant.client.actual_usage_summary if model != "total_cost"]
    print(f"\n➡️ Answered by {', '.join(models)}\n")


if __name__ == "__main__":
    ask("What is a mock server good for?")

    print("The first model fails from now on, three times.\n")
    fail("mock-claude-sonnet-4", times=3)
    ask("What is a backup model good for?")

    print("The first model has recovered.\n")
    ask("What is a recovered model good for?")
