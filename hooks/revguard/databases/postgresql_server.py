"""Binaries and a data folder in, a running PostgreSQL out that only this machine can reach."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

from revguard.databases import accounts, clusters, local_server, replicas, wire
from revguard.databases.local_server import LOOPBACK
from revguard.databases.providing import Database, UnavailableError, Url
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from pathlib import Path

    from revguard.databases.accounts import Account
    from revguard.databases.network import Connection

_PORT = 5432  # only names the socket, unless others are to connect: each has a folder of its own
_STARTING = "57P03"  # SQLSTATE cannot_connect_now
_WHO_MAY = f"""\
local all all trust
host all all {LOOPBACK}/32 scram-sha-256
"""


class PostgresServer(local_server.LocalServer):
    """One postmaster with its data folder, from launch to removal."""

    product = "PostgreSQL"
    program = "postgres"
    main = clusters.MAIN
    owner = clusters.OWNER
    longest_name = ".s.PGSQL.65535"
    ends_on = getattr(signal, "SIGQUIT", signal.SIGTERM)
    closes_on = signal.SIGINT
    crashed = re.compile(r"was terminated by signal \d|PANIC:")
    port_taken = "could not bind IPv4 address"
    _mark: replicas.Mark | None = None

    def mark(self) -> None:
        """Copy the main database within the server; whoever is connected is thrown out."""
        with self._asked("mark"), self._login() as connection:
            self._mark = replicas.mark(connection, self.main)

    def clone(self, name: str) -> Database:
        """A copy of the marked state, else of the main database, called `name`."""
        with self._asked("clone"), self._login() as connection:
            replicas.copy(connection, self._mark.database if self._mark else self.main, name)
        return self._database(name)

    def _program(self) -> tuple[Account | None, str]:
        try:
            account = accounts.server_account()
        except UnavailableError as reason:
            raise CouldNotCheck(str(reason)) from None
        return account, clusters.reachable(self._installation, self._run, account)

    def _pristine(self) -> Path:
        return clusters.pristine(self._installation, self._binaries, self._run, self._account)

    def _arguments(self, source: Path) -> list[str]:
        return ["-D", "{data}", "-k", f"{self._sockets}", *_settings(source), *self._listening()]

    def _listening(self) -> list[str]:
        """Where it listens besides its socket, and who may enter there."""
        self._port = _PORT if self._password is None else local_server.free_port()
        if self._password is None:
            return ["-c", "listen_addresses="]
        rules = self._sockets / "pg_hba.conf"
        rules.write_text(_WHO_MAY, encoding="ascii")
        if self._account is not None:
            os.chown(rules, 0, self._account.gid)
        rules.chmod(0o640)
        told = {"listen_addresses": LOOPBACK, "port": str(self._port), "hba_file": f"{rules}"}
        return [word for name, value in told.items() for word in ("-c", f"{name}={value}")]

    def _connect(self, timeout: float | None = None) -> Connection:
        # template1, since a database that is copied or dropped must have no visitor
        return wire.Connection(
            os.fspath(self._sockets / f".s.PGSQL.{self._port}"),
            username=self.owner,
            database="template1",
            timeout=timeout,
        )

    def _is_starting(self, error: wire.ServerError) -> bool:
        return error.code == _STARTING

    def _url(self, name: str) -> Url:
        return Url(
            host=os.fspath(self._sockets),
            port=self._port,
            username=self.owner,
            password=None,
            database=name,
        )

    def _let_others_in(self, connection: Connection, password: str) -> None:
        connection.query(
            "SET password_encryption = 'scram-sha-256'; "
            f"ALTER ROLE {self.owner} PASSWORD {wire.literal(password)}"
        )

    def _only_the_state(self, connection: Connection) -> str | None:
        data = replicas.only(connection, self.main, self._mark)
        if self._password is not None:
            connection.query(f"ALTER ROLE {self.owner} PASSWORD NULL")
        return data

    def _is_closed(self, data: Path) -> bool:
        return not (data / "postmaster.pid").exists()


def _settings(source: Path) -> list[str]:
    """Fast, since nothing has to outlive a crash; quiet, since nobody else may visit a database."""
    settings = {
        "unix_socket_permissions": "0777",  # the folder keeps others out
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "min_wal_size": "2MB",
        "max_wal_size": "64MB",
        "autovacuum": "off",
        "jit": "off",
        "huge_pages": "off",
        # not in /dev/shm, where a killed server would leave it
        "dynamic_shared_memory_type": "mmap",
        "max_locks_per_transaction": "256",
        "max_logical_replication_workers": "0",
        "logging_collector": "off",
        "log_destination": "stderr",
        "timezone": "UTC",
    }
    if clusters.major(source) >= 18:
        settings["io_method"] = "sync"
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
