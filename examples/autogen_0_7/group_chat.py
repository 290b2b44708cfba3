"""A group chat of AutoGen 0.7 against a mock LLM server.

The model picks each next speaker (`SelectorGroupChat`), the executor runs the code that it is sent
in ./test_workspace, and the chat ends when somebody answers TERMINATE.
"""

import asyncio
import os

from autogen_agentchat.agents import AssistantAgent, CodeExecutorAgent
from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination
from autogen_agentchat.teams import SelectorGroupChat
from autogen_agentchat.ui import Console
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.openai import OpenAIChatCompletionClient


def mock_model() -> OpenAIChatCompletionClient:
    """A client of the mock server; `model_info` says what a model can do whose name AutoGen does not know."""
    return OpenAIChatCompletionClient(
        model="mock-gpt-4",
        base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
        api_key=os.environ.get("OPENAI_API_KEY", "test-key"),
        model_info={
            "vision": False,
            "function_calling": True,
            "json_output": True,
            "family": "unknown",
            "structured_output": True,
        },
    )


async def main() -> None:
    """Run the conversation, and print it as it goes."""
    model = mock_model()
    engineer = AssistantAgent("engineer", model_client=model, description="Writes Python scripts.")
    executor = CodeExecutorAgent(
        "executor",
        LocalCommandLineCodeExecutor(work_dir="test_workspace"),
        description="Runs the scripts and reports their output.",
    )
    analyst = AssistantAgent(
        "analyst", model_client=model, description="Reads the output and says what it means."
    )
    team = SelectorGroupChat(
        [engineer, executor, analyst],
        model_client=model,
        termination_condition=TextMentionTermination("TERMINATE") | MaxMessageTermination(12),
        emit_team_events=True,  # shows whom the model selected
    )

    task = "Analyze a small CSV dataset of monthly sales and plot a chart"
    result = await Console(team.run_stream(task=task))
    await model.close()

    print(f"\nEnded because: {result.stop_reason}")


if __name__ == "__main__":
    os.makedirs("test_workspace", exist_ok=True)
    asyncio.run(main())
