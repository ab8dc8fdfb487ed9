"""Of each kind of model change one case, for what is to be shown on every database."""

from .cases import Case
from .test_columns import DEFAULTS, GENERATED, OPTIONS, TYPES
from .test_constraints import CONSTRAINTS, FOREIGN_KEYS, INDEXES, NAMED
from .test_enums import ENUMS, QUALIFIED
from .test_tables import SCHEMAS, SEQUENCES, TABLES

_CHOSEN = [
    ("column", OPTIONS, ["add", "drop", "to not null", "rename", "add unique", "comment",
                         "comment dropped"]),
    ("default", DEFAULTS, ["add", "change", "drop", "now", "now dropped"]),
    ("type", TYPES, ["longer", "precision", "with a default", "text to integer", "json to jsonb",
                     "timezone"]),
    ("generated", GENERATED, ["computed", "computed dropped", "identity changed", "tsvector",
                              "postgresql types", "common types"]),
    ("key", FOREIGN_KEYS, ["new column on delete", "on delete changed", "composite",
                           "composite dropped", "self in a new column", "circle", "circle dropped",
                           "circle of three dropped", "drop unnamed"]),
    ("index", INDEXES, ["composite", "dropped", "partial", "gin", "functional",
                        "functional unique"]),
    ("constraint", CONSTRAINTS, ["unique named", "unique unnamed", "check in a new table",
                                 "boolean with a check", "composite key in a new table"]),
    ("named", NAMED, ["convention all", "convention no longer"]),
    ("enum", ENUMS, ["new table", "new column", "one of two dropped", "array dropped", "decorated",
                     "python enum", "text with a default to enum"]),
    ("enum", QUALIFIED, ["column in a schema"]),
    ("table", TABLES, ["new", "several dropped", "association", "association dropped",
                       "joined inheritance", "single-table inheritance", "comment",
                       "dropped with everything", "big change"]),
    ("schema", SCHEMAS, ["first table in a schema", "last table of a schema dropped"]),
    ("sequence", SEQUENCES, ["with a new column"]),
]  # fmt: skip
# cases that are written for PostgreSQL, since SQLite has no such thing, and yet are for MariaDB
_MARIADB_TOO = ("comment", "comment dropped", "dropped with everything")
_NOT_MARIADB = ("partial",)


def _named(kind: str, cases: list[Case], name: str) -> Case:
    (case,) = [case for case in cases if case.id == name]
    dialects = case.dialects
    if name in _MARIADB_TOO or ("sqlite" in dialects and name not in _NOT_MARIADB):
        dialects = (*dialects, "mariadb")
    return case._replace(id=f"{kind} {name}", dialects=dialects)


KINDS = [_named(kind, cases, name) for kind, cases, names in _CHOSEN for name in names]


def of(dialect: str) -> list[Case]:
    """Those that a dialect has."""
    return [case._replace(dialects=(dialect,)) for case in KINDS if dialect in case.dialects]
