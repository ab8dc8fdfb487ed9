"""Two server defaults in, whether they differ out: Alembic's own answer, made safe and exact.

Alembic asks PostgreSQL ``SELECT stored = declared``, which is an error for some types (json) and
some texts (an apostrophe), and never true for volatile functions; for MariaDB and MySQL it compares
texts. Where that fails or says that they differ, the declared one is set on a scratch table and
read back as the server spells it.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import Any, Iterator

from alembic.ddl.base import ColumnDefault
from sqlalchemy import Column, exc, text

from . import types_mysql

SCRATCH = "revguard_default"
_STORED = """
SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE d.adrelid = to_regclass(:table) AND a.attname = :column
"""


def install(context: Any) -> None:
    """Let this MigrationContext compare server defaults by what is here."""
    impl = context.impl
    if "compare_server_default" in vars(impl):
        return
    original = impl.compare_server_default
    compare = _by_dialect().get(context.dialect.name)
    if compare is not None:
        impl.compare_server_default = lambda *args: compare(impl, original, *args)


def are_comparable(connection: Any) -> bool:
    """Whether they may be compared unasked: elsewhere a database's own spelling, and what a dialect
    makes of a primary key, would count as a difference for ever."""
    dialect = getattr(connection, "dialect", None)
    return dialect is None or dialect.name in _by_dialect()


def _by_dialect() -> dict[str, Any]:
    return {"postgresql": _postgresql, "sqlite": _sqlite, "mysql": _mysql, "mariadb": _mysql}


def _sqlite(
    impl: Any, original: Any, inspected: Any, column: Any, declared: Any, stored: Any
) -> bool:
    """SQLite keeps the text as it was written, so the text that would be written tells."""
    if declared is not None and stored is not None:
        written = impl.dialect.ddl_compiler(impl.dialect, None).get_column_default_string(column)
        if _bare(written) == _bare(stored):
            return False
    return bool(original(inspected, column, declared, stored))


def _bare(expression: str | None) -> str:
    text = (expression or "").strip()
    return text[1:-1].strip() if text.startswith("(") and text.endswith(")") else text


def _postgresql(
    impl: Any, original: Any, inspected: Any, column: Any, declared: Any, stored: Any
) -> bool:
    if declared is None or stored is None or declared == stored:
        return bool(original(inspected, column, declared, stored))
    connection = impl.connection
    try:
        with _rolled_back(connection):
            if not original(inspected, column, declared, stored):
                return False
    except exc.DBAPIError:
        pass  # no operator for the type, or a text that Alembic does not quote
    with suppress(exc.DBAPIError), _rolled_back(connection):
        return _spelled(impl, column) != _stored(connection, _quoted(impl, column.table), column)
    return True


def _mysql(
    impl: Any, original: Any, inspected: Any, column: Any, declared: Any, stored: Any
) -> bool:
    if not original(inspected, column, declared, stored):
        return False
    if declared is None or stored is None:
        return True
    with suppress(exc.SQLAlchemyError):
        bare = Column(
            column.name,
            inspected.type,  # as it is now: for another the default may be spelled otherwise
            server_default=column.server_default,
            nullable=column.nullable,
        )
        table = impl.dialect.identifier_preparer.format_table(column.table)
        there = types_mysql.shown(impl, table, column.name)
        made = types_mysql.scratch(impl, types_mysql.specified(impl, bare))
        return bool(_default_in(made) != _default_in(there))
    return True


def _default_in(row: Any) -> tuple[Any, str]:
    """Default and ON UPDATE in a row of SHOW COLUMNS."""
    return row["Default"], str(row["Extra"]).replace("DEFAULT_GENERATED", "").strip().lower()


@contextmanager
def _rolled_back(connection: Any) -> Iterator[None]:
    """A savepoint that takes back what is done, and an error with it."""
    savepoint = connection.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


def _spelled(impl: Any, column: Any) -> str | None:
    """The declared default as the server would store it for the column as it is."""
    table = _quoted(impl, column.table)
    impl.connection.exec_driver_sql(f"CREATE TEMP TABLE {SCRATCH} (LIKE {table})")
    impl._exec(ColumnDefault(SCRATCH, column.name, column.server_default))
    return _stored(impl.connection, f"pg_temp.{SCRATCH}", column)


def _stored(connection: Any, table: str, column: Any) -> str | None:
    found = connection.execute(text(_STORED), {"table": table, "column": str(column.name)})
    value = found.scalar()
    return None if value is None else str(value)


def _quoted(impl: Any, table: Any) -> str:
    return str(impl.dialect.identifier_preparer.format_table(table))
