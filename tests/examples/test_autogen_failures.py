"""The AutoGen examples in which something fails: a model, the server, or the client's patience."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from transcripts import ROOT, Message, conversation, messages_0_2, messages_0_7, run_example

Serving = Callable[..., AbstractContextManager[str]]
Read = Callable[[str], list[Message]]

GENERATIONS = pytest.mark.parametrize("generation", ["autogen_0_2", "autogen_0_7"])
READ: dict[str, Read] = {"autogen_0_2": messages_0_2, "autogen_0_7": messages_0_7}
ASKS_YOU = {"autogen_0_2": "to end the conversation: ", "autogen_0_7": "Enter your response: "}
BROKE_OFF = {
    "autogen_0_2": "❌ The conversation broke off: APIConnectionError: Connection error.\n",
    "autogen_0_7": "❌ The conversation broke off: RuntimeError: APIConnectionError: Connection error.\n",
}
SPEAKERS = {
    "autogen_0_2": [
        "user_proxy",
        "assistant",
        "user_proxy",
        "user_proxy",
        "assistant",
        "user_proxy",
        "assistant",
    ],
    "autogen_0_7": ["user", "assistant", "user_proxy", "user", "assistant", "assistant"],
}


def journal(url: str) -> list[dict[str, Any]]:
    """What the server was asked, in order."""
    with urlopen(f"{url}/_understudy/requests", timeout=10) as answer:
        exchanges: list[dict[str, Any]] = json.load(answer)["requests"]
    return exchanges


def statuses(url: str) -> list[int]:
    return [exchange["status"] for exchange in journal(url)]


def begin_outage(url: str) -> None:
    """Have every connection reset, until the outage is ended."""
    command = [sys.executable, "-m", "understudy", "outage", "1m", "--how", "reset", "--url", url]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def end_outage(url: str) -> None:
    urlopen(Request(f"{url}/_understudy/outage", method="DELETE"), timeout=10).close()


@GENERATIONS
def test_the_second_model_answers_while_the_first_fails(
    generation: str, serving: Serving, tmp_path: Path
) -> None:
    with serving() as url:
        run = run_example(generation, "test_failover.py", url, tmp_path)
        asked = [(exchange["model"], exchange["status"]) for exchange in journal(url)]
    assert asked == [
        ("mock-claude-sonnet-4", 200),
        ("mock-claude-sonnet-4", 503),
        ("mock-claude-sonnet-4", 503),
        ("mock-claude-sonnet-4", 503),
        ("mock-gpt-4", 200),
        ("mock-claude-sonnet-4", 200),
    ]
    assert re.findall(r"^➡️ Answered by (.*)$", run.output, re.M) == [
        "mock-claude-sonnet-4",
        "mock-gpt-4",
        "mock-claude-sonnet-4",
    ]


FAIL_OVER_A_STREAM = """
import asyncio
import openai
from autogen_core.models import CreateResult, UserMessage
from test_failover import FailoverClient, mock_model

def client(*names):
    return FailoverClient({name: mock_model(name, "key") for name in names})

async def pieces(model):
    return [piece async for piece in model.create_stream([UserMessage(content="Hello", source="user")])]

async def main():
    model = client("mock-error-400", "mock-gpt-4")
    *texts, result = await pieces(model)
    assert isinstance(result, CreateResult)
    assert "".join(texts) == result.content
    assert model.total_usage() == result.usage
    print(model.answered_by)
    try:
        await pieces(client("mock-error-400", "mock-error-404"))
    except openai.APIStatusError as error:
        print(type(error).__name__)

