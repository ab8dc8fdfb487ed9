"""Entries of the index that git commits from: paths in, what is staged there or a change out."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from revguard import subprocesses
from revguard.errors import CouldNotCheck
from revguard.staging import plumbing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from revguard.staging.repository import Repository

_PARTIAL = re.compile(r"next-index-\d+\.lock")
_LONGEST = 60.0  # seconds for a git that cannot be interrupted
_PATIENCE = 3.0  # seconds that another git may hold the index (an editor's `git status`)
_ADD_OR_REMOVE = ("update-index", "--add", "--remove", "-z", "--stdin")


class Entry(NamedTuple):
    """One entry of a path: a merge with conflicts leaves up to three, of the stages 1 to 3."""

    mode: str
    oid: str
    stage: str
    hidden: bool = False  # git does not look at the file: assume-unchanged or skip-worktree


def indexes(repo: Repository) -> tuple[str, ...]:
    """The index files that a change goes into.

    In `git commit PATH` these are two: that of the commit, and the one that becomes the user's
    after it. Without the second, the next plain commit would take the change back.
    """
    folder, name = os.path.split(repo.index_file)
    if _PARTIAL.fullmatch(name):
        return (repo.index_file, os.path.join(folder, "index.lock"))
    return (repo.index_file,)


def unstaged_after(repo: Repository) -> str:
    """What has to be typed for the user's index to hold what this hook sees; empty where it does.

    A blocked `git commit -a` or `git commit PATH` takes back what it staged.
    """
    name = os.path.basename(repo.index_file)
    if _PARTIAL.fullmatch(name):
        return "`git add` what you commit"
    return "`git add -u`" if name == "index.lock" else ""


def at(repo: Repository, index: str, paths: Sequence[str]) -> dict[str, tuple[Entry, ...]]:
    """What an index has at these paths; what it has not is left out."""
    listed = plumbing.output(repo, "ls-files", "-v", "--stage", "-z", "--", *paths, index=index)
    wanted = set(paths)
    found: dict[str, tuple[Entry, ...]] = {}
    for item in plumbing.split(listed):
        meta, _, path = item.partition("\t")
        tag, mode, oid, stage = meta.split()
        if path in wanted:  # and not in a folder of that name
            hidden = tag == "S" or tag.islower()
            found[path] = (*found.get(path, ()), Entry(mode, oid, stage, hidden))
    return found


def oid_of(repo: Repository, path: str, content: bytes, *, write: bool = False) -> str:
    """The id that git gives to the file, after its filters; with `write` it has the blob, too."""
    asked = ("hash-object", *(("-w",) if write else ()), "--stdin", f"--path={path}")
    said = plumbing.output(repo, *asked, stdin=content, config={"core.safecrlf": "false"})
    return said.decode("ascii").strip()


def unstaged(repo: Repository, index: str, paths: Sequence[str]) -> dict[str, str]:
    """How the files on disk differ from what is staged: by path git's letter, A for one that is
    only intended to be added."""
    forms = ("--name-status", "--no-renames", "--no-ext-diff", "--no-textconv", "-z")
    listed = plumbing.output(
        repo, "diff", *forms, "--", *paths, index=index, config={"diff.autoRefreshIndex": "true"}
    )
    items = plumbing.split(listed)
    return dict(zip(items[1::2], items[::2], strict=True))


def stage(repo: Repository, index: str, paths: Iterable[str]) -> None:
    """Take these files as they are on disk, and away what is not there, as one step."""
    update(repo, index, _ADD_OR_REMOVE, plumbing.join(paths))


def make_executable(repo: Repository, index: str, paths: Sequence[str]) -> None:
    """In the index, also where the file system cannot tell."""
    if paths:
        words = ("update-index", "--chmod=+x", "-z", "--stdin")
        update(repo, index, words, plumbing.join(paths))


def restore(repo: Repository, index: str, wanted: Iterable[tuple[str, Sequence[Entry]]]) -> None:
    """Put entries into an index as one step, in place of whatever there is at their paths."""
    lines = []
    for path, entries in wanted:
        width = len(entries[0].oid) if entries else 40
        lines.append(f"0 {'0' * width}\t{path}")
        lines += [f"{one.mode} {one.oid} {one.stage}\t{path}" for one in entries]
    update(repo, index, ("update-index", "-z", "--index-info"), plumbing.join(lines))


def intend(repo: Repository, index: str, paths: Iterable[str]) -> None:
    """As `git add -N`."""
    words = ("add", "--intent-to-add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul")
    update(repo, index, words, plumbing.join(paths))


def update(repo: Repository, index: str, arguments: Sequence[str], stdin: bytes) -> None:
    """Change the user's index, with the user's configuration of it."""
    until = time.monotonic() + _PATIENCE
    while True:
        completed = subprocesses.run(
            ["git", "-c", "core.safecrlf=false", *arguments],
            cwd=repo.toplevel,
            environ=plumbing.inside(repo, index=index),
            stdin=stdin,
            timeout=_LONGEST,
        )
        if completed.returncode == 0:
            return
        said = completed.error_text()
        locked = os.path.exists(f"{index}.lock") or f"{os.path.basename(index)}.lock" in said
        if not locked or time.monotonic() > until:
            shown = ", ".join(plumbing.split(stdin)[-1:]).rpartition("\t")[2]
            raise CouldNotCheck(
                f"git cannot stage {shown}: {said}",
                hint="if no other git is at work here, remove the lock file that it names",
            )
        time.sleep(0.05)
