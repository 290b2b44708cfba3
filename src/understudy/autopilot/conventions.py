"""What agent frameworks expect, one row each. The first row that has an answer gives it.

To add a convention, add a row to CONVENTIONS: its name (the journal shows it), the literal strings of
the framework's prompt that call for it, and a function that answers, or gives None where it does not
apply after all. Say in the function's docstring whose prompt it is and in which version it was read.

The order, and why:

    1. who speaks next, ledgers, numbered choices   the whole answer is the format; nothing else fits
    2. a forced tool                                the API demands it, whatever the prompts say
    3. code in JSON                                 a format inside a format: before any other JSON
    4. reports of runs, endings                     or a conversation goes on for ever
    5. ReAct and code formats                       the prompt's grammar wins over a plain answer
    6. tools of one's own accord                    before an answer in JSON, which is to report on them
    7. JSON by `response_format`, then by prompt
    8. what the tools said
    -> None: the rules of answers.yaml

One automaton finds all triggers in one pass, and its finding is cached by text, since system prompts
recur; a row with triggers is asked only when one occurs. So a plain request pays for no row but those
without triggers, which look at a field first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import ahocorasick  # type: ignore[import-not-found]
import msgspec

from understudy.autopilot.schema import instance
from understudy.autopilot.tools import (
    asked,
    auto_calls,
    brief,
    follows_result,
    forced_call,
    readable,
    results,
    taken_up,
)
from understudy.autopilot.voices import OPENINGS
from understudy.caching import cached
from understudy.model import Message, Reply, Request, Text

CACHED_TEXT = 16_384


class Convention(NamedTuple):
    """A row. `triggers` are lower-case substrings; without any, the row is asked every time.

    With `system`, they count in system texts only.
    """

    name: str
    answer: Callable[[Request], Reply | None]
    triggers: tuple[str, ...] = ()
    system: bool = False


def say(text: str) -> Reply:
    return Reply((Text(text),))


def say_json(value: object) -> Reply:
    return say(msgspec.json.encode(value).decode())


def texts(request: Request) -> Iterator[str]:
    """What the conversation's instructions may stand in: system texts and the user's, in order."""
    return (message.text for message in request.messages if message.role != "assistant")


def instructions(request: Request) -> str:
    """The system texts and the last message: where a prompt that is meant now stands."""
    system = request.system
    last = request.messages[-1] if request.messages else None
    return system if last is None or last.role == "system" else f"{system}\n{last.text}"


def overlap(a: str, b: str) -> int:
    """How many of the longer words two texts share."""
    words = [{word[:6] for word in re.findall(r"[a-z]{4,}", text.lower())} for text in (a, b)]
    return len(words[0] & words[1])


def seed_of(request: Request) -> int:
    return (request.sampling.seed or 0) + request.choice


# --- 1. who speaks next ---------------------------------------------------------------------------------

OFFERED = re.compile(
    r"(?:select the next \w+ from|select (?:only one |a different name )?from:?|names that are accepted are"
    r"|select (?:an?|the next|one) \w+ from)\s*(\[[^\[\]]*\])",
    re.I,
)


def offered_names(text: str) -> list[str]:
    """The names in the last list that the prompt offers."""
    found = OFFERED.findall(text)
    if not found:
        return []
    quoted = re.findall(r"'([^']*)'|\"([^\"]*)\"", found[-1])
    names = [single or double for single, double in quoted] or found[-1].strip("[]").split(",")
    return [name.strip() for name in names if name.strip()]


LINE_OF = re.compile(r"^[ \t]*([A-Za-z_][\w .-]{0,63}): ", re.M)


def speakers(request: Request, names: list[str]) -> list[str]:
    """Who of `names` has spoken, in order: by `name` fields, else by a transcript's `Name: ` lines."""
    spoken = [message.name for message in request.messages if message.name in names]
    if spoken:
        return spoken
    text = instructions(request)
    offers = list(OFFERED.finditer(text))
    start = offers[0].end() if len(offers) > 1 else 0
    return [name for name in LINE_OF.findall(text[start:]) if name in names]


def team_of(request: Request, names: list[str]) -> list[str]:
    """The whole team, in its order: a prompt may leave the previous speaker out of the offer."""
    text = instructions(request)
    offer = OFFERED.search(text)
    described = list(dict.fromkeys(LINE_OF.findall(text[: offer.start()] if offer else "")))
    return described if set(names) <= set(described) else names


