"""The nouns. Everything else is a function over these; read this file first.

    HttpRequest -parse-> Request -rules or autopilot-> Reply -unfold-> Event ... -encoder-> Step ...

All values are frozen and hold no cycles (`gc=False` keeps ten thousand of them out of the garbage
collector's way). Nothing here imports anything of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol
from urllib.parse import unquote

from msgspec import Struct

# --- HTTP ---------------------------------------------------------------------------------------


class HttpRequest(Struct, frozen=True, gc=False):
    """One HTTP request, whole.

    `target` is the request target as sent (`/v1/models?limit=2`); `headers` is flat:
    `(name, value, name, value, ...)`, names in lower case, bytes as they came; `peer` is the
    client's IP address.
    """

    method: str
    target: str
    headers: tuple[bytes, ...] = ()
    body: bytes = b""
    peer: str = "127.0.0.1"

    def header(self, name: bytes) -> str | None:
        """The first value of the header `name` (lower case), or None."""
        headers = self.headers
        for i in range(0, len(headers), 2):
            if headers[i] == name:
                return headers[i + 1].decode("latin-1")
        return None

    @property
    def path(self) -> str:
        path = self.target.partition("?")[0]
        return unquote(path) if "%" in path else path

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


# --- Steps: what the server is asked to do --------------------------------------------------------


class Head(Struct, frozen=True, gc=False):
    """Start the answer. `headers` are whole lines, each ending in CRLF.

    The server adds the status line, `date`, `connection`, and the framing: `content-length` when
    `length` (bytes) is given, else chunked.
    """

    status: int
    headers: bytes
    length: int | None = None


class Send(Struct, frozen=True, gc=False):
    """Send bytes of the body."""

    data: bytes


class Pause(Struct, frozen=True, gc=False):
    """Let `seconds` pass. Counted from the end of the pause before, so that nothing drifts."""

    seconds: float


class Idle(Pause, frozen=True, gc=False):
    """A pause in an answer that has no end of its own, counted from now.

    A server that is shutting down does not wait for such an answer, but ends it here, as complete.
    """


class Abort(Struct, frozen=True, gc=False):
    """End the connection in the middle: `close` sends FIN, `reset` sends RST."""

    how: Literal["close", "reset"] = "close"


class Close(Struct, frozen=True, gc=False):
    """End a session in good order: its WebSocket is closed with this code and reason."""

    code: int
    reason: str = ""


class Upgrade(Struct, frozen=True):
    """Go on as a WebSocket that `session` answers. The only step of such an answer."""

    session: Session


Step = Head | Send | Pause | Abort | Close | Upgrade
Steps = Iterator[Step]


class Queued(Struct, frozen=True):
    """Steps that are executed in their turn: those of a lane one after another, lanes side by side.

    Without a lane (None) they are executed at once. In a session, a Send is one text message.
    """

    lane: str | None
    steps: Steps


class Session(Protocol):
    """What is said over one WebSocket. It never waits, and has no clock of its own."""

    @property
    def AT_ONCE(self) -> int:
        """How many lanes are executed side by side; the others wait."""

    def receive(self, message: str) -> Queued:
        """What a text message of the client's leads to; nothing of it happens before its turn comes."""

    def overdue(self) -> Steps:
        """What has to be said although nobody asked; the server asks every now and then."""


# --- Parts: what messages and replies are made of ---------------------------------------------------


class Citation(Struct, frozen=True, gc=False):
    """What a text rests on: a page by its URL, a file by its id, a document of the request by its number.

    It is named for the characters of the text from `start` up to `end`; None is the text's end. `quote` is
    what the source says there; `place` is where in the source, from and up to, in `unit`s. Documents and
    places are counted from 0, pages from 1.
    """

    url: str = ""
    title: str = ""
    quote: str = ""
    file: str = ""
    document: int | None = None
    start: int = 0
    end: int | None = None
    place: tuple[int, int] | None = None
    unit: Literal["characters", "pages", "blocks"] = "characters"


class Text(Struct, frozen=True, gc=False, tag="text", omit_defaults=True):
    text: str
    citations: tuple[Citation, ...] = ()


class Reasoning(Struct, frozen=True, gc=False, tag="reasoning", omit_defaults=True):
    """What a model thought aloud (`reasoning_content`, `thinking`, a reasoning summary).

    `redacted` is a thought that is not shown: opaque text, which goes over the wire as it is.
    """

    text: str = ""
    redacted: str = ""


