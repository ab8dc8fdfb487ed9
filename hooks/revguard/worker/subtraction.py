"""Known differences taken out of autogenerate's operations; an ALTER COLUMN keeps the rest."""

from __future__ import annotations

from collections import Counter
from typing import Any, Iterable

from alembic.autogenerate import api
from alembic.operations import ops

from .differences import Difference, leaves, of_op

# The attribute of AlterColumnOp behind each difference, and the value that says "as it is"
_UNSET = {
    "modify_type": ("modify_type", None),
    "modify_nullable": ("modify_nullable", None),
    "modify_default": ("modify_server_default", False),
    "modify_comment": ("modify_comment", False),
}


def subtract(
    container: ops.OpContainer,
    known: Iterable[str],
    waived: Iterable[str],
    context: api.AutogenContext,
) -> int:
    """Take the known differences (keys, each counting once) out of the operations, and those that
    are waived ("op object" each). Returns how many were taken."""
    left = Counter(known)
    allowed = frozenset(waived)
    taken = 0
    for holder, op in list(leaves(container)):
        differences = of_op(op, context)
        hits = [one for one in differences if _hit(one, left, allowed)]
        taken += len(hits)
        if hits and len(hits) == len(differences):
            holder.remove(op)
        elif hits:
            _forget(op, hits)
    _drop_empty(container)
    return taken


def _hit(difference: Difference, left: Counter[str], allowed: frozenset[str]) -> bool:
    if left[difference.key] > 0:
        left[difference.key] -= 1
        return True
    return f"{difference.op} {difference.object}" in allowed


def _forget(op: Any, hits: list[Difference]) -> None:
    for difference in hits:
        name, value = _UNSET[difference.op]
        setattr(op, name, value)


def _drop_empty(container: ops.OpContainer) -> None:
    for op in list(container.ops):
        if isinstance(op, ops.OpContainer):
            _drop_empty(op)
            if not op.ops:
                container.ops.remove(op)
