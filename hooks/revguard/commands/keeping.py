"""`revguard cache`: what is kept between runs, shown or removed."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from revguard import leftovers, runs
from revguard.arguments import Invocation
from revguard.cachedir import cache_dir, snapshots_limit
from revguard.commands.answer import Answer
from revguard.databases import inventory
from revguard.errors import CouldNotCheck
from revguard.phrases import counted, readable

_WHAT: Final[Mapping[str, str]] = {
    "locks": "one for each repository, that upgrades take",
    "repos": "verdicts, histories and observations, per repository",
    "runs": "folders of the runs at work",
    "servers": "database servers, initialised once",
    "snapshots": "databases at a known revision",
    "trees": "checked-out trees with their bytecode",
}


def run(invocation: Invocation) -> Answer:
    """Show the cache, or clear it."""
    environ = invocation.options.environ
    cache = cache_dir(environ)
    return _clear(cache) if invocation.words == ("clear",) else _show(cache, environ)


def _show(cache: Path, environ: Mapping[str, str]) -> Answer:
    found = inventory.parts(cache)
    total = sum(part.bytes for part in found)
    stored = inventory.kept(cache)
    limit = snapshots_limit(environ)
    lines = [f"cache: {cache}"]
    for part in found:
        what = _WHAT.get(part.name, part.name)
        lines.append(f"  {readable(part.bytes):>10}  {what} ({counted(part.files, 'file')})")
        lines += [_line(one) for one in stored if f"{one.kind}s" == part.name]
    lines.append(f"  {readable(total):>10}  in all" if found else "  empty")
    lines.append(f"  snapshots may take {readable(limit)} (REVGUARD_CACHE_LIMIT)")
    data = {
        "path": os.fspath(cache),
        "bytes": total,
        "parts": [asdict(part) for part in found],
        "stored": [asdict(one) for one in stored],
        "snapshots_limit": limit,
    }
    return Answer(text="\n".join(lines) + "\n", data=data)


def _line(one: inventory.Kept) -> str:
    """What one stored state is, below its part of the cache."""
    what = one.detail if one.kind == "server" else f"at {counted(one.revisions, 'revision')}"
    used = datetime.datetime.fromtimestamp(one.used).strftime("%Y-%m-%d %H:%M")  # noqa: DTZ006
    told = ", ".join(filter(None, (one.server, what, f"last used {used}")))
    return f"  {'':>10}  {readable(one.bytes):>10}  {told}"


def _clear(cache: Path) -> Answer:
    runs.sweep(cache)
    at_work = [name for name in _entries(cache / "runs") if not name.endswith(".lock")]
    if at_work:
        raise CouldNotCheck(
            "the cache is in use: another revguard is at work",
            hint="let it end, then `revguard cache clear` again",
        )
    freed = inventory.size(cache)
    leftovers.remove_folder(os.fspath(cache))
    _remove_shared()
    if cache.exists():
        raise CouldNotCheck(
            f"not all of {cache} could be removed",
            hint="it holds files of another user: remove the folder as that user",
        )
    data = {"path": os.fspath(cache), "bytes": freed}
    return Answer(text=f"removed {cache} ({readable(freed)})\n", data=data)


def _remove_shared() -> None:
    """Remove the copy of a server's programs that root's runs share, unless one is at work."""
    base = Path(runs.temporary_base())
    if not [name for name in _entries(base) if name != "installed" and not name.endswith(".lock")]:
        leftovers.remove_folder(os.fspath(base / "installed"))


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
