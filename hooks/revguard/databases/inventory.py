"""The cache in, its parts and the servers and snapshots in it out, to be shown."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from revguard.databases import snapshots, stored, version_numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One folder of the cache."""

    name: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One stored state."""

    kind: str  # "server" or "snapshot"
    dialect: str
    server_version: str
    detail: str  # a server's programs, a snapshot's number of revisions
    revisions: int
    bytes: int
    used: float  # seconds since 1970

    @property
    def server(self) -> str:
        """Its name and version, as people write it."""
        return version_numbers.name(self.dialect, self.server_version)


def kept(cache: Path) -> list[Kept]:
    """Servers, then snapshots; within each the last used first."""
    found = [*_servers(cache), *_snapshots(cache)]
    return sorted(found, key=lambda one: (one.kind, -one.used))


def _servers(cache: Path) -> list[Kept]:
    return [
        Kept(
            kind="server",
            dialect=str(entry.meta.get("dialect", "")),
            server_version=str(entry.meta.get("server_version", "")),
            detail=str(entry.meta.get("binaries", "")),
            revisions=0,
            bytes=int(entry.meta["size"]),
            used=stored.last_used(entry),
        )
        for entry in stored.listing(cache / "servers")
    ]


def _snapshots(cache: Path) -> list[Kept]:
    return [
        Kept(
            kind="snapshot",
            dialect=one.dialect,
            server_version=one.server_version,
            detail="",
            revisions=len(one.revisions),
            bytes=one.size,
            used=one.used,
        )
        for one in snapshots.listing(cache)
    ]


def parts(cache: Path) -> tuple[Part, ...]:
    """What lies in the cache, folder by folder."""
    try:
        names = sorted(os.listdir(cache))
    except OSError:
        return ()
    return tuple(_measured(cache / name) for name in names)


def size(cache: Path) -> int:
    """What all of it takes, in bytes."""
    return sum(part.bytes for part in parts(cache))


def _measured(path: Path) -> Part:
    files = taken = 0
    if not path.is_dir():
        return Part(name=path.name, files=1, bytes=_size(path))
    for folder, _, names in os.walk(path):
        files += len(names)
        taken += sum(_size(Path(folder, name)) for name in names)
    return Part(name=path.name, files=files, bytes=taken)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # it was removed meanwhile
