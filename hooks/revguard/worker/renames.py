"""Statements that rename tables and columns in, what a name was before them out."""

from __future__ import annotations

import re
from typing import Iterable

_PART = r'(?:"(?:[^"]|"")+"|`(?:[^`]|``)+`|\[[^\]]+\]|[\w$#]+)'
NAME = rf"{_PART}(?:\s*\.\s*{_PART})*"
_ALTER = re.compile(
    rf"\s*ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?({NAME})\s+(.*)", re.IGNORECASE | re.DOTALL
)
_TABLE = re.compile(rf"RENAME\s+(?:TO\s+|AS\s+)({NAME})", re.IGNORECASE)
_COLUMN = re.compile(
    rf"RENAME\s+(?:COLUMN\s+)?(?!TO\b|AS\b|INDEX\b|KEY\b)({_PART})\s+TO\s+({_PART})"
    rf"|CHANGE\s+(?:COLUMN\s+)?(?:IF\s+EXISTS\s+)?({_PART})\s+({_PART})",
    re.IGNORECASE,
)
_TABLES = re.compile(r"\s*RENAME\s+TABLES?\s+(?:IF\s+EXISTS\s+)?(.*)", re.IGNORECASE | re.DOTALL)
_PAIR = re.compile(rf"({NAME})\s+TO\s+({NAME})", re.IGNORECASE)
# how Alembic's batch mode copies a table
_SCRATCH = "_alembic_tmp_"
_COPY = re.compile(
    rf"\s*INSERT\s+INTO\s+({NAME})\s*\((.*?)\)\s*SELECT\s+(.*?)\s+FROM\s+({NAME})\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
_AS_IT_IS = re.compile(rf"({NAME})(?:\s+AS\s+{_PART})?", re.IGNORECASE)
_CAST = re.compile(rf"CAST\(({NAME})\s+AS\s+.*", re.IGNORECASE | re.DOTALL)


def bare(name: str) -> str:
    """The name without quotes."""
    quotes = {'"': '"', "`": "`", "[": "]"}
    return ".".join(
        one[1:-1].replace(2 * one[-1], one[-1]) if one[0] in quotes else one
        for one in re.findall(_PART, name)
    )


class Names:
    """The names of before by those of now."""

    def __init__(self, tables: Iterable[str], columns: Iterable[tuple[str, str]]) -> None:
        """These stand before anything is renamed."""
        self._tables = {name: name for name in tables}
        self._columns = {one: one[1] for one in columns}  # by the table's name of before

    def table(self, name: str) -> str:
        """What a table of now was called; another name than any where it is new."""
        return self._tables.get(name, f"new {name}")

    def column(self, table: str, name: str) -> tuple[str, str]:
        """What a column of now was called, and its table."""
        was = self.table(table)
        return was, self._columns.get((was, name), f"new {name}")

    def follow(self, statement: str) -> None:
        """Take in what one statement renames."""
        altered, copied = _ALTER.match(statement), _COPY.fullmatch(statement)
        tables = _TABLES.match(statement)
        if altered:
            self._altered(self._known(altered[1]), altered[2])
        elif tables:
            for old, new in _PAIR.findall(tables[1]):
                self._renamed(self._known(old), bare(new))
        elif copied and bare(copied[1]).rpartition(".")[2].startswith(_SCRATCH):
            pairs = zip(_items(copied[3]), _items(copied[2]))
            self._columns_renamed(
                self._known(copied[4]), [(_source(one), bare(name)) for one, name in pairs]
            )

    def _known(self, name: str) -> str:
        """As the catalog tells it: without the schema where that is the usual one."""
        whole = bare(name)
        return whole if whole in self._tables else whole.rpartition(".")[2]

    def _altered(self, table: str, actions: str) -> None:
        moved = [found.groups() for found in _COLUMN.finditer(actions)]
        pairs = [(old or was, new or now) for old, new, was, now in moved]
        self._columns_renamed(table, [(bare(old), bare(new)) for old, new in pairs])
        renamed = _TABLE.match(actions)
        if renamed:
            self._renamed(table, bare(renamed[1]))

    def _renamed(self, old: str, new: str) -> None:
        if old in self._tables:
            self._tables[new] = self._tables.pop(old)

    def _columns_renamed(self, table: str, pairs: list[tuple[str, str]]) -> None:
        was = self.table(table)
        moved = {new: self._columns.get((was, old)) for old, new in pairs}
        for old, new in pairs:
            if old != new:
                self._columns.pop((was, old), None)
        self._columns.update({(was, new): name for new, name in moved.items() if name})


def _items(text: str) -> list[str]:
    """What stands between the outer commas."""
    found, depth = [""], 0
    for sign in text:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and not depth:
            found.append("")
        else:
            found[-1] += sign
    return [one.strip() for one in found]


def _source(expression: str) -> str:
    """The column that is copied, as it is or cast; empty where it is something else."""
    found = _CAST.fullmatch(expression) or _AS_IT_IS.fullmatch(expression)
    return bare(found[1]).rpartition(".")[2] if found else ""
