"""A container's data folder as it is stored between runs: an archive, and its server's password."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from revguard import leftovers
from revguard.databases import stored

if TYPE_CHECKING:
    from revguard.databases.containers import Container
    from revguard.runs import Run

_UNUSED_LIMIT = 256 << 20  # bytes of initialised data folders that we keep
_ARCHIVE = "data.tar"
_PASSWORD = "password"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a container begins with: nothing, or a stored data folder."""

    archive: Path | None = None
    password: str = ""  # that its server takes


def of_state(state: Path) -> Source:
    """The source in a stored state; nothing where it is another thing."""
    try:
        return Source(archive=state / _ARCHIVE, password=(state / _PASSWORD).read_text("ascii"))
    except OSError:
        return Source()


def pristine(run: Run, identity: str) -> Source:
    """The initialised data folder of an image, if there is one."""
    found = stored.load(_pristine_folder(run, identity), run=run)
    return of_state(found.state) if found else Source()


def keep_pristine(run: Run, identity: str, folder: Path) -> None:
    """Store a data folder with the empty database; it may be moved."""
    target = _pristine_folder(run, identity)
    stored.keep(folder, target, {}, run=run, owned=True)
    stored.evict(target.parent, _UNUSED_LIMIT)


def discard_pristine(run: Run, identity: str) -> None:
    """Remove one that proved to be broken."""
    stored.remove(_pristine_folder(run, identity), used=True)


def taken(run: Run, container: Container, *, again: bool = False) -> Path | None:
    """A folder with the data of a server that is stopped for it; with `again` it starts anew."""
    folder = run.folder / f"archive{run.number()}"
    try:
        folder.mkdir(0o700)
        if container.keep(folder / _ARCHIVE, again=again):
            (folder / _PASSWORD).write_text(container.plan.password, "ascii")
            return folder
    except OSError:
        pass
    leftovers.remove_folder(os.fspath(folder))
    return None


def _pristine_folder(run: Run, identity: str) -> Path:
    return run.cache / "servers" / identity
