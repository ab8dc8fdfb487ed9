"""What `revguard init` would do: steps, each with its file before and after, and their diffs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that is done, found or advised, said in a line.

    With a `path` it is an edit of that file: `before` is None where it is not there yet.
    """

    topic: str
    said: str
    path: str = ""  # in the repository, with slashes
    before: bytes | None = None
    after: bytes | None = None
    hint: str = ""

    @property
    def writes(self) -> bool:
        """Whether a file changes by it."""
        return bool(self.path) and self.after is not None and self.before != self.after


def writing(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Those that change a file."""
    return tuple(step for step in steps if step.writes)


def files(steps: Iterable[Step]) -> dict[str, bytes]:
    """The contents of the files once the steps are done."""
    return {step.path: step.after for step in steps if step.writes and step.after is not None}


def diff(step: Step) -> str:
    """The edit as git would show it; nothing for a step that writes nothing."""
    if not step.writes:
        return ""
    before, after = _lines(step.before), _lines(step.after)
    source = "/dev/null" if step.before is None else f"a/{step.path}"
    lines = difflib.unified_diff(before, after, source, f"b/{step.path}")
    return "".join(_ended(line) for line in lines)


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "replace").splitlines(keepends=True)


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def data(step: Step) -> dict[str, Any]:
    """The step for a machine."""
    found: dict[str, Any] = {"topic": step.topic, "said": step.said, "hint": step.hint}
    if step.path:
        found["path"] = step.path
        action = "create" if step.before is None else "edit"
        found["action"] = action if step.writes else "none"
        found["diff"] = diff(step)
    return found
