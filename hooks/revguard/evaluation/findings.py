"""The rules applied to a judgement: histories and findings in, what is to be said out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from revguard.errors import CouldNotCheck
from revguard.evaluation.before import folders_in
from revguard.evaluation.case import Case
from revguard.evaluation.subject import Histories
from revguard.history import headfile
from revguard.history.graph import Graph, new_ids
from revguard.rules import history, landed, with_severities
from revguard.rules.drift import MISSING
from revguard.rules.head_file import head_file
from revguard.rules.ignores import apply
from revguard.rules.models import RENAME
from revguard.staging import ranges, trees
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
    _refuse_conflicts(case, found)
    if found.graph.problems or found.graph.strangers:
        python = tuple(int(part) for part in case.around.interpreter.python.split(".")[:2])
        on_disk = scripts_on_disk(case, found)
        problems = history.broken_graph(found.graph, on_disk, python=(python[0], python[1]))
        if problems:
            raise BrokenHistoryError(problems, found)
    return found


def _refuse_conflicts(case: Case, found: Histories) -> None:
    """CouldNotCheck where a script holds the markers of a conflict: whose it is, nobody knows."""
    range_ = case.subject.range
    paths = {problem.path for problem in found.graph.problems} | {*found.graph.strangers}
    torn = tuple(path for path in (range_.conflicts if range_ else ()) if path in paths)
    if range_ is not None and torn:
        raise CouldNotCheck(
            f"merging with {range_.name} conflicts in {ranges.shown(torn)}",
            hint=f"`git merge {range_.name}`, and resolve it there; then check again.",
        )


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


def history_findings(case: Case, found: Histories, locations: tuple[str, ...]) -> list[Finding]:
    """The findings on the graph alone."""
    subject = case.subject

    def load(oids: list[str]) -> Mapping[str, bytes]:
        return trees.read_blobs(subject.repo, oids)

    findings = history.multiple_heads(
        found.graph, found.parents, landed=found.base, rebase=_rebase(case)
    )
    if case.around.environment.settings.lock and not findings:  # what mends those mends the file
        paths = list(headfile.contents(found.graph, locations))
        there = subject.read(paths)
        if there.keys() < {*paths} or _are_touched(case, paths):
            findings += head_file(found.graph, locations, there)
    findings += _moved_base(case, found)
    findings += _several(case, found)
    findings += landed.changed_revisions(
        found.base, found.graph, found.parents, load, subject.base_name, case.waived
    )
    return findings


def _are_touched(case: Case, paths: list[str]) -> bool:
    """Whether this change is to be blamed for what its head files say: no parent has the same ones
    beside the same scripts and configuration."""
    subject = case.subject
    folders = {path.rpartition("/")[0] for path in paths}

    def matters(path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return path in paths or folder in folders or name in ("revguard.toml", "pyproject.toml")

    return all(
        any(matters(one.path) for one in subject.reader.changes(parent, subject.tree))
        for parent in subject.parents
    )


def _rebase(case: Case) -> str:
    """What to type to have the branch's revisions on top of the base's; empty where they are
    nothing that can be changed here."""
    subject = case.subject
    if subject.range is not None:
        name = subject.range.name
        merge = f"`git merge {shlex.quote(name)}`, then " if not subject.range.is_push else ""
        return merge + history.rebase_command(name if not subject.range.is_push else "")
    return history.rebase_command() if subject.in_working_tree else ""


def _moved_base(case: Case, found: Histories) -> list[Finding]:
    """Revisions on top of what is no longer the base's head; of a commit, where it brings one."""
    base, name = found.base, case.subject.base_name
    if base is None:
        return []
    if found.own is not None:
        return history.not_on_base_head(base, found.own, found.graph, name)
    if not found.added or base.nodes.keys() <= found.graph.nodes.keys():
        return []
    # what this very change takes away, it knows of
    kept = [one for one in base.nodes.values() if not _is_taken(one.id, found)]
    return history.not_on_base_head(Graph(kept), found.graph, found.graph, name)


def _is_taken(id_: str, found: Histories) -> bool:
    return id_ not in found.graph and any(id_ in parent for parent in found.parents)


def _several(case: Case, found: Histories) -> list[Finding]:
    """More revisions than one for each commit, or for the branch, as `one-per` says."""
    subject, one_per = case.subject, case.around.environment.settings.one_per
    branch = () if found.base is None else new_ids(found.graph, [found.base])
    if subject.range is None or one_per == "branch":
        return history.several_revisions(
            found.graph, found.added, one_per if subject.range else "commit", branch=branch
        )
    findings = []
    for graph, new in _by_commit(case, subject.range, found):
        findings += history.several_revisions(graph, new, branch=branch)
    return findings


def _by_commit(
    case: Case, range_: ranges.Range, found: Histories
) -> Iterator[tuple[Graph, list[str]]]:
    """The history at each commit of a range, and what is new there and has stayed."""
    subject, environment = case.subject, case.around.environment
    graphs = (found.graph, *found.parents, *filter(None, [found.own]))
    nodes = [node for one in graphs for node in one.nodes.values()]
    folders = tuple(sorted({node.path.rpartition("/")[0] for node in nodes}))

    def graph(commit: str) -> Graph:
        tree = trees.tree_of(subject.repo, commit)
        own, recursive = folders_in(subject, environment, tree, folders)
        return subject.graph(tree, own, recursive=recursive)

    for commit, *parents in ranges.commits(subject.repo, range_, folders):
        here = graph(commit)
        new = new_ids(here, [graph(parent) for parent in parents])
        yield here, [id_ for id_ in new if id_ in found.graph]


def _asked(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Where a rename has to be answered first, that is how the missing revision is made."""
    if not any(one.rule == RENAME and one.severity == "error" for one in findings):
        return findings
    return tuple(replace(one, hint="") if one.rule == MISSING else one for one in findings)


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
    judged = _asked(with_severities(outcome.findings, case.settings.rules))
    if subject.range is not None:
        return judged
    # a commit may be made on what the base had when the branch began: merging it is what must not
    return tuple(
        replace(one, severity="warning") if one.rule == history.NOT_ON_BASE else one
        for one in judged
    )
