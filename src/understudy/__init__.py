"""A mock LLM server: answers like the real APIs, refuses like them, fails like them, remembers everything."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understudy.embedded import Added, Space, Understudy, When
    from understudy.errors import SettingsError
    from understudy.replies import Call, error, tool_call
    from understudy.verification import Verification
    from understudy.view import View

__version__ = "0.1.0"

__all__ = [
    "Added",
    "Call",
    "SettingsError",
    "Space",
    "Understudy",
    "Verification",
    "View",
    "When",
    "__version__",
    "error",
    "tool_call",
]

_HOMES = {
    "Added": "embedded",
    "Call": "replies",
    "SettingsError": "errors",
    "Space": "embedded",
    "Understudy": "embedded",
    "Verification": "verification",
    "View": "view",
    "When": "embedded",
    "error": "replies",
    "tool_call": "replies",
}
"""Where each name is at home: it is fetched when it is first asked for, since the server takes its time."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"understudy.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