asyncio.run(main())
"""


def test_the_failover_client_of_0_7_streams_and_raises_the_last_error(
    server_url: str, tmp_path: Path
) -> None:
    script = tmp_path / "stream.py"
    found_in = f"import sys; sys.path.insert(0, {str(ROOT / 'examples/autogen_0_7')!r})"
    script.write_text(found_in + FAIL_OVER_A_STREAM, encoding="utf-8")
    run = run_example("autogen_0_7", str(script), server_url, tmp_path)
    assert run.output == (
        "⚠️ mock-error-400 failed with BadRequestError\n"
        "mock-gpt-4\n"
        "⚠️ mock-error-400 failed with BadRequestError\n"
        "NotFoundError\n"
    )


def assert_it_broke_off_and_a_new_one_finished(generation: str, output: str, folder: Path) -> None:
    assert BROKE_OFF[generation] in output
    messages = READ[generation](output)
    assert [message.source for message in messages] == SPEAKERS[generation]
    assert messages[2].text.partition("\n")[0] == "And for what else?"
    assert messages[-1].text.partition("\n")[0] == "TERMINATE"
    if generation == "autogen_0_7":
        errors = (folder / "errors.txt").read_text(encoding="utf-8")
        assert "openai.APIConnectionError: Connection error." in errors
        assert output.endswith("✅ The new run finished: Text 'TERMINATE' mentioned\n")
    else:
        assert output.endswith("✅ The new conversation finished.\n")


@GENERATIONS
def test_a_conversation_breaks_off_when_the_server_is_stopped_and_a_new_one_finishes(
    generation: str, serving: Serving, tmp_path: Path
) -> None:
    with ExitStack() as server:
        url = server.enter_context(serving())
        with conversation(generation, "error_handling.py", url, tmp_path) as talk:
            talk.until(ASKS_YOU[generation])
            assert statuses(url) == [200]
            server.close()
            talk.answer("And for what else?")
            talk.until("Start the server again, then press Enter: ")
            server.enter_context(serving("--port", url.rpartition(":")[2]))
            talk.answer("")
            talk.finish()
            assert statuses(url) == [200, 200]
    assert_it_broke_off_and_a_new_one_finished(generation, talk.output, tmp_path)


@GENERATIONS
def test_a_conversation_breaks_off_in_an_outage_and_a_new_one_finishes(
    generation: str, serving: Serving, tmp_path: Path
) -> None:
    with serving() as url, conversation(generation, "error_handling.py", url, tmp_path) as talk:
        talk.until(ASKS_YOU[generation])
        begin_outage(url)
        talk.answer("And for what else?")
        talk.until("Start the server again, then press Enter: ")
        end_outage(url)
        talk.answer("")
        talk.finish()
        told = [(exchange["status"], exchange["outcome"]) for exchange in journal(url)]
    assert told == [(200, "complete"), (0, "cut"), (200, "complete"), (200, "complete")]
    assert_it_broke_off_and_a_new_one_finished(generation, talk.output, tmp_path)


@GENERATIONS
def test_a_client_waits_as_it_is_told_and_one_that_may_not_retry_fails(
    generation: str, serving: Serving, tmp_path: Path
) -> None:
    with serving("--rate-limit", "1/s") as url:
        run = run_example(generation, "rate_limiting.py", url, tmp_path)
        exchanges = journal(url)

    patient, _, impatient = run.output.partition("✅ The patient client got its three answers.")
    assert [message.source for message in READ[generation](patient)].count("assistant") == 3
    assert impatient.endswith(
        "❌ The impatient client failed: RateLimitError 429\n"
        "   type rate_limit_error, code rate_limit_exceeded, retry-after 1 s\n"
    )

    # A wait of whole milliseconds is the one from `retry-after-ms`; the client's own have a random part.
    waits = [
        float(wait) for wait in re.findall(r"^⏳ Retrying request in (\d\.\d{3})000 seconds", patient, re.M)
    ]
    refused = [pair for pair in pairwise(exchanges) if pair[0]["status"] == 429]
    assert [later["status"] for _, later in refused] == [200] * len(waits)
    assert waits
    for wait, (first, second) in zip(waits, refused, strict=True):
        assert 0 < wait <= 1
        assert second["at"] - first["at"] >= wait
    assert exchanges[-1]["status"] == 429
    assert run.output.count("⏳") == len(waits)
