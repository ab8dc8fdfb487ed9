"""What to do in a folder so that it holds a tree: the tree and the folder in, a plan out."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from revguard.errors import CouldNotCheck
from revguard.staging import trees

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from revguard.staging.trees import Change, Entry

BYTECODE = "__pycache__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Paths to remove first, then paths to write."""

    remove: tuple[str, ...]
    write: tuple[tuple[str, Entry], ...]


def modified_at(oid: str) -> int:
    """The time that a file with this content has, in seconds.

    It belongs to the content, so bytecode that was compiled from another one never fits, and
    bytecode that was compiled from this one still does.
    """
    return 1_000_000_000 + int(oid[:7], 16)


def of_changes(changes: Iterable[Change]) -> Plan:
    """The plan for a folder that holds the old tree of these changes."""
    changes = tuple(changes)
    written = tuple((change.path, change.new) for change in changes if change.new is not None)
    _refuse_bad_names(path for path, _ in written)
    removed = (change.path for change in changes if change.status in "DT" or _gitlink(change.new))
    return Plan(remove=tuple(removed), write=written)


def of_survey(
    folder: str, wanted: Mapping[str, tuple[Entry, int]], *, keep: bool, sizes: bool
) -> Plan:
    """The plan for a folder of which nothing is known, by looking at each of its files.

    `keep`: a file with its content's time is right. `sizes`: it also has its blob's size (not
    so where git converts).
    """
    _refuse_bad_names(wanted)
    folders = _folders(wanted)
    remove, right = [], set()
    for path, entry in _walk(folder, folders):
        found = wanted.get(path)
        if found is None or found[0].mode == trees.GITLINK:
            remove.append(path)
        elif keep and _is_right(entry, *found, sizes=sizes):
            right.add(path)
    write = ((path, entry) for path, (entry, _) in wanted.items() if path not in right)
    return Plan(remove=tuple(remove), write=tuple(write))


def _walk(top: str, folders: set[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below a folder but the folders that belong there, and but bytecode."""
    waiting = [""]
    while waiting:
        parent = waiting.pop()
        with os.scandir(os.path.join(top, parent)) as entries:
            for entry in entries:
                path = f"{parent}/{entry.name}" if parent else entry.name
                if not entry.is_dir(follow_symlinks=False):
                    yield path, entry
                elif path in folders:
                    waiting.append(path)
                elif entry.name != BYTECODE:
                    yield path, entry


def _is_right(found: os.DirEntry[str], entry: Entry, size: int, *, sizes: bool) -> bool:
    if entry.mode == trees.SYMLINK:  # rare: written again
        return False
    status = found.stat(follow_symlinks=False)
    return (
        stat.S_ISREG(status.st_mode)
        and int(status.st_mtime) == modified_at(entry.oid)
        and (os.name == "nt" or bool(status.st_mode & 0o100) == (entry.mode == trees.EXECUTABLE))
        and (not sizes or status.st_size == size)
    )


def _folders(paths: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    return folders


def _gitlink(entry: Entry | None) -> bool:
    return entry is not None and entry.mode == trees.GITLINK


def _refuse_bad_names(paths: Iterable[str]) -> None:
    # git's own checkout refuses these too, and a fetched tree may hold them
    for path in paths:
        for name in path.split("/"):
            if name in {"", ".", ".."} or name.lower() == ".git" or "\0" in name:
                raise CouldNotCheck(
                    f"the tree holds the path {path!r}, which git would not check out",
                    hint="see what else is wrong with `git fsck`",
                )
