"""The text of an SQL file in, its statements out, each with its line and the rows of a COPY."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COMMENTS: Final = r"--[^\n]*|/\*.*?\*/"
# Two in a row are one string with a quote in it: they need no rule of their own.
_STRING: Final = r"'[^']*'"
_ESCAPED: Final = r"'[^'\\]*(?:\\.[^'\\]*)*'"
_QUOTED: Final = r'"[^"]*"'
_SQUARE: Final = r"|\[[^\]]*\]"
_TOKENS: Final[Mapping[str, str]] = {
    "postgresql": rf"{_COMMENTS}|\b[eE]{_ESCAPED}|{_STRING}|{_QUOTED}"
    r"|(?<!\w)\$(?:[^\W\d]\w*)?\$|\b(?:BEGIN|CASE|END)\b|[()]",
    "mysql": rf"--(?:[ \t][^\n]*|(?=\n))|\#[^\n]*|/\*.*?\*/|{_ESCAPED}"
    r'|"[^"\\]*(?:\\.[^"\\]*)*"|`[^`]*`',
    "sqlite": rf"{_COMMENTS}|{_STRING}|{_QUOTED}|`[^`]*`{_SQUARE}",
}
_END_OF_ROWS: Final = re.compile(r"^\\\.[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_BLANK: Final = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z))*")
_COPY: Final = re.compile(r"COPY\b.*\bFROM\s+STDIN\b", re.IGNORECASE | re.DOTALL)
_ROUTINE: Final = re.compile(r"CREATE\s+(OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE)\b", re.IGNORECASE)
_TRIGGER: Final = re.compile(r"CREATE\s+(TEMP\w*\s+)?TRIGGER\b", re.IGNORECASE)
_DELIMITER: Final = re.compile(r"DELIMITER[ \t]+(\S+)[^\n]*(?:\n|\Z)", re.IGNORECASE)
_COMMAND: Final = re.compile(r"\\[^\n]*(?:\n|\Z)")  # psql's own


class Statement(NamedTuple):
    """One statement, or a command of psql's; `rows` are what a COPY takes."""

    line: int
    text: str
    rows: str | None = None


def statements(text: str, dialect: str) -> Iterator[Statement]:
    """All that a file says, without the comments between."""
    kind = "mysql" if dialect == "mariadb" else dialect
    delimiter, at, line, counted = ";", 0, 1, 0
    while True:
        at = _BLANK.match(text, at).end()  # type: ignore[union-attr]
        if at >= len(text):
            return
        line, counted = line + text.count("\n", counted, at), at
        command = _COMMAND.match(text, at) if kind == "postgresql" else None
        changed = _DELIMITER.match(text, at) if kind == "mysql" else None
        if command:
            yield Statement(line, command[0].strip())
            at = command.end()
        elif changed:
            delimiter, at = changed[1], changed.end()
        else:
            end = _end(text, at, kind, delimiter)
            said = text[at:end].removesuffix(delimiter).strip()
            at = end
            if kind == "postgresql" and _COPY.match(said):
                rows, at = _rows(text, end)
                yield Statement(line, said, rows)
            elif said:
                yield Statement(line, said)


def _end(text: str, begin: int, kind: str, delimiter: str) -> int:
    """Where the statement that begins there ends, the delimiter with it."""
    tokens = _pattern(kind, delimiter)
    at, depth, blocks = begin, 0, 0
    while found := tokens.search(text, at):
        word, at = found[0], found.end()
        if word == delimiter:
            if depth <= 0 and not blocks and not _goes_on(text[begin:at], kind):
                return at
        elif word in ("(", ")"):
            depth += 1 if word == "(" else -1
        elif word[0] == "$":
            closed = text.find(word, at)
            at = len(text) if closed < 0 else closed + len(word)
        elif word.startswith("/*") and kind == "postgresql":
            at = _end_of_comment(text, found.start())
        elif word.isalpha():
            blocks = _blocks(word.upper(), blocks, text, begin)
    return len(text)


def _pattern(kind: str, delimiter: str) -> re.Pattern[str]:
    return re.compile(rf"{_TOKENS[kind]}|{re.escape(delimiter)}", re.DOTALL | re.IGNORECASE)


def _goes_on(said: str, kind: str) -> bool:
    """Whether this semicolon is one in the body of SQLite's trigger."""
    trigger = kind == "sqlite" and _TRIGGER.match(said)
    return bool(trigger) and not sqlite3.complete_statement(said)


def _blocks(word: str, blocks: int, text: str, begin: int) -> int:
    """How deep we are in BEGIN ATOMIC ... END of a PostgreSQL routine, counted as psql does."""
    if word == "BEGIN":
        return blocks + 1 if _ROUTINE.match(text, begin) else blocks
    if word == "CASE":
        return blocks + 1 if blocks else 0
    return max(0, blocks - 1)


def _end_of_comment(text: str, begin: int) -> int:
    """PostgreSQL's comments may hold others."""
    depth, at = 0, begin
    for found in re.compile(r"/\*|\*/").finditer(text, begin):
        depth += 1 if found[0] == "/*" else -1
        at = found.end()
        if not depth:
            return at
    return len(text)


def _rows(text: str, end: int) -> tuple[str, int]:
    """What follows the line of a COPY, up to the line that ends it."""
    begin = text.find("\n", end) + 1 or len(text)
    closed = _END_OF_ROWS.search(text, begin)
    if closed is None:
        return text[begin:], len(text)
    return text[begin : closed.start()], closed.end()
