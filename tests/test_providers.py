"""The contract that every provider keeps, tested over the registry: a new one is tested by being listed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from conversations import NO_CONVERSATION, conversation, generates
from understudy.errors import Failure, Kind
from understudy.events import fold, paced, unfold
from understudy.forms import form_of
from understudy.model import (
    Audio,
    Broken,
    Citation,
    Event,
    File,
    HttpRequest,
    Image,
    ModelsReply,
    Pace,
    Part,
    Pause,
    Reasoning,
    Refusal,
    Reply,
    Request,
    ServerTool,
    ServerToolCall,
    Stop,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from understudy.providers import PROVIDERS, openai_models
from understudy.providers.base import Provider, sse

EACH = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.NAME)
WIRE = Path(__file__).parent / "wire"
ID = "0123456789abcdef0123456789abc"
HEADER_LINE = re.compile(rb"[a-z0-9-]+: [\x20-\x7e\x80-\xff]*\r\n")
HOSTILE = ("a\r\nset-cookie: x=1", "ä €\u2028 🎉", "x" * 10_240, "\x00\x7f", "")


# --- replies ------------------------------------------------------------------------------------------

said = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
usages = st.builds(Usage, *[st.integers(0, 10**6)] * 4)
ids = st.text("abcXYZ0189", min_size=16, max_size=29)
calls = st.builds(ToolCall, st.sampled_from(["search", "get_weather"]), said, ids)
redacted = st.builds(Reasoning, redacted=st.text("abcXYZ019+/=", min_size=4))
cited = st.builds(
    Text, said, st.tuples(st.builds(Citation, said, said, said, start=st.just(0), end=st.integers(1, 9)))
)
anything: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, st.text()),
    cited,
    st.builds(Reasoning, said),
    redacted,
    st.builds(ServerToolCall, st.sampled_from(get_args(ServerTool)), said, st.just("{}"), id=ids),
    st.builds(Refusal, said),
    st.builds(ToolResult, ids, said),
    st.builds(Image, said),
    st.builds(Audio, said, st.just("wav")),
    st.builds(File, data=said),
    calls,
)
stops: st.SearchStrategy[Stop] = st.sampled_from(get_args(Stop))


def choices_of(parts: st.SearchStrategy[tuple[Part, ...]]) -> st.SearchStrategy[Reply]:
    one = st.builds(Reply, parts, stops)
    return st.builds(
        Reply,
        parts,
        stops,
        usages,
        ids,
        st.integers(0, 2**32),
        model=said,
        others=st.lists(one, max_size=2).map(tuple),
    )


def optional(parts: st.SearchStrategy[Part]) -> st.SearchStrategy[tuple[Part, ...]]:
    return st.one_of(st.just(()), parts.map(lambda part: (part,)))


def gave(**told: Any) -> str:
    return msgspec.json.encode(told).decode()


def hosted() -> st.SearchStrategy[Part]:
    """Calls of tools that OpenAI runs by itself, with what its API tells of their results."""
    word = st.text("abc XYZ-/.", min_size=1, max_size=9).filter(str.strip)
    found = st.lists(word, max_size=2)
    urls = found.map(lambda each: gave(results=[{"url": url} for url in each]))
    files = word.map(
        lambda each: gave(results=[{"file": each, "name": "n", "text": each, "score": 0.5, "attributes": {}}])
    )
    image = word.map(
        lambda each: gave(image=each, format="png", size="1x1", quality="low", background="opaque")
    )
    listed = word.map(lambda each: gave(tools=[{"name": each, "description": "d", "schema": {}}]))
    ran = word.map(lambda each: gave(stdout=each, stderr="e", exit_code=2))
    call: Any = ServerToolCall
    return st.one_of(
        st.builds(call, st.just("web_search"), said, urls),
        st.builds(call, st.just("web_fetch"), said),
        st.builds(call, st.just("file_search"), said, files),
        st.builds(call, st.just("code_execution"), said, word.map(lambda each: gave(stdout=each))),
        st.builds(call, st.just("image_generation"), said, image),
        st.builds(
            call, st.just("mcp"), said, word.map(lambda each: gave(output=each)), name=said, server=said
        ),
        st.builds(call, st.just("mcp"), said, error=said, name=said, server=said),
        st.builds(call, st.just("mcp_tools"), st.just(""), listed, server=said),
        st.builds(call, st.just("mcp_approval"), said, name=said, server=said),
        st.builds(call, st.just("shell"), said, ran, id=ids),
    )


def sourced(*sources: st.SearchStrategy[Citation]) -> st.SearchStrategy[Part]:
    """Texts of nine characters or more that cite these."""
    texts = said.map(lambda text: f"{text}123456789")
    return st.builds(Text, texts, st.lists(st.one_of(*sources), min_size=1, max_size=2).map(tuple))


pages = st.builds(Citation, said, said, start=st.integers(0, 4), end=st.integers(4, 9))
cited_files = st.builds(Citation, title=said, file=said, end=st.integers(1, 9))
INCLUDE = ["web_search_call.action.sources", "file_search_call.results", "code_interpreter_call.outputs"]


def items() -> st.SearchStrategy[tuple[Part, ...]]:
    """What a response's items can hold: anything in any order, thoughts that say something."""
    texts = st.one_of(st.builds(Text, st.text()), st.builds(Refusal, st.text()))
    one: st.SearchStrategy[Part] = st.one_of(
        texts, st.builds(Reasoning, said), redacted, calls, hosted(), sourced(pages, cited_files)
    )
    return st.lists(one, max_size=5).map(tuple)


