"""A folder in, the same folder out of a later run's cache: whole or not at all."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from revguard import leftovers, runs
from revguard.databases import launcher

if TYPE_CHECKING:
    from collections.abc import Iterator

_META = "meta.json"
_STATE = "state"
_GONE = ".gone-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A stored state and what was noted with it."""

    folder: Path
    meta: dict[str, Any]

    @property
    def state(self) -> Path:
        """The folder to copy from."""
        return self.folder / _STATE


def keep(
    source: Path, target: Path, meta: dict[str, Any], *, run: runs.Run, owned: bool = False
) -> Stored | None:
    """Store a folder under `target`, atomically; None where the cache cannot take it.

    With `owned` the folder may be moved; its files' owner is kept either way.
    """
    if not run.cache_writable:
        return None
    found = load(target, run=run)  # an equal one: the name says what is in it
    if found is not None:
        return found
    remove(target)
    staging = run.folder / f"keep{run.number()}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging.mkdir()
        _bring(source, staging / _STATE, owned)
        files, size = measure(staging / _STATE)
        noted = {**meta, "files": files, "size": size}
        (staging / _META).write_text(json.dumps(noted), encoding="utf-8")
        if target.exists():  # another run was faster
            return load(target, run=run)
        os.rename(staging, target)
    except OSError:
        return None
    finally:
        leftovers.remove_folder(os.fspath(staging))
    return Stored(folder=target, meta=noted)


def load(folder: Path, *, run: runs.Run) -> Stored | None:
    """The state in `folder`, safe from removal until the run ends; a broken one is removed."""
    try:
        descriptor = os.open(folder / _META, os.O_RDONLY)
    except OSError:
        return None
    if not runs.lock(descriptor, shared=True, wait=False):
        os.close(descriptor)  # it is being removed
        return None
    meta = _read_meta(folder)
    if meta is None or measure(folder / _STATE) != (meta["files"], meta["size"]):
        os.close(descriptor)
        remove(folder)
        return None
    run.hold(descriptor)
    with suppress(OSError):
        os.utime(folder / _META)
    return Stored(folder=folder, meta=meta)


def listing(root: Path, prefix: str = "") -> Iterator[Stored]:
    """What is stored below `root`, read but not checked."""
    try:
        names = sorted(os.listdir(root))
    except OSError:
        return
    for name in names:
        if name.startswith(prefix) and not name.startswith(".") and not name.endswith(".lock"):
            meta = _read_meta(root / name)
            if meta is not None:
                yield Stored(folder=root / name, meta=meta)


def evict(root: Path, limit: int) -> None:
    """Remove what was not used for longest until all is within `limit` bytes."""
    _remove_half_removed(root)
    found = sorted(listing(root), key=last_used, reverse=True)
    total = 0
    for stored in found:
        total += int(stored.meta["size"])
        if total > limit and remove(stored.folder):
            total -= int(stored.meta["size"])


def remove(folder: Path, *, used: bool = False) -> bool:
    """Remove a stored state; one that a run is using stays, unless with `used`."""
    try:
        descriptor = os.open(folder / _META, os.O_RDONLY)
    except OSError:
        descriptor = -1
    try:
        if descriptor >= 0 and not runs.lock(descriptor, wait=False) and not used:
            return False
        gone = folder.with_name(f"{_GONE}{folder.name}-{os.urandom(4).hex()}")
        os.rename(folder, gone)
        leftovers.remove_folder(os.fspath(gone))
    except OSError:
        return False
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    return True


def measure(folder: Path) -> tuple[int, int]:
    """(number of files, bytes) below the folder: enough to see a torn copy."""
    files = size = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner_files, inner_size = measure(Path(entry.path))
                files += inner_files
                size += inner_size
            else:
                files += 1
                size += entry.stat(follow_symlinks=False).st_size
    return files, size


def _bring(source: Path, target: Path, owned: bool) -> None:
    found = source.stat()
    if owned and found.st_dev == target.parent.stat().st_dev:
        os.rename(source, target)
        return
    foreign = hasattr(os, "geteuid") and found.st_uid != os.geteuid()
    owner = (found.st_uid, found.st_gid) if foreign else None
    launcher.copy_folder(os.fspath(source), os.fspath(target), owner)


def _read_meta(folder: Path) -> dict[str, Any] | None:
    try:
        meta = json.loads((folder / _META).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(meta, dict) and all(
        isinstance(meta.get(key), int) for key in ("files", "size")
    )
    return meta if whole else None


def last_used(stored: Stored) -> float:
    """When a run last loaded it, in seconds since 1970."""
    try:
        return (stored.folder / _META).stat().st_mtime
    except OSError:
        return 0.0


def _remove_half_removed(root: Path) -> None:
    with suppress(OSError):
        for name in os.listdir(root):
            if name.startswith(_GONE):
                leftovers.remove_folder(os.fspath(root / name))
