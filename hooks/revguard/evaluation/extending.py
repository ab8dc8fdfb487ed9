"""`one-per = "branch"`: a second model change extends the branch's own script. What was judged in,
the same with the script that is to take the place of the branch's own out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from revguard.evaluation.case import Case
from revguard.evaluation.subject import Histories
from revguard.evaluation.tasks import Evaluated, Wanted
from revguard.history import generated
from revguard.history.branches import Branches
from revguard.history.graph import Node, new_ids
from revguard.rules.drift import INCOMPLETE, MISSING, missing_revision
from revguard.rules.models import RENAME
from revguard.staging.drafts import draft
from revguard.verdict import EnvironmentReport, Finding

Judge = Callable[[Case], EnvironmentReport]

_NO_BASE: Final = (
    '`one-per = "branch"` is configured, and without a remote or a `base` nothing tells what the '
    "branch brings: one revision for each commit"
)


def extended(
    case: Case, evaluated: Evaluated, report: EnvironmentReport, judge: Judge
) -> EnvironmentReport:
    """The report, whose script is the branch's own made anew where nobody has edited that; else a
    further one, and a note says how several become one."""
    if case.around.environment.settings.one_per != "branch" or case.wanted is not None:
        return report
    if case.subject.base is None:
        return replace(report, notes=(*report.notes, _NO_BASE))
    found = evaluated.histories
    own = _own(found, evaluated)
    known = None if own is None or _renames(case, own) else generated.untouched(_text(case, own))
    anew = None
    if own is not None and known is not None:
        anew = judge(_without(case, own, None if known.named else known.message))
    if own is not None and anew is not None and _is_sound(anew):
        named = case.message is None and bool(known and known.named)
        return _rewritten(report, anew, own, named=named)
    named = case.message is None
    return _with_note(case, found, _marked(report, named=named))


def _own(found: Histories, evaluated: Evaluated) -> Node | None:
    """The branch's own revision that the missing script would go on top of."""
    scripts = evaluated.result["scripts"]
    down: list[str] = scripts[0]["down_revision"] if len(scripts) == 1 else []
    node = found.graph.nodes.get(down[0]) if len(down) == 1 else None
    if node is None or found.base is None or node.id in found.base:
        return None
    return None if found.graph.dependents[node.id] or node.dynamic else node


def _text(case: Case, node: Node) -> bytes:
    return case.subject.read([node.path]).get(node.path, b"")


def _renames(case: Case, own: Node) -> bool:
    """Whether it says that something is a rename, which a comparison would not say again."""
    return any(word in _text(case, own) for word in (b"new_column_name", b"rename_table("))


def _without(case: Case, own: Node, message: str | None) -> Case:
    """The case as it would be without the script, which is generated anew."""
    subject = case.subject
    tree = draft(subject.repo, subject.tree, subject.listing, {}, [own.path])
    return replace(
        case,
        subject=replace(subject, tree=tree, in_working_tree=False),
        records=case.records.read_only(),
        message=case.message or message,
        renamed=(),
        renames=case.around.environment.settings.renames,
        wanted=Wanted(id=own.id, down=own.down, depends_on=own.depends_on, labels=own.labels),
    )


def _is_sound(anew: EnvironmentReport) -> bool:
    asked = any(finding.rule == RENAME for finding in anew.findings)
    failed = any(step.result == "fail" for step in anew.proof)
    return anew.script is not None and not (asked or failed)


def _rewritten(
    report: EnvironmentReport, anew: EnvironmentReport, own: Node, *, named: bool
) -> EnvironmentReport:
    assert anew.script is not None
    told = (
        f"{own.path} is generated anew, as revision {own.id!r}: a database that has run it is "
        f"taken back first, with the script as it was (`alembic downgrade "
        f"{', '.join(own.down) or 'base'}`)"
    )
    return replace(
        report,
        script=generated.marked(anew.script, named=named),
        script_path=own.path,
        sql=anew.sql,
        proof=anew.proof,
        findings=tuple(_mended(one, report, own) for one in report.findings),
        notes=(*report.notes, *(one for one in anew.notes if one not in report.notes), told),
    )


def _mended(finding: Finding, report: EnvironmentReport, own: Node) -> Finding:
    """What is missing, with what `add` does about it."""
    if finding.rule not in (MISSING, INCOMPLETE):
        return finding
    left = [change for change in report.changes if not change.covered]
    (missing,) = missing_revision(left, ())
    return replace(
        missing,
        severity=finding.severity,
        message=f"the models changed and {own.path} does not: {missing.message.partition(': ')[2]}",
        hint=f"`revguard add` generates {own.path} anew, proves it and stages it",
    )


def _marked(report: EnvironmentReport, *, named: bool) -> EnvironmentReport:
    if report.script is None or report.script_path is None:
        return report
    return replace(report, script=generated.marked(report.script, named=named))


def _with_note(case: Case, found: Histories, report: EnvironmentReport) -> EnvironmentReport:
    """With what is to be done about several revisions, which block once the branch lands."""
    if case.subject.range is not None or found.base is None:
        return report
    own = new_ids(found.graph, [found.base])
    further = report.script_path is not None
    if len(own) + further < 2:
        return report
    for group in Branches(found.graph).groups(own):
        ids = [id_ for id_ in group if not found.graph.nodes[id_].is_mergepoint]
        if len(ids) + further > 1:
            more = " and a new one" if further else ""
            note = (
                f"this branch is to bring one revision, and brings {', '.join(ids)}{more}: "
                "`revguard squash` makes one of them"
            )
            return replace(report, notes=(*report.notes, note))
    return report
