"""Scripts of the working tree that are not in the judged tree: files in, those that matter out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from revguard.history.graph import Graph, Node
from revguard.history.reading import is_loaded, node_of
from revguard.history.script import parse

File: TypeAlias = tuple[str, str, bytes]  # path, "untracked" | "unstaged" | "ignored", content


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDisk:
    """A revision that is not in the judged tree, and why it is not."""

    node: Node
    state: str


def nodes_on_disk(files: Iterable[File]) -> dict[str, OnDisk]:
    """The revisions among the files, by id."""
    found: dict[str, OnDisk] = {}
    for path, state, content in files:
        script = parse(content)
        node = node_of(path, "", script) if is_loaded(path) else None
        if node is not None and not node.dynamic and script.error is None:
            found.setdefault(node.id, OnDisk(node=node, state=state))
    return found


def fitting(on_disk: Mapping[str, OnDisk], graph: Graph) -> list[OnDisk]:
    """Those that continue the heads of the graph, each after the one that it continues."""
    tips = set(graph.heads)
    left = {id_: one for id_, one in on_disk.items() if id_ not in graph}
    found: list[OnDisk] = []
    while True:
        fits = [one for one in left.values() if _fits(one.node, tips, graph)]
        if not fits:
            return found
        found += fits
        for one in fits:
            del left[one.node.id]
            tips.add(one.node.id)


def _fits(node: Node, tips: set[str], graph: Graph) -> bool:
    return tips.issuperset(node.down) if node.down else not graph.nodes


def with_parents(id_: str, on_disk: Mapping[str, OnDisk]) -> list[OnDisk]:
    """The revision with this id and those that it needs, as far as they are on disk."""
    found: dict[str, OnDisk] = {}
    todo = [id_]
    for wanted in todo:  # grows while it is walked
        if wanted in on_disk and wanted not in found:
            found[wanted] = on_disk[wanted]
            todo += (*on_disk[wanted].node.down, *on_disk[wanted].node.depends_on)
    return list(found.values())
