"""Moved scripts judged before they are written: edits in, a tree with them and its reports out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from revguard.rebasing.wording import Edits
from revguard.rules.history import BROKEN, HEADS
from revguard.staging import index, plumbing, trees
from revguard.staging.repository import Repository
from revguard.verdict import EnvironmentReport, Finding

_PROOF: Final = "proof/"


def tree_with(repo: Repository, tree: str, edits: Edits, listing: Mapping[str, trees.Entry]) -> str:
    """The tree as it will be staged."""
    entries: dict[str, tuple[str, str] | None] = dict.fromkeys(edits.removals)
    for path, content in edits.writes.items():
        mode = listing[path].mode if path in listing else "100644"
        entries[path] = (mode, _blob(repo, path, content))
    return index.tree_with(repo, tree, entries)


def _blob(repo: Repository, path: str, content: bytes) -> str:
    asked = ("hash-object", "-w", "--stdin", f"--path={path}")
    config = {"core.safecrlf": "false"}
    return plumbing.output(repo, *asked, stdin=content, config=config).decode("ascii").strip()


def against(report: EnvironmentReport) -> list[Finding]:
    """The findings that speak against moving: those about the scripts' own steps and how they hang
    together. What the models lack or have too many of was so before, and `add` is for that."""
    return [
        one
        for one in report.findings
        if one.severity == "error" and (one.rule.startswith(_PROOF) or one.rule in (BROKEN, HEADS))
    ]
