"""Prompts as frameworks send them, cut to the words that count, and what they must be answered."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.autopilot.conventions import CONVENTIONS, called_for, convention, prompt_schema
from understudy.model import (
    Message,
    Request,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

Said = tuple[str, str] | tuple[str, str, str]


def request(*said: Said, **fields: Any) -> Request:
    """A request whose messages are (role, text) or (role, text, name)."""
    messages = tuple(Message(role, (Text(text),), *name) for role, text, *name in said)  # type: ignore[arg-type]
    return Request("openai-chat", "chat", "mock-llm-v1", messages, {}, **fields)


def answer(*said: Said, **fields: Any) -> tuple[str, str]:
    """The convention's name and the text of its answer; empty where none applies."""
    found = convention(request(*said, **fields))
    return ("", "") if found is None else (found[1], found[0].text)


# --- speaker selection ----------------------------------------------------------------------------------

GAME = "You are in a role play game. The following roles are available:\n"
SELECT = "Then select the next role from {} to play. Only return the role."
ABC = "['Ann', 'Bob', 'Cy']"
ROLES = "Ann: writes\nBob: runs\nCy: reads.\n"


def selector(offer: str, transcript: str) -> str:
    """AutoGen 0.7's prompt: roles, offer, transcript, offer."""
    select = SELECT.format(offer)
    before = f"{GAME}{ROLES}Read the following conversation. {select}"
    return f"{before}\n\n{transcript}\n\nRead the above conversation. {select}\n"


FEEDBACK_07 = "No valid name was mentioned. Please select from: ['Bob', 'Cy']."
FEEDBACK_02 = "You didn't choose a speaker. The only names that are accepted are ['B']."
CUSTOM = 'Read this, then select an agent from ["Planner", "Analyst"] to perform the next task.'
SELECTIONS: list[tuple[list[Said], str]] = [
    ([("system", GAME + SELECT.format(ABC)), ("user", "Go", "Bob"), ("system", SELECT.format(ABC))], "Ann"),
    ([("system", SELECT.format(ABC)), ("user", "Go", "Ann"), ("system", SELECT.format(ABC))], "Bob"),
    (
        [("system", SELECT.format(ABC)), ("user", "Go", "Cy"), ("user", "x", "Ann"), ("user", "y", "Bob")],
        "Cy",
    ),
    ([("system", SELECT.format(ABC)), ("user", "x", "Ann"), ("user", "y", "Cy")], "Ann"),
    ([("user", selector(ABC, "user: task\n\n\n"))], "Ann"),
    ([("system", selector(ABC, "user: task\n\n\nAnn: Bob: hello\n\n\n"))], "Bob"),
    ([("system", selector("['Bob', 'Cy']", "user: task\n\n\nAnn: hello\n\n\n"))], "Bob"),
    ([("system", selector("['Ann', 'Cy']", "user: task\n\n\nAnn: hello\n\n\nBob: yes\n\n\n"))], "Cy"),
    ([("system", selector("['Ann', 'Bob']", "user: task\n\n\nCy: done\n\n\n"))], "Ann"),
    ([("user", "x"), ("assistant", "?"), ("user", FEEDBACK_07)], "Bob"),
    ([("user", "x"), ("system", FEEDBACK_02)], "B"),
    ([("user", CUSTOM)], "Planner"),
]


@pytest.mark.parametrize(("said", "name"), SELECTIONS)
def test_a_speaker_is_selected_by_its_bare_name(said: list[Said], name: str) -> None:
    assert answer(*said) == ("speaker selection", name)


AGENTS = st.lists(
    st.from_regex(r"[A-Z][a-z]{1,6}(_[a-z]{1,4})?", fullmatch=True), min_size=2, max_size=5, unique=True
)


@settings(deadline=None, max_examples=60)
@given(AGENTS, st.data())
def test_a_selected_speaker_is_offered_and_did_not_speak_last(names: list[str], data: st.DataObject) -> None:
    spoken = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=6))
    by_name = [("user", "text", name) for name in spoken]
    transcript = "\n\n\n".join(f"{name}: text" for name in spoken)
    offer = SELECT.format(names)
    for said in ([("system", offer), *by_name], [("user", f"{GAME}{offer}\n\n{transcript}\n\n{offer}")]):
        _, name = answer(*said)
        assert name in names
        assert name != spoken[-1]


