"""The works: what is measured, how, and what is to be reached. One row of `WORKS` for each.

To add one, write a function from a `Bench` to an `Outcome` and a row; every target of the row is a
key of the outcome's `reached`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from tempfile import TemporaryDirectory
from typing import NamedTuple

from load import Script, Throughput, different, in_turn, ratio, same, throughput
from memory import per_stream_kib
from questions import (
    CHAT,
    CHAT_NEEDLE,
    EMBEDDED,
    NEEDLE,
    STREAM,
    STREAMED,
    STREAMED_TOKENS,
    WHOLE,
    Question,
)
from start import Started, first_answer
from streams import Pacing, learned_plans, pacing
from subjects import (
    Cores,
    Sample,
    Server,
    aimock,
    aimock_command,
    fixture_file,
    nginx,
    pacer,
    rule_file,
    ruled,
    sample,
    understudy,
    understudy_command,
)

STREAMS_AT_ONCE = 1000
STREAMS_OPEN = 2000
RATE = 40.0
SLOW_RATE = 5.0
INTERVAL_S = 1 / RATE
LIMITS = "requests=100000000/min,tokens=100000000000/min,per=key"
RULES_LOADED = 1_000
RULES_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how long: the cores, and the effort."""

    cores: Cores
    quick: bool = False

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 7

    @property
    def paced_rounds(self) -> int:
        return 1 if self.quick else 3

    @property
    def starts(self) -> int:
        return 4 if self.quick else 10


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached: `least` the bound, or else less than it; `aim` is what would be better."""

    name: str
    bound: float
    unit: str = ""
    least: bool = False
    aim: float | None = None

    def met(self, value: float) -> bool:
        return value >= self.bound if self.least else value < self.bound


class Figure(NamedTuple):
    """One line of measurements: subject by subject."""

    measure: str
    by_subject: dict[str, str]


@dataclass(slots=True)
class Outcome:
    """What a work found: figures for reading, values for the targets, and remarks."""

    reached: dict[str, float]
    figures: list[Figure]
    remarks: list[str] = field(default_factory=list)


class Work(NamedTuple):
    name: str
    title: str
    run: Callable[[Bench], Outcome]
    targets: tuple[Target, ...]


# --- requests and streams per second ------------------------------------------------------------------


def rates(bench: Bench, body: bytes, needle: str, script: Script, unit: str, *flags: str) -> Outcome:
    """This server, with `flags`, aimock and nginx under wrk, in turn."""
    with ExitStack() as stack:
        ours = stack.enter_context(understudy(body, bench.cores.server, *flags))
        like = sample(ours, body)
        peer = stack.enter_context(aimock(like, needle, bench.cores.server))
        limit = stack.enter_context(nginx(like, bench.cores.server))
        servers = (ours, peer, limit)
        in_turn(servers, script, body, 1, bench.cores.load)
        measured = in_turn(servers, script, body, bench.rounds, bench.cores.load)
        sent = {server.name: sample(server, body) for server in (ours, peer)}
    return Outcome(
        reached={
            "of nginx": ratio(measured, "understudy", "nginx"),
            "times aimock": ratio(measured, "understudy", "aimock"),
        },
        figures=[
            Figure(f"{unit}, median", {name: f"{middle(runs):,.0f}" for name, runs in measured.items()}),
            Figure("slowest and fastest round", {name: extremes(runs) for name, runs in measured.items()}),
            Figure("its core busy", {name: f"{busiest(runs):.0%}" for name, runs in measured.items()}),
            Figure(
                f"{unit} of its own processor time", {name: thrift(runs) for name, runs in measured.items()}
            ),
        ],
        remarks=[sizes(body, sent)],
    )


def middle(runs: Sequence[Throughput]) -> float:
    return statistics.median(run.per_second for run in runs)


def busiest(runs: Sequence[Throughput]) -> float:
    return statistics.median(run.busy for run in runs)


def extremes(runs: Sequence[Throughput]) -> str:
    return f"{min(run.per_second for run in runs):,.0f} to {max(run.per_second for run in runs):,.0f}"


def thrift(runs: Sequence[Throughput]) -> str:
    """Answers per second of the server's processor time: what is left of a rate on a busy machine."""
    return f"{statistics.median(run.per_second / run.busy for run in runs):,.0f}"


def sizes(body: bytes, sent: dict[str, Sample]) -> str:
    """What goes over the wire, in words."""
    answers = ", ".join(
        f"{name} answers {len(got.body):,} bytes"
        + (f" in {len(got.frames)} chunks" if got.body.startswith(b"data: ") else "")
        for name, got in sent.items()
    )
    return f"The request's body has {len(body)} bytes; {answers}."


