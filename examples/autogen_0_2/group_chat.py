"""A group chat of AutoGen 0.2 against a mock LLM server.

The model picks each next speaker (`speaker_selection_method="auto"`), the executor runs the code
that it is sent in ./test_workspace, and the chat ends when somebody answers TERMINATE.
"""

import os

import autogen

llm_config = {
    "config_list": [
        {
            "model": "mock-gpt-4",
            "base_url": os.environ.get("OPENAI_BASE_URL", "http://localhost:8080/v1"),
            "api_key": os.environ.get("OPENAI_API_KEY", "test-key"),
            "price": [0, 0],  # AutoGen knows no price for this model
        }
    ],
    # AutoGen keeps replies in ./.cache and would not ask the server twice; None turns that off.
    "cache_seed": None,
}

engineer = autogen.AssistantAgent(
    name="engineer",
    llm_config=llm_config,
    description="Writes Python scripts.",
)

executor = autogen.UserProxyAgent(
    name="executor",
    human_input_mode="NEVER",
    default_auto_reply="There was no code to run.",
    code_execution_config={"work_dir": "test_workspace", "use_docker": False},
    description="Runs the scripts and reports their output.",
)

analyst = autogen.AssistantAgent(
    name="analyst",
    llm_config=llm_config,
    description="Reads the output and says what it means.",
)

group_chat = autogen.GroupChat(
    agents=[engineer, executor, analyst],
    messages=[],
    max_round=12,
    speaker_selection_method="auto",
    select_speaker_auto_verbose=True,
)
manager = autogen.GroupChatManager(groupchat=group_chat, llm_config=llm_config)

if __name__ == "__main__":
    executor.initiate_chat(manager, message="Analyze a small CSV dataset of monthly sales and plot a chart")
