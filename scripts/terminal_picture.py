"""Draws docs/terminal.svg: what `understudy serve` prints, from the code that prints it.

.venv/bin/python scripts/terminal_picture.py
"""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path

from understudy.app import App
from understudy.model import HttpRequest
from understudy.settings import Settings
from understudy.terminal import banner, line

TARGET = Path(__file__).parent.parent / "docs" / "terminal.svg"
WIDTH, LINE, SIZE, LEFT, TOP = 1330, 20, 14, 22, 56
STYLES = {
    "1": "font-weight:bold",
    "2": "opacity:.55",
    "4": "text-decoration:underline",
    "31": "fill:#ff7b72",
    "32": "fill:#7ee787",
    "33": "fill:#e3b341",
    "35": "fill:#d2a8ff",
    "36": "fill:#79c0ff",
}
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}


def chat(model: str, text: str, **fields: object) -> tuple[str, dict[str, object]]:
    return "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": text}]} | fields


ASKED: tuple[tuple[str, dict[str, object]], ...] = (
    chat("mock-llm-v1", "Hello"),
    chat("mock-gpt-4", "Write a Python function to calculate fibonacci numbers", stream=True),
    chat("mock-claude-sonnet-4", "Analyze this CSV dataset and create visualizations"),
    chat("gpt-4o", "What is the weather in Paris?", tools=[TOOL]),
    chat("gpt-4o", "An event as JSON", response_format={"type": "json_object"}),
    ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hello"}),
    ("/v1/chat/completions", {"model": "gpt-4o"}),
    chat("mock-cut", "Hello"),
)


def printed() -> list[str]:
    """The lines of a short session, with the terminal's colours."""
    app = App(Settings(seed=1))
    names = [model.id for model in app.models]
    lines = [*banner(app.version, 8080, app.settings, names, 0).splitlines(), ""]
    app.on_close = lambda exchange: lines.append(line(exchange))
    start = len(lines)
    for _ in range(2):  # the first time, vocabularies and templates are loaded
        del lines[start:]
        for path, body in ASKED:
            list(app.handle(HttpRequest("POST", path, (b"host", b"localhost"), json.dumps(body).encode())))
    return lines


def spans(text: str) -> str:
    """A line with its colours as SVG."""
    drawn, style = "", ""
    for piece in re.split(r"(\x1b\[[\d;]*m)", text):
        if code := re.fullmatch(r"\x1b\[([\d;]*)m", piece):
            found = [STYLES[number] for number in code[1].split(";") if number in STYLES]
            style = ";".join([style, *found]) if found else ""
        elif piece:
            drawn += f'<tspan style="{style.strip(";")}">{escape(piece)}</tspan>'
    return drawn


def picture(lines: list[str]) -> str:
    height = TOP + LINE * (len(lines) + 2)
    texts = "\n".join(
        f'<text x="{LEFT}" y="{TOP + LINE * (number + 1)}">{spans(each)}</text>'
        for number, each in enumerate(["$ understudy serve", *lines])
    )
    dots = "".join(
        f'<circle cx="{24 + 20 * number}" cy="22" r="6" fill="{colour}"/>'
        for number, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"
 aria-label="understudy serve on a terminal: a banner, then a line for each exchange">
<rect width="{WIDTH}" height="{height}" rx="10" fill="#0d1117"/>
{dots}
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="{SIZE}" fill="#e6edf3"
 xml:space="preserve">
{texts}
</g>
</svg>
"""


if __name__ == "__main__":
    TARGET.write_text(picture(printed()))
    print(TARGET)
