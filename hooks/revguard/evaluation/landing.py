"""`start = "metadata"`: whose models are made into tables, and which revisions these are then at; a
change in, the trees that may be taken out, the best first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from revguard.environments import Environment
from revguard.evaluation.subject import Histories, Subject
from revguard.history.compare import same_meaning
from revguard.history.graph import Graph
from revguard.records import digest
from revguard.staging import plumbing, trees

_LOOKED_BACK: Final = 50  # commits


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """A tree whose models have landed, with the revisions that they stand for."""

    tree: str
    age: int  # commits before the parent's
    stamped: tuple[str, ...]
    extensions: tuple[str, ...]  # of PostgreSQL, that those revisions create

    def key(self, digest_of: Callable[[str], str | None]) -> str:
        """What its tables depend on: the metadata, where an earlier run told it, else the tree."""
        return digest(digest_of(self.tree) or self.tree, *self.stamped, *self.extensions)

    @property
    def name(self) -> str:
        """As users would call it."""
        if not self.age:
            return "the parent commit"
        return f"the commit {self.age + 1} before"


def landed(
    subject: Subject, environment: Environment, histories: Histories, locations: tuple[str, ...]
) -> Iterator[Landed]:
    """None where no revision has landed yet: then there is nothing to begin with.

    The first is the parent, as a rule. A change that edits or takes out revisions of its parent (an
    amended commit, a branch that is behind its base) comes on top of the commit before them.
    """
    second: Landed | None = None
    found = False
    for age, tree in enumerate(_trees(subject)):
        if environment.config is not None and environment.config not in subject.reader.listing(
            tree
        ):
            break
        graph = subject.graph(tree, locations, recursive=environment.recursive)
        if not graph.nodes:
            break
        one = _landed(tree, age, graph, histories.graph)
        if one.stamped and _is_part(subject, graph, histories):
            found = True
            yield one
        elif one.stamped:
            second = second or one
    if not found and second is not None:
        yield second


def _trees(subject: Subject) -> list[str]:
    """Trees of the commit that the change comes on top of and of those before it."""
    at = subject.landed_at
    if not at:
        return []
    found = plumbing.run(
        subject.repo, "log", "--first-parent", "--format=%T", f"-{_LOOKED_BACK}", at, "--"
    )
    if found.returncode or not found.text().split():  # it is a tree
        return [trees.tree_of(subject.repo, at)]
    return found.text().split()


def _landed(tree: str, age: int, graph: Graph, now: Graph) -> Landed:
    known = now.closed(graph.nodes.keys() & now.nodes.keys())
    extensions = {name for id_ in graph.nodes for name in graph.nodes[id_].extensions}
    return Landed(
        tree=tree, age=age, stamped=now.heads_of(known), extensions=tuple(sorted(extensions))
    )


def _is_part(subject: Subject, graph: Graph, histories: Histories) -> bool:
    """Whether all its revisions stand in the judged tree as they were; those that the base reaches
    count as they are, for they must not be edited."""
    now = histories.graph.nodes
    if not graph.nodes.keys() <= now.keys():
        return False
    landed = histories.base.nodes.keys() if histories.base else set()
    pairs = [
        (node.oid, now[id_].oid)
        for id_, node in graph.nodes.items()
        if node.oid != now[id_].oid and id_ not in landed
    ]
    texts = trees.read_blobs(subject.repo, {oid for pair in pairs for oid in pair})
    return all(same_meaning(texts[old], texts[new]) for old, new in pairs)
