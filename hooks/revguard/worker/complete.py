"""What Alembic renders but cannot run or undo is made whole: names of constraints that the
downgrade must drop, and foreign keys in a circle."""

from __future__ import annotations

from typing import Any, Iterable

from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint, Identity

from . import batch, casts, indexes, ordering
from .differences import leaves, qualified


def before_hooks(script: ops.MigrationScript, context: Any) -> None:
    """Order, names and circular foreign keys; the downgrade follows from the upgrade again."""
    upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
    assert upgrade is not None
    assert downgrade is not None
    dialect = context.dialect
    _silence(upgrade, dialect)
    indexes.complete(upgrade, context)
    ordering.sort(upgrade)
    if dialect.name == "sqlite":
        batch.complete(upgrade, context.connection)
    else:
        _split_circles(upgrade)
        _open_circles(upgrade)
    _name_constraints(upgrade, dialect)
    if dialect.name == "postgresql":
        casts.complete_identities(upgrade)
    upgrade.reverse_into(downgrade)


def _silence(container: ops.OpContainer, dialect: Any) -> None:
    """Take out what no DDL of this dialect could bring about."""
    if getattr(dialect, "supports_identity_columns", False):
        return
    for holder, op in list(leaves(container)):
        if isinstance(op, ops.AlterColumnOp) and isinstance(op.modify_server_default, Identity):
            op.modify_server_default = False
            if not op.has_changes():
                holder.remove(op)


def _name_constraints(container: ops.OpContainer, dialect: Any) -> None:
    """Give what will have to be dropped by name the name that PostgreSQL itself would choose."""
    for _, op in leaves(container):
        if getattr(op, "constraint_name", "") is not None:
            continue
        if isinstance(op, ops.CreateForeignKeyOp):
            op.constraint_name = _name(dialect, op.source_table, op.local_cols, "fkey")
        elif isinstance(op, ops.CreateUniqueConstraintOp):
            op.constraint_name = _name(dialect, op.table_name, op.columns, "key")


def _name(dialect: Any, table: str, columns: Iterable[Any], suffix: str) -> str:
    limit = min(getattr(dialect, "max_identifier_length", 63) or 63, 63)
    stem = "_".join([table] + [str(getattr(column, "name", column)) for column in columns])
    return f"{stem[: limit - len(suffix) - 1]}_{suffix}"


def _split_circles(container: ops.OpContainer) -> None:
    """A foreign key to a table that is created later becomes an operation of its own."""
    created = [op for op in container.ops if isinstance(op, ops.CreateTableOp)]
    new = {qualified(op.schema, op.table_name) for op in created}
    made: set[str] = set()
    later: list[Any] = []
    for op in created:
        made.add(qualified(op.schema, op.table_name))
        columns: Any = op.columns
        ahead = [item for item in columns if _targets(item) & new - made]
        columns[:] = [item for item in columns if all(item is not one for one in ahead)]
        later += [ops.CreateForeignKeyOp.from_constraint(item) for item in ahead]
    places = [i for i, op in enumerate(container.ops) if isinstance(op, ops.CreateTableOp)]
    last = places[-1] + 1 if places else 0
    container.ops[last:last] = later


def _open_circles(container: ops.OpContainer) -> None:
    """A foreign key to a table that is dropped earlier is dropped before both."""
    dropped: list[Any] = [op for op in container.ops if isinstance(op, ops.DropTableOp)]
    gone: set[str] = set()
    first: list[Any] = []
    for op in dropped:
        columns: Any = getattr(op._reverse, "columns", None)
        if columns is not None:
            behind = [item for item in columns if _targets(item) & gone]
            columns[:] = [item for item in columns if all(item is not one for one in behind)]
            first += [ops.DropConstraintOp.from_constraint(item) for item in behind]
        gone.add(qualified(op.schema, op.table_name))
    if first:
        place = container.ops.index(dropped[0])
        container.ops[place:place] = first


def _targets(item: Any) -> set[str]:
    """The tables that a foreign key constraint points to."""
    if not isinstance(item, ForeignKeyConstraint):
        return set()
    return {ordering.target(element) for element in item.elements}
