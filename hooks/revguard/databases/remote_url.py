"""What follows `server:` in, the address and the login of a server out.

Parsed as SQLAlchemy's make_url does it, whose import would cost more than a whole check.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from revguard.databases import remote_tls
from revguard.databases.providing import UnavailableError
from revguard.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FAMILIES = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_PORTS = {"postgresql": 5432, "mysql": 3306}
_URL = re.compile(
    r"""
    (?P<scheme>[\w+]+)://
    (?:(?P<username>[^:/]*)(?::(?P<password>[^@]*))?@)?
    (?:\[(?P<ipv6>[^/?\]]+)\]|(?P<host>[^/:?]*))
    (?::(?P<port>[^/?]*))?
    (?:/(?P<database>[^?]*))?
    (?:\?(?P<query>.*))?
    """,
    re.VERBOSE,
)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_SOCKET_FOLDERS = ("/var/run/postgresql", "/run/postgresql", "/tmp")  # noqa: S108


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server that the user named; `host` or `socket` is empty."""

    family: str  # "postgresql", or "mysql" for MariaDB too
    host: str
    port: int
    socket: str  # PostgreSQL: the folder; MySQL and MariaDB: the file
    username: str
    password: str | None = field(repr=False)
    database: str  # that the URL names: never used but to connect for administration
    options: Mapping[str, str]  # remote_tls's
    shown: str  # as configured, without the password

    @property
    def place(self) -> str:
        """For messages."""
        if self.socket:
            return self.socket
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str, environ: Mapping[str, str]) -> Target:
    """The server that a URL names, `$NAME` and `${NAME}` being taken from the environ.

    UnavailableError says what is wrong with it.
    """
    shown = masked(text)
    if "://" not in text:  # the variable holds the URL
        text = _expanded(text, environ)
    found = _URL.fullmatch(text.strip())
    if found is None:
        raise UnavailableError(f"`{shown}` is no URL such as postgresql://user:password@host/")
    family = _family(found["scheme"], shown)
    if "@" in (found["host"] or "") + (found["port"] or ""):  # it is half a password
        raise UnavailableError(f"`{shown}`: an @ in a name or a password is written %40")
    part = _parts(found, environ)
    query = {key: _expanded(value, environ) for key, value in _query(found["query"])}
    password = part("password") if found["password"] is not None else None
    host, socket = _address(family, part("host"), part("ipv6"), query, shown)
    if family == "postgresql" and not host and not socket:
        host, socket = _default_address(environ)
    _refuse_unknown(query, family)
    return Target(
        family=family,
        host=host,
        port=_port(part("port") or _default_port(family, environ), shown),
        socket=socket,
        username=part("username") or query.get("user", "") or _default_user(family, environ),
        password=query.get("password", password) or _default_password(family, environ),
        database=part("database") or query.get("dbname", ""),
        options=remote_tls.of_mysql(query)
        if family == "mysql"
        else remote_tls.of_postgresql(query),
        shown=shown,
    )


def _expanded(text: str, environ: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in environ:
            raise UnavailableError(
                f"the environment variable {name} is not set (a $ that is none is written %24)"
            )
        return environ[name]

    return _VARIABLE.sub(value, text)


def _parts(found: re.Match[str], environ: Mapping[str, str]) -> Callable[[str], str]:
    """A part of the URL: first what stands in it is decoded; what a variable holds is as it is."""

    def part(name: str) -> str:
        pieces = re.split(r"(\$\w+|\$\{\w+\})", found[name] or "")
        return "".join(
            _expanded(piece, environ) if piece.startswith("$") else unquote(piece)
            for piece in pieces
        )

    return part


def _query(text: str | None) -> list[tuple[str, str]]:
    return parse_qsl(text or "", keep_blank_values=True)


def _family(scheme: str, shown: str) -> str:
    name = scheme.partition("+")[0].lower()
    if name not in FAMILIES:
        known = ", ".join(sorted({*FAMILIES} - {"postgres"}))
        raise UnavailableError(f"`{shown}`: {name} is none of {known}")
    return FAMILIES[name]


def _address(
    family: str, host: str, ipv6: str, query: Mapping[str, str], shown: str
) -> tuple[str, str]:
    """Host and socket, one of which is empty."""
    if family == "mysql":
        socket = query.get("unix_socket", "")
        return ("", socket) if socket else (ipv6 or host or "localhost", "")
    told = ipv6 or host or query.get("host", "")
    if "," in told:
        raise UnavailableError(f"`{shown}` must name one host")
    return ("", told) if told.startswith(("/", "@")) else (told, "")


def _default_address(environ: Mapping[str, str]) -> tuple[str, str]:
    """Where libpq would look."""
    told = environ.get("PGHOST", "")
    if told:
        return ("", told) if told.startswith("/") else (told, "")
    found = [folder for folder in _SOCKET_FOLDERS if os.path.isdir(folder)]
    return ("", found[0]) if found else ("localhost", "")


def _default_port(family: str, environ: Mapping[str, str]) -> str:
    told = environ.get("PGPORT", "") if family == "postgresql" else ""
    return told or str(_PORTS[family])


def _default_user(family: str, environ: Mapping[str, str]) -> str:
    if family == "postgresql" and environ.get("PGUSER"):
        return environ["PGUSER"]
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return "root"


def _default_password(family: str, environ: Mapping[str, str]) -> str | None:
    return (environ.get("PGPASSWORD") or None) if family == "postgresql" else None


def _port(text: str, shown: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise UnavailableError(f"`{shown}`: `{text}` is no port")


def _refuse_unknown(query: Mapping[str, str], family: str) -> None:
    if family == "mysql":
        own = {"unix_socket"} | remote_tls.OF_MYSQL
    else:
        own = {"host", "user", "password", "dbname"} | remote_tls.OF_POSTGRESQL
    # settings of the project's driver, which say nothing about the server
    ignored = {"charset", "application_name", "connect_timeout", "client_encoding"}
    unknown = sorted({*query} - own - ignored)
    if unknown:
        known = ", ".join(sorted(own - {"password"}))
        raise UnavailableError(f"the URL's `{unknown[0]}` is not known here; it may have {known}")