@st.composite
def chat_parts(draw: st.DrawFn) -> tuple[Part, ...]:
    """What a chat message can hold, in the order in which it is read: at least one part, none empty."""
    thoughts = draw(optional(st.builds(Reasoning, said)))
    texts = draw(optional(st.one_of(st.builds(Text, said), st.builds(Refusal, said), sourced(pages))))
    told = draw(st.lists(calls, max_size=3).map(tuple))
    return (*thoughts, *texts, *told) or (Text("so"),)


def server_blocks() -> st.SearchStrategy[Part]:
    """Calls of tools that Anthropic runs by itself, with what its API tells of their results."""
    fetched = said.map(lambda text: gave(title=text, text="t"))
    found = st.lists(said, max_size=2).map(
        lambda each: gave(results=[{"url": "u", "title": title, "age": "3 days"} for title in each])
    )
    ran = said.map(lambda text: gave(stdout=text, stderr="e", exit_code=2))
    call: Any = ServerToolCall
    return st.one_of(
        st.builds(call, st.just("web_search"), said, found, id=ids),
        st.builds(call, st.just("web_search"), said, error=said, id=ids),
        st.builds(call, st.just("web_fetch"), said, fetched, id=ids),
        st.builds(call, st.sampled_from(["code_execution", "shell"]), said, ran, id=ids),
        st.builds(
            call,
            st.just("mcp"),
            said.map(lambda text: gave(text=text)),
            said.map(lambda text: gave(output=text)),
            id=ids,
            name=said,
            server=said,
        ),
        st.builds(call, st.just("mcp"), st.just("{}"), error=said, id=ids, name=said, server=said),
    )


@st.composite
def message_parts(draw: st.DrawFn) -> tuple[Part, ...]:
    """What Anthropic's message can hold: blocks in any order, and what explains a refusal."""
    arguments = st.dictionaries(said, said, max_size=2).map(lambda each: msgspec.json.encode(each).decode())
    uses = st.builds(ToolCall, st.just("search"), arguments, ids)
    places = st.builds(
        Citation,
        title=said,
        quote=said,
        document=st.integers(0, 9),
        place=st.tuples(st.integers(0, 9), st.integers(9, 19)),
        unit=st.sampled_from(["characters", "pages", "blocks"]),
    )
    quoted = sourced(st.builds(Citation, said, said, said), places)
    one = st.one_of(
        st.builds(Text, said), st.builds(Reasoning, said), redacted, uses, quoted, server_blocks()
    )
    blocks = st.lists(one, max_size=4)
    return (*draw(blocks), *draw(optional(st.builds(Refusal, said))))