def chat(bench: Bench) -> Outcome:
    return rates(bench, CHAT, CHAT_NEEDLE, same, "requests/s")


def chat_different(bench: Bench) -> Outcome:
    return rates(bench, CHAT, CHAT_NEEDLE, different, "requests/s")


def chat_ruled(bench: Bench) -> Outcome:
    with rule_file(RULES_LOADED) as rules:
        return rates(bench, CHAT, CHAT_NEEDLE, same, "requests/s", str(rules))


def chat_limited(bench: Bench) -> Outcome:
    return rates(bench, CHAT, CHAT_NEEDLE, same, "requests/s", "--limits", LIMITS)


def validation(bench: Bench) -> Outcome:
    return beside(bench, different, {"off": ("--validation", "off"), "strict": ("--validation", "strict")})


def journal(bench: Bench) -> Outcome:
    with TemporaryDirectory(prefix="bench-") as folder:
        file = ("--journal", f"sqlite:///{folder}/journal.db")
        return beside(bench, same, {"in memory": (), "in a file": file})


def beside(bench: Bench, script: Script, flags: dict[str, tuple[str, ...]]) -> Outcome:
    """This server twice, with other flags, in turn."""
    with ExitStack() as stack:
        servers = [
            replace(stack.enter_context(understudy(CHAT, bench.cores.server, *each)), name=name)
            for name, each in flags.items()
        ]
        in_turn(servers, script, CHAT, 1, bench.cores.load)
        measured = in_turn(servers, script, CHAT, bench.rounds, bench.cores.load)
    plain, other = flags
    return Outcome(
        reached={f"of {plain}": ratio(measured, other, plain)},
        figures=[
            Figure("requests/s, median", {name: f"{middle(runs):,.0f}" for name, runs in measured.items()})
        ],
    )


def stream(bench: Bench) -> Outcome:
    return rates(bench, STREAM, NEEDLE, same, "streams/s")


def apis(bench: Bench, questions: Sequence[Question], script: Script, unit: str) -> Outcome:
    """This server alone, asked the same by all APIs in turn; the first of them is what others are held to."""
    measured: dict[str, list[Throughput]] = {question.api: [] for question in questions}
    sent: dict[str, Sample] = {}
    with understudy(CHAT, bench.cores.server) as ours:
        for number in range(bench.rounds + 1):
            for api, path, headers, body in questions:
                lines = script(body, number, path, headers)
                measured[api].append(throughput(ours, lines, bench.cores.load))
                sent[api] = sample(ours, body, path, headers)
    runs = {api: several[1:] for api, several in measured.items()}
    chat, *others = runs
    return Outcome(
        reached={f"{api}, of chat": ratio(runs, api, chat) for api in others},
        figures=[
            Figure(f"{unit}, median", {api: f"{middle(several):,.0f}" for api, several in runs.items()}),
            Figure("of chat", {api: f"{ratio(runs, api, chat):.2f}" for api in runs}),
            Figure("slowest and fastest round", {api: extremes(several) for api, several in runs.items()}),
            Figure("bytes of the answer", {api: f"{len(got.body):,}" for api, got in sent.items()}),
        ],
    )


def apis_same(bench: Bench) -> Outcome:
    outcome = apis(bench, (*WHOLE, *EMBEDDED), same, "requests/s")
    outcome.remarks.append("Vectors have no target: they are thousands of numbers, in text or in base64.")
    return outcome


def apis_different(bench: Bench) -> Outcome:
    return apis(bench, WHOLE, different, "requests/s")


def apis_streamed(bench: Bench) -> Outcome:
    return apis(bench, STREAMED, same, "streams/s")


def rules(bench: Bench) -> Outcome:
    """One rule and very many, of which the last answers, in turn; with and without requests alike."""
    with ExitStack() as stack:
        few, many = (
            stack.enter_context(ruled(CHAT, bench.cores.server, CHAT_NEEDLE, count))
            for count in (1, RULES_MOST)
        )
        measured: dict[Script, dict[str, list[Throughput]]] = {}
        for script in (same, different):
            in_turn((few, many), script, CHAT, 1, bench.cores.load)
            measured[script] = in_turn((few, many), script, CHAT, bench.rounds, bench.cores.load)
    said: dict[Script, str] = {same: "the same request", different: "no two alike"}
    return Outcome(
        reached={said[script]: ratio(runs, few.name, many.name) for script, runs in measured.items()},
        figures=[
            Figure(
                f"requests/s, median, {said[script]}",
                {name: f"{middle(rounds):,.0f}" for name, rounds in runs.items()},
            )
            for script, runs in measured.items()
        ],
        remarks=["Reached is how many times as long a request takes with very many rules as with one."],
    )


