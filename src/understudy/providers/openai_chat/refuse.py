"""Chat Completions: what the API refuses in a request that can be understood."""

from __future__ import annotations

from understudy.providers.base import Check, by_field

CHECKS: tuple[Check, ...] = ()
complaints = by_field(CHECKS)
