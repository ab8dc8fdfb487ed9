"""The rules on what has landed, which is immutable: graphs and texts in, findings out.

Each revision that the base reaches must stay: what it does (edited), its id and its place
(renumbered), and itself (deleted). What a parent of the judged tree has done already is not blamed
on this change.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from revguard.history.compare import first_difference, same_meaning
from revguard.history.graph import Graph, Node, new_ids
from revguard.verdict import Finding

EDITED: Final = "history/edited-revision"
RENUMBERED: Final = "history/renumbered-revision"
DELETED: Final = "history/deleted-revision"
REMOVED: Final = "remove_revision"  # the operation of a waiver that lets one be removed

Load: TypeAlias = Callable[[list[str]], Mapping[str, bytes]]  # blob ids in, contents out

_PLACE: Final = ("revision", "down_revision", "depends_on")


def changed_revisions(
    landed: Graph | None,
    graph: Graph,
    parents: Sequence[Graph],
    load: Load,
    base: str = "HEAD",
    waived: Collection[str] = (),
) -> list[Finding]:
    """All that this change does to what has landed. `waived`: "operation object" each."""
    if landed is None:
        return []
    gone = [id_ for id_ in removed(landed, graph, parents) if f"{REMOVED} {id_}" not in waived]
    again = _again(gone, landed, graph, parents, load)
    return [
        *_edited(landed, graph, parents, load, base),
        *_renumbered(landed, again, base),
        *_moved(landed, graph, parents, again, base),
        *(_deleted_finding(landed.nodes[id_], base) for id_ in gone if id_ not in again),
    ]


def removed(landed: Graph | None, graph: Graph, parents: Sequence[Graph]) -> tuple[str, ...]:
    """Revisions that the base reaches, that every parent has, and that this change takes away."""
    if landed is None or not parents:
        return ()
    return tuple(
        node.id
        for node in landed.nodes.values()
        if node.id not in graph
        and node.path not in graph.unknown
        and all(node.id in parent for parent in parents)
    )


def missing(landed: Graph | None, graph: Graph, parents: Sequence[Graph]) -> tuple[str, ...]:
    """Revisions that the base or a parent has and the judged tree has not: what a waiver is of."""
    sides = [side for side in (landed, *parents) if side is not None]
    return tuple(dict.fromkeys(id_ for side in sides for id_ in side.nodes if id_ not in graph))


def _edited(
    landed: Graph, graph: Graph, parents: Sequence[Graph], load: Load, base: str
) -> list[Finding]:
    """Scripts that do something else now."""
    candidates = [
        (landed.nodes[node.id], node)
        for node in graph.nodes.values()
        if node.id in landed and all(_oid(side, node.id) != node.oid for side in (landed, *parents))
    ]
    if not candidates:
        return []
    ids = [(_oid(side, new.id), new.oid) for _, new in candidates for side in (landed, *parents)]
    texts = load(sorted({oid for pair in ids for oid in pair if oid}))
    found = []
    for old, new in candidates:
        apart = () if old.dynamic or new.dynamic else _PLACE  # the other rule speaks of the place
        sides = (_oid(side, new.id) for side in (landed, *parents))
        if not any(_same(oid, new.oid, texts, apart) for oid in sides):
            found.append(_edited_finding(old, new, texts, base, apart))
    return found


def _oid(graph: Graph, id_: str) -> str:
    return graph.nodes[id_].oid if id_ in graph else ""


def _same(one: str, other: str, texts: Mapping[str, bytes], apart: Collection[str]) -> bool:
    return one in texts and other in texts and same_meaning(texts[one], texts[other], apart=apart)


def _edited_finding(
    old: Node, new: Node, texts: Mapping[str, bytes], base: str, apart: Collection[str]
) -> Finding:
    line = 1
    if old.oid in texts and new.oid in texts:
        line = first_difference(texts[old.oid], texts[new.oid], apart=apart)
    return Finding(
        rule=EDITED,
        message=f"{new.path} was changed, but revision {new.id!r} has landed on {base}: "
        "databases that ran it will not run it again",
        hint=f"{_restore(old, new.path, base)}, and make the change in a new revision",
        path=new.path,
        line=line,
    )


def _again(
    gone: Sequence[str], landed: Graph, graph: Graph, parents: Sequence[Graph], load: Load
) -> dict[str, Node]:
    """Which new revision is a removed one by another id: in the same file, or doing the same."""
    new = [graph.nodes[id_] for id_ in new_ids(graph, (landed, *parents))] if gone else []
    if not new:
        return {}
    at = {node.path: node for node in new}
    texts = load(sorted({*(node.oid for node in new), *(landed.nodes[id_].oid for id_ in gone)}))
    found = {}
    for id_ in gone:
        old = landed.nodes[id_]
        like = (node for node in new if _same(old.oid, node.oid, texts, _PLACE))
        twin = next(like, None) or at.get(old.path)
        if twin is not None:
            found[id_] = twin
    return found


def _renumbered(landed: Graph, again: Mapping[str, Node], base: str) -> Iterator[Finding]:
    """Revisions that have another id now."""
    for id_, node in again.items():
        old = landed.nodes[id_]
        yield Finding(
            rule=RENUMBERED,
            message=f"revision {id_!r} has landed on {base}, and {node.path} calls it {node.id!r}: "
            f"databases that are at {id_!r} can no longer be upgraded",
            hint=_restored(old, node, base),
            path=node.path,
            line=node.line,
        )


def _restored(old: Node, new: Node, base: str) -> str:
    if old.path == new.path:
        return _restore(old, old.path, base)
    return f"{_restore(old, old.path, base)}, and `git rm -f {shlex.quote(new.path)}`"


def _moved(
    landed: Graph, graph: Graph, parents: Sequence[Graph], again: Mapping[str, Node], base: str
) -> Iterator[Finding]:
    """Revisions that stand at another place in the history now."""
    names = {id_: node.id for id_, node in again.items()}
    for node in graph.nodes.values():
        if node.id not in landed or node.dynamic:
            continue
        sides = [side.nodes[node.id] for side in (landed, *parents) if node.id in side]
        if any(_stays(side, node, names) for side in sides):
            continue
        old = landed.nodes[node.id]
        yield Finding(
            rule=RENUMBERED,
            message=f"revision {node.id!r} ({node.path}) has landed on {base} on top of "
            f"{_said(old)}, and stands on {_said(node)} now: databases that ran it will not run "
            "what comes before it",
            hint=f"{_restore(old, node.path, base)}; a new revision goes on top of the head",
            path=node.path,
            line=node.line_of_down or node.line,
        )


def _stays(old: Node, new: Node, names: Mapping[str, str]) -> bool:
    """Whether it is where it was; `names`: what revisions that have another id are called now."""
    return old.oid == new.oid or old.dynamic or _place(old, names) == _place(new, {})


def _place(node: Node, names: Mapping[str, str]) -> tuple[frozenset[str], frozenset[str]]:
    def named(ids: Iterable[str]) -> frozenset[str]:
        return frozenset(names.get(id_, id_) for id_ in ids)

    return named(node.down), named(node.depends_on)


def _said(node: Node) -> str:
    needed = [repr(id_) for id_ in (*node.down, *node.depends_on)]
    return " and ".join(needed) or "nothing"


def _restore(old: Node, path: str, base: str) -> str:
    source, target = shlex.quote(f"{base}:{old.path}"), shlex.quote(path)
    if old.path == path:
        return f"`git checkout {shlex.quote(base)} -- {target}`"
    return f"`git show {source} > {target} && git add {target}`"


def _deleted_finding(node: Node, base: str) -> Finding:
    return Finding(
        rule=DELETED,
        message=f"revision {node.id!r} ({node.path}) was removed, but has landed on {base}: "
        "databases that are at it can no longer be upgraded",
        hint=_restore(node, node.path, base),
        path=node.path,
    )
