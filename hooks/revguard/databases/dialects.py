"""A server's address in; a login, and its databases marked and copied by SQL, out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from revguard.databases import mysql_beside, network, replicas, wire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from revguard.databases.network import Connection
    from revguard.databases.wire import Row

_MARK = "revguard_mark"
_STARTING = "57P03"  # SQLSTATE cannot_connect_now
_LOCK = 0x72657667  # any number: nobody else is on that server
_LOCK_SECONDS = 60
_OWN_ACCOUNTS = (
    "root", "", "mariadb.sys", "mysql", "mysql.sys", "mysql.session", "mysql.infoschema",
    "healthcheck", "PUBLIC",
)  # fmt: skip
# What lies beside the databases: accounts with their passwords, rights and roles.
_ACCOUNTS = "SELECT user, host FROM mysql.user ORDER BY user, host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server listens, and the account that owns it."""

    host: str
    port: int
    user: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A database as it was, with what the server held beside it at that moment."""

    database: str
    beside: object


class Dialect(Protocol):
    """What the servers of one kind are asked for."""

    def connect(
        self, address: Address, timeout: float | None = None, *, visited: str | None = None
    ) -> Connection:
        """A login that visits `visited`, else no database which could be copied or dropped."""

    def is_starting(self, error: wire.ServerError) -> bool:
        """Whether the server will be ready later."""

    def mark(self, connection: Connection, database: str) -> Mark:
        """Copy a database aside, in place of an earlier mark."""

    def create(self, connection: Connection, name: str) -> None:
        """An empty database."""

    def copy(self, connection: Connection, source: str, target: str) -> None:
        """An equal of `source`, called `target`."""

    def drop(self, connection: Connection, name: str) -> None:
        """Remove a database, whoever uses it."""

    def names(self, connection: Connection) -> list[str]:
        """The databases that are not the server's own."""

    def strip(self, connection: Connection) -> None:
        """Take out of a new server what no run needs and each would have to copy."""

    def only(self, connection: Connection, main: str, marked: Mark | None) -> bool:
        """Leave nothing but the marked state, as `main`; False where more cannot be undone."""

    def alone(self, connection: Connection) -> AbstractContextManager[None]:
        """A stretch in which no other run is, on a server that several use."""

    def beside(self, connection: Connection) -> list[str]:
        """The accounts, as SQL spells them, that no new server has."""

    def drop_beside(self, connection: Connection, accounts: list[str]) -> None:
        """Drop them, but for those that something depends on."""


class Postgresql:
    """PostgreSQL, by replicas.py."""

    def connect(
        self, address: Address, timeout: float | None = None, *, visited: str | None = None
    ) -> Connection:
        """To template1, where nothing else is named."""
        return network.PostgresConnection(
            host=address.host,
            port=address.port,
            username=address.user,
            password=address.password,
            database=visited or "template1",
            timeout=timeout,
        )

    def is_starting(self, error: wire.ServerError) -> bool:
        """It says so itself."""
        return error.code == _STARTING

    def mark(self, connection: Connection, database: str) -> Mark:
        """Within the server."""
        found = replicas.mark(connection, database)
        return Mark(database=found.database, beside=found)

    def create(self, connection: Connection, name: str) -> None:
        """From template1, as anybody would."""
        connection.query(f"CREATE DATABASE {wire.name(name)}")

    def copy(self, connection: Connection, source: str, target: str) -> None:
        """Within the server."""
        replicas.copy(connection, source, target)

    def drop(self, connection: Connection, name: str) -> None:
        """Its visitors are thrown out first."""
        replicas.drop(connection, name)

    def names(self, connection: Connection) -> list[str]:
        """All but the templates."""
        found = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY oid"
        return [str(row[0]) for row in connection.query(found)]

    def strip(self, connection: Connection) -> None:
        """The databases that nobody uses are two thirds of the folder."""
        connection.query("UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'")
        for name in ("template0", "postgres"):
            replicas.drop(connection, name)

    def only(self, connection: Connection, main: str, marked: Mark | None) -> bool:
        """By replicas.only."""
        found = marked.beside if marked else None
        assert found is None or isinstance(found, replicas.Mark)
        return replicas.only(connection, main, found) is not None

    @contextmanager
    def alone(self, connection: Connection) -> Iterator[None]:
        """By an advisory lock."""
        connection.query(f"SELECT pg_advisory_lock({_LOCK})")
        try:
            yield
        finally:
            connection.query(f"SELECT pg_advisory_unlock({_LOCK})")

    def beside(self, connection: Connection) -> list[str]:
        """Roles."""
        found = "SELECT rolname FROM pg_roles WHERE oid >= 16384"  # FirstNormalObjectId
        return [wire.name(str(row[0])) for row in connection.query(found)]

    def drop_beside(self, connection: Connection, accounts: list[str]) -> None:
        """A kept state may hold objects of theirs."""
        for account in accounts:
            _try(connection, f"DROP ROLE {account}")


