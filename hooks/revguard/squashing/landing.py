"""One environment's branch as it would land, judged with rows: trees in, the worker's words out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from revguard.evaluation.case import Case, Judged
from revguard.evaluation.judge import judge
from revguard.evaluation.tasks import Wanted
from revguard.project.launch import Worker
from revguard.rules.head_file import is_finding
from revguard.rules.history import SEVERAL
from revguard.verdict import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A judgement of a tree that takes the base's place."""

    judged: Judged
    rows: str  # "filled", or "empty" where the revisions cannot run on rows

    @property
    def result(self) -> Mapping[str, Any]:
        """The worker's own words; empty where it was not asked."""
        return self.judged.result or {}

    @property
    def blocking(self) -> list[Finding]:
        """What is wrong besides that there are several revisions; a head file is written anew."""
        return [
            one
            for one in self.judged.report.findings
            if one.severity == "error" and one.rule != SEVERAL and not is_finding(one)
        ]

    @property
    def failed(self) -> str:
        """Why a revision could not run; empty where all could."""
        failure = self.result.get("failure")
        return f"{failure['kind']}: {failure['message']}".partition("\n")[0] if failure else ""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Judges trees of one environment; each run has a database of its own, at the same state."""

    case: Case  # of the staged tree, as it would land

    def land(self, tree: str, rows: str = "filled") -> Landing:
        """The tree's new revisions, run on tables with rows. CouldNotCheck, ConfigError."""
        return Landing(judged=self._judge(tree, rows=rows), rows=rows)

    def generated(self, tree: str, wanted: Wanted, message: str) -> Judged:
        """What autogenerate writes at a tree, as the wanted revision."""
        return self._judge(tree, wanted=wanted, message=message)

    def _judge(self, tree: str, **changes: Any) -> Judged:
        case = replace(self.case, subject=replace(self.case.subject, tree=tree), **changes)
        with Worker.of(case.around) as worker:
            return judge(case, worker)
