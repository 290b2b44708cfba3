"""The Postman collection, run by newman against a live server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

POSTMAN = Path(__file__).resolve().parents[2] / "postman"
COLLECTION = POSTMAN / "understudy.postman_collection.json"
ENVIRONMENT = POSTMAN / "local.postman_environment.json"
NEWMAN = POSTMAN / "node_modules/newman/bin/newman.js"

REQUESTS = (
    "The guide's four tests / 1 Basic chat completion",
    "The guide's four tests / 2 Data analysis request",
    "The guide's four tests / 3 MCP-related query",
    "The guide's four tests / 4 List models",
    "Server / Server info",
    "Server / Health",
    "Chat completions / Stream",
    "Chat completions / Tools 1: the model calls a tool",
    "Chat completions / Tools 2: the model takes up the tool's result",
    "Chat completions / Structured output",
    "Models, embeddings, completions / One model",
    "Models, embeddings, completions / Embeddings",
    "Models, embeddings, completions / Legacy completion",
    "Errors / Invalid JSON",
    "Errors / Missing model",
    "Errors / Missing messages",
    "Errors / Empty messages",
    "Errors / Unknown model",
    "Errors / Unknown path",
    "Errors / Base URL without /v1",
    "Errors / Wrong method",
    "Errors / Invalid key",
    "Errors / Key without quota",
    "Errors / Rate-limited model",
    "Errors / Overloaded model",
    "Failing on purpose / Fault 1: switch it on",
    "Failing on purpose / Fault 2: other requests are answered",
    "Failing on purpose / Fault 3: it strikes",
    "Failing on purpose / Fault 4: once, then the request is answered",
    "Failing on purpose / Fault 5: switch it off",
    "Rate limit and clock / Limit 1: one request a minute",
    "Rate limit and clock / Limit 2: the first request passes",
    "Rate limit and clock / Limit 3: the second one is refused",
    "Rate limit and clock / Limit 4: a minute passes",
    "Rate limit and clock / Limit 5: the next request passes",
    "Rate limit and clock / Limit 6: lift the limit",
    "Rate limit and clock / Reset: as at the start",
)
NAMES = [path.partition(" / ")[2] for path in REQUESTS]

GUIDE_BODIES: dict[str, dict[str, Any]] = {
    "1 Basic chat completion": {
        "model": "mock-llm-v1",
        "messages": [{"role": "user", "content": "Write a Python function to calculate fibonacci numbers"}],
        "temperature": 0.7,
        "max_tokens": 1000,
    },
    "2 Data analysis request": {
        "model": "mock-claude-sonnet-4",
        "messages": [{"role": "user", "content": "Analyze this CSV dataset and create visualizations"}],
    },
    "3 MCP-related query": {
        "model": "mock-gpt-4",
        "messages": [
            {"role": "system", "content": "You are an AI assistant with MCP protocol capabilities"},
            {"role": "user", "content": "Help me integrate MCP with AutoGen agents"},
        ],
    },
}


class Report:
    """What newman reported: the names of the requests that it ran, and (request, what failed, how)."""

    def __init__(self, exit_code: int, run: dict[str, Any]) -> None:
        self.exit_code = exit_code
        self.requests: list[str] = [execution["item"]["name"] for execution in run["executions"]]
        self.failures: list[tuple[str, str, str]] = [
            (failure["source"]["name"], failure["error"].get("test", "script"), failure["error"]["message"])
            for failure in run["failures"]
        ]


def newman(base_url: str, folder: Path) -> Report:
    """Run the collection with its environment, `baseUrl` replaced; `folder` takes the report."""
    assert NEWMAN.exists(), "newman is not installed; run: make test"
    report = folder / "report.json"
    arguments = ("-e", ENVIRONMENT, "--env-var", f"baseUrl={base_url}", "-r", "json")
    run = subprocess.run(
        ["node", NEWMAN, "run", COLLECTION, *arguments, "--reporter-json-export", report],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert report.exists(), run.stdout + run.stderr
    return Report(run.returncode, json.loads(report.read_bytes())["run"])


def test_every_assertion_of_the_collection_holds_against_the_server(server_url: str, tmp_path: Path) -> None:
    report = newman(server_url, tmp_path)
    assert report.failures == []
    assert report.exit_code == 0
    assert report.requests == NAMES


def test_the_collection_may_run_again_and_again(server_url: str, tmp_path: Path) -> None:
    for _ in range(2):
        assert newman(server_url, tmp_path).failures == []


def test_every_request_fails_against_a_server_that_answers_an_empty_object(
    empty_object_server: str, tmp_path: Path
) -> None:
    report = newman(empty_object_server, tmp_path)
    assert {request for request, _, _ in report.failures} == set(NAMES)
    assert report.exit_code == 1


def test_the_collection_is_of_version_2_1_and_lists_its_requests_in_folders() -> None:
    collection = json.loads(COLLECTION.read_bytes())
    assert collection["info"]["schema"] == (
        "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    )
    assert (
        tuple(
            f"{folder['name']} / {item['name']}" for folder in collection["item"] for item in folder["item"]
        )
        == REQUESTS
    )


@pytest.mark.parametrize("name", GUIDE_BODIES)
def test_a_guide_request_sends_the_guides_body_and_headers(name: str) -> None:
    collection = json.loads(COLLECTION.read_bytes())
    (request,) = (item["request"] for item in collection["item"][0]["item"] if item["name"] == name)
    assert json.loads(request["body"]["raw"]) == GUIDE_BODIES[name]
    assert request["method"] == "POST"
    assert request["url"]["raw"] == "{{baseUrl}}/v1/chat/completions"
    assert request["header"] == [{"key": "Content-Type", "value": "application/json"}]
    assert collection["auth"]["bearer"][0]["value"] == "{{apiKey}}"


def test_collection_and_environment_point_to_the_default_port_with_the_guides_key() -> None:
    expected = {"baseUrl": "http://localhost:8080", "apiKey": "test-api-key"}
    environment = json.loads(ENVIRONMENT.read_bytes())["values"]
    assert {value["key"]: value["value"] for value in environment} == expected
    alone = json.loads(COLLECTION.read_bytes())["variable"]
    assert expected.items() <= {value["key"]: value["value"] for value in alone}.items()


class EmptyObject(BaseHTTPRequestHandler):
    """Answers `{}` to everything."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def empty_object_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyObject) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
