"""The rule on head files (`lock = true`), as a part of multiple-heads: a graph in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from revguard.history import headfile
from revguard.history.graph import Graph
from revguard.rules.history import HEADS
from revguard.verdict import Finding


def head_file(graph: Graph, locations: Iterable[str], found: Mapping[str, bytes]) -> list[Finding]:
    """Head files that are missing, or do not name the heads. `found`: those that are there."""
    findings = []
    for path, wanted in headfile.contents(graph, locations).items():
        heads = headfile.named(wanted) or ()
        what = _wrong(found.get(path), heads)
        if what:
            findings.append(
                Finding(
                    rule=HEADS,
                    message=f"{path} {what}",
                    hint="`revguard add` writes it",
                    path=path,
                    line=_line(found.get(path, b"")),
                )
            )
    return findings


def is_finding(finding: Finding) -> bool:
    """Whether a finding is of a head file, which `add` mends."""
    return finding.rule == HEADS and headfile.is_one(finding.path)


def _wrong(content: bytes | None, heads: tuple[str, ...]) -> str:
    if content is None:
        return f"is missing: with `lock = true` it names {_said(heads)}, so that branches conflict"
    said = headfile.named(content)
    if said is None:
        return "still holds a conflict of a git merge: two branches each changed the heads"
    if sorted(said) != sorted(heads):
        return f"names {_said(said)}, and the scripts there end in {_said(heads)}"
    return ""


def _said(heads: tuple[str, ...]) -> str:
    return ", ".join(map(repr, heads)) or "no head"


def _line(content: bytes) -> int:
    lines = content.splitlines()
    said = (number for number, line in enumerate(lines, 1) if line and not line.startswith(b"#"))
    return next(said, min(1, len(lines)))