@st.composite
def content_parts(draw: st.DrawFn) -> tuple[Part, ...]:
    """What a content of Gemini's can hold; a call's arguments are a JSON object, a search comes first."""
    arguments = st.dictionaries(said, said, max_size=2).map(lambda each: msgspec.json.encode(each).decode())
    told = st.lists(st.builds(ToolCall, st.just("search"), arguments, ids), max_size=3).map(tuple)
    found = [{"url": f"https://{word}", "title": draw(said)} for word in "ab"]
    search = ServerToolCall("web_search", draw(said), gave(results=found))
    pages = [
        Citation(each["url"], each["title"], start=draw(st.integers(0, 4)), end=draw(st.integers(5, 9)))
        for each in found
    ]
    cited = Text(f"123456789{draw(said)}", tuple(pages[: draw(st.integers(1, 2))]))
    begun = draw(optional(st.just(search)))
    printed = said.map(lambda each: gave(stdout=each))
    code = st.builds(ServerToolCall, st.just("code_execution"), said, printed)
    is_cited = draw(st.booleans())
    thoughts = draw(optional(st.builds(Reasoning, said)))
    texts = (cited,) if begun and is_cited else draw(optional(st.builds(Text, said)))
    return (*begun, *thoughts, *draw(optional(code)), *texts, *draw(told)) or (Text("so"),)


def one_of(parts: st.SearchStrategy[tuple[Part, ...]]) -> st.SearchStrategy[Reply]:
    """A reply without further choices or a time; what is cached of its input is no more than all of it."""
    counts = st.tuples(*[st.integers(0, 10**6)] * 4)
    used = counts.map(lambda each: Usage(each[0] + each[3], *each[1:]))
    return st.builds(Reply, parts, stops, used, ids, model=said)


def vendor(provider: Provider) -> str:
    return provider.NAME.partition("-")[0]


def spelled(provider: Provider, what: str) -> Any:
    """How the API's errors and headers look, by `tests/wire/<vendor>.json`.

    `failures` has status and name of each kind, `envelope` a whole error, `broken` the last object of a
    stream that breaks off, `error_headers` all headers of an error, `headers` some of a success, `not_found`
    how the 404 of a path begins. What is `apart` at one of the vendor's APIs stands under its name.
    """
    file = WIRE / f"{vendor(provider)}.json"
    assert file.exists(), f"{file} is missing: say in it what {WIRE / 'openai.json'} says of OpenAI"
    told = json.loads(file.read_text("utf-8"))
    own = told.get("apart", {}).get(provider.NAME, {}).get(what)
    return told[what] if own is None else told[what] | own


TEXTS: st.SearchStrategy[tuple[Part, ...]] = said.map(lambda text: (Text(text),))
CONTENTS: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
    "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
}
EXPRESSIBLE: dict[str, tuple[st.SearchStrategy[Reply], dict[str, Any]]] = {
    "openai-chat": (choices_of(chat_parts()), {"messages": [{"role": "user", "content": "hi"}]}),
    "openai-responses": (one_of(items()), {"input": "hi", "include": INCLUDE}),
    "openai-completions": (choices_of(TEXTS), {"prompt": "hi"}),
    "anthropic-messages": (
        one_of(message_parts()),
        {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 8},
    ),
    "gemini-generate": (choices_of(content_parts()), CONTENTS),
    "gemini-generate-array": (choices_of(content_parts()), CONTENTS),
}
GENERATE = pytest.mark.parametrize(
    "provider", [each for each in PROVIDERS if generates(each)], ids=lambda provider: provider.NAME
)


def expressible(provider: Provider) -> tuple[st.SearchStrategy[Reply], dict[str, Any]]:
    """The replies that an API can express, texts where the table does not say more; and a request for one."""
    return EXPRESSIBLE.get(provider.NAME) or (one_of(TEXTS), conversation(provider.NAME)["body"])


def request_of(provider: Provider, stream: bool) -> Any:
    fields = expressible(provider)[1]
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    body = json.dumps({"model": "gpt-4o", **fields, **options}).encode()
    return provider.parse(HttpRequest("POST", provider.ROUTES[0][1], body=body))


def stream_of(provider: Provider, events: Iterable[Event | Pause]) -> bytes:
    encode = provider.encoder(request_of(provider, stream=True))
    return b"".join(encode(event) for event in events if not isinstance(event, Pause))


@given(choices_of(st.lists(anything, max_size=5).map(tuple)), st.sampled_from([0, 1, 50.0]))
def test_folding_undoes_unfolding_at_any_pace(reply: Reply, rate: float) -> None:
    assert fold(unfold(reply)) == reply
    at_pace = paced(reply, Pace(tokens_per_second=rate))
    assert fold(event for event in at_pace if not isinstance(event, Pause)) == reply


