"""Foreign keys that stand in the way of a new type: MariaDB and MySQL change no column that one of
them uses, on either side. They are dropped before and made again after, in both directions.

The index that the server made for such a key would be made anew under another name. So it is turned
into one that stays.
"""

from __future__ import annotations

from typing import Any, Iterator

from alembic.operations import ops
from sqlalchemy import inspect

from . import implicit
from .differences import leaves
from .standing import Key, Tables

_RULES = ("ondelete", "onupdate")


def complete(script: ops.MigrationScript, context: Any) -> None:
    """Add what is missing to both directions of ``script``."""
    upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
    assert upgrade is not None
    assert downgrade is not None
    changed = {
        (op.schema, str(op.table_name), str(op.column_name))
        for _, op in leaves(upgrade)
        if isinstance(op, ops.AlterColumnOp) and op.modify_type is not None
    }
    if not changed:
        return
    gone = {
        (op.schema, str(op.table_name), op.constraint_name)
        for _, op in leaves(upgrade)
        if isinstance(op, ops.DropConstraintOp) and op.constraint_type == "foreignkey"
    }
    tables = {
        (op.schema, str(op.table_name))
        for _, op in leaves(upgrade)
        if isinstance(op, ops.DropTableOp)
    }
    concerned = [
        (schema, table, key)
        for schema, table, key in _keys(context.connection, {schema for schema, _, _ in changed})
        if _columns(schema, table, key) & changed
        and (schema, table, key["name"]) not in gone
        and (schema, table) not in tables
    ]
    there = Tables(context.connection)
    for container in (upgrade, downgrade):
        first = [_drop(*one) for one in concerned]
        kept = [op for one in concerned for op in _kept(context.dialect, there, *one)]
        container.ops[:] = [*first, *kept, *container.ops, *(_create(*one) for one in concerned)]


def _keys(connection: Any, schemas: set[str | None]) -> Iterator[tuple[str | None, str, Any]]:
    inspector: Any = inspect(connection)
    for schema in sorted(schemas, key=str):
        for table in inspector.get_table_names(schema=schema):
            for key in inspector.get_foreign_keys(table, schema=schema):
                yield schema, table, key


def _columns(schema: str | None, table: str, key: Any) -> set[tuple[str | None, str, str]]:
    """All columns that the key uses, on both sides."""
    own = {(schema, table, name) for name in key["constrained_columns"]}
    other = key.get("referred_schema") or schema
    return own | {(other, key["referred_table"], name) for name in key["referred_columns"]}


def _drop(schema: str | None, table: str, key: Any) -> ops.DropConstraintOp:
    return ops.DropConstraintOp(key["name"], table, type_="foreignkey", schema=schema)


def _kept(dialect: Any, there: Tables, schema: str | None, table: str, key: Any) -> Iterator[Any]:
    columns = tuple(key["constrained_columns"])
    name = there.implicit((schema, table), Key(str(key["name"]), columns))
    if name and name != key["name"]:
        index = name, columns, False
        yield implicit.altered(dialect, (schema, table), index, index)


def _create(schema: str | None, table: str, key: Any) -> ops.CreateForeignKeyOp:
    options = key.get("options") or {}
    more = {name: options[name] for name in _RULES if options.get(name)}
    return ops.CreateForeignKeyOp(
        key["name"],
        table,
        key["referred_table"],
        list(key["constrained_columns"]),
        list(key["referred_columns"]),
        source_schema=schema,
        referent_schema=key.get("referred_schema"),
        **more,
    )
