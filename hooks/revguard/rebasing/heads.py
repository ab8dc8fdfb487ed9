"""Head files (`lock = true`) in a rebase: its edits in, those with the head files out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from revguard.environments import Environment
from revguard.evaluation import heads
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
        writes = heads.changed(subject, environment, locations, graph)
        wanted = headfile.contents(graph, locations)
        torn = {path: text for path, text in wanted.items() if path in stages}
        found = wording.joined(found, Edits(writes={**writes, **torn}, resolve={*torn}))
    return found
