"""A look that cannot change anything: connections and statements in, read-only ones out."""

from __future__ import annotations

import os
import re
from typing import Any, Sequence
from urllib.parse import quote, unquote

from .failure import Abort

_SESSIONS = {
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
    "sqlite": "PRAGMA query_only = ON",
}
_KNOWN = ("postgresql", *_SESSIONS)
_BEGINNING = r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*"
_READS = re.compile(
    _BEGINNING + r"(?:select|show|explain|describe|desc|pragma|set|savepoint|release|rollback|with"
    r"|values|table|begin|commit|start)\b",
    re.IGNORECASE | re.DOTALL,
)
_MODE = re.compile(r"read[ _]*write|read[ _]*only|query_only", re.IGNORECASE)
_MODES = re.compile(_BEGINNING + r"(?:set|pragma|begin|start)\b", re.IGNORECASE | re.DOTALL)
# env.py often makes the schema that the version table lies in
_PREPARES = re.compile(
    _BEGINNING + r"create\s+(?:schema|extension|table|database|sequence)\s+if\s+not\s+exists\b",
    re.IGNORECASE | re.DOTALL,
)
_WAL = 2  # bytes 18 and 19 of a SQLite file


class Writes(Abort):
    """env.py does more than to look."""


def refuse_unknown(dialect: str) -> None:
    """Writes for a dialect whose connections nobody here can make read-only."""
    if dialect not in _KNOWN:
        raise Writes(f"a connection of {dialect} cannot be made read-only")


def make_read_only(dialect: Any, connection: Any) -> None:
    """Have each transaction of a new connection be one that cannot write."""
    if dialect.name == "postgresql":
        dialect.set_readonly(connection, True)
        return
    cursor = connection.cursor()
    try:
        cursor.execute(_SESSIONS[dialect.name])
    finally:
        cursor.close()


def only(
    _connection: Any,
    _cursor: Any,
    statement: str,
    parameters: Any,
    _context: Any,
    _executemany: bool,
) -> tuple[str, Any]:
    """An event's handler: the second net, before the statement reaches the database."""
    if _PREPARES.match(statement):
        return "SELECT 1", parameters
    changes_mode = _MODES.match(statement) and _MODE.search(statement)
    if changes_mode or not _READS.match(statement):
        words = " ".join(statement.split())
        raise Writes(f"env.py writes to the database: {words[:100]}")
    return statement, parameters


def sqlite_arguments(
    args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a connect to a file, with the file opened for reading and never made."""
    name = os.fsdecode(args[0] if args else kwargs.pop("database"))
    if is_in_memory(name):
        return [name], kwargs
    path, _, query = (name[5:] if name.startswith("file:") else name).partition("?")
    is_uri = name.startswith("file:") and kwargs.get("uri")
    file = path_of(name) if is_uri else os.path.abspath(name)
    told = [part for part in query.split("&") if part and not part.startswith("mode=")]
    modes = ["mode=ro", *(["immutable=1"] if _is_quiet_wal(file) else [])]
    address = f"file:{path if is_uri else quote(file)}"
    query = "&".join([*(told if is_uri else []), *modes])
    return [f"{address}?{query}"], {**kwargs, "uri": True}


def is_in_memory(name: str) -> bool:
    """Whether a name or an address leads to no file."""
    if name in ("", ":memory:") or name.startswith(("file::memory:", "file:?")):
        return True
    return name.startswith("file:") and "mode=memory" in name


def path_of(name: str) -> str:
    """The file that a name or an address leads to."""
    if not name.startswith("file:"):
        return name
    path = unquote(name[5:].partition("?")[0])
    return path[2:] if path.startswith("///") else path


def _is_quiet_wal(path: str) -> bool:
    """Whether a file keeps a write-ahead log that is empty: reading would make its two files."""
    try:
        with open(path, "rb") as file:
            header = file.read(20)
    except OSError:
        return False
    return header[18:20] == bytes((_WAL, _WAL)) and not os.path.exists(path + "-wal")


def refuse_unsure(connection: Any) -> None:
    """Writes where PostgreSQL says that a transaction may write after all."""
    if connection.dialect.name != "postgresql":
        return
    if connection.exec_driver_sql("SHOW transaction_read_only").scalar() != "on":
        raise Writes("the connection that env.py uses cannot be made read-only")
