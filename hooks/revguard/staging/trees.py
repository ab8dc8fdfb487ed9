"""Read trees: a tree's id in, what it holds, what differs and the contents of blobs out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from revguard.errors import CouldNotCheck, UsageError
from revguard.observed import declares, may_declare
from revguard.staging import plumbing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from revguard.staging.repository import Repository
    from revguard.subprocesses import Completed

NO_COMMIT = 1_577_836_800  # the date where there is no commit yet: 2020-01-01
GITLINK = "160000"
SYMLINK = "120000"
EXECUTABLE = "100755"
_EMPTY_TREES = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}


class Entry(NamedTuple):
    """A file of a tree: its mode, and the id of its blob (of a submodule: its commit)."""

    mode: str
    oid: str


class Change(NamedTuple):
    """What happened to a path: A(dded), M(odified), D(eleted) or T(ype changed)."""

    status: str
    path: str
    old: Entry | None
    new: Entry | None


def empty_tree(oid: str) -> str:
    """The empty tree's id in the repository that `oid` is from (SHA-1 or SHA-256)."""
    return _EMPTY_TREES[len(oid)]


def tree_of(repo: Repository, treeish: str) -> str:
    """The id of the tree that a commit, tag, branch or tree means. UsageError."""
    completed = _rev_parse(repo, treeish + "^{tree}")
    if completed.returncode != 0 and ":" in treeish:  # what follows the colon is a path
        folder = _rev_parse(repo, treeish)
        if folder.returncode == 0:
            completed = _rev_parse(repo, folder.text().strip() + "^{tree}")
    if completed.returncode != 0:
        said = completed.error_text()
        raise UsageError(
            f"{treeish!r} names no tree in this repository" + (f": {said}" if said else ""),
            hint="`git log --oneline --all` shows what there is; a shallow clone needs `git fetch`",
        )
    return completed.text().strip()


def commit_of(repo: Repository, name: str) -> str:
    """The id of the commit that a name means; empty where it means none."""
    found = _rev_parse(repo, name + "^{commit}")
    return found.text().strip() if found.returncode == 0 else ""


def parted(repo: Repository, *commits: str) -> str:
    """The newest commit that the first has in common with any other; empty where there is none."""
    found = plumbing.run(repo, "merge-base", *commits)
    return found.text().strip() if found.returncode == 0 else ""


def date_of(repo: Repository, commit: str) -> int:
    """When a commit was made, in seconds since 1970."""
    return int(plumbing.output(repo, "log", "-1", "--format=%ct", commit))


def _rev_parse(repo: Repository, name: str) -> Completed:
    return plumbing.run(repo, "rev-parse", "--quiet", "--verify", "--end-of-options", name)


def listing(repo: Repository, tree: str) -> dict[str, Entry]:
    """Every file of a tree by its path; submodules are entries too."""
    return {path: entry for path, entry, _ in _entries(repo, tree)}


def listing_with_sizes(repo: Repository, tree: str) -> dict[str, tuple[Entry, int]]:
    """As `listing`, with the size of each blob (-1 for a submodule)."""
    return {path: (entry, size) for path, entry, size in _entries(repo, tree, "--long")}


def changes(repo: Repository, old_tree: str | None, new_tree: str) -> list[Change]:
    """What differs between two trees, None being the empty one; renames are D and A."""
    return parse_changes(plumbing.output(repo, *changes_command(old_tree, new_tree)))


class Reader:
    """Trees of one repository, each asked for once: an id never comes to mean another tree."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self._listings: dict[str, dict[str, Entry]] = {}
        self._changes: dict[tuple[str | None, str], list[Change]] = {}
        self._declaring: dict[str, bool] = {}  # by blob

    def listing(self, tree: str) -> Mapping[str, Entry]:
        """As the function of that name."""
        if tree not in self._listings:
            self._listings[tree] = listing(self.repo, tree)
        return self._listings[tree]

    def changes(self, old_tree: str | None, new_tree: str) -> Sequence[Change]:
        """As the function of that name."""
        key = (old_tree, new_tree)
        if key not in self._changes:
            self._changes[key] = changes(self.repo, old_tree, new_tree)
        return self._changes[key]

    def declaring(self, changes: Iterable[Change]) -> set[str]:
        """Paths of those that look as if they defined a table, before the change or after it."""
        blobs = {
            one.path: [entry.oid for entry in (one.old, one.new) if entry and entry.mode != GITLINK]
            for one in changes
            if may_declare(one.path)
        }
        unknown = {oid for oids in blobs.values() for oid in oids} - set(self._declaring)
        for oid, content in read_blobs(self.repo, unknown).items():
            self._declaring[oid] = declares(content)
        return {path for path, oids in blobs.items() if any(map(self._declaring.get, oids))}


def changes_command(old_tree: str | None, new_tree: str) -> tuple[str, ...]:
    """The git command that compares two trees."""
    return (
        *("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames"),
        *("--no-ext-diff", "--no-textconv", "--ignore-submodules=none"),
        *(old_tree or empty_tree(new_tree), new_tree, "--"),
    )


def parse_changes(raw: bytes) -> list[Change]:
    """The changes that this command prints."""
    fields = raw.split(b"\0")
    pairs = zip(fields[0:-1:2], fields[1::2], strict=True)
    return [_change(meta.decode("ascii"), os.fsdecode(path)) for meta, path in pairs]


def read_blobs(repo: Repository, oids: Iterable[str]) -> dict[str, bytes]:
    """The contents of blobs as they are stored, by id."""
    wanted = list(dict.fromkeys(oids))
    if not wanted:
        return {}
    asked = "".join(f"{oid}\n" for oid in wanted).encode("ascii")
    raw = memoryview(plumbing.output(repo, "cat-file", "--batch", "--buffer", stdin=asked))
    blobs: dict[str, bytes] = {}
    at = 0
    for oid in wanted:
        end = _line_end(raw, at)
        header = bytes(raw[at:end]).decode("ascii").split()
        if len(header) != 3 or header[1] != "blob":
            raise lost(oid)
        size = int(header[2])
        blobs[oid] = bytes(raw[end + 1 : end + 1 + size])
        at = end + 1 + size + 1
    return blobs


def lost(oid: str) -> CouldNotCheck:
    """The error for an object that should be there."""
    return CouldNotCheck(
        f"git does not have the contents of {oid}",
        hint="see what is missing with `git fsck`; a partial clone may need `git fetch`",
    )


def _entries(repo: Repository, tree: str, *options: str) -> Iterable[tuple[str, Entry, int]]:
    raw = plumbing.output(repo, "ls-tree", "-r", "-z", "--full-tree", *options, tree)
    for item in os.fsdecode(raw).split("\0")[:-1]:  # decoding all at once is twice as fast
        meta, path = item.split("\t", 1)
        mode, _, oid, *size = meta.split()
        yield path, Entry(mode, oid), _size(size)


def _size(words: list[str]) -> int:
    # "-" for a submodule, "BAD" for an object that is lost
    return int(words[0]) if words and words[0].isdigit() else -1


def _change(meta: str, path: str) -> Change:
    old_mode, new_mode, old_oid, new_oid, status = meta.removeprefix(":").split()
    old = Entry(old_mode, old_oid) if status != "A" else None
    new = Entry(new_mode, new_oid) if status != "D" else None
    return Change(status, path, old, new)


def _line_end(raw: memoryview, at: int) -> int:
    window = bytes(raw[at : at + 200])
    end = window.find(b"\n")
    if end < 0:
        raise CouldNotCheck("`git cat-file --batch` ended early")
    return at + end
