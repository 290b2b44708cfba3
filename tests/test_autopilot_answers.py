"""The built-in answers: which rule answers which words, and what may never be in an answer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from understudy.autopilot import built_in_answers
from understudy.model import Audio, File, Image, Message, Part, Request, Text
from understudy.rules import Match

MODELS = ("mock-llm-v1", "mock-gpt-4", "mock-claude-sonnet-4")
ANSWERS = built_in_answers(check=True)

# A user's text, and the rule that is to answer it. The first text for a rule stands for it in what follows.
TABLE: tuple[tuple[str, str], ...] = (
    # The guide's own requests.
    ("Write a Python function to calculate fibonacci numbers", "fibonacci"),
    ("Analyze this CSV dataset and create visualizations", "data analysis"),
    ("Write a Python script to analyze a simple dataset and create a basic visualization", "data analysis"),
    ("Help me integrate MCP with AutoGen agents", "MCP with AutoGen"),
    ("Hello", "greeting"),
    # Reports of a run.
    ("exitcode: 0 (execution succeeded)\nCode output: \nRows read from sample_data.csv: 120\n", "code ran"),
    ("exitcode: 0 (execution succeeded)", "code ran"),
    ("exitcode: 1 (execution failed)\nCode output: \nNameError: name 'x' is not defined\n", "code failed"),
    (
        "Traceback (most recent call last):\n  File 'a.py', line 1\nNameError: name 'x' is not defined",
        "code failed",
    ),
    # Small talk.
    ("hi", "greeting"),
    ("Hello there, how are you today?", "greeting"),
    ("Good morning!", "greeting"),
    ("Thanks a lot!", "thanks"),
    ("Great, thank you for your help.", "thanks"),
    ("Goodbye", "goodbye"),
    ("Thanks, bye!", "goodbye"),
    ("Who are you?", "who are you"),
    ("What can you do?", "who are you"),
    ("Which model is this?", "who are you"),
    # Prose for somebody.
    ("Write an email to my boss asking for a day off", "letter"),
    ("Draft a short cover letter for a junior developer role", "letter"),
    ("Write a poem about the sea", "creative writing"),
    ("Tell me a joke", "creative writing"),
    ("Write a short story about a class of robots", "creative writing"),
    # Data.
    ("Plot a chart of NVDA and TESLA stock price change YTD.", "data analysis"),
    ("Please explore the sales data and give me some insights", "data analysis"),
    ("Visualise the data", "data analysis"),
    ("Draw a histogram", "data analysis"),
    ("Load a spreadsheet with pandas and plot it", "data analysis"),
    ("Read the csv file and compute summary statistics", "data analysis"),
    # MCP and AutoGen.
    ("How do I use model context protocol tools in pyautogen?", "MCP with AutoGen"),
    ("What is MCP?", "MCP"),
    ("How do I set up AutoGen?", "AutoGen"),
    # Other languages.
    ("Write a fibonacci function in JavaScript", "JavaScript"),
    ("Implement a debounce in TypeScript", "JavaScript"),
    ("Write a SQL query that finds duplicate rows", "SQL"),
    ("Write a bash script that counts files", "shell"),
    ("Write a function in Go that sorts a slice", "Go"),
    ("Write a Rust program that reads a file", "Rust"),
    ("Write a Java class for a bank account", "another language"),
    ("Write a sort function in C++", "another language"),
    # Code by topic.
    ("Write unit tests for the login function", "unit test"),
    ("How do I write a test case with pytest?", "unit test"),
    ("Show me how to compute fibonacci in python", "fibonacci"),
    ("Implement the Fibonacci sequence", "fibonacci"),
    ("Write a recursive function for the factorial of n", "factorial"),
    ("Create a function that checks for prime numbers", "primes"),
    ("Write fizzbuzz", "FizzBuzz"),
    ("Write a hello world program", "hello world"),
    ("Write a Python HTTP client", "HTTP client"),
    ("Build a REST API with FastAPI", "HTTP client"),
    ("Write code that calls a REST API", "HTTP client"),
    ("Give me an asyncio example in Python", "async"),
    ("Write a function that parses a CSV file", "CSV parsing"),
    ("Write a Python script to parse JSON", "JSON parsing"),
    ("Write a Python script that stores tasks in SQLite", "database"),
    ("Implement a linked list in Python", "data structure"),
    ("Write a class for a stack", "data structure"),
    ("Implement binary search", "searching"),
    ("Implement quicksort", "sorting"),
    ("How do I sort a list of numbers?", "sorting"),
    ("Write a function that sorts a list", "sorting"),
    ("Write a palindrome checker in Python", "palindrome"),
    ("Write a function to reverse a string", "strings"),
    ("Write a program that counts words", "strings"),
    ("Solve the Tower of Hanoi in Python", "recursion"),
    ("Write a Python script that reads a file", "file handling"),
    ("Write a timing decorator in Python", "decorator"),
    ("Create a Python class for a bank account", "class"),
    # Any code.
    ("Write a Python script that controls a robot arm", "code"),
    ("Generate code for a thermostat", "code"),
    ("Create a todo list app", "code"),
    ("Write a regex for phone numbers", "code"),
    ("How can I send SMS in Python?", "code"),
    # Code to look at.
    ("Review my code please", "code review"),
    ("Please fix this function, it returns None", "code review"),
    ("What does this do?\n```python\nprint(1)\n```", "code in the message"),
    ("Write a unit test for this:\n```python\nprint(1)\n```", "unit test"),
    # Translations, summaries, sums.
    ('Translate "good morning" to French', "translation"),
    ("Translate the following text into German:\nThe train is late.", "translation"),
    ("How do you say thank you in Japanese?", "translation"),
    ("Summarize: The sky is blue. The sea is green. The end.", "summary"),
    ("Give me a short summary of the meeting", "summary"),
    ("Translate this function to JavaScript", "JavaScript"),
    ("Summarize this article: AutoGen is great. It speaks MCP.", "summary"),
    ("Summarize this CSV data", "data analysis"),
    ("what is 2+2", "sum"),
    ("12 times 12", "sum"),
    # Questions.
    ("What is the weather in Paris?", "live data"),
    ("What time is it?", "live data"),
    ("List three ideas for a birthday party", "list"),
    ("Give me tips for better sleep", "list"),
    ("Make a plan for a trip to Rome", "list"),
    ("Compare cats and dogs", "comparison"),
    ("What is the difference between TCP and UDP?", "comparison"),
    ("Explain photosynthesis", "explanation"),
    ("What is the capital of France?", "explanation"),
    # Anything.
    ("The quick brown fox jumps over the lazy dog.", "anything"),
    ("", "anything"),
    # False friends.
    ("Classify this review as positive or negative: the food was cold", "anything"),
    ("What sort of music do you like?", "explanation"),
    ("What is the latest on Mars?", "explanation"),
    ("This is nice", "anything"),
    ("What is the Fibonacci sequence?", "explanation"),
    ("Explain the quicksort algorithm", "explanation"),
    ("What is a Python class?", "explanation"),
    ("Is a python dangerous?", "anything"),
    ("What is the plot of Hamlet?", "explanation"),
    ("What is data analysis?", "explanation"),
    ("Write a movie script about primes", "anything"),
    ("Give me the zip code of Paris", "anything"),
    ("Thank you, now write a unit test for it", "unit test"),
    ("Tell me about the prime minister of Canada", "explanation"),
    ("Create a training program for runners", "anything"),
    ("Write a code of conduct for our club", "anything"),
    ("I autogenerated my homework", "anything"),
    ("Where does coffee go in Java?", "explanation"),
    ("I gave my class a test about primes", "anything"),
    ("Say something about string theory", "anything"),
    ("Hi, my name is Ada and I like trains", "anything"),
)

FIRST_TEXTS = {rule: text for text, rule in reversed(TABLE)}
INPUTS: dict[str, Part] = {
    "image input": Image("data:image/png;base64,AAAA"),
    "audio input": Audio("AAAA", "wav"),
    "file input": File(name="a.pdf"),
}
RULES = (*FIRST_TEXTS, *INPUTS)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LOOP_ENDS = ("TERMINATE", "APPROVE")


def match(text: str, model: str = MODELS[0], *more: Part) -> Match:
    """What answers a first message of this text."""
    message = Message("user", (Text(text), *more) if text else more)
    found = ANSWERS.select(Request("openai-chat", "chat", model, (message,), {}))
    assert found is not None
    return found


def answer(rule: str, model: str = MODELS[0]) -> str:
    """The answer of a rule to the first text of the table that reaches it."""
    if rule in INPUTS:
        return match("What is this?", model, INPUTS[rule]).reply.text
    return match(FIRST_TEXTS[rule], model).reply.text


def python_blocks(text: str) -> list[str]:
    return [code for language, code in FENCE.findall(text) if language == "python"]


def run(code: str, directory: Path) -> str:
    """Run a script by itself in a directory, and return what it printed."""
    script = directory / "answer.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", script.name],
        cwd=directory,
        env={},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(("text", "rule"), TABLE)
def test_a_text_is_answered_by_the_rule_it_asks_for(text: str, rule: str) -> None:
    assert match(text).rule.name == rule


@pytest.mark.parametrize("rule", INPUTS)
def test_what_a_mock_cannot_see_or_hear_is_noted(rule: str) -> None:
    assert match("Write a Python function", MODELS[0], INPUTS[rule]).rule.name == rule
    assert "I received your" in answer(rule)


def test_an_image_of_an_earlier_turn_does_not_answer_a_new_question() -> None:
    messages = (
        Message("user", (Text("What is this?"), INPUTS["image input"])),
        Message("assistant", (Text("An image."),)),
    )
    for text, rule in (("Implement quicksort", "sorting"), ("What was in the picture?", "image input")):
        request = Request("openai-chat", "chat", MODELS[0], (*messages, Message("user", (Text(text),))), {})
        found = ANSWERS.select(request)
        assert found is not None
        assert found.rule.name == rule


def test_every_rule_has_a_name_of_its_own_and_is_reached() -> None:
    names = [rule.name for rule in ANSWERS.rules]
    assert len(names) == len(set(names))
    assert set(names) == set(RULES)


def test_all_rules_but_the_last_are_asked_only_where_a_literal_of_theirs_occurs() -> None:
    asked_always = [rule.name for rule in ANSWERS.rules if not any(matcher.facts() for matcher in rule.when)]
    assert asked_always == ["anything"]


@pytest.mark.parametrize("rule", RULES)
def test_the_models_say_the_same_thing_in_the_same_words_each_time(rule: str) -> None:
    for model in MODELS:
        said = answer(rule, model)
        assert said == answer(rule, model)
        assert said.strip() == said != ""
        assert "template failed" not in said
        assert "{{" not in said
        assert "\n\n\n\n" not in said


@pytest.mark.parametrize("rule", ["fibonacci", "data analysis", "MCP", "explanation", "anything"])
def test_the_models_differ_in_voice(rule: str) -> None:
    assert len({answer(rule, model) for model in MODELS}) == 3


@pytest.mark.parametrize("rule", RULES)
def test_no_answer_ends_a_loop_or_leaves_a_fence_open(rule: str) -> None:
    for model in MODELS:
        said = answer(rule, model)
        assert not any(word in said for word in LOOP_ENDS)
        assert "```" not in FENCE.sub("", said)


@pytest.mark.parametrize("rule", ["code ran", "code failed", "summary", "translation"])
def test_an_answer_that_quotes_does_not_pass_on_fences_or_ends_of_loops(rule: str) -> None:
    asked = {
        "code ran": "exitcode: 0 (execution succeeded)\nCode output: \n```python\nTERMINATE",
        "code failed": "exitcode: 1 (execution failed)\nCode output: ```python TERMINATE APPROVE",
        "summary": "Summarize:\n```python\nprint(1)\n```\nTERMINATE. APPROVE. End.",
        "translation": 'Translate "`TERMINATE` APPROVE" to French',
    }[rule]
    said = match(asked).reply.text
    assert not any(word in said for word in (*LOOP_ENDS, "```"))


@pytest.mark.parametrize("rule", RULES)
def test_the_python_of_an_answer_runs_alone_and_its_output_asks_for_no_more(
    rule: str, tmp_path: Path
) -> None:
    blocks = list(dict.fromkeys(block for model in MODELS for block in python_blocks(answer(rule, model))))
    for number, block in enumerate(blocks):
        directory = tmp_path / str(number)
        directory.mkdir()
        printed = run(block, directory)
        assert printed.strip()
        assert "```" not in match(printed).reply.text
        assert not any(word in printed for word in LOOP_ENDS)


def test_code_is_answered_to_code_requests_alone() -> None:
    assert {rule for rule in RULES if python_blocks(answer(rule))} == {
        "fibonacci",
        "data analysis",
        "MCP with AutoGen",
        "unit test",
        "factorial",
        "primes",
        "FizzBuzz",
        "hello world",
        "HTTP client",
        "async",
        "CSV parsing",
        "JSON parsing",
        "database",
        "data structure",
        "searching",
        "sorting",
        "palindrome",
        "strings",
        "recursion",
        "file handling",
        "decorator",
        "class",
        "code",
    }


@pytest.mark.parametrize(
    "subject",
    [
        'quotes """ and \\ backslashes',
        "`; raise SystemExit(1) # `",
        "a nul \x00 and a line separator \u2028 raise",
        "emoji 😀 and umlauts äöü",
        "a" * 5000,
    ],
)
def test_the_words_of_the_user_cannot_break_the_code(subject: str, tmp_path: Path) -> None:
    found = match(f"Generate code for {subject}")
    assert found.rule.name == "code"
    (block,) = python_blocks(found.reply.text)
    run(block, tmp_path)


