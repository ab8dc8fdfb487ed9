"""Add a new file to the proposed commit: path and content in, a staged file or nothing out."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING

from revguard import subprocesses
from revguard.errors import CouldNotCheck, Interrupted, UsageError
from revguard.staging import entries, files, plumbing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from revguard.staging.repository import Repository

_EMPTY_BLOBS = {
    40: "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    64: "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
}


def add_file(repo: Repository, relative_path: str, content: bytes) -> None:
    """Write a new file and stage it, and only it, in whichever index git commits from.

    A file that is there with this very content is just staged. UsageError where there is another
    one of that name; then, and after any failure or interrupt, nothing was written or staged.
    """
    # a git that is killed while it writes the index leaves its lock behind, and the user's git
    # would refuse to work
    signals = subprocesses.Held()
    try:
        with signals:
            with write_file(repo, relative_path, content):
                _stage(repo, relative_path, content, signals.came)
            signals.settle()
    finally:
        signals.deliver()


@contextlib.contextmanager
def write_file(repo: Repository, relative_path: str, content: bytes) -> Iterator[str]:
    """Write a new file without staging it; what the block raises takes it back. The full path."""
    path = files.full_path(repo, relative_path)
    undo: list[Callable[[], None]] = []
    try:
        if not files.is_there(path, relative_path, content):
            _create(path, relative_path, content, undo)
        yield path
    except BaseException:
        for action in reversed(undo):
            with contextlib.suppress(OSError):
                action()
        raise


def overwrite_file(repo: Repository, relative_path: str, content: bytes) -> None:
    """Put another content into a tracked file without staging it. UsageError where it has
    unstaged edits."""
    path = files.full_path(repo, relative_path)
    if files.read(path) == content:
        return
    if entries.unstaged(repo, repo.index_file, [relative_path]):
        raise UsageError(
            f"{relative_path} has changes that are not staged: it was not touched",
            hint=f"stage them with `git add -- {relative_path}`, or drop them with "
            f"`git restore -- {relative_path}`",
        )
    temporary = f"{path}.{os.getpid()}.{files.SUFFIX}"
    try:
        with open(temporary, "wb") as file:
            file.write(content)
        os.chmod(temporary, os.stat(path).st_mode & 0o777)
        os.replace(temporary, path)
    except OSError as error:
        raise CouldNotCheck(f"{relative_path} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    files.forget_bytecode(path)


def is_written(repo: Repository, relative_path: str, content: bytes) -> bool:
    """Whether the file lies in the working tree already, with this very content."""
    try:
        return files.is_there(os.path.join(repo.toplevel, relative_path), relative_path, content)
    except (OSError, UsageError):
        return False


def _create(path: str, shown: str, content: bytes, undo: list[Callable[[], None]]) -> None:
    """All of the file or nothing, and never over another one."""
    temporary = f"{path}.{os.getpid()}.{files.SUFFIX}"
    try:
        files.make_folders(os.path.dirname(path), undo)
        with open(temporary, "wb") as file:
            file.write(content)
        undo.append(functools.partial(_take_back, path, content))
        files.rename_new(temporary, path)
    except FileExistsError:
        undo.pop()
        raise files.exists(shown) from None
    except OSError as error:
        raise CouldNotCheck(f"{shown} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _take_back(path: str, content: bytes) -> None:
    with open(path, "rb") as file:
        if file.read() != content:  # somebody has edited it meanwhile: theirs
            return
    os.unlink(path)


def _stage(repo: Repository, path: str, content: bytes, came: list[int]) -> None:
    oid = entries.oid_of(repo, path, content)
    staged = {index: _staged_oid(repo, index, path) for index in entries.indexes(repo)}
    for found in staged.values():
        if found not in {oid, "", _EMPTY_BLOBS[len(oid)]}:
            raise UsageError(
                f"{path} is staged already, with another content",
                hint=f"look at it with `git diff --cached -- {path}`",
            )
    tried: list[str] = []
    try:
        for index in (index for index, found in staged.items() if found != oid):
            tried.append(index)
            _update(repo, index, ("update-index", "--add", "-z", "--stdin"), path)
            if came:
                raise Interrupted
    except BaseException:
        for index in tried:
            _unstage(repo, index, path, intended=bool(staged[index]))
        raise


def _unstage(repo: Repository, index: str, path: str, *, intended: bool) -> None:
    with contextlib.suppress(CouldNotCheck):
        _update(repo, index, ("update-index", "--force-remove", "-z", "--stdin"), path)
        if intended:
            again = ("add", "--intent-to-add", "--force", "--pathspec-from-file=-")
            _update(repo, index, (*again, "--pathspec-file-nul"), path)


def _staged_oid(repo: Repository, index: str, path: str) -> str:
    """What an index has at a path: "" for nothing; the empty blob may be `git add -N`."""
    found = entries.at(repo, index, [path]).get(path, ())
    if len(found) != 1:
        return "unmerged" if found else ""
    return found[0].oid


def _update(repo: Repository, index: str, arguments: tuple[str, ...], path: str) -> None:
    entries.update(repo, index, arguments, plumbing.join([path]))
