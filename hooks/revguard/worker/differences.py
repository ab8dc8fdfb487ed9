"""Autogenerate's operations as differences: named like Alembic's diff tuples, each with a key that
is the same wherever the same difference is found."""

from __future__ import annotations

from typing import Any, Iterator

from alembic.autogenerate import api, render
from alembic.operations import ops

_ADDED = {
    "CreateForeignKeyOp": "add_fk",
    "CreateUniqueConstraintOp": "add_constraint",
    "CreateCheckConstraintOp": "add_constraint",
    "CreatePrimaryKeyOp": "add_constraint",
}


class Difference:
    """One difference: ``op`` as in Alembic's diff tuples, ``object``, ``detail``, and ``key``."""

    __slots__ = ("detail", "key", "name", "object", "op", "table")

    def __init__(self, op: str, table: str, name: str, detail: str, text: str) -> None:
        """``text`` is what makes it another difference than the next one of the same object."""
        self.op = op
        self.table = table
        self.name = name
        self.object = table + ("." + name if name else "")
        self.detail = detail
        self.key = f"{op} {self.object} {text}"

    def as_dict(self) -> dict[str, str]:
        """For the result."""
        return {name: getattr(self, name) for name in self.__slots__}


def leaves(container: ops.OpContainer) -> Iterator[tuple[list[Any], Any]]:
    """Each operation of an OpContainer with the list that holds it, depth first."""
    for op in list(container.ops):
        if isinstance(op, ops.OpContainer):
            yield from leaves(op)
        else:
            yield container.ops, op


def of_ops(container: ops.OpContainer, context: api.AutogenContext) -> list[Difference]:
    """All differences in upgrade operations; ``context`` is their AutogenContext."""
    found: list[Difference] = []
    for _, op in leaves(container):
        found.extend(of_op(op, context))
    return found


def of_op(op: Any, context: api.AutogenContext) -> list[Difference]:
    """The differences of one operation: one, or one for each thing that an ALTER COLUMN does."""
    if isinstance(op, ops.AlterColumnOp):
        return _of_alter(op, context)
    text = _render(op, context)
    name, table, item, detail = _named(op, context)
    return [Difference(name, table, item, detail, text)]


def _named(op: Any, context: api.AutogenContext) -> tuple[str, str, str, str]:
    """Operation, table, name within it and detail of any operation but ALTER COLUMN."""
    table = qualified(getattr(op, "schema", None), getattr(op, "table_name", None))
    if isinstance(op, ops.CreateTableOp):
        columns = ", ".join(getattr(i, "name", "") for i in op.columns if hasattr(i, "type"))
        return "add_table", table, "", columns
    if isinstance(op, ops.AddColumnOp):
        return "add_column", table, str(op.column.name), _column(op.column, context)
    if isinstance(op, ops.CreateIndexOp):
        return "add_index", table, str(op.index_name or ""), _index(op)
    if isinstance(op, ops.DropConstraintOp):
        foreign = getattr(op, "constraint_type", None) == "foreignkey"
        name = "remove_fk" if foreign else "remove_constraint"
        return name, table, str(op.constraint_name or ""), ""
    if type(op).__name__ in _ADDED:
        return _constraint(op)
    return _dropped(op, table) or _custom(op, table)


def _dropped(op: Any, table: str) -> tuple[str, str, str, str] | None:
    if isinstance(op, ops.DropTableOp):
        return "remove_table", table, "", ""
    if isinstance(op, ops.DropColumnOp):
        return "remove_column", table, op.column_name, ""
    if isinstance(op, ops.DropIndexOp):
        return "remove_index", table, op.index_name or "", ""
    return None


def _custom(op: Any, table: str) -> tuple[str, str, str, str]:
    kind = type(op).__name__
    if kind in ("CreateTableCommentOp", "DropTableCommentOp"):
        name = "add_table_comment" if kind.startswith("Create") else "remove_table_comment"
        return name, table, "", str(getattr(op, "comment", "") or "")
    first = op.to_diff_tuple()[0] if hasattr(op, "to_diff_tuple") else None
    if kind == "RenameOp":  # ours, rename_op.py
        return str(first), table, op.name, op.new
    return first if isinstance(first, str) else kind, table, "", ""


def _constraint(op: Any) -> tuple[str, str, str, str]:
    if isinstance(op, ops.CreateForeignKeyOp):
        table = qualified(op.kw.get("source_schema"), op.source_table)
        columns = list(op.local_cols)
        detail = f"{', '.join(columns)} -> {op.referent_table}({', '.join(op.remote_cols)})"
    else:
        table = qualified(getattr(op, "schema", None), op.table_name)
        columns = list(map(str, getattr(op, "columns", None) or ()))
        detail = ", ".join(columns) or str(getattr(op, "condition", ""))
    name = op.constraint_name or "_".join(columns)
    return _ADDED[type(op).__name__], table, str(name), detail


def _of_alter(op: ops.AlterColumnOp, context: api.AutogenContext) -> list[Difference]:
    table = qualified(op.schema, op.table_name)
    changes = []
    if op.modify_type is not None:
        old, new = op.existing_type, op.modify_type
        changes.append(("modify_type", type_text(old, context), type_text(new, context)))
    if op.modify_nullable is not None:
        changes.append(("modify_nullable", _null(op.existing_nullable), _null(op.modify_nullable)))
    if op.modify_server_default is not False:
        old, new = op.existing_server_default, op.modify_server_default
        changes.append(("modify_default", _default(old), _default(new)))
    if op.modify_comment is not False:
        changes.append(("modify_comment", repr(op.existing_comment), repr(op.modify_comment)))
    found = []
    for name, before, after in changes:
        detail = f"{before} -> {after}"
        found.append(Difference(name, table, op.column_name, detail, detail))
    if not found:
        found.append(Difference("modify_column", table, op.column_name, "", _render(op, context)))
    return found


def qualified(schema: str | None, table: str | None) -> str:
    """``schema.table``, or the table alone."""
    return f"{schema}.{table}" if schema else str(table or "")


def _render(op: Any, context: api.AutogenContext) -> str:
    try:
        return "\n".join(render.render_op(context, op))
    except Exception as error:  # noqa: BLE001 - one without a renderer still is a difference
        return f"{op} ({error})"


def type_text(type_: Any, context: api.AutogenContext) -> str:
    """A type as the dialect writes it."""
    try:
        return str(type_.compile(dialect=context.dialect))
    except Exception:  # noqa: BLE001 - another dialect's, or the project's own and broken
        return repr(type_)


def _null(value: bool | None) -> str:
    return "NULL" if value else "NOT NULL"


def _default(value: Any) -> str:
    if value is None or value is False:
        return "none"
    argument = getattr(value, "arg", None)
    if argument is None:
        argument = getattr(value, "sqltext", value)
    return str(getattr(argument, "text", argument))


def _column(column: Any, context: api.AutogenContext) -> str:
    return f"{type_text(column.type, context)}, {'nullable' if column.nullable else 'not null'}"


def _index(op: ops.CreateIndexOp) -> str:
    columns = ", ".join(str(getattr(item, "name", None) or item) for item in op.columns)
    return columns + (", unique" if op.unique else "")
