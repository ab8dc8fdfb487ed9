"""SQLite's own catalog in, {object: definition} out; the same for a table and for its batch copy,
whose text differs in quotes, white space, order and the names of implicit indexes."""

from __future__ import annotations

import re
from typing import Any, Iterator

_MASTER = "SELECT type, name, tbl_name, sql FROM sqlite_master"
_TOKEN = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \[[^\]]*\]
    | \w+ | [^\s\w]""",
    re.DOTALL | re.VERBOSE,
)


def read(connection: Any) -> dict[str, str]:
    """All that a revision may have made."""
    found: dict[str, str] = {}
    for kind, name, table, sql in _rows(connection, _MASTER):
        if name.startswith("sqlite_"):
            continue
        if kind == "table":
            found.update(_table(connection, name, sql or ""))
        else:
            found[f"{kind} {table}.{name}"] = " ".join(tokens(sql or ""))
    return found


def _rows(connection: Any, sql: str) -> list[Any]:
    return list(connection.exec_driver_sql(sql).fetchall())


def _pragma(connection: Any, name: str, argument: str) -> list[Any]:
    quoted = argument.replace('"', '""')
    return _rows(connection, f'PRAGMA {name}("{quoted}")')


def _table(connection: Any, name: str, sql: str) -> dict[str, str]:
    words = list(tokens(sql))
    inside, options = _split(words)
    if "AUTOINCREMENT" in (word.upper() for word in words):
        options.append("AUTOINCREMENT")
    found = {f"table {name}": " ".join(options)}
    more = {unquoted(item[0]).lower(): _column_extras(item) for item in inside if item}
    for _, column, type_, not_null, default, key, hidden in _pragma(
        connection, "table_xinfo", name
    ):
        found[f"column {name}.{column}"] = ", ".join(
            [
                " ".join(type_.upper().split()),
                "not null" if not_null else "null",
                f"default {_expression(default)}",
                f"key {key}",
                f"hidden {hidden}",
                more.get(column.lower(), ""),
            ]
        )
    found.update(_keys(connection, name))
    for item in inside:
        for text in _checks(item):
            found[f"check {name} {text}"] = ""
    return found


def _keys(connection: Any, name: str) -> dict[str, str]:
    """Unique and foreign keys, which go without their names: a batch copy may give them one."""
    found = {}
    for index in _pragma(connection, "index_list", name):
        if index[3] != "c":
            columns = [str(row[2]) for row in _pragma(connection, "index_info", index[1])]
            found[f"{index[3]} {name} ({', '.join(columns)})"] = str(index[2])
    keys: dict[int, list[str]] = {}
    for key in _pragma(connection, "foreign_key_list", name):
        keys.setdefault(key[0], []).append(repr(tuple(key[2:])))
    for texts in keys.values():
        found[f"foreign key {name} {' '.join(sorted(texts))}"] = ""
    return found


def tokens(sql: str) -> Iterator[str]:
    """Words, texts and signs; a quoted name is bare where it can be, comments are gone."""
    for token in _TOKEN.findall(sql):
        if token.startswith(("--", "/*")):
            continue
        bare = unquoted(token)
        yield bare if re.fullmatch(r"[A-Za-z_]\w*", bare) else token


def unquoted(token: str) -> str:
    """The name in a quoted identifier."""
    if len(token) > 1 and token[0] in '"`[':
        return token[1:-1].replace('""', '"')
    return token


def _split(words: list[str]) -> tuple[list[list[str]], list[str]]:
    """The items between a CREATE TABLE's parentheses, and the words behind them."""
    if "(" not in words:
        return [], []
    start = words.index("(") + 1
    items: list[list[str]] = [[]]
    depth = 1
    for place, word in enumerate(words[start:], start):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if not depth:
            return items, [one.upper() for one in words[place + 1 :]]
        if word == "," and depth == 1:
            items.append([])
        else:
            items[-1].append(word)
    return items, []


def _column_extras(words: list[str]) -> str:
    found = []
    for place, word in enumerate(words):
        if word.upper() == "COLLATE":
            found.append(f"collate {words[place + 1].upper()}")
        elif word.upper() == "AS" and words[place + 1 : place + 2] == ["("]:
            found.append(f"as {_parenthesised(words[place + 1 :])}")
    return " ".join(found)


def _checks(words: list[str]) -> list[str]:
    """The texts behind CHECK in one item of a CREATE TABLE."""
    return [
        _parenthesised(words[place + 1 :])
        for place, word in enumerate(words)
        if word.upper() == "CHECK" and words[place + 1 : place + 2] == ["("]
    ]


def _parenthesised(words: list[str]) -> str:
    depth = 0
    for place, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if not depth:
            return _expression(" ".join(words[1:place]))
    return _expression(" ".join(words[1:]))


def _expression(text: str | None) -> str:
    """Without parentheses around the whole."""
    words = list(tokens(text or ""))
    while words[:1] == ["("] and _closes_last(words):
        words = words[1:-1]
    return " ".join(words)


def _closes_last(words: list[str]) -> bool:
    depth = 0
    for place, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if not depth:
            return place == len(words) - 1
    return False
