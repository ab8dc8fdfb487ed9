"""One thing that was looked at, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field

from revguard.errors import RevguardError


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that was looked at. A problem keeps a check from running; a note does not."""

    topic: str
    said: str
    problem: bool = False
    hint: str = ""
    more: tuple[str, ...] = field(default=())


def of_error(topic: str, error: RevguardError) -> Line:
    """The line of what is not there."""
    return Line(topic=topic, said=error.message, problem=True, hint=error.hint)
