"""HTTP as a check needs it: one request, one deadline, and what exactly went wrong.

`http.client` writes the request and takes the answer's framing apart; the sockets are ours, because
a check must tell a refused port from a silent one and a cut answer from a whole one, and because a
deadline has to hold for a whole request, not for each read of it. Proxies are used as SDKs use them,
except for this machine itself; see `route`. Clock, waiting and environment arrive as values.
"""

from __future__ import annotations

import errno
import http.client
import io
import ipaddress
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from threading import Thread
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Struct

from understudy.checks.findings import MOST_QUOTED

Kind = Literal[
    "unresolved",
    "refused",
    "unreachable",
    "unconnected",
    "untrusted",
    "not tls",
    "tls",
    "proxy",
    "silent",
    "closed",
    "not http",
]
Ending = Literal["whole", "cut", "silent", "endless"]
MOST_BODY = 16 * 1024 * 1024
MOST_ASKED = 4
"""How often the same is asked while the server says 429 and when to come back."""
PIECE = 65_536
LONG_KEY = 8
"""From this length on, a key is masked in whatever comes from the server, before anybody reads it."""
PLACEHOLDER = "any"
MASK = "***"
REFUSED = {errno.ECONNREFUSED}


class Unanswered(Exception):
    """No HTTP answer was had at all. `detail` is what the system or the peer said."""

    def __init__(self, kind: Kind, detail: str = "") -> None:
        super().__init__(kind, detail)
        self.kind: Kind = kind
        self.detail = detail


class Answer(Struct, frozen=True):
    """An answer as it came, header names in lower case, and how its body ended.

    `silent` and `cut` bodies are incomplete: the deadline passed, or the connection ended before
    the framing said so. `seconds` is from the start of the request to the end of the answer.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    ending: Ending = "whole"
    seconds: float = 0.0

    def header(self, name: str) -> str:
        """The header's value, empty where there is none."""
        return next((value for each, value in self.headers if each == name), "")

    @property
    def kind(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.header("content-type").partition(";")[0].strip().lower()


class Address(Struct, frozen=True):
    """The parts of a base URL; `path` has no slash at its end, `host` no brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == default_port(self.scheme) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return self.origin + self.path

    @property
    def local(self) -> bool:
        """Whether this is a name of the machine that the check runs on."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")


