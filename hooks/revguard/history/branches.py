"""Which heads of a graph are rivals and which are separate branches on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import TypeAlias

from revguard.history.graph import Graph

Reached: TypeAlias = Mapping[str, frozenset[str]]
_NOTHING: frozenset[str] = frozenset()


class Branches:
    """For each revision the bases that it grew from and the branch labels on the way."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.bases = reached(graph, {id_: (id_,) for id_ in graph.nodes if not graph.parents[id_]})
        self.labels = reached(graph, {id_: node.labels for id_, node in graph.nodes.items()})

    def are_rivals(self, one: str, other: str) -> bool:
        """Whether two revisions are on one branch: same history, and no label that parts them."""
        if one == other or self.bases[one].isdisjoint(self.bases[other]):
            return False
        ours, theirs = self.labels[one], self.labels[other]
        return not (ours - theirs and theirs - ours)

    def are_in_conflict(self, one: str, other: str) -> bool:
        """Whether Alembic would ask to merge these two heads, and nobody meant them to be two: they
        are rivals, or histories of their own in one folder that nothing tells apart."""
        if self.are_rivals(one, other):
            return True
        apart = self.bases[one].isdisjoint(self.bases[other]) and one != other
        folder = self._plain_folder(one) if apart else None
        return folder is not None and folder == self._plain_folder(other)

    def _plain_folder(self, head: str) -> str | None:
        """The folder of a head's bases; None where a label or a dependency sets it apart."""
        bases = [self.graph.nodes[id_] for id_ in self.bases[head]]
        folders = {node.path.rpartition("/")[0] for node in bases}
        if self.labels[head] or len(folders) != 1 or any(n.depends_on or n.down for n in bases):
            return None
        return folders.pop()

    def groups(self, ids: Iterable[str]) -> list[tuple[str, ...]]:
        """The revisions, those together that are rivals, also by way of a third."""
        ids = [id_ for id_ in ids if id_ in self.bases]
        alike: dict[tuple[frozenset[str], frozenset[str]], list[str]] = {}
        for id_ in ids:
            alike.setdefault((self.bases[id_], self.labels[id_]), []).append(id_)
        pairs = ((one[0], other[0]) for one, other in self._neighbours(alike))
        leaders = joined(
            (group[0] for group in alike.values()),
            (pair for pair in pairs if self.are_rivals(*pair)),
        )
        members = {group[0]: group for group in alike.values()}
        place = {id_: number for number, id_ in enumerate(ids)}
        return [
            tuple(
                sorted((id_ for leader in group for id_ in members[leader]), key=place.__getitem__)
            )
            for group in leaders
        ]

    def conflicts(self) -> list[tuple[str, ...]]:
        """Groups of heads that are in conflict, also by way of a third."""
        groups = {group[0]: group for group in self.groups(self.graph.heads)}
        first: dict[str, str] = {}  # group of each folder
        pairs = [
            (first.setdefault(folder, leader), leader)
            for leader, group in groups.items()
            for folder in filter(None, map(self._plain_folder, group))
        ]
        found = (
            [id_ for leader in leaders for id_ in groups[leader]]
            for leaders in joined(groups, pairs)
        )
        place = {id_: number for number, id_ in enumerate(self.graph.heads)}
        return [tuple(sorted(group, key=place.__getitem__)) for group in found if len(group) > 1]

    def _neighbours(
        self, alike: Mapping[tuple[frozenset[str], frozenset[str]], list[str]]
    ) -> Iterator[tuple[list[str], list[str]]]:
        """Pairs with a base in common: with many separate histories these are few."""
        by_base: dict[str, list[list[str]]] = {}
        for (bases, _), group in alike.items():
            for base in bases:
                by_base.setdefault(base, []).append(group)
        for groups in by_base.values():
            yield from combinations(groups, 2)


def reached(graph: Graph, marks: Mapping[str, Iterable[str]]) -> Reached:
    """The marks of each revision and of all that it grew from, by down_revision."""
    found: dict[str, frozenset[str]] = {}
    for id_ in graph.order:
        own = frozenset(marks.get(id_, ()))
        for parent in graph.parents[id_]:
            above = found[parent]
            own = own | above if own and not own <= above else above  # mostly shared, not copied
        found[id_] = own
    return {id_: found.get(id_, _NOTHING) for id_ in graph.nodes}


def joined(ids: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The ids, in groups that the pairs hold together."""
    group_of = {id_: [id_] for id_ in ids}
    for one, other in pairs:
        small, large = sorted((group_of[one], group_of[other]), key=len)
        if small is not large:
            large += small
            group_of.update(dict.fromkeys(small, large))
    return list({id(group): group for group in group_of.values()}.values())
