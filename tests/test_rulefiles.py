"""Rule files that change while they are read, and what takes their place."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from understudy import rulefiles
from understudy.app import App
from understudy.errors import SettingsError
from understudy.model import HttpRequest, Send
from understudy.rulefiles import RuleFiles
from understudy.rules import RuleFile
from understudy.settings import Settings

OLD, NEW = "rules: [{name: old, reply: x}]", "rules: [{name: newer, reply: x}]"


def watched(path: Path, text: str = OLD) -> RuleFiles:
    path.write_text(text)
    files = RuleFiles((str(path),), Settings())
    files.load()
    return files


def names(files: RuleFiles) -> list[str]:
    return [rule.name for rule in files.rules.rules]


@pytest.mark.parametrize("half", ["rules: []", "rules: ["], ids=["sound", "a mistake"])
def test_a_file_that_is_written_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, half: str
) -> None:
    path = tmp_path / "rules.yaml"
    files = watched(path)
    path.write_text(half)
    real = rulefiles.read

    def slowly(each: Path) -> RuleFile:
        try:
            return real(each)
        finally:
            path.write_text(NEW)

    with monkeypatch.context() as patched:
        patched.setattr(rulefiles, "read", slowly)
        try:
            files.reload()
        except SettingsError:
            assert half == "rules: ["
    assert files.changed()
    files.reload()
    assert names(files) == ["newer"]
    assert not files.changed()


def test_a_mistake_is_told_once_and_the_last_good_rules_stay(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    files = watched(path)
    path.write_text("rules: 5")
    assert files.changed()
    with pytest.raises(SettingsError):
        files.reload()
    assert not files.changed()
    assert names(files) == ["old"]


def test_a_file_that_is_gone_or_a_directory_now_is_a_mistake_until_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    files = watched(path)
    path.unlink()
    with pytest.raises(SettingsError, match="No such file"):
        files.reload()
    path.mkdir()
    assert files.changed()
    with pytest.raises(SettingsError, match="Is a directory"):
        files.reload()
    assert names(files) == ["old"]
    path.rmdir()
    path.write_text(NEW)
    assert files.changed()
    files.reload()
    assert names(files) == ["newer"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    files = watched(path)
    path.write_text(NEW)
    path.chmod(0)
    with pytest.raises(SettingsError, match="Permission denied"):
        files.reload()
    assert names(files) == ["old"]


def test_a_rule_that_was_changed_in_its_file_has_answered_nothing_yet(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    same = {"when": {"user": "same"}, "sequence": ["1", "2", "3"]}
    file.write_text(json.dumps({"rules": [same, {"sequence": ["a", "b", "c"]}]}))
    app = App(Settings(rules=(str(file),), strict=True))
    assert [said(app, text) for text in ("same", "other", "other", "other")] == ["1", "a", "b", "c"]
    file.write_text(json.dumps({"rules": [same, {"sequence": ["new a", "new b"]}]}))
    app.reload()
    assert [said(app, text) for text in ("same", "other", "other")] == ["2", "new a", "new b"]


def test_a_rule_inherits_no_count_from_the_one_that_stood_in_its_place(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    once = {"when": {"user": "old"}, "reply": "old", "times": 1}
    file.write_text(json.dumps({"rules": [once]}))
    app = App(Settings(rules=(str(file),), strict=True))
    assert said(app, "old") == "old"
    file.write_text(json.dumps({"rules": [{"when": {"user": "new"}, "reply": "new", "times": 1}, once]}))
    app.reload()
    assert said(app, "new") == "new"


def said(app: App, text: str) -> str:
    """What the model says to this."""
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}).encode()
    *_, send = app.handle(HttpRequest("POST", "/v1/chat/completions", (), body))
    assert isinstance(send, Send)
    content: str = json.loads(send.data)["choices"][0]["message"]["content"]
    return content