class ToolCall(Struct, frozen=True, gc=False, tag="tool_call"):
    """A model's call of a tool. `arguments` is JSON text, as it goes over the wire.

    `id` is empty until the engine gives the call one.
    """

    name: str
    arguments: str = "{}"
    id: str = ""


ServerTool = Literal[
    "web_search",
    "web_fetch",
    "file_search",
    "code_execution",
    "shell",
    "image_generation",
    "mcp",
    "mcp_tools",
    "mcp_approval",
]
"""The tools that vendors run by themselves. An MCP server's tools are also listed, or need an approval."""


class ServerToolCall(Struct, frozen=True, gc=False, tag="server_tool_call"):
    """A call of a tool that the vendor runs by itself, and what came of it: no client answers it.

    `input` is what the model wrote: a query, an address, code, a command, a prompt; of an MCP server's
    tool, whose `server` and `name` are told, JSON text. `result` is the JSON text of an object, whose
    keys are those of the tool's kind in a rule; empty where there is none. `error` says what went wrong.
    """

    kind: ServerTool
    input: str = ""
    result: str = ""
    error: str = ""
    id: str = ""
    name: str = ""
    server: str = ""


class ToolResult(Struct, frozen=True, gc=False, tag="tool_result"):
    """What a tool gave back for the call `id`. `name` is the tool's, where it can be known."""

    id: str
    text: str
    name: str = ""


class Image(Struct, frozen=True, gc=False, tag="image"):
    """An image, by URL (`data:` included). `detail` is `low`, `high` or `auto`."""

    url: str
    detail: str = "auto"


class Audio(Struct, frozen=True, gc=False, tag="audio"):
    """Sound, base64. `format` is `wav`, `mp3`, ..."""

    data: str
    format: str


class File(Struct, frozen=True, gc=False, tag="file"):
    """A file, by id or by content (a `data:` URL)."""

    id: str = ""
    name: str = ""
    data: str = ""


class Refusal(Struct, frozen=True, gc=False, tag="refusal"):
    """A model's refusal to answer; shown in place of text."""

    text: str


Part = Text | Reasoning | ToolCall | ServerToolCall | ToolResult | Image | Audio | File | Refusal

# --- Requests ---------------------------------------------------------------------------------------


class Scene(Struct, frozen=True, gc=False):
    """What surrounds a request, for rules that ask: its HTTP, and the state of the space that it is in.

    `scenarios` maps names to states; `count` is which request of the space this is, from 1; `chance` is
    a number from 0 up to 1, drawn for this request; `now` is the mock's clock, in Unix seconds.
    """

    http: HttpRequest
    key: str = ""
    scenarios: Mapping[str, str] = {}
    count: int = 1
    chance: float = 0.0
    now: float = 0.0


class Message(Struct, frozen=True, gc=False):
    """One message. OpenAI's `developer` is `system` here; a tool's result has the role `tool`."""

    role: Literal["system", "user", "assistant", "tool"]
    parts: tuple[Part, ...]
    name: str = ""

    @property
    def text(self) -> str:
        """All texts and tool results of the message, a line break between two."""
        parts = self.parts
        if len(parts) == 1 and type(parts[0]) is Text:
            return parts[0].text
        return "\n".join(part.text for part in parts if isinstance(part, Text | ToolResult))


class Tool(Struct, frozen=True, gc=False):
    """A tool on offer. `schema` is the JSON Schema of its arguments, None where there is none.

    A `custom` tool takes free text in place of JSON.
    """

    name: str
    description: str = ""
    schema: dict[str, Any] | None = None
    strict: bool = False
    custom: bool = False


class ToolChoice(Struct, frozen=True, gc=False):
    """Whether a tool must be called. `names` narrows the offer; with one name, it is that tool."""

    mode: Literal["auto", "none", "required"] = "auto"
    names: tuple[str, ...] = ()


class ResponseFormat(Struct, frozen=True, gc=False):
    kind: Literal["text", "json_object", "json_schema"] = "text"
    schema: dict[str, Any] | None = None
    name: str = ""
    strict: bool = False


class Sampling(Struct, frozen=True, gc=False):
    """How to sample. `max_tokens` is a limit for the answer; `top_logprobs` None means no logprobs."""

    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None


