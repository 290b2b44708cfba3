"""The journal: what is kept, masked, forgotten."""

from __future__ import annotations

import pytest

from understudy.journal import ENTRY_BYTES, Exchange, Journal, mask, masked, secrets
from understudy.model import Abort, Head, HttpRequest, Reply, Send, Step, Text, ToolCall

HTTP = HttpRequest("POST", "/v1/chat/completions", (b"host", b"localhost"), b"{}")
STEPS: tuple[Step, ...] = (Head(200, b""), Send(b"abc"), Send(b"de"))


def journal(entries: int = 10, max_bytes: int = 1 << 20) -> Journal:
    ticks = iter(range(1000))
    return Journal(lambda: next(ticks), entries, max_bytes)


def answered(made: Journal, http: HttpRequest = HTTP) -> Exchange:
    exchange = made.open(http)
    list(made.watch(exchange, iter(STEPS)))
    return exchange


def test_an_exchange_tells_what_was_sent_and_how_long_it_took() -> None:
    exchange = answered(journal())
    assert (exchange.number, exchange.at, exchange.seconds) == (1, 0, 1)
    assert (exchange.status, exchange.sent, exchange.outcome) == (200, 5, "complete")


def test_a_client_that_leaves_is_noted_with_what_it_got() -> None:
    made = journal()
    exchange = made.open(HTTP)
    steps = made.watch(exchange, iter(STEPS))
    assert next(steps) == STEPS[0]
    assert next(steps) == STEPS[1]
    steps.close()  # type: ignore[attr-defined]
    assert (exchange.sent, exchange.outcome) == (3, "client left")


def test_an_answer_that_breaks_off_is_noted() -> None:
    made = journal()
    exchange = made.open(HTTP)
    list(made.watch(exchange, iter((*STEPS, Abort("reset")))))
    assert exchange.outcome == "cut"


def test_an_exchange_under_way_is_listed_as_open() -> None:
    made = journal()
    made.open(HTTP)
    assert [exchange.outcome for exchange in made] == ["open"]


def test_only_the_last_entries_are_kept() -> None:
    made = journal(entries=3)
    for _ in range(5):
        answered(made)
    assert [exchange.number for exchange in made] == [3, 4, 5]
    assert made.find(2) is None
    found = made.find(4)
    assert found is not None
    assert found.number == 4


def test_the_bytes_kept_are_bounded() -> None:
    made = journal(max_bytes=3 * (ENTRY_BYTES + 1000))
    for _ in range(5):
        answered(made, HttpRequest("POST", "/v1/chat/completions", (), b"x" * 1000))
    assert [exchange.number for exchange in made] == [3, 4, 5]


def test_an_entry_larger_than_all_the_room_is_not_kept() -> None:
    made = journal(max_bytes=1000)
    answered(made, HttpRequest("POST", "/", (), b"x" * 1000))
    assert len(made) == 0
    answered(made)
    assert len(made) == 1


def test_what_was_forgotten_while_under_way_does_not_come_back_or_upset_the_count() -> None:
    made = journal(max_bytes=2 * (ENTRY_BYTES + 2) + 1)
    exchange = made.open(HTTP)
    made.clear()
    list(made.watch(exchange, iter(STEPS)))
    assert len(made) == 0
    for _ in range(3):
        answered(made)
    assert len(made) == 2


def test_what_falls_out_while_under_way_does_not_make_room_for_more() -> None:
    made = journal(entries=2, max_bytes=2 * (ENTRY_BYTES + 1000))
    stream = made.open(HTTP)
    stream.size = 1 << 20  # of its plan, told before the answer is over
    for _ in range(2):
        answered(made, HttpRequest("POST", "/", (), b"x" * 1000))
    assert [each.number for each in made] == [2, 3]
    answered(made, HttpRequest("POST", "/", (), b"x" * 2000))
    assert [each.number for each in made] == [4]


def test_whoever_listens_hears_of_each_end() -> None:
    made = journal()
    heard: list[int] = []
    made.on_close = lambda exchange: heard.append(exchange.number)
    answered(made)
    answered(made)
    assert heard == [1, 2]


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        (b"Bearer sk-proj-abcdefghijklmnop", b"Bearer sk-p***"),
        (b"sk-proj-abcdefghijklmnop", b"sk-p***"),
        (b"Bearer test-key", b"Bearer ***"),
        (b"short", b"***"),
        (b"", b"***"),
        (b"Token sk-proj-abcdefghijklmnop", b"***"),
        (b"Basic dXNlcjpwYXNzd29yZA==", b"***"),
        (b'Digest username="ada", response="6629fae49393a05397450978507c4ef1"', b"***"),
        (b"session=abcdefghijklmnop; other=1", b"***"),
        (b"a key with blanks in it", b"***"),
    ],
)
def test_a_secret_shows_its_first_letters_at_most(secret: bytes, shown: bytes) -> None:
    assert mask(secret) == shown


