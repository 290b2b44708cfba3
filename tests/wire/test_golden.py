"""Golden pairs: answers as the vendor documents them, used in both directions.

`<case>.request.json` is what a client sends (`.request.txt`: method and target), `<case>.reply.json`
the whole answer, `<case>.sse` the streamed one, or `<case>.ndjson` where a stream is lines of JSON. An answer
that is read gives the reply from which the same answer is made again. What the vendor draws at random is
compared by its form alone: fingerprints, signatures, obfuscation, and the numbers of logprobs.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from understudy.events import unfold
from understudy.model import AnyReply, HttpRequest, Reply, Text
from understudy.providers import PROVIDERS
from understudy.providers.base import Provider

HERE = Path(__file__).parent
BY_DRAWER = {provider.NAME.replace("-", "_"): provider for provider in PROVIDERS}
CASES = sorted(f"{file.parent.name}/{file.name.split('.')[0]}" for file in HERE.glob("*/*.reply.json"))
STREAMS = ("sse", "ndjson")
STREAMED = [(case, ending) for case in CASES for ending in STREAMS if (HERE / f"{case}.{ending}").exists()]

# The ids of items, of which the first letters tell the kind.
ITEM = re.compile(r"(msg|rs|fc|ctc|ws|fs|ci|ig|mcpl?|mcpr|sho?|cu|lsh|apc)_[0-9A-Za-z]{40,}")

# An echo is not told from the text that follows it, so that such an answer cannot be read back.
UNREADABLE: dict[str, tuple[str, ...]] = {"openai_completions/echo": (" hi", " ho")}


def provider_of(case: str) -> Provider:
    return BY_DRAWER[case.partition("/")[0]]


def text_of(case: str, ending: str) -> str:
    return (HERE / f"{case}.{ending}").read_text("utf-8")


def http_of(case: str, stream: bool) -> HttpRequest:
    if (HERE / f"{case}.request.txt").exists():
        method, target = text_of(case, "request.txt").split()
        return HttpRequest(method, target)
    sent = json.loads(text_of(case, "request.json"))
    if not stream:
        sent.pop("stream", None)
    return HttpRequest("POST", provider_of(case).ROUTES[0][1], body=json.dumps(sent).encode())


def reply_of(case: str, ending: str) -> Any:
    read = provider_of(case).read([text_of(case, ending).encode()])
    if case not in UNREADABLE:
        return read
    assert isinstance(read, Reply)
    first, *others = (Reply((Text(text),), "length") for text in UNREADABLE[case])
    return Reply(first.parts, first.stop, read.usage, read.id, read.created, 0.0, read.model, tuple(others))


def formed(value: Any, key: str = "") -> Any:
    """The value, with what is drawn at random replaced by its form."""
    if key == "obfuscation":
        return bool(re.fullmatch(r"[0-9A-Za-z]+", value))
    if key in ("signature", "thoughtSignature"):
        return bool(re.fullmatch(r"[0-9A-Za-z+/]+=*", value))
    if key == "system_fingerprint":
        return bool(re.fullmatch(r"fp_[0-9a-f]{10}", value))
    if key in ("id", "item_id") and isinstance(value, str) and (made := ITEM.fullmatch(value)):
        return made[1]
    if key == "encrypted_content" and value.startswith("gAAAAA"):
        return bool(re.fullmatch(r"[\w=-]+", value))
    if key in ("encrypted_content", "encrypted_index"):
        return bool(re.fullmatch(r"[0-9A-Za-z+/]+=*", value))
    if key == "retrieved_at":
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", value))
    if key in ("logprob", "token_logprobs"):
        return "logprobs"
    if key == "top_logprobs" and isinstance(value, list):
        return [len(each) for each in value]
    if isinstance(value, dict):
        return {name: formed(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [formed(each) for each in value]
    return value


def frames(stream: str) -> list[Any]:
    """The frames' data; each is one line, after the event's name where events have one, and a blank line.

    In lines of JSON, each line.
    """
    if stream.startswith("{"):
        return [formed(json.loads(line)) for line in stream.splitlines()]
    *whole, rest = stream.replace("\r\n", "\n").split("\n\n")
    assert rest == ""
    found = [re.fullmatch(r"(?:event: (?P<name>[\w.]+)\n)?data: (?P<data>[^\n]*)", frame) for frame in whole]
    assert all(found)
    data = [(each["name"], each["data"]) for each in found if each]
    assert all(name is None or json.loads(told)["type"] == name for name, told in data)
    return [told if told == "[DONE]" else formed(json.loads(told)) for _, told in data]


@pytest.mark.parametrize("case", CASES)
def test_a_whole_answer_is_as_documented(case: str) -> None:
    provider = provider_of(case)
    made = provider.body(reply_of(case, "reply.json"), provider.parse(http_of(case, stream=False)))
    assert formed(json.loads(made)) == formed(json.loads(text_of(case, "reply.json")))


@pytest.mark.parametrize(("case", "ending"), STREAMED)
def test_a_streamed_answer_is_as_documented_frame_by_frame(case: str, ending: str) -> None:
    provider = provider_of(case)
    encode = provider.encoder(provider.parse(http_of(case, stream=True)))
    made = b"".join(encode(event) for event in unfold(reply_of(case, "reply.json")))
    assert frames(made.decode()) == frames(text_of(case, ending))


@pytest.mark.parametrize(("case", "ending"), STREAMED)
def test_both_ways_of_telling_an_answer_read_the_same(case: str, ending: str) -> None:
    whole, streamed = reply_of(case, "reply.json"), reply_of(case, ending)
    told_usage = "include_usage" in text_of(case, "request.json") or not case.startswith("openai")
    assert told(streamed, told_usage) == told(whole, told_usage)


def told(reply: AnyReply, usage: bool) -> tuple[Any, ...]:
    assert isinstance(reply, Reply)
    choices = [(each.parts, each.stop) for each in (reply, *reply.others)]
    return reply.id, reply.created, reply.model, choices, reply.usage if usage else None
