"""The checklist: each check is a small function over the endpoint, and a row in one table.

A check yields findings. It raises `Ended` where there is nothing more to look at, and whatever needs it is
skipped. Findings that leave the answer usable are yielded, and the checks that build on it run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from understudy.checks import reach, shapes, stream
from understudy.checks.client import Answer, Unanswered, decoded
from understudy.checks.endpoint import (
    PROMPT,
    Endpoint,
    NoModel,
    content,
    content_type,
    key_problem,
    refusal,
    said,
    user,
)
from understudy.checks.findings import MOST_NOTED, Ended, Finding, Result, fail, note, quoted, skip, warn

ORIGIN = "https://app.example.com"
MOST_ROUNDS = 3
MOST_OTHERS = 3
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
ARGUMENTS = shapes.record({"city": shapes.STRING})
QUESTION = user("What is the weather in Paris? Use the tool get_weather.")
RESULT = '{"city": "Paris", "weather": "sunny", "degrees": 21}'
CITY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "country": {"type": "string"},
        "is_capital": {"type": "boolean"},
    },
    "required": ["name", "country", "is_capital"],
    "additionalProperties": False,
}
RESPONSE_FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "city", "strict": True, "schema": CITY},
}
TOOLLESS = (
    "The model does not call tools, or the server does not let it: try another --model, or switch tools on "
    "in the server (vLLM: --enable-auto-tool-choice and --tool-call-parser)."
)
DURATION = re.compile(r"(?=.)(\d+(\.\d+)?d)?(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+(\.\d+)?ms)?")

Findings = Iterator[Finding]


# --- the checks -------------------------------------------------------------------------------------


def reachable(api: Endpoint) -> Findings:
    """An HTTP answer comes from where the base URL points, whatever it says."""
    yield from reach.reachable(api.client, api.models())


def key(api: Endpoint) -> Findings:
    """Neither the list of models nor a completion is refused because of the key or its limits."""
    for ask in (api.models, api.whole):
        try:
            answer = ask()
        except (Unanswered, Ended):
            continue  # This is for the check of that answer to tell.
        if problem := key_problem(answer, api.client):
            raise Ended(problem)
    yield note("accepted" if api.client.key else "none given, none asked for")


def models(api: Endpoint) -> Findings:
    answer = api.models()
    value = content(answer, api.client)
    wrong = shapes.mismatches(value, shapes.MODELS, page="models/list")
    if wrong:
        yield from wrong
        return
    yield from content_type(answer)
    names = [each["id"] for each in value["data"]]
    if not names:
        yield fail("the list is empty", "at least one model", "Load a model into the server.")
    elif api.wanted and api.wanted not in names:
        yield note(f"{_names(names)}; {api.wanted} is not among them")
    else:
        yield note(_names(names))


def completion(api: Endpoint) -> Findings:
    """A completion has every field that SDKs' types require, each of its type, and says something."""
    answer = api.whole()
    value = content(answer, api.client)
    wrong = shapes.mismatches(value, shapes.COMPLETION)
    yield from content_type(answer)
    if wrong and shapes.mismatches(value, shapes.ANSWERED):
        yield from wrong[1:]
        raise Ended(wrong[0])
    yield from wrong
    message = value["choices"][0]["message"]
    reason = value["choices"][0]["finish_reason"]
    if reason not in ("stop", "tool_calls"):
        yield warn(
            f'the answer to a short question ends with finish_reason "{reason}"',
            '"stop"',
            "The server ends answers early: look at its token limit and its filters.",
        )
    text = message.get("content") or message.get("refusal") or ""
    if not text:
        yield fail(
            f"the message is empty: {quoted(message)}",
            "a text in choices[0].message.content",
            "The model said nothing to a plain question: try another --model, and look at the server's log.",
        )
    yield note(f"{api.model}: {quoted(text, MOST_NOTED)}")


def streaming(api: Endpoint) -> Findings:
    answer = api.streamed()
    if problem := refusal(answer, api.client):
        raise Ended(problem)
    if answer.body.lstrip()[:1] in (b"{", b""):
        content(answer, api.client)
        raise Ended(
            fail(
                'a whole answer, though the request says "stream": true',
                stream.A_STREAM,
                "The server, or a proxy before it, does not stream: switch it on there.",
            )
        )
    taken = stream.taken_apart(answer.body)
    yield from stream.problems(answer, taken)
    yield stream.summary(taken)


