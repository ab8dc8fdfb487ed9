"""The missing scripts put into the commit: judged environments in, their reports with it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from revguard.errors import CouldNotCheck
from revguard.evaluation.case import Judged
from revguard.evaluation.subject import Subject
from revguard.history import reading
from revguard.history.graph import Node
from revguard.records import Record, Records
from revguard.rules.drift import MISSING
from revguard.rules.head_file import is_finding
from revguard.rules.history import UNTRACKED
from revguard.staging import adding, entries, index, rewriting, stashed
from revguard.verdict import (
    EnvironmentReport,
    Finding,
    NewRevision,
    environment_to_dict,
    verdict_of,
)


def add_scripts(subject: Subject, judged: Sequence[Judged], *, stage: bool) -> list[Judged]:
    """Write and stage each script that is all that its environment misses, with its head files.

    With ``stage=False`` the script is written only, and the finding stays: the commit still lacks
    it.
    """
    results = []
    for one in judged:
        if can_add(subject, one.report):
            results.append(_added(subject, one) if stage else _written(subject, one))
        elif stage and _lacks_head_file(one.report):
            results.append(_with_head_files(subject, one))
        else:
            results.append(one)
    return results


def can_add(subject: Subject, report: EnvironmentReport) -> bool:
    """Whether the proven script is all that is missing.

    One that is only untracked stands in the way, unless it is this very one: a killed run, or one
    with `--no-stage`, has written it.
    """
    return (
        report.verdict == "fail"
        and report.script is not None
        and report.script_path is not None
        and all(step.result != "fail" for step in report.proof)
        and all(_is_mended(subject, report, finding) for finding in left_over(report))
    )


def _is_mended(subject: Subject, report: EnvironmentReport, finding: Finding) -> bool:
    """Whether nothing is left of a finding once the script is in the commit."""
    if finding.rule == UNTRACKED and finding.path == report.script_path:
        return adding.is_written(subject.repo, finding.path, _content(report))
    return finding.rule == MISSING or is_finding(finding)


def _lacks_head_file(report: EnvironmentReport) -> bool:
    """Whether a head file is all that is wrong."""
    blocking = [one for one in report.findings if one.severity == "error" or is_finding(one)]
    return report.verdict != "error" and bool(blocking) and all(map(is_finding, blocking))


def _with_head_files(subject: Subject, one: Judged) -> Judged:
    report = one.report
    _rewrite(subject, report)
    findings = tuple(finding for finding in report.findings if not is_finding(finding))
    notes = (*report.notes, *(f"{file.path} names the heads now" for file in report.head_files))
    report = replace(
        report, verdict=verdict_of(findings), findings=findings, head_files=(), notes=notes
    )
    return replace(one, report=report)


def _rewrite(subject: Subject, report: EnvironmentReport) -> None:
    files = encoded(report)
    for path in files:
        stashed.refuse(subject.repo, path)
    rewriting.rewrite(subject.repo, files)


def left_over(report: EnvironmentReport) -> list[Finding]:
    """What blocks, and still would with the missing files in the commit."""
    blocking = (finding for finding in report.findings if finding.severity == "error")
    return [one for one in blocking if one.rule != MISSING and not is_finding(one)]


def encoded(report: EnvironmentReport) -> dict[str, bytes]:
    """The files that are missing, as they are written."""
    found = report.missing_files.items()
    return {path: text.encode("utf-8", "surrogateescape") for path, text in found}


def _content(report: EnvironmentReport) -> bytes:
    assert report.script is not None
    return report.script.encode("utf-8", "surrogateescape")


def _added(subject: Subject, one: Judged) -> Judged:
    report = one.report
    assert report.script_path is not None
    node = _node(report)
    own = report.script_path in subject.listing  # the branch's, generated anew
    if own:
        _refuse_restaged(subject, report.script_path)
    if own or report.head_files:
        _rewrite(subject, report)
    else:
        adding.add_file(subject.repo, report.script_path, _content(report))
    findings = tuple(one for one in report.findings if not _is_mended(subject, report, one))
    revision = NewRevision(
        id=node.id,
        path=report.script_path,
        down_revision=node.down,
        added_by="revguard",
        anew=own,
        text=report.script or "",
    )
    return replace(
        one,
        report=replace(
            report,
            verdict=verdict_of(findings),
            findings=findings,
            script=None,  # nothing is missing any more
            script_path=None,
            head_files=(),
            heads=_heads(report, revision),
            changes=tuple(replace(change, covered=True) for change in report.changes),
            new_revisions=(*_others(report, revision), revision),
        ),
    )


def _written(subject: Subject, one: Judged) -> Judged:
    report = one.report
    assert report.script_path is not None
    if report.script_path in subject.listing:
        adding.overwrite_file(subject.repo, report.script_path, _content(report))
    else:
        with adding.write_file(subject.repo, report.script_path, _content(report)):
            pass
    findings = tuple(
        replace(finding, hint=f"`git add {report.script_path}` takes the written script in")
        if finding.rule == MISSING
        else finding
        for finding in report.findings
    )
    return replace(one, report=replace(report, findings=findings))


def _refuse_restaged(subject: Subject, path: str) -> None:
    """CouldNotCheck where something else was staged there since it was judged."""
    found = entries.at(subject.repo, subject.repo.index_file, [path]).get(path, ())
    if [one.oid for one in found] != [subject.listing[path].oid]:
        raise CouldNotCheck(
            f"{path} was staged anew while its script was proven: it was not touched",
            hint="run it again",
        )


def _others(report: EnvironmentReport, revision: NewRevision) -> tuple[NewRevision, ...]:
    return tuple(one for one in report.new_revisions if one.id != revision.id)


def _heads(report: EnvironmentReport, revision: NewRevision) -> tuple[str, ...]:
    gone = {revision.id, *revision.down_revision}
    return (*(head for head in report.heads if head not in gone), revision.id)


def _node(report: EnvironmentReport) -> Node:
    """The generated script as history will read it."""
    assert report.script_path is not None
    node = reading.read_one(report.script_path, _content(report))
    if node is None:
        raise CouldNotCheck(
            f"{report.script_path} has no `revision` that can be read: it was not written",
            hint="`script.py.mako` has to write it as text, `revision = ${repr(up_revision)}`",
        )
    return node


def _observed(before: Record, written: Sequence[str]) -> dict[str, Any]:
    """What was observed, as if these files had been there; what is another environment's is not."""
    folders = dict(before.observed["folders"])
    files = set(before.observed["files"])
    for path in written:
        folder, _, name = path.rpartition("/")
        if any(_is_below(folder, location) for location in before.version_locations):
            files.add(path)
            folders[folder] = sorted({*folders.get(folder, ()), name})
    return {**before.observed, "files": sorted(files), "folders": folders}


def _is_below(folder: str, location: str) -> bool:
    return not location or f"{folder}/".startswith(f"{location}/")


def remember_added(subject: Subject, records: Records, before: Record, one: Judged) -> Record:
    """The record of the tree with the script in it: the next commit's parent, most likely."""
    # whoever looks at that tree finds a revision like any other
    revisions = tuple(
        replace(item, added_by="user", anew=False) for item in one.report.new_revisions
    )
    report = replace(one.report, new_revisions=revisions, notes=())
    tree = index.staged_tree(subject.repo)
    observed = _observed(
        before, [change.path for change in subject.reader.changes(before.tree, tree)]
    )
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
