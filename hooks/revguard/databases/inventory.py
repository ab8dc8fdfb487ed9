"""The cache in, the servers and snapshots in it out, to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from revguard.databases import snapshots, stored, version_numbers

if TYPE_CHECKING:
    from pathlib import Path


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