def next_speaker(request: Request) -> Reply | None:
    """Exactly one of the offered names: the next after the previous speaker, in the team's order.

    Whoever opened the chat hands over to the first of the team: asking comes before the work.

    pyautogen 0.2.30, groupchat.py: `select_speaker_message_template`, `..._prompt_template`,
    `..._auto_multiple_template`, `..._auto_none_template`. autogen-agentchat 0.7.5,
    _selector_group_chat.py: `selector_prompt` and the feedback on a bad choice.
    """
    names = offered_names(instructions(request))
    if not names:
        return None
    team = team_of(request, names)
    spoken = speakers(request, team)
    opened = len(spoken) == 1 and any(message.name for message in request.messages)
    at = team.index(spoken[-1]) + 1 if spoken and not opened else 0
    others = [name for name in team[at:] + team[:at] if name in names and name not in spoken[-1:]]
    return say(others[0] if others else names[0])


def progress_ledger(request: Request) -> Reply | None:
    """Magentic-One's ledger: satisfied as soon as a member of the team has spoken.

    autogen-agentchat 0.7.5, _magentic_one/_prompts.py: ORCHESTRATOR_PROGRESS_LEDGER_PROMPT.
    """
    last = request.messages[-1]
    found = re.search(r"\(select from: ([^()]*)\)", last.text)
    if '"next_speaker"' not in last.text or not found:
        return None
    names = [name.strip() for name in found.group(1).split(",")]
    earlier = request.messages[:-1]
    started = next((i for i, message in enumerate(earlier) if message.role == "assistant"), len(earlier))
    spoken = [m for m in earlier if m.name in names] or [m for m in earlier[started:] if m.role == "user"]
    done = bool(spoken)
    request_line = re.search(r"following request:\s*(.+?)(?:\n\n|\Z)", last.text, re.S)
    task = request_line.group(1).strip() if request_line else "the request"
    return say_json(
        {
            "is_request_satisfied": {
                "reason": "A member of the team has answered." if done else "Nobody has answered yet.",
                "answer": done,
            },
            "is_in_loop": {"reason": "No message has been repeated.", "answer": False},
            "is_progress_being_made": {"reason": "The work goes on as planned.", "answer": True},
            "next_speaker": {"reason": "It is the turn of this member of the team.", "answer": names[0]},
            "instruction_or_question": {
                "reason": "The request is the next thing to work on.",
                "answer": f"Please work on this: {task}",
            },
        }
    )


def numbered_choice(request: Request) -> Reply | None:
    """The choice that shares most words with the question.

    llama-index-core 0.14.25, selectors/prompts.py and output_parsers/selection.py.
    """
    text = instructions(request)
    if "only json" not in text.lower() or request.tool_choice.mode == "required":
        return None
    choices = re.findall(r"^\((\d+)\) (.*)$", text, re.M)
    question = text.rpartition("relevant to the")[2].partition("\n")[0]
    best = max(choices, key=lambda choice: overlap(choice[1], question), default=("1", ""))
    return say_json([{"choice": int(best[0]), "reason": "It fits the question best."}])


# --- 3. code in JSON ------------------------------------------------------------------------------------


def code_in_json(request: Request) -> Reply | None:
    """smolagents 1.26.0, prompts/structured_code_agent.yaml: {"thought", "code"}."""
    if "final_answer" not in request.system:
        return None
    return say_json({"thought": "I can answer now.", "code": f"final_answer({json.dumps(brief(request))})"})


# --- 4. reports of runs, endings ------------------------------------------------------------------------

SCRIPT = 'print("This minimal script runs without errors.")'
HUMANS = ("user", "human", "admin")
CLOSING = re.compile(r"[A-Z_ .!]+")
CRITIC = re.compile(
    r"\b(?:you are|act as|as) an? (?:[\w-]+ ){0,3}(?:critic|reviewer|editor|evaluator|judge)\b", re.I
)
REVIEWS = re.compile(r"critic|critiq|review|feedback|evaluat|editor|approv|verif|judge|inspect", re.I)
ASKED_WORD = re.compile(
    r"\b(?:reply|respond|answer|say|output|return|write|end)\s+(?:with\s+)?"
    r"(?:(?:only|just|exactly|simply|the|word|single|message|with)\s+){0,4}"
    r"(?:[\"'`“‘](?P<quoted>(?-i:[A-Z][A-Z_ ]{1,30}))[.!]?[\"'`”’]"
    r"(?P<options>\s*(?:if [^.\n]{0,60})?(?:or|otherwise)\s+[^.\n]{0,20}[\"'`“‘])?"
    r"|(?P<bare>(?-i:[A-Z][A-Z_]{2,30}))(?=\s+(?:when|if|once|after|as soon)\b))",
    re.I,
)