def test_a_round_of_selections_lets_everybody_speak_in_order() -> None:
    spoken: list[Said] = [("user", "Go", "Cy")]
    for _ in range(5):
        _, name = answer(("system", SELECT.format(ABC)), *spoken)
        spoken.append(("user", "text", name))
    assert [said[2] for said in spoken[1:]] == ["Ann", "Bob", "Cy", "Ann", "Bob"]  # type: ignore[misc]


def test_a_word_about_selecting_is_no_selection() -> None:
    assert answer(("user", "How do I select an agent from a list?")) == ("", "")


# --- ledgers and choices --------------------------------------------------------------------------------

LEDGER = """Recall we are working on the following request:

Find a poem

    - Who should speak next? (select from: Surfer, Coder)
       "is_request_satisfied": {
       "next_speaker": {
            "answer": string (select from: Surfer, Coder)
"""


def ledger(*said: Said) -> dict[str, Any]:
    name, text = answer(*said, ("user", LEDGER, "Orchestrator"))
    assert name == "progress ledger"
    return dict(json.loads(text))


def test_the_ledger_sends_the_first_member_to_work() -> None:
    value = ledger(("assistant", "We are working on it."))
    assert {key: entry["answer"] for key, entry in value.items()} == {
        "is_request_satisfied": False,
        "is_in_loop": False,
        "is_progress_being_made": True,
        "next_speaker": "Surfer",
        "instruction_or_question": "Please work on this: Find a poem",
    }


def test_the_ledger_is_satisfied_once_a_member_has_spoken() -> None:
    value = ledger(("assistant", "Facts"), ("assistant", "Please work"), ("user", "Here it is.", "Surfer"))
    assert value["is_request_satisfied"]["answer"] is True


def test_a_numbered_choice_is_the_one_that_shares_words_with_the_question() -> None:
    prompt = (
        "Some choices are given below. It is provided in a numbered list (1 to 2)\n(1) recipes for soup\n"
        "(2) the history of painting\n"
        "return the choice that is most relevant to the question: 'Who began painting?'\n"
        "The output should be ONLY JSON formatted as a JSON instance."
    )
    assert answer(("user", prompt)) == (
        "numbered choice",
        '[{"choice":2,"reason":"It fits the question best."}]',
    )


# --- endings --------------------------------------------------------------------------------------------

DEFAULT_02 = 'You are a helpful AI assistant. Reply "TERMINATE" in the end when everything is done.'
DEFAULT_07 = "Solve tasks using your tools. Reply with TERMINATE when the task has been completed."
CRITIC = "Provide constructive feedback. Respond with 'APPROVE' to when your feedbacks are addressed."
RAN = "exitcode: 0 (execution succeeded)\nCode output: \nmean 3.5\n"
FAILED = "exitcode: 1 (execution failed)\nCode output: Traceback ...\nNameError: name 'x' is not defined"
RAN_07 = "The script ran but produced no output to console. The POSIX exit code was: 0. If you were expecting"
FAILED_07 = "The script ran, then exited with an error (POSIX exit code: 1)\nIts output was:\nValueError: no"
NO_CODE = "No code blocks found in the thread. Please provide at least one markdown-encoded code block"
OWN = "Here is the short version:\n\nA poem"
CODE = "```python\nprint(3.5)\n```"
SUMMARY = "The script ran successfully. Its output:\n\nmean 3.5"
STOPPED = (
    "The script failed again: NameError: name 'x' is not defined\n"
    "I stop here, so that we do not go in circles."
)
ADMITTED = (
    "The script failed: NameError: name 'x' is not defined\n"
    "That was my mistake. Here is a minimal script that is"
    ' safe to run:\n\n```python\nprint("This minimal script runs without errors.")\n```'
)
PLAIN = "You are a helpful AI assistant that can write code and analyze data."

