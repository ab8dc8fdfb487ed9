"""Folders and a command in; the folder copied, the command run in our place, all in one process.

A script of its own (it imports nothing of ours): the copy runs beside the caller's other work.
"""

from __future__ import annotations

import errno
import os
import sys

NO_SPACE = 91
UNREADABLE = 92

_CHUNK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def copy_folder(source: str, target: str, owner: tuple[int, int] | None = None) -> int:
    """Copy a folder of plain files; the bytes copied. `owner`: (uid, gid) of the copies."""
    os.mkdir(target, 0o700)
    if owner is not None:
        os.chown(target, *owner)
    total = 0
    with os.scandir(source) as entries:
        for entry in entries:
            path = os.path.join(target, entry.name)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), path)
            elif entry.is_dir():
                total += copy_folder(entry.path, path, owner)
            else:
                total += copy_file(entry.path, path, owner)
    return total


def copy_file(source: str, target: str, owner: tuple[int, int] | None = None) -> int:
    """Copy one file, sharing its blocks where the file system can."""
    reading = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        found = os.fstat(reading)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        writing = os.open(target, flags, found.st_mode & 0o777)
        try:
            if owner is not None:
                os.fchown(writing, *owner)
            return _copy_bytes(reading, writing, found.st_size)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _copy_bytes(reading: int, writing: int, size: int) -> int:
    done = 0
    if size > _CHUNK and hasattr(os, "copy_file_range"):
        try:
            while done < size:
                step = os.copy_file_range(reading, writing, size - done)
                if not step:
                    break
                done += step
        except OSError as error:
            if error.errno in _FULL:
                raise
    while True:
        chunk = os.read(reading, _CHUNK) if size else b""
        if not chunk:
            return done
        done += len(chunk)
        while chunk:
            chunk = chunk[os.write(writing, chunk) :]


def remove_tree(folder: str) -> None:
    """Remove a folder with all that is in it."""
    for path, folders, files in os.walk(folder, topdown=False):
        for name in files:
            os.unlink(os.path.join(path, name))
        for name in folders:
            inner = os.path.join(path, name)
            (os.unlink if os.path.islink(inner) else os.rmdir)(inner)
    if os.path.isdir(folder):
        os.rmdir(folder)


def first_copy(source: str, targets: list[str], owner: tuple[int, int] | None) -> str:
    """Copy into the first of `targets` that has the space for it."""
    target, *others = targets
    try:
        copy_folder(source, target, owner)
    except OSError as error:
        remove_tree(target)
        if error.errno not in _FULL or not others:
            raise
        return first_copy(source, others, owner)
    return target


def main(arguments: list[str]) -> int:
    """`uid:gid SOURCE TARGET... -- COMMAND...`; `{data}` in the command is the copy."""
    cut = arguments.index("--")
    account, source, *targets = arguments[:cut]
    owner = None
    if account:
        uid, _, gid = account.partition(":")
        owner = int(uid), int(gid)
    try:
        data = first_copy(source, targets, owner)
    except OSError as error:
        sys.stderr.write(f"{error.filename or source}: {error.strerror}\n")
        return NO_SPACE if error.errno in _FULL else UNREADABLE
    if owner is not None:
        os.setgroups([])
        os.setgid(owner[1])
        os.setuid(owner[0])
    command = [word.replace("{data}", data) for word in arguments[cut + 1 :]]
    return os.execv(command[0], command)  # noqa: S606 - it returns only by an OSError


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
