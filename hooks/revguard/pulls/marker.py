"""The hidden first line by which our comment is known: who, which run, what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

_LINE: Final = re.compile(
    r"<!-- revguard project=(\S+) run=(\d+)\.(\d+) state=(\w+) -->(?:\r?\n|\Z)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What the line holds. `state` is the same for bodies that differ in times only."""

    project: str  # quoted, as it stands there
    run: tuple[int, int]
    state: str

    @property
    def line(self) -> str:
        """As it is written."""
        number, attempt = self.run
        said = f"project={self.project} run={number}.{attempt} state={self.state}"
        return f"<!-- revguard {said} -->\n"


def quoted(project: str) -> str:
    """A project's id as it may stand in a comment of HTML."""
    return quote(project, safe="/.:", errors="replace").replace("--", "%2D%2D")


def read(body: str) -> Marker | None:
    """The marker of a comment; None where its first line is none."""
    found = _LINE.match(body)
    if not found:
        return None
    return Marker(project=found[1], run=(int(found[2]), int(found[3])), state=found[4])
