"""The text of a dump and an empty database in; the database as the dump has it out."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final, Protocol, cast

from revguard.databases import addresses, wire
from revguard.databases.statements import Statement, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from revguard.databases.network import Connection
    from revguard.databases.providing import Database

_Pattern = re.Pattern[str]


class _Copying(Protocol):
    """A login to PostgreSQL."""

    def copy(self, statement: str, rows: bytes) -> None: ...


class LoadError(Exception):
    """A statement failed; the line is that of the file."""

    def __init__(self, said: str, line: int, statement: str) -> None:
        self.line, self.statement = line, statement
        super().__init__(said)


def _pattern(text: str) -> _Pattern:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


# What concerns the server, or another database than the one that is there
_LEFT_OUT: Final[Mapping[str, _Pattern]] = {
    "postgresql": _pattern(
        r"\\(restrict|unrestrict|connect|c|encoding|set|unset|pset|echo|qecho|warn|timing|\.)\b"
        r"|\\\.|SET\s+(client_encoding|SESSION\s+AUTHORIZATION|transaction_timeout)\b"
        r"|(CREATE|ALTER|DROP)\s+DATABASE\b|COMMENT\s+ON\s+DATABASE\b"
    ),
    "mysql": _pattern(
        r"(/\*!\d+\s*)?(CREATE|DROP|ALTER)\s+(DATABASE|SCHEMA)\b|USE\s"
        r"|(/\*!\d+\s*)?SET\s+@@(GLOBAL\.|SESSION\.SQL_LOG_BIN)|CHANGE\s+(MASTER|REPLICATION)\b"
    ),
    "sqlite": _pattern(r"(BEGIN|COMMIT|END|ROLLBACK)(\s+TRANSACTION)?\s*;?$"),
}
_RIGHTS: Final = _pattern(
    r"GRANT\b|REVOKE\b|ALTER\s+DEFAULT\s+PRIVILEGES\b|ALTER\b.*\bOWNER\s+TO\b"
)
_SETTING: Final = _pattern(r"SET\b|SELECT\s+pg_catalog\.set_config\b")
_DEFINER: Final = _pattern(r"\bDEFINER\s*=\s*(`[^`]*`|'[^']*'|\w+)@(`[^`]*`|'[^']*'|[\w.%-]+)")
_UNDEFINED: Final = "42704"  # of a role or of a setting that a server of this version lacks
_DUPLICATE_SCHEMA: Final = "42P06"  # public


def load(text: str, database: Database, timeout: float, given_up: Callable[[], bool]) -> None:
    """Run the whole file. LoadError, or OSError where the server does not answer."""
    if database.login is not None:
        raise LoadError(f"what a dump of {database.dialect} says is not known here", 1, "")
    if database.dialect == "sqlite":
        _on_sqlite(text, str(database.url["database"]))
        return
    with addresses.connect(database, timeout) as login:
        for one in _wanted(text, database.dialect):
            if given_up():
                return
            try:
                _run(login, one, database.dialect)
            except wire.ServerError as error:
                if not _is_forgiven(error, one.text):
                    raise _failed(one, str(error), error.position) from error


def _wanted(text: str, dialect: str) -> list[Statement]:
    left_out = _LEFT_OUT["mysql" if dialect == "mariadb" else dialect]
    return [one for one in statements(text, dialect) if not left_out.match(one.text)]


def _run(login: Connection, one: Statement, dialect: str) -> None:
    if one.rows is not None:
        cast("_Copying", login).copy(one.text, one.rows.encode("utf-8", "surrogateescape"))
    elif one.text.startswith("\\"):
        raise wire.ServerError({"M": "psql's own commands are no SQL", "P": "1"})
    elif dialect == "postgresql":
        login.query(one.text)
    else:
        login.query(_DEFINER.sub("", one.text))


def _is_forgiven(error: wire.ServerError, statement: str) -> bool:
    """Owners and rights are compared by nobody, and psql itself goes on after any error."""
    if error.code == _UNDEFINED:
        return bool(_RIGHTS.match(statement) or _SETTING.match(statement))
    return error.code == _DUPLICATE_SCHEMA


def _on_sqlite(text: str, path: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for one in _wanted(text, "sqlite"):
            try:
                connection.execute(one.text)
            except (sqlite3.Error, sqlite3.Warning) as error:  # noqa: PERF203 - which line, matters
                raise _failed(one, str(error)) from error
        connection.execute("COMMIT")


def _failed(one: Statement, said: str, position: int = 0) -> LoadError:
    line = one.line + one.text.count("\n", 0, max(position - 1, 0))
    return LoadError(said, line, one.text)
