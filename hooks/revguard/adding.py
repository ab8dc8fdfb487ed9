"""The missing scripts put into the commit: judged environments in, their reports with it out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from revguard.evaluation.case import Judged
from revguard.evaluation.subject import Subject
from revguard.history import reading
from revguard.history.graph import Node
from revguard.records import Record, Records
from revguard.rules.drift import MISSING
from revguard.rules.history import UNTRACKED
from revguard.staging import adding, index
from revguard.verdict import (
    EnvironmentReport,
    Finding,
    NewRevision,
    environment_to_dict,
    verdict_of,
)


def add_scripts(subject: Subject, judged: Sequence[Judged], *, stage: bool) -> list[Judged]:
    """Write and stage each script that is all that its environment misses.

    With ``stage=False`` it is written only, and the finding stays: the commit still lacks it.
    """
    results = []
    for one in judged:
        if not can_add(subject, one.report):
            results.append(one)
        elif stage:
            results.append(_added(subject, one))
        else:
            results.append(_written(subject, one))
    return results


def can_add(subject: Subject, report: EnvironmentReport) -> bool:
    """Whether the proven script is all that is missing.

    One that is only untracked stands in the way, unless it is this very one: a killed run, or one
    with `--no-stage`, has written it.
    """
    blocking = [finding for finding in report.findings if finding.severity == "error"]
    return (
        report.verdict == "fail"
        and report.script is not None
        and report.script_path is not None
        and all(step.result != "fail" for step in report.proof)
        and all(_is_mended(subject, report, finding) for finding in blocking)
    )


def _is_mended(subject: Subject, report: EnvironmentReport, finding: Finding) -> bool:
    """Whether nothing is left of a finding once the script is in the commit."""
    if finding.rule == UNTRACKED and finding.path == report.script_path:
        return adding.is_written(subject.repo, finding.path, _content(report))
    return finding.rule == MISSING


def _content(report: EnvironmentReport) -> bytes:
    assert report.script is not None
    return report.script.encode("utf-8", "surrogateescape")


def _added(subject: Subject, one: Judged) -> Judged:
    report = one.report
    assert report.script_path is not None
    adding.add_file(subject.repo, report.script_path, _content(report))
    findings = tuple(one for one in report.findings if not _is_mended(subject, report, one))
    node = _node(report)
    revision = NewRevision(
        id=node.id,
        path=report.script_path,
        down_revision=node.down,
        added_by="revguard",
    )
    return replace(
        one,
        report=replace(
            report,
            verdict=verdict_of(findings),
            findings=findings,
            script=None,  # nothing is missing any more
            script_path=None,
            heads=_heads(report, revision),
            changes=tuple(replace(change, covered=True) for change in report.changes),
            new_revisions=(*report.new_revisions, revision),
        ),
    )


def _written(subject: Subject, one: Judged) -> Judged:
    report = one.report
    assert report.script_path is not None
    with adding.write_file(subject.repo, report.script_path, _content(report)):
        pass
    findings = tuple(
        replace(finding, hint=f"`git add {report.script_path}` takes the written script in")
        if finding.rule == MISSING
        else finding
        for finding in report.findings
    )
    return replace(one, report=replace(report, findings=findings))


def _heads(report: EnvironmentReport, revision: NewRevision) -> tuple[str, ...]:
    kept = tuple(head for head in report.heads if head not in revision.down_revision)
    return (*kept, revision.id)


def _node(report: EnvironmentReport) -> Node:
    """The generated script as history will read it."""
    content = _content(report)
    oid = hashlib.sha256(content).hexdigest()
    assert report.script_path is not None
    graph = reading.read({report.script_path: oid}, lambda _oids: {oid: content})
    return next(iter(graph.nodes.values()))


def remember_added(subject: Subject, records: Records, before: Record, one: Judged) -> Record:
    """The record of the tree with the script in it: the next commit's parent, most likely."""
    path = one.report.new_revisions[-1].path
    # whoever looks at that tree finds a revision like any other
    revisions = tuple(replace(item, added_by="user") for item in one.report.new_revisions)
    report = replace(one.report, new_revisions=revisions, notes=())
    tree = index.staged_tree(subject.repo)
    folder, _, name = path.rpartition("/")
    observed = dict(before.observed)
    observed["files"] = sorted({*before.observed["files"], path})
    entries = before.observed["folders"].get(folder, [])
    observed["folders"] = {**before.observed["folders"], folder: sorted({*entries, name})}
    fresh = set(before.notes.get("fresh", ()))
    record = replace(
        before,
        tree=tree,
        changed=records.changed(observed, before.parents[0], tree) if before.parents else (),
        observed=observed,
        drift=tuple(key for key in before.drift if key not in fresh),
        report=None if before.report is None else environment_to_dict(report),
        notes={},
    )
    records.save(record)
    return record
