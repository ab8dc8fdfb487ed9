"""PostgreSQL's type changes with a USING clause, which autogenerate does not write of itself."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import api, render
from alembic.operations import ops

from .differences import leaves


class CastingAlterColumnOp(ops.AlterColumnOp):
    """ALTER COLUMN ... TYPE ... USING."""

    using = ""


@render.renderers.dispatch_for(CastingAlterColumnOp)
def _render_casting(context: api.AutogenContext, op: CastingAlterColumnOp) -> str:
    found: Any = render._alter_column(context, op)
    text = str(found[0] if isinstance(found, list) else found)
    return f"{text[: text.rindex(')')]},\n           postgresql_using={op.using!r})"


def add_casts(script: ops.MigrationScript, dialect: Any) -> None:
    """Write a USING clause for each type change (PostgreSQL would not cast of itself)."""
    for container in (script.upgrade_ops, script.downgrade_ops):
        assert container is not None
        for _, op in leaves(container):
            if type(op) is ops.AlterColumnOp and op.modify_type is not None:
                _cast(op, dialect)


def _cast(op: Any, dialect: Any) -> None:
    column = dialect.identifier_preparer.quote(op.column_name)
    op.__class__ = CastingAlterColumnOp
    op.using = f"{column}::{op.modify_type.compile(dialect=dialect)}"
