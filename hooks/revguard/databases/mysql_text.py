"""Statements of MariaDB and MySQL as text: what they name in, the same for another database out."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_BACKTICKED = r"`(?:[^`]|``)*`"
_WORD = r"[\w$]+"
_ACCOUNT_PART = rf'(?:{_BACKTICKED}|"(?:[^"]|"")*"|{_WORD})'  # quoted as ANSI_QUOTES was then
_COMMENT = r"--(?=\s).*?(?:\n|$)|\#.*?(?:\n|$)|/\*(?!M?!).*?\*/"  # those with ! are code
_DEFINER = re.compile(rf"\sDEFINER\s*=\s*{_ACCOUNT_PART}(?:@{_ACCOUNT_PART})?", re.IGNORECASE)
_DATABASE = re.compile(rf"(CREATE DATABASE\s+(?:/\*.*?\*/\s*)?)({_BACKTICKED})", re.IGNORECASE)


def name(value: str) -> str:
    """An identifier as SQL spells it."""
    return "`" + value.replace("`", "``") + "`"


def literal(value: str) -> str:
    """A string as SQL spells it, where a backslash escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def named(create_database: str, target: str) -> str:
    """A CREATE DATABASE with another name."""
    return _DATABASE.sub(lambda found: found[1] + name(target), create_database, count=1)


def without_definer(statement: str) -> str:
    """A CREATE that leaves it to the server whose it is: the account's that runs it."""
    return _DEFINER.sub("", statement, count=1)


def turned(
    statement: str, source: str, target: str, objects: Collection[str], mode: str = ""
) -> str:
    """A statement whose references to `source`.object are references to `target`.object.

    `objects` are in lower case: an alias or a table may be called as the database is, and then
    what follows the point is a column. `mode` is the sql_mode that the statement is read under.
    """

    def replaced(found: re.Match[str]) -> str:
        first, second = found["first"], found["second"]
        if first is None or second is None or _value(first) != source:
            return found[0]
        if _value(second).lower() not in objects:
            return found[0]
        return name(target) + found[0][len(first) :]

    return _pattern(mode).sub(replaced, statement)


def _pattern(mode: str) -> re.Pattern[str]:
    """Strings, comments and dotted names, one after the other."""
    modes = mode.upper().split(",")
    escaped = "" if "NO_BACKSLASH_ESCAPES" in modes else r"\\"
    single = _string("'", escaped)
    double = _string('"', escaped)
    identifier = f"(?:{_BACKTICKED}|{_WORD})"
    if "ANSI_QUOTES" in modes:
        identifier, double = rf'(?:{_BACKTICKED}|"(?:[^"]|"")+"|{_WORD})', r"(?!)"
    dotted = (
        rf"(?P<first>{identifier})(?:\s*\.\s*(?P<second>{identifier})(?:\s*\.\s*{identifier})*)?"
    )
    return re.compile(f"{single}|{double}|{_COMMENT}|{dotted}", re.DOTALL)


def _string(quote: str, escaped: str) -> str:
    if not escaped:
        return f"{quote}(?:[^{quote}]|{quote}{quote})*{quote}"
    return rf"{quote}(?:[^{quote}\\]|\\.|{quote}{quote})*{quote}"


def _value(identifier: str) -> str:
    quote = identifier[0]
    if quote in {"`", '"'}:
        return identifier[1:-1].replace(quote * 2, quote)
    return identifier
