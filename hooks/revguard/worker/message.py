"""Differences in, the message of their revision out."""

from __future__ import annotations

from typing import Sequence

from .differences import Difference

_VERBS = {
    "add_table": "add table",
    "remove_table": "drop table",
    "rename_table": "rename table",
    "rename_column": "rename",
    "add_column": "add",
    "remove_column": "drop",
    "add_index": "add index",
    "remove_index": "drop index",
    "add_fk": "add foreign key",
    "remove_fk": "drop foreign key",
    "add_constraint": "add constraint",
    "remove_constraint": "drop constraint",
    "modify_type": "change type of",
    "modify_nullable": "change nullability of",
    "modify_default": "change default of",
    "modify_comment": "change comment of",
}
_WEIGHTS = {"add_table": 0, "remove_table": 1}


def message_for(found: Sequence[Difference]) -> str:
    """What changes: the first by name, the rest counted; what a table brings with it is silent."""
    ordered = sorted(found, key=lambda one: _WEIGHTS.get(one.op, 2 + ("rename" not in one.op)))
    tables = {one.table for one in ordered if one.op in _WEIGHTS}
    shown = [one for one in ordered if one.op in _WEIGHTS or one.table not in tables]
    first = shown[0]
    text = f"{_VERBS.get(first.op, first.op.replace('_', ' '))} {first.object}"
    if first.op.startswith("rename_"):
        text += f" to {first.detail}"
    return text if len(shown) == 1 else f"{text} and {len(shown) - 1} more"
