"""A streamed answer, frame by frame: what is in it, and what is wrong with it.

    data: {"id": ..., "choices": [{"index": 0, "delta": {"role": "assistant", ...}, "finish_reason": null}]}
    data: ... deltas ...
    data: {... "delta": {}, "finish_reason": "stop"}
    data: {... "choices": [], "usage": {...}}             asked for with stream_options.include_usage
    data: [DONE]

Source: platform.openai.com/docs/api-reference/chat-streaming; `openai` 3.54's `ChatCompletionChunk`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from understudy.checks import shapes
from understudy.checks.client import Answer, decoded
from understudy.checks.findings import MOST_NOTED, Finding, excerpt, fail, note, quoted, warn

DONE = b"[DONE]"
LINE = re.compile(rb"\r\n|\n|\r")
A_STREAM = "frames `data: {...}`, each followed by an empty line, the last one `data: [DONE]`"
BROKEN_OFF = (
    "Applications hang or show half an answer. Look at the server's log, and at the timeouts and limits of a "
    "proxy that stands before it."
)


class Frame(Struct, frozen=True):
    """The data of one server-sent event, and its number from 1."""

    number: int
    data: bytes


def frames(body: bytes) -> tuple[list[Frame], list[bytes]]:
    """The frames of a stream, and the lines in it that belong to none. Comments are neither."""
    found: list[Frame] = []
    odd: list[bytes] = []
    data: list[bytes] = []
    for line in (*LINE.split(body), b""):
        name, _, value = line.partition(b":")
        if not line:
            if data:
                found.append(Frame(len(found) + 1, b"\n".join(data)))
            data = []
        elif name == b"data":
            data.append(value.removeprefix(b" "))
        elif name not in (b"", b"event", b"id", b"retry"):
            odd.append(line)
    return found, odd


class Stream(Struct, frozen=True):
    """A stream taken apart. `broken` tells of the frames that are no chunks: then `chunks` has the others."""

    chunks: tuple[dict[str, Any], ...]
    numbers: tuple[int, ...]
    done: bool
    broken: tuple[Finding, ...] = ()

    @property
    def usage(self) -> dict[str, Any] | None:
        """The last usage that a chunk tells."""
        told = [chunk["usage"] for chunk in self.chunks if isinstance(chunk.get("usage"), dict)]
        return told[-1] if told else None

    @property
    def choices(self) -> list[dict[str, Any]]:
        return [choice for chunk in self.chunks for choice in chunk["choices"]]

    @property
    def text(self) -> str:
        return "".join(choice["delta"].get("content") or "" for choice in self.choices)

    @property
    def finishes(self) -> list[str]:
        return [choice["finish_reason"] for choice in self.choices if choice.get("finish_reason")]


def taken_apart(body: bytes) -> Stream:
    """The chunks of a stream and what is wrong with its frames."""
    found, odd = frames(body)
    broken = [
        fail(f"a line that belongs to no frame: {excerpt(line)}", A_STREAM, "Something garbles the stream.")
        for line in odd
    ]
    chunks: list[dict[str, Any]] = []
    numbers: list[int] = []
    done = [frame.number for frame in found if frame.data.strip() == DONE]
    for frame in found:
        if frame.number in done:
            continue
        if done and frame.number > done[0]:
            broken.append(_after_done(frame))
        elif problems := _not_a_chunk(frame):
            broken += problems
        else:
            chunks.append(decoded(frame.data))
            numbers.append(frame.number)
    return Stream(tuple(chunks), tuple(numbers), bool(done), tuple(broken))


def _after_done(frame: Frame) -> Finding:
    return fail(
        f"frame {frame.number} comes after [DONE]: {excerpt(frame.data)}",
        "[DONE] as the last frame",
        "Clients stop reading at [DONE]: send it last.",
    )


def _not_a_chunk(frame: Frame) -> list[Finding]:
    """Why a frame's data is no chunk; nothing where it is one."""
    where = f"frame {frame.number}"
    try:
        value = decoded(frame.data)
    except ValueError as problem:
        return [
            fail(
                f"{where} is no JSON ({problem}): {excerpt(frame.data)}",
                "a whole JSON object in each frame",
                "SDKs raise in the middle of the answer. The server, or something on the way, garbles it.",
            )
        ]
    if isinstance(value, dict) and value.get("error"):
        return [
            fail(
                f"{where} is an error: {quoted(value['error'])}",
                "an answer",
                "The server gave up in the middle; SDKs raise here. What it says tells why.",
            )
        ]
    return shapes.mismatches(value, shapes.CHUNK, where, "chat-streaming")


