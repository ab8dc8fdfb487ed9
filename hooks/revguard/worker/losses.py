"""What new revisions take away: the schema before and after them and their statements in, the
tables, columns and schemas that are gone and the types that are others out."""

from __future__ import annotations

import re
from typing import Any, Collection, Iterable, Iterator, Mapping, NamedTuple

from sqlalchemy import text

from . import renames

Key = Any  # what stays the same where a thing is renamed

_POSTGRESQL = """
SELECT n.nspname, c.oid, c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND c.oid NOT IN (SELECT objid FROM pg_depend
                     WHERE classid = 'pg_class'::regclass AND deptype = 'e')
"""
_SCHEMAS = """
SELECT oid, nspname FROM pg_namespace
WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
"""
_DROPPED = re.compile(
    rf"\s*DROP\s+(?:DATABASE|SCHEMA)\s+(?:IF\s+EXISTS\s+)?({renames.NAME})", re.IGNORECASE
)
_CREATED = re.compile(
    rf"\s*CREATE\s+(?:DATABASE|SCHEMA)\s+(?:IF\s+NOT\s+EXISTS\s+)?({renames.NAME})", re.IGNORECASE
)
# the type is what a definition of catalog_*.py begins with, or what it calls so
_TYPE = {
    "sqlite": re.compile(r"(.*?), (?:not )?null\b.*", re.DOTALL),
    "mysql": re.compile(r"((?:'(?:[^']|'')*'|[^'])*?), (?:not )?null\b.*", re.DOTALL),
    "": re.compile(r"(?:.*, )?type=(.*?)(?:, \w+=.*)?", re.DOTALL),
}


class Standing(NamedTuple):
    """What stands at one time: names by what stays the same, and the types of columns."""

    schemas: dict[Key, str]
    tables: dict[Key, str]
    columns: dict[Key, tuple[str, str, str]]  # table, column, type


def read(connection: Any, objects: Mapping[str, str], version_table: str) -> Standing:
    """What stands now; ``objects`` as catalog.read() tells them."""
    if connection.dialect.name == "postgresql":
        return _of_postgresql(connection, version_table)
    return _of_catalog(connection.dialect.name, objects)


def _of_postgresql(connection: Any, version_table: str) -> Standing:
    default = connection.dialect.default_schema_name
    schemas = connection.execute(text(_SCHEMAS)).fetchall()
    found = Standing({row[0]: row[1] for row in schemas}, {}, {})
    rows = connection.execute(text(_POSTGRESQL.replace("::", "\\:\\:"))).fetchall()
    for schema, oid, name, number, column, type_ in rows:
        table = name if schema == default else f"{schema}.{name}"
        if name != version_table:
            found.tables[oid] = table
            if number is not None:
                found.columns[oid, number] = (table, column, type_)
    return found


def _of_catalog(dialect: str, objects: Mapping[str, str]) -> Standing:
    kind = "mysql" if dialect == "mariadb" else dialect
    pattern = _TYPE.get(kind, _TYPE[""])
    tables = {name[6:] for name in objects if name.startswith("table ")}
    found = Standing({}, {name: name for name in tables}, {})
    for name, definition in objects.items():
        if name.startswith("column "):
            table, column = _split(name[7:], tables)
            type_ = pattern.fullmatch(definition)
            if table:
                found.columns[table, column] = (table, column, type_[1] if type_ else "")
    return found


def _split(name: str, tables: set[str]) -> tuple[str, str]:
    """Table and column; either may have a dot in its name."""
    for place in [found.start() for found in re.finditer(r"\.", name)][::-1]:
        if name[:place] in tables:
            return name[:place], name[place + 1 :]
    return "", ""


def found(
    before: Standing, after: Standing, statements: Iterable[str], dialect: str
) -> list[dict[str, str]]:
    """The losses: ``op``, ``object``, and of a column that stays its types ``was`` and ``now``."""
    texts = list(statements)
    if dialect != "postgresql":
        after = _as_before(before, after, texts)
    schemas = [*_gone(before.schemas, after.schemas)]
    if dialect != "postgresql":
        schemas += _schemas(texts)
    tables = _gone(before.tables, after.tables)
    return [
        *(_loss("remove_schema", name) for name in schemas),
        *(_loss("remove_table", name) for name in tables),
        *_of_columns(before.columns, after.columns, tables),
    ]


def _gone(before: Mapping[Key, str], after: Mapping[Key, str]) -> list[str]:
    return sorted(name for key, name in before.items() if key not in after)


def _of_columns(
    before: Mapping[Key, tuple[str, str, str]],
    after: Mapping[Key, tuple[str, str, str]],
    without: Collection[str],
) -> Iterator[dict[str, str]]:
    for key, (table, column, was) in before.items():
        if table in without:
            continue
        if key not in after:
            yield _loss("remove_column", f"{table}.{column}")
        elif after[key][2] != was:
            yield _loss("modify_type", f"{table}.{column}", was, after[key][2])


def _as_before(before: Standing, after: Standing, statements: list[str]) -> Standing:
    """With the names of before, as far as the statements renamed them."""
    named = renames.Names(before.tables.values(), [one[:2] for one in before.columns.values()])
    for statement in statements:
        named.follow(statement)
    tables = {named.table(name): name for name in after.tables.values()}
    columns = {named.column(*one[:2]): one for one in after.columns.values()}
    return Standing(after.schemas, tables, columns)


def _schemas(statements: list[str]) -> Iterator[str]:
    """Those that a catalog of one database does not tell of, and that were there before."""
    made = set()
    for statement in statements:
        created, dropped = _CREATED.match(statement), _DROPPED.match(statement)
        if created:
            made.add(renames.bare(created[1]))
        if dropped and renames.bare(dropped[1]) not in made:
            yield renames.bare(dropped[1])


def _loss(op: str, name: str, was: str = "", now: str = "") -> dict[str, str]:
    return {"op": op, "object": name, "was": was, "now": now}
