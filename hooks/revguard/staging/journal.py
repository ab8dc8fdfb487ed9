"""What a rewriting is about to change: noted in the git folder before, found by a later run."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from revguard.errors import CouldNotCheck
from revguard.staging.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from revguard.staging.repository import Repository

NAME = "revguard-rewriting.json"  # fast.py looks for it, too
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One path: what it is to hold and what it held before, None where there is no file."""

    path: str
    new: bytes | None
    old: bytes | None
    permissions: int | None = None  # of the old file
    entries: tuple[Entry, ...] = ()  # what was staged before
    intended: bool = False  # by `git add -N`


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A change of several files that is made as one."""

    token: str  # in the names of the files that have not their own yet
    head: str | None
    changes: tuple[Change, ...]
    folders: tuple[str, ...] = ()  # to be made, absolute


@contextlib.contextmanager
def noted(repo: Repository, journal: Journal) -> Iterator[None]:
    """Keep the journal on disk, until the block ends well. CouldNotCheck."""
    path = _path(repo)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise busy() from None
    except OSError as error:
        raise CouldNotCheck(f"{path} cannot be written: {error.strerror}") from error
    try:
        if not _is_held(descriptor, path):
            raise busy()
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(_written(journal))
                file.flush()
                os.fsync(descriptor)
        except OSError as error:
            os.unlink(path)
            raise CouldNotCheck(f"{path} cannot be written: {error.strerror}") from error
        _sync_folder(repo.git_dir)
        yield
        forget(repo)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def abandoned(repo: Repository) -> Iterator[Journal | None]:
    """The journal of a run that died, for `forget` once it is dealt with; None where there is none.

    CouldNotCheck where another run is at work.
    """
    path = _path(repo)
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    try:
        if not _is_held(descriptor, path):
            raise busy()
        with open(descriptor, "rb", closefd=False) as file:
            found = _read(file.read(), path)
        if found is None:
            forget(repo)
        yield found
    finally:
        os.close(descriptor)


def is_there(repo: Repository) -> bool:
    """Whether a rewriting is under way, or was when its run died."""
    return os.path.exists(_path(repo))


def forget(repo: Repository) -> None:
    """There is nothing to take back any more."""
    os.unlink(_path(repo))


def busy() -> CouldNotCheck:
    """The error for two runs at once."""
    return CouldNotCheck(
        "another revguard is changing files of this working tree right now",
        hint="run it again when that has ended",
    )


def _path(repo: Repository) -> str:
    return os.path.join(repo.git_dir, NAME)


def _is_held(descriptor: int, path: str) -> bool:
    """Lock the file, unless another has it or removed it meanwhile."""
    from revguard import runs

    with contextlib.suppress(OSError):
        held = runs.lock(descriptor, wait=False)
        return held and os.path.samestat(os.fstat(descriptor), os.stat(path))
    return False


def _sync_folder(folder: str) -> None:
    with contextlib.suppress(OSError):  # not on Windows
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _written(journal: Journal) -> bytes:
    data = {
        "format": _FORMAT,
        "token": journal.token,
        "head": journal.head,
        "folders": journal.folders,
        "changes": [
            {
                "path": one.path,
                "new": _as_text(one.new),
                "old": _as_text(one.old),
                "permissions": one.permissions,
                "entries": one.entries,
                "intended": one.intended,
            }
            for one in journal.changes
        ],
    }
    return json.dumps(data).encode("ascii")


def _read(text: bytes, path: str) -> Journal | None:
    try:
        data = json.loads(text)
    except ValueError:  # its run died while it wrote it, before it changed anything
        return None
    if data["format"] != _FORMAT:
        raise CouldNotCheck(
            f"{path} was left by another version of revguard, which was killed while it changed "
            "files",
            hint="run that version again, or look at `git status` and remove the file",
        )
    return Journal(
        token=data["token"],
        head=data["head"],
        folders=tuple(data["folders"]),
        changes=tuple(map(_change, data["changes"])),
    )


def _change(data: dict[str, Any]) -> Change:
    return Change(
        path=data["path"],
        new=_as_bytes(data["new"]),
        old=_as_bytes(data["old"]),
        permissions=data["permissions"],
        entries=tuple(Entry(*one) for one in data["entries"]),
        intended=data["intended"],
    )


def _as_text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode("ascii")


def _as_bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
