"""Everything in the providers' tables of refusals, over a real socket and through the official SDK.

The oracle is the table in docs/validation.md: its literals come from public reports and the vendor's
documentation. A row in the code without one there, or the other way round, fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import openai
import pytest
from mended import MENDED
from openai import OpenAI
from refusals_table import Row, rows

from understudy.model import HttpRequest
from understudy.providers import PROVIDERS
from understudy.providers.base import Provider

Serving = Callable[..., AbstractContextManager[str]]

ROWS = {(row.api, row.name): row for row in rows()}
CHECKS = {(provider.NAME, check.name): check for provider in PROVIDERS for check in provider.CHECKS}
FOUND = {key: check for key, check in CHECKS.items() if check.find is not None}
BY_NAME = {provider.NAME: provider for provider in PROVIDERS}
ROUTES = {
    provider.NAME: [route for route in provider.ROUTES if route[0] != "DELETE"][-1] for provider in PROVIDERS
}
EXCEPTIONS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
}
VERSION = "2026-10-21"
"""Of Anthropic's API, where a row names no other. Told to all, who let pass what is another's."""
GOLDEN = sorted((Path(__file__).parent.parent / "wire").glob("*/*.request.json"))


@pytest.fixture(scope="module")
def strict(server_url: str) -> Iterator[OpenAI]:
    """A client of a server with nothing configured."""
    with OpenAI(base_url=f"{server_url}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def lenient(serving: Serving) -> Iterator[OpenAI]:
    """A client of a server that asks nothing beyond what it needs to answer."""
    with (
        serving("--validation", "off") as url,
        OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client,
    ):
        yield client


def ask(client: OpenAI, api: str, body: dict[str, Any], version: str = "") -> Any:
    """What the API answers to a body, through the SDK's own transport; a path's `{...}` are in the body."""
    method, path = ROUTES[api]
    path = path.removeprefix("/v1").format_map(body)
    if method == "GET":
        return client.get(path, cast_to=object)
    headers = {"anthropic-version": version or VERSION}
    return client.post(path, body=body, cast_to=object, options={"headers": headers})


def asked(client: OpenAI, key: tuple[str, str], body: dict[str, Any] | None = None) -> Any:
    """What is answered to a row's example, or to another body, under the row's version of the API."""
    check = CHECKS[key]
    return ask(client, key[0], check.example if body is None else body, check.version)


def each(keys: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("key", sorted(keys), ids=" ".join)


def test_the_table_in_the_docs_is_that_of_the_code_in_its_order() -> None:
    for api in BY_NAME:
        assert [row.name for row in rows() if row.api == api] == [name for of, name in CHECKS if of == api]
    assert ROWS.keys() == CHECKS.keys()
    assert len(ROWS) == len(rows()), "a name is there twice"


@each(CHECKS)
def test_the_docs_tell_where_the_words_were_found(key: tuple[str, str]) -> None:
    assert ROWS[key].source == CHECKS[key].source


@each(CHECKS)
def test_what_the_vendor_refuses_is_refused_in_its_words(key: tuple[str, str], strict: OpenAI) -> None:
    row = ROWS[key]
    with pytest.raises(openai.APIStatusError) as caught:
        asked(strict, key)
    assert caught.value.response.status_code == row.status
    assert said(caught.value) == envelope(row)


def said(refused: openai.APIStatusError) -> dict[str, Any]:
    """The body of a refusal; a request's id, which is another each time, is left out."""
    return {name: value for name, value in refused.response.json().items() if name != "request_id"}


def envelope(row: Row) -> dict[str, Any]:
    """The row's refusal as its vendor spells it."""
    if row.api.startswith("anthropic-"):
        return {"type": "error", "error": {"type": row.type, "message": row.message}}
    return {"error": error(row)}


def error(row: Row) -> dict[str, Any]:
    """The row's error alone. What Gemini's JSON reader finds is told in details, too."""
    if not row.api.startswith("gemini-"):
        return {"message": row.message, "type": row.type, "param": row.param, "code": row.code}
    told: dict[str, Any] = {"code": row.status, "message": row.message, "status": row.type}
    if not row.message.startswith("Invalid "):
        return told
    violation = {"field": row.param} if row.param else {}
    kind = "type.googleapis.com/google.rpc.BadRequest"
    violations = [{**violation, "description": row.message}]
    return {**told, "details": [{"@type": kind, "fieldViolations": violations}]}


@each(key for key in CHECKS if key[0].startswith("openai-"))
def test_the_sdks_user_sees_class_code_param_type_and_message(key: tuple[str, str], strict: OpenAI) -> None:
    row = ROWS[key]
    with pytest.raises(EXCEPTIONS[row.status]) as caught:
        asked(strict, key)
    told = caught.value
    assert type(told) is EXCEPTIONS[row.status]
    assert (told.code, told.param, told.type) == (row.code, row.param, row.type)
    assert told.message == f"Error code: {row.status} - {row.message}"


@each(FOUND)
def test_what_differs_in_being_right_passes(key: tuple[str, str], strict: OpenAI) -> None:
    assert asked(strict, key, mended(*key))


@each(FOUND)
def test_without_validation_whatever_can_be_understood_is_answered(
    key: tuple[str, str], lenient: OpenAI
) -> None:
    assert asked(lenient, key)


@each(CHECKS.keys() - FOUND.keys())
def test_what_cannot_be_understood_is_refused_whatever_the_setting(
    key: tuple[str, str], lenient: OpenAI
) -> None:
    with pytest.raises(EXCEPTIONS[ROWS[key].status]) as caught:
        asked(lenient, key)
    assert said(caught.value) == envelope(ROWS[key])


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_no_golden_request_is_refused(file: Path, strict: OpenAI) -> None:
    api, body = file.parent.name.replace("_", "-"), json.loads(file.read_text("utf-8"))
    assert complaints(BY_NAME[api], body) == []
    whole = {name: value for name, value in body.items() if name not in ("stream", "stream_options")}
    assert ask(strict, api, whole)


def test_an_example_has_one_fault_alone() -> None:
    for provider in PROVIDERS:
        for check in provider.CHECKS:
            if check.find is not None:
                told = complaints(provider, check.example, check.version)
                assert told == [ROWS[provider.NAME, check.name].message], check.name


def test_a_mended_example_has_no_fault() -> None:
    for api, name in MENDED:
        version = CHECKS[api, name].version
        assert complaints(BY_NAME[api], mended(api, name), version) == [], name


def mended(api: str, name: str) -> dict[str, Any]:
    """A row's example, put right."""
    changed = CHECKS[api, name].example | MENDED[api, name]
    return {field: value for field, value in changed.items() if value is not ...}


def complaints(provider: Provider, body: dict[str, Any], version: str = "") -> list[str]:
    """The messages of all that the provider finds in a body."""
    method, path = provider.ROUTES[-1]
    headers = (b"anthropic-version", (version or VERSION).encode())
    request = provider.parse(HttpRequest(method, path.format_map(body), headers, json.dumps(body).encode()))
    return [provider.error(each, "x" * 29).message for each in provider.complaints(request)]


def test_every_mended_example_belongs_to_a_row() -> None:
    assert MENDED.keys() == FOUND.keys()
