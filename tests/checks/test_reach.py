"""A server that cannot be reached: what the check says is the matter, and what mends it."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from upstreams import Asked, Clock, Sent, as_json, error, good, http, upstream

from understudy.checks import reach
from understudy.checks.checklist import CHECKS, run
from understudy.checks.client import Client
from understudy.checks.endpoint import Endpoint
from understudy.checks.findings import Result

SELF_SIGNED = [
    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
    *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
]
REACHABLE = [check for check in CHECKS if check.name == "reachable"]


def reached(base_url: str, environment: Mapping[str, str] | None = None, timeout: float = 20.0) -> Result:
    """How the check whether a server is reachable goes."""
    client = Client(base_url, None, timeout, time.monotonic, Clock().wait, environment or {})
    [result] = run(Endpoint(client), REACHABLE, lambda _: None, lambda _: None)
    return result


def mended(result: Result) -> tuple[str, str]:
    """What was found and what to do, of a check that failed."""
    assert result.status == "fail"
    [finding] = [each for each in result.findings if each.level == "fail"]
    return finding.found, finding.advice


@pytest.fixture(autouse=True)
def _no_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else runs on this machine stays out of the tests."""
    monkeypatch.setattr(reach, "USUAL_PORTS", {})


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on, on either address of localhost."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that nobody trusts, and its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = [*SELF_SIGNED, "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())
    return both


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


# --- nobody there -------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_refused_port_says_that_nothing_listens(host: str, free_port: int) -> None:
    found, advice = mended(reached(f"http://{host}:{free_port}/v1"))
    assert found == f"{host}:{free_port} refuses the connection: nothing listens there"
    assert "use the port that it says it listens on" in advice


