"""The rules on the history of revisions: graphs in, findings out."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from revguard.history.branches import Branches, joined, reached
from revguard.history.graph import Graph, GraphProblem, Node, new_ids
from revguard.history.on_disk import File, OnDisk, fitting, nodes_on_disk, with_parents
from revguard.verdict import Finding

BROKEN: Final = "history/broken-graph"
HEADS: Final = "history/multiple-heads"
NOT_ON_BASE: Final = "history/not-on-base-head"
SEVERAL: Final = "history/several-revisions"
UNTRACKED: Final = "history/untracked-revision"

_NAMED = 4  # scripts in one message


def broken_graph(
    graph: Graph,
    untracked: Iterable[File] = (),
    *,
    python: tuple[int, int] | None = None,
) -> list[Finding]:
    """Why Alembic could not load the history. `python` is the version of the project's own."""
    on_disk = nodes_on_disk(untracked)
    return [
        Finding(
            rule=BROKEN,
            message=_broken_message(problem, on_disk),
            hint=_broken_hint(problem, graph, on_disk),
            path=problem.path,
            line=problem.line,
        )
        for problem in graph.problems
        if _is_certain(problem, graph, python)
    ] + [
        Finding(
            rule=BROKEN,
            message=f"{path} has no `revision`, so Alembic refuses to load its folder",
            hint="write its `revision` and `down_revision`, or move it out of that folder",
            path=path,
            line=1,
        )
        for path in graph.strangers
    ]


def _is_certain(problem: GraphProblem, graph: Graph, python: tuple[int, int] | None) -> bool:
    if problem.kind == "syntax":  # a newer Python may take what ours does not: Alembic will tell
        return python is None or python <= sys.version_info[:2]
    return problem.kind != "missing" or not graph.unknown


def _broken_message(problem: GraphProblem, on_disk: Mapping[str, OnDisk]) -> str:
    if problem.missing in on_disk:
        there = on_disk[problem.missing]
        return f"{problem.message}; it is in {there.node.path}, which {_STATES[there.state]}"
    return problem.message


def _broken_hint(problem: GraphProblem, graph: Graph, on_disk: Mapping[str, OnDisk]) -> str:
    if problem.kind != "missing":
        hint = _HINTS[problem.kind]
        return hint.format(path=shlex.quote(problem.path), line=problem.line)
    wanted = with_parents(problem.missing, on_disk)
    if wanted:
        return _add(wanted)
    return _missing_hint(problem, graph)


_HINTS: Final[Mapping[str, str]] = {
    "syntax": "mend line {line}, then `git add {path}`",
    "unreadable": "`git fsck` says what is wrong with the repository",
    "no-down-revision": "write `down_revision = None` for a base, else the id of the one before it",
    "bad-id": "take an id without any of `@ - + :`",
    "duplicate": "give the newer one another id, in `revision` and in its docstring",
    "label": "give one of them another name in `branch_labels`",
    "cycle": "set `down_revision` in {path} to a revision outside the circle",
}


def _missing_hint(problem: GraphProblem, graph: Graph) -> str:
    missing = problem.missing
    whole = [id_ for id_ in graph.nodes if len(missing) > 3 and id_.startswith(missing)]
    if missing in graph.labelled:
        return f'that is a branch label: write the id, "{graph.labelled[missing]}"'
    if len(whole) == 1:
        return f'Alembic takes no abbreviation here: write "{whole[0]}"'
    if set(missing) & set("@+-:"):
        return "Alembic takes no relative identifier here: write the id of the revision"
    folder = shlex.quote(problem.path.rpartition("/")[0] or ".")
    return (
        f"bring its script back (`git log --all -S{shlex.quote(missing)} -- {folder}` finds it), "
        f"or name another revision in {problem.path}"
    )


def multiple_heads(
    graph: Graph, parents: Sequence[Graph] = (), *, landed: Graph | None = None, rebase: str = ""
) -> list[Finding]:
    """Heads that Alembic would ask to be merged, where no parent had that conflict already.

    `rebase`: what to type to put what has not landed on top of what has, where that can be done.
    """
    if not graph.certain:
        return []
    branches = Branches(graph)
    rivals = branches.conflicts()
    if parents and rivals:
        known = [_Known(graph, parent) for parent in parents]
        rivals = [new for group in rivals for new in _new_conflicts(group, branches, known)]
    return [
        _with_rebase(_heads_finding(group, graph, parents), group, graph, landed, rebase)
        for group in rivals
    ]


