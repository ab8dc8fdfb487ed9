"""The schema of a database as its own catalog tells it: {object: definition}, for comparing one
database with itself before and after a downgrade, independent of the metadata."""

from __future__ import annotations

from typing import Any, Mapping

from sqlalchemy import inspect

from . import catalog_mysql, catalog_postgresql, catalog_sqlite

_READERS = {
    "postgresql": catalog_postgresql.read,
    "sqlite": catalog_sqlite.read,
    "mysql": catalog_mysql.read,
    "mariadb": catalog_mysql.read,
}


def read(connection: Any, version_table: str) -> dict[str, str]:
    """Object names to definitions; the version table and what belongs to it is left out."""
    found = _READERS.get(connection.dialect.name, _read_inspector)(connection)
    return {
        name: text
        for name, text in found.items()
        if version_table not in name.replace('"', "").replace(".", " ").split()
    }


def _read_inspector(connection: Any) -> dict[str, str]:
    inspector: Any = inspect(connection)
    found: dict[str, str] = {}
    for table in inspector.get_table_names():
        found[f"table {table}"] = str(inspector.get_table_comment(table).get("text"))
        for column in inspector.get_columns(table):
            found[f"column {table}.{column['name']}"] = _flat(column)
        for kind, rows in (
            ("index", inspector.get_indexes(table)),
            ("foreign key", inspector.get_foreign_keys(table)),
            ("unique", inspector.get_unique_constraints(table)),
            ("primary key", [inspector.get_pk_constraint(table)]),
        ):
            for row in rows:
                found[f"{kind} {table}.{row.get('name')}"] = _flat(row)
    return found


def _flat(value: Any) -> str:
    """As text that is the same for the same: without the addresses of objects."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_flat(value[key])}" for key in sorted(value, key=str))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_flat, value))}]"
    return str(value)


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Lines that say in which objects the two differ; empty where they are the same."""
    lines = []
    for name in sorted({*before, *after}):
        if name not in after:
            lines.append(f"{name} is missing")
        elif name not in before:
            lines.append(f"{name} was left behind")
        elif before[name] != after[name]:
            lines.append(f"{name}: {after[name]} instead of {before[name]}")
    return lines
