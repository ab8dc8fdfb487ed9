"""What was there before the first revision of a run and is nobody's: tables that something made,
revisions that something stamped, statements that changed tables outside of any revision."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, text

from . import defaults

if TYPE_CHECKING:
    from typing import Mapping, Sequence

# as databases/standing.py asks
_POSTGRESQL = """\
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema' AND NOT EXISTS
  (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')"""
_TABLE = re.compile(
    r"\s*(CREATE|ALTER|DROP|RENAME)\s+TABLE\b(?!.*\bOWNER\s+TO\b)", re.IGNORECASE | re.DOTALL
)


def tables(connection: Any, version_table: str, stood: Mapping[str, Any]) -> list[str]:
    """Tables and views besides those that stood there when env.py began."""
    known = set(stood["tables"])
    found = [name for name in _names(connection) if name not in known]
    return sorted(name for name in found if name.rpartition(".")[2] != version_table)


def revisions(heads: Sequence[str], stood: Mapping[str, Any]) -> list[str]:
    """Revisions that the version table holds, and held not when env.py began."""
    return [] if stood["heads"] is None else sorted(set(heads) - set(stood["heads"]))


def changes_tables(statement: str) -> bool:
    """Whether it makes, alters or drops a table."""
    return bool(_TABLE.match(statement))


def statements(found: Sequence[str], version_table: str) -> list[str]:
    """Those of the statements that are not about Alembic's own table, or a scratch one of ours."""
    known = (version_table, defaults.SCRATCH)
    return [one for one in found if not any(name in one for name in known)]


def _names(connection: Any) -> list[str]:
    if connection.dialect.name == "postgresql":
        found = connection.execute(text(_POSTGRESQL)).fetchall()
        return [f"{schema}.{table}" for schema, table in found]
    inspector: Any = inspect(connection)
    found = list(inspector.get_table_names())
    if connection.dialect.name in ("sqlite", "mysql", "mariadb"):
        found += inspector.get_view_names()
    return found
