"""SQLite in a file of the run's own folder: copied to be marked, cloned and kept."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from revguard import leftovers
from revguard.databases import launcher, snapshots
from revguard.databases.providing import Database, Installation, Storing
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from revguard.databases.providing import Surroundings
    from revguard.databases.snapshots import Snapshot
    from revguard.runs import Run

_MAIN = "app.db"
_IDENTITY = "sqlite-file-1"
# what a connection that did not end cleanly leaves belongs to the state; -shm is rebuilt from -wal
_FILES = {_MAIN, f"{_MAIN}-wal", f"{_MAIN}-journal"}


class SqliteFile(Storing):
    """A folder with the file `app.db`; there is nobody to wait for."""

    copies = True

    def __init__(
        self, installation: Installation, *, run: Run, snapshot: Snapshot | None = None
    ) -> None:
        self._installation = installation
        self._run = run
        self._folder = (run.memory or run.folder) / f"sqlite{run.number()}"
        self._marked: Path | None = None
        self.snapshot: Snapshot | None = None
        self._fill(snapshot)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leftovers.remove_folder(os.fspath(self._folder))

    def wait(self, timeout: float = 60, cancelled: Callable[[], bool] | None = None) -> None:
        """Nothing to wait for."""

    def failure(self) -> str:
        """There is no process that could end."""
        return ""

    def database(self) -> Database:
        """The main database."""
        return self._database(self._folder / "main" / _MAIN)

    def mark(self) -> None:
        """Copy the main file aside."""
        target = self._folder / "mark"
        leftovers.remove_folder(os.fspath(target))
        _copy(self._folder / "main", target)
        self._marked = target

    def clone(self, name: str) -> Database:
        """A copy of the marked file, else of the main one."""
        target = self._folder / f"clone-{name}"
        _copy(self._marked or self._folder / "main", target)
        return self._database(target / _MAIN)

    def keep_snapshot(self, *, revisions: Mapping[str, str], extra: str) -> Snapshot | None:
        """Store the marked file, else the main one."""
        import sqlite3

        return snapshots.store(
            self._run,
            self._marked or self._folder / "main",
            dialect="sqlite",
            identity=self._installation.identity,
            extra=extra,
            revisions=revisions,
            server_version=sqlite3.sqlite_version,
        )

    def _fill(self, snapshot: Snapshot | None) -> None:
        main = self._folder / "main"
        try:
            self._folder.mkdir(0o700)
        except OSError as error:
            raise _cannot_write(self._folder, error) from error
        if snapshot is not None:
            with suppress(CouldNotCheck):
                _copy(snapshot.state, main)
                self.snapshot = snapshot
                return
            leftovers.remove_folder(os.fspath(main))
        main.mkdir(0o700)

    def _database(self, path: Path) -> Database:
        import sqlite3

        return Database(
            provider=self._installation.provider,
            dialect="sqlite",
            server_version=sqlite3.sqlite_version,
            identity=self._installation.identity,
            url={"database": os.fspath(path)},
        )


class Provider:
    """`sqlite`: always there."""

    name = "sqlite"
    dialects = ("sqlite",)
    takes_argument = False
    automatic = True

    def find(self, surroundings: Surroundings) -> Installation:  # noqa: ARG002
        """Nothing has to be installed."""
        return Installation(provider=self.name, dialect="sqlite", identity=_IDENTITY)

    def start(
        self, installation: Installation, *, run: Run, snapshot: Snapshot | None = None
    ) -> SqliteFile:
        """A folder of its own, with the snapshot's file where one is given."""
        return SqliteFile(installation, run=run, snapshot=snapshot)


def _copy(source: Path, target: Path) -> None:
    try:
        target.mkdir(0o700)
        for name in _FILES & set(os.listdir(source)):
            launcher.copy_file(os.fspath(source / name), os.fspath(target / name))
    except OSError as error:
        raise _cannot_write(target, error) from error


def _cannot_write(folder: Path, error: OSError) -> CouldNotCheck:
    return CouldNotCheck(
        f"the ephemeral database cannot be written to {folder}: {error.strerror}",
        hint="Free some space there, or name another folder in REVGUARD_CACHE_DIR.",
    )