def usage(api: Endpoint) -> Findings:
    """Tokens add up, in the whole answer and in the stream; the same prompt costs the same in both."""
    told = [
        (where, tokens)
        for where, tokens in (("whole", _usage(api)), ("streamed", _streamed_usage(api)))
        if tokens
    ]
    if not any(where == "whole" for where, _ in told):
        yield warn(
            "the whole answer tells no usage",
            "usage with prompt_tokens, completion_tokens and total_tokens",
            "Applications cannot count tokens, or break where they read usage.total_tokens.",
        )
    for where, tokens in told:
        yield from _sums(where, tokens)
    if len(told) == 2:
        yield from _agreement(api, told[0][1], told[1][1])
    if told:
        tokens = told[0][1]
        yield note(f"{tokens['prompt_tokens']} + {tokens['completion_tokens']} = {tokens['total_tokens']}")


def tools(api: Endpoint) -> Findings:
    """A forced call comes with arguments that fit, and with the tool's result the model ends with a text."""
    forced = {"type": "function", "function": {"name": "get_weather"}}
    message = _message(api, api.chat(QUESTION, tools=[TOOL], tool_choice=forced), TOOLLESS)
    calls = message.get("tool_calls") or []
    if not calls:
        said_instead = message.get("content") or message.get("refusal")
        raise Ended(fail(f"no tool call but {quoted(said_instead)}", "a call of get_weather", TOOLLESS))
    yield from _call_problems(calls[0])
    conversation = [QUESTION]
    for _ in range(MOST_ROUNDS):
        conversation += [_assistant(message), *(_result(call) for call in message["tool_calls"])]
        message = _message(api, api.chat(*conversation, tools=[TOOL]), TOOLLESS)
        if not message.get("tool_calls"):
            break
    else:
        raise Ended(
            fail(
                f"the model calls tools again, {MOST_ROUNDS} times after it had the result",
                "a text that uses the result",
                "Agents loop with it until their limit: try another --model.",
            )
        )
    if not message.get("content"):
        yield fail(
            f"after the tool's result comes no text: {quoted(message)}",
            "a text that uses the result",
            "The loop ends with nothing to show: try another --model.",
        )
    yield note(f"{calls[0]['function']['arguments']}, then {quoted(message.get('content'), MOST_NOTED)}")


def structured(api: Endpoint) -> Findings:
    """With a strict JSON schema, the answer is JSON that fits it."""
    ask = user("Describe the city of Paris as JSON with name, country and is_capital.")
    advice = (
        "The model or the server does not do structured output: try another --model, or switch guided "
        "decoding on in the server."
    )
    message = _message(api, api.chat(ask, response_format=RESPONSE_FORMAT), advice)
    text = message.get("content") or ""
    if message.get("refusal"):
        raise Ended(
            fail(f"the model refuses: {quoted(message['refusal'])}", "JSON that fits the schema", advice)
        )
    if not text:
        raise Ended(fail(f"no text: {quoted(message)}", "JSON in choices[0].message.content", advice))
    try:
        value = decoded(text.encode())
    except ValueError as problem:
        fenced = " in a Markdown fence" if text.lstrip().startswith("```") else ""
        raise Ended(
            fail(f"the text is no JSON{fenced} ({problem}): {quoted(text)}", "JSON alone", advice)
        ) from None
    for wrong in shapes.mismatches(value, CITY, "the JSON"):
        yield fail(wrong.found, wrong.expected, advice)
    if isinstance(value, dict) and (surplus := sorted(set(value) - set(CITY["properties"]))):
        yield fail(f"the JSON has further keys: {quoted(surplus)}", "the schema's keys alone", advice)
    yield note(quoted(value))


def errors(api: Endpoint) -> Findings:
    """What the API refuses is refused, with a status from 400 to 499 and the API's error object."""
    model = api.wanted or next(iter(api.chat_models()), "any")
    wizard = {"model": model, "messages": [{"role": "wizard", "content": PROMPT}]}
    cases: tuple[tuple[str, Callable[[], Answer]], ...] = (
        ("a body that is no JSON", lambda: api.post(b'{"model": ')),
        ("a body without messages", lambda: api.post(msgspec.json.encode({"model": model}))),
        ("a message of an unknown role", lambda: api.post(msgspec.json.encode(wizard))),
        ("an unknown path", lambda: api.client.ask("POST", "/no/such/path", b"{}")),
    )
    for what, ask in cases:
        yield from _error_problems(what, ask(), api)
    yield note(f"{len(cases)} mistakes tried")


