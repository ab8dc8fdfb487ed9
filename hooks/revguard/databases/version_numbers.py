"""Versions of servers: what a project says and what a server says in, the same or not out."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d+(\.\d+)*")
_NAMES = {
    "postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB", "sqlite": "SQLite",
    "mssql": "SQL Server", "oracle": "Oracle", "cockroachdb": "CockroachDB",
    "firebird": "Firebird",
}  # fmt: skip
_FIRST_MARIADB = 10  # as MariaDB counts; MySQL went from 5 to 8, and on
_FIRST_WHOLE = 10  # of PostgreSQL: before it 9.5 and 9.6 were different servers


def number(text: str) -> str:
    """The number in a version: "15.18" of "15.18 (Debian 15.18-0+deb12u1)"; empty for none."""
    found = _NUMBER.search(text)
    return found[0] if found else ""


def fits(dialect: str, version: str, wanted: str) -> bool:
    """Whether a server's version is the wanted one, as far as both are told.

    The first number tells for PostgreSQL, the first two for MariaDB and MySQL; "11" is any 11.
    """
    has, needs = number(version).split("."), number(wanted).split(".")
    if not (has[0] and needs[0]):
        return True
    telling = 1 if dialect == "postgresql" and int(needs[0]) >= _FIRST_WHOLE else 2
    return all(one == other for one, other in zip(has, needs[:telling], strict=False))


def name(dialect: str, version: str = "") -> str:
    """A server and its version, as people write it: "PostgreSQL 15.18"."""
    told = number(version)
    if dialect in ("mysql", "mariadb") and told:
        is_maria = int(told.partition(".")[0]) >= _FIRST_MARIADB or "maria" in version.lower()
        dialect = "mariadb" if is_maria else "mysql"
    return f"{_NAMES.get(dialect, dialect)} {told}".strip()