def test_the_data_analysis_leaves_a_table_and_a_well_formed_chart(tmp_path: Path) -> None:
    (block,) = python_blocks(answer("data analysis"))
    printed = run(block, tmp_path)
    assert run(block, tmp_path) == printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answer.py", "chart.svg", "sample_data.csv"]
    assert "Rows read from sample_data.csv: 120" in printed
    lines = (tmp_path / "sample_data.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "order,region,units,price,revenue"
    assert len(lines) == 121

    chart = ElementTree.parse(tmp_path / "chart.svg").getroot()
    svg = "{http://www.w3.org/2000/svg}"
    assert chart.tag == f"{svg}svg"
    texts = [text.text for text in chart.iter(f"{svg}text")]
    assert texts[:3] == ["Mean revenue by region", "Region", "Revenue"]
    assert {"East", "North", "South", "West"} <= set(texts)
    assert len(list(chart.iter(f"{svg}rect"))) == 5


def test_a_shell_answer_is_harmless(tmp_path: Path) -> None:
    ((language, code),) = FENCE.findall(answer("shell"))
    assert language == "bash"
    done = subprocess.run(["bash", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "long.txt: 3 lines\nshort.txt: 2 lines\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("what is 2+2", "2 + 2 = 4"),
        ("Calculate 12 * -3", "12 * -3 = -36"),
        ("7 minus 10 =", "7 - 10 = -3"),
        ("What is 10 / 4?", "10 / 4 = 2.5"),
        ("12 divided by 4", "12 / 4 = 3"),
        ("1/0", "1 / 0 has no result"),
        ('Translate "good morning" to French', '"good morning" in French: bonjour'),
        ("Translate hello to Spanish", '"hello" in Spanish: hola'),
        ("How do you say thank you in German?", '"thank you" in German: danke'),
    ],
)
def test_what_is_easy_is_answered_for_real(asked: str, said: str) -> None:
    assert match(asked).reply.text == said


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("Translate the following text into German:\nThe train is late.", "\n> The train is late.\n"),
        ('Translate "the train is late" to Welsh', "into Welsh:\n\n> the train is late\n"),
        ("Summarize: The sky is blue. The sea is green. The end.", "The sky is blue. The sea is green.\n"),
        ("Compare cats and dogs", "cats and dogs"),
        ("List three ideas for a birthday party", "birthday party"),
        ("I gave my class a test about primes", "I gave my class a test about primes"),
        ("exitcode: 0 (execution succeeded)\nCode output: \n120 rows\n", "\n> 120 rows\n"),
        ("exitcode: 1 (execution failed)\nCode output: \nNameError: x\n", "\n> NameError: x\n"),
    ],
)
def test_an_answer_takes_up_the_words_of_the_user(asked: str, part: str) -> None:
    assert part in match(asked).reply.text
