"""Where the branch's revisions go: what has landed and what has not in, new parents out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from revguard.errors import UsageError
from revguard.history.branches import Branches
from revguard.history.graph import Graph
from revguard.rebasing.values import Own, Scripts

Down = dict[str, tuple[str, ...]]  # by key


def parents(scripts: Scripts, is_empty: Callable[[Own], bool]) -> Down:
    """What each of the branch's revisions goes on top of; a needless one is left out.

    Only where a line of the branch begins does anything change: its first revision goes on top of
    the landed head, a second line on top of the first. UsageError where that is not plain.
    """
    own = {one.key: one for one in scripts.own}
    whole = _graph(scripts, {key: one.node.down for key, one in own.items()})
    _refuse_broken(whole)
    down, before = _on_top(scripts, whole), Down()
    while down != before:  # one line on top of another may leave a mergepoint with nothing to join
        before = down
        down = _in_one_line(scripts, _without_needless(scripts, down, is_empty))
    return down


def _graph(scripts: Scripts, down: Mapping[str, tuple[str, ...]]) -> Graph:
    moved = [replace(one.node, down=down[one.key]) for one in scripts.own if one.key in down]
    return Graph([*scripts.landed.nodes.values(), *moved])


def _refuse_broken(graph: Graph) -> None:
    if graph.problems:
        raise UsageError(
            f"the history cannot be put together: {graph.problems[0].message}",
            hint="`revguard check` says how it is mended",
        )


def _on_top(scripts: Scripts, whole: Graph) -> Down:
    """Each landed parent that is no head any more becomes the head that it grew to."""
    branches = Branches(whole)
    own = {one.key for one in scripts.own}
    heads = [id_ for id_ in whole.heads if id_ in own]
    above = {head: {head} | whole.ancestors(head, dependencies=False) for head in heads}
    down: Down = {}
    for key in (id_ for id_ in whole.order if id_ in own):
        lines = [line for line in above.values() if key in line]

        def target(parent: str, key: str = key, lines: list[set[str]] = lines) -> str:
            if parent in own:
                return parent
            head = _head_for(parent, key, scripts.landed, branches)
            joined = head is not None and all(head in line for line in lines)
            return parent if head is None or joined else head

        found = tuple(dict.fromkeys(map(target, whole.nodes[key].down)))
        head = None if found else _only(_strangers(key, scripts.landed, branches), key)
        is_second = head is not None and not all(head in line for line in lines)
        down[key] = (head,) if head is not None and is_second else found
    return down


def _strangers(key: str, landed: Graph, branches: Branches) -> list[str]:
    """Landed heads beside which a first revision of the branch was not meant to stand."""
    return [id_ for id_ in landed.heads if branches.are_in_conflict(id_, key)]


def _head_for(parent: str, key: str, landed: Graph, branches: Branches) -> str | None:
    """The landed head of the parent's line; None where that is the parent, or another branch."""
    if parent in landed.heads:
        return None
    line = landed.descendants(parent, dependencies=False)
    return _only([i for i in landed.heads if i in line and branches.are_rivals(i, key)], key)


def _only(heads: list[str], key: str) -> str | None:
    if len(heads) > 1:
        raise UsageError(
            f"the base has {len(heads)} heads of this line, {', '.join(heads)}: on top of which "
            f"{key} is to go is not plain",
            hint=f'`alembic merge -m "merge heads" {" ".join(heads)}` there first',
        )
    return heads[0] if heads else None


def _without_needless(scripts: Scripts, down: Down, is_empty: Callable[[Own], bool]) -> Down:
    """Without parents that others of the same revision reach, and without mergepoints that join
    nothing any more and do nothing."""
    whole = _graph(scripts, down)
    found: Down = {}
    instead: dict[str, str] = {}
    own = {one.key: one for one in scripts.own}
    for key in (id_ for id_ in whole.order if id_ in down):
        before = tuple(dict.fromkeys(instead.get(id_, id_) for id_ in down[key]))
        is_moved = down[key] != own[key].node.down or before != down[key]
        kept = _least(before, whole) if is_moved or len(before) > 1 else before
        is_needless = len(own[key].node.down) > 1 and len(kept) == 1
        if is_needless and _is_nothing(own[key]) and is_empty(own[key]):
            instead[key] = kept[0]
        else:
            found[key] = kept
    return found


def _is_nothing(one: Own) -> bool:
    """Whether nobody can name it but by its id."""
    return not (one.node.labels or one.node.depends_on)


def _least(ids: tuple[str, ...], graph: Graph) -> tuple[str, ...]:
    above = {id_: graph.ancestors(id_, dependencies=False) for id_ in ids}
    return tuple(id_ for id_ in ids if not any(id_ in above[other] for other in ids))


def _in_one_line(scripts: Scripts, down: Down) -> Down:
    """Lines of the branch that would end in rival heads, one on top of the other."""
    graph = _graph(scripts, down)
    _refuse_broken(graph)
    found = dict(down)
    for group in Branches(graph).conflicts():
        rivals = [id_ for id_ in group if id_ in down]
        if len(rivals) == len(group):
            found = _stacked(scripts, found, rivals)
    return found


def _stacked(scripts: Scripts, down: Down, heads: list[str]) -> Down:
    graph = _graph(scripts, down)
    lines = {id_: {id_} | graph.ancestors(id_, dependencies=False) for id_ in heads}
    needs = {id_: {id_} | graph.ancestors(id_) for id_ in heads}
    ages = {one.key: number for number, one in enumerate(scripts.own)}
    heads = sorted(heads, key=lambda id_: min(ages[one] for one in lines[id_] & ages.keys()))
    found = dict(down)
    below: set[str] = set()
    top = ""
    while heads:
        ready = [id_ for id_ in heads if not _needs_another(id_, heads, lines, needs, below)]
        if not ready:
            raise UsageError(
                f"the heads {', '.join(heads)} of this branch depend on each other's lines: which "
                "is to come first is not plain",
                hint='`alembic merge -m "merge heads" heads` joins them as they are',
            )
        head = ready[0]
        heads = [id_ for id_ in heads if id_ != head]
        for key in _roots(lines[head] - below, down) if top else ():
            found[key] = (top,)
        below |= lines[head]
        top = head
    _refuse_broken(_graph(scripts, found))
    return found


def _roots(line: set[str], down: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Where a line begins: what stands on others, or where nothing does, what stands on nothing."""
    found = [key for key in line if key in down and line.isdisjoint(down[key])]
    return [key for key in found if down[key]] or found


def _needs_another(
    head: str,
    heads: list[str],
    lines: Mapping[str, set[str]],
    needs: Mapping[str, set[str]],
    below: set[str],
) -> bool:
    """Whether a line waits for what is in another one only."""
    missing = needs[head] - lines[head] - below
    return any(missing & lines[other] for other in heads if other != head)
