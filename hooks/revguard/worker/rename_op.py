"""A rename as an operation of autogenerate: rendered into a script, and undone by its reverse."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import render, renderers
from alembic.operations import ops

from .differences import type_text


class RenameOp(ops.MigrateOperation):
    """A column of ``table_name`` gets another name, or the table where it is of no ``columns``."""

    def __init__(self, table_name: str, schema: Any, old: str, new: str, *columns: Any) -> None:
        """``columns``: as it was, and as it is to be."""
        self.table_name = table_name
        self.schema = schema
        self.old = old
        self.new = new
        self.columns = columns

    @property
    def name(self) -> str:
        """Within the table."""
        return self.old if self.columns else ""

    def reverse(self) -> RenameOp:
        """Back again."""
        table = self.table_name if self.columns else self.new
        return RenameOp(table, self.schema, self.new, self.old, *self.columns[::-1])

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Named as a difference."""
        return ("rename_column" if self.columns else "rename_table", self.old, self.new)


@renderers.dispatch_for(RenameOp)
def _rendered(context: Any, op: RenameOp) -> str:
    prefix = render._alembic_autogenerate_prefix(context)
    schema = f", schema={op.schema!r}" if op.schema and not context._has_batch else ""
    if not op.columns:
        return f"{prefix}rename_table({op.old!r}, {op.new!r}{schema})"
    table = "" if context._has_batch else f"{op.table_name!r}, "
    was, now = op.columns
    said = [
        f"{prefix}alter_column({table}{op.old!r}, new_column_name={op.new!r}",
        f"existing_type={render._repr_type(was.type, context)}",
        f"existing_nullable={bool(was.nullable)!r}",
    ]
    if type_text(was.type, context) != type_text(now.type, context):
        said.append(f"type_={render._repr_type(now.type, context)}")
    if bool(was.nullable) != bool(now.nullable):
        said.append(f"nullable={bool(now.nullable)!r}")
    return (",\n" + " " * 11).join(said) + schema + ")"
