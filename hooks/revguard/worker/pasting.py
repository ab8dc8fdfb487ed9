"""A statement and its parameters, as a driver gets them, in; what the database's own shell takes
for the same out: the values in their places, ended by a semicolon."""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import json
import math
import re
import uuid
from typing import Any, Callable, Iterator, Mapping

from .failure import shorten

_COMMENTS = r"--[^\n]*|/\*.*?\*/"
_ESCAPED = r"'(?:[^'\\]|\\.)*'"
# comments, and texts in quotes, in which nothing is a placeholder or an end
_QUIET = {
    "postgresql": rf"{_COMMENTS}|\b[eE]{_ESCAPED}|'[^']*'|\"[^\"]*\""
    r"|(?<!\w)\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$",
    "mysql": rf"--(?=\s|\Z)[^\n]*|\#[^\n]*|/\*.*?\*/|{_ESCAPED}"
    r"|\"(?:[^\"\\]|\\.)*\"|`[^`]*`",
    "sqlite": rf"{_COMMENTS}|'[^']*'|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]",
    "": rf"{_COMMENTS}|'[^']*'|\"[^\"]*\"",
}
_PLACES = {
    "qmark": r"\?(?P<key>)",
    "numeric": r"(?<!:):(?P<key>\d+)",
    "numeric_dollar": r"\$(?P<key>\d+)",
    "named": r"(?<![:\w]):(?P<key>[^\W\d]\w*)",
}
_AS_TEXT = (
    datetime.date, datetime.time, uuid.UUID, ipaddress.IPv4Address, ipaddress.IPv6Address,
    ipaddress.IPv4Network, ipaddress.IPv6Network, ipaddress.IPv4Interface, ipaddress.IPv6Interface,
)  # fmt: skip
_ROW = (tuple, dict)
_MOST = 1000  # rows of one statement
Parameters = Any  # a mapping, or a sequence


class _Unsaid(Exception):  # noqa: N818
    """A value that has no literal here."""


def pasted(dialect: Any, statement: str, parameters: Parameters, formatted: bool) -> str:
    """The statement, once for each of the parameters where they are many. ``formatted``: whether
    the driver looks for places in its text at all."""
    kind = "mysql" if dialect.name == "mariadb" else dialect.name
    # SQLAlchemy says "many" of one statement with all rows in it, too
    many = isinstance(parameters, list) and all(isinstance(one, _ROW) for one in parameters)
    rows = parameters if many and parameters else [parameters]
    try:
        texts = [_filled(dialect, kind, statement, row, formatted) for row in rows[:_MOST]]
    except Exception:  # noqa: BLE001 - what a driver takes as a value may be anything
        said = " ".join(shorten(repr(parameters), 200).split())
        texts = [f"-- with the parameters {said}\n{statement}"]
    ended = [_ended(kind, text) for text in texts]
    if len(rows) > _MOST:
        ended.append(f"-- and with {len(rows) - _MOST} rows more")
    return "\n".join(ended)


def _filled(dialect: Any, kind: str, text: str, row: Parameters, formatted: bool) -> str:
    if not formatted:
        return text
    literal: Callable[[Any], str] = lambda value: _literal(dialect, kind, value)  # noqa: E731
    named = isinstance(row, Mapping)
    if dialect.paramstyle in ("format", "pyformat"):
        if named:
            return text % {key: literal(value) for key, value in row.items()}
        return text % tuple(map(literal, row or ()))
    if not row:
        return text
    values: Iterator[Any] = iter(() if named else row)

    def fill(found: Any) -> str:
        key = found["key"]
        if key is None:
            return str(found[0])
        if named:
            return literal(row[key])
        return literal(row[int(key) - 1] if key else next(values))

    place = _PLACES["named" if named else dialect.paramstyle]
    return re.sub(rf"{_quiet(kind)}|{place}", fill, text, flags=re.DOTALL)


def _quiet(kind: str) -> str:
    return _QUIET.get(kind, _QUIET[""])


def _literal(dialect: Any, kind: str, value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower() if dialect.supports_native_boolean else str(int(value))
    if isinstance(value, (int, float, decimal.Decimal)):
        return _number(value)
    if isinstance(value, (list, tuple)) and kind == "postgresql":
        return f"ARRAY[{', '.join(_literal(dialect, kind, one) for one in value)}]"
    return _quoted(kind, _unwrapped(value))


def _unwrapped(value: Any) -> Any:
    """What psycopg2's wrappers have as `adapted`, and psycopg's as `obj`."""
    name, inner = type(value).__name__, getattr(value, "adapted", getattr(value, "obj", None))
    if "Json" in name:
        return json.dumps(inner)
    return inner if name == "Binary" else value


def _quoted(kind: str, value: Any) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        digits = bytes(value).hex()
        return rf"'\x{digits}'" if kind == "postgresql" else f"X'{digits}'"
    if isinstance(value, datetime.timedelta) and kind == "postgresql":
        return f"'{value.days} days {value.seconds}.{value.microseconds:06} seconds'"
    if not isinstance(value, (str, *_AS_TEXT)) or "\0" in str(value):
        raise _Unsaid(type(value).__name__)
    text = str(value).replace("'", "''")
    return "'" + (text.replace("\\", "\\\\") if kind == "mysql" else text) + "'"


def _number(value: Any) -> str:
    if not math.isfinite(value):
        raise _Unsaid(str(value))
    text = str(value)
    return f"({text})" if text.startswith("-") else text  # "x -(-1)", "(-1)::smallint"


def _ended(kind: str, text: str) -> str:
    """The text with its semicolon, which no comment takes away; MySQL's shell is told where a
    statement ends that has some of its own."""
    text = text.strip()
    words = [
        (found[0], found["quiet"])
        for found in re.finditer(rf"(?P<quiet>{_quiet(kind)})|\S", text, re.DOTALL)
    ]
    said = [word for word, quiet in words if not (quiet and _is_comment(kind, quiet))]
    if not said:
        return text
    inner = said[:-1] if said[-1] == ";" else said
    if kind == "mysql" and ";" in inner:
        return f"DELIMITER $$\n{text}\n$$\nDELIMITER ;"
    if said[-1] == ";":
        return text
    last = words[-1][1] or ""
    return text + ("\n;" if last.startswith(("--", "#")) else ";")


def _is_comment(kind: str, quiet: str) -> bool:
    if quiet.startswith("/*"):
        return not (kind == "mysql" and quiet.startswith(("/*!", "/*M!")))
    return quiet.startswith("--") or (kind == "mysql" and quiet.startswith("#"))