# --- streams in time ------------------------------------------------------------------------------------


def streamed_sample(bench: Bench) -> Sample:
    """The stream that this server gives when nothing paces it."""
    with understudy(STREAM, bench.cores.server) as ours:
        return sample(ours, STREAM)


def paced(bench: Bench, window_s: float) -> Outcome:
    """A thousand streams, begun over `window_s` seconds, from each server that can pace."""
    core = bench.cores.server
    like = streamed_sample(bench)
    measured: dict[str, list[Pacing]] = {}
    with ExitStack() as stack:
        servers: list[Server] = [
            stack.enter_context(understudy(STREAM, core, "--pace", f"{RATE:g}/s")),
            stack.enter_context(aimock(like, NEEDLE, core, RATE)),
            stack.enter_context(pacer(like, core, RATE)),
        ]
        plans = learned_plans(servers, STREAM, RATE)
        for _ in range(bench.paced_rounds):
            for server in servers:
                run = pacing(server, plans[server.name], STREAM, STREAMS_AT_ONCE, window_s)
                measured.setdefault(server.name, []).append(run)
    runs = {name: sorted(several, key=lambda run: abs(run.late_worst)) for name, several in measured.items()}
    typical = {name: several[len(several) // 2] for name, several in runs.items()}
    ours = typical["understudy"]
    return Outcome(
        reached={"worst stream late": 100 * abs(ours.late_worst), "p99 gap error": 1000 * ours.gap_p99},
        figures=[
            figure("late in total, median stream", typical, lambda run: f"{run.late_median:.2%}"),
            figure("late in total, worst stream", typical, lambda run: f"{run.late_worst:.2%}"),
            Figure(
                "the same, best and worst round",
                {
                    name: f"{all_[0].late_worst:.2%} to {all_[-1].late_worst:.2%}"
                    for name, all_ in runs.items()
                },
            ),
            figure(
                "late from its first bytes, worst stream", typical, lambda run: f"{run.flow_late_worst:.2%}"
            ),
            figure("gap error, p50", typical, lambda run: f"{1000 * run.gap_p50:.2f} ms"),
            figure("gap error, p99", typical, lambda run: f"{1000 * run.gap_p99:.2f} ms"),
            figure("first bytes, median", typical, lambda run: f"{1000 * run.first_median:.1f} ms"),
            figure("first bytes, worst", typical, lambda run: f"{1000 * run.first_worst:.1f} ms"),
            figure("its core busy", typical, lambda run: f"{run.server_busy:.0%}"),
            figure("the client's core busy", typical, lambda run: f"{run.client_busy:.0%}"),
            figure("the client's own lag, p99", typical, lambda run: f"{1000 * run.client_lag_p99:.2f} ms"),
        ],
        remarks=[
            f"{STREAMS_AT_ONCE:,} connections were open beforehand; the requests were written over "
            f"{1000 * window_s:g} ms. The round with the median worst stream is shown. `bare loop` only "
            "writes the frames at their deadlines: it is the floor of this machine and this client.",
        ],
    )


def figure(measure: str, runs: dict[str, Pacing], spell: Callable[[Pacing], str]) -> Figure:
    return Figure(measure, {name: spell(run) for name, run in runs.items()})


def paced_burst(bench: Bench) -> Outcome:
    return paced(bench, 0.0)


def paced_spread(bench: Bench) -> Outcome:
    return paced(bench, INTERVAL_S)


def paced_arriving(bench: Bench) -> Outcome:
    return paced(bench, 1.0)


# --- memory and start -------------------------------------------------------------------------------------


def memory(bench: Bench) -> Outcome:
    """KiB for each open stream."""
    core = bench.cores.server
    like = streamed_sample(bench)
    found: dict[str, float] = {}
    with understudy(STREAM, core, "--pace", f"{SLOW_RATE:g}/s") as ours:
        found[ours.name] = per_stream_kib(ours, STREAM, STREAMS_OPEN)
    with aimock(like, NEEDLE, core, SLOW_RATE) as peer:
        found[peer.name] = per_stream_kib(peer, STREAM, STREAMS_OPEN)
    return Outcome(
        reached={"each": found["understudy"]},
        figures=[Figure("memory each", {name: f"{kib:.1f} KiB" for name, kib in found.items()})],
        remarks=[
            f"Resident memory with {STREAMS_OPEN:,} streams open at {SLOW_RATE:g} tokens/s minus that before "
            "their connections were opened, after a warm-up; the journal's entries are in it."
        ],
    )


def start(bench: Bench) -> Outcome:
    """From the command to the first answer, each in turn; the first try only warms the disk's cache."""
    core = bench.cores.server
    found: dict[str, list[Started]] = {"understudy": [], "aimock": []}
    with understudy(CHAT, core) as ours:
        like = sample(ours, CHAT)
    with fixture_file(like, CHAT_NEEDLE) as fixtures:
        for _ in range(bench.starts + 1):
            found["understudy"].append(first_answer(understudy_command, CHAT, core))
            found["aimock"].append(first_answer(lambda port: aimock_command(port, fixtures), CHAT, core))
    seconds = {name: [run.seconds for run in runs[1:]] for name, runs in found.items()}
    resident = {name: statistics.median(run.resident_mib for run in runs[1:]) for name, runs in found.items()}
    return Outcome(
        reached={
            "until the first answer": 1000 * statistics.median(seconds["understudy"]),
            "resident then": resident["understudy"],
        },
        figures=[
            Figure(
                "median", {name: f"{1000 * statistics.median(runs):.0f} ms" for name, runs in seconds.items()}
            ),
            Figure("slowest", {name: f"{1000 * max(runs):.0f} ms" for name, runs in seconds.items()}),
            Figure("resident then", {name: f"{mib:.1f} MiB" for name, mib in resident.items()}),
        ],
    )


# --- the table --------------------------------------------------------------------------------------------

RATIOS = (Target("of nginx", 0.4, least=True, aim=0.5), Target("times aimock", 5.5, least=True, aim=8))
IN_TIME = (Target("worst stream late", 1, " %"), Target("p99 gap error", 10, " ms"))


def of_chat(questions: Sequence[Question]) -> tuple[Target, ...]:
    """No API is less than half as fast as chat."""
    return tuple(Target(f"{question.api}, of chat", 0.5, least=True) for question in questions[1:])


WORKS = (
    Work("chat", "Chat completion, 32 connections kept alive, the same request", chat, RATIOS),
    Work("chat-different", "Chat completion, no two requests alike", chat_different, ()),
    Work(
        "chat-ruled",
        f"Chat completion, the same request, {RULES_LOADED:,} rules loaded that it does not match",
        chat_ruled,
        RATIOS,
    ),
    Work(
        "chat-limited",
        "Chat completion, the same request, limits for requests and tokens",
        chat_limited,
        RATIOS,
    ),
    Work(
        "validation",
        "Chat completion, no two requests alike, validation strict and off",
        validation,
        (Target("of off", 0.9, least=True),),
    ),
    Work(
        "journal",
        "Chat completion, the same request, the journal in memory and in a file",
        journal,
        (Target("of in memory", 0.9, least=True),),
    ),
    Work(
        "rules",
        f"Chat completion that the last of {RULES_MOST:,} rules answers, and the only one",
        rules,
        (Target("the same request", 1.2), Target("no two alike", 1.2)),
    ),
    Work(
        "stream",
        f"Stream of {STREAMED_TOKENS} tokens, no pacing",
        stream,
        (Target("times aimock", 6, least=True, aim=10),),
    ),
    Work("apis", "The same question by each API, the same request", apis_same, of_chat(WHOLE)),
    Work(
        "apis-different",
        "The same question by each API, no two requests alike",
        apis_different,
        of_chat(WHOLE),
    ),
    Work(
        "apis-streamed",
        f"Stream of {STREAMED_TOKENS} tokens by each API, no pacing",
        apis_streamed,
        of_chat(STREAMED),
    ),
    Work(
        "paced-burst", f"{STREAMS_AT_ONCE:,} streams at {RATE:g} tokens/s, in one burst", paced_burst, IN_TIME
    ),
    Work(
        "paced-spread",
        f"{STREAMS_AT_ONCE:,} streams at {RATE:g} tokens/s, begun over one token interval",
        paced_spread,
        IN_TIME,
    ),
    Work(
        "paced-arriving",
        f"{STREAMS_AT_ONCE:,} streams at {RATE:g} tokens/s, begun over one second",
        paced_arriving,
        IN_TIME,
    ),
    Work("memory", f"{STREAMS_OPEN:,} open paced streams", memory, (Target("each", 10, " KiB"),)),
    Work(
        "start",
        "From the command to the first answer",
        start,
        (Target("until the first answer", 300, " ms"), Target("resident then", 70, " MiB")),
    ),
)
