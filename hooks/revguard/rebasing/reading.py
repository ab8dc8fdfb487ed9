"""The branch's own scripts: the staged tree and its base in, what has landed and the rest out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from revguard.environments import Environment
from revguard.errors import UsageError
from revguard.evaluation.subject import Subject
from revguard.history.compare import same_meaning
from revguard.history.graph import Graph, Node
from revguard.history.reading import is_loaded, node_of
from revguard.history.script import parse
from revguard.rebasing import conflicts
from revguard.rebasing.conflicts import Stages
from revguard.rebasing.values import Own, Scripts
from revguard.staging import plumbing, ranges, repository, trees

# How the revisions hang together is looked at once those of a conflict are among them
_UNREADABLE: Final = ("syntax", "unreadable", "no-down-revision", "bad-id")


def read(
    subject: Subject,
    environment: Environment,
    locations: tuple[str, ...],
    stages: Mapping[str, Stages],
    landed_in: tuple[str, ...],
) -> Scripts:
    """The history of an environment in the subject's tree. UsageError where it is not all there."""
    assert subject.base is not None
    recursive = environment.recursive
    landed = subject.graph(subject.base, landed_in, recursive=recursive)
    here = subject.graph(subject.tree, locations, recursive=recursive)
    _refuse_broken(landed, subject.base_name)
    _refuse_broken(here, "the staged tree")
    files = list(_own_files(subject, here, landed, stages, locations, recursive=recursive))
    again = tuple(one for one in files if _has_landed(subject, one, landed))
    own = [*_torn(subject, here, stages), *(one for one in files if one not in again)]
    _refuse_missing(subject, here, landed, [*own, *again])
    ordered = _in_order(own, landed, subject, locations)
    return Scripts(landed=landed, own=tuple(_with_keys(ordered, landed)), again=again)


def _torn(subject: Subject, here: Graph, stages: Mapping[str, Stages]) -> list[Own]:
    """Own sides of the conflicts in this environment's scripts."""
    assert subject.base is not None
    landed = subject.reader.listing(subject.base)
    paths = [node.path for node in here.nodes.values() if node.path in stages]
    return [
        one
        for path in paths
        for one in conflicts.own_sides(
            subject.repo, path, stages[path], landed.get(path), subject.base_name
        )
    ]


def _own_files(
    subject: Subject,
    here: Graph,
    landed: Graph,
    stages: Mapping[str, Stages],
    locations: tuple[str, ...],
    *,
    recursive: bool,
) -> Iterator[Own]:
    by_path = {node.path: node for node in landed.nodes.values()}
    hidden = _hidden(subject, here, locations, recursive=recursive)
    for node in (*here.nodes.values(), *hidden):
        is_landed = node.path in by_path and by_path[node.path].id == node.id
        if node.path in stages or is_landed or _is_renamed(subject, node, landed, here, hidden):
            continue
        yield Own(node=node, id=node.id, down=node.down, depends_on=node.depends_on)


def _hidden(
    subject: Subject, here: Graph, locations: tuple[str, ...], *, recursive: bool
) -> list[Node]:
    """Scripts whose id another one has, too: a graph keeps one of each."""
    if not any(problem.kind == "duplicate" for problem in here.problems):
        return []
    shown = {node.path for node in here.nodes.values()}
    files = {
        path: oid
        for path, oid in subject.scripts(subject.tree, locations, recursive=recursive).items()
        if path not in shown and is_loaded(path)
    }
    blobs = trees.read_blobs(subject.repo, files.values())
    found = (node_of(path, oid, parse(blobs[oid])) for path, oid in files.items())
    return [node for node in found if node is not None]


def _is_renamed(
    subject: Subject, node: Node, landed: Graph, here: Graph, hidden: Iterable[Node]
) -> bool:
    """Whether it is the script of a landed revision at another path, and not another's."""
    if node.id not in landed:
        return False
    origin = landed.nodes[node.id]
    same = [one for one in (*here.nodes.values(), *hidden) if one.id == node.id]
    if len(same) > 1 and any(one.path == origin.path for one in same):
        return False
    blobs = trees.read_blobs(subject.repo, {node.oid, origin.oid})
    return same_meaning(blobs[node.oid], blobs[origin.oid])


