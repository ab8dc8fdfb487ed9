"""The graph of revisions: nodes in, how they hang together and what is wrong with it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "syntax", "unreadable", "no-down-revision", "bad-id", "duplicate", "label", "missing", "cycle"
]

_ILLEGAL = frozenset("@-+:")  # alembic/script/revision.py: _revision_illegal_chars


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One revision, as its script says it. `dynamic`: part of that only running it would tell."""

    id: str
    down: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()  # ids and branch labels, as written
    labels: tuple[str, ...] = ()
    doc: str = ""
    path: str = ""
    oid: str = ""
    imports: tuple[str, ...] = ()
    line: int = 0
    line_of_down: int = 0
    dynamic: bool = False
    extensions: tuple[str, ...] = ()  # of PostgreSQL, that it creates

    @property
    def is_mergepoint(self) -> bool:
        """Whether it joins several revisions."""
        return len(self.down) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphProblem:
    """One reason why Alembic could not load this history. `missing`: the id that is not there."""

    kind: Kind
    message: str
    path: str
    line: int = 0
    revision: str = ""
    missing: str = ""


class Graph:
    """Revisions and how they hang together; what is asked of it takes linear time."""

    def __init__(
        self,
        nodes: Iterable[Node],
        problems: Iterable[GraphProblem] = (),
        *,
        unknown: Iterable[str] = (),
        strangers: Iterable[str] = (),
    ) -> None:
        self.nodes: dict[str, Node] = {}
        found = list(problems)
        for node in nodes:
            found += _problems_of(node, self.nodes.get(node.id))
            self.nodes[node.id] = node  # Alembic too keeps the last
        self.unknown = tuple(unknown)  # scripts whose id only running them would tell
        self.strangers = tuple(strangers)  # files without any `revision`: Alembic refuses them
        self.labelled, bad_labels = _labelled(self.nodes)
        found += bad_labels
        self.parents: dict[str, tuple[str, ...]] = {}  # by down_revision
        self.requirements: dict[str, tuple[str, ...]] = {}  # by down_revision and depends_on
        for node in self.nodes.values():
            found += self._link(node)
        self.problems = (*found, *self._cycles())

    def __contains__(self, id_: object) -> bool:
        return id_ in self.nodes

    def __len__(self) -> int:
        return len(self.nodes)

    def _link(self, node: Node) -> Iterable[GraphProblem]:
        down = tuple(id_ for id_ in node.down if id_ in self.nodes)
        self.parents[node.id] = self.requirements[node.id] = down
        if len(down) == len(node.down) and not node.depends_on:
            return ()
        wanted = {name: self.labelled.get(name, name) for name in node.depends_on}
        there = [id_ for id_ in wanted.values() if id_ in self.nodes]
        self.requirements[node.id] = tuple(dict.fromkeys((*down, *there)))
        return [
            *(_missing(node, "down_revision", id_) for id_ in node.down if id_ not in self.nodes),
            *(
                _missing(node, "depends_on", name)
                for name, id_ in wanted.items()
                if id_ not in there
            ),
        ]

    @property
    def certain(self) -> bool:
        """Whether all that makes up the graph could be read without running a script."""
        return not self.unknown and not any(node.dynamic for node in self.nodes.values())

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """As `alembic heads`: no down_revision names them (a depends_on may)."""
        return self.heads_of(self.nodes, real=False)

    @cached_property
    def real_heads(self) -> tuple[str, ...]:
        """What the version table holds after `alembic upgrade heads`: nothing needs them."""
        return self.heads_of(self.nodes)

    @cached_property
    def bases(self) -> tuple[str, ...]:
        """Revisions without a down_revision."""
        return tuple(node.id for node in self.nodes.values() if not node.down)

    @cached_property
    def real_bases(self) -> tuple[str, ...]:
        """Revisions that need no other."""
        nodes = self.nodes.values()
        return tuple(node.id for node in nodes if not node.down and not node.depends_on)

    def heads_of(self, ids: Iterable[str], *, real: bool = True) -> tuple[str, ...]:
        """Those that no other of them needs (`real=False`: names in its down_revision)."""
        wanted = dict.fromkeys(id_ for id_ in ids if id_ in self.nodes)
        edges = self.requirements if real else self.parents
        needed = {parent for id_ in wanted for parent in edges[id_]}
        return tuple(id_ for id_ in wanted if id_ not in needed)

    def ancestors(self, *ids: str, dependencies: bool = True) -> set[str]:
        """All that must be there before one of these."""
        return _above(ids, self.requirements if dependencies else self.parents)

    def descendants(self, *ids: str, dependencies: bool = True) -> set[str]:
        """All that cannot be there without one of these."""
        return _above(ids, self.dependents if dependencies else self.children)

    @cached_property
    def children(self) -> dict[str, tuple[str, ...]]:
        """The revisions that name one in their down_revision."""
        return _turned(self.parents)

    @cached_property
    def dependents(self) -> dict[str, tuple[str, ...]]:
        """The revisions that name one in their down_revision or depends_on."""
        return _turned(self.requirements)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """All revisions, each after those that it needs; what hangs on a cycle is left out."""
        waiting = {id_: len(needed) for id_, needed in self.requirements.items()}
        ready = [id_ for id_, count in waiting.items() if not count]
        for id_ in ready:  # grows while it is walked
            for child in self.dependents[id_]:
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
        return tuple(ready)

    def closed(self, ids: Iterable[str]) -> set[str]:
        """The largest part of these that lacks none of its own ancestors."""
        wanted = set(ids)
        kept: set[str] = set()
        for id_ in self.order:
            if id_ in wanted and self._is_complete(id_) and kept.issuperset(self.requirements[id_]):
                kept.add(id_)
        return kept

    def _is_complete(self, id_: str) -> bool:
        """Whether all that it needs is known and there."""
        node = self.nodes[id_]
        names = (*node.down, *node.depends_on)
        return not node.dynamic and all(
            name in self.nodes or name in self.labelled for name in names
        )

    def _cycles(self) -> Iterable[GraphProblem]:
        left = self.nodes.keys() - set(self.order)
        done: set[str] = set()
        for start in (id_ for id_ in self.nodes if id_ in left):
            walk: dict[str, None] = {}
            at = start
            while at not in walk and at not in done:
                walk[at] = None
                at = next(id_ for id_ in self.requirements[at] if id_ in left)
            if at in walk:
                ring = list(walk)[list(walk).index(at) :]
                yield _cycle([self.nodes[id_] for id_ in ring])
            done.update(walk)


