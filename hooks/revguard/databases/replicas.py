"""Databases copied within one server: a name in, an equal database out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from revguard.databases import wire

if TYPE_CHECKING:
    from revguard.databases.network import Connection

_MARK = "revguard_mark"
_ALONE_SECONDS = 5.0
# What lies beside the databases and so is not copied with one: roles, their memberships and
# settings, tablespaces, ALTER SYSTEM.
_SHARED = """\
SELECT concat_ws(E'\\n',
  (SELECT string_agg(r::text, ',' ORDER BY r::text) FROM pg_authid r),
  (SELECT string_agg(m::text, ',' ORDER BY m::text) FROM pg_auth_members m),
  (SELECT string_agg(s::text, ',' ORDER BY s::text) FROM pg_db_role_setting s
    WHERE setdatabase = 0),
  (SELECT string_agg(t::text, ',' ORDER BY t::text) FROM pg_tablespace t),
  pg_read_file('postgresql.auto.conf'))"""

# What belongs to a database and yet is not copied with it.
_BELONGINGS = """\
INSERT INTO pg_db_role_setting (setdatabase, setrole, setconfig)
SELECT copied.oid, setrole, setconfig
  FROM pg_database copied, pg_db_role_setting JOIN pg_database origin ON setdatabase = origin.oid
  WHERE copied.datname = {target} AND origin.datname = {source};
INSERT INTO pg_shdescription (objoid, classoid, description)
SELECT copied.oid, classoid, description
  FROM pg_database copied, pg_shdescription JOIN pg_database origin ON objoid = origin.oid
  WHERE copied.datname = {target} AND origin.datname = {source}
    AND classoid = 'pg_database'::regclass;
UPDATE pg_database copied SET datdba = origin.datdba, datacl = origin.datacl
  FROM pg_database origin
  WHERE copied.datname = {target} AND origin.datname = {source}"""
_DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A database as it was, with what the server held beside it at that moment."""

    database: str
    roles: frozenset[str]
    shared: str


def mark(connection: Connection, database: str) -> Mark:
    """Copy a database aside, in place of an earlier mark."""
    connection.query(f"DROP DATABASE IF EXISTS {_MARK}")
    copy(connection, database, _MARK)
    return Mark(database=_MARK, roles=_roles(connection), shared=_shared(connection))


def copy(connection: Connection, source: str, target: str) -> None:
    """Copy a database with its own settings, owner and privileges; its visitors are thrown out."""
    _throw_out(connection, source)
    version = int(_value(connection, "SHOW server_version_num"))
    # file_copy takes two thirds of the time where nothing is synchronised to disk
    strategy = " STRATEGY file_copy" if version >= 150000 else ""
    connection.query(f"CREATE DATABASE {wire.name(target)} TEMPLATE {wire.name(source)}{strategy}")
    connection.query(_BELONGINGS.format(source=wire.literal(source), target=wire.literal(target)))


def only(connection: Connection, main: str, marked: Mark | None) -> str | None:
    """Leave nothing but the marked state, named `main`; the data folder.

    None where the server holds more beside the databases than it did at the mark.
    """
    keep = marked.database if marked else main
    for other in _column(connection, _DATABASES) - {keep}:
        _throw_out(connection, other)
        connection.query(f"DROP DATABASE {wire.name(other)}")
    _throw_out(connection, keep)
    if marked is not None:
        connection.query(f"ALTER DATABASE {wire.name(keep)} RENAME TO {wire.name(main)}")
        for role in _roles(connection) - marked.roles:
            connection.query(f"DROP ROLE {wire.name(role)}")
        if _shared(connection) != marked.shared:
            return None
    if _value(connection, "SELECT count(*) FROM pg_tablespace") != "2":
        return None  # a folder elsewhere, which is not copied
    return _value(connection, "SHOW data_directory")


def drop(connection: Connection, database: str) -> None:
    """Drop a database, if it is there; its visitors are thrown out."""
    _throw_out(connection, database)
    connection.query(f"DROP DATABASE IF EXISTS {wire.name(database)}")


def _throw_out(connection: Connection, database: str) -> None:
    """End the database's visitors; CREATE DATABASE itself would look only each 100 ms."""
    visitors = f"FROM pg_stat_activity WHERE datname = {wire.literal(database)}"
    connection.query(f"SELECT pg_terminate_backend(pid) {visitors}")
    until = time.monotonic() + _ALONE_SECONDS
    while _value(connection, f"SELECT count(*) {visitors}") != "0" and time.monotonic() < until:
        time.sleep(0.001)


def _roles(connection: Connection) -> frozenset[str]:
    return _column(connection, "SELECT rolname FROM pg_roles")


def _shared(connection: Connection) -> str:
    return _value(connection, _SHARED)


def _column(connection: Connection, statement: str) -> frozenset[str]:
    return frozenset(str(row[0]) for row in connection.query(statement))


def _value(connection: Connection, statement: str) -> str:
    return str(connection.query(statement)[0][0])
