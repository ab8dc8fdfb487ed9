"""A column as the database has it and one as the models have it in, of another name or in another
table; what autogenerate says of the two as of one out."""

from __future__ import annotations

from typing import Any, Callable

from alembic.autogenerate import compare
from alembic.operations import ops
from sqlalchemy import MetaData, Table


def altered(context: Any, table: str, schema: Any, was: Any, now: Any) -> Any:
    """An AlterColumnOp for the column by its name of now in ``table``; it may have no changes."""
    op = ops.AlterColumnOp(str(was.table.name), str(was.name), schema=schema)
    comparators = getattr(context, "comparators", None)
    dispatch: Callable[..., Any]
    if comparators is None:  # before Alembic 1.18
        dispatch = compare.comparators.dispatch("column")
    else:
        dispatch = comparators.dispatch("column", qualifier=context.dialect.name)
    dispatch(context, op, schema, op.table_name, op.column_name, was, _as_before(was, now))
    if not context.dialect.supports_identity_columns and hasattr(now.server_default, "always"):
        op.modify_server_default = False  # it has none, and never will
    op.table_name, op.column_name = table, str(now.name)
    return op


def _as_before(was: Any, now: Any) -> Any:
    """The models' column by its name of before: the database is asked by that."""
    columns = [_copied(one, str(was.name) if one is now else str(one.name)) for one in now.table.c]
    stand_in = Table(str(was.table.name), MetaData(), *columns, schema=was.table.schema)
    return stand_in.c[str(was.name)]


def _copied(column: Any, name: str) -> Any:
    made = column._copy() if hasattr(column, "_copy") else column.copy()  # SQLAlchemy 1.4
    made.name = made.key = name
    return made
