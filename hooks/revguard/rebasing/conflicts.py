"""A merge or a rebase of git's that stopped: the unmerged paths of the index in, for each script
its own side out, and a tree in which all of it stands somehow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from revguard.errors import UsageError
from revguard.history.compare import same_meaning
from revguard.history.reading import node_of
from revguard.history.rewording import NotPlain, Words, reworded
from revguard.history.script import parse
from revguard.rebasing.values import Own, is_number
from revguard.staging import entries, plumbing, ranges, trees
from revguard.staging.entries import Entry
from revguard.staging.repository import Repository

Stages = Mapping[str, Entry]  # "1": the common ancestor; which of "2" and "3" is ours depends


def unmerged(repo: Repository) -> dict[str, dict[str, Entry]]:
    """The entries of each unmerged path, by stage."""
    listed = plumbing.split(plumbing.output(repo, "ls-files", "--unmerged", "-z"))
    paths = tuple(dict.fromkeys(item.partition("\t")[2] for item in listed))
    if not paths:
        return {}
    found = entries.at(repo, repo.index_file, paths)
    return {path: {one.stage: one for one in found[path]} for path in paths}


def provisional(
    stages: Mapping[str, Stages], landed: Mapping[str, trees.Entry]
) -> dict[str, tuple[str, str]]:
    """One entry for each unmerged path, as (mode, oid): what has landed, else what is there."""
    found = {}
    for path, sides in stages.items():
        side = sides.get("2") or sides.get("3") or sides["1"]
        entry = landed.get(path)
        found[path] = (side.mode, side.oid) if entry is None else (entry.mode, entry.oid)
    return found


def refuse_others(paths: Iterable[str], stages: Mapping[str, Stages]) -> None:
    """UsageError for conflicts that are none of revision scripts."""
    known = set(paths)
    others = tuple(path for path in stages if path not in known)
    if others:
        raise UsageError(
            f"there are unmerged paths: {ranges.shown(others)}",
            hint="resolve these and `git add` them; those of revision scripts may stay as they are",
        )


def own_sides(
    repo: Repository, path: str, sides: Stages, landed: trees.Entry | None, base_name: str
) -> list[Own]:
    """The branch's scripts of an unmerged path; none where it is what has landed, elsewhere.

    In a rebase of git's ours and theirs swap, so the landed side is known by its content.
    """
    if landed is None:
        return _edited_on_both_sides(repo, path, sides)
    others = [sides[name] for name in ("2", "3") if name in sides and sides[name].oid != landed.oid]
    count = len([name for name in ("2", "3") if name in sides])
    if "1" in sides or len(others) != 1 or count != 2:
        raise _by_hand(path, f"it has landed: `git checkout {base_name} -- {path}` brings it back")
    blobs = trees.read_blobs(repo, [others[0].oid, landed.oid])
    text = blobs[others[0].oid]
    if same_elsewhere(text, blobs[landed.oid]):
        return []
    return [_own(path, others[0].oid, (text,), must_move=True)]


def same_elsewhere(text: bytes, landed: bytes) -> bool:
    """Whether a script differs from one that has landed at most in what it goes on top of."""
    ours, theirs = parse(text), parse(landed)
    if ours.revision != theirs.revision or None in (theirs.down, theirs.depends_on):
        return False
    words = Words(down_revision=theirs.down)
    if ours.depends_on != theirs.depends_on:
        words = replace(words, depends_on=theirs.depends_on)
    try:
        return same_meaning(reworded(text, words), landed)
    except NotPlain:
        return False


def _edited_on_both_sides(repo: Repository, path: str, sides: Stages) -> list[Own]:
    if "2" not in sides or "3" not in sides:
        raise _by_hand(path, "one side has removed or renamed it")
    oids = [sides[name].oid for name in ("2", "3", "1") if name in sides]
    blobs = trees.read_blobs(repo, oids)
    ours, theirs, *_ = texts = tuple(blobs[oid] for oid in oids)
    if "1" not in sides and _are_two(ours, theirs):  # a number that an earlier commit has moved to
        return [_own(path, oids[0], (ours,)), _own(path, oids[1], (theirs,), must_move=True)]
    return [_own(path, oids[0], texts)]


def _are_two(ours: bytes, theirs: bytes) -> bool:
    id_ = parse(ours).revision
    return id_ is not None and is_number(id_) and not same_elsewhere(ours, theirs)


def _own(path: str, oid: str, texts: tuple[bytes, ...], *, must_move: bool = False) -> Own:
    nodes = [node_of(path, oid, parse(text)) for text in texts]
    first = nodes[0]
    if first is None or any(node is None or node.id != first.id for node in nodes):
        raise _by_hand(path, "the two sides are different revisions")
    return Own(
        node=first,
        id=first.id,
        down=first.down,
        depends_on=first.depends_on,
        texts=texts,
        must_move=must_move,
    )


def _by_hand(path: str, why: str) -> UsageError:
    return UsageError(
        f"the conflict in {path} has to be resolved by hand: {why}",
        hint=f"then `git add -- {path}`, and `revguard rebase` again",
    )
