"""The rule on waivers: what is waived and what differs in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from revguard.verdict import Finding

if TYPE_CHECKING:
    import datetime

    from revguard.config import Waiver

UNUSED: Final = "lint/unused-waiver"


def unused(waivers: Sequence[Waiver], keys: Iterable[str], today: datetime.date) -> list[Finding]:
    """Waivers of differences that do not exist, known or new, and those whose day is over.

    `keys` begin "operation object".
    """
    there = [f"{key} " for key in keys]
    found = []
    for one in waivers:
        named = f"{one.operation} {one.object} "
        if not any(key.startswith(named) for key in there):
            found.append(
                _finding(one, "waives nothing any more", "take it out of the configuration")
            )
        elif not one.holds(today):
            hint = "finish the work, then take it out of the configuration; or choose a later day"
            found.append(_finding(one, f"ended on {one.until}", hint))
    return found


def _finding(waiver: Waiver, what: str, hint: str) -> Finding:
    return Finding(
        rule=UNUSED,
        severity="warning",
        message=f"the waiver of {waiver.operation} {waiver.object} {what}",
        hint=hint,
        path=waiver.path,
        line=waiver.line,
    )