class Report(NamedTuple):
    """What a run of code gave."""

    ok: bool
    output: str


def report_in(message: Message) -> Report | None:
    """The report that a message brings in words of its own, if any.

    pyautogen 0.2.30, conversable_agent.py `generate_code_execution_reply`; autogen-agentchat 0.7.5,
    _code_executor_agent.py `execute_code_block`, whose success is bare output: see `reports`.
    """
    if message.role not in ("user", "tool"):
        return None
    text = message.text.strip()
    found = re.match(r"exitcode: (-?\d+) \(execution \w+\)\s*(?:Code output:)?\s*(.*)", text, re.S)
    if found:
        return Report(found.group(1) == "0", found.group(2).strip())
    found = re.match(
        r"The script ran, then exited with an error \(POSIX exit code: -?\d+\)\s*(?:Its output was:)?\s*(.*)",
        text,
        re.S,
    )
    if found:
        return Report(False, found.group(1).strip())
    found = re.match(
        r"The script ran but produced no output to console\. The POSIX exit code was: (-?\d+)", text
    )
    if found:
        return Report(found.group(1) == "0", "")
    return None


def bare_output(message: Message) -> Report | None:
    """The report in bare output, told by the sender's name."""
    text = message.text.strip()
    if message.role not in ("user", "tool") or "execut" not in message.name.lower():
        return None
    if not text or text.startswith(NO_CODE):
        return None
    return Report("Traceback (most recent call last)" not in text, text)


def reports(request: Request) -> list[Report | None]:
    """What each message reports. Before any code was sent, an executor's words are a task, not output."""
    found: list[Report | None] = []
    fenced = False
    for message in request.messages:
        found.append(report_in(message) or (bare_output(message) if fenced else None))
        fenced = fenced or (message.role != "system" and "```" in message.text)
    return found


NO_CODE = "No code blocks found in the thread."


def last_word(request: Request) -> str | None:
    """The word that ends the conversation, as the prompt asks for it; None where it asks for none."""
    if any("TERMINATE" in text for text in texts(request)):
        return "TERMINATE"
    found = asked_word(request.system)
    return found.word if found else None


class AskedWord(NamedTuple):
    """A word that a prompt asks for; `options` where it is one of several to choose from."""

    word: str
    options: bool


@cached(entries=256, longest=16_384)
def asked_word(system: str) -> AskedWord | None:
    found = ASKED_WORD.search(system)
    return AskedWord((found["quoted"] or found["bare"]).strip(), bool(found["options"])) if found else None


def is_blank(message: Message) -> bool:
    """Whether a user's message says nothing: AutoGen 0.2's automatic reply, 0.7's executor without code."""
    text = message.text
    if message.role != "user" or (text.strip() and not text.startswith(NO_CODE)):
        return False
    return all(type(part) is Text for part in message.parts)


def wants_json(request: Request) -> bool:
    return request.response_format.kind != "text"


def run_report(request: Request) -> Reply | None:
    """After a run: the end, or a summary without a fence, since AutoGen runs every fence it is sent."""
    told = reports(request)
    report = told[-1]
    if report is None or wants_json(request):
        return None
    word = last_word(request)
    if report.ok:
        return say(word if word else run_summary(report.output))
    failures = [r for r in told if r is not None and not r.ok]
    if len(failures) == 1:
        return say(
            f"The script failed: {_last_line(report.output)}\nThat was my mistake. Here is a minimal script"
            f" that is safe to run:\n\n```python\n{SCRIPT}\n```"
        )
    if word:
        return say(word)
    return say(
        f"The script failed again: {_last_line(report.output)}\nI stop here, so that we do not go in circles."
    )


def run_summary(output: str) -> str:
    """What a run printed, in a sentence and a quotation."""
    shown = readable(output)
    if not shown:
        return "The script ran successfully. It printed nothing."
    return f"The script ran successfully. Its output:\n\n{shown}"


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.replace("```", "").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it gave no reason."


