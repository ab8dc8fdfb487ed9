"""Whether one revision does what a chain did: what the two left in, how they differ out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Result: TypeAlias = Mapping[str, Any]  # of the worker
Table: TypeAlias = Mapping[str, Any]  # its columns and rows, as worker/sampling.py tells them
_MOST = 3


def schema_differences(chain: Result, one: Result) -> list[str]:
    """Objects of the catalog that are not the same after both."""
    before, after = chain["rows"]["after"], one["rows"]["after"]
    return [
        f"{name} is {after.get(name, 'not there')} instead of {before.get(name, 'nothing')}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ][:_MOST]


def row_differences(chain: Result, one: Result, again: Result | None = None) -> list[str]:
    """Tables whose rows are not the same, on the way up or down. `again`: the chain run once more;
    columns in which it differs from itself (times, random values) say nothing."""
    found = []
    for way, said in (("up", "after the upgrade"), ("down", "after the downgrade")):
        before, after = chain["rows"][way], one["rows"][way]
        other = again["rows"][way] if again is not None else None
        found += [f"the rows of {name} {said}" for name in _different(before, after, other)]
    return found[:_MOST]


def _different(
    before: Mapping[str, Table], after: Mapping[str, Table], again: Mapping[str, Table] | None
) -> Iterator[str]:
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        if one is None or other is None or one["columns"] != other["columns"]:
            yield name
            continue
        unsteady = set(_unsteady(one, again[name])) if again and name in again else set()
        if _rows(one, unsteady) != _rows(other, unsteady):
            yield name


def _unsteady(one: Table, again: Table) -> Iterator[int]:
    """The columns that hold other values each time."""
    for index in range(len(one["columns"])):
        if sorted(row[index] for row in one["rows"]) != sorted(row[index] for row in again["rows"]):
            yield index


def _rows(table: Table, without: set[int]) -> list[list[str]]:
    return sorted(
        [cell for index, cell in enumerate(row) if index not in without] for row in table["rows"]
    )


def does_nothing(chain: Result) -> bool:
    """Whether the schema and the rows after the chain are those before it."""
    rows = chain["rows"]
    return bool(rows["before"] == rows["after"] and rows["start"] == rows["up"])
