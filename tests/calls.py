"""What the tests of retries and of broken streams share: a server that fails on demand, and who asks it.

Mock     the server's side: what fails, and which calls came
Asker    the client's side: one question, whole or streamed, of the sync or of the async SDK
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there, who are you?"}]
PATIENCE_S = 60
Serving = Callable[..., AbstractContextManager[str]]


class Way(NamedTuple):
    """How a question is asked."""

    is_async: bool
    streamed: bool

    def __str__(self) -> str:
        return f"{'async' if self.is_async else 'sync'} {'streamed' if self.streamed else 'whole'}"


WAYS = (Way(False, False), Way(False, True), Way(True, False), Way(True, True))


class Mock(NamedTuple):
    """The server's side, by its control API."""

    url: str

    def control(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_understudy/{path}", data, method=method)
        with urlopen(request, timeout=PATIENCE_S) as answer:
            return json.loads(answer.read() or b"null")

    def fail(self, fault: object, times: int | None = None) -> None:
        """Each request meets this fault, or the next `times` do."""
        self.control("PUT", "faults", [{"fault": fault, "times": times}])

    def refuse(self, status: int, headers: Mapping[str, str]) -> None:
        """Each request gets the error with this status and these headers."""
        self.fail({"error": {"status": status, "headers": headers}})

    def calls(self) -> list[dict[str, Any]]:
        """The calls that came since the start of the test, oldest first."""
        requests: list[dict[str, Any]] = self.control("GET", "requests")["requests"]
        return requests

    def statuses(self) -> list[int]:
        return [call["status"] for call in self.calls()]

    def gaps(self) -> list[float]:
        """The seconds from each call to the next."""
        at = [call["at"] for call in self.calls()]
        return [after - before for before, after in pairwise(at)]


class Asker:
    """Asks one question in one way; `heard` are the pieces of text that arrived before it ended or broke."""

    def __init__(self, url: str, way: Way, runner: asyncio.Runner) -> None:
        self.way = way
        self.heard: list[str] = []
        self._runner = runner
        self._client = OpenAI(base_url=f"{url}/v1", api_key="any")
        self._async_client = AsyncOpenAI(base_url=f"{url}/v1", api_key="any")

    def __call__(self, model: str = "gpt-4o", **options: Any) -> str:
        """The answer's text; `options` are the client's, such as `max_retries` and `timeout`."""
        self.heard = []
        if self.way.is_async:
            self._runner.run(self._ask_async(model, options))
        else:
            self._ask(model, options)
        return "".join(self.heard)

    def close(self) -> None:
        self._client.close()
        self._runner.run(self._async_client.close())

    def _ask(self, model: str, options: dict[str, Any]) -> None:
        completions = self._client.with_options(**options).chat.completions
        if not self.way.streamed:
            whole = completions.create(model=model, messages=HELLO)
            self.heard.append(whole.choices[0].message.content or "")
            return
        with completions.create(model=model, messages=HELLO, stream=True) as stream:
            for chunk in stream:
                self._hear(chunk)

    async def _ask_async(self, model: str, options: dict[str, Any]) -> None:
        completions = self._async_client.with_options(**options).chat.completions
        if not self.way.streamed:
            whole = await completions.create(model=model, messages=HELLO)
            self.heard.append(whole.choices[0].message.content or "")
            return
        async with await completions.create(model=model, messages=HELLO, stream=True) as stream:
            async for chunk in stream:
                self._hear(chunk)

    def _hear(self, chunk: ChatCompletionChunk) -> None:
        self.heard += [choice.delta.content for choice in chunk.choices if choice.delta.content]


@contextmanager
def asking(url: str, way: Way) -> Iterator[Asker]:
    """An asker in this way, whose connections are closed at the end."""
    with asyncio.Runner() as runner:
        asker = Asker(url, way, runner)
        try:
            yield asker
        finally:
            asker.close()
