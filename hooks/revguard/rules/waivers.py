"""The rule on waivers: what is waived and what differs in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from revguard.verdict import Finding

if TYPE_CHECKING:
    from revguard.config import Waiver

UNUSED: Final = "lint/unused-waiver"


def unused(waivers: Sequence[Waiver], keys: Iterable[str]) -> list[Finding]:
    """Waivers of differences that do not exist, known or new; `keys` begin "operation object "."""
    there = {tuple(key.split(" ", 2)[:2]) for key in keys}
    return [
        Finding(
            rule=UNUSED,
            severity="warning",
            message=f"the waiver of {one.operation} {one.object} waives nothing any more",
            hint="take it out of the configuration",
            path=one.path,
            line=one.line,
        )
        for one in waivers
        if (one.operation, one.object) not in there
    ]
