"""ALTER COLUMN as Alembic does not write it of itself: with a USING clause for the type, the
default out of the type's way, and what an identity was before."""

from __future__ import annotations

from typing import Any, Callable

from alembic.autogenerate import api, render
from alembic.operations import ops
from sqlalchemy import Identity

from .differences import leaves, qualified


class FullAlterColumnOp(ops.AlterColumnOp):
    """ALTER COLUMN with all that it needs in the script."""

    using = ""


@render.renderers.dispatch_for(FullAlterColumnOp)
def _render_full(context: api.AutogenContext, op: FullAlterColumnOp) -> str:
    found: Any = render._alter_column(context, op)
    text = str(found[0] if isinstance(found, list) else found)
    old, new = op.existing_server_default, op.modify_server_default
    if new is not False and (isinstance(old, Identity) or isinstance(new, Identity)):
        # "None" is not to be left out: Alembic before 1.15 would alter what is not there
        rendered = render._render_server_default(old, context) if old else None
        text = f"{text[: text.rindex(')')]},\n           existing_server_default={rendered})"
    if op.using:
        text = f"{text[: text.rindex(')')]},\n           postgresql_using={op.using!r})"
    return text


def complete_identities(container: ops.OpContainer) -> None:
    """ALTER COLUMN of an identity adds, changes or drops it by what ``existing_server_default``
    says, which Alembic does not render together with ``server_default``."""
    for holder, op in list(leaves(container)):
        if type(op) is not ops.AlterColumnOp or op.modify_server_default is False:
            continue
        becomes = isinstance(op.modify_server_default, Identity)
        if becomes or isinstance(op.existing_server_default, Identity):
            if becomes and op.existing_nullable:
                op.modify_nullable = False  # Alembic leaves that to the identity
            if op.modify_nullable is not None:
                _split_nullable(holder, op, first=becomes)
            made: Any = op
            made.__class__ = FullAlterColumnOp


def _split_nullable(holder: list[Any], op: ops.AlterColumnOp, *, first: bool) -> None:
    """An identity is NOT NULL before it is one, and as long as it is one."""
    apart = ops.AlterColumnOp(
        op.table_name,
        op.column_name,
        schema=op.schema,
        existing_type=op.existing_type,
        existing_nullable=op.existing_nullable,
        modify_nullable=op.modify_nullable,
    )
    holder.insert(holder.index(op) + (not first), apart)
    op.existing_nullable = False
    op.modify_nullable = None


def add_casts(script: ops.MigrationScript, context: api.AutogenContext) -> None:
    """Write a USING clause for each type change (PostgreSQL would not cast of itself), and take
    the column's default away for as long as that lasts (PostgreSQL would not cast that at all)."""
    dialect: Any = context.dialect
    for _holder, op in type_changes(script):
        op.__class__ = FullAlterColumnOp
        through = "::text" if _is_enum(op.existing_type) or _is_enum(op.modify_type) else ""
        column = dialect.identifier_preparer.quote(op.column_name)
        op.using = f"{column}{through}::{op.modify_type.compile(dialect=dialect)}"
    set_defaults_aside(script, context, lambda _op: True)


def _is_enum(type_: Any) -> bool:
    """An enum type is cast to and from text alone."""
    return hasattr(getattr(type_, "impl", type_), "enums") or hasattr(type_, "enums")


def type_changes(script: ops.MigrationScript) -> list[tuple[list[Any], Any]]:
    """Each ALTER COLUMN ... TYPE of both directions, with the list that holds it."""
    found = []
    for container in (script.upgrade_ops, script.downgrade_ops):
        assert container is not None
        for holder, op in leaves(container):
            if isinstance(op, ops.AlterColumnOp) and op.modify_type is not None:
                found.append((holder, op))
    return found


def set_defaults_aside(
    script: ops.MigrationScript, context: api.AutogenContext, concerned: Callable[[Any], bool]
) -> None:
    """The default goes before the type changes and comes back after it: upgraded, as the models
    have it; downgraded, as the database had it."""
    assert script.upgrade_ops is not None
    upgrades = {id(op) for _, op in leaves(script.upgrade_ops)}
    for holder, op in type_changes(script):
        old, new = op.existing_server_default, op.modify_server_default
        if not hasattr(old, "arg") or not concerned(op):
            continue
        after = new
        if new is False:
            after = _declared(op, context) if id(op) in upgrades else old
        _set_aside(holder, op, after)


def _set_aside(holder: list[Any], op: Any, after: Any) -> None:
    place = holder.index(op)
    op.existing_server_default = op.modify_server_default = False
    holder.insert(place, _with_default(op, op.existing_type, None))
    if after is not None:
        holder.insert(place + 2, _with_default(op, op.modify_type, after))


def _declared(op: ops.AlterColumnOp, context: api.AutogenContext) -> Any:
    table = context.table_key_to_table[qualified(op.schema, op.table_name)]
    found = [column for column in table.columns if column.name == op.column_name]
    return found[0].server_default if found else None


def _with_default(op: Any, type_: Any, default: Any) -> ops.AlterColumnOp:
    return ops.AlterColumnOp(
        op.table_name,
        op.column_name,
        schema=op.schema,
        existing_type=type_,
        modify_server_default=default,
    )