@GENERATE
@given(data=st.data())
def test_a_stream_reads_as_the_whole_answer_does(provider: Provider, data: st.DataObject) -> None:
    reply = data.draw(expressible(provider)[0])
    whole = provider.read([provider.body(reply, request_of(provider, stream=False))])
    at_once = stream_of(provider, unfold(reply))
    at_pace = stream_of(provider, paced(reply, Pace(tokens_per_second=50)))
    assert provider.read([at_once]) == provider.read([at_pace]) == whole
    assert isinstance(whole, Reply)
    assert [each.parts for each in (whole, *whole.others)] == [each.parts for each in (reply, *reply.others)]
    assert whole.model == reply.model
    assert whole.id in (reply.id, "")
    assert whole.created in (reply.created, 0)
    assert (whole.usage.input, whole.usage.output) == (reply.usage.input, reply.usage.output)


def of_no_files(parts: list[Part]) -> tuple[Part, ...]:
    return tuple([part for part in parts if not isinstance(part, ToolResult | Image | Audio | File)])


@GENERATE
@given(parts=st.lists(anything, max_size=5).map(of_no_files), stop=stops)
def test_what_an_api_cannot_tell_is_left_out(provider: Provider, parts: tuple[Part, ...], stop: Stop) -> None:
    reply = Reply(parts, stop, id="abcdefghijklmnop", created=1, model="m")
    whole = provider.read([provider.body(reply, request_of(provider, stream=False))])
    at_once = stream_of(provider, unfold(reply))
    at_pace = stream_of(provider, paced(reply, Pace(tokens_per_second=50)))
    assert provider.read([at_once]) == provider.read([at_pace])
    assert isinstance(whole, Reply)


def written(provider: Provider, stream: bool) -> Callable[[Any], bytes]:
    if stream:
        return lambda reply: stream_of(provider, unfold(reply))
    return lambda reply: provider.body(reply, request_of(provider, stream=False))


@GENERATE
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_with_a_call_need_not_be_encoded_again(provider: Provider, stream: bool) -> None:
    """Where it must be, as its ids or its time are told in a way of their own, its golden file says so."""
    text, call = Text("Hello!"), ToolCall("f", "{}", "SoMeCaLl02")
    parts: tuple[Part, ...] = (text,) if provider.NAME == "openai-completions" else (text, call)
    reply = Reply(parts, id="SoMeId01", created=1_700_000_003, model="m")
    encode = written(provider, stream)
    found = form_of(encode(reply), reply, encode)
    if provider.NAME not in NO_CONVERSATION and "encoded_anew" in conversation(provider.NAME):
        assert found is None
        return
    assert found is not None
    other = replace(reply, id="other", created=1_812_345_678)
    assert found.filled(other) == encode(other)


@GENERATE
@given(data=st.data(), id=ids, created=st.integers(0, 2**32), stream=st.booleans())
def test_an_answer_from_its_form_is_the_answer(
    provider: Provider, data: st.DataObject, id: str, created: int, stream: bool
) -> None:
    reply = data.draw(expressible(provider)[0])
    encode = written(provider, stream)
    found = form_of(encode(reply), reply, encode)
    other = replace(reply, id=id, created=created)
    assert found is None or found.filled(other) == encode(other)


# --- server-sent events -------------------------------------------------------------------------------

STREAM = (
    "event: a\r\ndata: eins\r\n\r\n: a comment\ndata: zwei\ndata: drei ✓\n\nid: 7\n\ndata:vier\n\n".encode()
)
EVENTS = [("a", "eins"), ("", "zwei\ndrei ✓"), ("", "vier")]


@pytest.mark.parametrize(
    "chunks",
    [
        [STREAM],
        [STREAM[i : i + 1] for i in range(len(STREAM))],
        [STREAM, b"data: half"],
        [STREAM, b"\xff\xfe{\n"],
    ],
    ids=["whole", "byte by byte", "half an event more", "garbage after it"],
)
def test_events_are_read_however_they_are_cut(chunks: list[bytes]) -> None:
    assert list(sse(chunks)) == EVENTS


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    assert list(sse([b"data: a\xff\n\n"])) == [("", "a\ufffd")]