class Prefix(Struct, frozen=True, gc=False):
    """A beginning of a prompt, up to the end of one block, that a vendor's cache may keep.

    `digest` stands for all of it. `messages` (how many begin), `parts` and `tools` are what its last block
    adds to the prefix before; `place` counts the places in which a look back finds something: blocks that
    share one have the same. `ttl_s` is for how many seconds the prefix is to be kept, 0 where it is not.
    """

    digest: bytes
    place: int
    messages: int = 0
    parts: tuple[Part, ...] = ()
    tools: tuple[Tool, ...] = ()
    ttl_s: int = 0


class Caching(Struct, frozen=True, gc=False):
    """What of a prompt is to be kept in a cache: all its prefixes, of which some are marked.

    A mark on a prefix of fewer than `least` tokens says nothing. From each mark, `lookback` places are
    looked at for what was kept before, that of the mark included.
    """

    prefixes: tuple[Prefix, ...]
    least: int
    lookback: int


AUTO = ToolChoice()
PLAIN = ResponseFormat()
DEFAULT_SAMPLING = Sampling()
NOTHING: frozenset[str] = frozenset()


class Request(Struct, frozen=True, gc=False):
    """A request for generated text, whatever API it came by.

    `api` is the provider's NAME; `operation` is `chat` or `completion`. `choices` is how many
    answers are asked for (`n`), `choice` which of them this is. `more` holds the conversations of
    further prompts in the same call (completions alone have them). `raw` is the decoded JSON body.
    `scene` is there where a rule looks at it. `version` is the version of the API that a header asks for,
    where versions differ in what they make of this very request. `caching` is there where the request asks
    that something of it be cached.

    `refers` names the fields of `raw` that name something which is kept, or the ids of it, until it is found;
    `items` are then all items of the conversation, those that were found and those that were sent, as they go
    over the wire.
    `keeps` says that the answer is to be kept, `background` that it goes on after the request was answered.
    """

    api: str
    operation: str
    model: str
    messages: tuple[Message, ...]
    raw: dict[str, Any]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = AUTO
    parallel_tool_calls: bool = True
    response_format: ResponseFormat = PLAIN
    sampling: Sampling = DEFAULT_SAMPLING
    stream: bool = False
    choices: int = 1
    choice: int = 0
    more: tuple[tuple[Message, ...], ...] = ()
    scene: Scene | None = None
    version: str = ""
    caching: Caching | None = None
    refers: frozenset[str] = NOTHING
    items: tuple[dict[str, Any], ...] | None = None
    keeps: bool = False
    background: bool = False

    @property
    def user(self) -> str:
        """The text of the last user message, empty where there is none."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text
        return ""

    @property
    def system(self) -> str:
        """All system texts, a line break between two."""
        return "\n".join(message.text for message in self.messages if message.role == "system")

    @property
    def turn(self) -> int:
        """Which answer of the conversation this will be, from 1."""
        return 1 + sum(message.role == "assistant" for message in self.messages)


class EmbeddingRequest(Struct, frozen=True, gc=False):
    """Texts to embed. `dimensions` None means the model's own number."""

    api: str
    model: str
    inputs: tuple[str, ...]
    raw: dict[str, Any]
    dimensions: int | None = None
    operation: str = "embedding"
    stream: bool = False


class ModelsRequest(Struct, frozen=True, gc=False):
    """All models, or the one named `model`; which is no more, where the operation is `model_deletion`.

    `query` is the URL's, for APIs that answer a page at a time.
    """

    api: str
    model: str = ""
    operation: str = "models"
    stream: bool = False
    query: str = ""


class CountRequest(Struct, frozen=True, gc=False):
    """How many tokens would this `request` cost?"""

    api: str
    model: str
    request: Request
    operation: str = "count"
    stream: bool = False


# --- Resources: what is kept for clients ------------------------------------------------------------


class Done(Struct, frozen=True, gc=False):
    """What came of a request that was made for a client: its answer, and the seconds that this would take.

    `status` is 0 where the connection broke off.
    """

    status: int
    body: bytes
    seconds: float


