"""ODBC, where one string names the place: a string in, what of it is no address out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Iterable

_PART = re.compile(r"\s*([^=;]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)")
# what names the place or says how to be let in; all else a caller passes is kept
_PLACE = {
    "server", "address", "addr", "network address", "network", "port", "database", "uid", "user",
    "user id", "pwd", "password", "dsn", "filedsn", "savefile", "trusted_connection",
    "authentication", "encrypt", "trustservercertificate", "hostnameincertificate",
    "servercertificate", "serverspn", "failover_partner", "failoverpartnerspn", "attachdbfilename",
    "applicationintent", "multisubnetfailover", "accesstoken", "keystoreauthentication",
}  # fmt: skip


def query(dialect: Any, texts: Iterable[Any]) -> dict[str, str]:
    """The query of a URL by which SQLAlchemy makes the string for a server of our own; `texts` are
    those that a caller's own engine has."""
    if "odbc" not in dialect.driver:
        return {}
    kept = {}
    for text in texts:
        if isinstance(text, str):
            kept = _kept(text)
    kept.setdefault("driver", _installed(dialect))
    # its certificate is its own, made a minute ago; it is on loopback
    kept["TrustServerCertificate"] = "yes"
    return {name: value for name, value in kept.items() if value}


def _kept(text: str) -> dict[str, str]:
    found = {}
    for name, value in _PART.findall(text):
        if name.lower() not in _PLACE:
            plain = value[1:-1].replace("}}", "}") if value.startswith("{") else value
            found["driver" if name.lower() == "driver" else name] = plain
    return found


def _installed(dialect: Any) -> str:
    """The newest of Microsoft's that is here."""
    listed: list[str] = getattr(dialect.dbapi, "drivers", list)()
    return max((name for name in listed if "SQL Server" in name), key=_number, default="")


def _number(name: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", name)))