def _has_landed(subject: Subject, one: Own, landed: Graph) -> bool:
    """Whether it is a script beside the landed one, from before that was moved and landed."""
    if one.id not in landed:
        return False
    oids = [one.node.oid, landed.nodes[one.id].oid]
    blobs = trees.read_blobs(subject.repo, oids)
    return conflicts.same_elsewhere(*(blobs[oid] for oid in oids))


def _refuse_broken(graph: Graph, name: str) -> None:
    problems = [one.message for one in graph.problems if one.kind in _UNREADABLE]
    problems += [f"{path} has no `revision`" for path in graph.strangers]
    problems += [f"the revision of {path} is not written out in it" for path in graph.unknown]
    if problems:
        raise UsageError(
            f"the history of {name} cannot be read: {problems[0]}",
            hint="`revguard check` says what is wrong, and how it is mended",
        )


def _refuse_missing(subject: Subject, here: Graph, landed: Graph, own: Iterable[Own]) -> None:
    """UsageError unless the tree has all that has landed."""
    others = {one.path for one in own}
    missing = [
        node
        for id_, node in landed.nodes.items()
        if id_ not in here or (here.nodes[id_].path in others and not _is_beside(subject, node))
    ]
    if not missing:
        return
    shown = ranges.shown(tuple(f"{node.id} ({node.path})" for node in missing))
    name = subject.base_name
    if _is_merged(subject):
        raise UsageError(
            f"{shown} of {name} was removed here",
            hint=f"bring it back: `git checkout {name} -- {missing[0].path}`",
        )
    raise UsageError(
        f"{name} has revisions that are not in this tree: {shown}",
        hint=f"`git merge {name}` or `git rebase {name}` first, then `revguard rebase`: it works "
        "in the middle of one that stopped, too",
    )


def _is_beside(subject: Subject, node: Node) -> bool:
    """Whether a landed script is there, beside one of the branch with the same id."""
    return node.path in subject.listing


def _is_merged(subject: Subject) -> bool:
    """Whether the base is among what the proposed commit descends from."""
    return any(
        plumbing.run(
            subject.repo, "merge-base", "--is-ancestor", subject.landed_at, parent
        ).returncode
        == 0
        for parent in repository.parents(subject.repo)
    )


def _with_keys(own: Sequence[Own], landed: Graph) -> Iterator[Own]:
    """With keys for those whose id a landed revision has, too, or one of the branch before them.

    A name stands for the nearest one of the branch before: that of a landed one is newer.
    """
    keys: dict[str, str] = {}  # by id, of the last one so far
    used: set[str] = set()
    for one in own:
        key = one.id
        while key in landed or key in used:
            key = f"{key} of {one.path}"
        used.add(key)
        node = replace(
            one.node,
            id=key,
            down=tuple(keys.get(id_, id_) for id_ in one.down),
            depends_on=tuple(keys.get(id_, id_) for id_ in one.depends_on),
        )
        keys[one.id] = key
        yield replace(one, node=node)


def _in_order(
    own: Sequence[Own], landed: Graph, subject: Subject, locations: tuple[str, ...]
) -> list[Own]:
    """In the order in which they came to the branch, and each after those that it names.

    A name that has landed, too, is that of one which came later only where nothing else is.
    """
    commits = _commits(own, subject, locations)
    by_path = {node.path for node in landed.nodes.values()}

    def age(one: Own) -> int:
        is_new = one.must_move and one.path not in by_path
        return len(commits) if is_new else commits.get(one.path, len(commits))

    def waits(one: Own) -> bool:
        names = {*one.down, *one.depends_on} - {one.id}
        named = (other for name in names for other in waiting.get(name, ()))
        return any(other.id not in landed or age(other) <= age(one) for other in named)

    left = sorted(own, key=age)
    waiting: dict[str, list[Own]] = {}
    for one in left:
        waiting.setdefault(one.id, []).append(one)
    found: list[Own] = []
    while left:
        first = next((one for one in left if not waits(one)), left[0])
        left.remove(first)
        waiting[first.id].remove(first)
        found.append(first)
    return found


def _commits(own: Sequence[Own], subject: Subject, locations: tuple[str, ...]) -> dict[str, int]:
    """The number of the commit that brought each path, where that may matter: to more lines."""
    ids = {one.id for one in own}
    roots = [one for one in own if ids.isdisjoint(one.down)]
    if len(roots) < 2 and len(ids) == len(own):
        return {}
    return ranges.added(subject.repo, subject.landed_at, locations)
