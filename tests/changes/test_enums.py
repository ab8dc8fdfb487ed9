"""Enum types: created once before they are used, dropped when nothing uses them any more."""

import pytest

from .cases import BOTH, PG, Case, column, parametrized, table

NONE = table()
STATE = "Enum('a', 'b', name='state')"
ONE = table(column("s", STATE))
SHARED = "state = Enum('a', 'b', name='state')\n"
DECORATED = """
class State(TypeDecorator):
    impl = Enum("a", "b", name="state")
    cache_ok = True

"""
PYTHON = "class Colour(enum.Enum):\n    red = 1\n    dark_blue = 2\n\n"


def two(first, second):
    return SHARED + table(column("s", first)) + table(column("s", second), name="others")


def on_postgresql(name, before, after, changes="", dialects=PG):
    return Case(name, before, after, changes, dialects)


ENUMS = [
    on_postgresql("new table", "", ONE, "add_table things", BOTH),
    on_postgresql("new column", NONE, ONE, "add_column things.s", BOTH),
    on_postgresql("dropped column", ONE, NONE, "remove_column things.s", BOTH),
    on_postgresql("dropped table", ONE, "", "remove_table things", BOTH),
    on_postgresql("two new tables", "", two("state", "state"), "", BOTH),
    on_postgresql("two dropped tables", two("state", "state"), "", "", BOTH),
    on_postgresql("two new columns", NONE + table(name="others"), two("state", "state")),
    on_postgresql(
        "new column of one that is there",
        SHARED + table(column("s", "state")) + table(name="others"),
        two("state", "state"),
    ),
    on_postgresql(
        "one of two dropped",
        two("state", "state"),
        SHARED + table(column("s", "state")) + table(name="others"),
    ),
    on_postgresql(
        "one of two tables dropped", two("state", "state"), SHARED + table(column("s", "state"))
    ),
    on_postgresql("table and column", table(name="others"), two("state", "state")),
    on_postgresql("two in one table", "", table(column("s", STATE), column("t", STATE))),
    on_postgresql("two columns of one table", NONE, table(column("s", STATE), column("t", STATE))),
    on_postgresql(
        "moved to another table",
        ONE + table(name="others"),
        NONE + table(column("s", STATE), name="others"),
    ),
    on_postgresql("array in a new column", NONE, table(column("s", f"postgresql.ARRAY({STATE})"))),
    on_postgresql("array in a new table", "", table(column("s", f"postgresql.ARRAY({STATE})"))),
    on_postgresql("array dropped", table(column("s", f"postgresql.ARRAY({STATE})")), NONE),
    on_postgresql("array table dropped", table(column("s", f"postgresql.ARRAY({STATE})")), ""),
    on_postgresql(
        "array and plain",
        NONE,
        table(column("s", f"postgresql.ARRAY({STATE})"), column("t", STATE)),
    ),
    on_postgresql("decorated", NONE, DECORATED + table(column("s", "State()"))),
    on_postgresql("decorated in a new table", "", DECORATED + table(column("s", "State()"))),
    on_postgresql(
        "awkward names",
        NONE,
        table(column("s", "Enum(\"it's\", 'co:lon', '50%', 'back\\\\slash', name='Odd State')")),
    ),
    on_postgresql(
        "awkward names dropped",
        table(column("s", "Enum(\"it's\", 'co:lon', '50%', name='Odd State')")),
        NONE,
    ),
    on_postgresql("python enum", NONE, PYTHON + table(column("c", "Enum(Colour)")), "", BOTH),
    on_postgresql(
        "python enum with a default",
        NONE,
        PYTHON + table(column("c", "Enum(Colour)", "nullable=False", "server_default='red'")),
    ),
    on_postgresql(
        "postgresql enum", NONE, table(column("s", "postgresql.ENUM('a', 'b', name='state')"))
    ),
    on_postgresql(
        "of the metadata",
        NONE,
        "state = Enum('a', 'b', name='state', metadata=metadata)\n" + table(column("s", "state")),
    ),
    on_postgresql(
        "with an index and unique",
        NONE,
        table(column("s", STATE, "index=True"), column("t", STATE, "unique=True")),
    ),
    on_postgresql("text to enum", table(column("s", "String(9)")), ONE, "modify_type things.s"),
    on_postgresql(
        "text with a default to enum",
        table(column("s", "String(9)", "nullable=False", "server_default='a'")),
        table(column("s", STATE, "nullable=False", "server_default='a'")),
        "modify_type things.s",
    ),
    on_postgresql("enum to text", ONE, table(column("s", "String(9)")), "modify_type things.s"),
    on_postgresql(
        "enum to another",
        ONE,
        table(column("s", "Enum('a', 'b', 'c', name='state2')")),
        "modify_type things.s",
    ),
    on_postgresql(
        "enum with a default to another",
        table(column("s", STATE, "server_default='a'")),
        table(column("s", "Enum('a', 'b', 'c', name='state2')", "server_default='a'")),
    ),
    on_postgresql(
        "not native", NONE, table(column("s", "Enum('a', 'b', native_enum=False)")), "", BOTH
    ),
    on_postgresql(
        "inherited name",
        "",
        PYTHON
        + table(column("c", "Enum(Colour, name='hue')"))
        + table(column("c", "Enum(Colour, name='hue')"), name="others"),
    ),
    on_postgresql(
        "dropped in a circle of tables",
        table(column("s", STATE)) + table(column("s", STATE), name="others"),
        "",
    ),
]
SCHEMA = "metadata = MetaData(schema='sales')"
QUALIFIED = [
    Case(
        "in a schema",
        table(name="others", key='Column("id", Integer, primary_key=True)'),
        table(name="others")
        + table(
            column("s", "Enum('a', 'b', name='state', schema='sales')"),
        ),
        "",
        PG,
        "include_schemas=True",
        SCHEMA,
    ),
    Case(
        "column in a schema",
        table(),
        table(column("s", "Enum('a', 'b', name='state', inherit_schema=True)")),
        "",
        PG,
        "include_schemas=True",
        SCHEMA,
    ),
    Case(
        "dropped in a schema",
        table(column("s", "Enum('a', 'b', name='state', schema='sales')")),
        table(),
        "",
        PG,
        "include_schemas=True",
        SCHEMA,
    ),
]


@pytest.mark.parametrize(*parametrized(ENUMS))
def test_enum(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)


@pytest.mark.parametrize(*parametrized(QUALIFIED))
def test_qualified(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)
