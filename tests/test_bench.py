"""Every wire API that generates text is measured by `make bench`, by the questions that it is asked."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from test_providers import EXPRESSIBLE
from understudy.model import HttpRequest
from understudy.providers import PROVIDERS
from understudy.routes import Routes

QUESTIONS = runpy.run_path(str(Path(__file__).parent.parent / "bench" / "questions.py"))
ONLY_STREAMED = {"gemini-generate-array"}


@pytest.mark.parametrize("several", ["WHOLE", "STREAMED"])
def test_every_api_that_generates_is_measured(several: str) -> None:
    measured = {question.api for question in QUESTIONS[several]}
    assert measured == set(EXPRESSIBLE) - (ONLY_STREAMED if several == "WHOLE" else set())


@pytest.mark.parametrize("several", ["WHOLE", "STREAMED", "EMBEDDED"])
def test_a_question_is_put_to_the_api_that_it_names(several: str) -> None:
    for api, path, headers, body in QUESTIONS[several]:
        flat = [each.encode() for name, value in headers.items() for each in (name.lower(), value)]
        provider = Routes(PROVIDERS).find(HttpRequest("POST", path, tuple(flat), body))
        request = provider.parse(HttpRequest("POST", path, tuple(flat), body))
        assert (provider.NAME, getattr(request, "stream", False)) == (api, several == "STREAMED")
