"""Gemini's generateContent: what an answer rests on, told beside its parts.

    groundingMetadata    webSearchQueries, groundingChunks (sources), groundingSupports (what they support)
    urlContextMetadata   the addresses that were fetched

A search has no part of its own: its queries stand here, and what it found are the first chunks. A segment is
counted in bytes of UTF-8. Source: ai.google.dev/gemini-api/docs/google-search and /url-context;
`google-genai` 3.4, `types.GroundingMetadata`.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from understudy.model import Citation, Part, Reply, ServerToolCall, Text
from understudy.providers.base import decode, encode, unfinished

Fields = dict[str, Any]
FETCHED, NOT_FETCHED = "URL_RETRIEVAL_STATUS_SUCCESS", "URL_RETRIEVAL_STATUS_ERROR"


def grounding(reply: Reply, shown: Mapping[int, int]) -> Fields:
    """What stands beside the content of a candidate; `shown` says where in it the parts are that it has."""
    searches = [part for part in _ran(reply) if part.kind == "web_search"]
    chunks = [chunk for part in _ran(reply) for chunk in _found(part)]
    supports = [
        support
        for index, place in shown.items()
        if isinstance(part := reply.parts[index], Text)
        for support in _supports(part, place, chunks)
    ]
    told: Fields = {}
    if searches or chunks:
        told["groundingMetadata"] = {
            **({"searchEntryPoint": _entry(searches)} if searches else {}),
            **({"groundingChunks": chunks} if chunks else {}),
            **({"groundingSupports": supports} if supports else {}),
            **({"webSearchQueries": _queries(searches)} if searches else {}),
        }
    fetched = [
        {
            "retrievedUrl": part.input,
            "urlRetrievalStatus": NOT_FETCHED if part.error else FETCHED,
        }
        for part in _ran(reply)
        if part.kind == "web_fetch"
    ]
    return told | ({"urlContextMetadata": {"urlMetadata": fetched}} if fetched else {})


def _ran(reply: Reply) -> list[ServerToolCall]:
    """The calls of the API's own tools that have run."""
    return [
        part
        for index, part in enumerate(reply.parts)
        if isinstance(part, ServerToolCall) and not unfinished(reply, index)
    ]


def _queries(searches: list[ServerToolCall]) -> list[str]:
    """Of which there may be several in a search: one a line."""
    return [query for part in searches for query in part.input.split("\n")]


def _entry(searches: list[ServerToolCall]) -> Fields:
    """What a page must show that shows the answer."""
    chips = "".join([f'<a class="chip">{escape(query)}</a>' for query in _queries(searches)])
    return {"renderedContent": f'<div class="container">{chips}</div>'}


def _found(call: ServerToolCall) -> list[Fields]:
    """What a search found, as sources."""
    results = decode(call.result).get("results", ()) if call.result else ()
    if call.kind == "web_search":
        return [_page(each["url"], each.get("title", "")) for each in results]
    if call.kind == "file_search":
        return [_file(each["file"], each.get("name", ""), each.get("text", "")) for each in results]
    return []


def _page(url: str, title: str) -> Fields:
    return {"web": {"uri": url, "title": title}}


def _file(file: str, title: str, text: str) -> Fields:
    return {"retrievedContext": {"uri": file, "title": title, "text": text}}


def _supports(part: Text, place: int, chunks: list[Fields]) -> list[Fields]:
    """What each source of a text supports of it; one that is not yet among the chunks is added to them."""
    told = []
    for source in part.citations:
        if not source.url and not source.file:
            continue
        found = _chunk(source, chunks)
        start = len(part.text[: source.start].encode())
        cited = part.text[source.start : source.end]
        segment = {"startIndex": start, "endIndex": start + len(cited.encode()), "text": cited}
        segment = {"partIndex": place, **segment} if place else segment
        told.append(
            {
                "segment": {key: value for key, value in segment.items() if value != 0},
                "groundingChunkIndices": [found],
            }
        )
    return told


def _chunk(source: Citation, chunks: list[Fields]) -> int:
    """Where among the chunks a source is."""
    for number, chunk in enumerate(chunks):
        same = chunk.get("web", {}).get("uri") == source.url if source.url else False
        if same or (source.file and chunk.get("retrievedContext", {}).get("uri") == source.file):
            return number
    new = _page(source.url, source.title) if source.url else _file(source.file, source.title, source.quote)
    chunks.append(new)
    return len(chunks) - 1


# --- Reading -----------------------------------------------------------------------------------------


def grounded(parts: list[Part], told: Fields) -> list[Part]:
    """The parts with what they rest on, after the searches and what was fetched."""
    metadata = told.get("groundingMetadata") or {}
    chunks = metadata.get("groundingChunks") or []
    cited = list(parts)
    for support in metadata.get("groundingSupports") or ():
        for number in support.get("groundingChunkIndices") or ():
            _cite(cited, support.get("segment") or {}, chunks[number])
    return [*_searches(metadata, chunks), *_fetched(told), *cited]


def _searches(metadata: Fields, chunks: list[Fields]) -> list[Part]:
    queries = metadata.get("webSearchQueries")
    if not queries:
        return []
    pages = [chunk["web"] for chunk in chunks if "web" in chunk]
    results = [{"url": page.get("uri", ""), "title": page.get("title", "")} for page in pages]
    result = encode({"results": results}).decode() if results else ""
    return [ServerToolCall("web_search", "\n".join(queries), result)]


def _fetched(told: Fields) -> list[Part]:
    pages = (told.get("urlContextMetadata") or {}).get("urlMetadata") or ()
    return [
        ServerToolCall(
            "web_fetch",
            page.get("retrievedUrl", ""),
            error="" if page.get("urlRetrievalStatus") == FETCHED else "not retrieved",
        )
        for page in pages
    ]


def _cite(parts: list[Part], segment: Fields, chunk: Fields) -> None:
    """Add a source to the text that has the segment, where it says or where else its words are."""
    words = segment.get("text", "")
    start, end = segment.get("startIndex", 0), segment.get("endIndex", 0)
    for index, part in enumerate(parts):
        if not isinstance(part, Text) or words not in part.text:
            continue
        before = part.text.encode()[:start].decode(errors="ignore")
        at = len(before) if part.text.encode()[start:end] == words.encode() else part.text.find(words)
        source = _source(chunk, at, at + len(words))
        parts[index] = Text(part.text, (*part.citations, source))
        return


def _source(chunk: Fields, start: int, end: int) -> Citation:
    if (file := chunk.get("retrievedContext")) is not None:
        title, quote = file.get("title", ""), file.get("text", "")
        return Citation("", title, quote, file.get("uri", ""), start=start, end=end)
    page = chunk.get("web") or {}
    return Citation(page.get("uri", ""), page.get("title", ""), start=start, end=end)
