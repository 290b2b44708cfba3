"""Anthropic's files, read and told."""

from __future__ import annotations

from understudy.model import HttpRequest, Resource, ResourceReply
from understudy.providers import anthropic_files

CREATED = 1_744_698_600.0
FILE = Resource(
    "file_011CNha8iCJcU1wXNR6q4V8w",
    CREATED,
    {"filename": "document.pdf", "mime_type": "application/pdf", "size_bytes": 1_024_000, "expires_s": 3_600},
)


def asked(path: str) -> bytes:
    request = anthropic_files.parse(HttpRequest("GET", path, (b"anthropic-version", b"2026-10-21")))
    return anthropic_files.body(ResourceReply((FILE,), CREATED), request)


def test_a_file_is_described_as_the_documentation_has_it() -> None:
    told = anthropic_files.read([asked("/v1/files/file_011CNha8iCJcU1wXNR6q4V8w")]).resources[0].raw
    assert told == {
        "id": "file_011CNha8iCJcU1wXNR6q4V8w",
        "type": "file",
        "filename": "document.pdf",
        "mime_type": "application/pdf",
        "size_bytes": 1_024_000,
        "created_at": "2025-04-15T06:30:00Z",
        "downloadable": False,
        "expires_at": "2025-04-15T07:30:00Z",
    }


def test_a_page_of_files_can_be_read() -> None:
    read = anthropic_files.read([asked("/v1/files?limit=1")]).resources
    assert [each.id for each in read] == ["file_011CNha8iCJcU1wXNR6q4V8w"]
