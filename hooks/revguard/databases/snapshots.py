"""Histories that were replayed before: revisions in, the nearest stored database out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from revguard.databases import stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from revguard.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An ephemeral database kept at known revisions: {revision id: blob id of its script}."""

    folder: Path
    state: Path
    dialect: str
    identity: str
    extra: str
    revisions: Mapping[str, str]
    size: int
    server_version: str = ""
    used: float = field(default=0.0, compare=False)  # seconds since 1970


def best(run: Run, *, identity: str, extra: str, wanted: Mapping[str, str]) -> Snapshot | None:
    """The largest stored set of revisions that is part of `wanted`; it stays for the whole run."""
    group = _group(identity, extra)
    found = [
        entry
        for entry in stored.listing(_root(run.cache), group)
        if _fits(entry, identity, extra) and entry.meta["revisions"].items() <= wanted.items()
    ]
    for entry in sorted(found, key=lambda entry: len(entry.meta["revisions"]), reverse=True):
        whole = stored.load(entry.folder, run=run)
        if whole is not None:
            return _snapshot(whole)
    return None


def store(
    run: Run,
    state: Path,
    *,
    dialect: str,
    identity: str,
    extra: str,
    revisions: Mapping[str, str],
    server_version: str = "",
    limit: int | None = None,
) -> Snapshot | None:
    """Keep a database's folder, which may be moved; None where the cache cannot take it."""
    root = _root(run.cache)
    noted = sorted(revisions.items())
    name = f"{_group(identity, extra)}-{_digest(json.dumps(noted))}"
    meta = {
        "dialect": dialect,
        "identity": identity,
        "extra": extra,
        "revisions": dict(noted),
        "server_version": server_version,
    }
    entry = stored.keep(state, root / name, meta, run=run, owned=True)
    if entry is None:
        return None
    stored.evict(root, run.snapshots_limit if limit is None else limit)
    return _snapshot(entry) if entry.state.is_dir() else None


def listing(cache: Path) -> list[Snapshot]:
    """All snapshots of a cache, to be shown."""
    return [
        _snapshot(entry)
        for entry in stored.listing(_root(cache))
        if _fits(entry, entry.meta.get("identity", ""), entry.meta.get("extra", ""))
    ]


def discard(snapshot: Snapshot) -> None:
    """Remove a snapshot that proved to be broken."""
    stored.remove(snapshot.folder, used=True)


def _root(cache: Path) -> Path:
    return cache / "snapshots"


def _group(identity: str, extra: str) -> str:
    return _digest(json.dumps([identity, extra]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fits(entry: stored.Stored, identity: str, extra: str) -> bool:
    meta = entry.meta
    return (
        meta.get("identity") == identity
        and meta.get("extra") == extra
        and isinstance(meta.get("revisions"), dict)
        and isinstance(meta.get("dialect"), str)
    )


def _snapshot(entry: stored.Stored) -> Snapshot:
    meta = entry.meta
    return Snapshot(
        folder=entry.folder,
        state=entry.state,
        dialect=meta["dialect"],
        identity=meta["identity"],
        extra=meta["extra"],
        revisions=meta["revisions"],
        size=meta["size"],
        server_version=str(meta.get("server_version", "")),
        used=stored.last_used(entry),
    )