def failover(api: Endpoint) -> Findings:
    """Another listed model answers; of many, one of the first few."""
    content(api.models(), api.client)
    others = [name for name in api.chat_models() if name != api.model]
    if not others:
        raise Ended(skip("only one model is listed; without a second one there is nothing to fail over to"))
    failures: dict[str, list[str]] = {}
    for name in others[:MOST_OTHERS]:
        try:
            content(api.chat(user(PROMPT), model=name), api.client)
        except Ended as problem:
            failures.setdefault(problem.finding.found, []).append(name)
        except Unanswered as problem:
            failures.setdefault(reach.explained(api.client, problem).found, []).append(name)
        else:
            yield note(f"{name} answers too")
            return
    told = "; ".join(f"{', '.join(names)}: {found}" for found, names in failures.items())
    yield fail(
        f"no other model answers: {told}",
        f"an answer from a model other than {api.model}",
        "List models that the key may use and that are loaded, or do without failover.",
    )


def cors(api: Endpoint) -> Findings:
    """A page in a browser may call the API. A warning at most: programs outside browsers need none of it."""
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    preflight = api.client.ask("OPTIONS", "/chat/completions", headers=asked)
    wrong = [
        *_preflight_problems(preflight),
        *_origin(api.client.ask("GET", "/models", headers={"Origin": ORIGIN})),
    ]
    for found, expected in wrong:
        yield warn(
            found,
            expected,
            "A browser does not let a page read this API: switch CORS on in the server, or call it from a "
            "backend.",
        )
    yield note("any page may call it")


def limits(api: Endpoint) -> Findings:
    """Rate-limit headers, where there are some, are numbers that agree."""
    answer = api.whole()
    if problem := refusal(answer, api.client):
        raise Ended(problem)
    told = [
        kind for kind in ("requests", "tokens") if any(f"-{kind}" in name for name in _limit_headers(answer))
    ]
    if not told:
        raise Ended(skip("no x-ratelimit-* headers: clients cannot see a limit coming"))
    for kind in told:
        yield from _limit_problems(answer, kind)
    waited = f"; waited {api.client.waits} times as a 429 said" if api.client.waits else ""
    yield note(", ".join(_left(answer, kind) for kind in told) + waited)


class Check(Struct, frozen=True):
    """A row of the checklist. `needs` are checks that must have ended with something to build on."""

    name: str
    title: str
    run: Callable[[Endpoint], Findings]
    needs: tuple[str, ...] = ()


CHECKS = (
    Check("reachable", "Server reachable", reachable),
    Check("key", "Key accepted", key, ("reachable",)),
    Check("models", "Models listed", models, ("key",)),
    Check("completion", "Completion in the right format", completion, ("key",)),
    Check("stream", "Stream in the right format", streaming, ("key",)),
    Check("usage", "Usage adds up", usage, ("completion",)),
    Check("tools", "Tool call and its loop", tools, ("completion",)),
    Check("structured", "Structured output", structured, ("completion",)),
    Check("errors", "Errors in the right shape", errors, ("key",)),
    Check("failover", "A second model to fail over to", failover, ("models",)),
    Check("cors", "Browsers may call it (CORS)", cors, ("reachable",)),
    Check("limits", "Rate-limit headers", limits, ("completion",)),
)


# --- running them -----------------------------------------------------------------------------------


def run(
    api: Endpoint,
    checks: Sequence[Check],
    started: Callable[[Check], object],
    done: Callable[[Result], object],
) -> list[Result]:
    """The results of these checks, in their order."""
    results: dict[str, Result] = {}
    for check in checks:
        started(check)
        start = api.client.clock()
        findings, usable = _outcome(check, api, results)
        results[check.name] = Result(
            check.name, check.title, tuple(findings), api.client.clock() - start, usable
        )
        done(results[check.name])
    return list(results.values())


