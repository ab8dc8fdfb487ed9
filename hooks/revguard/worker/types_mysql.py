"""A column and a declared type in, whether they differ out: Alembic's own answer, but for types
that MariaDB and MySQL store under another name (``TEXT(70000)`` is a ``MEDIUMTEXT``)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from sqlalchemy import Column, MetaData, Table, exc

SCRATCH = "revguard_scratch"


def install(context: Any) -> None:
    """Let this MigrationContext compare types by what is here."""
    impl = context.impl
    if context.dialect.name not in ("mysql", "mariadb") or "compare_type" in vars(impl):
        return
    original = impl.compare_type

    def compare(inspected: Any, declared: Any) -> bool:
        if not original(inspected, declared):
            return False
        with suppress(exc.SQLAlchemyError):
            return not _is_the_same(impl, inspected, declared)
        return True

    impl.compare_type = compare


def _is_the_same(impl: Any, inspected: Any, declared: Any) -> bool:
    bare = Column(declared.name, declared.type)
    made = specified(impl, bare)
    table = impl.dialect.identifier_preparer.format_table(declared.table)
    there = shown(impl, table, inspected.name)
    says_more = "COLLATE" in made.upper() or "CHARACTER SET" in made.upper()
    names = ("Type", "Collation") if says_more else ("Type",)
    return all(scratch(impl, made)[name] == there[name] for name in names)


def specified(impl: Any, column: Any) -> str:
    """The column as CREATE TABLE would have it."""
    Table(SCRATCH, MetaData(), column)
    return str(impl.dialect.ddl_compiler(impl.dialect, None).get_column_specification(column))


def scratch(impl: Any, column: str) -> Any:
    """What the server makes of a column's specification."""
    run = impl.connection.exec_driver_sql
    run(f"CREATE TEMPORARY TABLE {SCRATCH} ({column})")
    try:
        return shown(impl, SCRATCH, None)
    finally:
        run(f"DROP TEMPORARY TABLE {SCRATCH}")


def shown(impl: Any, table: str, column: str | None) -> Any:
    """A column's row of SHOW FULL COLUMNS; the only one where no name is given."""
    rows = impl.connection.exec_driver_sql(f"SHOW FULL COLUMNS FROM {table}").mappings()
    (found,) = [row for row in rows if column in (None, row["Field"])]
    return found
