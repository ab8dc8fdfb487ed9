"""The rules on the models' source: tables that no run of env.py sees in, findings out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from revguard.declared import Table
from revguard.declared.importing import Missing
from revguard.verdict import Finding

UNREGISTERED: Final = "models/unregistered"
_SHOWN = 3


def unregistered(tables: Sequence[Table], where: Missing, *, dropped: bool) -> Finding:
    """The tables of one file that env.py never imports; `dropped`: the database has them."""
    first = tables[0]
    names = [_named(table) for table in tables[:_SHOWN]]
    more = len(tables) - len(names)
    said = ", ".join(names) + (f" and {more} more" if more else "")
    one = len(tables) == 1
    verb, them = ("is", "it") if one else ("are", "them")
    module = where.module or first.path
    effect = (
        f"a revision would drop {them}, though the source still defines {them}"
        if dropped
        else f"no revision is made for {them}"
    )
    kind = "table" if one else "tables"
    message = (
        f"the {kind} {said} {verb} not in the target metadata: nothing that env.py imports loads "
        f"{module}, so {effect}"
    )
    return Finding(
        rule=UNREGISTERED,
        message=message,
        hint=_hint(where, first.path),
        path=first.path,
        line=first.line,
    )


def _named(table: Table) -> str:
    name = f"{table.schema}.{table.name}" if table.schema else table.name
    if not name:
        return f"of {table.class_name}"
    return f"{name} ({table.class_name})" if table.class_name else name


def _hint(where: Missing, path: str) -> str:
    if not where.module or not where.path:
        return f"import {path} where env.py reads the target metadata"
    place = f"{where.path}, after line {where.line}" if where.line else where.path
    return f"put `{where.statement}` into {place}"