@GENERATE
def test_a_stream_is_read_whole_or_byte_by_byte_and_ends_at_done(provider: Provider) -> None:
    stream = stream_of(provider, unfold(Reply((Text("Grüße!"),), id="x", model="m")))
    expected = provider.read([stream])
    assert isinstance(expected, Reply)
    assert expected.text == "Grüße!"
    assert provider.read([stream[i : i + 1] for i in range(len(stream))]) == expected
    assert provider.read([stream, b"data: {garbage\n\n\xff"]) == expected


@GENERATE
def test_a_stream_that_breaks_ends_in_the_error_envelope(provider: Provider) -> None:
    reply = Reply((Text("Hello"),))
    stream = stream_of(provider, [*list(unfold(reply))[:2], Broken(500, "server", "It broke.")])
    assert last_of(stream) == spelled(provider, "broken")


def last_of(stream: bytes) -> Any:
    """The last object of a stream of server-sent events, of a JSON array, or of lines of JSON."""
    if stream.startswith(b"["):
        return json.loads(stream)[-1]
    if stream.startswith(b"{"):
        return json.loads(stream.splitlines()[-1])
    return json.loads(re.split(rb"\r?\n\r?\n", stream)[-2].partition(b"data: ")[2])


@pytest.mark.parametrize(
    "provider",
    [each for each in PROVIDERS if not generates(each)],
    ids=lambda provider: provider.NAME,
)
def test_what_generates_no_text_does_not_stream(provider: Provider) -> None:
    with pytest.raises(TypeError, match=f"{provider.NAME} does not stream"):
        provider.encoder(Request(provider.NAME, "chat", "m", (), {}))


# --- errors and headers -------------------------------------------------------------------------------


@EACH
@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_failure_has_a_native_name(provider: Provider, kind: Kind) -> None:
    failure = Failure(None, kind, 'It "failed".\n', param="messages[0].role", code="some_code")
    answer = provider.error(failure, ID)
    status, name = spelled(provider, "failures")[kind]
    envelope = json.dumps(spelled(provider, "envelope")).replace('"$STATUS"', str(status))
    told = envelope.replace("$NAME", name).replace('"$MESSAGE"', json.dumps('It "failed".\n'))
    assert answer.status == status
    assert json.loads(answer.body) == json.loads(told)


@EACH
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text)[:20])
def test_headers_of_an_error_cannot_be_split(provider: Provider, text: str) -> None:
    failure = Failure(400, "invalid_request", text, param=text, code=text, headers=(("x-note", text),))
    answer = provider.error(failure, "0123456789abcdef0123456789abc")
    lines = HEADER_LINE.findall(answer.headers)
    assert b"".join(lines) == answer.headers
    names = [line.partition(b":")[0].decode() for line in lines]
    assert names == spelled(provider, "error_headers")
    json.loads(answer.body)


@EACH
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text)[:20])
def test_headers_of_a_success_are_lines_of_their_own(provider: Provider, text: str, stream: bool) -> None:
    head = provider.head(Reply((Text(text),), id="0123456789abcdef0123456789abc", model=text), stream)
    lines = HEADER_LINE.findall(head)
    assert b"".join(lines) == head
    names = [line.partition(b":")[0].decode() for line in lines]
    assert len(set(names)) == len(names)
    assert set(spelled(provider, "headers")) <= set(names)


@EACH
def test_what_belongs_to_no_route_is_refused_natively(provider: Provider) -> None:
    not_there = provider.unrouted("POST", "/v1/x", (), "/v1/y")
    assert (not_there.status, not_there.kind) == (404, "not_found")
    assert not_there.message.startswith(spelled(provider, "not_found"))
    assert "/v1/y" in not_there.message
    not_so = provider.unrouted("PATCH", "/v1/x", ("GET",), "")
    assert (not_so.status, not_so.kind) == (405, "method_not_allowed")
    assert not_so.headers == (("allow", "GET, OPTIONS"),)


def test_names_are_no_ones_but_their_own_and_so_are_routes_of_who_speaks_alike() -> None:
    names = [provider.NAME for provider in PROVIDERS]
    routes = [
        (vendor(provider), provider.speaks, route) for provider in PROVIDERS for route in provider.ROUTES
    ]
    assert len(set(names)) == len(names)
    assert len(set(routes)) == len(routes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", name) for name in names)


def test_an_answer_without_usage_has_all_tokens_left() -> None:
    head = openai_models.head(ModelsReply((), id="0123456789abcdef"), False)
    assert b"x-ratelimit-remaining-tokens: 150000000\r\n" in head
