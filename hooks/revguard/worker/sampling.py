"""Rows for the tables of an ephemeral database, and what its tables hold: a connection in, the
tables that took no row, or all rows as text out."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import hashlib
import re
import uuid
import warnings
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import inspect

if TYPE_CHECKING:
    from typing import Iterator, Mapping, Sequence

ROWS = 3  # of each table
_LONGEST = 120  # characters of a cell
_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys", "pg_catalog", "pg_toast")
_LITERAL = re.compile(r"'(?:[^']|'')*'|(?<![\w.'])\d+(?![\w.'])")
_DAY = datetime.date(2021, 3, 4)
# by the name of a type that only one dialect has; {0} is the number of the row
_TEXTS = {
    "INET": "10.0.0.{0}",
    "CIDR": "10.0.{0}.0/24",
    "MACADDR": "08:00:2b:01:02:0{0}",
    "TSVECTOR": "word{0}",
    "BIT": "1",
    "MONEY": "{0}.50",
    "YEAR": "202{0}",
    "HSTORE": '"key"=>"{0}"',
}


class _No(Exception):  # noqa: N818  (it is no error: this table takes no row)
    """Nothing is known that the column would take."""


def fill(connection: Any, version_table: str) -> list[str]:
    """Put rows into every table, parents first; the names of those that hold none after it."""
    empty = []
    for table in _tables(connection, version_table):
        named = _named_in_checks(connection, table)
        for number in range(1, ROWS + 1):
            _insert(connection, table, number, named)
        if not connection.execute(sa.select(sa.func.count()).select_from(table)).scalar():
            empty.append(table.fullname)
    return sorted(empty)


def read(connection: Any, version_table: str) -> dict[str, Any]:
    """{table: {"columns": [...], "rows": [[text, ...], ...]}}, whatever order the rows lie in."""
    preparer = connection.dialect.identifier_preparer
    found = {}
    for table in _tables(connection, version_table):
        result = connection.exec_driver_sql(f"SELECT * FROM {preparer.format_table(table)}")  # noqa: S608
        columns = list(result.keys())
        order = sorted(range(len(columns)), key=columns.__getitem__)
        rows = sorted([_text(row[index]) for index in order] for row in result.fetchall())
        found[table.fullname] = {"columns": [columns[index] for index in order], "rows": rows}
    return found


def _tables(connection: Any, version_table: str) -> list[Any]:
    """The tables, each after those that it refers to."""
    metadata = sa.MetaData()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # types that SQLAlchemy does not know, cycles of tables
        for schema in _schemas(connection):
            metadata.reflect(connection, schema=schema, only=lambda name, _: name != version_table)
        return list(metadata.sorted_tables)


def _schemas(connection: Any) -> list[Any]:
    if connection.dialect.name != "postgresql":
        return [None]
    inspector: Any = inspect(connection)
    usual = inspector.default_schema_name
    names = [name for name in inspector.get_schema_names() if not name.startswith(_SYSTEM)]
    return [None, *(name for name in names if name != usual)]


def _named_in_checks(connection: Any, table: Any) -> dict[str, list[str]]:
    """Strings and numbers that the check constraints of a column name."""
    found: dict[str, list[str]] = {}
    with contextlib.suppress(NotImplementedError):
        for check in inspect(connection).get_check_constraints(table.name, schema=table.schema):
            said = str(check["sqltext"])
            for column in table.columns:
                if re.search(rf"\b{re.escape(column.name)}\b", said):
                    found.setdefault(column.name, []).extend(_LITERAL.findall(said))
    return found


def _insert(connection: Any, table: Any, number: int, named: Mapping[str, Sequence[str]]) -> None:
    """A row, if the table takes one: as it is, else with nothing in it that may be left out."""
    for bare in (False, True):
        try:
            values = dict(_values(connection, table, number, bare, named))
        except _No:
            return
        with contextlib.suppress(Exception), connection.begin_nested():
            connection.execute(table.insert().values(values))
            return


def _values(
    connection: Any, table: Any, number: int, bare: bool, named: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Any]]:
    referring = {}
    for key in table.foreign_key_constraints:
        referring.update(_referred(connection, key, number, table))
    for column in table.columns:
        if column.computed is not None or column.identity is not None:
            continue
        if column.name in referring:
            yield column.name, referring[column.name]
        elif _is_left_out(table, column, number, bare):
            continue
        elif column.nullable and (bare or number == 2):
            yield column.name, None
        else:
            yield column.name, _value(column, column.type, number, named.get(column.name, ()))


def _is_left_out(table: Any, column: Any, number: int, bare: bool) -> bool:
    """Whether the database gives the value."""
    if column.server_default is not None:
        serial = "nextval" in str(getattr(column.server_default, "arg", ""))
        return bare or serial or number == 1
    return column is table.autoincrement_column and _counts(table, column)


def _counts(table: Any, column: Any) -> bool:
    """Whether an integer key counts by itself: on SQLite every single one does."""
    return column.autoincrement in (True, "auto") and len(table.primary_key.columns) == 1


def _referred(connection: Any, key: Any, number: int, table: Any) -> dict[str, Any]:
    """What the columns of a foreign key hold: a row that is there, or nothing."""
    pairs = [(one.parent, one.column) for one in key.elements]
    optional = all(own.nullable for own, _ in pairs)
    if optional and (number == 2 or pairs[0][1].table is table):
        return {own.name: None for own, _ in pairs}
    rows = connection.execute(
        sa.select(*(other for _, other in pairs)).order_by(*(other for _, other in pairs))
    ).fetchmany(ROWS)
    if not rows and not optional:
        raise _No
    row = rows[(number - 1) % len(rows)] if rows else [None] * len(pairs)
    return {own.name: value for (own, _), value in zip(pairs, row)}


def _value(column: Any, type_: Any, number: int, allowed: Sequence[str]) -> Any:
    """A value of a type: another one in each row. `allowed`: what a check constraint names."""
    name = type(type_).__name__.upper()
    if name in _TEXTS:
        return _TEXTS[name].format(number)
    if getattr(type_, "item_type", None) is not None:
        return [_value(column, type_.item_type, number, ())]
    if isinstance(type_, sa.JSON):
        return {"key": number}
    if getattr(type_, "enums", None):
        return type_.enums[(number - 1) % len(type_.enums)]
    try:
        kind = type_.python_type
    except NotImplementedError:
        kind = None
    words = [word[1:-1].replace("''", "'") for word in allowed if word.startswith("'")]
    if kind is str and words:
        return words[(number - 1) % len(words)]
    numbers = [int(word) for word in allowed if word.isdigit()]
    made = _of(kind, column.name, type_, number + numbers[0] if numbers else number)
    if made is None and not column.nullable:
        raise _No
    return made


def _of(kind: Any, name: str, type_: Any, number: int) -> Any:
    if kind is str:
        return f"{number} {name}"[: getattr(type_, "length", None) or _LONGEST]
    simple = {
        bool: bool(number % 2),
        int: number,
        float: number + 0.5,
        decimal.Decimal: decimal.Decimal(number),
        datetime.date: _DAY + datetime.timedelta(days=number),
        datetime.time: datetime.time(number, 2, 3),
        datetime.timedelta: datetime.timedelta(hours=number),
        bytes: bytes([number]),
        uuid.UUID: uuid.UUID(int=number) if getattr(type_, "as_uuid", True) else None,
        dict: {"key": number},
        list: [],
    }
    if kind is datetime.datetime:
        zone = datetime.timezone.utc if getattr(type_, "timezone", False) else None
        return datetime.datetime(2021, 3, 4, number, 5, 6, tzinfo=zone)
    return simple.get(kind)


def _text(value: Any) -> str:
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.timezone.utc)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    said = bytes(value).hex() if isinstance(value, (bytes, bytearray, memoryview)) else repr(value)
    if len(said) <= _LONGEST:
        return said
    return said[:40] + hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()
