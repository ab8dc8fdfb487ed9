"""Drops and adds that may be renames: a comparison's operations in, what is probable out; what is
decided is put in their place, so that the values stay."""

from __future__ import annotations

import copy
import re
from typing import Any, Mapping

from alembic.operations import ops

from .altered import altered
from .likely import Pair, matched, pairs
from .rename_op import RenameOp
from .same_keys import forget

_KEYS = (ops.DropIndexOp, ops.DropConstraintOp)


class _Answers:
    """What is decided, and what is not."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.mode = request.get("renames", "never")
        self.named = list(request.get("named", ()))
        self.diffed = {tuple(pair) for pair in request.get("diffed", ())}
        self.asked: list[dict[str, str]] = []
        self.taken: list[Pair] = []

    def wanted(self, every: list[Pair]) -> list[Pair]:
        """Those that are decided to be renames; the other probable ones are noted."""
        wanted = matched([pair for pair in every if pair.said in self.named], [])
        probable = matched([pair for pair in every if pair.score], wanted)
        if self.mode == "source":
            wanted += [pair for pair in probable if (pair.old, pair.new) in self.diffed]
        elif self.mode == "ask":
            self.asked += [pair.as_dict() for pair in probable]
        self.taken += wanted
        return wanted


def decide(comparison: Any, request: Mapping[str, Any]) -> tuple[list[dict[str, str]], list[str]]:
    """Put renames in the place of drops and adds where it is decided so. Gives the probable ones
    that are not decided, and those of the ``named`` that there are none of."""
    answers = _Answers(request)
    for script in comparison.revisions.generated_revisions:
        for container in script.upgrade_ops_list:
            _decide(container, comparison.context, answers)
        if answers.taken:
            for upgrade, downgrade in zip(script.upgrade_ops_list, script.downgrade_ops_list):
                upgrade.reverse_into(downgrade)
    done = {pair.said for pair in answers.taken}
    return answers.asked, [one for one in answers.named if one not in done]


def _decide(container: Any, context: Any, answers: _Answers) -> None:
    """Tables first: what else is changed in one is a drop or an add, and may be a rename itself."""

    def found(is_column: bool) -> list[Pair]:
        every = pairs(container, context, answers.diffed)
        return [one for one in every if one.is_column == is_column]

    tables = answers.wanted(found(is_column=False))
    for pair in tables:
        _rename_table(container, pair, context)
    columns = answers.wanted(found(is_column=True))
    forget(container, [*tables, *columns])
    for pair in columns:
        _rename_column(container, pair, context)


def _rename_table(container: Any, pair: Pair, context: Any) -> None:
    """The rename in the place of the drop and the add: behind what is dropped, before the rest."""
    table, schema = pair.drop.table_name, pair.drop.schema
    _forget_uniques(container, pair)
    rest = [one for one in container.ops if one not in (pair.drop, pair.add)]
    first = [one for one in rest if _goes_before(one, table, schema)]
    rest = [one for one in rest if one not in first]
    changed = _changed(pair, context)
    if changed:
        own = [one for one in rest if _is_of(one, pair.new, schema)]
        if own:
            own[0].ops[:0] = changed
        else:
            rest.insert(0, ops.ModifyTableOps(pair.new, changed, schema=schema))
    container.ops[:] = [*first, RenameOp(table, schema, table, pair.new), *rest]


def _changed(pair: Pair, context: Any) -> list[Any]:
    """What else is another one in a table that is renamed: its columns."""
    was = {str(one.name): one for one in _columns(pair.drop._reverse)}
    now = {str(one.name): one for one in _columns(pair.add)}
    schema, table = pair.drop.schema, pair.new
    added = [
        ops.AddColumnOp.from_column_and_tablename(schema, table, column)
        for name, column in now.items()
        if name not in was
    ]
    changed = [
        altered(context, table, schema, was[name], column)
        for name, column in now.items()
        if name in was
    ]
    dropped = [
        ops.DropColumnOp.from_column_and_tablename(schema, table, column)
        for name, column in was.items()
        if name not in now
    ]
    return [*added, *(one for one in changed if one.has_changes()), *dropped]


def _columns(made: Any) -> list[Any]:
    return [one for one in made.columns if hasattr(one, "type")]


def _forget_uniques(container: Any, pair: Pair) -> None:
    """Unique constraints that are in the new table, and were an index of the old one."""
    names = {getattr(one, "name", None) for one in pair.add.columns if not hasattr(one, "type")}
    for holder in container.ops:
        if _is_of(holder, pair.drop.table_name, pair.drop.schema):
            holder.ops[:] = [
                one
                for one in holder.ops
                if not (isinstance(one, ops.DropIndexOp) and one.index_name in names)
            ]


def _is_of(op: Any, table: str, schema: Any) -> bool:
    return isinstance(op, ops.ModifyTableOps) and (op.table_name, op.schema) == (table, schema)


def _goes_before(op: Any, table: str, schema: Any) -> bool:
    """What speaks of the old name, and goes before it does."""
    return isinstance(op, ops.ModifyTableOps) and (_is_of(op, table, schema) or _only_drops(op))


def _only_drops(op: Any) -> bool:
    return bool(op.ops) and all(isinstance(one, _KEYS) for one in op.ops)


def _rename_column(container: Any, pair: Pair, context: Any) -> None:
    """Apart from the rest of its table: behind the keys that are dropped, before what else is
    changed in it, which knows the new name."""
    (own,) = [one for one in container.ops if getattr(one, "ops", None) is pair.holder]
    change = altered(context, own.table_name, own.schema, pair.drop.to_column(), pair.add.column)
    dropped = [one for one in pair.holder if isinstance(one, _KEYS)]
    rest = [one for one in pair.holder if one not in (*dropped, pair.drop, pair.add)]
    pair.holder[:] = ([change] if change.has_changes() else []) + rest
    _say_anew(own, pair)
    before: list[Any] = []
    if dropped:
        before = [copy.copy(own)]
        before[0].ops = dropped
    renamed = RenameOp(own.table_name, own.schema, pair.old, pair.new, change)
    at = container.ops.index(own)
    container.ops[at : at + (not pair.holder)] = [*before, renamed]


def _say_anew(own: Any, pair: Pair) -> None:
    """The CHECK constraints that a copy is told of (batch.py) follow the name."""
    if getattr(own, "checks", None):
        word = rf"(?<!\w){re.escape(pair.old)}(?!\w)"
        own.checks = [re.sub(word, lambda _: pair.new, one) for one in own.checks]