ENDINGS: list[tuple[list[Said], tuple[str, str]]] = [
    ([("system", DEFAULT_02), ("user", "Write it")], ("", "")),
    (
        [("system", DEFAULT_02), ("user", "Write it"), ("assistant", "text"), ("user", "")],
        ("ending", "TERMINATE"),
    ),
    (
        [("system", DEFAULT_02), ("user", "Write it"), ("assistant", CODE), ("user", RAN)],
        ("run report", "TERMINATE"),
    ),
    ([("system", DEFAULT_02), ("user", "a"), ("assistant", "b"), ("user", "Now in red, please")], ("", "")),
    ([("system", PLAIN), ("user", "Write it"), ("assistant", CODE), ("user", RAN)], ("run report", SUMMARY)),
    ([("system", PLAIN), ("user", "a"), ("assistant", SUMMARY), ("user", "  \n")], ("ending", "TERMINATE")),
    ([("system", PLAIN), ("user", "")], ("", "")),
    ([("system", PLAIN), ("user", "a"), ("assistant", CODE), ("user", FAILED)], ("run report", ADMITTED)),
    (
        [("user", "a"), ("assistant", CODE), ("user", FAILED), ("assistant", ADMITTED), ("user", FAILED)],
        (
            "run report",
            STOPPED,
        ),
    ),
    (
        [("system", DEFAULT_02), ("user", FAILED), ("assistant", ADMITTED), ("user", FAILED)],
        ("run report", "TERMINATE"),
    ),
    (
        [("system", DEFAULT_07), ("user", "a", "user"), ("assistant", CODE), ("user", "3.5", "executor")],
        ("run report", "TERMINATE"),
    ),
    (
        [("system", PLAIN), ("user", "a", "user"), ("assistant", CODE), ("user", "mean 3.5", "executor")],
        ("run report", SUMMARY),
    ),
    ([("system", DEFAULT_07), ("user", "Plot it", "executor")], ("", "")),
    (
        [("user", "a"), ("assistant", CODE), ("user", RAN_07)],
        ("run report", "The script ran successfully. It printed nothing."),
    ),
    (
        [("system", DEFAULT_07), ("user", "a", "user"), ("assistant", "text"), ("user", NO_CODE, "executor")],
        ("ending", "TERMINATE"),
    ),
    (
        [("system", PLAIN), ("user", "a", "user"), ("assistant", "text"), ("user", NO_CODE, "executor")],
        ("ending", "TERMINATE"),
    ),
    ([("system", DEFAULT_07), ("user", "a", "user"), ("assistant", "text")], ("ending", "TERMINATE")),
    (
        [("system", DEFAULT_07), ("user", "a", "user"), ("assistant", "b"), ("user", "c", "critic")],
        ("ending", "TERMINATE"),
    ),
    (
        [("system", DEFAULT_07), ("user", "a", "user"), ("assistant", "b"), ("user", "c", "user_proxy")],
        ("", ""),
    ),
    ([("system", CRITIC), ("user", "A poem", "writer")], ("verdict", "APPROVE")),
    (
        [("system", "You are a harsh critic. Reply with 'TERMINATE' if it is good."), ("user", "A poem")],
        ("verdict", "TERMINATE"),
    ),
    ([("system", PLAIN), ("user", "a"), ("assistant", "b"), ("user", OWN)], ("ending", "TERMINATE")),
    ([("system", PLAIN), ("user", OWN)], ("", "")),
    ([("system", "Write poems."), ("user", "A poem, please", "user")], ("", "")),
    ([("system", 'Answer with "DONE" when you have finished.'), ("user", "Go")], ("", "")),
    (
        [
            ("system", 'Answer with "DONE" when you have finished.'),
            ("user", "Go"),
            ("assistant", "x"),
            ("user", "And?"),
        ],
        ("verdict", "DONE"),
    ),
    (
        [
            ("system", 'Answer with "DONE" when you have finished.'),
            ("user", "Go"),
            ("assistant", "x"),
            ("user", ""),
        ],
        ("ending", "DONE"),
    ),
    ([("system", "Respond with 'SAFE' or 'UNSAFE'."), ("user", "a text")], ("verdict", "SAFE")),
    (
        [
            ("system", "Say hello when asked. Respond in JSON."),
            ("user", "a"),
            ("assistant", "b"),
            ("user", "c"),
        ],
        ("", ""),
    ),
]


@pytest.mark.parametrize(("said", "expected"), ENDINGS)
def test_a_conversation_goes_on_or_ends(said: list[Said], expected: tuple[str, str]) -> None:
    assert answer(*said) == expected


