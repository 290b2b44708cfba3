"""Responses: the ids of items, and items as they are told once they have one."""

from __future__ import annotations

from typing import Any

PREFIXES = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "reasoning": "rs_",
    "compaction": "cmp_",
    "web_search_call": "ws_",
    "file_search_call": "fs_",
    "code_interpreter_call": "ci_",
    "image_generation_call": "ig_",
    "computer_call": "cu_",
    "computer_call_output": "cuo_",
    "local_shell_call": "lsh_",
    "local_shell_call_output": "lsho_",
    "shell_call": "sh_",
    "shell_call_output": "sho_",
    "apply_patch_call": "apc_",
    "apply_patch_call_output": "apco_",
    "mcp_list_tools": "mcpl_",
    "mcp_approval_request": "mcpr_",
    "mcp_approval_response": "mcpa_",
    "mcp_call": "mcp_",
}
SAID = {"assistant": "output_text"}
"""The type of a text by who says it; all others are asked."""


def prefix_of(item: dict[str, Any]) -> str:
    """How the id of an item begins."""
    return PREFIXES.get(item.get("type", "message"), "item_")


def identified(item: dict[str, Any], id: str) -> dict[str, Any]:
    """The item as the API tells it: with an id and a status, its content as parts.

    An item that has an id of its own keeps it.
    """
    kind = item.get("type", "message")
    own = item.get("id") or id
    if kind != "message":
        status = {} if kind in STATELESS else {"status": item.get("status") or "completed"}
        return {"id": own} | item | {"id": own} | status
    return {
        "id": own,
        "type": "message",
        "status": item.get("status") or "completed",
        "content": _parts(item["content"], item["role"]),
        "role": item["role"],
        **({"phase": item["phase"]} if item.get("phase") else {}),
    }


STATELESS = frozenset(("reasoning", "compaction", "mcp_list_tools", "mcp_approval_request"))
"""Items that tell of no status where they were given none."""


def _parts(content: Any, role: str) -> list[dict[str, Any]]:
    """A text as its one part; an answer's text has annotations."""
    parts = [{"type": SAID.get(role, "input_text"), "text": content}] if type(content) is str else content
    return [
        {"annotations": [], "logprobs": [], **part} if part.get("type") == "output_text" else part
        for part in parts
    ]
