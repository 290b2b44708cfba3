"""One conversation, as each API has it: what the tests that go over all providers ask.

Instructions, a question, a call of a tool, its result, and a second question with an image. The file
`tests/wire/<name>/conversation.json` has it as the API of this name wants it: `body`, `headers`, and the
`target` of a `whole` and of a `streamed` request, null where there is none, with what the body has besides.
"$ASK" stands for the second question; `like` names the API whose file says the rest. `cannot_say` tells what
the API has no word for, with the reason, and `encoded_anew` why an answer that is given again is encoded once
more, where it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from understudy.model import HttpRequest, Request
from understudy.providers import PROVIDERS
from understudy.providers.base import Provider

WIRE = Path(__file__).parent / "wire"
NO_CONVERSATION = {"openai-completions": "it takes prompts: there are no messages, tools or images in it"}


class Way(NamedTuple):
    """An API, asked for a `whole` or a `streamed` answer."""

    provider: Provider
    kind: str

    def __str__(self) -> str:
        return f"{self.provider.NAME} {self.kind}"


def generates(provider: Provider) -> bool:
    """Whether the API generates its answers: what does not, does not stream."""
    try:
        provider.encoder(Request(provider.NAME, "chat", "m", (), {}))
    except TypeError:
        return False
    return True


def file_of(name: str) -> Path:
    return WIRE / name.replace("-", "_") / "conversation.json"


def conversation(name: str) -> dict[str, Any]:
    """The conversation as an API has it."""
    file = file_of(name)
    assert file.exists(), (
        f"{file} is missing: say in it how the conversation of {file_of('openai-chat')} goes in {name}"
    )
    told: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return conversation(told["like"]) | told if "like" in told else told


def ways_of(provider: Provider) -> list[Way]:
    """The ways to ask an API; both, where its file is missing."""
    file = file_of(provider.NAME)
    told = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return [Way(provider, kind) for kind in ("whole", "streamed") if told.get(kind, True)]


CONVERSING = [each for each in PROVIDERS if generates(each) and each.NAME not in NO_CONVERSATION]
EACH_WAY = pytest.mark.parametrize("way", [way for each in CONVERSING for way in ways_of(each)], ids=str)


def question(way: Way, ask: str) -> HttpRequest:
    """The conversation whose last question is `ask`."""
    told = conversation(way.provider.NAME)
    body = json.dumps(told["body"] | told[way.kind].get("body", {})).replace('"$ASK"', json.dumps(ask))
    headers = [text.encode() for header in told.get("headers", {}).items() for text in header]
    return HttpRequest("POST", told[way.kind]["target"], tuple(headers), body.encode())