def test_a_failed_run_of_the_newer_autogen_is_admitted() -> None:
    name, text = answer(("user", "a"), ("assistant", CODE), ("user", FAILED_07))
    assert name == "run report"
    assert text.startswith("The script failed: ValueError: no\nThat was my mistake.")


def test_the_takeaway_quotes_the_run() -> None:
    ask = "Summarize the takeaway from the conversation. Do not add any introductory phrases."
    assert answer(("user", "a"), ("assistant", CODE), ("user", RAN), ("system", ask)) == ("takeaway", SUMMARY)
    assert answer(
        ("user", "Paint it"), ("assistant", "It is red."), ("assistant", "TERMINATE"), ("user", ask)
    ) == (
        "takeaway",
        "What was said: It is red.",
    )


def test_the_teams_answer_is_the_last_message_that_says_something() -> None:
    ask = "Output a standalone response to the original request, without mentioning any of the discussion."
    said: list[Said] = [
        ("user", "A story"),
        ("user", "Once upon a time", "writer"),
        ("user", "APPROVE", "critic"),
    ]
    assert answer(*said, ("system", ask)) == ("team's answer", "Once upon a time")
    assert answer(("user", ask)) == ("", "")


def test_an_output_with_a_fence_is_quoted_without_it() -> None:
    _, text = answer(("user", "a"), ("assistant", CODE), ("user", RAN + CODE))
    assert "```" not in text


# --- ReAct and code formats -----------------------------------------------------------------------------

REACT = "Thought: you should\nAction: the action\nAction Input: the input\nFinal Answer: x\n"
LLAMA = (
    "Thought: I can answer without using any more tools. I'll use the user's language to answer\nAnswer: [x]"
)
MOCKED = "This is a mock answer to: Why is it blue?"
SCHEMA = '{"properties": {"joke": {"type": "string"}}, "required": ["joke"]}'

FORMATS: list[tuple[list[Said], tuple[str, str]]] = [
    (
        [
            ("system", "The code sequence must be opened with '<code>', and closed with '</code>'."),
            ("user", "New task:\nWhy is it blue?"),
        ],
        ("code agent", f'Thought: I can answer now.\n<code>\nfinal_answer("{MOCKED}")\n</code>'),
    ),
    (
        [
            ("system", "The code sequence must be opened with '```python', and closed with '```'."),
            ("user", "New task:\nWhy is it blue?"),
        ],
        ("code agent", f'Thought: I can answer now.\n```python\nfinal_answer("{MOCKED}")\n```'),
    ),
    (
        [
            (
                "system",
                "use `final_answer`. You will be generating a JSON object with the following structure:",
            ),
            ("user", "New task:\nWhy is it blue?"),
        ],
        (
            "code in JSON",
            json.dumps(
                {"thought": "I can answer now.", "code": f'final_answer("{MOCKED}")'}, separators=(",", ":")
            ),
        ),
    ),
    (
        [("user", f"{REACT}Begin!\n\nQuestion: Why is it blue?\nThought:")],
        ("ReAct", f"Thought: I now know the final answer\nFinal Answer: {MOCKED}"),
    ),
    (
        [("system", REACT), ("user", "\nCurrent Task: Why is it blue?\n\nBegin! This is VERY important")],
        ("ReAct", f"Thought: I now know the final answer\nFinal Answer: {MOCKED}"),
    ),
    (
        [
            ("system", REACT + "Tool Arguments: " + SCHEMA),
            ("user", f"Current Task: A joke\n\naccording to the following OpenAPI schema: {SCHEMA}"),
        ],
        ("ReAct", 'Thought: I now know the final answer\nFinal Answer: {"joke":"joke"}'),
    ),
    (
        [
            (
                "system",
                'Valid "action" values: "Final Answer"\n```\n{{"action": "Final Answer"}}\n$JSON_BLOB',
            ),
            ("user", "Why is it blue?"),
        ],
        (
            "ReAct, JSON blob",
            "Thought: I know what to respond\nAction:\n"
            f'```\n{{"action": "Final Answer", "action_input": "{MOCKED}"}}\n```',
        ),
    ),
    ([("system", LLAMA), ("user", "Why is it blue?")], ("ReAct, LlamaIndex", LLAMA.replace("[x]", MOCKED))),
    (
        [
            ("system", LLAMA),
            ("user", "Why?"),
            ("assistant", "Action: look"),
            ("user", "Observation: It scatters."),
        ],
        ("ReAct, LlamaIndex", LLAMA.replace("[x]", "It scatters.")),
    ),
    (
        [
            (
                "user",
                "Do I need to use a tool? No\nAI: [your response here]\n\nNew input: Why is it blue?\n\n",
            )
        ],
        ("ReAct, conversational", f"Thought: Do I need to use a tool? No\nAI: {MOCKED}"),
    ),
]


