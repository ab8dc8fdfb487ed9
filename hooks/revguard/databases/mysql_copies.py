"""Databases of MariaDB and MySQL copied within one server by SQL alone: a name in, an equal
database out.

What lies beside the databases (accounts and their privileges) is not copied with one.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from revguard.databases.mysql_text import (
    literal,
    name,
    named,
    turned,
    without_definer,
)
from revguard.databases.wire import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from revguard.databases.network import Connection
    from revguard.databases.wire import Row

_ALONE_SECONDS = 5.0
_LOCK_SECONDS = 10  # the server's own patience is a day or a year
_NO_SUCH_THREAD, _NOT_YOURS = "1094", "1095"
_NOT_ALLOWED = "1227"  # to create something in another's name
_UNKNOWN_VARIABLE = "1193"
# Zero and impossible dates, zero in an AUTO_INCREMENT column: rows are taken as they are.
_MODE = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION"
_SETTINGS = {
    "sql_mode": _MODE,
    "sql_quote_show_create": "1",
    "foreign_key_checks": "0",
    "unique_checks": "0",
    "time_zone": "+00:00",  # no hour of a TIMESTAMP is missing or there twice
    "lock_wait_timeout": str(_LOCK_SECONDS),
}
# What only one of the two has, or only some accounts may set.
_EXTRA_SETTINGS = {
    "innodb_strict_mode": "0",
    "check_constraint_checks": "0",
    "system_versioning_insert_history": "1",
}
_CHARSET = ("character_set_client", "collation_connection")
_UTF8 = ("utf8", "utf8mb3", "utf8mb4")
_COLUMNS = """\
SELECT table_name, column_name FROM information_schema.columns
 WHERE table_schema = DATABASE()
   AND (generation_expression IS NULL OR generation_expression = '' {versions})
 ORDER BY table_name, ordinal_position"""
_VERSIONS = "OR generation_expression IN ('ROW START', 'ROW END')"
_TABLES = """\
SELECT table_name, table_type, engine FROM information_schema.tables
 WHERE table_schema = DATABASE() ORDER BY table_name"""
_TRIGGERS = """\
SELECT trigger_name FROM information_schema.triggers
 WHERE trigger_schema = DATABASE()
 ORDER BY event_object_table, action_timing, event_manipulation, action_order"""
_ROUTINES = """\
SELECT routine_type, routine_name FROM information_schema.routines
 WHERE routine_schema = DATABASE()
 ORDER BY FIELD(routine_type, 'PACKAGE', 'PACKAGE BODY', 'FUNCTION', 'PROCEDURE'), routine_name"""
_EVENTS = """\
SELECT event_name FROM information_schema.events
 WHERE event_schema = DATABASE() ORDER BY event_name"""


def copy(connection: Connection, source: str, target: str) -> None:
    """Make `target` anew as an equal of `source`, whose visitors are thrown out.

    The connection's current database may be another afterwards; its settings are as before.
    """
    throw_out(connection, source)
    settings = _Settings(connection)
    try:
        settings.set(_SETTINGS)
        settings.try_to_set(_EXTRA_SETTINGS)
        drop(connection, target)
        _Copy(connection, settings, source, target).run()
    finally:
        settings.restore()


def drop(connection: Connection, database: str) -> None:
    """Drop a database, if it is there, with whoever is connected to it."""
    throw_out(connection, database)
    settings = _Settings(connection)
    try:
        settings.set({"foreign_key_checks": "0", "lock_wait_timeout": str(_LOCK_SECONDS)})
        connection.query(f"DROP DATABASE IF EXISTS {name(database)}")
    finally:
        settings.restore()


def throw_out(connection: Connection, database: str) -> None:
    """End the sessions whose current database this is, as far as this account may."""
    own = connection.query("SELECT CONNECTION_ID()")[0][0]
    asked: set[str] = set()
    until = time.monotonic() + _ALONE_SECONDS
    while visitors := _visitors(connection, database, own):
        for visitor in visitors - asked:
            asked.add(visitor)
            _kill(connection, visitor)
        if time.monotonic() > until:
            return
        time.sleep(0.001)


def _visitors(connection: Connection, database: str, own: str | None) -> set[str]:
    rows = connection.query("SHOW PROCESSLIST")
    return {str(row[0]) for row in rows if row[3] == database and row[0] != own}


def _kill(connection: Connection, thread: str) -> None:
    try:
        connection.query(f"KILL {thread}")
    except ServerError as error:
        if error.code not in {_NO_SUCH_THREAD, _NOT_YOURS}:
            raise


class _Settings:
    """The session's variables, and what they were before."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._before: dict[str, str] = {}
        self._now: dict[str, str] = {}

    def set(self, wanted: Mapping[str, str]) -> None:
        """Set variables; those that are so already cost nothing."""
        changed = {key: value for key, value in wanted.items() if self._now.get(key) != value}
        unknown = [key for key in changed if key not in self._before]
        if unknown:
            found = self._connection.query(f"SELECT {', '.join('@@' + key for key in unknown)}")
            told = {key: str(value) for key, value in zip(unknown, found[0], strict=True)}
            self._before.update(told)
            self._now.update(told)
            changed = {key: value for key, value in changed.items() if self._now[key] != value}
        if changed:
            self._set(changed)

    def try_to_set(self, wanted: Mapping[str, str]) -> None:
        """Set those that this server has and that this account may set."""
        for key, value in wanted.items():
            self._try_to_set(key, value)

    def _try_to_set(self, key: str, value: str) -> None:
        try:
            self.set({key: value})
        except ServerError as error:
            self._before.pop(key, None)
            if error.code not in {_UNKNOWN_VARIABLE, _NOT_ALLOWED}:
                raise

    def knows(self, key: str) -> bool:
        """Whether it was set."""
        return key in self._before

    def restore(self) -> None:
        """Set back what was changed, if the server is still there."""
        with suppress(OSError):
            self.set(dict(self._before))

    def _set(self, wanted: Mapping[str, str]) -> None:
        spelled = (
            f"{key} = {value if value.isdigit() else literal(value)}"
            for key, value in wanted.items()
        )
        self._connection.query(f"SET {', '.join(spelled)}")
        self._now.update(wanted)


