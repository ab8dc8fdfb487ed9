"""What Alembic renders but cannot run or undo is made whole: names of constraints that the
downgrade must drop, and foreign keys in a circle."""

from __future__ import annotations

from typing import Any, Iterable

from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint

from . import ordering
from .differences import leaves, qualified


def before_hooks(script: ops.MigrationScript, dialect: Any) -> None:
    """Order, names and circular foreign keys; the downgrade follows from the upgrade again."""
    upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
    assert upgrade is not None
    assert downgrade is not None
    ordering.sort(upgrade)
    if dialect.name != "sqlite":
        _split_circles(upgrade)
    _name_constraints(upgrade, dialect)
    upgrade.reverse_into(downgrade)


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
    made = set()
    later: list[Any] = []
    for op in created:
        made.add(qualified(op.schema, op.table_name))
        columns: Any = op.columns
        for item in list(columns):
            if not isinstance(item, ForeignKeyConstraint):
                continue
            targets = {element._get_colspec().rpartition(".")[0] for element in item.elements}
            if targets & new and not targets <= made:
                columns.remove(item)
                later.append(ops.CreateForeignKeyOp.from_constraint(item))
    places = [i for i, op in enumerate(container.ops) if isinstance(op, ops.CreateTableOp)]
    last = places[-1] + 1 if places else 0
    container.ops[last:last] = later
