"""Two agents of AutoGen 0.2 against a mock LLM server.

The assistant writes a script, the user proxy runs it in ./test_workspace and reports what it
printed, and the assistant ends the chat by answering TERMINATE.
"""

import os

import autogen

# Configure mock LLM
config_list = [
    {
        "model": "mock-claude-sonnet-4",
        "base_url": os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
        "api_key": os.environ.get("OPENAI_API_KEY", "test-key"),  # Mock server accepts any key
        "price": [0, 0],  # AutoGen knows no price for this model
    }
]

# Create agents
assistant = autogen.AssistantAgent(
    name="assistant",
    # AutoGen keeps replies in ./.cache and would not ask the server twice; None turns that off.
    llm_config={"config_list": config_list, "cache_seed": None},
    system_message="You are a helpful AI assistant that can write code and analyze data.",
)

user_proxy = autogen.UserProxyAgent(
    name="user_proxy",
    human_input_mode="NEVER",
    max_consecutive_auto_reply=3,
    code_execution_config={"work_dir": "test_workspace", "use_docker": False},
)

# Test conversation
if __name__ == "__main__":
    print("🧪 Testing AutoGen with Mock LLM Server...")

    user_proxy.initiate_chat(
        assistant,
        message="Write a Python script to analyze a simple dataset and create a basic visualization",
    )

    print("\n✅ Test completed!")
