"""Renames in, the constraints that are dropped and made again for the new names alone taken out:
they go with what is renamed. Foreign keys are compared whatever they are called."""

from __future__ import annotations

from typing import Any, Iterable

from alembic.operations import ops

from .differences import qualified
from .likely import Pair

_MADE = (ops.CreateForeignKeyOp, ops.CreateUniqueConstraintOp)


class Renamed:
    """The names of now by those of before."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        """A column's table is known by the name that it is to have."""
        pairs = list(pairs)
        self._tables = {
            pair.old: qualified(pair.add.schema, pair.new) for pair in pairs if not pair.is_column
        }
        self._columns = {
            (self.table(pair.table), pair.old): pair.new for pair in pairs if pair.is_column
        }

    def table(self, name: str) -> str:
        """What a table of before is called now."""
        return self._tables.get(name, name)

    def column(self, table: str, name: str) -> str:
        """The same of a column; `table` as of before."""
        return self._columns.get((self.table(table), name), name)


def forget(container: Any, pairs: Iterable[Pair]) -> None:
    """Take them out of the container, with the holders that are empty then."""
    names = Renamed(pairs)
    for holder in [one for one in container.ops if isinstance(one, ops.ModifyTableOps)]:
        table = qualified(holder.schema, holder.table_name)
        for drop in [one for one in holder.ops if isinstance(one, ops.DropConstraintOp)]:
            same = next((add for add in holder.ops if _same(drop, add, table, names)), None)
            if same is not None:
                holder.ops.remove(drop)
                holder.ops.remove(same)
    container.ops[:] = [
        one for one in container.ops if not isinstance(one, ops.ModifyTableOps) or one.ops
    ]


def _same(drop: Any, add: Any, table: str, names: Renamed) -> bool:
    if not isinstance(add, _MADE):
        return False
    was: Any = drop.to_constraint()
    now: Any = add.to_constraint()
    if type(was) is not type(now):
        return False
    columns, targets = _columns(was), _targets(was)
    moved = [names.column(table, one) for one in columns]
    aims = [(names.table(of), names.column(of, one)) for of, one in targets]
    named = bool(targets) or add.constraint_name in (None, drop.constraint_name)
    renamed = moved != columns or aims != targets
    return (
        renamed
        and named
        and (moved, aims) == (_columns(now), _targets(now))
        and _actions(was) == _actions(now)
    )


def _columns(constraint: Any) -> list[str]:
    if hasattr(constraint, "elements"):
        return [str(one.parent.name) for one in constraint.elements]
    return [str(one.name) for one in constraint.columns]


def _targets(constraint: Any) -> list[tuple[str, str]]:
    """Table and column of each."""
    elements = getattr(constraint, "elements", ())
    parts = [str(one.target_fullname).rpartition(".") for one in elements]
    return [(table, column) for table, _, column in parts]


def _actions(constraint: Any) -> list[str]:
    """What happens when the other row goes; said or unsaid, RESTRICT is what nothing means."""
    said = [str(getattr(constraint, one, None) or "") for one in ("ondelete", "onupdate")]
    return ["" if one.upper() in ("NO ACTION", "RESTRICT") else one.upper() for one in said]
