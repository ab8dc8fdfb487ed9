"""Head files (`lock = true`) in a rebase: its edits in, those with the head files out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from revguard.environments import Environment
from revguard.evaluation.subject import Subject
from revguard.history import headfile
from revguard.rebasing import wording
from revguard.rebasing.wording import Edits
from revguard.staging.drafts import draft

Locked = Mapping[tuple[str, ...], Environment]  # by version folders


def paths(locked: Locked, stages: Collection[str]) -> Iterator[str]:
    """Unmerged head files: what they will hold is known, so that nobody has to resolve them."""
    for locations in locked:
        for location in locations:
            path = headfile.path_in(location)
            if path in stages:
                yield path


def with_head_files(
    subject: Subject, locked: Locked, edits: Edits, stages: Collection[str]
) -> Edits:
    """The edits with the head files of the history as it will be."""
    if not locked:
        return edits
    tree = draft(subject.repo, subject.tree, subject.listing, edits.writes, edits.removals)
    found = edits
    for locations, environment in locked.items():
        graph = subject.graph(tree, locations, recursive=environment.recursive)
        wanted = headfile.contents(graph, locations)
        there = subject.read([*wanted])
        torn = {path for path in wanted if path in stages}
        writes = {p: text for p, text in wanted.items() if p in torn or there.get(p) != text}
        found = wording.joined(found, Edits(writes=writes, resolve=torn))
    return found