def _with_rebase(
    finding: Finding, group: tuple[str, ...], graph: Graph, landed: Graph | None, rebase: str
) -> Finding:
    """With the command that mends it, where at most one of the heads has landed."""
    if not rebase or landed is None or not landed.certain:
        return finding
    old = [id_ for id_ in group if id_ in landed]
    if len(old) > 1 or not landed.nodes.keys() <= graph.nodes.keys():
        return finding
    what = f"puts the others on top of {old[0]}" if old else "puts one on top of the other"
    return replace(finding, hint=f"{rebase} {what}")


class _Known:
    """The conflicts of a parent, found again in the heads that its heads have grown to."""

    def __init__(self, graph: Graph, parent: Graph) -> None:
        self.branches = Branches(parent)
        self.origins = reached(graph, {head: (head,) for head in parent.heads})

    def has(self, one: str, other: str) -> bool:
        """Whether these two were in conflict in the parent."""
        ours, theirs = self.origins[one], self.origins[other]
        return any(
            self.branches.are_in_conflict(mine, yours)
            for mine in ours - theirs
            for yours in theirs - ours
        )


def _new_conflicts(
    group: tuple[str, ...], branches: Branches, known: Sequence[_Known]
) -> Iterator[tuple[str, ...]]:
    pairs = (
        (one, other)
        for number, one in enumerate(group)
        for other in group[number + 1 :]
        if branches.are_in_conflict(one, other)
        and not any(parent.has(one, other) for parent in known)
    )
    for found in joined(group, pairs):
        if len(found) > 1:
            yield tuple(id_ for id_ in group if id_ in found)


def _heads_finding(group: tuple[str, ...], graph: Graph, parents: Sequence[Graph]) -> Finding:
    old = [id_ for id_ in group if any(id_ in parent for parent in parents)]
    new = [id_ for id_ in group if id_ not in old]
    roots = _first_new(new[0], graph, parents) if len(new) == 1 else []
    at = graph.nodes[roots[0] if roots else group[-1]]
    hint = _merge_hint(group, graph)
    if len(roots) == len(old) == 1 and not at.is_mergepoint:
        hint = (
            f'set `down_revision = "{old[0]}"` in {at.path}, then `git add {shlex.quote(at.path)}`'
        )
    return Finding(
        rule=HEADS,
        message=f"{len(group)} heads, so `alembic upgrade head` would refuse: "
        f"{_named(graph.nodes[id_] for id_ in group)}",
        hint=hint,
        path=at.path,
        line=at.line_of_down or at.line,
    )


def _first_new(head: str, graph: Graph, parents: Sequence[Graph]) -> list[str]:
    """Where the line that ends in a new head leaves what the parents have."""
    line = {head} | graph.ancestors(head, dependencies=False)
    new = {id_ for id_ in line if not any(id_ in parent for parent in parents)}
    return sorted(id_ for id_ in new if new.isdisjoint(graph.parents[id_]))


def _merge_hint(group: tuple[str, ...], graph: Graph) -> str:
    heads = "heads" if len(group) == len(graph.heads) else " ".join(map(shlex.quote, group))
    return f'`alembic merge -m "merge heads" {heads}`, then `git add` the script that it writes'


def not_on_base_head(landed: Graph, own: Graph, merged: Graph, base: str) -> list[Finding]:
    """Revisions that `own` puts on what was a head of the base, and is none any more; those that
    merging brings. It may take a landed one away, which the branch had and removed.

    A child of the same parent that the base has and `own` knows is a branch on purpose.
    """
    if not (own.certain and landed.certain):
        return []
    branches = Branches(Graph((*landed.nodes.values(), *_besides(own, landed))))
    found = []
    for id_ in (id_ for id_ in new_ids(own, [landed]) if id_ in merged):
        for parent in own.parents[id_]:
            moved = [
                child
                for child in landed.children.get(parent, ())
                if child not in own and branches.are_rivals(child, id_)
            ]
            if moved:
                found.append(_moved_finding(own.nodes[id_], parent, moved[0], landed, base))
    return found