class _Beside(NamedTuple):
    """What a MariaDB or MySQL holds beside its main database."""

    alone: bool  # nothing but copies of ours
    accounts: list[tuple[str, ...]]


class Mysql:
    """MariaDB and MySQL, by mysql_copies.py."""

    def __init__(self, *, tls: bool) -> None:
        self._tls = tls
        self._made: set[str] = set()  # copies of ours, which are no revision's

    def connect(
        self,
        address: Address,
        timeout: float | None = None,
        *,
        visited: str | None = None,  # noqa: ARG002 - a visitor is in nobody's way
    ) -> Connection:
        """To no database."""
        return network.MysqlConnection(
            host=address.host,
            port=address.port,
            username=address.user,
            password=address.password,
            timeout=timeout,
            tls=_unverified() if self._tls else None,
        )

    def is_starting(self, error: wire.ServerError) -> bool:
        """It listens when it is ready."""
        return error.code == "1053"  # server shutdown in progress: it initialised itself

    def mark(self, connection: Connection, database: str) -> Mark:
        """By SQL: there is no other way within the server."""
        self.copy(connection, database, _MARK)
        return Mark(database=_MARK, beside=self._beside(connection, database))

    def create(self, connection: Connection, name: str) -> None:
        """With the server's own character set."""
        connection.query(f"CREATE DATABASE `{name}`")

    def copy(self, connection: Connection, source: str, target: str) -> None:
        """By SQL."""
        from revguard.databases import mysql_copies

        self._made.add(target)
        mysql_copies.copy(connection, source, target)

    def drop(self, connection: Connection, name: str) -> None:
        """Whoever uses it."""
        from revguard.databases import mysql_copies

        mysql_copies.drop(connection, name)

    def names(self, connection: Connection) -> list[str]:
        """All but the server's own."""
        return sorted(mysql_beside.databases(connection))

    def strip(self, connection: Connection) -> None:
        """There is nothing to spare."""

    def only(self, connection: Connection, main: str, marked: Mark | None) -> bool:
        """A database has no other name there than the one that it was made with.

        A database that was beside it could not be kept with it, nor a variable that was set; an
        account that came later could not be taken back.
        """
        now = self._beside(connection, main)
        then = marked.beside if marked is not None else now
        assert isinstance(then, _Beside)
        if not then.alone or then.accounts != now.accounts:
            return False
        if marked is not None:
            self.copy(connection, marked.database, main)
        for other in self.names(connection):
            if other != main:
                self.drop(connection, other)
        return True

    @contextmanager
    def alone(self, connection: Connection) -> Iterator[None]:
        """By a lock of its name."""
        connection.query(f"SELECT GET_LOCK('revguard', {_LOCK_SECONDS})")
        try:
            yield
        finally:
            connection.query("SELECT RELEASE_LOCK('revguard')")

    def beside(self, connection: Connection) -> list[str]:
        """Accounts and roles."""
        accounts = connection.query(_ACCOUNTS)
        return [_account(row) for row in accounts if row[0] not in _OWN_ACCOUNTS]

    def drop_beside(self, connection: Connection, accounts: list[str]) -> None:
        """Nothing depends on them."""
        for account in accounts:
            _try(connection, f"DROP USER {account}") or _try(connection, f"DROP ROLE {account}")

    def _beside(self, connection: Connection, main: str) -> _Beside:
        return _Beside(
            alone=mysql_beside.is_alone(connection, main, *self._made),
            accounts=self._accounts(connection),
        )

    def _accounts(self, connection: Connection) -> list[tuple[str, ...]]:
        accounts = connection.query(_ACCOUNTS)
        grants = [row for one in accounts for row in _grants(connection, one)]
        return [tuple(map(str, row)) for row in (*accounts, *grants)]


def of_server(server: str) -> Dialect:
    """By the family's name."""
    return Postgresql() if server == "postgresql" else Mysql(tls=server == "mysql")


def _grants(connection: Connection, account: Row) -> list[Row]:
    try:
        return connection.query(f"SHOW GRANTS FOR {_account(account)}")
    except wire.ServerError:
        return []


def _account(row: Row) -> str:
    """A role of MariaDB's has no host."""
    user, host = row[0], row[1]
    return f"'{_escaped(user)}'@'{_escaped(host)}'" if host else f"'{_escaped(user)}'"


def _try(connection: Connection, statement: str) -> bool:
    try:
        connection.query(statement)
    except wire.ServerError:
        return False
    return True


def _escaped(text: str | None) -> str:
    return (text or "").replace("\\", "\\\\").replace("'", "''")


def _unverified() -> ssl.SSLContext:
    """MySQL takes a password only by TLS at first; its certificate is its own, made an hour ago."""
    import ssl

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
