"""One run's folders and processes: made under a lock, so that whatever a dead run left is found."""

from __future__ import annotations

import os
import signal
import stat
import sys
from contextlib import suppress

from revguard import cachedir, leftovers, scratch, subprocesses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from threading import Thread

    from typing_extensions import Self

VARIABLE = leftovers.VARIABLE
MEMORY = "/dev/shm"  # noqa: S108 - only our own folder in it is used
CONTAINERS = "containers"  # the file in a run's folder that names its containers
_PROCESSES = "processes"  # the file in a run's folder that names its process groups
_HIDDEN = ".new"
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


class Run:
    """One run: its folders, its processes; leaving the context ends and removes them all.

    `folder` lies in the cache, or where that cannot be written in the folder for temporary files;
    `memory` on the memory file system, None where there is none.
    """

    def __init__(
        self,
        cache: Path,
        *,
        memory: str | None = MEMORY,
        temporary: str | None = None,
        snapshots_limit: int = cachedir.SNAPSHOTS_LIMIT,
    ) -> None:
        self.id = os.urandom(6).hex()
        self.snapshots_limit = snapshots_limit
        self.cache = cache
        self.notes: list[str] = []  # what the user should hear of it
        self._bases = _bases(str(cache), memory, temporary)
        self._places: dict[str, _Place] = {}
        self._registered: dict[int, int] = {}
        self._held: list[int] = []
        self._aside: list[Thread] = []
        self._counter = 0

    def __enter__(self) -> Self:
        from pathlib import Path

        try:
            place = self._place("cache") or self._place("temporary")
            if place is None:
                from revguard.errors import CouldNotCheck

                where = " nor ".join(self._bases[name] for name in ("cache", "temporary"))
                raise CouldNotCheck(
                    f"no folder for this run can be made: neither {where}",
                    hint="Free some space, or name a writable folder in REVGUARD_CACHE_DIR.",
                )
            self.folder = Path(place.folder)
            self.cache_writable = "cache" in self._places
            memory = self._place("memory")
            self.memory = Path(memory.folder) if memory else None
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        signals = subprocesses.Held()
        with signals:
            if kind is not None:  # an interrupt may have come between a start and its registration
                leftovers.end(self.id, [place.folder for place in self._places.values()], ())
            self.close()
        signals.deliver()

    def temporary(self) -> Path:
        """This run's folder among the temporary files: short, and open for passing through."""
        from pathlib import Path

        place = self._place("temporary")
        return Path(place.folder) if place else self.folder

    def environ(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` with the variable by which this run's processes are known."""
        return {**base, VARIABLE: self.id}

    def register(self, pid: int, *, ends_on: int = _KILL) -> None:
        """Note the process group that `pid` leads, and the signal that ends it cleanly."""
        self._registered[pid] = ends_on
        line = f"{pid} {int(ends_on)} {leftovers.identity(pid)}\n".encode()
        # on a full disk it goes unnoted, and is known by its environ all the same
        with suppress(OSError), open(self.folder / _PROCESSES, "ab", buffering=0) as file:
            file.write(line)

    def forget(self, pid: int) -> None:
        """The process has been collected: its id may soon be someone else's."""
        self._registered.pop(pid, None)

    def number(self) -> int:
        """A number that this run has not given out yet."""
        self._counter += 1
        return self._counter

    def hold(self, descriptor: int) -> None:
        """Keep a locked file open to the end of the run."""
        self._held.append(descriptor)

    def aside(self, work: Callable[[], None]) -> None:
        """Do something beside the rest; the run does not end before it has."""
        from threading import Thread

        thread = Thread(target=work)
        self._aside.append(thread)
        thread.start()

    def close(self) -> None:
        """End what is registered and remove every folder of this run."""
        for thread in self._aside:
            thread.join()
        self._aside.clear()
        for pid, ends_on in self._registered.items():
            leftovers.end_group(pid, ends_on)
        self._registered.clear()
        for place in reversed(self._places.values()):
            place.remove()
        self._places.clear()
        self._bases = {}  # a run that is over makes no more folders
        for descriptor in self._held:
            os.close(descriptor)
        self._held.clear()

    def _place(self, name: str) -> _Place | None:
        if name not in self._places and name in self._bases:
            signals = subprocesses.Held()
            with signals:
                place = _claim(self._bases[name], self.id)
                if place is not None:
                    self._places[name] = place
            signals.deliver()
        return self._places.get(name)


def sweep(cache: Path, *, memory: str | None = MEMORY, temporary: str | None = None) -> int:
    """End the processes and remove the folders of runs that died; how many there were."""
    bases = _bases(str(cache), memory, temporary)
    dead: dict[str, list[_Place]] = {}
    try:
        for base in bases.values():
            for place in _dead_places(base):
                dead.setdefault(place.id, []).append(place)
        for run_id, places in dead.items():
            folders = [place.folder for place in places]
            ended = leftovers.end(run_id, folders, _registered(folders))
            if _end_containers(folders) and ended:
                for place in places:
                    place.remove()
    finally:
        for places in dead.values():
            for place in places:
                place.release()
        for base in bases.values():
            _remove_empty(base)
    return len(dead)


class FileLock:
    """An advisory lock on a file, gone with the process that holds it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        lock(self._descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def lock(descriptor: int, *, shared: bool = False, wait: bool = True) -> bool:
    """Lock an open file until it is closed; False where another has it (with wait=False)."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Place:
    """One folder of a run beside the lock file that says whether the run lives."""

    def __init__(self, base: str, run_id: str, descriptor: int) -> None:
        self.base = base
        self.id = run_id
        self.folder = os.path.join(base, run_id)
        self._lock = _lock_path(base, run_id)
        self._descriptor = descriptor

    def remove(self) -> None:
        """The folder first, the lock last: a removal that is killed half-way is found again."""
        leftovers.remove_folder(self.folder)
        if not os.path.lexists(self.folder):
            with suppress(OSError):
                os.unlink(self._lock)
        self.release()
        _remove_empty(self.base)

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _claim(base: str, run_id: str) -> _Place | None:
    for _ in range(10):
        with suppress(FileNotFoundError):  # another run removed the empty base meanwhile
            try:
                _make_base(base)
                descriptor = _new_lock(base, run_id)
            except FileNotFoundError:
                raise
            except OSError:
                return None
            if descriptor is not None:
                place = _Place(base, run_id, descriptor)
                try:
                    _make_folder(place.folder)
                except OSError:
                    place.remove()
                    return None
                return place
    return None


def _new_lock(base: str, run_id: str) -> int | None:
    """The lock file, locked before it has its name: else a sweep takes it for a dead run's."""
    path = _lock_path(base, run_id)
    if sys.platform == "win32":  # an open file cannot be renamed there
        return _locked(path, os.O_CREAT)
    hidden = os.path.join(base, f"{run_id}{_HIDDEN}")
    descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        lock(descriptor)
        os.rename(hidden, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _make_base(base: str) -> None:
    os.makedirs(os.path.dirname(base), exist_ok=True)
    with suppress(FileExistsError):
        _make_folder(base)
    if os.path.basename(base) == _own_name() and hasattr(os, "geteuid"):
        # anyone may have made a folder of this name in /tmp or /dev/shm before us
        found = os.lstat(base)
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or found.st_mode & 0o022:
            raise PermissionError(base)


def _make_folder(path: str) -> None:
    """Private; root's may be passed through, since PostgreSQL must run as someone else there."""
    os.mkdir(path, 0o700)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        os.chmod(path, 0o711)  # noqa: S103


def _remove_empty(base: str) -> None:
    """Leave nothing of ours among other people's files; a base in the cache stays."""
    if os.path.basename(base) == _own_name():
        with suppress(OSError):
            os.rmdir(base)


def _dead_places(base: str) -> Iterator[_Place]:
    try:
        names = os.listdir(base)
    except OSError:
        return
    for name in names:
        run_id, extension = os.path.splitext(name)
        if extension == _HIDDEN:  # its run was killed before it had a name
            _remove_unnamed(os.path.join(base, name))
        if extension == ".lock":
            with suppress(OSError):
                descriptor = _locked(_lock_path(base, run_id), 0)
                if descriptor is not None:
                    yield _Place(base, run_id, descriptor)


def _remove_unnamed(path: str) -> None:
    """If its maker lives after all, it misses the file and makes another."""
    with suppress(OSError):
        descriptor = _locked(path, 0)
        if descriptor is not None:
            with suppress(OSError):
                os.unlink(path)
            os.close(descriptor)


def _locked(path: str, flags: int) -> int | None:
    """The lock file, open and locked, unless another has it or removed it meanwhile."""
    descriptor = os.open(path, os.O_RDWR | flags, 0o600)
    try:
        if lock(descriptor, wait=False) and os.path.samestat(os.fstat(descriptor), os.stat(path)):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _registered(folders: list[str]) -> list[tuple[int, int, str]]:
    """(process id, signal that ends it, identity) of each line that was written in full."""
    found = []
    for folder in folders:
        with suppress(OSError), open(os.path.join(folder, _PROCESSES), encoding="ascii") as lines:
            for line in lines:
                pid, _, rest = line.partition(" ")
                ends_on, _, identity = rest.rstrip("\n").partition(" ")
                if line.endswith("\n") and pid.isdigit() and ends_on.isdigit():
                    found.append((int(pid), int(ends_on), identity))
    return found


def _end_containers(folders: list[str]) -> bool:
    """Whether no container of these runs is left; the engine is asked only where one was made."""
    paths = [os.path.join(folder, CONTAINERS) for folder in folders]
    found = [path for path in paths if os.path.exists(path)]
    if not found:
        return True
    from revguard.databases import container_leftovers

    return container_leftovers.remove(found)


def _bases(cache: str, memory: str | None, temporary: str | None) -> dict[str, str]:
    bases = {"cache": os.path.join(cache, "runs")}
    if memory is not None and os.path.isdir(memory):
        bases["memory"] = os.path.join(memory, _own_name())
    bases["temporary"] = temporary_base(temporary)
    return bases


def temporary_base(temporary: str | None = None) -> str:
    """Our folder among the temporary files: runs, and what all runs share."""
    return os.path.join(temporary or scratch.parent(os.environ), _own_name())


def _own_name() -> str:
    return f"revguard-{os.geteuid()}" if hasattr(os, "geteuid") else "revguard"


def _lock_path(base: str, run_id: str) -> str:
    return os.path.join(base, f"{run_id}.lock")
