"""Why a server cannot be reached, and how to mend it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator

from understudy.checks.client import (
    Address,
    Answer,
    Client,
    Kind,
    Unanswered,
    connected,
    deadline,
    decoded,
    proxy_for,
    route,
)
from understudy.checks.findings import Ended, Finding, excerpt, fail, note, warn

LOOPBACKS = ("127.0.0.1", "::1")
USUAL_PORTS = {8080: "Understudy", 8000: "vLLM", 11434: "Ollama", 1234: "LM Studio", 4010: "aimock"}
GLANCE_S = 2.0
"""How long a second look may take, at another port or with another scheme."""
ENDPOINTS = ("/chat/completions", "/completions", "/embeddings", "/responses", "/models")
AN_ANSWER = "an HTTP answer"

WORDS: dict[Kind, tuple[str, str]] = {
    "unresolved": (
        "the name {host} cannot be resolved ({detail})",
        "Look for a slip in the name. Between containers it is the service's name; from a container to its "
        "host it is host.docker.internal.",
    ),
    "refused": (
        "{where} refuses the connection: nothing listens there",
        "Start the server, or use the port that it says it listens on (on Linux `ss -ltn` lists them). "
        "In a container, the port must be published, and the server must listen on 0.0.0.0.",
    ),
    "unreachable": (
        "{where} cannot be reached: {detail}",
        "Look at the address, at the network or the VPN, and at a firewall that rejects it.",
    ),
    "unconnected": (
        "no connection to {where} within {timeout:g} s",
        "A firewall drops packets, or nobody has this address: open the port, or use the right address.",
    ),
    "untrusted": (
        "the certificate of {where} is not trusted: {detail}",
        "If it is your own, name it: SSL_CERT_FILE=cert.pem understudy check ... (the SDKs read the same "
        "variable). Its subjectAltName must have the host of the URL.",
    ),
    "not tls": ("{where} does not speak TLS ({detail})", "Use http:// in the base URL: {plain}"),
    "tls": ("TLS with {where} fails: {detail}", "Look at the server's certificate and TLS versions."),
    "proxy": (
        "the proxy from {variable} does not lead there: {detail}",
        "Mend or unset {variable}, or ask the server directly: NO_PROXY={host}",
    ),
    "silent": (
        "{where} accepts the connection and says nothing within {timeout:g} s",
        "The server hangs, or it loads a model: look at its log, restart it, or give it longer: --timeout.",
    ),
    "closed": (
        "{where} ends the connection without an answer ({detail})",
        "The server breaks down at the request: look at its log.",
    ),
    "not http": (
        "{where} answers something that is not HTTP: {detail}",
        "Another program has this port: use the server's own.",
    ),
}


def explained(client: Client, problem: Unanswered) -> Finding:
    """What an unanswered request means, in words and with the next step."""
    to = client.address
    proxy = route(to, client.environment)
    found, advice = WORDS[problem.kind]
    values = {
        "host": to.host,
        "where": f"{to.host}:{to.port}" if ":" not in to.host else f"[{to.host}]:{to.port}",
        "timeout": client.timeout,
        "detail": problem.detail or "closed",
        "plain": f"http://{to.url.partition('://')[2]}",
        "variable": proxy.variable if proxy else "",
    }
    hints = "".join(f" {hint}" for hint in _hints(client, problem.kind))
    return fail(found.format(**values), AN_ANSWER, advice.format(**values) + hints)


def _hints(client: Client, kind: Kind) -> Iterator[str]:
    """What a second look at the neighbourhood tells."""
    to = client.address
    if kind in ("refused", "unreachable", "unconnected") and to.local:
        yield from (
            f"On {host} it does answer: use {_at(to, host, to.port).url}" for host in _other_loopbacks(client)
        )
        yield from _usual_ports(client)
    astray = kind in ("closed", "not http", "silent") and not client.answered
    if astray and to.scheme == "http" and speaks_tls(client):
        yield f"It speaks TLS: use https:// in the base URL: https://{to.url.partition('://')[2]}"


def _other_loopbacks(client: Client) -> Iterator[str]:
    """Addresses of this machine that the host in the base URL does not resolve to, and that answer."""
    to = client.address
    for host in LOOPBACKS:
        if to.host != host and listens(client, host, to.port):
            yield host


def _usual_ports(client: Client) -> Iterator[str]:
    """Ports on this machine where an OpenAI-compatible server answers."""
    for port, name in USUAL_PORTS.items():
        for host in LOOPBACKS:
            there = Address("http", host, port, "/v1")
            if port != client.address.port and listens(client, host, port) and serves(client, there.url):
                yield f"On port {port}, {name}'s usual one, a server does answer: {there.url}"
                break


def _at(to: Address, host: str, port: int) -> Address:
    return Address(to.scheme, host, port, to.path)


def listens(client: Client, host: str, port: int) -> bool:
    try:
        connected(host, port, _glance(client)).close()
    except (Unanswered, TimeoutError):
        return False
    return True


def _glance(client: Client) -> Callable[[], float]:
    return deadline(client.clock, min(client.timeout, GLANCE_S))


def speaks_tls(client: Client) -> bool:
    """Whether a TLS handshake succeeds, whatever the certificate."""
    to = client.address
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with connected(to.host, to.port, _glance(client)) as sock, context.wrap_socket(sock):
            return True
    except (Unanswered, OSError):
        return False


def serves(client: Client, base_url: str) -> bool:
    """Whether `GET /models` below this base URL gives a list, or asks for a key."""
    try:
        answer = client.at(base_url, min(client.timeout, GLANCE_S)).ask("GET", "/models")
    except Unanswered:
        return False
    return answer.status in (401, 403) or is_list(answer)


def is_list(answer: Answer) -> bool:
    try:
        value = decoded(answer.body)
    except ValueError:
        return False
    return answer.status == 200 and isinstance(value, dict) and isinstance(value.get("data"), list)


# --- the base URL -----------------------------------------------------------------------------------


def base_url_problem(client: Client, answer: Answer) -> Finding | None:
    """What is wrong with the base URL, as the answer to `GET /models` tells, with one that works."""
    to = client.address
    if 300 <= answer.status < 400:
        there = answer.header("location").removesuffix("/models")
        return fail(
            f"{to.url} redirects to {there or 'nowhere'} (HTTP {answer.status})",
            "an answer from where the base URL points",
            f"Use the other one as base URL: {there}" if there else "Look at the server's configuration.",
        )
    if answer.status == 400 and b"HTTPS port" in answer.body:
        return fail(
            f"{to.host}:{to.port} wants TLS and was asked without",
            AN_ANSWER,
            f"Use https:// in the base URL: https://{to.url.partition('://')[2]}",
        )
    if is_list(answer) or answer.status not in (200, 404, 405):
        return None
    better = next((url for url in other_base_urls(to) if serves(client, url)), None)
    if better is None:
        return None
    return fail(
        f"no API below {to.url}: GET {to.url}/models answers HTTP {answer.status}: {excerpt(answer.body)}",
        "a list of models",
        f"The base URL is another: use {better}",
    )


def other_base_urls(to: Address) -> Iterator[str]:
    """What may have been meant: without an endpoint at the end, with one `/v1`."""
    path = next((to.path.removesuffix(end) for end in ENDPOINTS if to.path.endswith(end)), to.path)
    paths = (path, f"{path}/v1", path.replace("/v1/v1", "/v1"), "/v1", "/api/v1", "/openai/v1")
    yield from dict.fromkeys(to.origin + each for each in paths if each != to.path)


# --- the check --------------------------------------------------------------------------------------


def reachable(client: Client, answer: Answer) -> Iterator[Finding]:
    """What there is to say about a server that does answer."""
    problem = base_url_problem(client, answer)
    if problem:
        raise Ended(problem)
    yield note(f"{client.address.url} answers in {answer.seconds * 1000:.0f} ms{_on_which(client)}")
    yield from _proxied(client)


def _on_which(client: Client) -> str:
    """Of the two addresses of `localhost`, those that answer."""
    to = client.address
    if to.host != "localhost":
        return ""
    answering = [host for host in LOOPBACKS if listens(client, host, to.port)]
    if len(answering) != 1:
        return ""
    silent = next(host for host in LOOPBACKS if host not in answering)
    return (
        f", on {answering[0]} and not on {silent}; a client that tries one address alone needs "
        f"{_at(to, answering[0], to.port).url}"
    )


def _proxied(client: Client) -> Iterator[Finding]:
    """A proxy in the environment that an SDK would ask for this server, and the check did not."""
    to = client.address
    proxy = proxy_for(to, client.environment)
    if proxy is None or route(to, client.environment) is not None:
        return
    kind = "a local server" if to.local else "SOCKS, which this check does not speak"
    yield warn(
        f"{proxy.variable} is set, and NO_PROXY does not name {to.host}: SDKs ask the proxy, this check "
        f"asked the server itself ({kind})",
        "a way to the server that is the same for all",
        f"Where your program cannot connect: export NO_PROXY={to.host}",
    )
