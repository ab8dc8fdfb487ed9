"""MariaDB's and MySQL's tables as they are before an upgrade: their foreign keys and indexes."""

from __future__ import annotations

from typing import Any, NamedTuple, Tuple

from sqlalchemy import inspect

Table = Tuple[Any, str]  # schema or None, name
Columns = Tuple[str, ...]


class Key(NamedTuple):
    """A foreign key of the database."""

    name: str
    columns: Columns


class Tables:
    """The tables of a database, each looked at once, as they are before the upgrade."""

    def __init__(self, connection: Any) -> None:
        """Look by this connection."""
        self._inspector: Any = inspect(connection)
        self._names: dict[Any, set[str]] = {}
        self._keys: dict[Table, list[Key]] = {}
        self._indexes: dict[Table, dict[str, tuple[Columns, bool]]] = {}

    def _is_there(self, table: Table) -> bool:
        schema, name = table
        if schema not in self._names:
            self._names[schema] = set(self._inspector.get_table_names(schema=schema))
        return name in self._names[schema]

    def keys(self, table: Table) -> list[Key]:
        """Its foreign keys."""
        if table not in self._keys:
            found = (
                self._inspector.get_foreign_keys(table[1], schema=table[0])
                if self._is_there(table)
                else ()
            )
            self._keys[table] = [
                Key(str(one["name"]), tuple(one["constrained_columns"])) for one in found
            ]
        return self._keys[table]

    def indexes(self, table: Table) -> dict[str, tuple[Columns, bool]]:
        """Its indexes by name: columns, and whether unique. The primary key has the name ""."""
        if table not in self._indexes:
            found: dict[str, tuple[Columns, bool]] = {}
            if self._is_there(table):
                for one in self._inspector.get_indexes(table[1], schema=table[0]):
                    found[str(one["name"])] = tuple(one["column_names"]), bool(one["unique"])
                primary = self._inspector.get_pk_constraint(table[1], schema=table[0])
                found[""] = tuple(primary["constrained_columns"]), True
            self._indexes[table] = found
        return self._indexes[table]

    def implicit(self, table: Table, key: Key) -> str:
        """The index that the server made for a key; empty where there is none."""
        for name in (key.name, key.columns[0]):
            if self.indexes(table).get(name) == (key.columns, False):
                return name
        return ""