def _outcome(check: Check, api: Endpoint, results: dict[str, Result]) -> tuple[list[Finding], bool]:
    missing = [name for name in check.needs if name in results and not results[name].usable]
    if missing:
        return [skip(f"needs {missing[0]}")], False
    findings: list[Finding] = []
    try:
        for finding in check.run(api):
            findings.append(finding)
    except NoModel as end:
        told = skip(f"{end.finding.found}; name one with --model") if "models" in results else end.finding
        return [*findings, told], False
    except Ended as end:
        return [*findings, end.finding], False
    except Unanswered as problem:
        return [*findings, reach.explained(api.client, problem)], False
    except Exception as bug:
        return [*findings, _bug(bug)], False
    return findings, True


def _bug(bug: Exception) -> Finding:
    """Our own fault, not dressed as the server's."""
    return fail(
        f"the check itself broke down: {type(bug).__name__}: {bug}",
        "a check that takes whatever a server answers",
        "This is a bug of understudy check: please report it, with what the server answers.",
    )


# --- what the checks share --------------------------------------------------------------------------


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"


def _message(api: Endpoint, answer: Answer, advice: str) -> dict[str, Any]:
    """The message of a completion. Raises Ended where there is none.

    `advice` is for a server that refuses what was asked.
    """
    if answer.status in (400, 404, 422):
        raise Ended(fail(f"HTTP {answer.status}: {said(answer)}", "HTTP 200", advice))
    value = content(answer, api.client)
    if wrong := shapes.mismatches(value, shapes.ANSWERED):
        raise Ended(wrong[0])
    message: dict[str, Any] = value["choices"][0]["message"]
    return message


def _usage(api: Endpoint) -> dict[str, int] | None:
    return _counts(content(api.whole(), api.client).get("usage"))


def _streamed_usage(api: Endpoint) -> dict[str, int] | None:
    """What the stream tells, where there is a stream to speak of; its own check tells where not."""
    try:
        answer = api.streamed()
    except Unanswered:
        return None
    return _counts(stream.taken_apart(answer.body).usage) if answer.status == 200 else None


def _counts(told: Any) -> dict[str, int] | None:
    """Usage in the right shape; the shape itself is for `completion` and `stream` to check."""
    return told if told and not shapes.mismatches(told, shapes.USAGE) else None


def _sums(where: str, tokens: dict[str, Any]) -> Findings:
    prompt, answered, total = (tokens[f"{name}_tokens"] for name in ("prompt", "completion", "total"))
    advice = "Bills and budgets made from it are wrong: mend the server's counting."
    if prompt + answered != total:
        yield fail(
            f"{where}: total_tokens is {total}", f"{prompt} + {answered} = {prompt + answered}", advice
        )
    if prompt == 0:
        yield fail(f"{where}: prompt_tokens is 0", "at least 1", advice)
    for name, count in (("prompt", prompt), ("completion", answered)):
        for part, number in (tokens.get(f"{name}_tokens_details") or {}).items():
            if isinstance(number, int) and number > count and part != "rejected_prediction_tokens":
                yield fail(
                    f"{where}: {name}_tokens_details.{part} is {number}",
                    f"a part of {name}_tokens, which is {count}",
                    advice,
                )


def _agreement(api: Endpoint, whole: dict[str, int], streamed: dict[str, int]) -> Findings:
    """The prompt was the same; the answers' tokens are compared where their texts are."""
    text = content(api.whole(), api.client)["choices"][0]["message"].get("content")
    same = text == stream.taken_apart(api.streamed().body).text
    for name in ("prompt_tokens", "completion_tokens") if same else ("prompt_tokens",):
        if whole[name] != streamed[name]:
            yield fail(
                f"{name} is {whole[name]} for the whole answer and {streamed[name]} for the streamed one",
                "the same number for the same text",
                "One of the two is counted wrongly: mend the server's counting.",
            )


def _call_problems(call: dict[str, Any]) -> Findings:
    name, text = call["function"]["name"], call["function"]["arguments"]
    if name != "get_weather":
        yield fail(f"a call of {quoted(name)}", "a call of get_weather, the only tool on offer", TOOLLESS)
    try:
        value = decoded(text.encode())
    except ValueError as problem:
        yield fail(f"the arguments are no JSON ({problem}): {quoted(text)}", '{"city": "Paris"}', TOOLLESS)
        return
    for wrong in shapes.mismatches(value, ARGUMENTS, "arguments"):
        yield fail(wrong.found, wrong.expected, TOOLLESS)


def _assistant(message: dict[str, Any]) -> dict[str, Any]:
    """The message as a client sends it back: the fields that requests have."""
    return {name: message.get(name) for name in ("role", "content", "tool_calls")}