@pytest.mark.parametrize(("said", "expected"), FORMATS)
def test_a_format_is_kept_to_the_letter(said: list[Said], expected: tuple[str, str]) -> None:
    assert answer(*said) == expected


@pytest.mark.parametrize(("said", "expected"), FORMATS)
def test_an_answer_is_never_an_action_as_well(said: list[Said], expected: tuple[str, str]) -> None:
    text = answer(*said)[1]
    assert not ("Action Input:" in text and "Final Answer:" in text)
    assert text.count("Final Answer") <= 1


def test_a_plan_ends_with_its_tag() -> None:
    name, text = answer(
        ("user", "After the final step of the plan, write the '<end_plan>' tag and stop there.")
    )
    assert name == "plan"
    assert text.endswith("\n<end_plan>")


# --- JSON -----------------------------------------------------------------------------------------------

PERSON = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
DECOY = '{"properties": {"foo": {"type": "array"}}, "required": ["foo"]} the object {"foo": ["bar"]}'


def test_a_response_format_gets_an_instance_of_its_schema() -> None:
    wanted = ResponseFormat("json_schema", PERSON)
    expected = ("structured output", '{"name":"Grace","age":36}')
    assert answer(("user", "a person named Grace"), response_format=wanted) == expected


def test_a_response_format_comes_before_any_word_that_ends_a_conversation() -> None:
    said: list[Said] = [("system", DEFAULT_07), ("user", "a"), ("assistant", "b"), ("user", "", "critic")]
    assert answer(*said, response_format=ResponseFormat("json_schema", PERSON))[0] == "structured output"


def test_a_json_object_takes_the_shape_that_the_prompt_shows() -> None:
    wanted = ResponseFormat("json_object")
    shown = 'Answer in JSON like {"mood": "good", "score": 0.5}.'
    assert answer(("user", shown), response_format=wanted)[1] == '{"mood":"good","score":0.5}'
    assert answer(("user", "Why is it blue?"), response_format=wanted)[1] == f'{{"answer":"{MOCKED}"}}'
    assert (
        answer(("system", f"match {SCHEMA}"), ("user", "A joke"), response_format=wanted)[1]
        == '{"joke":"joke"}'
    )


SCHEMA_PROMPTS = [
    "Always respond with a JSON object that's compatible with this schema:\n\n{}\n\nDon't include any text",
    "the parsed objects in json that match the following json_schema:\n\n{}\n\nMake sure",
    f"conforms to the JSON schema below. As an example, {DECOY}\n\nHere is the output schema:\n{{}}\n```",
    "Here's a JSON schema to follow:\n{}\n\nOutput a valid JSON object",
    "Format your final answer according to the following OpenAPI schema: {}\n\nIMPORTANT: Preserve",
]


@pytest.mark.parametrize("prompt", SCHEMA_PROMPTS)
@pytest.mark.parametrize("role", ["system", "user"])
def test_a_schema_in_the_prompt_is_found(prompt: str, role: str) -> None:
    prompt = prompt.replace("{}", SCHEMA)
    said: list[Said] = [(role, prompt), ("user", "Tell me one")]
    assert answer(*said) == ("schema in the prompt", '{"joke":"joke"}')


