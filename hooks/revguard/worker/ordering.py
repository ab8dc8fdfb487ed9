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
            _sort_slots(op.ops, ops.DropColumnOp, lambda item: str(item.column_name))
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


def _sort_slots(items: list[Any], kind: type, key: Callable[[Any], str]) -> None:
    places = [index for index, item in enumerate(items) if isinstance(item, kind)]
    for index, item in zip(places, sorted((items[i] for i in places), key=key)):
        items[index] = item


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
