"""What the checks ask an endpoint for: the same answer is had once, whoever looks at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import json

from understudy.checks import reach
from understudy.checks.client import Answer, Client, Unanswered, decoded
from understudy.checks.findings import Ended, Finding, excerpt, fail, quoted

MOST_SAID = 500
"""Characters of an error's message, which often ends with what to do."""
PROMPT = "Say hello in five words."
NOT_CHAT = re.compile(
    r"embed|whisper|tts|audio|realtime|transcri|dall-e|image|moderation|sora|rerank|search|instruct|davinci|babbage"
    r"|bge|guard|codex",
    re.I,
)


class NoModel(Ended):
    """No model is known to ask. That is for `models` to report, where it runs."""

    def __init__(self) -> None:
        super().__init__(
            fail(
                "no model is known: GET /models gives none that looks like one for chat",
                "a model to ask",
                "Name one with --model.",
            )
        )


class Endpoint:
    """An OpenAI-compatible API under check. `wanted` is the model that the user named, if any."""

    def __init__(self, client: Client, wanted: str | None = None) -> None:
        self.client = client
        self.wanted = wanted
        self._had: dict[str, Answer | Unanswered] = {}

    # --- answers ----------------------------------------------------------------------------------

    def models(self) -> Answer:
        return self._once("models", lambda: self.client.ask("GET", "/models"))

    def whole(self) -> Answer:
        """A completion of the plain prompt."""
        return self._once("whole", lambda: self.chat(user(PROMPT)))

    def streamed(self) -> Answer:
        """The same as a stream, usage included."""
        more: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
        return self._once("streamed", lambda: self.chat(user(PROMPT), **more))

    def _once(self, name: str, ask: Callable[[], Answer]) -> Answer:
        if name not in self._had:
            try:
                self._had[name] = ask()
            except Unanswered as problem:
                self._had[name] = problem
        had = self._had[name]
        if isinstance(had, Unanswered):
            raise had
        return had

    def chat(self, *messages: dict[str, Any], model: str | None = None, **more: Any) -> Answer:
        """The answer to a conversation. Raises NoModel where none is known."""
        return self.post(json.encode({"model": model or self.model, "messages": messages} | more))

    def post(self, body: bytes) -> Answer:
        return self.client.ask("POST", "/chat/completions", body)

    # --- models -----------------------------------------------------------------------------------

    @property
    def model(self) -> str:
        """The model to ask: the one named, else the first listed one that looks like one for chat."""
        if self.wanted:
            return self.wanted
        names = self.chat_models()
        if not names:
            raise NoModel
        return names[0]

    def chat_models(self) -> list[str]:
        """The listed models that can be expected to chat."""
        try:
            listed = decoded(self.models().body)["data"]
            names = [each["id"] for each in listed if isinstance(each["id"], str)]
        except (Unanswered, ValueError, KeyError, TypeError):
            return []
        return [name for name in names if not NOT_CHAT.search(name)]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


# --- what answers tell ------------------------------------------------------------------------------


def content(answer: Answer, client: Client) -> Any:
    """The JSON of a successful answer. Raises Ended with what is wrong where it is none."""
    if problem := refusal(answer, client):
        raise Ended(problem)
    if answer.ending != "whole":
        raise Ended(_incomplete(answer))
    try:
        value = decoded(answer.body)
    except ValueError as broken:
        raise Ended(_no_json(answer, broken)) from None
    if isinstance(value, dict) and value.get("error") and "choices" not in value:
        raise Ended(
            fail(
                f"HTTP 200 with an error in it: {quoted(value['error'])}",
                "an answer, or a status from 400 on",
                "SDKs take it for an answer and break later: the server must send the error with its status.",
            )
        )
    return value


def content_type(answer: Answer) -> Iterator[Finding]:
    """An answer whose type is not JSON: SDKs hand it out as text, unread."""
    if not answer.kind.endswith("json"):
        yield fail(
            f"content-type is {quoted(answer.header('content-type'))}",
            "application/json",
            "SDKs give the application the text in place of an object: set the header.",
        )


def _incomplete(answer: Answer) -> Finding:
    how = {
        "cut": "the connection breaks off in the middle of the body",
        "silent": "the body stops in the middle and nothing more comes until the timeout",
        "endless": "the body does not end",
    }[answer.ending]
    return fail(
        f"{how}, after {len(answer.body)} bytes: {excerpt(answer.body)}",
        "a whole JSON body",
        "Look at the server's log, and at the timeouts and size limits of a proxy that stands before it.",
    )


def _no_json(answer: Answer, problem: ValueError) -> Finding:
    if not answer.body.strip():
        return fail(
            f"the body of the answer (HTTP {answer.status}) is empty",
            "a JSON body",
            "SDKs raise, or give the application nothing: look at the server's log.",
        )
    if answer.header("content-encoding") not in ("", "identity"):
        advice = "It is compressed, which nobody asked for: mend the server, or what compresses after it."
    elif answer.body.lstrip()[:1] == b"<":
        advice = (
            "This is a page for browsers, from a proxy or another program: look at the base URL and its port."
        )
    else:
        advice = (
            "SDKs raise here. The server, or something on the way, garbles what it sends: look at its log."
        )
    return fail(f"the body is no JSON ({problem}): {excerpt(answer.body)}", "a JSON body", advice)


def refusal(answer: Answer, client: Client) -> Finding | None:
    """Why a request was refused and what to do; None where it was not."""
    status = answer.status
    if status == 200:
        return None
    if found := key_problem(answer, client):
        return found
    if 300 <= status < 400:
        return reach.base_url_problem(client, answer)
    words = f"HTTP {status}: {said(answer)}"
    if status == 404:
        advice = "Look at the base URL, and at the model's name: --model NAME, one that GET /models lists."
    elif status >= 500:
        advice = (
            "The server breaks down, or what is behind it. Look at its log; where it is overloaded, retry."
        )
    else:
        advice = "The server does not take what the API takes: what it says tells why."
    return fail(words, "HTTP 200", advice)


def key_problem(answer: Answer, client: Client) -> Finding | None:
    """What is the matter with the key or its limits, and what to do; None where nothing is."""
    words = f"HTTP {answer.status}: {said(answer)}"
    if answer.status == 401 and client.key is None:
        return fail(words, "an answer", "It wants a key: give it with --api-key, or in OPENAI_API_KEY.")
    if answer.status in (401, 407):
        return fail(
            words,
            "an answer",
            "The key is refused. Is it whole, of this service, and not revoked? --api-key wins over "
            "OPENAI_API_KEY.",
        )
    if answer.status == 403:
        return fail(words, "an answer", "The key may not do this: use one that may, or another --model.")
    if answer.status == 402 or (answer.status == 429 and b"insufficient_quota" in answer.body):
        return fail(
            words,
            "an answer",
            "The account's quota is used up. Waiting does not help: look at its plan and bill, or use "
            "another key.",
        )
    if answer.status == 429:
        return fail(words, "an answer", f"The key's rate limit is reached. {_when(answer)}")
    return None


def _when(answer: Answer) -> str:
    told = answer.header("retry-after")
    wait = f"Wait {told} s as retry-after says" if told else "Wait (the answer has no retry-after)"
    return f"{wait}, raise the limit, or use another key."


def said(answer: Answer) -> str:
    """The message of an error, or what there is in place of one."""
    try:
        value = decoded(answer.body)
        message = value["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return excerpt(answer.body)
    return quoted(message, MOST_SAID)
