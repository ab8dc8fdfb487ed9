"""Operations in, the same operations in an order that foreign keys allow and no hash seed moves."""

from __future__ import annotations

from typing import Any, Callable, Iterator

from alembic.operations import ops

from .differences import qualified


def sort(container: ops.OpContainer) -> None:
    """Additions and changes as Alembic has them, columns dropped by name, tables dropped last and
    what references them first."""
    for op in container.ops:
        if isinstance(op, ops.ModifyTableOps):
            for kind in _KINDS:
                _sort_slots(op.ops, kind)
    gone = {
        qualified(op.schema, op.table_name): op
        for op in container.ops
        if isinstance(op, ops.DropTableOp)
    }
    before: dict[str, list[Any]] = {name: [] for name in gone}
    rest: list[Any] = []
    for op in container.ops:
        if isinstance(op, ops.DropTableOp):
            continue
        name = qualified(getattr(op, "schema", None), getattr(op, "table_name", None))
        (before[name] if isinstance(op, ops.ModifyTableOps) and name in gone else rest).append(op)
    for name in _dependents_first(gone):
        rest += [*before[name], gone[name]]
    container.ops[:] = rest


def _sort_slots(items: list[Any], kind: Callable[[Any], str | None]) -> None:
    """Sort the items of one kind among the places that they have."""
    keys = [(key, index) for index, key in enumerate(map(kind, items)) if key is not None]
    chosen = [items[index] for _, index in sorted(keys)]
    for (_, place), item in zip(keys, chosen):
        items[place] = item


def _dropped_column(op: Any) -> str | None:
    return str(op.column_name) if isinstance(op, ops.DropColumnOp) else None


def _foreign_key(op: Any) -> str | None:
    if not isinstance(op, ops.CreateForeignKeyOp):
        return None
    return str((op.constraint_name or "", op.local_cols, op.referent_table, op.remote_cols))


def _dropped_foreign_key(op: Any) -> str | None:
    if not isinstance(op, ops.DropConstraintOp) or op.constraint_type != "foreignkey":
        return None
    constraint: Any = op.to_constraint()
    return str((op.constraint_name or "", [column.name for column in constraint.columns]))


def _unique(op: Any) -> str | None:
    if not isinstance(op, ops.CreateUniqueConstraintOp):
        return None
    return str((op.constraint_name or "", [str(column) for column in op.columns]))


# What Alembic takes out of sets
_KINDS = (_dropped_column, _foreign_key, _dropped_foreign_key, _unique)


def _dependents_first(gone: dict[str, Any]) -> list[str]:
    references = {name: set(referenced(op)) & set(gone) - {name} for name, op in gone.items()}
    ordered: list[str] = []
    left = sorted(references)
    while left:
        free = [n for n in left if not any(n in references[m] for m in left if m != n)]
        for name in free or left[:1]:
            ordered.append(name)
            left.remove(name)
    return ordered


def referenced(op: Any) -> Iterator[str]:
    """The tables that a CREATE or DROP TABLE operation's foreign keys point to."""
    created = op if isinstance(op, ops.CreateTableOp) else getattr(op, "_reverse", None)
    for item in getattr(created, "columns", None) or ():
        for element in getattr(item, "elements", None) or ():
            yield target(element)


def target(element: Any) -> str:
    """The table that a ForeignKey points to."""
    spec = getattr(element, "_colspec", None)
    text = spec if isinstance(spec, str) else element.target_fullname
    return str(text).rpartition(".")[0]
