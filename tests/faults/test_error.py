"""Error: which failure each spelling means; how it goes over the wire is the provider's."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from answers import PACED, PLACE, STREAM, WHOLE, struck

from understudy.errors import Failure, Kind, SettingsError
from understudy.faults import Error, read_error
from understudy.model import Head, Send, Step


def facts(failure: Failure) -> dict[str, Any]:
    """What is said in a failure."""
    return {name: value for name, value in vars(failure).items() if value} | {"kind": failure.kind}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request"),
        (401, "authentication"),
        (402, "invalid_request"),
        (403, "permission"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (408, "timeout"),
        (409, "conflict"),
        (413, "too_large"),
        (418, "invalid_request"),
        (422, "invalid_request"),
        (429, "rate_limit"),
        (500, "server"),
        (502, "server"),
        (503, "overloaded"),
        (504, "server"),
        (529, "overloaded"),
        (599, "server"),
    ],
)
def test_a_bare_status_has_a_kind(status: int, kind: Kind) -> None:
    for value in (status, str(status), {"status": status}):
        assert read_error(value, PLACE) == Error(kind, status)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_bare_kind_leaves_the_rest_to_the_vendor(kind: Kind) -> None:
    assert facts(read_error(kind, PLACE).failure()) == {"kind": kind}


def test_everything_can_be_said() -> None:
    value = {
        "kind": "overloaded",
        "status": 529,
        "message": "Come back later.",
        "type": "overloaded_error",
        "code": "busy",
        "param": "model",
        "retry_after": "200ms",
        "should_retry": False,
        "headers": {"X-Region": "eu", "x-attempt": 3},
    }
    assert facts(read_error(value, PLACE).failure()) == {
        "kind": "overloaded",
        "status": 529,
        "message": "Come back later.",
        "type": "overloaded_error",
        "code": "busy",
        "param": "model",
        "retry_after": 0.2,
        "headers": (("x-should-retry", "false"), ("x-region", "eu"), ("x-attempt", "3")),
    }


def test_a_kind_beside_a_status_is_kept() -> None:
    assert read_error({"kind": "quota", "status": 429}, PLACE) == Error("quota", 429)


def test_each_failure_is_a_new_one() -> None:
    error = read_error(503, PLACE)
    assert error.failure() is not error.failure()


@pytest.mark.parametrize("answer", [WHOLE, STREAM, PACED])
def test_the_error_comes_in_place_of_the_answer(answer: list[Step]) -> None:
    value = {"error": {"status": 503, "message": "No."}}
    assert struck(value, answer) == [Head(503, b"", 18), Send(b"503 overloaded No.")]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "$[0].fault: which error? Give a kind or a status, like {error: rate_limit}"),
        ({}, "$[0].fault: an error needs a `kind` or a `status`"),
        ({"message": "x"}, "$[0].fault: an error needs a `kind` or a `status`"),
        ("rate_limt", '$[0].fault: unknown kind of error "rate_limt" (did you mean "rate_limit"?)'),
        (
            {"kind": "rate-limit"},
            '$[0].fault.kind: unknown kind of error "rate-limit" (did you mean "rate_limit"?)',
        ),
        (200, "$[0].fault: expected an error's status, from 400 to 599; found 200"),
        (True, "$[0].fault: expected an error's status, from 400 to 599; found true"),
        (
            {"status": 600},
            "$[0].fault.status: expected an error's status, from 400 to 599; found 600",
        ),
        (
            {"status": "9" * 9},
            '$[0].fault.status: expected an error\'s status, from 400 to 599; found "999999999"',
        ),
        ({"kind": "quota", "message": 3}, "$[0].fault.message: expected a text, found 3"),
        (
            {"kind": "quota", "should_retry": "no"},
            '$[0].fault.should_retry: expected true or false, found "no"',
        ),
        (
            {"kind": "quota", "retry_after": "later"},
            '$[0].fault.retry_after: expected seconds or a time like "200ms"; found "later"',
        ),
        ({"kind": "quota", "retry": 1}, '$[0].fault: unknown key "retry" (did you mean "retry_after"?)'),
        (
            {"kind": "quota", "headers": "x"},
            '$[0].fault.headers: expected a mapping like {"x-request-id": "req_1"}; found "x"',
        ),
        ({"kind": "quota", "headers": {"a b": "c"}}, '$[0].fault.headers["a b"]: not a header\'s name'),
        (
            {"kind": "quota", "headers": {"Content-Length": "1"}},
            '$[0].fault.headers["Content-Length"]: this header goes with the body, the server writes it',
        ),
        (
            {"kind": "quota", "headers": {"x": "a\r\nb: c"}},
            '$[0].fault.headers.x: expected a text of one line, found "a\\r\\nb: c"',
        ),
        (
            {"kind": "quota", "headers": {"x": [1]}},
            "$[0].fault.headers.x: expected a text of one line, found [1]",
        ),
    ],
)
def test_a_mistake_says_where_it_is(value: object, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_error(value, PLACE)
    assert str(raised.value) == f"faults: {message}"
