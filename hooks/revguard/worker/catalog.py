"""The schema of a database as its own catalog tells it: {object: definition}, for comparing one
database with itself before and after a downgrade, independent of the metadata."""

from __future__ import annotations

from typing import Any, Mapping

from . import catalog_inspector, catalog_mysql, catalog_postgresql, catalog_sqlite

_READERS = {
    "postgresql": catalog_postgresql.read,
    "sqlite": catalog_sqlite.read,
    "mysql": catalog_mysql.read,
    "mariadb": catalog_mysql.read,
}


def read(connection: Any, version_table: str) -> dict[str, str]:
    """Object names to definitions; the version table and what belongs to it is left out."""
    found = _READERS.get(connection.dialect.name, catalog_inspector.read)(connection)
    return {
        name: text
        for name, text in found.items()
        if version_table not in name.replace('"', "").replace(".", " ").split()
    }


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Lines that say in which objects the two differ; empty where they are the same."""
    lines = []
    for name in sorted({*before, *after}):
        if name not in after:
            lines.append(f"{name} is missing")
        elif name not in before:
            lines.append(f"{name} was left behind")
        elif before[name] != after[name]:
            lines.append(f"{name}: `{after[name]}` instead of `{before[name]}`")
    return lines
