"""SQLite's own catalog in, {object: definition} out."""

from __future__ import annotations

import re
from typing import Any

_MASTER = "SELECT type, name, tbl_name, sql FROM sqlite_master"


def read(connection: Any) -> dict[str, str]:
    """All that a revision may have made."""
    found: dict[str, str] = {}
    for kind, name, table, sql in _rows(
        connection, "SELECT type, name, tbl_name, sql FROM sqlite_master"
    ):
        if name.startswith("sqlite_"):
            continue
        if kind == "table":
            found.update(_table(connection, name, sql or ""))
        else:
            found[f"{kind} {table}.{name}"] = " ".join((sql or "").split())
    return found


def _rows(connection: Any, sql: str) -> list[Any]:
    return list(connection.exec_driver_sql(sql).fetchall())


def _pragma(connection: Any, name: str, argument: str) -> list[Any]:
    quoted = argument.replace('"', '""')
    return _rows(connection, f'PRAGMA {name}("{quoted}")')


def _table(connection: Any, name: str, sql: str) -> dict[str, str]:
    found = {f"table {name}": ""}
    for column in _pragma(connection, "table_xinfo", name):
        found[f"column {name}.{column[1]}"] = repr(tuple(column[2:]))
    for index in _pragma(connection, "index_list", name):
        if index[3] == "c":
            continue
        columns = [str(row[2]) for row in _pragma(connection, "index_info", index[1])]
        found[f"{index[3]} {name} ({', '.join(columns)})"] = str(index[2])
    keys: dict[int, list[str]] = {}
    for key in _pragma(connection, "foreign_key_list", name):
        keys.setdefault(key[0], []).append(repr(tuple(key[2:])))
    for texts in keys.values():
        found[f"foreign key {name} {' '.join(texts)}"] = ""
    for text in _checks(sql):
        found[f"check {name} {text}"] = ""
    return found


def _checks(sql: str) -> list[str]:
    """The parenthesised texts behind CHECK in a CREATE TABLE, white space folded."""
    found = []
    for match in re.finditer(r"\bCHECK\s*\(", sql, re.IGNORECASE):
        depth, end = 1, match.end()
        while end < len(sql) and depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        found.append(" ".join(sql[match.end() : end - 1].split()))
    return found