def test_a_schema_is_found_inside_its_wrapping() -> None:
    wrapped = json.dumps({"type": "json_schema", "json_schema": {"name": "P", "schema": PERSON}})
    assert prompt_schema(request(("user", f"the following: {wrapped}"))) == PERSON
    doubled = SCHEMA.replace("{", "{{").replace("}", "}}")
    assert prompt_schema(request(("user", f"doubled: {doubled}"))) == json.loads(SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "{" * 5_000 + '"properties"',
        '{"a": 18446744073709551617} "properties"',
        '{"a":' * 5_000 + '"properties"',
        '"properties" { } {x}',
    ],
)
def test_a_text_full_of_braces_holds_no_schema(text: str) -> None:
    assert prompt_schema(request(("user", text))) is None


# --- tools, in their place ------------------------------------------------------------------------------

WEATHER = Tool(
    "get_weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}}
)


def test_a_forced_tool_comes_before_an_ending() -> None:
    found = convention(
        request(
            ("user", "a"),
            ("assistant", "b"),
            ("user", ""),
            tools=(WEATHER,),
            tool_choice=ToolChoice("required"),
        )
    )
    assert found is not None
    assert found[1] == "forced tool"


def test_a_tool_is_called_before_the_structured_output_that_reports_on_it() -> None:
    wanted = ResponseFormat("json_schema", PERSON)
    first = request(("user", "Weather in Oslo?"), tools=(WEATHER,), response_format=wanted)
    found = convention(first)
    assert found is not None
    assert (found[1], found[0].parts) == ("tool call", (ToolCall("get_weather", '{"city":"Oslo"}'),))
    then = Request(
        "openai-chat", "chat", "m",
        (*first.messages, Message("assistant", (ToolCall("get_weather", "{}", "1"),)),
         Message("tool", (ToolResult("1", "21 degrees"),))),
        {}, tools=(WEATHER,), response_format=wanted,
    )  # fmt: skip
    found = convention(then)
    assert found is not None
    assert found[1] == "structured output"


def test_a_tool_loop_with_a_closing_word_ends() -> None:
    call = Message("assistant", (ToolCall("get_weather", "{}", "1"),))
    result = Message("tool", (ToolResult("1", "21 degrees"),))
    said = (Message("system", (Text(DEFAULT_07),)), Message("user", (Text("Weather in Oslo?"),), "user"))
    texts = []
    for messages in (said, (*said, call, result), (*said, call, result, Message("assistant", (Text("x"),)))):
        found = convention(Request("openai-chat", "chat", "m", messages, {}, tools=(WEATHER,)))
        assert found is not None
        texts.append((found[1], found[0].text))
    assert texts == [
        ("tool call", ""),
        ("tool result", "The get_weather tool says: 21 degrees."),
        ("ending", "TERMINATE"),
    ]


# --- the table ------------------------------------------------------------------------------------------


def test_triggers_are_lower_case_and_names_are_unique() -> None:
    assert all(trigger == trigger.lower() for row in CONVENTIONS for trigger in row.triggers)
    assert len({row.name for row in CONVENTIONS}) == len(CONVENTIONS)


def test_a_plain_request_asks_only_the_rows_without_triggers() -> None:
    plain = request(("system", "You are a helpful assistant."), ("user", "Please write a poem"))
    assert [row.name for row in called_for(plain)] == [row.name for row in CONVENTIONS if not row.triggers]


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["system", "user", "assistant"]),
            st.lists(
                st.sampled_from(
                    [t for row in CONVENTIONS for t in row.triggers] + [RAN, FAILED, LEDGER, SCHEMA, "["]
                ),
                max_size=3,
            ).map(" ".join),
            st.sampled_from(["", "executor", "Ann"]),
        ),
        max_size=4,
    )
)
def test_any_mixture_of_prompts_is_answered_or_left_alone(said: list[Said]) -> None:
    found = convention(request(*said))
    assert found is None or found[0].parts


# --- what nobody means, and what must not take for ever all the same --------------------------------------


@pytest.mark.parametrize(
    "piece",
    [
        "please select from: [",
        'is_request_satisfied "next_speaker" (select from: ',
        "reply with only the word ",
        "\nTask:",
        "exitcode: ",
        "the code sequence must be opened with '",
        "some choices are given below (1) only json ",
    ],
)
def test_a_prompt_that_repeats_a_convention_is_answered_in_linear_time(piece: str) -> None:
    began = time.process_time()
    answer(("system", piece * 20_000), ("user", piece * 20_000))
    assert time.process_time() - began < 5
