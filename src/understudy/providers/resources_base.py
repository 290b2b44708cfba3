"""Resources as rows of data: the paths that there are, and what is asked of which.

    GET  /v1/conversations                     list            POST    create
    GET  /v1/conversations/conv_1              retrieve        POST    update        DELETE    delete
    POST /v1/responses/resp_1/cancel           cancel
    GET  /v1/responses/resp_1/input_items      retrieve, and of it a list: `input_items`

A row says what its API has of these, how a resource is read and how it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from understudy.errors import Failure
from understudy.model import HttpRequest, NewResource, Reply, Request, Resource, ResourceRequest

Verb = Literal["create", "list", "retrieve", "update", "delete", "cancel"]
Listed = Sequence[tuple[str, Any]]
"""The entries of a list, each with its id."""


UNKEPT = "Nothing was kept under this id: Understudy makes this up."
"""What is told to have been said where nothing was."""


class Row(Struct, frozen=True):
    """A kind of resource. `path` is where its collection is, `{...}` the id of the resource that it is in.

    `view` tells a resource, as it is at a time, as what can be encoded. `create` reads what is to be made,
    `update` what becomes of a resource's raw. `deleted` tells of one that is no more, and of its owner.
    `lists` are lists that a resource has, by the name in the path; `refuse` says why the API does not do what
    a verb asks. `newest_first` is the order of the list where nothing is said; `several` says that several
    are made at once; `wanted` picks those that a query asks for. `stand_in` makes what
    is told where nothing is kept under an id and that is to be answered all the same.
    """

    path: str
    verbs: tuple[Verb, ...]
    view: Callable[[Resource, float], Any]
    create: Callable[[HttpRequest], tuple[NewResource, ...]] | None = None
    update: Callable[[HttpRequest], Mapping[str, Any]] | None = None
    deleted: Callable[[Resource, Resource | None], Any] | None = None
    lists: Mapping[str, Callable[[Resource], Listed]] = {}
    refuse: Mapping[str, Callable[[Resource, float], Failure | None]] = {}
    newest_first: bool = False
    several: bool = False
    wanted: Callable[[Resource, Mapping[str, str]], bool] | None = None
    stand_in: Callable[[str], Resource] | None = None


class Called(Struct, frozen=True):
    """What a path calls: a verb of a row, and of a resource the list of this name."""

    row: Row
    verb: Verb
    collection: str
    id: str = ""
    list: str = ""


_WHOLE: dict[str, Verb] = {"POST": "create", "GET": "list"}
_ONE: dict[str, Verb] = {"GET": "retrieve", "POST": "update", "DELETE": "delete"}
_CANCEL = "cancel"


def routes(rows: Iterable[Row]) -> tuple[tuple[str, str], ...]:
    """The routes of these rows."""
    return tuple([route for row in rows for route in _routes(row)])


def _routes(row: Row) -> Iterator[tuple[str, str]]:
    for methods, path in ((_WHOLE, row.path), (_ONE, f"{row.path}/{{id}}")):
        yield from ((method, path) for method, verb in methods.items() if verb in row.verbs)
    if _CANCEL in row.verbs:
        yield "POST", f"{row.path}/{{id}}/{_CANCEL}"
    yield from (("GET", f"{row.path}/{{id}}/{name}") for name in row.lists)


def called(rows: Iterable[Row], http: HttpRequest) -> Called:
    """What a request calls, on a route of these rows."""
    pieces = http.path.split("/")
    method = "GET" if http.method == "HEAD" else http.method
    found = next((each for row in rows if (each := _called(row, method, pieces)) is not None), None)
    assert found is not None, http.path
    return found


def _called(row: Row, method: str, pieces: list[str]) -> Called | None:
    form = row.path.split("/")
    start, rest = pieces[: len(form)], pieces[len(form) :]
    if len(start) < len(form) or any(a != b for a, b in zip(form, start, strict=True) if a[:1] != "{"):
        return None
    collection = "/".join(start[2:])
    match rest:
        case []:
            verb = _WHOLE.get(method)
            return Called(row, verb, collection) if verb in row.verbs and verb else None
        case [id]:
            verb = _ONE.get(method)
            return Called(row, verb, collection, id) if verb in row.verbs and verb else None
        case [id, name] if method == "GET" and name in row.lists:
            return Called(row, "retrieve", collection, id, name)
        case [id, "cancel"] if method == "POST" and _CANCEL in row.verbs:
            return Called(row, "cancel", collection, id)
        case _:
            return None


def answer_of(resource: Resource) -> tuple[Reply, Request]:
    """What was answered, and to what, in a resource that is an answer."""
    assert resource.reply is not None, resource.id
    assert resource.request is not None, resource.id
    return resource.reply, resource.request


def asked(api: str, rows: Iterable[Row], http: HttpRequest, raw: dict[str, Any]) -> ResourceRequest:
    """What a request asks; `raw` is its body's JSON, for whoever looks for what is wrong with it."""
    call = called(rows, http)
    row = call.row
    return ResourceRequest(
        api,
        call.verb,
        call.collection,
        call.id,
        row.create(http) if call.verb == "create" and row.create else (),
        row.update(http) if call.verb == "update" and row.update else {},
        raw,
        http.query,
        call,
        row.refuse.get(call.verb),
        stand_in=row.stand_in,
        size=len(http.body),
    )