def problems(answer: Answer, stream: Stream) -> Iterator[Finding]:
    """What is wrong with a stream: its end, then its frames, then their order. A cut hides the rest."""
    if broken_off := _broken_off(answer, stream):
        yield broken_off
    elif stream.broken:
        yield from _distinct(stream.broken)
    elif not stream.chunks:
        yield fail(f"no frame: {excerpt(answer.body)}", A_STREAM, "The server ends its stream at once.")
    elif not stream.done and not stream.finishes:
        yield fail(
            f"the stream ends after {_frames(stream)}, without finish_reason and without [DONE]",
            A_STREAM,
            BROKEN_OFF,
        )
    else:
        yield from _out_of_order(answer, stream)


def _broken_off(answer: Answer, stream: Stream) -> Finding | None:
    """An answer that does not come to its end: cut, silent or endless."""
    heard = f"after {_frames(stream)} ({len(answer.body)} bytes)"
    if answer.ending == "cut":
        return fail(f"the connection breaks off {heard}", A_STREAM, BROKEN_OFF)
    if answer.ending == "silent" and stream.done:
        return fail(
            f"[DONE] came {heard}, and the answer does not end",
            "the end of the answer after [DONE]",
            "Clients that read to the end hang: end the response.",
        )
    if answer.ending == "silent":
        return fail(f"the stream falls silent {heard}, until the timeout", A_STREAM, BROKEN_OFF)
    if answer.ending == "endless":
        return fail(f"the stream does not end: {heard}", A_STREAM, BROKEN_OFF)
    return None


def _frames(stream: Stream) -> str:
    count = len(stream.chunks)
    return "1 frame" if count == 1 else f"{count} frames"


def _distinct(broken: Sequence[Finding]) -> Iterator[Finding]:
    """Of those that differ in the frame's number alone, the first."""
    seen = set()
    for finding in broken:
        kind = re.sub(r"^frame \d+", "", finding.found)
        if kind not in seen:
            yield finding
        seen.add(kind)


def _out_of_order(answer: Answer, stream: Stream) -> Iterator[Finding]:
    first = stream.choices[0]["delta"] if stream.choices else {}
    if not first.get("role"):
        yield fail(
            f"the first delta has no role: {quoted(first)}",
            '"role": "assistant" in the first delta',
            "Clients that build the message from deltas end up without a role: send it first.",
        )
    if len(stream.finishes) != 1:
        yield fail(
            f"finish_reason comes {len(stream.finishes)} times: {quoted(stream.finishes)}",
            "one finish_reason, in the last delta",
            "Send it once, when the choice is complete.",
        )
    elif late := _late(stream):
        yield fail(
            f"frame {late} has text after finish_reason",
            "finish_reason in the last delta",
            "Clients stop at finish_reason and lose the text: send it last.",
        )
    if not stream.done:
        yield fail(
            "the stream ends without [DONE]",
            "`data: [DONE]` as the last frame",
            "Clients wait for it, or take the answer for cut: send it last.",
        )
    yield from _usage_chunk(stream)
    yield from _identity(stream)
    if answer.kind != "text/event-stream":
        yield fail(
            f"content-type is {quoted(answer.header('content-type'))}",
            "text/event-stream",
            "Browsers and proxies do not treat it as a stream: set the header.",
        )


def _late(stream: Stream) -> int | None:
    """The number of the first frame with content after the choice was finished."""
    finished = False
    for number, chunk in zip(stream.numbers, stream.chunks, strict=True):
        for choice in chunk["choices"]:
            if finished and (choice["delta"].get("content") or choice["delta"].get("tool_calls")):
                return number
            finished = finished or bool(choice.get("finish_reason"))
    return None


def _usage_chunk(stream: Stream) -> Iterator[Finding]:
    if stream.usage is None:
        yield fail(
            "no chunk has usage, though stream_options.include_usage asked for it",
            'a chunk {"choices": [], "usage": {...}} before [DONE]',
            "Applications cannot count the tokens of streams: send it, or count without the server.",
        )
    elif stream.chunks[-1]["choices"] or stream.chunks[-1].get("usage") is None:
        yield warn(
            "usage comes in a chunk with choices",
            "a last chunk with usage and no choices",
            "SDKs read it all the same; code that waits for the chunk without choices does not find it.",
        )


def _identity(stream: Stream) -> Iterator[Finding]:
    ids = list(dict.fromkeys(chunk["id"] for chunk in stream.chunks))
    if len(ids) > 1:
        yield fail(
            f"the chunks have {len(ids)} ids: {quoted(ids[:3])}",
            "the same id in every chunk",
            "Clients put an answer's chunks together by it: keep it.",
        )
    times = {chunk["created"] for chunk in stream.chunks}
    if len(times) > 1:
        yield warn(
            f"created differs between chunks: {quoted(sorted(times)[:3])}",
            "the same time in every chunk",
            "The API's documents promise it, and few programs look.",
        )


def summary(stream: Stream) -> Finding:
    return note(f"{_frames(stream)}, {quoted(stream.text, MOST_NOTED)}")
