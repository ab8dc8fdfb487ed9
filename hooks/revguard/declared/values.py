"""What a scan of source code finds: tables, and what they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

TableKind: TypeAlias = Literal["class", "table", "sqlmodel", "imperative"]


class Origin(NamedTuple):
    """Where a base or metadata is made: a name of a file; of a library the dotted name alone."""

    path: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that a file defines at its top level.

    `belongs` begins with the nearest base and ends with the root, or holds the one metadata; of a
    root that has a metadata of its own nothing further is told. It is empty where nobody knows.
    """

    name: str  # "" where only a run could tell
    schema: str | None = None
    path: str
    line: int
    kind: TableKind
    class_name: str = ""
    belongs: tuple[Origin, ...] = ()
    module: str = ""
    conditional: bool = False  # defined below an `if`
    bind: bool = False  # has a __bind_key__: another metadata of the same Flask-SQLAlchemy


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What tables can belong to: a declarative base, a registry, a MetaData, Flask's `db`."""

    name: str
    kind: str  # as in SQLAlchemy: "DeclarativeBase", "declarative_base", "MetaData", ...
    path: str  # "" for SQLModel, which a library defines
    line: int = 0
    module: str = ""

    @property
    def origin(self) -> Origin:
        """What the tables' `belongs` calls it."""
        return Origin(self.path, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """All that a scan found, in the order of paths and lines."""

    tables: tuple[Table, ...] = ()
    bases: tuple[Base, ...] = ()
