"""Add a new file to the proposed commit: path and content in, a staged file or nothing out."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import time
from typing import TYPE_CHECKING

from revguard import subprocesses
from revguard.errors import CouldNotCheck, Interrupted, UsageError
from revguard.staging import plumbing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from revguard.staging.repository import Repository

_PARTIAL = re.compile(r"next-index-\d+\.lock")
_EMPTY_BLOBS = {
    40: "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    64: "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
}
_QUIET = {"core.safecrlf": "false"}
_LONGEST = 60.0  # seconds for a git that cannot be interrupted
_PATIENCE = 3.0  # seconds that another git may hold the index (an editor's `git status`)


def add_file(repo: Repository, relative_path: str, content: bytes) -> None:
    """Write a new file and stage it, and only it, in whichever index git commits from.

    A file that is there with this very content is just staged. UsageError where there is another
    one of that name; then, and after any failure or interrupt, nothing was written or staged.
    """
    # a git that is killed while it writes the index leaves its lock behind, and the user's git
    # would refuse to work
    signals = subprocesses.Held()
    try:
        with signals, write_file(repo, relative_path, content):
            _stage(repo, relative_path, content, signals.came)
    finally:
        signals.deliver()


@contextlib.contextmanager
def write_file(repo: Repository, relative_path: str, content: bytes) -> Iterator[str]:
    """Write a new file without staging it; what the block raises takes it back. The full path."""
    path = _refuse_bad_path(repo, relative_path)
    undo: list[Callable[[], None]] = []
    try:
        if not _is_there(path, relative_path, content):
            _create(path, relative_path, content, undo)
        yield path
    except BaseException:
        for action in reversed(undo):
            with contextlib.suppress(OSError):
                action()
        raise


def is_written(repo: Repository, relative_path: str, content: bytes) -> bool:
    """Whether the file lies in the working tree already, with this very content."""
    try:
        return _is_there(os.path.join(repo.toplevel, relative_path), relative_path, content)
    except (OSError, UsageError):
        return False


def indexes(repo: Repository) -> tuple[str, ...]:
    """The index files that a new file goes into.

    In `git commit PATH` these are two: that of the commit, and the one that becomes the user's
    after it. Without the second, the next plain commit would delete the file.
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


def _refuse_bad_path(repo: Repository, relative_path: str) -> str:
    names = relative_path.split("/")
    if any(name in {"", ".", ".."} or name.lower() == ".git" for name in names):
        raise UsageError(f"{relative_path!r} is not the path of a file in the repository")
    folder = repo.toplevel
    for name in names[:-1]:
        folder = os.path.join(folder, name)
        if os.path.islink(folder):
            raise UsageError(f"{relative_path} lies behind the symbolic link {folder}")
        if os.path.lexists(os.path.join(folder, ".git")):
            raise UsageError(
                f"{relative_path} lies in another repository, {folder}",
                hint=f"run it there: `revguard -C {folder}`",
            )
        if os.path.lexists(folder) and not os.path.isdir(folder):
            raise UsageError(f"{relative_path} cannot be written: {folder} is no folder")
    return os.path.join(folder, names[-1])


def _is_there(path: str, shown: str, content: bytes) -> bool:
    if not os.path.lexists(path):
        return False
    if os.path.isfile(path) and not os.path.islink(path):
        with open(path, "rb") as file:
            if file.read() == content:
                return True
    raise _exists(shown)


def _exists(shown: str) -> UsageError:
    return UsageError(
        f"{shown} exists already, with another content: it was not touched",
        hint=f"stage it if it is what you want, `git add -- {shown}`, or move it away",
    )


def _create(path: str, shown: str, content: bytes, undo: list[Callable[[], None]]) -> None:
    """All of the file or nothing, and never over another one."""
    temporary = f"{path}.{os.getpid()}.revguard-new"
    try:
        _make_folders(os.path.dirname(path), undo)
        with open(temporary, "wb") as file:
            file.write(content)
        undo.append(functools.partial(_take_back, path, content))
        _rename(temporary, path)
    except FileExistsError:
        undo.pop()
        raise _exists(shown) from None
    except OSError as error:
        raise CouldNotCheck(f"{shown} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _make_folders(folder: str, undo: list[Callable[[], None]]) -> None:
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for name in reversed(missing):
        with contextlib.suppress(FileExistsError):  # somebody else made it just now
            os.mkdir(name)
            undo.append(functools.partial(os.rmdir, name))


def _rename(source: str, target: str) -> None:
    try:
        os.link(source, target)  # unlike rename, it fails where there is a file
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        os.rename(source, target)


def _take_back(path: str, content: bytes) -> None:
    with open(path, "rb") as file:
        if file.read() != content:  # somebody has edited it meanwhile: theirs
            return
    os.unlink(path)


def _stage(repo: Repository, path: str, content: bytes, came: list[int]) -> None:
    oid = _object(repo, path, content)
    staged = {index: _staged_oid(repo, index, path) for index in indexes(repo)}
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


def _object(repo: Repository, path: str, content: bytes) -> str:
    """The id that git gives to the file, after its filters."""
    asked = ("hash-object", "--stdin", f"--path={path}")
    return os.fsdecode(plumbing.output(repo, *asked, stdin=content, config=_QUIET)).strip()


def _staged_oid(repo: Repository, index: str, path: str) -> str:
    """What an index has at a path: "" for nothing; the empty blob may be `git add -N`."""
    listed = plumbing.output(repo, "ls-files", "--stage", "-z", "--", path, index=index)
    items = [item.split("\t")[0].split() for item in plumbing.split(listed)]
    if len(items) != 1:
        return "unmerged" if items else ""
    return items[0][1]


def _update(repo: Repository, index: str, arguments: tuple[str, ...], path: str) -> None:
    """Change one entry of the user's index, with the user's configuration of it."""
    until = time.monotonic() + _PATIENCE
    while True:
        completed = subprocesses.run(
            ["git", "-c", "core.safecrlf=false", *arguments],
            cwd=repo.toplevel,
            environ=plumbing.inside(repo, index=index),
            stdin=plumbing.join([path]),
            timeout=_LONGEST,
        )
        if completed.returncode == 0:
            return
        said = completed.error_text()
        locked = os.path.exists(f"{index}.lock") or f"{os.path.basename(index)}.lock" in said
        if not locked or time.monotonic() > until:
            raise CouldNotCheck(
                f"git cannot stage {path}: {said}",
                hint="if no other git is at work here, remove the lock file that it names",
            )
        time.sleep(0.05)
