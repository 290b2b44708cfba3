"""What Google's Gemini APIs share: paths, the error envelope, the headers, and how fields are read.

Messages of refusals are the API's own, as users of it report them; names and shapes are those of
`google-genai` 3.4. The API reads proto3 JSON: a field goes by `maxOutputTokens` or `max_output_tokens`, and a
list of one may be that one. Its messages name fields in the second way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from msgspec import Struct

from understudy.caching import cached
from understudy.errors import Failure, Kind
from understudy.model import AnyReply, Broken, HttpRequest, RateLimits
from understudy.providers.base import HttpReply, decode, encode, failure_of, header_lines

VERSIONS = ("v1beta", "v1")
"""Of the Gemini API; Vertex AI has `v1` and `v1beta1`."""
_VERTEX = tuple(
    f"/{version}/projects/{{project}}/locations/{{location}}/publishers/google/models/{{model}}"
    for version in ("v1beta1", "v1")
)
_CALLED = re.compile(
    r"/(?P<version>v1(?:beta1?)?)/(?:projects/[^/]+/locations/[^/]+/publishers/google/)?"
    r"(?P<kind>models|tunedModels)/(?P<model>.+):(?P<verb>[A-Za-z]+)",
    re.S,
)
_VERB = re.compile(r":[A-Za-z]+\Z")

# --- paths ------------------------------------------------------------------------------------------


def routes(*verbs: str, tuned: bool = False, vertex: bool = False) -> tuple[tuple[str, str], ...]:
    """The routes of these verbs, the plainest last: `/v1/models/{model}:generateContent`.

    Those of `tuned` models and of `vertex` AI come with them where the vendor has them.
    """
    kinds = ("tunedModels", "models") if tuned else ("models",)
    paths = (
        *(_VERTEX if vertex else ()),
        *(f"/{version}/{kind}/{{model}}" for kind in kinds for version in VERSIONS),
    )
    return tuple([("POST", f"{path}:{verb}") for verb in reversed(verbs) for path in paths])


class Called(Struct, frozen=True):
    """What a path calls. `model` is the model's own name, a tuned one's with `tunedModels/` before it."""

    version: str
    model: str
    verb: str


@cached(entries=1_024, longest=256)
def called(path: str) -> Called | None:
    """What `/v1beta/models/gemini-2.5-flash:generateContent` calls; None for another kind of path."""
    found = _CALLED.fullmatch(path)
    if found is None:
        return None
    tuned = "tunedModels/" if found["kind"] == "tunedModels" else ""
    return Called(found["version"], tuned + found["model"], found["verb"])


def call_of(http: HttpRequest) -> Called:
    """What the request's path calls, on a route where there is nothing else."""
    found = called(http.path)
    assert found is not None, http.path
    return found


def speaks(http: HttpRequest) -> bool:
    """Whether it has Google's key, in a header or in the query, or a path that is Google's alone."""
    path = http.path
    return (
        b"x-goog-api-key" in http.headers
        or ("key=" in http.target and "key" in parse_qs(http.query))
        or path.startswith("/v1beta")
        or (http.method == "POST" and _VERB.search(path) is not None)
    )


# --- errors -----------------------------------------------------------------------------------------


class Spelling(Struct, frozen=True):
    """How a kind of failure is said: what the failure itself does not say is taken from here.

    `message` is a format string over the failure's facts.
    """

    status: int
    name: str
    message: str


