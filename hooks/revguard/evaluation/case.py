"""What a judgement needs to know, and what it gives."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from revguard.records import Record, Records, digest
from revguard.verdict import EnvironmentReport, InterpreterInfo, environment_from_dict

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Mapping

    from revguard.config import Settings
    from revguard.environments import Environment
    from revguard.evaluation.subject import Subject
    from revguard.evaluation.tasks import Wanted
    from revguard.options import Progress
    from revguard.project import Interpreter
    from revguard.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What evaluations of one environment share."""

    environment: Environment
    interpreter: Interpreter
    environ: Mapping[str, str]
    run: Callable[[], Run]  # entered at the first call: the quick ways out need none
    progress: Progress
    timeout: float
    use_cache: bool

    def interpreter_info(self) -> InterpreterInfo:
        """The interpreter as the report has it."""
        one = self.interpreter
        return InterpreterInfo(
            path=one.path, python=one.python, alembic=one.alembic, sqlalchemy=one.sqlalchemy
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that a judgement needs to know."""

    subject: Subject
    around: Surroundings
    settings: Settings
    records: Records
    today: datetime.date
    message: str | None = None
    renamed: tuple[str, ...] = ()  # what is a rename, as Options has it
    renames: str = "never"  # what is done with a probable one: "ask", "source" or "never"
    others: tuple[Environment, ...] = ()  # of the same repository
    wanted: Wanted | None = None  # what a generated script is to be
    rows: str = ""  # as Task has it

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
            self.renamed, self.renames,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The report, and what the next run may rely on."""

    report: EnvironmentReport
    observed: Mapping[str, Any] | None
    record: Record | None = None
    result: Mapping[str, Any] | None = None  # the worker's own words; None for a known report


def on_disk(case: Case, locations: tuple[str, ...]) -> str:
    """What tells whether scripts came to the version folders of the working tree, or changed."""
    if not case.subject.in_working_tree:
        return "no matter"
    found = []
    for location in locations:
        folder = os.path.join(case.subject.repo.toplevel, *location.split("/"))
        for parent, _, names in os.walk(folder):
            for name in names:
                if name.endswith(".py"):
                    status = os.lstat(os.path.join(parent, name))
                    found.append(f"{parent}/{name} {status.st_size} {status.st_mtime_ns}")
    return digest(*sorted(found))


def judged_before(case: Case) -> Judged | None:
    """The report of an earlier run on the same relevant content."""
    record = case.records.report_for(
        case.subject.tree,
        case.subject.parents,
        case.subject.base,
        case.made_with,
        case.today.isoformat(),
        case.subject.commits,
    )
    if record is None or record.report is None:
        return None
    if record.notes.get("on_disk", "") not in ("", on_disk(case, record.version_locations)):
        return None  # the script that it asked for may lie there by now, and only be untracked
    try:
        report = environment_from_dict(record.report)
    except ValueError:
        return None
    return Judged(report=replace(report, cached="tree"), observed=record.observed, record=record)
