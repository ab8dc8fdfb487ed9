"""A program and a data folder in, a running MariaDB or MySQL out that only this machine can
reach."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from revguard.databases import (
    accounts,
    local_server,
    mysql_beside,
    mysql_clusters,
    mysql_copies,
    mysql_installations,
    network,
)
from revguard.databases.mysql_text import literal
from revguard.databases.providing import Database, UnavailableError, Url
from revguard.databases.wire import ServerError

if TYPE_CHECKING:
    from pathlib import Path

    from revguard.databases.accounts import Account
    from revguard.databases.network import Connection
    from revguard.databases.wire import Row

_SOCKET = "mysql.sock"
_MARK = "revguard_mark"
_OWNER = "root"
_OTHERS = "revguard"  # who comes by TCP
# What lies beside the databases and so is not copied with one
_SHARED = {
    "mysql.global_priv": "SELECT * FROM mysql.global_priv ORDER BY 1, 2",
    "mysql.user": "SELECT * FROM mysql.user ORDER BY 1, 2",
    "mysql.db": "SELECT * FROM mysql.db WHERE Db NOT IN ('app', 'revguard_mark') ORDER BY 1, 2, 3",
    "mysql.roles_mapping": "SELECT * FROM mysql.roles_mapping ORDER BY 1, 2, 3",
    "mysql.role_edges": "SELECT * FROM mysql.role_edges ORDER BY 1, 2, 3, 4",
    "mysql.func": "SELECT * FROM mysql.func ORDER BY 1",
    "mysql.plugin": "SELECT * FROM mysql.plugin ORDER BY 1",
    "mysql.servers": "SELECT * FROM mysql.servers ORDER BY 1",
    "mysql.global_variables": "SELECT * FROM performance_schema.persisted_variables ORDER BY 1",
}
_NOT_THERE = ("1146", "1356", "1142", "1682")  # no such table; a view that is broken


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """The state that was marked: a database, and what the server held beside it."""

    database: str
    shared: str
    alone: bool


class MysqlServer(local_server.LocalServer):
    """One mariadbd or mysqld with its data folder, from launch to removal."""

    product = "MariaDB"
    program = "mariadbd"
    main = mysql_clusters.MAIN
    owner = _OTHERS
    longest_name = _SOCKET
    ends_on = getattr(signal, "SIGKILL", signal.SIGTERM)
    closes_on = signal.SIGTERM
    crashed = re.compile(r"got signal \d+|\[FATAL\]|InnoDB: Assertion failure")
    port_taken = "Bind on TCP/IP port"
    _mark: _Mark | None = None

    def mark(self) -> None:
        """Copy the main database within the server; whoever is connected is thrown out."""
        with self._asked("mark"), self._login() as connection:
            mysql_copies.throw_out(connection, self.main)
            mysql_copies.drop(connection, _MARK)
            mysql_copies.copy(connection, self.main, _MARK)
            self._mark = _Mark(
                database=_MARK,
                shared=_shared(connection),
                alone=mysql_beside.is_alone(connection, self.main, _MARK),
            )

    def clone(self, name: str) -> Database:
        """A copy of the marked state, else of the main database, called `name`."""
        source = self._mark.database if self._mark else self.main
        with self._asked("clone"), self._login() as connection:
            mysql_copies.copy(connection, source, name)
        return self._database(name)

    def _program(self) -> tuple[Account | None, str]:
        found = self._found
        self.product = "MariaDB" if found.is_mariadb else "MySQL"  # type: ignore[misc]
        self.program = os.path.basename(found.server)  # type: ignore[misc]
        return _account(found), os.path.dirname(found.server)

    @property
    def _found(self) -> mysql_installations.Found:
        found = self._installation.found
        assert isinstance(found, mysql_installations.Found)
        return found

    def _pristine(self) -> Path:
        return mysql_clusters.pristine(self._installation, self._found, self._run, self._account)

    def _arguments(self, source: Path) -> list[str]:  # noqa: ARG002
        found = self._found
        return [
            *mysql_clusters.common(found),
            "--datadir={data}",
            "--pid-file={data}/revguard.pid",
            f"--socket={self._sockets / _SOCKET}",
            # its own: a server that starts removes the temporary tables of all others there
            f"--tmpdir={self._sockets}",
            *mysql_clusters.as_root(self._account),
            *_settings(found),
            *self._listening(),
        ]

    def _listening(self) -> list[str]:
        if self._password is None:
            return ["--skip-networking"]
        self._port = local_server.free_port()
        return [f"--bind-address={local_server.LOOPBACK}", f"--port={self._port}"]

    def _connect(self, timeout: float | None = None) -> Connection:
        return network.MysqlConnection(
            socket=os.fspath(self._sockets / _SOCKET), username=_OWNER, timeout=timeout
        )

    def _url(self, name: str) -> Url:
        return Url(
            socket=os.fspath(self._sockets / _SOCKET),
            username=_OWNER,
            password=None,
            database=name,
        )

    def _let_others_in(self, connection: Connection, password: str) -> None:
        account = f"'{_OTHERS}'@'%'"
        connection.query(f"CREATE USER {account} IDENTIFIED BY {literal(password)}")
        connection.query(f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION")

    def _only_the_state(self, connection: Connection) -> str | None:
        if self._mark is None:
            if not mysql_beside.is_alone(connection, self.main):
                return None
        else:
            if not self._mark.alone or _shared(connection) != self._mark.shared:
                return None
            mysql_copies.throw_out(connection, self.main)
            mysql_copies.drop(connection, self.main)
            mysql_copies.copy(connection, self._mark.database, self.main)
        for other in mysql_beside.databases(connection) - {self.main}:
            mysql_copies.drop(connection, other)
        if self._password is not None:
            connection.query(f"DROP USER '{_OTHERS}'@'%'")
        connection.query("SET GLOBAL innodb_fast_shutdown = 0")
        return str(connection.query("SELECT @@datadir")[0][0]).rstrip("/")

    def _is_closed(self, data: Path) -> bool:
        return not (data / "revguard.pid").exists()


def _account(found: mysql_installations.Found) -> Account | None:
    """Nobody's rights where root asks; root's own where nobody could not reach the program."""
    try:
        account = accounts.server_account()
    except UnavailableError:
        return None
    if account is None or not accounts.can_reach(account, found.server):
        return None
    return account


def _settings(found: mysql_installations.Found) -> list[str]:
    """Fast, since nothing has to outlive a crash; small, since it is copied for each run."""
    settings: dict[str, str | int] = {
        "innodb-flush-log-at-trx-commit": 0,
        "innodb-doublewrite": 0,
        "innodb-buffer-pool-size": "32M",
        "innodb-buffer-pool-dump-at-shutdown": 0,
        "innodb-buffer-pool-load-at-startup": 0,
        "innodb-temp-data-file-path": "ibtmp1:1M:autoextend",
        "innodb-fast-shutdown": 1,
        "key-buffer-size": "1M",
        "max-connections": 50,
        "event-scheduler": "OFF",  # events of the project are made, and not run
    }
    if found.is_mariadb:
        settings |= {"innodb-flush-method": "nosync", "aria-pagecache-buffer-size": "1M"}
        settings |= {"performance-schema": 0}
    else:
        settings |= {"innodb-flush-method": "nosync", "mysqlx": 0}
    return [
        *(f"--{name}={value}" for name, value in settings.items()),
        "--skip-log-bin",
        "--skip-name-resolve",
        "--log-error-verbosity=2" if not found.is_mariadb else "--log-warnings=1",
    ]


def _shared(connection: Connection) -> str:
    """What the server holds beside its databases, as text."""
    found = ((table, _rows(connection, statement)) for table, statement in _SHARED.items())
    return "\n".join(f"{table} {row}" for table, rows in found for row in rows)


def _rows(connection: Connection, statement: str) -> list[Row]:
    """The rows of a table that only some versions have."""
    try:
        return connection.query(statement)
    except ServerError as error:
        if error.code not in _NOT_THERE:
            raise
        return []
