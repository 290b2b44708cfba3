"""Anthropic's list of models, in pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.errors import Failure
from understudy.model import HttpRequest, ModelInfo, ModelsReply
from understudy.providers import anthropic_models as models

MANY = ModelsReply(tuple(ModelInfo(f"m{number}") for number in range(1, 6)))


def listed(query: str, reply: ModelsReply = MANY) -> dict[str, Any]:
    request = models.parse(HttpRequest("GET", f"/v1/models?{query}"))
    told: dict[str, Any] = json.loads(models.body(reply, request))
    return told


@pytest.mark.parametrize(
    ("query", "ids", "more"),
    [
        ("", ["m1", "m2", "m3", "m4", "m5"], False),
        ("limit=2", ["m1", "m2"], True),
        ("limit=2&after_id=m2", ["m3", "m4"], True),
        ("limit=2&after_id=m4", ["m5"], False),
        ("limit=2&before_id=m4", ["m2", "m3"], True),
        ("limit=5&before_id=m4", ["m1", "m2", "m3"], False),
        ("after_id=m5", [], False),
        ("after_id=unknown&limit=1", ["m1"], True),
    ],
)
def test_a_page_holds_what_is_asked_for(query: str, ids: list[str], more: bool) -> None:
    page = listed(query)
    assert [each["id"] for each in page["data"]] == ids
    assert page["has_more"] is more
    assert (page["first_id"], page["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))


def test_there_is_nothing_to_refuse_in_a_request_for_models() -> None:
    assert list(models.complaints(models.parse(HttpRequest("GET", "/v1/models")))) == []


def test_a_list_of_nothing_is_a_page() -> None:
    assert listed("", ModelsReply(())) == {"data": [], "has_more": False, "first_id": None, "last_id": None}


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("0", "limit: Input should be greater than or equal to 1"),
        ("00", "limit: Input should be greater than or equal to 1"),
        ("1001", "limit: Input should be less than or equal to 1000"),
        ("9" * 5_000, "limit: Input should be less than or equal to 1000"),
        ("²", "limit: Input should be a valid integer, unable to parse string as an integer"),
        ("x", "limit: Input should be a valid integer, unable to parse string as an integer"),
    ],
    ids=lambda value: value[:20],
)
def test_a_limit_has_its_bounds(limit: str, message: str) -> None:
    with pytest.raises(Failure) as caught:
        models.parse(HttpRequest("GET", f"/v1/models?limit={limit}"))
    assert (caught.value.status, caught.value.message) == (400, message)


def test_one_model_is_told_by_its_path() -> None:
    request = models.parse(HttpRequest("GET", "/v1/models/acme%2Fclaude-opus"))
    assert request.model == "acme/claude-opus"
    told = json.loads(models.body(ModelsReply((ModelInfo("acme/claude-opus", created=0),)), request))
    assert (told["type"], told["line"], told["created_at"]) == ("model", "opus", "1970-01-01T00:00:00Z")
