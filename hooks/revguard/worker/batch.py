"""What SQLite's batch mode loses or stumbles over when it copies a table: constraints without a
name, which it cannot drop and does not copy, and AUTOINCREMENT."""

from __future__ import annotations

import re
from typing import Any, Iterator

from alembic.autogenerate import api, render
from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint, inspect, text

_CONVENTIONS = {
    "foreignkey": ("fk", "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s"),
    "unique": ("uq", "uq_%(table_name)s_%(column_0_N_name)s"),
}
_WITHOUT_COPY = (ops.AddColumnOp, ops.CreateIndexOp, ops.DropIndexOp)
_TABLE = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"


class FullModifyTableOps(ops.ModifyTableOps):
    """The operations on one table, with all that batch_alter_table() has to be told."""

    naming: dict[str, str]
    checks: list[str]  # texts of the CHECK constraints that have no name
    autoincrement: bool

    def reverse(self) -> ops.ModifyTableOps:
        """The way back knows as much, and comes back to all checks."""
        made: Any = super().reverse()
        added = [op.column for op in self.ops if isinstance(op, ops.AddColumnOp)]
        made.ops[:0] = [
            ops.DropConstraintOp(name, self.table_name, type_="check", schema=self.schema)
            for column in added
            for name in _named_checks(column)
        ]
        _full(made, {}, self.checks, self.autoincrement)
        return made  # type: ignore[no-any-return]


def _full(op: Any, naming: dict[str, str], checks: list[str], autoincrement: bool) -> None:
    op.__class__ = FullModifyTableOps
    op.naming, op.checks, op.autoincrement = naming, checks, autoincrement


@render.renderers.dispatch_for(FullModifyTableOps)
def _render_full(context: api.AutogenContext, op: FullModifyTableOps) -> list[str]:
    lines = list(render._render_modify_table(context, op))
    if not lines or not lines[0].endswith(") as batch_op:"):
        return lines
    arguments = [lines[0][: lines[0].rindex(") as batch_op:")]]
    prefix = context.opts["sqlalchemy_module_prefix"] or ""
    dropped = {one.column_name for one in op.ops if isinstance(one, ops.DropColumnOp)}
    checks = [check for check in op.checks if not dropped & set(_words(check))]
    if op.naming:
        arguments.append(f"naming_convention={op.naming!r}")
    if checks:
        made = "".join(f"{prefix}CheckConstraint({check!r}), " for check in checks)
        arguments.append(f"table_args=({made.rstrip(' ') if len(checks) == 1 else made[:-2]})")
    if op.autoincrement:
        arguments.append("table_kwargs={'sqlite_autoincrement': True}")
    lines[0] = f"{', '.join(arguments)}) as batch_op:"
    return lines


def _named_checks(column: Any) -> list[str]:
    """The CHECK that a type makes with a column; without the column it would still be copied."""
    name = getattr(column.type, "name", None)
    return [str(name)] if name and getattr(column.type, "create_constraint", False) else []


def _words(expression: str) -> list[str]:
    return re.findall(r"\w+", expression)


def complete(container: ops.OpContainer, connection: Any) -> None:
    """Name what is dropped without a name, and say what the copy of a table would lack."""
    inspector: Any = inspect(connection)
    for holder in container.ops:
        if not isinstance(holder, ops.ModifyTableOps):
            continue
        holder.ops[:0] = list(_uniques_that_go(holder, inspector))
        naming = dict(_named(op) for op in holder.ops if _is_unnamed(op))
        checks: list[str] = []
        autoincrement = False
        if any(_copies(op) for op in holder.ops):
            checks = _unnamed_checks(holder, inspector)
            sql = connection.execute(text(_TABLE), {"name": holder.table_name}).scalar()
            autoincrement = bool(re.search(r"\bAUTOINCREMENT\b", sql or "", re.IGNORECASE))
        added = [op.column for op in holder.ops if isinstance(op, ops.AddColumnOp)]
        if naming or checks or autoincrement or any(map(_named_checks, added)):
            _full(holder, naming, checks, autoincrement)


def _copies(op: Any) -> bool:
    """Whether batch mode makes a new table for it, and not an ALTER TABLE."""
    if isinstance(op, ops.AddColumnOp):
        return op.column.server_default is not None
    return not isinstance(op, _WITHOUT_COPY)


def _unnamed_checks(holder: ops.ModifyTableOps, inspector: Any) -> list[str]:
    found = inspector.get_check_constraints(holder.table_name, schema=holder.schema)
    return [one["sqltext"] for one in found if one["name"] is None]


def _is_unnamed(op: Any) -> bool:
    return (
        isinstance(op, ops.DropConstraintOp)
        and op.constraint_name is None
        and op.constraint_type in _CONVENTIONS
    )


def _named(op: Any) -> tuple[str, str]:
    """Give the operation the name that the convention will give the constraint."""
    constraint = op.to_constraint()
    columns = "_".join(column.name for column in constraint.columns)
    values = {"table_name": op.table_name, "column_0_N_name": columns}
    if isinstance(constraint, ForeignKeyConstraint):
        values["referred_table_name"] = constraint.elements[0].target_fullname.split(".")[-2]
    kind, convention = _CONVENTIONS[op.constraint_type]
    op.constraint_name = convention % values
    return kind, convention


def _uniques_that_go(holder: ops.ModifyTableOps, inspector: Any) -> Iterator[Any]:
    """A column takes its UNIQUE along unsaid, and the downgrade would come back without."""
    dropped = {op.column_name for op in holder.ops if isinstance(op, ops.DropColumnOp)}
    if not dropped:
        return
    for found in inspector.get_unique_constraints(holder.table_name, schema=holder.schema):
        if found["name"] is None and dropped & set(found["column_names"]):
            reverse = ops.CreateUniqueConstraintOp(
                None, holder.table_name, found["column_names"], schema=holder.schema
            )
            yield ops.DropConstraintOp(
                None, holder.table_name, type_="unique", schema=holder.schema, _reverse=reverse
            )