class _Copy:
    """One database on its way to another name."""

    def __init__(
        self, connection: Connection, settings: _Settings, source: str, target: str
    ) -> None:
        self._query = connection.query
        self._settings = settings
        self._source = source
        self._target = target
        self._use(source)
        found = self._query(_TABLES)
        kinds = [(str(row[0]), str(row[1])) for row in found]
        self._sequences = [one for one, kind in kinds if kind == "SEQUENCE"]
        self._views = [one for one, kind in kinds if kind == "VIEW"]
        self._tables = [one for one, kind in kinds if kind not in {"SEQUENCE", "VIEW"}]
        self._versioned = {one for one, kind in kinds if kind == "SYSTEM VERSIONED"}
        self._merged = {str(row[0]) for row in found if row[2] == "MRG_MyISAM"}
        self._triggers = [str(row[0]) for row in self._query(_TRIGGERS)]
        self._routines = [(str(kind), str(one)) for kind, one in self._query(_ROUTINES)]
        self._events = [str(row[0]) for row in self._query(_EVENTS)]
        objects = [one for one, _ in kinds] + [one for _, one in self._routines]
        self._objects = {one.lower() for one in objects + self._triggers + self._events}

    def run(self) -> None:
        """Sequences, tables and rows; then what is made of them."""
        created = str(self._query(f"SHOW CREATE DATABASE {name(self._source)}")[0][1])
        self._query(named(created, self._target))
        for sequence in self._sequences:
            self._copy_sequence(sequence)
        self._copy_tables()
        self._copy_rows()
        self._create_all([self._routine(kind, one) for kind, one in self._routines])
        self._create_views([self._view(one) for one in self._views])
        self._create_all([self._trigger(one) for one in self._triggers])
        self._create_all([self._event(one) for one in self._events])

    def _use(self, database: str) -> None:
        self._query(f"USE {name(database)}")

    def _show(self, kind: str, one: str) -> Row:
        return self._query(f"SHOW CREATE {kind} {name(one)}")[0]

    def _turned(self, statement: str, mode: str = "") -> str:
        return turned(statement, self._source, self._target, self._objects, mode)

    def _copy_sequence(self, sequence: str) -> None:
        """With the next value that nobody has in store."""
        statement = self._turned(str(self._show("SEQUENCE", sequence)[1]))
        state = f"SELECT next_not_cached_value, cycle_count FROM {name(sequence)}"  # noqa: S608
        value, rounds = self._query(state)[0]
        self._use(self._target)
        self._query(statement)
        self._query(f"SELECT SETVAL({name(sequence)}, {value}, 0, {rounds})")
        self._use(self._source)

    def _copy_tables(self) -> None:
        shown = [self._turned(str(self._show("TABLE", table)[1])) for table in self._tables]
        self._use(self._target)
        for statement in shown:
            self._query(statement)
        self._use(self._source)

    def _copy_rows(self) -> None:
        history = self._settings.knows("system_versioning_insert_history")
        columns: dict[str, list[str]] = {}
        for table, column in self._query(_COLUMNS.format(versions=_VERSIONS if history else "")):
            columns.setdefault(str(table), []).append(name(str(column)))
        for table in self._tables:
            if table in self._merged or table not in columns:
                continue  # the rows are those of other tables, or there is nothing in them
            whole = history and table in self._versioned
            listed = list(columns[table])
            if whole and not self._has_periods(table):
                listed += ["row_start", "row_end"]  # MariaDB's names where none are declared
            picked = ", ".join(listed)
            period = " FOR SYSTEM_TIME ALL" if whole else ""
            self._query(
                f"INSERT INTO {name(self._target)}.{name(table)} ({picked}) "  # noqa: S608
                f"SELECT {picked} FROM {name(table)}{period}"
            )

    def _has_periods(self, table: str) -> bool:
        return "PERIOD FOR SYSTEM_TIME" in str(self._show("TABLE", table)[1])

    def _routine(self, kind: str, one: str) -> Callable[[], None]:
        _, mode, text, *charset = self._show(kind, one)
        if text is None:
            raise ServerError({"M": f"the {kind.lower()} {one} may not be read by this account"})
        return self._creation(f"the {kind.lower()} {one}", str(text), str(mode), charset)

    def _view(self, one: str) -> Callable[[], None]:
        _, text, *charset = self._show("VIEW", one)
        return self._creation(f"the view {one}", str(text), _MODE, charset)

    def _trigger(self, one: str) -> Callable[[], None]:
        _, mode, text, *charset = self._show("TRIGGER", one)
        return self._creation(f"the trigger {one}", str(text), str(mode), charset)

    def _event(self, one: str) -> Callable[[], None]:
        _, mode, zone, text, *charset = self._show("EVENT", one)
        at = {"time_zone": str(zone)}
        return self._creation(f"the event {one}", str(text), str(mode), charset, at)

    def _creation(
        self,
        what: str,
        text: str,
        mode: str,
        charset: Sequence[str | None],
        more: Mapping[str, str] | None = None,
    ) -> Callable[[], None]:
        """To be called in the target: creates it under the settings that it was created with."""
        statement = self._turned(text, mode)
        wanted = {"sql_mode": mode, "time_zone": _SETTINGS["time_zone"], **(more or {})}
        client, collation = (str(value) for value in charset[:2])
        # our statements are sent as UTF-8; pure ASCII is the same in every client's charset
        if client in _UTF8 or statement.isascii():
            wanted[_CHARSET[0]] = client
        wanted[_CHARSET[1]] = collation

        def create() -> None:
            self._settings.set(wanted)
            try:
                self._create(statement)
            except ServerError as error:
                told = {"C": error.code, "M": f"{what} cannot be copied: {error}"}
                raise ServerError(told) from error

        return create

    def _create(self, statement: str) -> None:
        """In its definer's name, where this account may do that."""
        try:
            self._query(statement)
        except ServerError as error:
            if error.code != _NOT_ALLOWED:
                raise
            self._query(without_definer(statement))

    def _create_all(self, creations: Sequence[Callable[[], None]]) -> None:
        self._in_target(creations, _run_all)

    def _create_views(self, creations: Sequence[Callable[[], None]]) -> None:
        """Those that use others after them: each is tried until none can be made any more."""
        self._in_target(creations, _run_until_none_fails)

    def _in_target(
        self,
        creations: Sequence[Callable[[], None]],
        run: Callable[[Sequence[Callable[[], None]]], None],
    ) -> None:
        if not creations:
            return
        self._use(self._target)
        charset = self._query(f"SELECT {', '.join('@@' + key for key in _CHARSET)}")[0]
        run(creations)
        own = {"sql_mode": _MODE, "time_zone": _SETTINGS["time_zone"]}
        self._settings.set(own | {k: str(v) for k, v in zip(_CHARSET, charset, strict=True)})
        self._use(self._source)


def _run_all(creations: Sequence[Callable[[], None]]) -> None:
    for create in creations:
        create()


def _run_until_none_fails(creations: Sequence[Callable[[], None]]) -> None:
    while creations:
        failed = [(create, reason) for create in creations if (reason := _refusal(create))]
        if len(failed) == len(creations):
            raise failed[0][1]
        creations = [create for create, _ in failed]


def _refusal(create: Callable[[], None]) -> ServerError | None:
    try:
        create()
    except ServerError as error:
        return error
    return None