def _result(call: dict[str, Any]) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call["id"], "content": RESULT}


def _error_problems(what: str, answer: Answer, api: Endpoint) -> Findings:
    if problem := key_problem(answer, api.client):
        raise Ended(problem)
    if not 400 <= answer.status < 500:
        yield fail(
            f"{what}: HTTP {answer.status}: {said(answer)}",
            "HTTP 400, or another status from 400 to 499",
            "SDKs raise their exceptions by it: an answer hides the mistake, and a 5xx is tried again."
            if answer.status < 400
            else "SDKs try a 5xx again, which cannot help here: answer 400.",
        )
        return
    try:
        value = decoded(answer.body)
    except ValueError as problem:
        yield fail(
            f"{what}: HTTP {answer.status}, and the body is no JSON ({problem}): {said(answer)}",
            '{"error": {"message", "type", "param", "code"}}',
            "Applications find no message, type or code in the exception: send the error object.",
        )
        return
    wrong = shapes.mismatches(value, shapes.ERROR, what, "errors")
    yield from wrong
    if not wrong:
        yield from _loose_fields(what, value["error"])


def _loose_fields(what: str, error: dict[str, Any]) -> Findings:
    """`param` and `code`, which SDKs do without, and which servers spell in many ways."""
    for name in ("param", "code"):
        value = error.get(name)
        if name not in error or not isinstance(value, str | None):
            found = "missing" if name not in error else quoted(value)
            yield warn(
                f"{what}: error.{name} is {found}",
                "a string or null",
                f"Applications that compare it find nothing: send {name}.",
            )


def _preflight_problems(answer: Answer) -> Iterator[tuple[str, str]]:
    """What keeps a browser from sending the request."""
    if not 200 <= answer.status < 300:
        yield f"the preflight (OPTIONS) gets HTTP {answer.status}", "HTTP 200 or 204"
        return
    yield from _origin(answer, "the preflight's answer")
    allowed = [each.strip().lower() for each in answer.header("access-control-allow-headers").split(",")]
    if "authorization" not in allowed:
        hint = " (* does not stand for it)" if "*" in allowed else ""
        yield "access-control-allow-headers does not name authorization", f"authorization in it{hint}"
    if not {"content-type", "*"} & set(allowed):
        yield "access-control-allow-headers does not name content-type", "content-type in it"


def _origin(answer: Answer, which: str = "an answer") -> Iterator[tuple[str, str]]:
    allowed = answer.header("access-control-allow-origin")
    if allowed not in ("*", ORIGIN):
        said = f"is {quoted(allowed)}" if allowed else "is missing"
        yield f"access-control-allow-origin {said} in {which}", f"* or {ORIGIN}, which asked"


def _limit_headers(answer: Answer) -> list[str]:
    return [name for name, _ in answer.headers if name.startswith("x-ratelimit-")]


def _limit_problems(answer: Answer, kind: str) -> Findings:
    advice = "Clients that slow down by these headers stumble: send numbers that agree."
    limit, left = (_whole_number(answer, f"x-ratelimit-{name}-{kind}") for name in ("limit", "remaining"))
    for name, value in (("limit", limit), ("remaining", left)):
        told = answer.header(f"x-ratelimit-{name}-{kind}")
        if not told:
            yield warn(f"x-ratelimit-{name}-{kind} is missing", "a whole number", advice)
        elif value is None:
            yield fail(f"x-ratelimit-{name}-{kind} is {quoted(told)}", "a whole number", advice)
    if limit is not None and left is not None and left > limit:
        yield fail(
            f"x-ratelimit-remaining-{kind} is {left}",
            f"at most x-ratelimit-limit-{kind}, which is {limit}",
            advice,
        )
    reset = answer.header(f"x-ratelimit-reset-{kind}")
    if not reset:
        yield warn(f"x-ratelimit-reset-{kind} is missing", "a duration", advice)
    elif not DURATION.fullmatch(reset):
        yield fail(f"x-ratelimit-reset-{kind} is {quoted(reset)}", "a duration like 12ms, 1s or 6m0s", advice)


def _whole_number(answer: Answer, name: str) -> int | None:
    text = answer.header(name)
    return int(text) if text.isascii() and text.isdigit() else None


def _left(answer: Answer, kind: str) -> str:
    return f"{answer.header(f'x-ratelimit-remaining-{kind}') or '?'} {kind} left"
