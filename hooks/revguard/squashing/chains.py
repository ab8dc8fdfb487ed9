"""The branch's revisions that are to become one: its graph and the base's in, chains out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from revguard.history.branches import Branches
from revguard.history.graph import Graph, Node, new_ids


class Refusal(Exception):  # noqa: N818  (an answer, and no error of the program)
    """Why these revisions are left as they are, and what mends it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Revisions in the order in which they run, and what the one that they become stands on."""

    nodes: tuple[Node, ...]
    down: tuple[str, ...]  # heads of the base; () where the branch begins a history
    depends_on: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def last(self) -> Node:
        """Whose id and file the one revision takes: a database that ran them all is at it."""
        return self.nodes[-1]


def chains(graph: Graph, base: Graph, base_name: str) -> Iterator[Chain]:
    """Each line of several revisions that the base does not have. Refusal."""
    _refuse_unknown(graph)
    own = new_ids(graph, [base])
    branches = Branches(graph)
    for group in branches.groups(own):
        if len(group) > 1:
            yield _chain(group, graph, base, base_name)
    for heads in branches.conflicts():
        if not set(own).isdisjoint(heads):
            raise Refusal(
                f"there are {len(heads)} heads: {_named(graph, heads)}",
                hint="`revguard rebase` puts the branch's on top of the base's",
            )


def _refuse_unknown(graph: Graph) -> None:
    for problem in graph.problems:
        raise Refusal(problem.message, hint="`revguard check` says what is wrong with the history")
    if not graph.certain:
        dynamic = [node.path for node in graph.nodes.values() if node.dynamic]
        where = ", ".join([*dynamic, *graph.unknown])
        raise Refusal(f"only running the scripts would tell what they stand on: {where}")


def _chain(group: tuple[str, ...], graph: Graph, base: Graph, base_name: str) -> Chain:
    ids = {*group}
    nodes = tuple(graph.nodes[id_] for id_ in graph.order if id_ in ids)
    heads = graph.heads_of(ids)
    if len(heads) > 1:
        raise Refusal(
            f"they end in {len(heads)} heads: {_named(graph, heads)}",
            hint="put one on top of the other first: set its `down_revision`",
        )
    _refuse_dependents(graph, ids, heads[0])
    outside = {id_ for node in nodes for id_ in graph.parents[node.id] if id_ not in ids}
    down = _down(graph, outside, base, base_name)
    known = ids | {label for node in nodes for label in node.labels}
    wanted = (name for node in nodes for name in node.depends_on if name not in known)
    return Chain(
        nodes=(*(node for node in nodes if node.id != heads[0]), graph.nodes[heads[0]]),
        down=down,
        depends_on=tuple(dict.fromkeys(wanted)),
        labels=tuple(dict.fromkeys(label for node in nodes for label in node.labels)),
    )


def _refuse_dependents(graph: Graph, ids: set[str], head: str) -> None:
    """What stands on the head finds it where it was; what stands on another one would not."""
    for id_ in ids - {head}:
        others = [other for other in graph.dependents[id_] if other not in ids]
        if others:
            raise Refusal(f"{_named(graph, others)} needs {id_!r}, which would be gone")


def _down(graph: Graph, outside: set[str], base: Graph, base_name: str) -> tuple[str, ...]:
    """The one head of the base that the chain comes on top of."""
    if not outside:
        return ()
    theirs = {id_ for id_ in outside if id_ not in base}
    if theirs:
        raise Refusal(f"they stand on {_named(graph, sorted(theirs))}, of another branch")
    tops = base.heads_of(outside | base.ancestors(*outside))
    if len(tops) > 1:
        raise Refusal(
            f"they join several heads of {base_name}: {_named(graph, tops)}",
            hint="a merge of landed heads stays a revision of its own",
        )
    moved = [child for child in base.children[tops[0]] if child not in graph]
    if moved:
        named = shlex.quote(base_name)
        raise Refusal(
            f"{base_name} has moved on to {moved[0]!r} ({base.nodes[moved[0]].path})",
            hint=f"`git merge {named}`, then `revguard rebase`; then squash",
        )
    return tops


def _named(graph: Graph, ids: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"{id_} ({graph.nodes[id_].path})" for id_ in ids)
