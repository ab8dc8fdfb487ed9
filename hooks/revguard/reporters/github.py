"""The report as annotations: a report in, workflow commands of GitHub Actions out.

GitHub shows 10 errors and 10 warnings of a step: the worst come first, and one line says how many
more there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from revguard.phrases import phrase
from revguard.reporters.links import is_proposed
from revguard.reporters.paint import harmless
from revguard.verdict import EnvironmentReport, Report

_MOST: Final = 10
_UNCOVERED: Final = ("history/missing-revision", "history/incomplete-revision")
_Level: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Annotation:
    level: _Level
    title: str
    message: str
    path: str = ""
    line: int = 0


def render(report: Report) -> str:
    """One command a line; empty where nothing is to be said."""
    found = list(dict.fromkeys(_all(report)))
    by_level = [[one for one in found if one.level == level] for level in ("error", "warning")]
    shown = [one for several in by_level for one in several[:_MOST]]
    lines = [_command(one) for one in shown]
    left_out = len(found) - len(shown)
    if left_out:
        lines.append(f"::notice title=revguard::{left_out} more: the report has them all")
    return "".join(f"{line}\n" for line in lines)


def _all(report: Report) -> Iterator[_Annotation]:
    if report.error is not None:
        yield _Annotation(
            level="error", title="revguard", message=_joined(report.error, report.hint)
        )
    for one in report.environments:
        if one.error is not None:
            yield _Annotation(
                level="error",
                title=f"revguard could not check {one.name}",
                message=_joined(one.error, one.hint),
                path=one.config or "",
            )
        yield from _of_findings(one)
    for one in report.environments:
        yield from _of_changes(one)


def _of_findings(one: EnvironmentReport) -> Iterator[_Annotation]:
    for finding in one.findings:
        proposed = is_proposed(one, finding)
        yield _Annotation(
            level="error" if finding.severity == "error" else "warning",
            title=finding.rule,
            message=_joined(finding.message, finding.hint),
            path="" if proposed else finding.path,
            line=0 if proposed else finding.line,
        )


def _of_changes(one: EnvironmentReport) -> Iterator[_Annotation]:
    """What no revision covers, at its line of the models, beside the line of the finding."""
    rules = {each.rule: each for each in one.findings if each.rule in _UNCOVERED}
    for rule, finding in rules.items():
        for change in one.changes:
            where = change.source
            if change.covered or where is None or not where.line:
                continue
            if (where.path, where.line) != (finding.path, finding.line):
                detail = f" ({change.detail})" if change.detail else ""
                yield _Annotation(
                    level="error" if finding.severity == "error" else "warning",
                    title=rule,
                    message=f"no revision does it: {phrase(change.op, change.object)}{detail}",
                    path=where.path,
                    line=where.line,
                )


def _joined(message: str, hint: str) -> str:
    return f"{message}\n{hint}" if hint else message


def _command(one: _Annotation) -> str:
    properties = {
        "file": one.path,
        "line": str(int(one.line)) if one.path and one.line else "",
        "title": one.title,
    }
    said = ",".join(f"{name}={_property(text)}" for name, text in properties.items() if text)
    return f"::{one.level} {said}::{_data(one.message)}"


def _data(text: str) -> str:
    """As GitHub's toolkit escapes it."""
    return harmless(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
