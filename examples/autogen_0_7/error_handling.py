"""AutoGen 0.7 when the server goes away in the middle of a conversation, and comes back.

You are the user. Stop the server before you respond to the assistant: the conversation breaks off, and
the error tells which exception the client raised. Start the server again, and a new run finishes.
"""

import asyncio
import os

from autogen_agentchat.agents import AssistantAgent, UserProxyAgent
from autogen_agentchat.base import ChatAgent
from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.ui import Console, UserInputManager
from autogen_ext.models.openai import OpenAIChatCompletionClient


def mock_model() -> OpenAIChatCompletionClient:
    """A client of the mock server; `model_info` says what a model can do whose name AutoGen does not know."""
    return OpenAIChatCompletionClient(
        model="mock-gpt-4",
        base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
        api_key=os.environ.get("OPENAI_API_KEY", "test-key"),
        max_retries=0,  # shows the error at once; by default the client tries twice more
        model_info={
            "vision": False,
            "function_calling": True,
            "json_output": True,
            "family": "unknown",
            "structured_output": True,
        },
    )


def new_team(*agents: ChatAgent) -> RoundRobinGroupChat:
    """A team for one run.

    A team in which an agent has failed is not to be used again: its next run ends early and says no
    more than `The group chat is stopped.`, even after `reset()`.
    """
    return RoundRobinGroupChat(
        list(agents),
        termination_condition=TextMentionTermination("TERMINATE") | MaxMessageTermination(8),
    )


async def main() -> None:
    """Talk to the assistant until the server is gone, and again when it is back."""
    model = mock_model()
    assistant = AssistantAgent("assistant", model_client=model)
    you = UserInputManager(callback=input)
    user = UserProxyAgent("user_proxy", input_func=you.get_wrapped_callback())

    print("When you are asked to enter your response, stop the server, then type one.\n")
    try:
        talk = new_team(assistant, user).run_stream(task="What is a mock server good for?")
        await Console(talk, user_input_manager=you)
        print("\nThe conversation ended, and nothing went wrong.")
    except RuntimeError as error:
        # A team raises this in place of what the agent raised, and quotes that with its traceback.
        # Without a team, `await assistant.run(...)` raises openai.APIConnectionError itself.
        print(f"\n❌ The conversation broke off: {type(error).__name__}: {str(error).splitlines()[0]}")

    input("\nStart the server again, then press Enter: ")
    talk = new_team(assistant).run_stream(task="What is a server good for that is back?")
    result = await Console(talk)
    await model.close()
    print(f"\n✅ The new run finished: {result.stop_reason}")


if __name__ == "__main__":
    asyncio.run(main())