@pytest.mark.parametrize(
    "name",
    [
        b"authorization",
        b"proxy-authorization",
        b"x-api-key",
        b"api-key",
        b"x-goog-api-key",
        b"cookie",
        b"ocp-apim-subscription-key",
        b"x-amz-security-token",
        b"cf-aig-authorization",
        b"helicone-auth",
        b"x-portkey-api-key",
        b"x-auth-token",
        b"x-access-token",
    ],
)
def test_secret_headers_are_masked_before_they_are_kept(name: bytes) -> None:
    http = HttpRequest("GET", "/v1/models", (b"host", b"localhost", name, b"sk-proj-abcdefghijklmnop"))
    assert journal().open(http).http.headers == (b"host", b"localhost", name, b"sk-p***")


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/v1/models?key=AIzaSyAbc&alt=sse", "/v1/models?key=***&alt=sse"),
        ("/v1/models?alt=sse&api_key=AIzaSyAbc", "/v1/models?alt=sse&api_key=***"),
        ("/v1/models?monkey=AIza", "/v1/models?monkey=AIza"),
    ],
)
def test_keys_in_the_query_are_masked(target: str, shown: str) -> None:
    assert masked(HttpRequest("GET", target)).target == shown


def test_a_request_without_secrets_is_kept_as_it_is() -> None:
    assert masked(HTTP) is HTTP


# --- secrets that answers quote -------------------------------------------------------------------------

LONG, SHORT = b"sk-proj-abcdefghijklmnop", b"hush"


def kept(secret: bytes, status: int, answer: bytes, error: str = "", reply: Reply | None = None) -> Exchange:
    """The exchange of a request with this key, which was answered with these bytes or this reply."""
    made = journal()
    exchange = made.open(HttpRequest("GET", "/", (b"authorization", b"Bearer " + secret)))
    exchange.answer, exchange.error, exchange.reply = answer, error, reply
    list(made.watch(exchange, iter((Head(status, b""), Send(answer)))))
    return exchange


QUOTED = [
    (LONG, 200, b'data: {"key": "sk-proj-abcdefghijklmnop"}\n\n', b'data: {"key": "***"}\n\n'),
    (LONG, 503, b"xsk-proj-abcdefghijklmnopx", b"x***x"),
    (SHORT, 401, b"Incorrect API key provided: hush. You", b"Incorrect API key provided: ***. You"),
    (SHORT, 403, b'"hush"', b'"***"'),
    (SHORT, 401, b"a hushed word", b"a hushed word"),
    (SHORT, 200, b"hush, little baby", b"hush, little baby"),
    (
        LONG,
        401,
        b"Incorrect API key provided: sk-proj-************mnop.",
        b"Incorrect API key provided: sk-proj-************mnop.",
    ),
]


@pytest.mark.parametrize(("secret", "status", "answer", "shown"), QUOTED)
def test_a_secret_that_an_answer_quotes_is_masked_in_what_is_kept(
    secret: bytes, status: int, answer: bytes, shown: bytes
) -> None:
    exchange = kept(secret, status, answer, answer.decode())
    assert (exchange.answer, exchange.error) == (shown, shown.decode())
    assert exchange.sent == len(answer)
    assert exchange.secrets == ()


def test_a_secret_that_a_reply_quotes_is_masked_in_what_is_kept() -> None:
    reply = Reply((Text("Your key is sk-proj-abcdefghijklmnop."), ToolCall("f")), "length", id="abc")
    assert kept(LONG, 200, b"", reply=reply).reply == Reply(
        (Text("Your key is ***."), ToolCall("f")), "length", id="abc"
    )


def test_a_faulted_answer_keeps_no_secret() -> None:
    made = journal()
    exchange = made.open(HttpRequest("GET", "/", (b"x-api-key", LONG)))
    exchange.faults = ("cut",)
    list(made.watch(exchange, iter((Head(200, b""), Send(b"your key is "), Send(LONG), Abort("reset")))))
    assert exchange.answer == b"your key is ***"


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ((b"authorization", b"Bearer abc"), ("abc",)),
        ((b"authorization", b"abc"), ("abc",)),
        ((b"proxy-authorization", b"Basic dXNlcg=="), ("dXNlcg==",)),
        ((b"x-api-key", b"one", b"host", b"h", b"api-key", b"two"), ("one", "two")),
        ((b"cookie", b"session=abc; theme=; id=d=e"), ("abc", "d=e")),
        ((b"authorization", b""), ()),
        ((b"authorization", b"Bearer "), ("Bearer ",)),
        ((b"host", b"localhost"), ()),
    ],
)
def test_the_secrets_of_a_request_are_those_of_its_headers(
    headers: tuple[bytes, ...], found: tuple[str, ...]
) -> None:
    assert secrets(HttpRequest("GET", "/", headers)) == found


def test_the_secrets_of_one_client_are_not_looked_for_in_anothers_answers() -> None:
    made = journal()
    made.open(HttpRequest("GET", "/", (b"x-api-key", LONG)))
    other = made.open(HttpRequest("GET", "/", (b"host", b"localhost")))
    again = made.open(HttpRequest("GET", "/", (b"x-api-key", LONG)))
    assert (other.secrets, again.secrets) == ((), (LONG.decode(),))


# --- more than the memory holds -------------------------------------------------------------------------


def test_without_a_shelf_all_that_there_is_is_in_memory() -> None:
    made = journal(entries=3)
    for _ in range(5):
        answered(made)
    assert [exchange.number for exchange in made.newest()] == [5, 4, 3]
    assert [exchange.number for exchange in made.oldest(after=3)] == [4, 5]
    assert (len(made), made.given) == (3, 5)


def test_exchanges_are_told_in_the_order_of_their_ends() -> None:
    made = journal()
    late = made.open(HTTP)
    answered(made)
    seen = made.closes
    answered(made)
    list(made.watch(late, iter(STEPS)))
    assert [exchange.number for exchange in made.ended(seen)] == [3, 1]
    assert [exchange.number for exchange in made.ended(0)] == [2, 3, 1]
    assert made.ended(made.closes) == []
