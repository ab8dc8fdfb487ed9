"""DROP INDEX whose way back is the whole index: Alembic before 1.9 forgets UNIQUE and WHERE, and
SQLAlchemy before 2.1 does not reflect all that PostgreSQL has."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy
from alembic.autogenerate import api, render
from alembic.operations import ops
from sqlalchemy import text

from .differences import leaves

_REFLECTS_ALL = tuple(map(int, sqlalchemy.__version__.split(".")[:2])) >= (2, 1)
_MORE = re.compile(r"USING (?!btree)|_ops\b| WHERE | INCLUDE | NULLS | DESC\b| COLLATE | WITH ")
_DEFINITION = """
SELECT pg_get_indexdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('i', 'I') AND c.relname = :name
  AND n.nspname = coalesce(CAST(:schema AS text), current_schema())
"""


class WholeDropIndexOp(ops.DropIndexOp):
    """DROP INDEX that knows what it drops."""

    definition = ""  # CREATE INDEX, where no operation can say it

    def reverse(self) -> Any:
        """The very index, or its own words."""
        if self.definition:
            return ops.ExecuteSQLOp(self.definition.replace(":", "\\:"))
        return self._reverse


@render.renderers.dispatch_for(WholeDropIndexOp)
def _render(context: api.AutogenContext, op: Any) -> Any:
    return render._drop_index(context, op)


def complete(container: ops.OpContainer, context: Any) -> None:
    """Let the downgrade make again what the upgrade drops."""
    for _, op in leaves(container):
        made: Any = op
        if isinstance(op, ops.DropIndexOp) and made._reverse is not None:
            made.__class__ = WholeDropIndexOp
            if _needs_words(context):
                made.definition = _definition(op, context.connection)


def _needs_words(context: Any) -> bool:
    """A batch makes its indexes later than what is executed beside it, so there it cannot be."""
    batch = context.opts.get("render_as_batch")
    return context.dialect.name == "postgresql" and not (_REFLECTS_ALL or batch)


def _definition(op: ops.DropIndexOp, connection: Any) -> str:
    values = {"name": str(op.index_name), "schema": op.schema}
    found = str(connection.execute(text(_DEFINITION), values).scalar() or "")
    return found if _MORE.search(found) else ""
