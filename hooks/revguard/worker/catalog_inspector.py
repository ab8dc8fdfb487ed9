"""Any other database in, {object: definition} out, as far as SQLAlchemy's Inspector tells."""

from __future__ import annotations

import re
from typing import Any, Callable, Iterator, Mapping

from sqlalchemy import inspect

# names that a server made up: another one each time
_MADE_UP = re.compile(
    r"integ_\d+|rdb\$\w*\d+|sys_\w*\d+|sql\d{9,}|(pk|uq|fk|df|ck)__\w+__[0-9a-f]{8,}", re.IGNORECASE
)
_OWN_SCHEMAS = re.compile(
    r"information_schema|sys\w*|guest|db_\w+|pg_\w+|crdb_internal", re.IGNORECASE
)
_ONE_SCHEMA = ("oracle",)  # there the others are other accounts'
_PARTS = (
    ("index", "get_indexes"),
    ("foreign key", "get_foreign_keys"),
    ("unique", "get_unique_constraints"),
    ("check", "get_check_constraints"),
)


def read(connection: Any) -> dict[str, str]:
    """Tables with their parts, views and sequences of all schemas."""
    inspector: Any = inspect(connection)
    found: dict[str, str] = {}
    for schema in _schemas(inspector):
        prefix = f"{schema}." if schema else ""
        for table in _told(inspector.get_table_names, schema=schema):
            found.update(_of_table(inspector, table, schema, prefix + table))
        for view in _told(inspector.get_view_names, schema=schema):
            text = _told(inspector.get_view_definition, view, schema=schema)
            found[f"view {prefix}{view}"] = str(text)
        for sequence in _told(inspector.get_sequence_names, schema=schema):
            if not _MADE_UP.fullmatch(sequence):
                found[f"sequence {prefix}{sequence}"] = ""
    return found


def _schemas(inspector: Any) -> list[str | None]:
    """The default one, and those that are not the server's own."""
    if inspector.dialect.name in _ONE_SCHEMA:
        return [None]
    names = _told(inspector.get_schema_names)
    default = inspector.default_schema_name
    others = [one for one in names if one != default and not _OWN_SCHEMAS.fullmatch(one)]
    return [None, *sorted(others)]


def _of_table(inspector: Any, table: str, schema: Any, name: str) -> Iterator[tuple[str, str]]:
    comment = _told(inspector.get_table_comment, table, schema=schema) or {}
    yield f"table {name}", str(comment.get("text"))
    for column in _told(inspector.get_columns, table, schema=schema):
        yield f"column {name}.{column['name']}", _flat(column)
    key = _told(inspector.get_pk_constraint, table, schema=schema) or {}
    if key.get("constrained_columns"):
        yield f"primary key {name}", _flat(_named(key))
    for kind, method in _PARTS:
        nameless: dict[str, int] = {}
        for row in _told(getattr(inspector, method), table, schema=schema):
            text = _flat(_named(row))
            label = row.get("name")
            if not label or _MADE_UP.fullmatch(label):
                nameless[text] = nameless.get(text, 0) + 1
            else:
                yield f"{kind} {name}.{label}", text
        for text, count in nameless.items():
            yield f"{kind} {name} ({text})", str(count)


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without a name that the server made up, and what repeats it."""
    return {
        key: value for key, value in row.items()
        if not (isinstance(value, str) and _MADE_UP.fullmatch(value))
    }  # fmt: skip


def _told(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What the dialect tells; nothing where it knows no such thing."""
    try:
        return method(*args, **kwargs)
    except NotImplementedError:
        return []


def _flat(value: Any) -> str:
    """As text that is the same for the same: without the addresses of objects."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_flat(value[key])}" for key in sorted(value, key=str))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_flat, value))}]"
    return str(value)