def _besides(own: Graph, landed: Graph) -> Iterator[Node]:
    return (node for node in own.nodes.values() if node.id not in landed)


def _moved_finding(node: Node, parent: str, child: str, landed: Graph, base: str) -> Finding:
    line = {child} | landed.descendants(child, dependencies=False)
    head = next(id_ for id_ in landed.heads if id_ in line)
    return Finding(
        rule=NOT_ON_BASE,
        message=f"revision {node.id!r} ({node.path}) goes on top of {parent!r}, but {base} has "
        f"moved on to {head!r}",
        hint=f"`git merge {shlex.quote(base)}`, then {rebase_command(base)} puts it on top of that",
        path=node.path,
        line=node.line_of_down or node.line,
    )


def rebase_command(base: str = "") -> str:
    """What moves a branch's revisions; `base` where it is not the one that is configured."""
    return f"`revguard rebase --from-ref {shlex.quote(base)}`" if base else "`revguard rebase`"


def several_revisions(
    graph: Graph,
    new: Iterable[str],
    one_per: Literal["commit", "branch"] = "commit",
    *,
    branch: Iterable[str] = (),
) -> list[Finding]:
    """More than one new revision of one branch. `new`: those that no parent (or the base) has;
    `branch`: all that have not landed, where that is known."""
    wanted = set(new)
    nodes = (graph.nodes[id_] for id_ in graph.order if id_ in wanted)
    counted = [node.id for node in nodes if not (node.is_mergepoint or _may_merge(node))]
    if len(counted) < 2:
        return []
    groups = [group for group in Branches(graph).groups(counted) if len(group) > 1]
    all_ = {*branch}
    return [
        _several_finding(group, graph, one_per, squash=bool(all_) and all_ <= {*group})
        for group in groups
    ]


def _may_merge(node: Node) -> bool:
    return node.dynamic and not node.down


def _several_finding(
    group: tuple[str, ...], graph: Graph, one_per: str, *, squash: bool
) -> Finding:
    first, *others = (graph.nodes[id_] for id_ in group)
    paths = " ".join(shlex.quote(node.path) for node in others)
    hint = f"move the operations into {first.path} and `git rm --cached {paths}`"
    if squash:
        hint = "`revguard squash` makes one of them"
    if one_per == "commit":
        hint += "; two changes are two commits"
    return Finding(
        rule=SEVERAL,
        message=f"this {one_per} brings {len(group)} revisions where one is expected: "
        f"{_named((first, *others))}",
        hint=hint,
        path=others[0].path,
        line=others[0].line_of_down or others[0].line,
    )


def untracked_revision(untracked: Iterable[File], graph: Graph, *, needed: bool) -> list[Finding]:
    """Scripts on disk that would go on top of the graph, where the commit lacks a revision."""
    if not needed:
        return []
    named = {problem.missing for problem in graph.problems}  # broken-graph speaks of those
    found = fitting(nodes_on_disk(untracked), graph)
    return [
        Finding(
            rule=UNTRACKED,
            message=f"{one.node.path} (revision {one.node.id!r}) is not part of the commit: "
            f"it {_STATES[one.state]}",
            hint=_add([one]),
            path=one.node.path,
            line=one.node.line,
        )
        for one in found
        if one.node.id not in named
    ]


_STATES: Final[Mapping[str, str]] = {
    "untracked": "is not tracked by git",
    "unstaged": "is not staged for this commit",
    "ignored": "is ignored by git",
}


def _add(files: Sequence[OnDisk]) -> str:
    force = "-f " if any(one.state == "ignored" for one in files) else ""
    paths = " ".join(shlex.quote(one.node.path) for one in files)
    return f"`git add {force}{paths}`"


def _named(nodes: Iterable[Node]) -> str:
    said = [f"{node.id} ({node.path})" for node in nodes]
    more = f" and {len(said) - _NAMED} more" if len(said) > _NAMED else ""
    return ", ".join(said[:_NAMED]) + more
