"""Two agents of AutoGen 0.7 against a mock LLM server.

The assistant writes a script, the executor runs it in ./test_workspace and reports what it
printed, and the assistant ends the chat by answering TERMINATE.
"""

import asyncio
import os

from autogen_agentchat.agents import AssistantAgent, CodeExecutorAgent
from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.ui import Console
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.openai import OpenAIChatCompletionClient


def mock_model() -> OpenAIChatCompletionClient:
    """A client of the mock server; `model_info` says what a model can do whose name AutoGen does not know."""
    return OpenAIChatCompletionClient(
        model="mock-claude-sonnet-4",
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
    assistant = AssistantAgent("assistant", model_client=model)
    executor = CodeExecutorAgent("executor", LocalCommandLineCodeExecutor(work_dir="test_workspace"))
    team = RoundRobinGroupChat(
        [assistant, executor],
        termination_condition=TextMentionTermination("TERMINATE") | MaxMessageTermination(8),
    )

    print("🧪 Testing AutoGen with Mock LLM Server...")
    task = "Write a Python script to analyze a simple dataset and create a basic visualization"
    result = await Console(team.run_stream(task=task))
    await model.close()

    print(f"\nEnded because: {result.stop_reason}")
    print("✅ Test completed!")


if __name__ == "__main__":
    os.makedirs("test_workspace", exist_ok=True)
    asyncio.run(main())
