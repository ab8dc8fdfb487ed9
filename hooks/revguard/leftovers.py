"""A dead run's id and folders in; its processes ended and its shared memory freed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_LINUX = sys.platform.startswith("linux")
VARIABLE = "REVGUARD_RUN"  # in the environ of every process of a run
_GENTLY_SECONDS = 0.5
_HARD_SECONDS = 5.0
_STEP_SECONDS = 0.005
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def identity(pid: int) -> str:
    """What tells this process from a later one of the same id; empty where it is gone."""
    if _LINUX:
        started = _stat_fields(pid)
        return f"{started[19].decode()}@{_boot()}" if started and started[0] != b"Z" else ""
    if sys.platform == "win32":
        return ""
    found = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def end(run_id: str, folders: Sequence[str], registered: Iterable[tuple[int, int, str]]) -> bool:
    """End a dead run's processes: the registered, and those known by environ or folder."""
    groups = [
        (pid, ends_on) for pid, ends_on, known in registered if known and identity(pid) == known
    ]
    for pid, ends_on in groups:
        _signal_group(pid, ends_on)
    _wait(_GENTLY_SECONDS, lambda: not any(identity(pid) for pid, _ in groups))
    for pid, _ in groups:
        if identity(pid):
            _signal_group(pid, _KILL)
    ended = _wait(_HARD_SECONDS, lambda: not _kill_all(find(run_id, folders)))
    _free_shared_memory(folders)
    return ended


def end_group(pid: int, ends_on: int) -> None:
    """End a process group of this very process's child, gently first."""
    if not _alive_group(pid):
        return
    _signal_group(pid, ends_on)
    if not _wait(_GENTLY_SECONDS, lambda: _collected(pid)):
        _signal_group(pid, _KILL)
        _wait(_HARD_SECONDS, lambda: _collected(pid))


def find(run_id: str, folders: Sequence[str]) -> list[int]:
    """Processes that carry the run's id in their environ or work in one of its folders.

    The second half is for PostgreSQL, which writes its title over its environ.
    """
    if not _LINUX:
        return []
    marker = os.fsencode(f"{VARIABLE}={run_id}")
    prefixes = tuple(folder + os.sep for folder in folders)
    return [pid for pid in _others() if _works_in(pid, prefixes) or _carries(pid, marker)]


def end_carriers(name: str, value: str) -> None:
    """End each process with this variable in its environ, in whatever session it is."""
    if _LINUX:
        marker = os.fsencode(f"{name}={value}")
        _wait(_HARD_SECONDS, lambda: not _kill_all([p for p in _others() if _carries(p, marker)]))


def clear(data: Sequence[str]) -> None:
    """Before a server's data folders are removed: if it was killed, end what it left behind.

    PostgreSQL's processes outlive a postmaster that was killed for as long as they compute.
    """
    noted = {segment for folder in data for segment in _noted_segment(folder)}
    if not noted or not _LINUX:
        return
    prefixes = tuple(folder + os.sep for folder in data)
    _wait(_HARD_SECONDS, lambda: not _kill_all([p for p in _others() if _works_in(p, prefixes)]))
    _free_segments(noted)


def remove_folder(folder: str) -> None:
    """Remove a folder with all that is in it; what cannot be removed stays."""
    import shutil

    for _ in range(3):  # a process that just died may have added a file behind our back
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return


def _works_in(pid: int, prefixes: tuple[str, ...]) -> bool:
    try:
        return (os.readlink(f"/proc/{pid}/cwd") + os.sep).startswith(prefixes)
    except OSError:
        return False


def _carries(pid: int, marker: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as environ:
            return marker in environ.read().split(b"\0")
    except OSError:
        return False


def _kill_all(pids: list[int]) -> list[int]:
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, _KILL)
    return pids


def _others() -> list[int]:
    own = _ancestors()
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid not in own]


def _ancestors() -> set[int]:
    """This process and those above: a run started by a dead one's child must not end itself."""
    pid, found = os.getpid(), set()
    while pid > 1 and pid not in found:
        found.add(pid)
        fields = _stat_fields(pid)
        pid = int(fields[1]) if fields else 0
    return found


def _stat_fields(pid: int) -> list[bytes]:
    """/proc/<pid>/stat from its third field on (the second may hold spaces and brackets)."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(8)
    except OSError:
        return ""


def _signal_group(pid: int, number: int) -> None:
    with suppress(OSError):
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, number)


def _alive_group(pid: int) -> bool:
    try:
        if sys.platform != "win32":
            os.killpg(pid, 0)
    except OSError:
        return False
    return True


def _collected(pid: int) -> bool:
    if sys.platform == "win32":
        return True
    with suppress(ChildProcessError):  # Popen may have collected it
        os.waitpid(pid, os.WNOHANG)
    return not _alive_group(pid)


def _wait(seconds: float, done: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(_STEP_SECONDS)
    return True


def _free_shared_memory(folders: Sequence[str]) -> None:
    """Remove the segment of a PostgreSQL that was killed: it outlives its processes."""
    if not _LINUX:
        return
    _free_segments({segment for folder in folders for segment in _noted_segments(folder)})


def _free_segments(noted: set[tuple[int, int]]) -> None:
    """Nobody may be attached."""
    if not noted:
        return
    import ctypes

    with suppress(OSError), open("/proc/sysvipc/shm", encoding="ascii") as lines:
        next(lines)  # the names of the columns
        for fields in map(str.split, lines):
            if fields[6] == "0" and _segment(fields[0], fields[1]) in noted:
                ctypes.CDLL(None).shmctl(int(fields[1]), 0, None)  # 0: IPC_RMID


def _segment(key: str, number: str) -> tuple[int, int]:
    return int(key) % 2**32, int(number)  # the kernel prints a key signed, PostgreSQL unsigned


def _noted_segments(folder: str) -> Iterable[tuple[int, int]]:
    """Of all data folders in a run's folder."""
    with suppress(OSError):
        for name in os.listdir(folder):
            yield from _noted_segment(os.path.join(folder, name))


def _noted_segment(data: str) -> Iterable[tuple[int, int]]:
    """Line 7 of postmaster.pid has its key and id; it is gone where the server ended cleanly."""
    with suppress(OSError, ValueError, IndexError):
        path = os.path.join(data, "postmaster.pid")
        with open(path, encoding="utf-8", errors="replace") as file:
            key, number = file.read().splitlines()[6].split()
        yield _segment(key, number)
