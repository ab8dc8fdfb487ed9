"""A server that one of our providers started in, a database for whichever test asks out."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from revguard import databases
from revguard.databases import addresses
from revguard.runs import Run

_TIMEOUT = 60
_numbers = itertools.count()


class Served:
    """One started server. `url` is that of a database of its own, in which nobody else is."""

    def __init__(self, started: databases.Server) -> None:
        self._started = started
        self.dialect = started.database().dialect
        self.url = self.create()
        self._login = None
        if self.dialect != "sqlite":
            home = dataclasses.replace(started.database(), url=self.url)
            self._login = addresses.connect(home, _TIMEOUT)

    def close(self) -> None:
        """Log out; the server itself is ended by its context."""
        if self._login is not None:
            self._login.close()

    def execute(self, statement: str) -> None:
        """Run one statement."""
        self._login.query(statement)

    def create(self) -> dict[str, Any]:
        """The URL of a new, empty database, made as revguard makes them."""
        return dict(self._started.clone(f"case{next(_numbers)}").url)

    def copy(self, url: Mapping[str, Any]) -> dict[str, Any]:
        """The URL of an equal database; whoever is connected to the first is thrown out."""
        source, number = url["database"], next(_numbers)
        if self.dialect == "sqlite":
            target = f"{source}-{number}"
            if Path(source).exists():  # nobody has connected yet
                shutil.copyfile(source, target)
            return {**url, "database": target}
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            f"WHERE datname = '{source}'"
        )
        self.execute(f'CREATE DATABASE "case{number}" TEMPLATE "{source}" STRATEGY wal_log')
        return {**url, "database": f"case{number}"}

    def drop(self, url: Mapping[str, Any]) -> None:
        """Hundreds of them fill the disk, or the memory."""
        if self.dialect == "sqlite":
            Path(url["database"]).unlink(missing_ok=True)
        elif self.dialect == "postgresql":
            self.execute(f'DROP DATABASE IF EXISTS "{url["database"]}" WITH (FORCE)')
        else:
            self.execute(f"DROP DATABASE IF EXISTS `{url['database']}`")


@contextlib.contextmanager
def serving(cache: Path, choice: databases.Choice) -> Iterator[Served]:
    """It started, for as long as the context lasts."""
    with (
        Run(cache) as run,
        databases.start(choice, run=run) as started,
        contextlib.closing(Served(started)) as served,
    ):
        yield served
