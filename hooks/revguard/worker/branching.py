"""Which of several heads a missing revision goes on: the scripts and the tables that it is about
in, the head out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Iterable

    from alembic.script import Script, ScriptDirectory

_NOWHERE = 1 << 30


def head_for(directory: ScriptDirectory, tables: Iterable[str]) -> str | None:
    """The head of the branch that last spoke of one of the tables.

    None where there is one head anyway, or where the branches do not tell.
    """
    heads = directory.get_heads()
    if len(heads) < 2:
        return None
    names = "|".join(map(re.escape, sorted(set(tables))))
    spoken = re.compile(rf"""["'](?:{names})["']""")
    distances = {head: _distance(directory, head, spoken) for head in heads}
    nearest = min(distances.values())
    found = [head for head, distance in distances.items() if distance == nearest]
    return found[0] if len(found) == 1 and nearest < _NOWHERE else None


def _distance(directory: ScriptDirectory, head: str, spoken: re.Pattern[str]) -> int:
    """How many revisions below the head one of the names stands."""
    revisions: Iterable[Script] = directory.iterate_revisions(head, "base")
    for distance, revision in enumerate(revisions):
        with open(str(revision.path), encoding="utf-8", errors="replace") as stream:
            if spoken.search(stream.read()):
                return distance
    return _NOWHERE
