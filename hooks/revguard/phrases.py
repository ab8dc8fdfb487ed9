"""Schema changes in words: Alembic's operation names in, short phrases out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

_PHRASES: Final[Mapping[str, str]] = {
    "add_schema": "add schema {}",
    "remove_schema": "drop schema {}",
    "add_table": "add table {}",
    "remove_table": "drop table {}",
    "add_column": "add {}",
    "remove_column": "drop {}",
    "add_index": "add index {}",
    "remove_index": "drop index {}",
    "add_constraint": "add constraint {}",
    "remove_constraint": "drop constraint {}",
    "add_fk": "add foreign key {}",
    "remove_fk": "drop foreign key {}",
    "modify_type": "change type of {}",
    "modify_nullable": "change nullability of {}",
    "modify_default": "change default of {}",
    "modify_comment": "change comment of {}",
    "add_table_comment": "add comment of {}",
    "remove_table_comment": "drop comment of {}",
}


def phrase(op: str, name: str) -> str:
    """`add_column`, `users.email` as `add users.email`; an unknown operation in its own words."""
    return _PHRASES.get(op, op.replace("_", " ") + " {}").replace("{}", name).strip()


def summary(phrases: Iterable[str]) -> str:
    """`drop table carts and 2 more`."""
    first, *more = dict.fromkeys(phrases)
    return f"{first} and {len(more)} more" if more else first


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def readable(size: float) -> str:
    """A number of bytes for people: `39.2 MiB`."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
