"""The nevers of docs/architecture.md, checked on the source itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "understudy"
FILES = sorted(SOURCE.rglob("*.py"))

LEVELS = {
    "model": 0,
    "errors": 0,
    "replies": 0,
    "tokens": 0,
    "documents": 1,
    "caching": 0,
    "events": 1,
    "usage": 1,
    "embeddings": 1,
    "catalog": 1,
    "limits": 1,
    "pace": 1,
    "access": 1,
    "remote": 1,
    "providers": 1,
    "matchers": 1,
    "faults": 1,
    "rules": 2,
    "templates": 2,
    "failures": 2,
    "forms": 2,
    "journal": 2,
    "routes": 2,
    "resources": 2,
    "settings": 2,
    "windows": 2,
    "work": 2,
    "promptcache": 2,
    "sessions": 2,
    "whole": 2,
    "autopilot": 2,
    "stores": 3,
    "planning": 3,
    "answering": 3,
    "rulefiles": 3,
    "engine": 3,
    "verification": 3,
    "explanation": 3,
    "control": 4,
    "server": 4,
    "asgi": 4,
    "transport": 4,
    "view": 4,
    "space": 5,
    "app": 5,
    "conversation": 5,
    "embedded": 6,
    "checks": 6,
    "cli": 6,
    "terminal": 6,
    "pytest_plugin": 7,
    "__main__": 7,
    "__init__": 7,
}
PURE_DRAWERS = {"providers", "matchers", "faults", "sessions"}
OUTSIDE_WORLD = {"asyncio", "time", "random", "uuid", "socket", "secrets", "threading"}
WAITING = {"server", "asgi", "transport"}
"""The rooms that execute Steps."""
FACES = {"cli", "terminal", "pytest_plugin", "checks"}


def room(file: Path) -> str:
    """The top-level module or drawer that a file belongs to."""
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def module(file: Path) -> str:
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it: `asyncio`, `understudy.model`, ..."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import; say the whole name"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if is_module(whole) else str(node.module)


def is_module(name: str) -> bool:
    path = SOURCE.parent / Path(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def ours(file: Path) -> list[str]:
    return [name.removeprefix("understudy.") for name in imports(file) if name.startswith("understudy.")]


def outside(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(file)}


each_file = pytest.mark.parametrize("file", FILES, ids=module)


@each_file
def test_a_file_has_a_level(file: Path) -> None:
    assert room(file) in LEVELS, (
        f"{room(file)} is new: give it a level in this test and in docs/architecture.md"
    )


@each_file
def test_a_file_imports_only_from_lower_levels_and_its_own_drawer(file: Path) -> None:
    level = LEVELS[room(file)]
    for name in ours(file):
        target = name.split(".")[0]
        assert target == room(file) or LEVELS[target] < level or peers(room(file), target), (
            f"{module(file)} (level {level}) imports {name} (level {LEVELS[target]}): things flow upwards"
        )


def peers(importer: str, target: str) -> bool:
    """Levels within a level that the picture draws: rules know templates, the autopilot knows both."""
    return (importer, target) in {
        ("rules", "templates"),
        ("autopilot", "rules"),
        ("autopilot", "templates"),
        ("events", "usage"),
        ("providers", "catalog"),
        ("whole", "journal"),
        ("settings", "failures"),
        ("engine", "planning"),
        ("answering", "planning"),
        ("app", "space"),
        ("cli", "terminal"),
        ("cli", "checks"),
    }


@pytest.mark.parametrize("name", ["model", "errors"])
def test_the_nouns_import_nothing_of_ours(name: str) -> None:
    assert ours(SOURCE / f"{name}.py") == []


@each_file
def test_providers_matchers_faults_and_sessions_see_no_outside_world(file: Path) -> None:
    if room(file) not in PURE_DRAWERS:
        return
    assert not outside(file) & OUTSIDE_WORLD, "ids, clock and seed arrive as values"
    forbidden = {"engine", "rules", "stores", "server", "settings", "journal", "control", "app"}
    assert not {name.split(".")[0] for name in ours(file)} & forbidden


@each_file
def test_a_provider_imports_no_other_provider(file: Path) -> None:
    if room(file) != "providers" or file.name == "__init__.py":
        return
    own = f"{'.'.join(file.relative_to(SOURCE).parts[:2]).removesuffix('.py')}."
    found = [name for name in ours(file) if name.startswith("providers.") and not name.endswith("base")]
    others = [name for name in found if not name.startswith(own)]
    assert others == [], "what providers share is in a base"


def test_the_engine_knows_no_concrete_provider_matcher_fault_or_store() -> None:
    drawers = {"providers", "matchers", "faults", "stores", "autopilot"}
    for name in ("engine.py", "planning.py"):
        concrete = {name for name in ours(SOURCE / name) if name.split(".")[0] in drawers}
        assert concrete <= {"providers.base", "faults.base"}
        assert not outside(SOURCE / name) & OUTSIDE_WORLD, "the engine never waits and has no clock"


@pytest.mark.parametrize("file", sorted((SOURCE / "server").glob("*.py")), ids=module)
def test_the_server_knows_steps_alone(file: Path) -> None:
    assert {name.split(".")[0] for name in ours(file)} <= {"model", "server"}


@each_file
def test_only_who_executes_steps_sleeps_or_awaits(file: Path) -> None:
    if room(file) in WAITING:
        return
    assert "asyncio" not in outside(file)
    for node in ast.walk(ast.parse(file.read_text())):
        assert not isinstance(node, ast.Await | ast.AsyncFunctionDef), f"{file}:{node.lineno} awaits"
        assert not (isinstance(node, ast.Attribute) and node.attr == "sleep"), f"{file}:{node.lineno} sleeps"


@each_file
def test_only_the_app_has_clock_chance_and_environment(file: Path) -> None:
    if room(file) in {"app", "cli", "terminal", "pytest_plugin"} | WAITING:
        return
    assert not outside(file) & {"time", "uuid", "secrets"}, "the clock arrives as a value"
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            named = f"{node.value.id}.{node.attr}"
            assert named != "os.environ", f"{file}:{node.lineno} reads the environment"
            seeded = node.attr == "Random"
            assert node.value.id != "random" or seeded, f"{file}:{node.lineno} uses unseeded randomness"


@each_file
def test_nothing_imports_a_face(file: Path) -> None:
    if room(file) in FACES | {"__main__"}:
        return
    assert not {name.split(".")[0] for name in ours(file)} & FACES


@each_file
def test_nobody_outside_the_drawer_asks_which_provider_or_fault_it_has(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Compare) and room(file) != "providers":
            names = [n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)]
            assert "NAME" not in names, f"{file}:{node.lineno} compares a provider's NAME"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            assert not re.search(r"\bfault\b", ast.unparse(node.args[0])), (
                f"{file}:{node.lineno} asks for a fault's type"
            )


def test_the_engine_stays_on_a_few_screens() -> None:
    assert len((SOURCE / "engine.py").read_text().splitlines()) < 400


def test_a_provider_past_600_lines_becomes_a_package() -> None:
    for file in (SOURCE / "providers").glob("*.py"):
        assert len(file.read_text().splitlines()) <= 700, (
            f"{file.name} should become a package: parse, emit, read"
        )
