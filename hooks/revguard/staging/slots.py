"""Folders that are kept between runs: a cache folder in, a free slot with its lock out."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = 4  # folders that stay for later runs
_MOST = 1000  # runs at once, before something else is wrong
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is in a slot, as far as it is known."""

    tree: str
    clean: bool  # it was closed, and nothing but bytecode was written since
    conversion: str  # what decides how blobs become files, apart from attributes in the tree
    hollow: tuple[str, ...]  # submodules that are empty folders, since they are not checked out


@dataclass(slots=True, kw_only=True)
class Slot:
    """A folder that nobody else uses while this process holds it."""

    folder: str
    state_file: str  # "" where nothing is kept
    state: State | None

    def write(self, state: State) -> None:
        """Note what is in the slot."""
        self.state = state
        if self.state_file:
            temporary = f"{self.state_file}.new"
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump({"format": _FORMAT, **asdict(state)}, file)
            os.replace(temporary, self.state_file)


@contextlib.contextmanager
def take(root: str, tree: str) -> Iterator[Slot]:
    """The free slot that is nearest to `tree`; a temporary one where nothing can be kept."""
    with contextlib.ExitStack() as stack:
        slot = _kept(root, tree, stack)
        if slot is None:
            folder = tempfile.mkdtemp(prefix="revguard-tree-")
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            slot = Slot(folder=folder, state_file="", state=None)
        yield slot


def _kept(root: str, tree: str, stack: contextlib.ExitStack) -> Slot | None:
    try:
        os.makedirs(root, exist_ok=True)
        for number in _by_nearness(root, tree):
            lock = _lock(os.path.join(root, f"{number}.lock"))
            if lock is None:
                continue
            stack.callback(os.close, lock)
            folder = os.path.join(root, str(number))
            os.makedirs(folder, exist_ok=True)
            slot = Slot(folder=folder, state_file=f"{folder}.json", state=_state(f"{folder}.json"))
            _probe(folder)
            _evict(root, number)
            return slot
    except OSError:  # read-only, full, or a file system without locks
        pass
    return None


def _probe(folder: str) -> None:
    probe = os.path.join(folder, f".probe-{os.getpid()}")
    with open(probe, "wb") as file:
        file.write(b"x")
    os.unlink(probe)


def _by_nearness(root: str, tree: str) -> Iterator[int]:
    recent = _by_use(root)
    same = [number for number in recent if _holds(_state(_state_file(root, number)), tree)]
    yield from same
    yield from (number for number in recent if number not in same)
    yield from (number for number in range(_MOST) if number not in recent)


def _holds(state: State | None, tree: str) -> bool:
    return state is not None and state.clean and state.tree == tree


def _by_use(root: str) -> list[int]:
    """The numbers of the slots, the last used first."""
    numbers = [int(name) for name in os.listdir(root) if name.isdigit()]
    return sorted(numbers, key=lambda number: (-_used(root, number), number))


def _used(root: str, number: int) -> float:
    with contextlib.suppress(OSError):
        return os.stat(_state_file(root, number)).st_mtime
    return 0


def _state_file(root: str, number: int) -> str:
    return os.path.join(root, f"{number}.json")


def _state(path: str) -> State | None:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if found.pop("format") != _FORMAT:
            return None
        return State(**{**found, "hollow": tuple(found["hollow"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _evict(root: str, ours: int) -> None:
    """Remove what was not used for longest, but nothing that another run holds."""
    others = [number for number in _by_use(root) if number != ours]
    for number in others[KEPT - 1 :]:
        lock = _lock(os.path.join(root, f"{number}.lock"))
        if lock is None:
            continue
        # the lock file stays: whoever waits for it would else hold one that is no more
        with contextlib.suppress(OSError):
            os.unlink(_state_file(root, number))
        shutil.rmtree(os.path.join(root, str(number)), ignore_errors=True)
        os.close(lock)


def _lock(path: str) -> int | None:
    """An open file that holds the lock; None where another process holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    return handle
