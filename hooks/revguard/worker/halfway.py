"""A step that failed where DDL is not transactional: the schema before it in, what it left out."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from . import catalog

if TYPE_CHECKING:
    from typing import Mapping

    from alembic.runtime.migration import MigrationContext

_MOST = 8  # lines


def is_possible(context: MigrationContext) -> bool:
    """Whether a failed step leaves what it has done so far: production would be left so."""
    return not context.impl.transactional_ddl


def told(context: MigrationContext, before: Mapping[str, str], account: Mapping[str, Any]) -> str:
    """At which statement the step stopped and what was left half done; empty where that is
    nothing, or where the database cannot be asked any more."""
    if not is_possible(context):
        return ""
    lines: list[str] = []
    with suppress(Exception):  # the connection may be what failed
        connection: Any = context.connection
        connection.connection.rollback()  # of what a transaction does take back
        after = catalog.read(connection, context.version_table)
        lines = _without_parts(before, after, catalog.difference(before, after))
    if not lines:
        return ""
    more = f", and {len(lines) - _MOST} more" if len(lines) > _MOST else ""
    return f"{_where(account)}; left half done: {', '.join(lines[:_MOST])}{more}"


def _where(account: Mapping[str, Any]) -> str:
    number = account["number"]
    if account["at_statement"]:
        return f"statement {number} of the revision failed"
    return f"the revision stopped after its statement {number}"


def _without_parts(
    before: Mapping[str, str], after: Mapping[str, str], lines: list[str]
) -> list[str]:
    """A table that came or went speaks for its columns, keys and indexes."""
    changed = {*before} ^ {*after}
    tables = [name.partition(" ")[2] for name in changed if name.startswith("table ")]
    kept = []
    for line in lines:
        kind, _, rest = line.partition(" ")
        rest = rest[4:] if kind == "foreign" else rest  # "foreign key"
        parts = any(rest.startswith((f"{table}.", f"{table} (", f"{table} ")) for table in tables)
        if kind == "table" or not parts:
            kept.append(line)
    return kept
