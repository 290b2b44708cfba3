"""Anthropic's Files: uploaded, listed, described, deleted. Only what a tool has made can be downloaded.

    POST, GET /v1/files     GET, DELETE /v1/files/{id}     GET /v1/files/{id}/content

Source: docs.anthropic.com/en/docs/build-with-claude/files, and the types of `anthropic` 2.12
(`file_metadata.py`, `file_upload_params.py`, `file_list_params.py`, `file_not_downloadable_error.py`), read
2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from mimetypes import MimeTypes
from typing import Any
from urllib.parse import parse_qs

from understudy.errors import Failure
from understudy.model import Event, HttpRequest, NewResource, Resource, ResourceReply, ResourceRequest
from understudy.providers import anthropic_base as base
from understudy.providers import anthropic_resources_base as shared
from understudy.providers.base import Check, decode, encode
from understudy.providers.multipart_base import Field, fields
from understudy.providers.resources_base import Called, Row, asked, routes

NAME = "anthropic-files"
CHECKS: tuple[Check, ...] = ()
head = base.head
error = shared.error
unrouted = base.unrouted
speaks = base.speaks
UNKNOWN = "application/octet-stream"
SHORTEST_S, LONGEST_S = 3_600, 7_776_000
"""For how many seconds a file may be kept that expires."""
PAGE = "page_"
"""How a cursor begins; behind it stands the id of the last file of the page before."""
_TYPES = MimeTypes()


def complaints(request: ResourceRequest) -> Iterator[Failure]:
    """What can be read is kept."""
    return iter(())


def parse(http: HttpRequest) -> ResourceRequest:
    """Read what is asked of the files. Body, of a new one: a form with `file`, maybe `expires_in_seconds`.

    Raises Failure(400) for what cannot be read, and 404 for who is no client of this API.
    """
    if not base.speaks(http):
        raise Failure(
            404,
            "not_found",
            f"Not Found ({http.method} {http.path}). Understudy keeps files of Anthropic's API alone, whose "
            "clients send anthropic-version.",
        )
    shared.limit(shared.parameters(http.query))
    return asked(NAME, ROWS, http, {})


def _created(http: HttpRequest) -> tuple[NewResource, ...]:
    try:
        form = {field.name: field for field in fields(http)}
    except ValueError:
        form = {}
    file = form.get("file")
    if file is None:
        raise base.refusal("file: Field required")
    mime = file.type or UNKNOWN
    raw = {
        "filename": _name(file.filename, mime),
        "mime_type": mime,
        "size_bytes": len(file.data),
        "expires_s": _expires(form.get("expires_in_seconds")),
    }
    return (NewResource(raw, "file_011C"),)


def _name(given: str, mime: str) -> str:
    """The last piece of a path; without any name, one that is made of the type."""
    name = given.replace("\\", "/").rpartition("/")[2]
    return name or f"unnamed{_TYPES.guess_extension(mime) or ''}"


def _expires(field: Field | None) -> int | None:
    if field is None:
        return None
    digits = field.data.decode("latin-1")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        words = "Input should be a valid integer, unable to parse string as an integer"
        raise base.refusal(f"expires_in_seconds: {words}")
    seconds = int(digits)
    if seconds < SHORTEST_S:
        raise base.refusal(f"expires_in_seconds: Input should be greater than or equal to {SHORTEST_S}")
    if seconds > LONGEST_S:
        raise base.refusal(f"expires_in_seconds: Input should be less than or equal to {LONGEST_S}")
    return seconds


def view(file: Resource, now: float) -> dict[str, Any]:
    """A file's description; its content is not kept, since nobody can ask for it."""
    raw, created = file.raw, int(file.created)
    expires = raw["expires_s"]
    return {
        "id": file.id,
        "type": "file",
        "filename": raw["filename"],
        "mime_type": raw["mime_type"],
        "size_bytes": raw["size_bytes"],
        "created_at": base.instant(created),
        "downloadable": False,
        "expires_at": None if expires is None else base.instant(created + expires),
    }


def _deleted(file: Resource, owner: Resource | None) -> dict[str, Any]:
    return {"id": file.id, "type": "file_deleted"}


def stand_in(id: str) -> Resource:
    """A file that was never uploaded."""
    return Resource(
        id, 0.0, {"filename": "unnamed", "mime_type": UNKNOWN, "size_bytes": 0, "expires_s": None}
    )


ROWS = (
    Row(
        "/v1/files",
        ("create", "list", "retrieve", "delete"),
        view,
        create=_created,
        deleted=_deleted,
        lists={"content": lambda file: ()},
        newest_first=True,
        stand_in=stand_in,
    ),
)
ROUTES = routes(ROWS)


def body(reply: ResourceReply, request: ResourceRequest) -> bytes:
    """A file's description, a page of them, or that one is no more. Raises Failure for a file's content."""
    call: Called = request.called
    if call.list:
        raise _not_downloadable(reply.resources[0], reply.now)
    if call.verb == "delete":
        return encode(_deleted(reply.resources[0], None))
    told = [view(each, reply.now) for each in reply.resources]
    if call.verb != "list":
        return encode(told[0])
    return encode(_page(told[::-1], request.query))


def _not_downloadable(file: Resource, now: float) -> Failure:
    expires = file.raw["expires_s"]
    if expires is not None and file.created + expires <= now:
        return Failure(404, "not_found", f"File expired: {file.id}", code="file_expired")
    return Failure(400, "invalid_request", "File is not downloadable", code="file_not_downloadable")


def _page(entries: list[dict[str, Any]], query: str) -> dict[str, Any]:
    """A page, as the API tells it now and as it did before; or the files whose ids were asked for."""
    given: Mapping[str, list[str]] = parse_qs(query)
    if wanted := (*given.get("ids", ()), *given.get("ids[]", ())):
        found = [each for each in entries if each["id"] in wanted]
        return shared.listed(found, {"limit": f"{shared.LONGEST_PAGE}"}) | {"next_page": None}
    last = {name: values[-1] for name, values in given.items()}
    after = {"after_id": last["page"].removeprefix(PAGE)} if "page" in last else {}
    page = shared.listed(entries, last | after)
    return page | {"next_page": PAGE + page["last_id"] if page["has_more"] else None}


def read(chunks: Iterable[bytes]) -> ResourceReply:
    """The inverse of `body`: the files that were told, each with all that was said of it."""
    raw = decode(b"".join(chunks))
    return ResourceReply(tuple([Resource(each["id"], 0.0, each) for each in raw.get("data", [raw])]), 0.0)


def encoder(request: ResourceRequest) -> Callable[[Event], bytes]:
    """There is no stream of files."""
    raise TypeError(f"{NAME} does not stream")
