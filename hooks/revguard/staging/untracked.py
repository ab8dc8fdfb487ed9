"""Scripts that were forgotten: a folder and the judged tree in, the files that it lacks out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from revguard.staging import plumbing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from revguard.staging.repository import Repository

UNTRACKED = "untracked"
UNSTAGED = "unstaged"
IGNORED = "ignored"


class Untracked(NamedTuple):
    """A file of the working tree that the judged tree does not have, and why.

    "unstaged": an index has it, but not the proposed commit (`git add -N`, or staged and left
    out of a `git commit PATH`).
    """

    path: str
    state: str


def untracked(repo: Repository, tree: str, folder: str) -> list[Untracked]:
    """The Python files below a folder of the working tree that are not in `tree`, sorted."""
    folder = folder.strip("/")
    found = sorted(_python_files(repo.toplevel, folder))
    if not found:
        return []
    only = ("--", folder) if folder else ()
    listed = plumbing.output(repo, "ls-tree", "-r", "-z", "--full-tree", "--name-only", tree, *only)
    known = set(plumbing.split(listed))
    missing = [path for path in found if path not in known]
    if not missing:
        return []
    in_index = _in_an_index(repo, only)
    ignored = ignored_of(repo, only)
    return [Untracked(path, _state(path, in_index, ignored)) for path in missing]


def _state(path: str, in_index: set[str], ignored: set[str]) -> str:
    if path in in_index:
        return UNSTAGED
    return IGNORED if path in ignored else UNTRACKED


def _python_files(toplevel: str, folder: str) -> Iterator[str]:
    top = os.path.join(toplevel, folder) if folder else toplevel
    if os.path.realpath(top) != os.path.normpath(top):  # behind a link: no folder of this tree
        return
    for parent, folders, files in os.walk(top):
        relative = os.path.relpath(parent, toplevel)
        prefix = "" if relative == os.curdir else relative.replace(os.sep, "/") + "/"
        nested = (name for name in folders if os.path.lexists(os.path.join(parent, name, ".git")))
        skipped = {".git", "__pycache__", *nested}
        folders[:] = [name for name in folders if name not in skipped]
        yield from (prefix + name for name in files if name.endswith(".py"))


def _in_an_index(repo: Repository, only: Iterable[str]) -> set[str]:
    # in `git commit PATH` the hook's index is one of the commit alone
    indexes = dict.fromkeys((repo.index_file, os.path.join(repo.git_dir, "index")))
    listed = (plumbing.output(repo, "ls-files", "-z", *only, index=index) for index in indexes)
    return {path for paths in listed for path in plumbing.split(paths)}


def ignored_of(repo: Repository, only: Iterable[str]) -> set[str]:
    """Untracked files that the ignore rules name; `only` is `--` and the paths to look at."""
    # check-ignore cannot take literal paths
    listed = plumbing.output(
        repo, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", *only
    )
    return set(plumbing.split(listed))
