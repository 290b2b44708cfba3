"""The server's own pages, which anyone may see."""

from __future__ import annotations

from typing import Any

from understudy.control.base import Controlled
from understudy.failures import FAILING_KEYS, FAILING_MODELS
from understudy.model import HttpRequest
from understudy.sessions import SESSIONS


def health(on: Controlled, http: HttpRequest, calls: list[str]) -> dict[str, Any]:
    return {"status": "ok", "version": on.version, "models": len(on.models())}


def info(on: Controlled, http: HttpRequest, calls: list[str]) -> dict[str, Any]:
    """What this is, and what can be asked."""
    base = f"{on.scheme}://{http.header(b'host') or 'localhost:8080'}{on.prefix}"
    return {
        "name": "understudy",
        "description": "A mock LLM server: answers like the real APIs, without key, bill or network.",
        "version": on.version,
        "base_url": f"{base}/v1",
        "models": [info.id for info in on.models()],
        "failing_models": dict(FAILING_MODELS),
        "failing_keys": dict(FAILING_KEYS),
        "endpoints": [
            f"{method} {path}"
            for provider in on.engine.providers.values()
            for method, path in provider.ROUTES
        ]
        + [f"GET {path} with Upgrade: websocket" for path in SESSIONS],
        "health": f"{base}/health",
        "control_api": [call.replace(" /", f" {on.prefix}/", 1) for call in calls],
        "docs": "docs/ and README.md in the source; every flag: understudy serve --help",
    }


PAGES = {"/": info, "/health": health, "/healthz": health, "/readyz": health}