INVALID = "INVALID_ARGUMENT"
_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on "
    "this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, "
    "head to: https://ai.dev/usage?tab=rate-limit. "
)
SPELLINGS: dict[Kind, Spelling] = {
    "invalid_request": Spelling(400, INVALID, "Request contains an invalid argument."),
    # github.com/can1357/oh-my-pi/issues/449
    "authentication": Spelling(400, INVALID, "API key not valid. Please pass a valid API key."),
    "permission": Spelling(403, "PERMISSION_DENIED", "The caller does not have permission"),
    "not_found": Spelling(404, "NOT_FOUND", "Requested entity was not found."),
    # github.com/Mintplex-Labs/anything-llm/issues/2081 (v1), earendil-works/pi/issues/2893 (v1beta)
    "unknown_model": Spelling(
        404,
        "NOT_FOUND",
        "{name} is not found for API version {version}, or is not supported for {verb}. Call ListModels to "
        "see the list of available models and their supported methods.",
    ),
    # github.com/google-gemini/gemini-cli/issues/4231
    "context_length": Spelling(
        400,
        INVALID,
        "The input token count ({input}) exceeds the maximum number of tokens allowed ({window}).",
    ),
    "method_not_allowed": Spelling(405, "UNIMPLEMENTED", "This method is not allowed here."),
    "timeout": Spelling(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    "conflict": Spelling(409, "ABORTED", "The operation was aborted."),
    "too_large": Spelling(400, INVALID, "Request payload size exceeds the limit: {most} bytes."),
    "rate_limit": Spelling(429, "RESOURCE_EXHAUSTED", _QUOTA),
    "quota": Spelling(429, "RESOURCE_EXHAUSTED", _QUOTA),
    "server": Spelling(
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting",
    ),
    "overloaded": Spelling(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
}
# github.com/PublicAffairs/openai-gemini/issues/92
_NO_KEY = Spelling(
    403,
    "PERMISSION_DENIED",
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
    "other form of API consumer identity to call this API.",
)
NAMES: dict[int, str] = {
    400: INVALID,
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""What a status is called. Source: cloud.google.com/apis/design/errors, `google.rpc.Code`."""
PLAUSIBLE: dict[str, Any] = {
    "model": "gemini-2.5-flash",
    "version": "v1beta",
    "verb": "generateContent",
    "window": 1_048_576,
    "input": 1_200_293,
    "most": 20_971_520,
}
"""Facts for failures that are made on purpose, in no request's own words."""
RPC = "type.googleapis.com/google.rpc."
ALIKE: Mapping[Kind, Spelling] = {}


def error_object(failure: Failure, own: Mapping[Kind, Spelling] = ALIKE) -> dict[str, Any]:
    """The envelope's object: `code`, `message`, `status` and, where there are any, `details`.

    `own` are the spellings in which one API differs from the others. The failure's type takes the place of
    the status's name; its code is an ErrorInfo's reason, its param a field that violates.
    """
    spelling = _spelled(failure, own)
    status = failure.status or spelling.status
    message = failure.message or spelling.message.format_map(_facts(failure))
    if not failure.message and failure.kind in ("rate_limit", "quota"):
        message += _reached(failure)
    name = NAMES.get(status, spelling.name) if failure.status else spelling.name
    details = list(_details(failure, message))
    told = {"code": status, "message": message, "status": failure.type or name}
    return {**told, "details": details} if details else told


def _spelled(failure: Failure, own: Mapping[Kind, Spelling]) -> Spelling:
    if failure.kind == "authentication" and failure.facts.get("key") == "":
        return _NO_KEY
    return own.get(failure.kind) or SPELLINGS[failure.kind]


def _facts(failure: Failure) -> dict[str, Any]:
    """The failure's facts, with what its path calls, and the model's whole name."""
    facts = {**PLAUSIBLE, **failure.facts}
    if (call := called(facts.get("path", ""))) is not None:
        facts |= {"version": call.version, "verb": call.verb}
    model = facts["model"]
    return {**facts, "name": model if model.startswith("tunedModels/") else f"models/{model}"}


_METRIC = "generativelanguage.googleapis.com/generate_content_paid_tier_{}"
_OF = {"requests": ("requests", "Requests"), "tokens": ("input_token_count", "InputTokens")}


def _reached(failure: Failure) -> str:
    """Which limit was reached, and when to try again, where that is known.

    Source: github.com/browserbase/mcp-server-browserbase/issues/129
    """
    facts, text = failure.facts, ""
    if "window_s" in facts:
        metric = _METRIC.format(_OF[facts["of"]][0])
        text = f"\n* Quota exceeded for metric: {metric}, limit: {facts['limit']}"
        text += f", model: {facts['model']}" if facts.get("model") else ""
    if failure.retry_after is not None:
        text += f"\nPlease retry in {_seconds(failure.retry_after)}."
    return text


def _details(failure: Failure, message: str) -> Iterable[dict[str, Any]]:
    """The typed details that the API adds to an error of this kind."""
    facts = failure.facts
    if failure.kind == "authentication" and facts.get("key") and not failure.message:
        service = {"service": "generativelanguage.googleapis.com"}
        yield _error_info("API_KEY_INVALID", service)
        yield {"@type": f"{RPC}LocalizedMessage", "locale": "en-US", "message": message}
    if failure.code is not None:
        yield _error_info(str(failure.code), {})
    if violations := facts.get("violations") or ([(failure.param, message)] if failure.param else []):
        yield {
            "@type": f"{RPC}BadRequest",
            "fieldViolations": [
                {**({"field": field} if field else {}), "description": description}
                for field, description in violations
            ],
        }
    if failure.kind in ("rate_limit", "quota") and not failure.message:
        yield from _quota_details(failure)
    elif failure.retry_after is not None:
        yield {"@type": f"{RPC}RetryInfo", "retryDelay": _seconds(failure.retry_after)}


def _error_info(reason: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    info = {"@type": f"{RPC}ErrorInfo", "reason": reason, "domain": "googleapis.com"}
    return {**info, "metadata": metadata} if metadata else info


def _quota_details(failure: Failure) -> Iterable[dict[str, Any]]:
    facts = failure.facts
    link = "https://ai.google.dev/gemini-api/docs/rate-limits"
    yield {
        "@type": f"{RPC}Help",
        "links": [{"description": "Learn more about Gemini API quotas", "url": link}],
    }
    if "window_s" in facts:
        metric, name = _OF[facts["of"]]
        per = "PerDay" if facts["window_s"] >= 86_400 else "PerMinute"
        violation = {
            "quotaMetric": _METRIC.format(metric),
            "quotaId": f"GenerateContentPaidTier{name}PerModel{per}",
            "quotaDimensions": {"location": "global", "model": facts.get("model", "")},
            "quotaValue": f"{facts['limit']}",
        }
        yield {"@type": f"{RPC}QuotaFailure", "violations": [violation]}
    if failure.retry_after is not None:
        yield {"@type": f"{RPC}RetryInfo", "retryDelay": _seconds(failure.retry_after)}


def _seconds(seconds: float) -> str:
    """A duration as proto3 JSON has it: `1s`, `0.12s`."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"


def error(
    failure: Failure,
    id: str,
    limits: RateLimits | None = None,
    own: Mapping[Kind, Spelling] = ALIKE,
) -> HttpReply:
    """The envelope `{"error": {"code", "message", "status", "details"}}`.

    The API tells when to try again in the details alone, and of its limits in no header.
    """
    told = error_object(failure, own)
    headers = _HEAD % JSON + header_lines(dict(failure.headers))
    return HttpReply(told["code"], headers, encode({"error": told}), told["message"])


def broken_off(broken: Broken) -> dict[str, Any]:
    """What a stream says where it breaks off: the envelope of a whole error."""
    return {"error": error_object(failure_of(broken))}


def unrouted(method: str, path: str, allowed: tuple[str, ...], hint: str) -> Failure:
    """What Google's pages for a 404 and a 405 say, in the API's envelope; a verb is there or not."""
    if allowed and not _VERB.search(path):
        words = f"The request method {method} is inappropriate for the URL {path}."
        allow = ", ".join((*allowed, "OPTIONS"))
        return Failure(405, "method_not_allowed", words, type="UNIMPLEMENTED", headers=(("allow", allow),))
    nearby = f" Did you mean {hint}?" if hint else ""
    return Failure(404, "not_found", f"The requested URL {path} was not found on this server.{nearby}")


# --- headers ----------------------------------------------------------------------------------------

JSON, SSE = b"application/json; charset=UTF-8", b"text/event-stream"
_HEAD = (
    b"content-type: %b\r\n"
    b"vary: Origin, X-Origin, Referer\r\n"
    b"x-xss-protection: 0\r\n"
    b"x-frame-options: SAMEORIGIN\r\n"
    b"x-content-type-options: nosniff\r\n"
)


def head(reply: AnyReply, stream: bool, limits: RateLimits | None = None) -> bytes:
    """Header lines of a success. The API tells of its limits in no header."""
    return whole_head(reply) if not stream else _HEAD % SSE + _timing(reply)


def whole_head(reply: AnyReply) -> bytes:
    """The header lines of JSON."""
    return _HEAD % JSON + _timing(reply)


def _timing(reply: AnyReply) -> bytes:
    return b"server-timing: gfet4t7; dur=%d\r\n" % (reply.seconds * 1000)


# --- reading ------------------------------------------------------------------------------------------


def body_object(http: HttpRequest) -> dict[str, Any]:
    """The request's JSON object; an empty body is an empty one."""
    try:
        raw = decode(http.body) if http.body else {}
    except (ValueError, RecursionError) as mistake:
        raise Failure(400, "invalid_request", f"Invalid JSON payload received. {mistake}") from None
    if type(raw) is not dict:
        raise Failure(400, "invalid_request", "Invalid JSON payload received. Expected an object.")
    return raw


@cached(entries=1_024, longest=64)
def snake(name: str) -> str:
    """`maxOutputTokens` as messages name it: `max_output_tokens`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1]}", name).lower()


def field(raw: Mapping[str, Any], name: str) -> Any:
    """A field by its name `maxOutputTokens`, or as `max_output_tokens`; None where there is neither."""
    value = raw.get(name)
    return raw.get(snake(name)) if value is None else value


def listed(raw: Mapping[str, Any], name: str) -> list[Any]:
    """A repeated field: where one alone is given, it is a list of that."""
    value = field(raw, name)
    if value is None:
        return []
    return value if type(value) is list else [value]


PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1beta."
TYPES: dict[type, tuple[tuple[type, ...], str]] = {
    str: ((str,), "TYPE_STRING"),
    int: ((int,), "TYPE_INT32"),
    float: ((int, float), "TYPE_FLOAT"),
    bool: ((bool,), "TYPE_BOOL"),
}


def typed(raw: Mapping[str, Any], name: str, kind: type, where: str = "") -> Any:
    """A field of a plain type, None where it is missing; raises the API's refusal of another type."""
    value = field(raw, name)
    taken, said = TYPES[kind]
    if value is not None and type(value) not in taken:
        raise invalid_value(f"{where}{snake(name)}", said, value)
    return value


def message(value: Any, where: str, kind: str) -> dict[str, Any]:
    """An object of the API's type `kind`; raises its refusal of what is none."""
    if type(value) is not dict:
        raise invalid_value(where, PACKAGE + kind, value)
    return value


def invalid_value(where: str, kind: str, value: Any) -> Failure:
    """`Invalid value at 'system_instruction' (type.googleapis.com/...Content), "Be brief."`."""
    words = f"Invalid value at '{where}' ({kind}), {encode(value).decode()[:200]}"
    return Failure(400, "invalid_request", words, facts={"violations": [(where, words)]})


def refusal(words: str) -> Failure:
    return Failure(400, "invalid_request", words)