class Resource(Struct, frozen=True, gc=False):
    """A thing that is kept for a client under an `id` that the client knows: what it made, or an answer.

    `created` is when, in Unix seconds of the mock's clock; `raw` is what the client says of it. Of an
    answer, `request` and `reply` are there too; of one that had requests made, `done` is what came of them.
    Work on it begins at `begins` and is over at `ends`, or was `cancelled`, which is 0 where nobody did.
    """

    id: str
    created: float
    raw: dict[str, Any]
    request: Request | None = None
    reply: Reply | None = None
    begins: float = 0.0
    ends: float = 0.0
    cancelled: float = 0.0
    done: tuple[Done, ...] = ()


class Prompt(Struct, frozen=True, gc=False):
    """A prompt that is kept under an id: instructions with `{{variables}}`, and the model that it is for."""

    instructions: str
    model: str = ""


class NewResource(Struct, frozen=True, gc=False):
    """A resource to be made, of id `id`, or else of `prefix` and random letters.

    `inside` are those to be made in it, in its collection `items`; `done` is what came of its requests.
    """

    raw: dict[str, Any]
    prefix: str = ""
    id: str = ""
    inside: tuple[NewResource, ...] = ()
    done: tuple[Done, ...] = ()


class ResourceRequest(Struct, frozen=True, gc=False):
    """What is asked of a collection of resources.

    `collection` is its name, like `conversations`, or `conversations/conv_1/items` for one inside a resource;
    `id` is the resource that is meant. `new` are those to be made, `changes` what becomes of a raw. `called`
    is the provider's own, and `query` the URL's. `refuse` says why the vendor would not do it to a resource,
    as it is at some time; `resumed` makes of the request that a resource answers the one whose stream is told
    again. `size` is the bytes of what is to be made; `stand_in` makes what may stand in for a resource that
    is not there, by its id. `calls` are requests that are made for a new resource; `host` is the server as it
    was asked, for URLs of its own.
    """

    api: str
    verb: Literal["create", "list", "retrieve", "update", "delete", "cancel"]
    collection: str
    id: str = ""
    new: tuple[NewResource, ...] = ()
    changes: Mapping[str, Any] = {}
    raw: dict[str, Any] = {}
    query: str = ""
    called: Any = None
    refuse: Callable[[Resource, float], Exception | None] | None = None
    resumed: Callable[[Request], Request] | None = None
    stand_in: Callable[[str], Resource] | None = None
    size: int = 0
    model: str = ""
    operation: str = "resource"
    stream: bool = False
    calls: tuple[HttpRequest, ...] = ()
    host: str = ""


AnyRequest = Request | EmbeddingRequest | ModelsRequest | CountRequest | ResourceRequest

# --- Replies ----------------------------------------------------------------------------------------


class Usage(Struct, frozen=True, gc=False):
    """Tokens. `output` includes `reasoning`.

    `input` includes `cached`, which were read from a cache, and `written`, which were written to it; these
    include `written_1h`, which are to stay there for an hour.
    """

    input: int = 0
    output: int = 0
    reasoning: int = 0
    cached: int = 0
    written: int = 0
    written_1h: int = 0

    def __bool__(self) -> bool:
        """Whether there is anything at all."""
        return self != NO_USAGE


Stop = Literal["end", "length", "stop_sequence", "tool_call", "content_filter", "pause", "context_window"]
"""Why an answer ends; at a `pause` the model would go on, and `context_window` is a `length` of its own."""
NO_USAGE = Usage()


