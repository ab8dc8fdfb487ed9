"""A comparison's operations in, the drops and adds of which each pair may be one rename out."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any, Iterator, NamedTuple

from alembic.operations import ops

from .differences import qualified, type_text

_ALIKE = 0.6  # names; `mail` and `email` are
_FEW = 2  # columns: that two tables have an `id` alone says nothing


class Pair(NamedTuple):
    """A drop and an add. `holder` is the list that the operations of a column are in."""

    holder: list[Any]
    drop: Any
    add: Any
    table: str
    old: str
    new: str
    score: float  # 0: improbable

    @property
    def said(self) -> str:
        """As `--rename` takes it."""
        return f"{self.table}.{self.old}:{self.new}" if self.is_column else f"{self.old}:{self.new}"

    @property
    def is_column(self) -> bool:
        """Or a table."""
        return isinstance(self.drop, ops.DropColumnOp)

    def as_dict(self) -> dict[str, str]:
        """For the result."""
        return {"table": self.table, "old": self.old, "new": self.new, "said": self.said}


def pairs(container: Any, context: Any, diffed: set[tuple[str, ...]]) -> Iterator[Pair]:
    """All of them, also those that are improbable. `diffed`: old and new names, as the source has
    them."""
    for one in container.ops:
        if isinstance(one, ops.ModifyTableOps):
            table = qualified(one.schema, one.table_name)
            for drop, add in _of_kinds(one.ops, ops.DropColumnOp, ops.AddColumnOp):
                was, now = drop.to_column(), add.column
                score = _column_score(drop, add, context, diffed)
                yield Pair(one.ops, drop, add, table, str(was.name), str(now.name), score)
    for drop, add in _of_kinds(container.ops, ops.DropTableOp, ops.CreateTableOp):
        if drop.schema == add.schema:
            old = qualified(drop.schema, drop.table_name)
            score = _table_score(drop, add, context, diffed)
            yield Pair(container.ops, drop, add, "", old, add.table_name, score)


def _of_kinds(items: list[Any], first: type, second: type) -> Iterator[tuple[Any, Any]]:
    for drop in items:
        for add in items:
            # one that a hook of the project made may not know what it drops
            known = getattr(drop, "_reverse", None) is not None
            if known and isinstance(drop, first) and isinstance(add, second):
                yield drop, add


def matched(found: list[Pair], taken: list[Pair]) -> list[Pair]:
    """Of the probable ones each thing at most once, the likeliest first."""
    used = {id(op) for pair in taken for op in (pair.drop, pair.add)}
    chosen = []
    for pair in sorted(found, key=lambda one: (-one.score, one.said)):
        if not used & {id(pair.drop), id(pair.add)}:
            used |= {id(pair.drop), id(pair.add)}
            chosen.append(pair)
    return chosen


def _column_score(drop: Any, add: Any, context: Any, diffed: set[tuple[str, ...]]) -> float:
    was, now = drop._reverse.column, add.column
    if _shape(was, context)[1:] != _shape(now, context)[1:]:
        return 0
    likeness = _likeness(str(was.name), str(now.name))
    beside = _neighbours(was, now)
    seen = (str(was.name), str(now.name)) in diffed
    return likeness + beside + seen if beside or seen or likeness >= _ALIKE else 0


def _table_score(drop: Any, add: Any, context: Any, diffed: set[tuple[str, ...]]) -> float:
    was, now = (
        sorted(_shape(item, context) for item in one.columns if hasattr(item, "type"))
        for one in (drop._reverse, add)
    )
    likeness = _likeness(drop.table_name, add.table_name)
    seen = (drop.table_name, add.table_name) in diffed
    share = SequenceMatcher(None, was, now, autojunk=False).ratio()
    enough = len(was) > _FEW or seen or likeness >= _ALIKE
    alike = share == 1 or (share >= _ALIKE and (seen or likeness >= _ALIKE))
    return share + likeness + seen if alike and enough else 0


def _shape(column: Any, context: Any) -> tuple[str, str, bool]:
    return str(column.name), type_text(column.type, context), bool(column.nullable)


def _likeness(old: str, new: str) -> float:
    return SequenceMatcher(None, old.lower(), new.lower()).ratio()


def _neighbours(was: Any, now: Any) -> bool:
    """Whether both stand between the same columns, of those that are in both tables."""
    tables: list[Any] = [getattr(one, "table", None) for one in (was, now)]
    if any(table is None for table in tables):
        return False
    names = [[str(one.name) for one in table.columns] for table in tables]
    both = {*names[0]} & {*names[1]}
    places = []
    for column, own in zip((was, now), names):
        at = own.index(str(column.name))
        before = [name for name in own[:at] if name in both]
        after = [name for name in own[at + 1 :] if name in both]
        places.append((before[-1:], after[:1]))
    return places[0] == places[1]
