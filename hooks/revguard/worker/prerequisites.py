"""PostgreSQL schemas and sequences that the operations of a script take for granted: made before
they are used where they are not there, and dropped again by the downgrade."""

from __future__ import annotations

from typing import Any, Iterator

from alembic.autogenerate import api
from alembic.operations import ops
from sqlalchemy import text
from sqlalchemy.schema import CreateSequence

from .differences import leaves

_SCHEMAS = "SELECT nspname FROM pg_namespace"
_SEQUENCES = """
SELECT n.nspname, c.relname, n.nspname = current_schema()
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S'
"""
_EXCLUSIONS = """
SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.oid::regclass, k.conname,
              pg_get_constraintdef(k.oid))
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'x' AND c.relname = :table
  AND n.nspname = coalesce(CAST(:schema AS text), current_schema())
ORDER BY k.conname
"""


def complete(script: ops.MigrationScript, context: api.AutogenContext) -> None:
    """Add what is missing to both directions of ``script``."""
    upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
    connection: Any = context.connection
    dialect: Any = context.dialect
    preparer = dialect.identifier_preparer
    assert upgrade is not None
    assert downgrade is not None
    schemas = _missing_schemas(upgrade, connection)
    sequences = _missing_sequences(upgrade, connection)
    create = [f"CREATE SCHEMA {preparer.quote_schema(name)}" for name in schemas]
    create += [str(CreateSequence(one).compile(dialect=dialect)) for one in sequences]
    drop = [f"DROP SEQUENCE {preparer.format_sequence(one)}" for one in sequences]
    downgrade.ops.extend(sql(statement) for statement in _exclusions(upgrade, connection))
    drop += [f"DROP SCHEMA {preparer.quote_schema(name)}" for name in schemas]
    upgrade.ops[:0] = [sql(statement) for statement in create]
    downgrade.ops.extend(sql(statement) for statement in drop)


def sql(statement: str) -> ops.ExecuteSQLOp:
    """``op.execute`` of a text in which a colon is a colon."""
    return ops.ExecuteSQLOp(statement.replace(":", "\\:"))


def columns_of(op: Any) -> list[Any]:
    """The columns that an operation adds."""
    if isinstance(op, ops.CreateTableOp):
        return [item for item in op.columns if hasattr(item, "type")]
    return [op.column] if isinstance(op, ops.AddColumnOp) else []


def _missing_schemas(container: ops.OpContainer, connection: Any) -> list[str]:
    wanted: dict[str, None] = {}
    for _, op in leaves(container):
        if isinstance(op, ops.CreateTableOp) and op.schema:
            wanted[str(op.schema)] = None
        for column in columns_of(op):
            schema = getattr(column.type, "schema", None) if column.type is not None else None
            if schema:
                wanted[str(schema)] = None
    if not wanted:
        return []
    there = {row[0] for row in connection.execute(text(_SCHEMAS)).fetchall()}
    return [name for name in wanted if name not in there]


def _missing_sequences(container: ops.OpContainer, connection: Any) -> list[Any]:
    wanted: dict[tuple[str | None, str], Any] = {}
    for _, op in leaves(container):
        for column in columns_of(op):
            for sequence in _sequences(column):
                wanted.setdefault((sequence.schema, str(sequence.name)), sequence)
    if not wanted:
        return []
    there: set[tuple[str | None, str]] = set()
    for schema, name, is_default in connection.execute(text(_SEQUENCES)).fetchall():
        there |= {(schema, name), (None if is_default else schema, name)}
    return [sequence for key, sequence in wanted.items() if key not in there]


def _exclusions(container: ops.OpContainer, connection: Any) -> Iterator[str]:
    """EXCLUDE constraints of the tables that are dropped: SQLAlchemy does not reflect them."""
    for _, op in leaves(container):
        if isinstance(op, ops.DropTableOp):
            values = {"schema": op.schema, "table": op.table_name}
            for row in connection.execute(text(_EXCLUSIONS), values).fetchall():
                yield str(row[0])


def _sequences(column: Any) -> Iterator[Any]:
    if getattr(column.default, "is_sequence", False):
        yield column.default
    sequence = getattr(getattr(column.server_default, "arg", None), "sequence", None)
    if sequence is not None:
        yield sequence