class Reply(Struct, frozen=True, gc=False):
    """What is answered: a list of parts, and why it ended.

    A rule or the autopilot says `parts` and maybe `stop`; the engine fills in the rest. `id` is
    random text without a vendor's prefix, `created` is in Unix seconds, `seconds` is how long the
    work took, `others` are the further choices, `model` is the name to answer under, `encoding` the
    vocabulary that its tokens are counted by. `logprobs` are tokens with their log probabilities, in place
    of those that are made up. `stopped_by` is the stop sequence that ended it.
    """

    parts: tuple[Part, ...]
    stop: Stop = "end"
    usage: Usage = NO_USAGE
    id: str = ""
    created: int = 0
    seconds: float = 0.0
    model: str = ""
    others: tuple[Reply, ...] = ()
    encoding: str = "o200k_base"
    logprobs: tuple[tuple[str, float], ...] = ()
    stopped_by: str = ""

    @property
    def text(self) -> str:
        """All texts of the reply, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


class EmbeddingReply(Struct, frozen=True, gc=False):
    """A vector of unit length for each input, as packed little-endian 32-bit floats."""

    vectors: tuple[bytes, ...]
    usage: Usage
    id: str = ""
    created: int = 0
    seconds: float = 0.0
    model: str = ""


class ModelInfo(Struct, frozen=True, gc=False):
    """A model on offer. `created` is in Unix seconds; `context_window` in tokens; `pace` is its own."""

    id: str
    owned_by: str = "understudy"
    created: int = 1_735_689_600
    context_window: int = 128_000
    pace: Pace | None = None


class ModelsReply(Struct, frozen=True, gc=False):
    models: tuple[ModelInfo, ...]
    usage: Usage = NO_USAGE
    id: str = ""
    created: int = 0
    seconds: float = 0.0
    model: str = ""


class CountReply(Struct, frozen=True, gc=False):
    """The tokens of a request that was counted, as its `usage.input`."""

    usage: Usage
    id: str = ""
    created: int = 0
    seconds: float = 0.0
    model: str = ""


class ResourceReply(Struct, frozen=True, gc=False):
    """The resources that were asked for, oldest first, as they are at `now`, in Unix seconds.

    Where one was deleted, it is what it was before. `owner` is the resource that they are in; `any_id` says
    that an id under which nothing is kept is not to be refused; `origin` stands before the path in a URL of
    this server.
    """

    resources: tuple[Resource, ...]
    now: float
    owner: Resource | None = None
    usage: Usage = NO_USAGE
    id: str = ""
    created: int = 0
    seconds: float = 0.0
    model: str = ""
    any_id: bool = False
    origin: str = ""


AnyReply = Reply | EmbeddingReply | ModelsReply | CountReply | ResourceReply

# --- Rate limits --------------------------------------------------------------------------------------


class Window(Struct, frozen=True, gc=False):
    """What a rate limit leaves of `limit`: `remaining` now, and `reset` seconds until all of it is back."""

    limit: int
    remaining: int
    reset: float


class RateLimits(Struct, frozen=True, gc=False):
    """What the limits in force leave to whoever asked; None where nothing is limited.

    `now` is the time in an error, in Unix seconds: APIs that tell instants need it. A success has its own.
    """

    requests: Window | None = None
    tokens: Window | None = None
    now: float = 0.0


# --- Events: a reply unfolded in time ---------------------------------------------------------------


class Begin(Struct, frozen=True, gc=False):
    """The answer starts. `reply` is the plan: its id, model and usage, for the encoder's use."""

    reply: Reply


class PartStart(Struct, frozen=True, gc=False):
    """Part number `index` of choice `choice` starts; `part` is the whole part to come."""

    index: int
    part: Part
    choice: int = 0


class Delta(Struct, frozen=True, gc=False):
    """Slices of a part that leave together: all of them unpaced, one at a time when paced."""

    index: int
    slices: tuple[str, ...]
    choice: int = 0


class PartEnd(Struct, frozen=True, gc=False):
    index: int
    choice: int = 0


class Finish(Struct, frozen=True, gc=False):
    """A choice is complete. The last one carries `last`, after which only the end of the stream comes."""

    stop: Stop
    choice: int = 0
    last: bool = True


class Broken(Struct, frozen=True, gc=False):
    """The answer breaks off with an error inside the stream: the fields of a Failure.

    What it does not say, the provider fills in as it does for the Failure itself.
    """

    status: int | None
    kind: str
    message: str = ""
    param: str | None = None
    code: str | None = None
    type: str | None = None
    facts: Mapping[str, Any] = {}


Event = Begin | PartStart | Delta | PartEnd | Finish | Broken


# --- Time -------------------------------------------------------------------------------------------


class Jitter(Struct, frozen=True, gc=False):
    """How far times stray from their mean: by up to `spread` of it, or with a deviation or a sigma of it."""

    kind: Literal["uniform", "normal", "lognormal"]
    spread: float


class Pace(Struct, frozen=True, gc=False):
    """How time passes. `ttft` seconds to the first token, then `tokens_per_second` (0: at once).

    `jitter` varies both. `delay` is in seconds, goes before all that, and is always the same.
    """

    ttft: float = 0.0
    tokens_per_second: float = 0.0
    delay: float = 0.0
    jitter: Jitter | None = None


INSTANT = Pace()
