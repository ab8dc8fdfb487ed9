"""Changes that pass unseen: each with its row in docs/limits.md, which so stays true."""

import re
from pathlib import Path

import pytest

from . import test_mysql
from .cases import BOTH, LITE, PG, Case, column, parametrized, table

LIMITS = Path(__file__).parents[2] / "docs" / "limits.md"
U = table(column("u", "Integer"))
S = column("s", "String(20)")


def index(arguments, *more):
    return table(column("u", "Integer"), S, f"Index('ix', {arguments})", *more)


# The id is the first cell of the row
UNSEEN = [
    Case(
        "primary key of a table that exists",
        table(column("a", "Integer", "nullable=False"), name="t"),
        table(column("a", "Integer", "primary_key=True"), name="t"),
        dialects=BOTH,
    ),
    Case(
        "autoincrement",
        table(),
        table(key='Column("id", Integer, primary_key=True, autoincrement=False)'),
        dialects=BOTH,
    ),
    Case(
        "CHECK constraint added",
        U,
        table(column("u", "Integer"), "CheckConstraint('u > 0', name='ck')"),
    ),
    Case(
        "CHECK constraint dropped",
        table(column("u", "Integer"), "CheckConstraint('u > 0', name='ck')"),
        U,
    ),
    Case(
        "CHECK constraint changed",
        table(column("u", "Integer"), "CheckConstraint('u > 0', name='ck')"),
        table(column("u", "Integer"), "CheckConstraint('u > 1', name='ck')"),
    ),
    Case(
        "values of an enum type",
        table(column("e", "Enum('a', 'b', name='e')")),
        table(column("e", "Enum('a', 'b', 'c', name='e')")),
        dialects=BOTH,
    ),
    Case(
        "length taken away",
        table(column("v", "String(10)")),
        table(column("v", "String")),
        dialects=PG,
    ),
    Case(
        "type to an array of it",
        table(column("v", "Text")),
        table(column("v", "postgresql.ARRAY(Text)")),
        dialects=PG,
    ),
    Case(
        "collation",
        table(column("v", "String(9)")),
        table(column("v", "String(9, collation='C')")),
        dialects=PG,
    ),
    Case(
        "index WHERE",
        index("'u'"),
        index("'u', postgresql_where=text('u > 0'), sqlite_where=text('u > 0')"),
        dialects=BOTH,
    ),
    Case("index USING", index("'u'"), index("'u', postgresql_using='hash'"), dialects=PG),
    Case("index INCLUDE", index("'u'"), index("'u', postgresql_include=['s']"), dialects=PG),
    Case(
        "index operator class",
        index("'s'"),
        index("'s', postgresql_ops={'s': 'text_pattern_ops'}"),
        dialects=PG,
    ),
    Case("index WITH", index("'u'"), index("'u', postgresql_with={'fillfactor': 70}"), dialects=PG),
    Case(
        "EXCLUDE constraint",
        table(column("r", "postgresql.INT4RANGE")),
        table(
            column("r", "postgresql.INT4RANGE"),
            "postgresql.ExcludeConstraint(('r', '&&'), using='gist', name='ex')",
        ),
        dialects=PG,
    ),
    Case("sequence", U, "Sequence('numbers', metadata=metadata)\n" + U, dialects=PG),
    Case(
        "table options",
        U,
        table(column("u", "Integer"), "postgresql_with={'fillfactor': 70}"),
        dialects=PG,
    ),
    Case(
        "expression of a computed column",
        table(column("u", "Integer"), column("d", "Integer", "Computed('u * 2', persisted=True)")),
        table(column("u", "Integer"), column("d", "Integer", "Computed('u * 3', persisted=True)")),
        dialects=BOTH,
    ),
    Case(
        "unique constraint without a name dropped on SQLite",
        table(column("u", "Integer", "unique=True")),
        U,
        dialects=LITE,
    ),
    Case(
        "comments on SQLite",
        U,
        table(column("u", "Integer", "comment='c'"), "comment='t'"),
        dialects=LITE,
    ),
    Case(
        "unique constraint made deferrable",
        table(column("u", "Integer"), "UniqueConstraint('u', name='uq')"),
        table(column("u", "Integer"), "UniqueConstraint('u', name='uq', deferrable=True)"),
        dialects=PG,
    ),
]


@pytest.mark.parametrize(*parametrized(UNSEEN))
def test_unseen(case, dialect, evaluated):
    results = evaluated(case, dialect)
    assert [result["left"] for result in results[1:]] == [[], []]


@pytest.mark.parametrize("case", UNSEEN, ids=lambda case: case.id)
def test_documented(case):
    rows = re.findall(r"^\| ([^|]+) \|", LIMITS.read_text(), re.MULTILINE)
    assert case.id in [row.replace("`", "") for row in rows]


def test_nothing_else_is_documented():
    """Each row of the tables is one of these, or says what is seen in its place."""
    general, mysql = (
        {row.replace("`", "") for row in re.findall(r"^\| ([^|]+) \| not seen", text, re.MULTILINE)}
        for text in LIMITS.read_text().split("On MariaDB and MySQL")
    )
    assert general == {case.id for case in UNSEEN} | {"views, functions, triggers"}
    assert mysql == {case.id for case in test_mysql.UNSEEN}
