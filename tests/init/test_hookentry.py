"""The hook entry: text is added to .pre-commit-config.yaml, and nothing else of it changes."""

import pytest
import yaml

from revguard.errors import ConfigError
from revguard.init import hookentry

HEAD = "default_install_hook_types: [pre-commit, pre-merge-commit]\n"
RUFF = """\
  # lint
  - repo: https://github.com/astral-sh/ruff-pre-commit
    rev: "v0.9.0"   # keep in step with CI
    hooks:
      - id: ruff
"""
OURS = """\
  - repo: https://github.com/revguard/revguard
    rev: v0.1.0
    hooks:
      - id: alembic-revision-check
"""


def unindented(text, by=2):
    return "".join(line[by:] for line in text.splitlines(keepends=True))


ADDED = {
    "nothing there": ("", "# https://pre-commit.com\n" + HEAD + "repos:\n" + OURS),
    "a list that is indented": ("repos:\n" + RUFF, HEAD + "repos:\n" + RUFF + OURS),
    "a list that is not": (
        "repos:\n" + unindented(RUFF),
        HEAD + "repos:\n" + unindented(RUFF) + unindented(OURS),
    ),
    "an empty list": ("repos: []\n", HEAD + "repos:\n" + OURS),
    "keys behind the list": (
        "repos:\n" + RUFF + "\nci:\n  autofix_prs: false\n",
        HEAD + "repos:\n" + RUFF + OURS + "\nci:\n  autofix_prs: false\n",
    ),
    "a comment at the end": (
        "repos:\n" + RUFF + "# the end\n",
        HEAD + "repos:\n" + RUFF + OURS + "# the end\n",
    ),
    "comments at the top": (
        "# ours\n# all\nrepos:\n" + RUFF,
        "# ours\n# all\n" + HEAD + "repos:\n" + RUFF + OURS,
    ),
    "a comment of the list": (
        "fail_fast: true\n# the list\nrepos:\n" + RUFF,
        "fail_fast: true\n" + HEAD + "# the list\nrepos:\n" + RUFF + OURS,
    ),
    "install types that are said": (
        "default_install_hook_types: [pre-commit, commit-msg]\nrepos:\n" + RUFF,
        "default_install_hook_types: [pre-commit, commit-msg]\nrepos:\n" + RUFF + OURS,
    ),
    "no line break at the end": (
        "repos:\n" + RUFF.rstrip("\n"),
        HEAD + "repos:\n" + RUFF + OURS,
    ),
    "a start of document": ("---\nrepos:\n" + RUFF, "---\n" + HEAD + "repos:\n" + RUFF + OURS),
    "no list": ("fail_fast: true\n", "fail_fast: true\nrepos:\n" + OURS),
}


@pytest.mark.parametrize("name", ADDED)
def test_added(name):
    before, after = ADDED[name]
    step = hookentry.step(before.encode() or None, local=False)
    assert step.writes
    told = step.after.decode()
    if name == "no list":
        assert yaml.safe_load(told)["repos"] == yaml.safe_load("repos:\n" + OURS)["repos"]
    else:
        assert told == after
    again = hookentry.step(step.after, local=False)
    assert not again.writes
    assert "already" in again.said


def test_line_breaks_of_windows_stay():
    before = ("repos:\n" + RUFF).replace("\n", "\r\n")
    after = hookentry.step(before.encode(), local=False).after.decode()
    assert after == (HEAD + "repos:\n" + RUFF + OURS).replace("\n", "\r\n")


LEFT = {
    "the hook in the list": "repos:\n" + OURS,
    "the other hook": "repos:\n" + OURS.replace("-check", "-add"),
    "a local hook": "repos:\n- repo: local\n  hooks: [{id: x, name: x, entry: revguard check, "
    "language: system}]\n",
}


@pytest.mark.parametrize("name", LEFT)
def test_left(name):
    assert not hookentry.step(LEFT[name].encode(), local=False).writes


def test_what_cannot_be_added_to_is_told():
    step = hookentry.step(b"{repos: [{repo: meta, hooks: [{id: identity}]}]}\n", local=False)
    assert not step.writes
    assert "id: alembic-revision-check" in step.hint


LOCAL = {
    "asked for": ("", True),
    "as all that are there": (
        "repos:\n- repo: local\n  hooks: [{id: x, name: x, entry: x, language: system}]\n",
        False,
    ),
}


@pytest.mark.parametrize("name", LOCAL)
def test_local(name):
    before, asked = LOCAL[name]
    step = hookentry.step(before.encode() or None, local=asked)
    entry = yaml.safe_load(step.after)["repos"][-1]
    assert entry["repo"] == "local"
    assert entry["hooks"][0]["entry"] == "revguard check"
    assert entry["hooks"][0]["language"] == "system"


def test_a_version_that_nobody_can_get_is_local(monkeypatch):
    monkeypatch.setattr("revguard.__version__", "0.2.0.dev3")
    step = hookentry.step(None, local=False)
    assert b"repo: local" in step.after


@pytest.mark.parametrize("broken", [b"repos: [", b"- a list\n", b"repos: \xff\n"])
def test_what_cannot_be_read(broken):
    with pytest.raises(ConfigError):
        hookentry.step(broken, local=False)
