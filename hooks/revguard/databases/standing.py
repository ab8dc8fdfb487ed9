"""A database in; what stands in it out: its tables, and the revisions that it is at."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from revguard.databases import addresses, wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from revguard.databases.borrowed import Login
    from revguard.databases.network import Connection
    from revguard.databases.providing import Database

# Names as worker/premade.py has them, what an extension brought left out; and whether a table has
# one column only, called as that of each version table, whatever its name and schema.
_POSTGRESQL: Final = """\
SELECT n.nspname, c.relname, c.relkind = 'r' AND
  (SELECT string_agg(attname, ',') FROM pg_attribute
   WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) = 'version_num'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema' AND NOT EXISTS
  (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')"""
_MYSQL: Final = """\
SELECT '', table_name, group_concat(column_name) = 'version_num' FROM information_schema.columns
WHERE table_schema = database() GROUP BY table_name"""
_SQLITE: Final = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'view')"

_ROWS: Final = "SELECT version_num FROM {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What there is before env.py runs. `versioned`: there is a version table, if an empty one."""

    tables: tuple[str, ...] = ()
    heads: tuple[str, ...] | None = ()  # None: not known
    versioned: bool = False


def of(database: Database, timeout: float) -> Standing:
    """As it is now."""
    if database.dialect == "sqlite":
        with closing(sqlite3.connect(str(database.url["database"]))) as connection:
            return _of_sqlite(connection)
    if database.login is not None:
        with database.login(timeout) as borrowed:
            return _of_another(borrowed, borrowed.tables())
    with addresses.connect(database, timeout) as login:
        is_postgresql = database.dialect == "postgresql"
        return _of_server(login, _POSTGRESQL if is_postgresql else _MYSQL)


def _of_server(login: Connection, asked: str) -> Standing:
    tables, version_tables = [], []
    for schema, table, is_version in login.query(asked):
        tables.append(f"{schema}.{table}" if schema else str(table))
        if str(is_version).lower() in ("t", "true", "1"):
            quoted = f"{wire.name(schema)}.{wire.name(str(table))}" if schema else f"`{table}`"
            version_tables.append(quoted)
    rows = (login.query(_ROWS.format(name)) for name in version_tables)
    return _standing(tables, version_tables, (str(row[0]) for found in rows for row in found))


def _of_another(login: Login, tables: list[str]) -> Standing:
    """By a driver of the project's: of a version table the name alone tells."""
    if not tables:
        return Standing()
    for name in (one for one in tables if "version" in one.lower()):
        with suppress(wire.ServerError):  # another table
            rows = login.query(_ROWS.format(name))
            return _standing(tables, [name], (str(row[0]) for row in rows))
    return Standing(tables=tuple(tables), heads=None)


def _of_sqlite(connection: sqlite3.Connection) -> Standing:
    found = connection.execute(_SQLITE).fetchall()
    quoted = [wire.name(name) for name, sql in found if "version_num" in (sql or "")]
    version_tables = [
        name
        for name in quoted
        if [row[1] for row in connection.execute(f"PRAGMA table_info({name})")] == ["version_num"]
    ]
    rows = (connection.execute(_ROWS.format(name)) for name in version_tables)
    heads = (str(row[0]) for cursor in rows for row in cursor)
    return _standing([str(name) for name, _ in found], version_tables, heads)


def _standing(
    tables: Sequence[str], version_tables: Sequence[str], heads: Iterator[str]
) -> Standing:
    is_known = bool(version_tables) or not tables  # there may be one of another shape
    return Standing(
        tables=tuple(tables),
        heads=tuple(dict.fromkeys(heads)) if is_known else None,
        versioned=bool(version_tables),
    )