def ending(request: Request) -> Reply | None:
    """The word that ends the conversation, once an answer was given and nothing new has come.

    pyautogen 0.2.30, assistant_agent.py (`Reply "TERMINATE" in the end when everything is done.`): the
    default test is equality; its two-agent chats send no names, so that another agent's message is told
    by the mock's own words. autogen-agentchat 0.7.5, _assistant_agent.py (`Reply with TERMINATE when the
    task has been completed.`): in a team the last message is then another agent's, by its name, or the
    agent's own. A person's next message, which has no name, is answered as any other.
    """
    last = request.messages[-1]
    from_agent = last.role == "user" and bool(last.name) and not last.name.lower().startswith(HUMANS)
    stuck = is_blank(last) or (not last.name and last.role == "user" and last.text.startswith(OPENINGS))
    if not (stuck or from_agent or last.role == "assistant") or request.turn == 1 or wants_json(request):
        return None
    word = last_word(request)
    if stuck:
        return say(word or "TERMINATE")
    return say(word) if word else None


def verdict(request: Request) -> Reply | None:
    """A word that the system prompt asks for: a critic's at once, anybody else's on the second turn.

    TERMINATE is asked for in prompts that speak of verifying, too, so it takes the word of a critic.

    autogen-agentchat 0.7.5: `Respond with 'APPROVE' if ...`, `say 'APPROVE', otherwise ...`.
    """
    found = asked_word(request.system)
    if found is None or wants_json(request) or request.messages[-1].role != "user":
        return None
    if found.word == "TERMINATE":
        return say(found.word) if CRITIC.search(request.system) else None
    at_once = found.options or REVIEWS.search(request.system)
    return say(found.word) if at_once or request.turn > 1 else None


def takeaway(request: Request) -> Reply | None:
    """pyautogen 0.2.30, `DEFAULT_SUMMARY_PROMPT`: what came out, or else what was asked."""
    successes = [report for report in reports(request) if report is not None and report.ok]
    if successes:
        return say(run_summary(successes[-1].output))
    answers = [m.text.strip() for m in request.messages if m.role == "assistant"]
    said = next((text for text in reversed(answers) if text and not CLOSING.fullmatch(text)), "")
    said = said or next((m.text for m in request.messages if m.role == "user" and m.text.strip()), "")
    shown = " ".join(said.replace("```", "").split())
    return say(f"What was said: {shown[:300]}" if shown else "Nothing was said.")


def team_answer(request: Request) -> Reply | None:
    """What the team came to, to be said as one: the last message that says more than a closing word.

    autogen-agentchat 0.7.5, _society_of_mind_agent.py DEFAULT_RESPONSE_PROMPT, and
    _magentic_one/_prompts.py ORCHESTRATOR_FINAL_ANSWER_PROMPT.
    """
    if wants_json(request):
        return None
    said = (m.text.strip() for m in reversed(request.messages[:-1]) if m.role != "system")
    found = next((text for text in said if text and not CLOSING.fullmatch(text)), None)
    return None if found is None else say(found)


# --- 5. ReAct and code formats --------------------------------------------------------------------------


def body(request: Request) -> str:
    """The answer inside a format: JSON where the prompt shows a schema, else a short text."""
    schema = prompt_schema(request)
    if schema is None:
        return brief(request)
    return msgspec.json.encode(_instance(schema, request)).decode()


PLAN = """## 1. Facts survey
### 1.1. Facts given in the task
The task itself.
### 1.2. Facts to look up
None.
### 1.3. Facts to derive
The answer.

## 2. Plan
1. Answer the task.
2. Give the final answer.
<end_plan>"""


def plan(request: Request) -> Reply | None:
    """smolagents 1.26.0, prompts/*.yaml, `planning`: facts and a plan that ends with its tag."""
    if "<end_plan>" not in request.messages[-1].text:
        return None
    return say(PLAN)


def code_agent(request: Request) -> Reply | None:
    """smolagents 1.26.0, prompts/code_agent.yaml; the tags are the user's to choose."""
    found = re.search(r"must be opened with '([^']+)', and closed with '([^']+)'", request.system)
    if found is None:
        return None
    opening, closing = found.groups()
    return say(
        f"Thought: I can answer now.\n{opening}\nfinal_answer({json.dumps(brief(request))})\n{closing}"
    )


