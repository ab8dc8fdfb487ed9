"""What a judgement needs to know, and what it gives."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from revguard.config import Settings
from revguard.evaluation.evaluate import Surroundings
from revguard.evaluation.subject import Subject
from revguard.records import Record, Records, digest
from revguard.verdict import EnvironmentReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that a judgement needs to know."""

    subject: Subject
    around: Surroundings
    settings: Settings
    records: Records
    today: datetime.date
    message: str | None = None
    generate: bool = True

    @property
    def waived(self) -> tuple[str, ...]:
        """The differences that are allowed today, as "operation object"."""
        return tuple(
            f"{waiver.operation} {waiver.object}"
            for waiver in self.settings.waivers
            if waiver.holds(self.today)
        )

    @property
    def made_with(self) -> str:
        """What a record must have been made with to speak here."""
        one = self.around.interpreter
        return digest(
            self.around.environment, one.path, one.python, one.alembic, one.sqlalchemy,
            sorted(self.settings.rules.items()), self.settings.waivers, self.message,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The report, and what the next run may rely on."""

    report: EnvironmentReport
    observed: Mapping[str, Any] | None
    record: Record | None = None
