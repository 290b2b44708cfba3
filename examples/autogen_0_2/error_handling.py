"""AutoGen 0.2 when the server goes away in the middle of a conversation, and comes back.

You are the user proxy. Stop the server before you give the assistant your feedback: the conversation
breaks off with the client's own exception. Start the server again, and a new conversation finishes.
"""

import os

import autogen
import openai

llm_config = {
    "config_list": [
        {
            "model": "mock-gpt-4",
            "base_url": os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
            "api_key": os.environ.get("OPENAI_API_KEY", "test-key"),
            "price": [0, 0],  # AutoGen knows no price for this model
            "max_retries": 0,  # shows the error at once; by default the client tries twice more
        }
    ],
    # AutoGen keeps replies in ./.cache and would not ask the server twice; None turns that off.
    "cache_seed": None,
}

assistant = autogen.AssistantAgent(name="assistant", llm_config=llm_config)


def user_proxy(human_input_mode: str) -> autogen.UserProxyAgent:
    """You, where the mode is ALWAYS; an agent that only listens, where it is NEVER."""
    return autogen.UserProxyAgent(
        name="user_proxy", human_input_mode=human_input_mode, code_execution_config=False
    )


if __name__ == "__main__":
    print("When AutoGen asks for your feedback, stop the server, then type some.\n")
    try:
        user_proxy("ALWAYS").initiate_chat(assistant, message="What is a mock server good for?")
        print("\nThe conversation ended, and nothing went wrong.")
    except openai.APIConnectionError as error:
        print(f"\n❌ The conversation broke off: {type(error).__name__}: {error}")

    input("\nStart the server again, then press Enter: ")
    user_proxy("NEVER").initiate_chat(assistant, message="What is a server good for that is back?")
    print("\n✅ The new conversation finished.")
