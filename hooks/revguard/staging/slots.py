"""Folders that are kept between runs: a cache folder in, a free slot with its lock out."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from revguard import scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = 4  # folders that stay for later runs
_MOST = 1000  # runs at once, before something else is wrong
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is in a slot, as far as it is known."""

    tree: str
    conversion: str  # what decides how its blobs became files
    hollow: tuple[str, ...]  # submodules that are empty folders, since they are not checked out


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A folder that nobody else uses while this process holds it.

    Its state lies in one file while it is closed and in another one while it is in use, so a run
    that was killed is seen. Renaming costs nothing; replacing a file makes ext4 wait for the disk.
    """

    folder: str  # beside it lie `<folder>.json` and `<folder>.used`
    state: State | None
    clean: bool  # it was closed, and nothing but bytecode was written since
    kept: bool = True

    def begin(self, *, forget: bool = False) -> None:
        """From now on the folder changes; `forget`: so that its state says nothing any more."""
        if self.clean:
            os.replace(_closed(self.folder), _used(self.folder))
        with contextlib.suppress(FileNotFoundError):
            os.utime(_used(self.folder))
        if forget:
            _discard(_used(self.folder))

    def note(self, state: State) -> None:
        """The folder has become as the state says."""
        if self.kept and (state != self.state or not os.path.exists(_used(self.folder))):
            temporary = f"{self.folder}.new"
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump({"format": _FORMAT, **asdict(state)}, file)
            _discard(_used(self.folder))
            os.replace(temporary, _used(self.folder))

    def close(self) -> None:
        """The folder is still as noted, and nobody changes it from now on."""
        if self.kept:
            os.replace(_used(self.folder), _closed(self.folder))


@contextlib.contextmanager
def take(root: str, tree: str) -> Iterator[Slot]:
    """The free slot that is nearest to `tree`; a temporary one where nothing can be kept."""
    with contextlib.ExitStack() as stack:
        yield _kept(root, tree, stack) or stack.enter_context(temporary())


@contextlib.contextmanager
def temporary() -> Iterator[Slot]:
    """A slot that is gone at the end. CouldNotCheck."""
    with scratch.folder(os.environ) as folder:
        yield Slot(folder=os.path.join(folder, "0"), state=None, clean=False, kept=False)


def give_up(slot: Slot) -> None:
    """Leave nothing of a slot for which there is not the room."""
    shutil.rmtree(slot.folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        _discard(_closed(slot.folder))
        _discard(_used(slot.folder))


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
            for path in (_closed(folder), _used(folder)):
                if os.path.isdir(path):
                    _discard(path)
            closed, used = _state(_closed(folder)), _state(_used(folder))
            slot = Slot(folder=folder, state=closed or used, clean=closed is not None)
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
    same = [number for number in recent if _holds(root, number, tree)]
    yield from same
    yield from (number for number in recent if number not in same)
    yield from (number for number in range(_MOST) if number not in recent)


def _holds(root: str, number: int, tree: str) -> bool:
    state = _state(_closed(os.path.join(root, str(number))))
    return state is not None and state.tree == tree


def _by_use(root: str) -> list[int]:
    """The numbers of the slots, the last used first."""
    numbers = [int(name) for name in os.listdir(root) if name.isdigit()]
    return sorted(numbers, key=lambda number: (-_last_use(root, number), number))


def _last_use(root: str, number: int) -> float:
    folder = os.path.join(root, str(number))
    for path in (_used(folder), _closed(folder)):
        with contextlib.suppress(OSError):
            return os.stat(path).st_mtime
    return 0


def _closed(folder: str) -> str:
    return f"{folder}.json"


def _used(folder: str) -> str:
    return f"{folder}.used"


def _discard(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        if not os.path.isdir(path):
            raise
        shutil.rmtree(path)


def _state(path: str) -> State | None:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if found.pop("format") != _FORMAT:
            return None
        return State(**{**found, "hollow": tuple(found["hollow"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _evict(root: str, ours: int) -> None:
    """Remove what was not used for longest, but nothing that another run holds."""
    others = [number for number in _by_use(root) if number != ours]
    for number in others[KEPT - 1 :]:
        lock = _lock(os.path.join(root, f"{number}.lock"))
        if lock is None:
            continue
        # the lock file stays: whoever waits for it would else hold one that is no more
        folder = os.path.join(root, str(number))
        with contextlib.suppress(OSError):
            _discard(_closed(folder))
            _discard(_used(folder))
        shutil.rmtree(folder, ignore_errors=True)
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