def test_a_server_on_the_other_loopback_address_is_found() -> None:
    with upstream(good, "::1") as port:
        found, advice = mended(reached(f"http://127.0.0.1:{port}/v1"))
        assert f"127.0.0.1:{port} refuses the connection" in found
        assert f"On ::1 it does answer: use http://[::1]:{port}/v1" in advice
    with upstream(good) as port:
        _, advice = mended(reached(f"http://[::1]:{port}/v1"))
        assert f"On 127.0.0.1 it does answer: use http://127.0.0.1:{port}/v1" in advice


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let `localhost` have these addresses, as its owner has set it up."""
    real = socket.getaddrinfo

    def known(host: str, port: int, **more: int) -> list[object]:
        hosts = addresses if host == "localhost" else (host,)
        return [each for host in hosts for each in real(host, port, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", known)


@pytest.mark.parametrize(("one", "other"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_localhost_says_which_of_its_addresses_answers(
    one: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, "::1", "127.0.0.1")
    with upstream(good, one) as port:
        result = reached(f"http://localhost:{port}/v1")
        url = f"http://[{one}]:{port}/v1" if ":" in one else f"http://{one}:{port}/v1"
        assert result.status == "pass"
        assert result.detail.endswith(
            f", on {one} and not on {other}; a client that tries one address alone needs {url}"
        )


def test_a_localhost_that_is_not_the_servers_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "127.0.0.1")
    with upstream(good, "::1") as port:
        found, advice = mended(reached(f"http://localhost:{port}/v1"))
        assert f"localhost:{port} refuses the connection" in found
        assert f"On ::1 it does answer: use http://[::1]:{port}/v1" in advice


def test_a_server_on_a_usual_port_is_found(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    with upstream(good) as port:
        monkeypatch.setattr(reach, "USUAL_PORTS", {port: "vLLM"})
        _, advice = mended(reached(f"http://localhost:{free_port}/v1"))
        assert f"On port {port}, vLLM's usual one, a server does answer: http://127.0.0.1:{port}/v1" in advice


def test_another_program_on_a_usual_port_is_not_taken_for_a_server(
    monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    with upstream(lambda asked: Sent(http(200, b"<html>", kind="text/html"))) as port:
        monkeypatch.setattr(reach, "USUAL_PORTS", {port: "vLLM"})
        assert str(port) not in mended(reached(f"http://localhost:{free_port}/v1"))[1]


def test_a_name_that_does_not_exist_is_told() -> None:
    found, advice = mended(reached("http://no-such-host.invalid/v1"))
    assert found.startswith("the name no-such-host.invalid cannot be resolved (")
    assert "a slip in the name" in advice
    assert "host.docker.internal" in advice


def test_a_resolver_that_hangs_ends_at_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(20) and [])
    found, _ = mended(reached("http://mock.example/v1", timeout=0.2))
    over.set()
    assert found == "the name mock.example cannot be resolved (the resolver does not answer)"


def test_a_host_that_drops_packets_is_a_firewall(monkeypatch: pytest.MonkeyPatch) -> None:
    def dropped(self: socket.socket, address: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket.socket, "connect", dropped)
    found, advice = mended(reached("http://192.0.2.1:8080/v1", timeout=3))
    assert found == "no connection to 192.0.2.1:8080 within 3 s"
    assert "A firewall drops packets" in advice


def test_a_network_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(self: socket.socket, address: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    found, advice = mended(reached("http://192.0.2.1:8080/v1"))
    assert found == "192.0.2.1:8080 cannot be reached: Network is unreachable"
    assert "VPN" in advice


# --- somebody there, but no answer --------------------------------------------------------------------


def test_a_silent_server_ends_at_the_timeout() -> None:
    with upstream(lambda asked: Sent(b"", "hang")) as port:
        found, advice = mended(reached(f"http://127.0.0.1:{port}/v1", timeout=0.5))
    assert found == f"127.0.0.1:{port} accepts the connection and says nothing within 0.5 s"
    assert "look at its log, restart it" in advice


def test_a_server_that_dribbles_ends_at_the_timeout_too() -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def dribble() -> None:
            peer, _ = listener.accept()
            with peer, suppress(OSError):
                peer.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
                while not over.wait(0.02):
                    peer.sendall(b"x")

        worker = threading.Thread(target=dribble)
        worker.start()
        found, _ = mended(reached(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", timeout=0.5))
        over.set()
        worker.join(20)
    assert "says nothing within 0.5 s" in found


@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_server_that_closes_without_a_word_is_told(then: str) -> None:
    with upstream(lambda asked: Sent(b"", then)) as port:
        found, advice = mended(reached(f"http://127.0.0.1:{port}/v1", timeout=1))
    assert found.startswith(f"127.0.0.1:{port} ends the connection without an answer (")
    assert "look at its log" in advice


def test_another_protocol_is_shown() -> None:
    with upstream(lambda asked: Sent(b"220 mail.example ESMTP\r\n")) as port:
        found, advice = mended(reached(f"http://127.0.0.1:{port}/v1", timeout=1))
    assert found.endswith("answers something that is not HTTP: '220 mail.example ESMTP\\r\\n'")
    assert "Another program has this port" in advice


# --- TLS ----------------------------------------------------------------------------------------------


def test_http_to_a_server_with_tls_says_https(tls: ssl.SSLContext) -> None:
    with upstream(good, tls=tls) as port:
        _, advice = mended(reached(f"http://127.0.0.1:{port}/v1"))
    assert f"It speaks TLS: use https:// in the base URL: https://127.0.0.1:{port}/v1" in advice


def test_a_web_server_that_says_so_itself_is_understood() -> None:
    page = b"<h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port"
    with upstream(lambda asked: Sent(http(400, page, kind="text/html"))) as port:
        found, advice = mended(reached(f"http://127.0.0.1:{port}/v1"))
    assert "wants TLS" in found
    assert f"https://127.0.0.1:{port}/v1" in advice


def test_https_to_a_server_without_tls_says_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def plain() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(65_536)
                peer.sendall(http(400, b"Bad request"))

        worker = threading.Thread(target=plain)
        worker.start()
        port = listener.getsockname()[1]
        found, advice = mended(reached(f"https://127.0.0.1:{port}/v1"))
        worker.join(20)
    assert found == f"127.0.0.1:{port} does not speak TLS (WRONG_VERSION_NUMBER)"
    assert f"Use http:// in the base URL: http://127.0.0.1:{port}/v1" in advice


def test_a_certificate_that_nobody_trusts_is_told_and_can_be_trusted(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with upstream(good, tls=tls) as port:
        found, advice = mended(reached(f"https://localhost:{port}/v1"))
        assert found == f"the certificate of localhost:{port} is not trusted: self-signed certificate"
        assert "SSL_CERT_FILE=cert.pem understudy check" in advice
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert reached(f"https://localhost:{port}/v1").status == "pass"


def test_a_certificate_for_another_name_is_told(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with upstream(good, tls=tls) as port:
        found, _ = mended(reached(f"https://127.0.0.1:{port}/v1"))
    assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in found


# --- the base URL -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["", "/", "/v1/chat/completions", "/v1/models/", "/chat/completions", "/v1/v1", "/v2"]
)
def test_a_base_url_that_is_wrong_gets_the_one_that_works(path: str) -> None:
    with upstream(good) as port:
        found, advice = mended(reached(f"http://127.0.0.1:{port}{path}"))
        assert f"no API below http://127.0.0.1:{port}{path.rstrip('/')}: GET" in found
        assert advice == f"The base URL is another: use http://127.0.0.1:{port}/v1"


def test_a_slash_at_the_end_of_the_base_url_does_no_harm() -> None:
    with upstream(good) as port:
        assert reached(f"http://127.0.0.1:{port}/v1/").status == "pass"


def test_a_page_for_browsers_is_no_api() -> None:
    def app(asked: Asked) -> Sent:
        return good(asked) if asked.path.startswith("/v1") else Sent(http(200, b"<html>", kind="text/html"))

    with upstream(app) as port:
        _, advice = mended(reached(f"http://127.0.0.1:{port}"))
    assert advice.endswith(f"use http://127.0.0.1:{port}/v1")


def test_a_redirect_says_where_to() -> None:
    moved = http(308, b"", {"location": "https://api.example.com/v1/models"})
    with upstream(lambda asked: Sent(moved)) as port:
        found, advice = mended(reached(f"http://127.0.0.1:{port}/v1"))
    assert f"http://127.0.0.1:{port}/v1 redirects to https://api.example.com/v1 (HTTP 308)" in found
    assert advice == "Use the other one as base URL: https://api.example.com/v1"


@pytest.mark.parametrize("status", [401, 429, 500, 503, 404])
def test_any_other_answer_is_an_answer(status: int) -> None:
    with upstream(lambda asked: error(status, "no")) as port:
        assert reached(f"http://127.0.0.1:{port}/v1").status == "pass"


# --- proxies ------------------------------------------------------------------------------------------

NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"])
def test_a_proxy_before_a_local_server_is_a_warning(variable: str) -> None:
    with upstream(good) as port:
        result = reached(f"http://127.0.0.1:{port}/v1", {variable: NOWHERE})
    assert result.status == "warn"
    assert result.detail.startswith(
        f"{variable} is set, and NO_PROXY does not name 127.0.0.1: SDKs ask the proxy"
    )
    assert result.findings[-1].advice.endswith("export NO_PROXY=127.0.0.1")


@pytest.mark.parametrize("exempt", ["*", "127.0.0.1", "a.example, 127.0.0.1"])
def test_no_proxy_settles_it(exempt: str) -> None:
    with upstream(good) as port:
        environment = {"HTTP_PROXY": NOWHERE, "NO_PROXY": exempt}
        assert reached(f"http://127.0.0.1:{port}/v1", environment).status == "pass"


def test_a_proxy_is_asked_for_a_server_elsewhere() -> None:
    seen: list[Asked] = []

    def proxy(asked: Asked) -> Sent:
        seen.append(asked)
        return as_json({"object": "list", "data": []})

    with upstream(proxy) as port:
        environment = {"http_proxy": f"http://me:p%40ss@127.0.0.1:{port}"}
        assert reached("http://api.example/v1", environment).status == "pass"
    assert seen[0].target == "http://api.example/v1/models"
    assert seen[0].headers["proxy-authorization"] == "Basic bWU6cEBzcw=="


def test_a_proxy_that_is_not_there_is_blamed_by_its_variable(free_port: int) -> None:
    environment = {"HTTPS_PROXY": f"http://127.0.0.1:{free_port}"}
    found, advice = mended(reached("https://api.example/v1", environment))
    assert found == "the proxy from HTTPS_PROXY does not lead there: refused"
    assert advice == "Mend or unset HTTPS_PROXY, or ask the server directly: NO_PROXY=api.example"


def test_a_proxy_that_gives_no_way_through_is_told() -> None:
    with upstream(lambda asked: Sent(http(407, b""))) as port:
        found, _ = mended(reached("https://api.example/v1", {"https_proxy": f"http://127.0.0.1:{port}"}))
    assert found == "the proxy from https_proxy does not lead there: it answers HTTP 407 Whatever"


def test_a_tunnel_through_a_proxy_carries_tls(
    tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr("understudy.checks.client.Address.local", False)
    asked: list[bytes] = []
    with upstream(good, tls=tls) as port, socket.create_server(("127.0.0.1", 0)) as listener:

        def tunnel() -> None:
            near, _ = listener.accept()
            with near, socket.create_connection(("127.0.0.1", port)) as far:
                asked.append(near.recv(65_536))
                near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pump, args=(far, near))
                back.start()
                pump(near, far)
                back.join(20)

        worker = threading.Thread(target=tunnel)
        worker.start()
        environment = {"HTTPS_PROXY": f"http://127.0.0.1:{listener.getsockname()[1]}"}
        assert reached(f"https://localhost:{port}/v1", environment).status == "pass"
        worker.join(20)
    assert asked[0].startswith(f"CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n".encode())


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def test_a_socks_proxy_is_passed_by_with_a_warning() -> None:
    with upstream(good) as port:
        result = reached(f"http://127.0.0.1:{port}/v1", {"ALL_PROXY": "socks5://127.0.0.1:9"})
    assert result.status == "warn"