def react(request: Request) -> Reply | None:
    """crewai 1.15.30, translations/en.json `tools`; langchain-classic 1.0.8, agents/mrkl and agents/chat."""
    if not any("Final Answer:" in text for text in texts(request)):
        return None
    return say(f"Thought: I now know the final answer\nFinal Answer: {body(request)}")


def react_json(request: Request) -> Reply | None:
    """langchain-classic 1.0.8, agents/structured_chat: the final answer is an action in a JSON blob."""
    blob = json.dumps({"action": "Final Answer", "action_input": body(request)}, ensure_ascii=False)
    return say(f"Thought: I know what to respond\nAction:\n```\n{blob}\n```")


def react_llama(request: Request) -> Reply | None:
    """llama-index-core 0.14.25, agent/react/templates/system_header_template.md."""
    observed = [m.text for m in request.messages if m.role == "user" and m.text.startswith("Observation:")]
    said = readable(observed[-1].removeprefix("Observation:")) if observed else body(request)
    thought = "I can answer without using any more tools. I'll use the user's language to answer"
    return say(f"Thought: {thought}\nAnswer: {said}")


def react_conversational(request: Request) -> Reply | None:
    """langchain-classic 1.0.8, agents/conversational: the answer follows the name of the AI."""
    name = re.search(
        r"Do I need to use a tool\? No\n(\w+): \[your response here\]", "\n".join(texts(request))
    )
    return say(f"Thought: Do I need to use a tool? No\n{name.group(1)}: {brief(request)}") if name else None


# --- 7. JSON --------------------------------------------------------------------------------------------


def _instance(schema: dict[str, Any], request: Request) -> Any:
    return instance(schema, words=asked(request), seed=seed_of(request), answer=brief(request))


def json_by_format(request: Request) -> Reply | None:
    """`response_format`: an instance of its schema, or of the prompt's, or the prompt's own example."""
    wanted = request.response_format
    if wanted.kind == "text":
        return None
    schema = wanted.schema if wanted.kind == "json_schema" else prompt_schema(request)
    if schema is not None:
        return say_json(_instance(schema, request))
    shown = [found for text in texts(request) for found in objects_in(text)]
    return say_json(shown[-1][1] if shown else {"answer": brief(request)})


def json_by_prompt(request: Request) -> Reply | None:
    """A schema in the prompt.

    pydantic-ai-slim 2.68.0 profiles/__init__.py; instructor 1.17.0 v2/providers; langchain-core 1.8.2
    output_parsers/format_instructions.py; llama-index-core 0.14.25 output_parsers/pydantic.py;
    crewai 1.15.30 translations/en.json `formatted_task_instructions`.
    """
    schema = prompt_schema(request)
    return None if schema is None else say_json(_instance(schema, request))


def prompt_schema(request: Request) -> dict[str, Any] | None:
    """The last JSON object with `properties` that a prompt shows; LangChain shows a decoy first."""
    for text in reversed(list(texts(request))):
        if '"properties"' in text:
            found = _last_schema(text) or _last_schema(text.replace("{{", "{").replace("}}", "}"))
            if found is not None:
                return found
    return None


def _last_schema(text: str) -> dict[str, Any] | None:
    for before, value in reversed(objects_in(text)):
        schema = _schema_in(value)
        if schema is not None and not TOOL_LIST.search(before):
            return schema
    return None


TOOL_LIST = re.compile(r"Tool Arg\w*:\s*$|Action Input:?[^\n]*$|Tool Arguments:\s*$")


def _schema_in(value: dict[str, Any]) -> dict[str, Any] | None:
    if isinstance(value.get("properties"), dict):
        return value
    for key in ("schema", "json_schema"):
        inner = value.get(key)
        if isinstance(inner, dict):
            return _schema_in(inner)
    return None


@cached(entries=256, longest=16_384)
def _objects_in(text: str) -> tuple[tuple[str, bytes], ...]:
    found: list[tuple[str, bytes]] = []
    decoder = json.JSONDecoder()
    at = text.find("{")
    for _ in range(500):
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
            found.append((text[max(0, at - 40) : at], msgspec.json.encode(value)))
        except (ValueError, OverflowError, RecursionError):
            end = at + 1
        at = text.find("{", end)
    return tuple(found)


