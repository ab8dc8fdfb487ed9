"""Places that env.py opened connections to, as the worker heard of them, in; notes out."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Iterator

from revguard.databases import Database

_DNS = 53


def notes(hosts: Iterable[tuple[str, int]], database: Database | None) -> Iterator[str]:
    """What is neither this machine, nor a question for a name, nor the ephemeral database."""
    for host, port in hosts:
        if port != _DNS and not _is_here(host) and not _is_database(host, port, database):
            shown = f"[{host}]" if ":" in host else host
            yield f"env.py connected to {shown}:{port}"


def _is_here(host: str) -> bool:
    if host in {"", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _is_database(host: str, port: int, database: Database | None) -> bool:
    """Whether it is where the ephemeral database listens, by its name or by its address."""
    url = database.url if database is not None else {}
    if port != url.get("port"):
        return False
    name = url.get("host") or ""
    if host == name:
        return True
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return host in {str(one[4][0]) for one in found}
