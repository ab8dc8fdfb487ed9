"""A dialect in, how its kind and its driver are called in a URL out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import Dialect


def kind(dialect: Dialect) -> str:
    """`postgresql`; some of other makers have the driver in their name, `firebird.firebird`."""
    return dialect.name.partition(".")[0]


def driver(dialect: Dialect) -> str:
    """`psycopg2`, as behind the plus sign of a URL."""
    return dialect.name.partition(".")[2] or dialect.driver
