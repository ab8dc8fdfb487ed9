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


def probable_renames(
    pairs: Sequence[Mapping[str, str]],
    answered: Sequence[str],
    sources: Sequence[Source | None],
    environment: str,
) -> list[Finding]:
    """Drops and adds, which may be renames: only a person knows. `answered`: what is said to be
    one already; `environment`: what names it on a command line, where that is needed."""
    add = f"revguard {environment}add"
    given = "".join(f" --rename {shlex.quote(one)}" for one in answered)
    every = given + "".join(f" --rename {shlex.quote(one['said'])}" for one in pairs)
    several = len(pairs) > 1
    renames = "renames them all and keeps what they hold" if several else "renames it and keeps "
    renames += "" if several else "".join(map(_lost, pairs))
    drops = "drops and adds what it does not name" if several or given else "drops and adds"
    hint = f"`{add}{every}` {renames}; `{add}{given} --no-rename` {drops}"
    return [
        _probable_rename(pair, source, hint) for pair, source in zip(pairs, sources, strict=True)
    ]


def _lost(pair: Mapping[str, str]) -> str:
    return "its values" if pair["table"] else "its rows"


def _probable_rename(pair: Mapping[str, str], source: Source | None, hint: str) -> Finding:
    what = f"{pair['table']}.{pair['old']}" if pair["table"] else f"the table {pair['old']}"
    return Finding(
        rule=RENAME,
        message=f"{what} is probably renamed to {pair['new']}: the script would drop the one with "
        f"{_lost(pair)}, and add the other empty",
        hint=hint,
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
