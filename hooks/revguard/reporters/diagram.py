"""The schema change as a picture: tables in, a Mermaid entity-relationship diagram out.

Mermaid's grammar takes few characters: the others are shown by their fullwidth twins or by `_`.
Exact names stand in the table of changes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from revguard.verdict import Column, ForeignKey, Table

_MOST_TABLES: Final = 12
_MOST_COLUMNS: Final = 12
_FEWEST_COLUMNS: Final = 4
_MOST_ROWS: Final = 60  # of all tables together
_MOST_LINES: Final = 60
_MOST_LETTERS: Final = 40
_STATES: Final = ("added", "removed", "changed")
_SAFE: Final = frozenset("_-()[]")
_DIRECTION: Final = re.compile(r" +(?=tb|bt|rl|lr)", re.IGNORECASE)
_KEYWORD: Final = re.compile(r"(pk|fk|uk)\b", re.IGNORECASE | re.ASCII)
_STYLES: Final = {"added": "#2da44e", "removed": "#cf222e", "changed": "#bf8700"}


def render(tables: Sequence[Table]) -> str:
    """The diagram; empty where there is nothing to show."""
    shown = _chosen(tables)
    if not shown:
        return ""
    ids = {table.name: f"t{number}" for number, table in enumerate(shown)}
    lines = ["erDiagram"]
    most = _most_columns(shown)
    for table in shown:
        lines += _entity(ids[table.name], table, most)
    drawn = (
        _line(ids[table.name], ids[key.table], key)
        for table in shown
        for key in table.foreign_keys
        if key.table in ids
    )
    lines += list(dict.fromkeys(drawn))[:_MOST_LINES]
    lines += _styles(shown, ids)
    return "\n".join(lines)


def left_out(tables: Sequence[Table]) -> int:
    """How many tables the picture does not show."""
    return len({table.name for table in tables}) - len(_chosen(tables))


def _chosen(tables: Sequence[Table]) -> list[Table]:
    """Those that change first, then the neighbours with the most lines to them."""
    by_name = {table.name: table for table in reversed(tables)}
    once = [by_name[name] for name in dict.fromkeys(table.name for table in tables)]
    touched = [table for table in once if table.state in _STATES][:_MOST_TABLES]
    if not touched:
        return []
    names = {table.name for table in touched}
    wanted = {key.table for table in touched for key in table.foreign_keys}
    others = [table for table in once if table.state not in _STATES]
    near = [one for one in others if one.name in wanted]
    near += [
        one
        for one in others
        if one.name not in wanted and any(key.table in names for key in one.foreign_keys)
    ]
    return [*touched, *near[: _MOST_TABLES - len(touched)]]


def _most_columns(shown: Sequence[Table]) -> int:
    """How many of a table are shown, such that all of them stay a picture."""
    for most in range(_MOST_COLUMNS, _FEWEST_COLUMNS, -1):
        if sum(min(len(table.columns), most) for table in shown) <= _MOST_ROWS:
            return most
    return _FEWEST_COLUMNS


def _entity(name: str, table: Table, most: int) -> Iterator[str]:
    state = f" ({table.state})" if table.state in _STATES else ""
    yield f'    {name}["{_label(table.name)}{state}"] {{'
    foreign = {column for key in table.foreign_keys for column in key.columns}
    columns = _chosen_columns(table, foreign, most)
    for column in columns:
        yield f"        {_attribute(column, column.name in foreign)}"
    more = len(table.columns) - len(columns)
    if more:
        yield f'        and more "{more} not shown"'
    yield "    }"


def _chosen_columns(table: Table, foreign: set[str], most: int) -> list[Column]:
    """All where they are few; else what changes, then the keys, then the others."""

    def rank(column: Column) -> int:
        if table.state == "changed" and column.state in _STATES:
            return 0
        return 1 if column.primary or column.name in foreign else 2

    best = sorted(table.columns, key=rank)[:most]
    kept = {id(column) for column in best}
    return [column for column in table.columns if id(column) in kept]


def _attribute(column: Column, foreign: bool) -> str:
    keys = ", ".join(filter(None, ("PK" if column.primary else "", "FK" if foreign else "")))
    said: str = column.state if column.state in _STATES else ""
    if column.state == "changed" and column.was:
        said = f"was {_label(column.was)}"
    parts = (_word(column.type), _word(column.name), keys, f'"{said}"' if said else "")
    return " ".join(filter(None, parts))


def _line(source: str, target: str, key: ForeignKey) -> str:
    drawn = ".." if key.state == "removed" else "--"
    said = f" ({key.state})" if key.state in _STATES else ""
    return f'    {target} ||{drawn}o{{ {source} : "{_label(", ".join(key.columns))}{said}"'


def _styles(shown: Sequence[Table], ids: dict[str, str]) -> Iterator[str]:
    for state, color in _STYLES.items():
        names = [ids[table.name] for table in shown if table.state == state]
        if names:
            yield f"    classDef {state} stroke:{color},stroke-width:3px"
            yield f"    class {','.join(names)} {state}"


def _label(text: str) -> str:
    """For between quotation marks. Mermaid looks for `direction LR` there, too."""
    label = "".join(char if char in " .," else _letter(char) for char in _short(text))
    return _DIRECTION.sub("_", label) if label.strip() else "_"


def _word(text: str) -> str:
    """For the type or the name of a column."""
    # the low quotation mark is what looks most like a comma, of what is taken
    flat = _short(text).replace(", ", "\u201a").replace(",", "\u201a")
    word = "".join(_letter(char) if _fits(char) else "_" for char in flat) or "_"
    if word[0] in "-()[]0123456789":
        word = f"_{word}"
    return chr(ord(word[0]) + 0xFEE0) + word[1:] if _KEYWORD.match(word) else word


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"


def _fits(char: str) -> bool:
    return char.isascii() or ord(char) >= 0xC0


def _letter(char: str) -> str:
    if char.isascii():
        if char.isalnum() or char in _SAFE:
            return char
        return chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else "_"
    return "_" if unicodedata.category(char)[0] in "CZ" else char
