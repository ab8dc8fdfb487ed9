"""Which differences are drift: those of a comparison in, what was known before or is waived out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Container, Iterable, Mapping, Sequence

    from .channel import Channel
    from .differences import Difference


class Known:
    """The keys of the differences that were known before; asked for once, where not told."""

    def __init__(self, channel: Channel, told: list[str] | None) -> None:
        """Nothing is asked yet."""
        self._channel = channel
        self._told = told

    def of(self, keys: list[str]) -> list[str]:
        """Those of the keys that were known, and maybe more."""
        if self._told is None:
            self._told = self._channel.ask("drift", keys=keys)["known"]
        return self._told


def staying(
    changes: Iterable[Mapping[str, Any]], known: Container[str], waived: Container[str]
) -> list[str]:
    """The keys of what stays whatever a revision would have done."""
    return [
        item["key"]
        for item in changes
        if item["key"] in known or f"{item['op']} {item['object']}" in waived
    ]


def needed_defaults(found: Sequence[Difference], changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Defaults that the models do not have, of columns that the revision adds: rows that are
    there need one where the column is NOT NULL."""
    added = {item["object"] for item in changes if item["op"] in ("add_column", "add_table")}
    return [
        f"{item.op} {item.object}"
        for item in found
        if item.op == "modify_default" and item.detail.endswith(" -> none")
        if added.intersection((item.object, item.table))
    ]
