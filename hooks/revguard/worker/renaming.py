"""Drops and adds that may be renames: a comparison's operations in, what is probable out; what is
decided is put in their place, so that the values stay."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from alembic.operations import ops

from .differences import qualified
from .likely import Pair, matched, pairs
from .rename_op import RenameOp


def decide(comparison: Any, request: Mapping[str, Any]) -> tuple[list[dict[str, str]], list[str]]:
    """Put renames in the place of drops and adds where it is decided so. Gives the probable ones
    that are not decided, and those of the ``named`` that there are none of."""
    mode, named = request.get("renames", "never"), list(request.get("named", ()))
    diffed = {tuple(pair) for pair in request.get("diffed", ())}
    asked: list[dict[str, str]] = []
    done: set[str] = set()
    for script in comparison.revisions.generated_revisions:
        for container in script.upgrade_ops_list:
            every = list(pairs(container, comparison.context, diffed))
            wanted = matched([pair for pair in every if pair.said in named], [])
            done.update(pair.said for pair in wanted)
            probable = matched([pair for pair in every if pair.score], wanted)
            if mode == "source":
                wanted += [pair for pair in probable if (pair.old, pair.new) in diffed]
            elif mode == "ask":
                asked += [pair.as_dict() for pair in probable]
            for pair in wanted:
                _forget_keys(container, pair)
            for pair in wanted:
                _put(container, pair)
        if done or mode == "source":
            _reverse(script)
    return asked, [one for one in named if one not in done]


def _reverse(script: Any) -> None:
    for upgrade, downgrade in zip(script.upgrade_ops_list, script.downgrade_ops_list):
        upgrade.reverse_into(downgrade)


def _put(container: Any, pair: Pair) -> None:
    """The rename in the place of the drop and the add: behind what is dropped, before the rest."""
    if not pair.is_column:
        table, schema = pair.drop.table_name, pair.drop.schema
        rest = _without(pair)
        first = [one for one in rest if _goes_before(one, table)]
        renamed = RenameOp(table, schema, table, pair.new)
        pair.holder[:] = [*first, renamed, *(one for one in rest if one not in first)]
        return
    (own,) = [one for one in container.ops if getattr(one, "ops", None) is pair.holder]
    keys = (ops.DropIndexOp, ops.DropConstraintOp)
    dropped = [one for one in pair.holder if isinstance(one, keys)]
    pair.holder[:] = [one for one in _without(pair) if one not in dropped]
    at = container.ops.index(own)
    # apart from each other: a batch knows its columns by the names that they had when it began
    container.ops[at : at + (not pair.holder)] = [*_parts(container, at, own, dropped, pair)]


def _without(pair: Pair) -> list[Any]:
    return [one for one in pair.holder if one not in (pair.drop, pair.add)]


def _parts(
    container: Any, at: int, own: Any, dropped: list[Any], pair: Pair
) -> Iterator[ops.ModifyTableOps]:
    if dropped:
        yield ops.ModifyTableOps(own.table_name, dropped, schema=own.schema)
    columns = (pair.drop.to_column(), pair.add.column)
    renamed = RenameOp(own.table_name, own.schema, pair.old, pair.new, *columns)
    before: Any = container.ops[at - 1] if at else None
    if _renames(before) and (before.table_name, before.schema) == (own.table_name, own.schema):
        before.ops.append(renamed)
        return
    yield ops.ModifyTableOps(own.table_name, [renamed], schema=own.schema)


def _renames(op: Any) -> bool:
    return isinstance(op, ops.ModifyTableOps) and isinstance(op.ops[0], RenameOp)


def _goes_before(op: Any, table: str) -> bool:
    """What speaks of the old name, and goes before it does."""
    return isinstance(op, ops.ModifyTableOps) and (op.table_name == table or _only_drops(op))


def _only_drops(op: Any) -> bool:
    return bool(op.ops) and all(
        isinstance(one, (ops.DropIndexOp, ops.DropConstraintOp)) for one in op.ops
    )


def _forget_keys(container: Any, pair: Pair) -> None:
    if pair.is_column:
        _same_keys(pair.holder, pair)
    else:
        _same_references(container, pair)


def _same_keys(holder: list[Any], pair: Pair) -> None:
    """Keys that are made again for the new name alone: they go with the column. Foreign keys are
    compared whatever they are called."""

    def renamed(columns: Any) -> list[str]:
        return [pair.new if str(one) == pair.old else str(one) for one in columns]

    for drop in [one for one in holder if isinstance(one, ops.DropConstraintOp)]:
        constraint: Any = drop.to_constraint()
        for add in list(holder):
            if type(add) not in (ops.CreateForeignKeyOp, ops.CreateUniqueConstraintOp):
                continue
            other: Any = add.to_constraint()
            if (
                type(other) is type(constraint)
                and (_target(other) or add.constraint_name in (None, drop.constraint_name))
                and renamed(_columns(constraint)) == [str(one) for one in _columns(other)]
                and _target(constraint) == _target(other)
            ):
                holder.remove(drop)
                holder.remove(add)
                break


def _columns(constraint: Any) -> list[str]:
    if hasattr(constraint, "elements"):
        return [str(one.parent.name) for one in constraint.elements]
    return [str(one.name) for one in constraint.columns]


def _target(constraint: Any) -> list[str]:
    return [str(one.target_fullname) for one in getattr(constraint, "elements", ())]


def _same_references(container: Any, pair: Pair) -> None:
    """Foreign keys of other tables that follow the renamed one."""
    old = qualified(pair.drop.schema, pair.drop.table_name) + "."
    new = qualified(pair.add.schema, pair.add.table_name) + "."
    for holder in [one for one in container.ops if isinstance(one, ops.ModifyTableOps)]:
        for drop in [one for one in holder.ops if isinstance(one, ops.DropConstraintOp)]:
            constraint: Any = drop.to_constraint()
            moved = [
                new + one[len(old) :] if one.startswith(old) else one for one in _target(constraint)
            ]
            for add in list(holder.ops):
                if not isinstance(add, ops.CreateForeignKeyOp) or not moved:
                    continue
                other = add.to_constraint()
                if _columns(constraint) == _columns(other) and moved == _target(other):
                    holder.ops.remove(drop)
                    holder.ops.remove(add)
                    break
    container.ops[:] = [
        one for one in container.ops if not isinstance(one, ops.ModifyTableOps) or one.ops
    ]
