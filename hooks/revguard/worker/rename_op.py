"""A rename as an operation of autogenerate: rendered into a script, and undone by its reverse."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import render, renderers
from alembic.operations import ops


class RenameOp(ops.MigrateOperation):
    """A column of ``table_name`` gets another name, or the table where there is no ``existing``.

    It stands outside of a batch: that would copy the table, and lose what it does not reflect.
    """

    def __init__(
        self, table_name: str, schema: Any, old: str, new: str, existing: Any = None
    ) -> None:
        """``existing``: the AlterColumnOp that tells what the column is, before and after."""
        self.table_name = table_name
        self.schema = schema
        self.old = old
        self.new = new
        self.existing = existing

    @property
    def name(self) -> str:
        """Within the table."""
        return self.old if self.existing else ""

    def reverse(self) -> RenameOp:
        """Back again."""
        table = self.table_name if self.existing else self.new
        return RenameOp(table, self.schema, self.new, self.old, self.existing)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Named as a difference."""
        return ("rename_column" if self.existing else "rename_table", self.old, self.new)


@renderers.dispatch_for(RenameOp)
def _rendered(context: Any, op: RenameOp) -> str:
    prefix = render._alembic_autogenerate_prefix(context)
    if not op.existing:
        schema = f", schema={op.schema!r}" if op.schema else ""
        return f"{prefix}rename_table({op.old!r}, {op.new!r}{schema})"
    told: dict[str, Any] = {}
    if context.dialect.name in ("mysql", "mariadb"):  # these are told the whole column again
        told = {
            "existing_server_default": op.existing.existing_server_default,
            "existing_comment": op.existing.existing_comment,
            **op.existing.kw,
        }
    renamed = ops.AlterColumnOp(
        op.table_name,
        op.old,
        schema=op.schema,
        existing_type=op.existing.existing_type,
        existing_nullable=op.existing.existing_nullable,
        **told,
    )
    text = str(render._alter_column(context, renamed))
    names = f"{prefix}alter_column({op.table_name!r}, {op.old!r}"
    # said here: older Alembics leave out a new name
    return f"{names}, new_column_name={op.new!r}{text[len(names) :]}"
