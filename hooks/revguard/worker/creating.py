"""Tables made of the models that have landed: the target metadata in, the steps of a stamp out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator

from sqlalchemy import text

from . import failure

if TYPE_CHECKING:
    from typing import Callable

    from alembic.runtime.migration import MigrationContext, StampStep
    from alembic.script import ScriptDirectory


def steps(
    script: ScriptDirectory,
    context: MigrationContext,
    request: dict[str, Any],
    failed: Callable[[Exception, list[str]], None],
) -> Iterator[StampStep]:
    """The steps that stamp an empty database; with the first the tables are made, so that they come
    into the transaction that env.py gives to a revision."""
    found: list[Any] = script._stamp_revs(tuple(request["stamp"]), ())

    def make(**_kw: Any) -> None:
        lacking: list[str] = []
        try:
            _make(context, request["extensions"], lacking)
        except Exception as error:
            failed(error, lacking)
            raise failure.Abort(str(error)) from error

    for number, step in enumerate(found):
        if not number:
            step.migration_fn = make
        yield step


def _make(context: MigrationContext, extensions: list[str], lacking: list[str]) -> None:
    connection: Any = context.connection
    many = context.opts.get("target_metadata")
    found: list[Any] = list(many) if isinstance(many, (list, tuple)) else [many]
    if not any(item is not None and item.tables for item in found):
        raise ValueError("the target metadata has no tables")
    if connection.dialect.name == "postgresql":
        lacking += _prepare(connection, found, extensions)
    for item in found:
        if item is not None:
            item.create_all(connection, tables=_tables(item, context.opts), checkfirst=True)


def _prepare(connection: Any, found: list[Any], extensions: list[str]) -> list[str]:
    """Make what revisions make and create_all() does not; the extensions that cannot be had, which
    the models may do without."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    rows = connection.execute(text("SELECT name FROM pg_available_extensions")).fetchall()
    available = {str(row[0]) for row in rows}
    for name in (one for one in extensions if one in available):
        connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {quote(name)} CASCADE"))
    for name in dict.fromkeys(_schemas(found)):
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quote(name)}"))
    return [name for name in extensions if name not in available]


def _schemas(found: list[Any]) -> Iterator[str]:
    for item in found:
        for table in item.tables.values() if item is not None else ():
            columns = (getattr(column.type, "schema", None) for column in table.columns)
            yield from (str(schema) for schema in (table.schema, *columns) if schema)


def _tables(metadata: Any, options: dict[str, Any]) -> list[Any] | None:
    """Those that env.py does not leave out (views that are mapped as tables, what others own), and
    those that others refer to; None for all."""
    include = options.get("include_object")
    tables = list(metadata.tables.values())
    if include is None:
        return None
    kept = {table for table in tables if include(table, table.name, "table", False, None)}
    todo = list(kept)
    while todo:
        for key in todo.pop().foreign_keys:
            other = metadata.tables.get(key.target_fullname.rpartition(".")[0])
            if other is not None and other not in kept:
                kept.add(other)
                todo.append(other)
    return [table for table in tables if table in kept]
