"""A folder of the JSON reports of other legs in, the one Report of all out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from revguard.errors import UsageError
from revguard.pulls import reading
from revguard.verdict import EnvironmentReport, Report, overall

_MOST: Final = 2000  # files
_HINT: Final = "`revguard pr --step judge --files DIR` leaves one, outputs.report of the action"


def read(path: str) -> Report:
    """All reports in a folder, or the one of a file. UsageError where there is none at all.

    What cannot be read is an environment that could not be checked: never left out in silence.
    """
    found = Path(path)
    if found.is_file():
        return _whole(found)
    if not found.is_dir():
        raise UsageError(f"there is no folder of reports {path}", hint=_HINT)
    files = sorted(one for one in found.rglob("*.json") if one.is_file())[:_MOST]
    if not files:
        raise UsageError(f"there is no report in {path}", hint=_HINT)
    return _merged(files, found)


def _whole(path: Path) -> Report:
    try:
        return reading.read(path)
    except ValueError as error:
        raise UsageError(f"{path} is no report: {error}", hint=_HINT) from error


def _merged(files: Iterable[Path], folder: Path) -> Report:
    reports, environments, planned = [], [], set[str]()
    for path in files:
        names = _planned(path)
        if names is not None:
            planned |= names
            continue
        try:
            report = reading.read(path)
        except ValueError as error:
            environments.append(_broken(path.relative_to(folder).as_posix(), str(error)))
            continue
        reports.append(report)
        environments += _environments(report, path.relative_to(folder).as_posix())
    environments += _missing(planned, environments)
    once = tuple(_once(environments))
    return Report(
        verdict=overall(once),
        tree=next((one.tree for one in reports if one.tree), None),
        duration_ms=max((one.duration_ms for one in reports), default=0),
        environments=once,
    )


def _environments(report: Report, name: str) -> tuple[EnvironmentReport, ...]:
    if report.error is None:
        return report.environments
    said = EnvironmentReport(name=name, verdict="error", error=report.error, hint=report.hint)
    return (*report.environments, said)


def _broken(name: str, reason: str) -> EnvironmentReport:
    return EnvironmentReport(
        name=name,
        verdict="error",
        error=f"the report {name} is none: {reason}",
        hint="see the log of the leg that it comes from",
    )


def _planned(path: Path) -> set[str] | None:
    """The environments of a plan (`revguard plan --github-matrix`); None for anything else."""
    try:
        if path.stat().st_size > reading.LIMIT:
            return None
        data: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not isinstance(data.get("include"), list):
        return None
    names = (one.get("environment") for one in data["include"] if isinstance(one, dict))
    return {name for name in names if isinstance(name, str)}


def _missing(planned: set[str], there: list[EnvironmentReport]) -> list[EnvironmentReport]:
    return [
        EnvironmentReport(
            name=name,
            verdict="error",
            error="it was planned, and its leg left no report",
            hint="see the log of that leg: it ended before it judged anything",
        )
        for name in sorted(planned - {one.name for one in there})
    ]


def _once(environments: Iterable[EnvironmentReport]) -> Iterator[EnvironmentReport]:
    """Each environment once, the worse of two that differ."""
    rank = {"error": 0, "fail": 1, "pass": 2}
    worst: dict[str, EnvironmentReport] = {}
    for one in environments:
        known = worst.get(one.name)
        if known is None or rank[one.verdict] < rank[known.verdict]:
            worst[one.name] = one
    yield from worst.values()
