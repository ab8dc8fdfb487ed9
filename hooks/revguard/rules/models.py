"""The rules on the models' source: tables that no run of env.py sees in, findings out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from revguard.declared import Table
from revguard.declared.importing import Missing
from revguard.verdict import Finding, Source

UNREGISTERED: Final = "models/unregistered"
RENAME: Final = "models/probable-rename"
_SHOWN = 3


def probable_rename(pair: Mapping[str, str], source: Source | None, environment: str) -> Finding:
    """A drop and an add, which may be a rename: only a person knows. `environment`: what names it
    on a command line, where that is needed."""
    what = f"{pair['table']}.{pair['old']}" if pair["table"] else f"the table {pair['old']}"
    lost = "its values" if pair["table"] else "its rows"
    add = f"revguard {environment}add"
    return Finding(
        rule=RENAME,
        message=f"{what} is probably renamed to {pair['new']}: the script would drop the one with "
        f"{lost}, and add the other empty",
        hint=f"`{add} --rename {shlex.quote(pair['said'])}` renames it and keeps {lost}; "
        f"`{add} --no-rename` drops and adds",
        path=source.path if source else "",
        line=source.line if source else 0,
    )


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
