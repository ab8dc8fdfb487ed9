"""Write files: a folder and a plan in, files on disk and the submodules that stay empty out."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from typing import TYPE_CHECKING

from revguard.errors import RevguardError
from revguard.staging import blobs, plans, plumbing, repository, trees

if TYPE_CHECKING:
    from collections.abc import Iterable

    from revguard.staging.plans import Plan
    from revguard.staging.repository import Repository
    from revguard.staging.trees import Entry

ATTRIBUTES = ".gitattributes"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def fill(repo: Repository, folder: str, plan: Plan) -> set[str]:
    """Carry out a plan; the submodules for which there is only an empty folder."""
    for path in plan.remove:
        _remove(os.path.join(folder, path))
    _prune(folder, plan.remove)
    _make_folders(folder, (path for path, _ in plan.write))
    links = [item for item in plan.write if item[1].mode == trees.SYMLINK]
    files = [item for item in plan.write if item[1].mode not in {trees.SYMLINK, trees.GITLINK}]
    # git reads these while it converts the others
    first = [item for item in files if item[0].rpartition("/")[2] == ATTRIBUTES]
    others = [item for item in files if item[0].rpartition("/")[2] != ATTRIBUTES]
    _write_plain(repo, folder, first)
    _write_converted(repo, folder, others)
    _write_links(repo, folder, links)
    return {
        path
        for path, entry in plan.write
        if entry.mode == trees.GITLINK and not _write_submodule(repo, folder, path, entry.oid)
    }


def is_checked_out(repo: Repository, submodule: str) -> bool:
    """Whether the working tree has more of a submodule than its folder."""
    return os.path.lexists(os.path.join(repo.toplevel, submodule, ".git"))


def _write_plain(repo: Repository, folder: str, files: list[tuple[str, Entry]]) -> None:
    contents = trees.read_blobs(repo, (entry.oid for _, entry in files))
    for path, entry in files:
        _write_file(os.path.join(folder, path), contents[entry.oid], entry)


def _write_converted(repo: Repository, folder: str, files: list[tuple[str, Entry]]) -> None:
    entries = dict(files)
    wanted = [blobs.Wanted(path, entry.oid) for path, entry in files]
    for path, content in blobs.as_checked_out(repo, wanted, folder):
        _write_file(os.path.join(folder, path), content, entries[path])


def _write_links(repo: Repository, folder: str, links: list[tuple[str, Entry]]) -> None:
    targets = trees.read_blobs(repo, (entry.oid for _, entry in links))
    for path, entry in links:
        full = os.path.join(folder, path)
        _remove(full)
        try:
            os.symlink(os.fsdecode(targets[entry.oid]), full)
        except (OSError, NotImplementedError):
            if os.name != "nt":
                raise
            _write_file(full, targets[entry.oid], entry)  # as git does without symlinks


def _write_file(path: str, content: bytes, entry: Entry) -> None:
    mode = 0o777 if entry.mode == trees.EXECUTABLE else 0o666
    try:
        handle = os.open(path, _FLAGS, mode)
    except FileExistsError:  # never written in place: it may be linked to something else
        _remove(path)
        handle = os.open(path, _FLAGS, mode)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
    finally:
        os.close(handle)
    seconds = plans.modified_at(entry.oid)
    os.utime(path, (seconds, seconds))


def _write_submodule(repo: Repository, folder: str, path: str, commit: str) -> bool:
    """The submodule's files from its own objects; False where only the folder can be made."""
    target = os.path.join(folder, path)
    _remove(target)
    os.mkdir(target)
    source = os.path.join(repo.toplevel, path)
    if not is_checked_out(repo, path):
        return False
    try:
        inner = repository.find(source, plumbing.outside(repo.environ))
        if inner.toplevel != os.path.realpath(source):
            return False
        wanted = trees.listing_with_sizes(inner, trees.tree_of(inner, commit))
    except RevguardError:  # another commit is checked out, and this one was never fetched
        return False
    fill(inner, target, plans.of_survey(target, wanted, keep=False, sizes=False))
    return True


def _make_folders(top: str, paths: Iterable[str]) -> None:
    made = {""}
    for path in paths:
        missing = []
        parent = path.rpartition("/")[0]
        while parent not in made:
            missing.append(parent)
            made.add(parent)
            parent = parent.rpartition("/")[0]
        for folder in reversed(missing):
            _make_folder(os.path.join(top, folder))


def _make_folder(path: str) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(path).st_mode):  # a link would lead out of the checkout
            os.unlink(path)
            os.mkdir(path)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except (IsADirectoryError, PermissionError):
        if not os.path.isdir(path) or os.path.islink(path):
            raise
        shutil.rmtree(path)


def _prune(top: str, removed: Iterable[str]) -> None:
    """Remove the folders in which nothing is left but bytecode: they would still be packages."""
    for parent in sorted({path.rpartition("/")[0] for path in removed}, reverse=True):
        folder = parent
        while folder and _is_empty(os.path.join(top, folder)):
            shutil.rmtree(os.path.join(top, folder))
            folder = folder.rpartition("/")[0]


def _is_empty(folder: str) -> bool:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return set(os.listdir(folder)) <= {plans.BYTECODE}
    return False