def new_ids(graph: Graph, parents: Iterable[Graph]) -> tuple[str, ...]:
    """The revisions that none of the parents has, in the order in which they are to be run."""
    known = [parent.nodes.keys() for parent in parents]
    return tuple(id_ for id_ in graph.order if not any(id_ in ids for ids in known))


def _problems_of(node: Node, earlier: Node | None) -> Iterable[GraphProblem]:
    if earlier is not None:
        yield GraphProblem(
            kind="duplicate",
            message=f"{node.path} and {earlier.path} have the same revision id {node.id!r}",
            path=node.path,
            line=node.line,
            revision=node.id,
        )
    if not node.id or _ILLEGAL.intersection(node.id):
        yield GraphProblem(
            kind="bad-id",
            message=f"{node.path} has the revision id {node.id!r}, which Alembic does not take",
            path=node.path,
            line=node.line,
            revision=node.id,
        )


def _missing(node: Node, key: str, id_: str) -> GraphProblem:
    return GraphProblem(
        kind="missing",
        message=f"{node.path} names {id_!r} in `{key}`, which no script of the commit has",
        path=node.path,
        line=node.line_of_down or node.line,
        revision=node.id,
        missing=id_,
    )


def _cycle(ring: list[Node]) -> GraphProblem:
    first = min(ring, key=lambda node: node.path)
    turned = ring[ring.index(first) :] + ring[: ring.index(first)]
    said = " -> ".join(node.id for node in (*turned, first))
    files = ", ".join(node.path for node in turned)
    return GraphProblem(
        kind="cycle",
        message=f"revisions need each other in a circle: {said} ({files})",
        path=first.path,
        line=first.line_of_down or first.line,
        revision=first.id,
    )


def _labelled(nodes: Mapping[str, Node]) -> tuple[dict[str, str], list[GraphProblem]]:
    """Branch labels and the revisions that carry them; a label is as unique as an id."""
    found: dict[str, str] = {}
    problems = []
    for node in nodes.values():
        for label in node.labels:
            other = nodes.get(label) or nodes.get(found.get(label, ""))
            if other is None:
                found[label] = node.id
                continue
            problems.append(
                GraphProblem(
                    kind="label",
                    message=f"{node.path} and {other.path} both use the name {label!r}",
                    path=node.path,
                    line=node.line,
                    revision=node.id,
                )
            )
    return found, problems


def _turned(edges: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {id_: [] for id_ in edges}
    for id_, parents in edges.items():
        for parent in parents:
            found[parent].append(id_)
    return {id_: tuple(children) for id_, children in found.items()}


def _above(ids: Iterable[str], edges: Mapping[str, tuple[str, ...]]) -> set[str]:
    todo = [id_ for id_ in ids if id_ in edges]
    seen: set[str] = set()
    while todo:
        new = [id_ for id_ in edges[todo.pop()] if id_ not in seen]
        seen.update(new)
        todo += new
    return seen
