"""Where a call of a driver's connect would go: its arguments in, host, port and database out."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from typing import Mapping, Sequence

_PAIR = re.compile(r"(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))")
_ESCAPED = re.compile(r"\\(.)")
_SOCKET = re.compile(r"^(.*)/\.s\.PGSQL\.(\d+)$")
# these win over a host, or fill in what a call leaves out
_ELSEWHERE = (
    "hostaddr", "service", "read_default_file", "read_default_group", "default_file",
    "default_group", "option_files", "sock",
)  # fmt: skip
_FILES = ("service", "read_default_file", "default_file", "option_files", "servicefile")
_SAID = (
    "host", "hostaddr", "port", "dbname", "database", "db", "dsn", "conninfo", "service",
    "unix_sock", "unix_socket", "read_default_file",
)  # fmt: skip
_HERE = ("localhost", "127.0.0.1", "::1")  # beside a socket's file they say nothing more


class Place(NamedTuple):
    """A database that can be connected to; the host may be the folder of a unix socket, or
    MySQL's socket itself."""

    host: str
    port: int
    database: str


def of_url(url: Mapping[str, Any]) -> Place:
    """The place of an ephemeral database, as the launcher describes it."""
    if url.get("socket"):
        return Place(str(url["socket"]), 0, str(url.get("database") or ""))
    host, port = _socket(str(url.get("host") or ""), url.get("port"))
    return Place(host, port, str(url.get("database") or ""))


def of_call(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Place | None:
    """The place that the arguments name in full; None where anything else decides on it."""
    named = _named(args, kwargs)
    if any(named.get(key) for key in _ELSEWHERE):
        return None
    if named.get("unix_socket"):
        if (named.get("host") or "localhost") not in _HERE:
            return None  # libmysqlclient would take the host
        named["host"], named["port"] = named["unix_socket"], 0
    host = named.get("unix_sock") or named.get("host")
    database = named.get("dbname") or named.get("database") or named.get("db")
    if not isinstance(host, str) or not isinstance(database, str):
        return None
    try:
        return Place(*_socket(host, named.get("port")), database)
    except ValueError:
        return None


def said(dialect: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells one place from another, as an engine of SQLAlchemy would call its driver."""
    if dialect.name == "sqlite":
        path = str(args[0] if args else kwargs.get("database") or "")
        inside = path in ("", ":memory:") or path.startswith("file:")
        return ("sqlite", f"{path} {id(dialect)}" if inside else os.path.realpath(path))
    named = tuple((name, str(kwargs[name])) for name in _SAID if kwargs.get(name))
    return (dialect.name, *map(str, args), *named)


def hosts_of_call(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[str]:
    """Every host that the arguments may lead to, a folder or "" for a socket of this machine; what
    a file decides on is named by that file."""
    named = _named(args, kwargs)
    sockets = named.get("unix_sock") or named.get("unix_socket")
    # asyncpg takes lists, libpq names with commas between them; libmysqlclient takes the host
    told = [named.get("hostaddr"), named.get("host"), *(named.get(key) for key in _FILES)]
    many = [one for value in told if value for one in _each(value)]
    return many or ([str(sockets)] if sockets else [])


def _each(value: Any) -> list[str]:
    values = value if isinstance(value, (list, tuple)) else str(value).split(",")
    return [str(one).strip() for one in values]


def _named(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for text in (*args[:1], kwargs.get("dsn"), kwargs.get("conninfo")):
        if isinstance(text, (str, bytes)):
            named.update(_of_text(os.fsdecode(text)))
    named.update({key: value for key, value in kwargs.items() if value is not None})
    return named


def _socket(host: str, port: Any) -> tuple[str, int]:
    """pg8000 names the socket's file, all others its folder and a port."""
    match = _SOCKET.match(host)
    if match:
        return match.group(1), int(match.group(2))
    return host, int(port or 0)


def _of_text(text: str) -> dict[str, str]:
    """A connection URL, or libpq's "key=value" pairs, as a dict."""
    if "://" in text:
        return _of_link(text)
    return {
        match.group(1): _ESCAPED.sub(r"\1", match.group(2) or match.group(3) or "")
        for match in _PAIR.finditer(text)
    }


def _of_link(text: str) -> dict[str, str]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return {"host": "?"}  # several hosts, or no URL at all
    found = {"host": unquote(parts.hostname or ""), "dbname": unquote(parts.path[1:])}
    if port is not None:
        found["port"] = str(port)
    found.update(parse_qsl(parts.query))
    return found