def default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def address(url: str) -> Address:
    """The parts of a base URL. Raises ValueError, saying how one looks."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        like = url.partition("://")[2] or url
        raise ValueError(f'"{url}" is no base URL; it looks like this: http://{like.lstrip("/")}')
    if parts.query or parts.fragment:
        raise ValueError(
            f'"{url.partition("?")[0]}" must be all of the base URL: nothing comes after its path'
        )
    return Address(
        parts.scheme,
        parts.hostname,
        parts.port or default_port(parts.scheme),
        parts.path.rstrip("/"),
    )


# --- proxies ----------------------------------------------------------------------------------------


class Proxy(Struct, frozen=True):
    """A proxy that the environment names, and by which variable."""

    url: str
    variable: str


def proxy_for(to: Address, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy that an SDK would use for this address, as `http_proxy` and its kin say."""
    for name in (f"{to.scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if url := environment.get(variable):
                return None if exempt(to, environment) else Proxy(url, variable)
    return None


def exempt(to: Address, environment: Mapping[str, str]) -> bool:
    """Whether NO_PROXY names the host: itself, a domain that it is in, or everything."""
    listed = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    for entry in (each.strip().lower().lstrip(".").strip("[]") for each in listed.split(",")):
        if entry and (entry in ("*", to.host, f"{to.host}:{to.port}") or to.host.endswith(f".{entry}")):
            return True
    return False


def route(to: Address, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy that a check goes through: none to this machine, where it asks the server itself.

    SOCKS proxies are passed by as well. `reach` tells about both.
    """
    proxy = proxy_for(to, environment)
    return None if proxy is None or to.local or not proxy.url.startswith("http") else proxy


# --- sockets ----------------------------------------------------------------------------------------


class Timed(io.RawIOBase):
    """A socket's bytes, none of them later than a deadline."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._socket = sock
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(self._left())
        return self._socket.recv_into(buffer)


class Line:
    """A connected socket under a deadline, in the form that `http.client` asks for."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self.socket = sock
        self._left = left

    def makefile(self, mode: str, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(Timed(self.socket, self._left))

    def sendall(self, data: bytes) -> None:
        self.socket.settimeout(self._left())
        self.socket.sendall(data)

    def close(self) -> None:
        """`http.client` is done with it, but the rest of the answer is still to be read: see `end`."""

    def end(self) -> None:
        self.socket.close()


def deadline(clock: Callable[[], float], seconds: float) -> Callable[[], float]:
    """A function that gives the seconds left, and raises TimeoutError when there are none."""
    end = clock() + seconds

    def left() -> float:
        remaining = end - clock()
        if remaining <= 0:
            raise TimeoutError
        return remaining

    return left


def resolved(host: str, port: int, left: Callable[[], float]) -> list[Any]:
    """The addresses of a host. The system's resolver knows no deadline, so that it runs aside."""
    found: list[Any] = []
    problem: list[OSError] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            problem.append(OSError(str(error)))

    resolver = Thread(target=ask, daemon=True)
    resolver.start()
    resolver.join(left())
    if not found:
        raise Unanswered("unresolved", str(problem[0]) if problem else "the resolver does not answer")
    return found


def connected(host: str, port: int, left: Callable[[], float]) -> socket.socket:
    """A socket to the first address of the host that lets itself be connected to."""
    failures: list[OSError] = []
    addresses = resolved(host, port, left)
    for number, (family, kind, protocol, _, to) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(left() / (len(addresses) - number))
            sock.connect(to)
        except OSError as error:
            sock.close()
            failures.append(error)
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise unconnected(failures)


def unconnected(failures: Iterable[OSError]) -> Unanswered:
    """Why none of the addresses could be connected to: the most telling of the reasons."""
    reasons = list(failures)
    for error in reasons:
        if isinstance(error, TimeoutError):
            return Unanswered("unconnected")
    for error in reasons:
        if error.errno in REFUSED:
            return Unanswered("refused")
    return Unanswered("unreachable", reasons[0].strerror or str(reasons[0]))


def encrypted(sock: socket.socket, host: str, left: Callable[[], float]) -> socket.socket:
    """The socket with TLS on it, the certificate verified."""
    try:
        sock.settimeout(left())
        return ssl.create_default_context().wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        raise Unanswered("untrusted", error.verify_message) from None
    except ssl.SSLError as error:
        plain = error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")
        raise Unanswered("not tls" if plain else "tls", error.reason or str(error)) from None
    except TimeoutError:
        raise Unanswered("silent") from None
    except OSError as error:
        raise Unanswered("closed", error.strerror or str(error)) from None


def through(proxy: Proxy, left: Callable[[], float]) -> Line:
    """A line to a proxy."""
    parts = urlsplit(proxy.url)
    try:
        sock = connected(parts.hostname or "", parts.port or default_port(parts.scheme), left)
        return Line(encrypted(sock, parts.hostname or "", left) if parts.scheme == "https" else sock, left)
    except Unanswered as problem:
        raise Unanswered("proxy", f"{problem.kind} {problem.detail}".strip()) from None


def tunnelled(line: Line, to: Address, proxy: Proxy) -> None:
    """Ask the proxy for a way through to the address."""
    host = f"[{to.host}]" if ":" in to.host else to.host
    lines = [f"CONNECT {host}:{to.port} HTTP/1.1", f"Host: {host}:{to.port}"]
    lines += [f"{name}: {value}" for name, value in credentials(proxy).items()]
    line.sendall("\r\n".join((*lines, "", "")).encode("latin-1"))
    answer = http.client.HTTPResponse(line, method="CONNECT")  # type: ignore[arg-type]
    try:
        answer.begin()
    except (http.client.HTTPException, OSError) as problem:
        raise Unanswered("proxy", f"it does not answer: {problem}") from None
    if answer.status != 200:
        raise Unanswered("proxy", f"it answers HTTP {answer.status} {answer.reason}")


def credentials(proxy: Proxy) -> dict[str, str]:
    parts = urlsplit(proxy.url)
    if not parts.username:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


# --- asking -----------------------------------------------------------------------------------------


class Client:
    """Asks one endpoint. `key` is None where none was given.

    `wait` lets seconds pass: when the server says 429 and when to come back, the same is asked again then.
    `waits` counts that; `answered` is whether there ever was an HTTP answer.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None,
        timeout: float,
        clock: Callable[[], float],
        wait: Callable[[float], object],
        environment: Mapping[str, str],
    ) -> None:
        self.address = address(base_url)
        self.key = key
        self.timeout = timeout
        self.clock = clock
        self.wait = wait
        self.environment = environment
        self.waits = 0
        self.answered = False

    def at(self, base_url: str, timeout: float) -> Client:
        """The same client for another base URL."""
        return Client(base_url, self.key, timeout, self.clock, self.wait, self.environment)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to one request below the base URL. Raises Unanswered where there is none."""
        for _ in range(MOST_ASKED - 1):
            answer = self._once(method, path, body, headers or {})
            pause = told_to_wait(answer)
            if pause is None or pause > self.timeout:
                return answer
            self.waits += 1
            self.wait(pause)
        return self._once(method, path, body, headers or {})

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        start, to = self.clock(), self.address
        left = deadline(self.clock, self.timeout)
        proxy = route(to, self.environment)
        line = self._line(proxy, left)
        connection = http.client.HTTPConnection(to.host, to.port)
        connection.sock = line
        target = f"{to.path}{path}"
        plain_proxy = proxy is not None and to.scheme == "http"
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # It may have answered before it hung up.
                connection.request(
                    method,
                    f"{to.origin}{target}" if plain_proxy else target,
                    body,
                    self._headers(body, headers) | (credentials(proxy) if proxy and plain_proxy else {}),
                )
            response = started(connection)
            self.answered = True
            content, ending = read(response)
            return Answer(
                response.status,
                tuple((name.lower(), self._masked(value)) for name, value in response.getheaders()),
                self._masked(content),
                ending,
                self.clock() - start,
            )
        except TimeoutError:
            raise Unanswered("silent") from None
        finally:
            line.end()

    def _line(self, proxy: Proxy | None, left: Callable[[], float]) -> Line:
        """A line to the server, TLS and proxy included."""
        to = self.address
        try:
            line = Line(connected(to.host, to.port, left), left) if proxy is None else through(proxy, left)
        except TimeoutError:
            raise Unanswered("unconnected") from None
        if to.scheme == "http":
            return line
        try:
            if proxy is not None:
                tunnelled(line, to, proxy)
            return Line(encrypted(line.socket, to.host, left), left)
        except BaseException:
            line.end()
            raise

    def _headers(self, body: bytes | None, more: Mapping[str, str]) -> dict[str, str]:
        headers = {
            "Host": self.address.authority,
            "Authorization": f"Bearer {self.key or PLACEHOLDER}",
            "Accept": "application/json, text/event-stream",
            "User-Agent": "understudy-check",
            "Connection": "close",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        return headers | dict(more)

    def _masked(self, text: Any) -> Any:
        """What a server sent without the key, which some repeat. Short ones are masked when told."""
        if self.key is None or len(self.key) < LONG_KEY:
            return text
        if isinstance(text, bytes):
            return text.replace(self.key.encode(), MASK.encode())
        return text.replace(self.key, MASK)


def started(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    """The answer's head."""
    try:
        return connection.getresponse()
    except TimeoutError:
        raise Unanswered("silent") from None
    except http.client.RemoteDisconnected:
        raise Unanswered("closed") from None
    except http.client.HTTPException as problem:
        raise Unanswered("not http", repr(str(problem))[:MOST_QUOTED]) from None
    except OSError as problem:
        raise Unanswered("closed", problem.strerror or str(problem)) from None


def read(response: http.client.HTTPResponse) -> tuple[bytes, Ending]:
    """The body as far as it comes, and how it ends."""
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := response.read1(PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > MOST_BODY:
                return b"".join(pieces), "endless"
    except TimeoutError:
        return b"".join(pieces), "silent"
    except (http.client.HTTPException, OSError, ValueError):
        return b"".join(pieces), "cut"
    return b"".join(pieces), "cut" if response.length else "whole"


def told_to_wait(answer: Answer) -> float | None:
    """The seconds after which a server that says 429 will take the request; None where it does not say."""
    if answer.status != 429 or b"insufficient_quota" in answer.body:
        return None
    for name, per_second in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(answer.header(name)) / per_second
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def decoded(body: bytes) -> Any:
    """The JSON in a body. Raises ValueError, saying where it breaks."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise ValueError("JSON is nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ValueError(str(problem)) from None
