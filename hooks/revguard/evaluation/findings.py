"""The rules applied to a judgement: histories and findings in, what is to be said out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from revguard.evaluation.case import Case
from revguard.evaluation.subject import Histories
from revguard.rules import history, with_severities
from revguard.rules.ignores import apply
from revguard.staging import trees
from revguard.staging.untracked import untracked
from revguard.verdict import Finding


class BrokenHistoryError(Exception):
    """The history cannot be loaded; its findings say why."""

    def __init__(self, findings: list[Finding], found: Histories) -> None:
        super().__init__("broken history")
        self.findings = findings
        self.histories = found


def checked(case: Case, found: Histories) -> Histories:
    """The histories, if they can be loaded."""
    if found.graph.problems or found.graph.strangers:
        python = tuple(int(part) for part in case.around.interpreter.python.split(".")[:2])
        on_disk = scripts_on_disk(case, found)
        problems = history.broken_graph(found.graph, on_disk, python=(python[0], python[1]))
        if problems:
            raise BrokenHistoryError(problems, found)
    return found


def scripts_on_disk(case: Case, found: Histories) -> list[Any]:
    """Scripts of the working tree that the judged tree does not have."""
    if not case.subject.in_working_tree:
        return []
    locations = case.around.environment.version_locations or sorted(
        {node.path.rpartition("/")[0] for node in found.graph.nodes.values()}
    )
    found_files = [
        item
        for location in locations
        for item in untracked(case.subject.repo, case.subject.tree, location)
    ]
    files = []
    for item in found_files:
        try:
            content = Path(case.subject.repo.toplevel, item.path).read_bytes()
        except OSError:
            continue
        files.append((item.path, item.state, content))
    return files


def history_findings(case: Case, found: Histories) -> list[Finding]:
    """The findings on the graph alone."""
    subject = case.subject
    new = found.added

    def load(oids: list[str]) -> Mapping[str, bytes]:
        return trees.read_blobs(subject.repo, oids)

    findings = history.multiple_heads(found.graph, found.parents)
    findings += history.several_revisions(
        found.graph, new, case.around.environment.settings.one_per
    )
    findings += history.edited_revision(
        found.base, found.graph, found.parents, load, base=subject.base_name
    )
    findings += history.deleted_revision(
        found.base, found.graph, found.parents, base=subject.base_name
    )
    return findings


def finished(case: Case, findings: Sequence[Finding], *, complete: bool) -> tuple[Finding, ...]:
    """Ignore comments applied, severities set."""
    subject = case.subject
    touched = [
        change.path
        for parent in subject.parents or (None,)
        for change in subject.reader.changes(parent, subject.tree)
        if change.path.endswith(".py") and change.new is not None and change.new.mode != "160000"
    ]
    outcome = apply(
        findings,
        lambda path: subject.read([path]).get(path),
        scanned=sorted(set(touched)),
        today=case.today,
        complete=complete,
    )
    return tuple(with_severities(outcome.findings, case.settings.rules))