def objects_in(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The JSON objects that stand in a text, each with the 40 characters before it."""
    return [(before, msgspec.json.decode(value)) for before, value in _objects_in(text[-100_000:])]


# --- 8. what the tools said -----------------------------------------------------------------------------


def tool_results(request: Request) -> Reply | None:
    """The final answer after a tool's result quotes it, without a fence."""
    if not follows_result(request):
        return None
    return say(taken_up(results(request)))


# --- the table ------------------------------------------------------------------------------------------

CONVENTIONS: tuple[Convention, ...] = (
    Convention(
        "speaker selection",
        next_speaker,
        (
            "select the next role from",
            "select the next speaker from",
            "select the next agent from",
            "select an agent from",
            "select a speaker from",
            "please select from",
            "select only one from",
            "select a different name from",
            "only names that are accepted are",
            "return just the name of the next speaker",
        ),
    ),
    Convention("progress ledger", progress_ledger, ("is_request_satisfied",)),
    Convention("numbered choice", numbered_choice, ("some choices are given below",)),
    Convention("forced tool", forced_call),
    Convention("code in JSON", code_in_json, ("generating a json object with the following structure",)),
    Convention(
        "run report",
        run_report,
        ("exitcode: ", "the posix exit code was", "(posix exit code:", "execut"),
    ),
    Convention("takeaway", takeaway, ("summarize the takeaway from the conversation",)),
    Convention(
        "team's answer",
        team_answer,
        (
            "output a standalone response to the original request",
            "provide the final answer to the original request",
        ),
    ),
    Convention("ending", ending),
    Convention(
        "verdict",
        verdict,
        ("reply ", "respond ", "answer with", "say ", "output ", "return ", "write ", "end with"),
        system=True,
    ),
    Convention("plan", plan, ("<end_plan>",)),
    Convention("code agent", code_agent, ("the code sequence must be opened with",)),
    Convention("ReAct, JSON blob", react_json, ('"action": "final answer"',)),
    Convention("ReAct", react, ("action input", "$json_blob", "thought: i now can give a great answer")),
    Convention("ReAct, LlamaIndex", react_llama, ("i can answer without using any more tools",)),
    Convention("ReAct, conversational", react_conversational, ("do i need to use a tool?",)),
    Convention("tool call", auto_calls),
    Convention("structured output", json_by_format),
    Convention(
        "schema in the prompt",
        json_by_prompt,
        (
            "json object that's compatible with this schema",
            "match the following json_schema",
            "here is the output schema",
            "here's a json schema to follow",
            "according to the following openapi schema",
            "conforms to the json schema below",
        ),
    ),
    Convention("tool result", tool_results),
)


def _automaton(rows: tuple[Convention, ...]) -> Any:
    """All triggers in one automaton; a trigger's value is the bits of the rows that it calls."""
    bits: dict[str, int] = {}
    for index, row in enumerate(rows):
        for trigger in row.triggers:
            bits[trigger] = bits.get(trigger, 0) | 1 << index
    automaton = ahocorasick.Automaton()
    for trigger, value in bits.items():
        automaton.add_word(trigger, value)
    automaton.make_automaton()
    return automaton


_TRIGGERS = _automaton(CONVENTIONS)
_ALWAYS = sum(1 << index for index, row in enumerate(CONVENTIONS) if not row.triggers)
_ANYWHERE = sum(1 << index for index, row in enumerate(CONVENTIONS) if not row.system)


def _scan(text: str) -> int:
    bits = 0
    for _, value in _TRIGGERS.iter(text.lower()):
        bits |= value
    return bits


_scan_cached = lru_cache(4_096)(_scan)


@lru_cache(1_024)
def _rows(bits: int) -> tuple[Convention, ...]:
    return tuple(row for index, row in enumerate(CONVENTIONS) if bits >> index & 1)


def called_for(request: Request) -> tuple[Convention, ...]:
    """The rows that a request calls for, in order."""
    bits = _ALWAYS
    for message in request.messages:
        if message.role != "assistant":
            text = message.text
            found = _scan_cached(text) if len(text) <= CACHED_TEXT else _scan(text)
            bits |= found if message.role == "system" else found & _ANYWHERE
            if message.name:
                bits |= _scan_cached(message.name) & _ANYWHERE
    return _rows(bits)


def convention(request: Request) -> tuple[Reply, str] | None:
    """The first row's answer and its name, None where no convention applies."""
    if not request.messages:
        return None
    for row in called_for(request):
        reply = row.answer(request)
        if reply is not None:
            return reply, row.name
    return None
