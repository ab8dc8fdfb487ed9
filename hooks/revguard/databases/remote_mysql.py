"""A MariaDB or MySQL that the user named: databases made, copied and dropped by a plain account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from revguard.databases import mysql_copies, remote_refusals, remote_tls
from revguard.databases.mysql_text import literal
from revguard.databases.mysql_text import name as quoted
from revguard.databases.network import MysqlConnection
from revguard.databases.providing import UnavailableError, Url
from revguard.databases.wire import ServerError
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    import ssl

    from revguard.databases.remote_url import Target

_PATIENCE_SECONDS = 60.0
_WAIT_SECONDS = 28800  # that the login may be silent while the project's revisions run
_VERSION = re.compile(r"(?:5\.5\.5-)?(\d+(?:\.\d+)*)")  # MariaDB says 5.5.5 first, for old clients


class MysqlAdministration:
    """One login, to no database."""

    def __init__(self, target: Target, *, timeout: float) -> None:
        self._target = target
        self._connection = self._log_in(timeout)
        told = self._connection.parameters["server_version"]
        found = _VERSION.match(told)
        self.version = found[1] if found else told
        self.is_mariadb = "mariadb" in told.lower()
        self._query = self._connection.query
        self._query(f"SET SESSION wait_timeout = {_WAIT_SECONDS}")

    def close(self) -> None:
        """Say good-bye; what was claimed is so no more."""
        self._connection.close()

    def now(self) -> str:
        """The server's own clock."""
        return self._value("SELECT DATE_FORMAT(UTC_TIMESTAMP(), '%Y%m%d%H%i%s')")

    def names(self) -> list[str]:
        """Those that this account has any right to."""
        return sorted(str(row[0]) for row in self._query(r"SHOW DATABASES LIKE 'revguard\_%'"))

    def lives(self, name: str, run: str) -> bool:  # noqa: ARG002 - each database has its lock
        """A lock of the database's name is held, or a session that we may see is in it."""
        held = self._asked_of_locks(f"IS_USED_LOCK({literal(name)})") not in {"", "None"}
        return held or any(row[3] == name for row in self._query("SHOW PROCESSLIST"))

    def claim(self, name: str) -> None:
        """A lock of this name, which ends with the login."""
        self._asked_of_locks(f"GET_LOCK({literal(name)}, 0)")

    def create(self, name: str) -> None:
        """With the charset and collation of the URL's own database, else the server's."""
        self._query(f"CREATE DATABASE {quoted(name)}{self._charset()}")

    def copy(self, source: str, target: str) -> None:
        """By SQL alone."""
        mysql_copies.copy(self._connection, source, target)

    def throw_out(self, name: str) -> None:
        """As far as this account may."""
        mysql_copies.throw_out(self._connection, name)

    def drop(self, name: str) -> None:
        """With whoever is in it."""
        mysql_copies.drop(self._connection, name)

    def missing(self, extensions: frozenset[str]) -> frozenset[str]:  # noqa: ARG002
        """There are none here."""
        return frozenset()

    def url(self, name: str) -> Url:
        """With all that the project's driver needs."""
        target = self._target
        url = Url(username=target.username, password=target.password, database=name)
        if target.socket:
            url["socket"] = target.socket
        else:
            url["host"], url["port"] = target.host, target.port
            if target.options:
                url["options"] = dict(target.options)
        return url

    def drop_command(self, name: str) -> str:
        """For the client."""
        return f"DROP DATABASE {quoted(name)};"

    def refusal(self, error: Exception) -> CouldNotCheck:
        """In words."""
        try:
            account = self._value("SELECT CURRENT_USER()")
        except (OSError, ServerError):
            account = ""
        return remote_refusals.of_mysql(error, self._target, account)

    def _asked_of_locks(self, call: str) -> str:
        """Empty where the server has no locks (Galera): then the age alone tells what is left."""
        try:
            return self._value(f"SELECT {call}")
        except ServerError:
            return ""

    def _charset(self) -> str:
        rows = self._query(
            "SELECT default_character_set_name, default_collation_name "  # noqa: S608
            "FROM information_schema.schemata "
            f"WHERE schema_name = {literal(self._target.database)}"
        )
        return "".join(f" CHARACTER SET {charset} COLLATE {order}" for charset, order in rows)

    def _log_in(self, timeout: float) -> MysqlConnection:
        target = self._target
        try:
            return MysqlConnection(
                host=target.host,
                port=target.port,
                socket=target.socket or None,
                username=target.username,
                password=target.password,
                timeout=timeout,
                patience=max(timeout, _PATIENCE_SECONDS),
                tls=self._tls(),
            )
        except UnavailableError as reason:
            raise CouldNotCheck(str(reason)) from None
        except Exception as error:
            raise remote_refusals.of_mysql(error, target, "") from error

    def _tls(self) -> ssl.SSLContext | bool | None:
        if self._target.socket or remote_tls.is_forbidden(self._target.options):
            return False
        return remote_tls.context(self._target.options)

    def _value(self, statement: str) -> str:
        return str(self._query(statement)[0][0])
