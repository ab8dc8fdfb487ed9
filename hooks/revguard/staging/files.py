"""Files of the working tree: a path and a content in, all of the file or nothing out."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import TYPE_CHECKING

from revguard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from revguard.staging.repository import Repository

SUFFIX = "revguard-new"  # of a file that has not its name yet


def full_path(repo: Repository, relative_path: str) -> str:
    """Where a file of the repository lies. UsageError for a path that is none of its own."""
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


def read(path: str) -> bytes | None:
    """What a regular file holds; None where there is nothing. OSError for anything else."""
    if not os.path.lexists(path):
        return None
    if os.path.islink(path) or not os.path.isfile(path):
        raise OSError(0, "it is no regular file")
    with open(path, "rb") as file:
        return file.read()


def is_there(path: str, shown: str, content: bytes) -> bool:
    """Whether the file is there with this content. UsageError where there is another one."""
    try:
        found = read(path)
    except OSError:
        raise exists(shown) from None
    if found is not None and found != content:
        raise exists(shown)
    return found is not None


def exists(shown: str) -> UsageError:
    """The error for a file that lies where another one is to be."""
    return UsageError(
        f"{shown} exists already, with another content: it was not touched",
        hint=f"stage it if it is what you want, `git add -- {shown}`, or move it away",
    )


def missing_folders(folder: str) -> list[str]:
    """The folders that have to be made for this one to be there, the outermost first."""
    missing: list[str] = []
    while not os.path.isdir(folder):
        missing.insert(0, folder)
        folder = os.path.dirname(folder)
    return missing


def make_folders(folder: str, undo: list[Callable[[], None]]) -> None:
    """Make a folder and those above it; `undo` gets what removes the new ones."""
    for name in missing_folders(folder):
        with contextlib.suppress(FileExistsError):  # somebody else made it just now
            os.mkdir(name)
            undo.append(functools.partial(os.rmdir, name))


def rename_new(source: str, target: str) -> None:
    """Give a file its name, unless there is one of that name: FileExistsError."""
    try:
        os.link(source, target)  # unlike rename, it fails where there is a file
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        os.rename(source, target)


def forget_bytecode(path: str) -> None:
    """Remove what Python compiled from a script: it tells by size and second what is stale, and
    with `sourceless = true` Alembic takes the bytecode of a script that is gone for a script."""
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    cache = os.path.join(folder, "__pycache__")
    if extension != ".py" or os.path.islink(cache):
        return
    with contextlib.suppress(OSError):
        for found in os.listdir(cache):
            if found.startswith(f"{stem}.") and found.endswith(".pyc"):
                os.unlink(os.path.join(cache, found))
