"""Columns: each option of theirs, each added, changed and taken away."""

import pytest

from .cases import PG, Case, column, parametrized, table

NONE = table()
NOTE = table(column("note", "String(20)"))
N = table(column("n", "Integer"))


def typed(before, after, *more):
    return table(column("v", before, *more)), table(column("v", after, *more))


def defaults(before, after, type_="String(20)"):
    one = [f"server_default={text}" if text else "nullable=True" for text in (before, after)]
    return table(column("v", type_, one[0])), table(column("v", type_, one[1]))


OPTIONS = [
    Case("add", NONE, NOTE, "add_column things.note"),
    Case("drop", NOTE, NONE, "remove_column things.note"),
    Case(
        "drop several",
        table(*(column(f"c{i}", "Integer") for i in range(6))),
        table(column("c3", "Integer")),
    ),
    Case(
        "add not null with a server default",
        NONE,
        table(column("n", "Integer", "nullable=False", "server_default='0'")),
        "add_column things.n",
    ),
    Case(
        "drop not null with a server default",
        table(column("n", "Integer", "nullable=False", "server_default=text('0')")),
        NONE,
        "remove_column things.n",
    ),
    Case(
        "add not null without a default",
        NONE,
        table(column("n", "Integer", "nullable=False")),
        "add_column things.n",
    ),
    Case(
        "to not null",
        N,
        table(column("n", "Integer", "nullable=False")),
        "modify_nullable things.n",
    ),
    Case(
        "to nullable",
        table(column("n", "Integer", "nullable=False")),
        N,
        "modify_nullable things.n",
    ),
    Case(
        "rename",
        NOTE,
        table(column("memo", "String(20)")),
        "add_column things.memo, remove_column things.note",
    ),
    Case(
        "awkward names",
        NONE,
        table(
            column("order", "Integer"),
            column("Mixed Case", "String(9)", "index=True"),
            column("per%cent", "Integer"),
            column("co:lon", "Integer"),
            column('quo"te', "Integer"),
            column("ünïcode", "Integer", "unique=True"),
        ),
    ),
    Case(
        "awkward names dropped",
        table(
            column("order", "Integer"),
            column("Mixed Case", "String(9)"),
            column("co:lon", "Integer"),
        ),
        NONE,
    ),
    Case(
        "add unique",
        NONE,
        table(column("u", "Integer", "unique=True")),
        "add_column things.u, add_constraint things.things_u_key",
    ),
    Case(
        "to unique",
        table(column("u", "Integer")),
        table(column("u", "Integer", "unique=True")),
        "add_constraint things.things_u_key",
    ),
    Case(
        "no longer unique",
        table(column("u", "Integer", "unique=True")),
        table(column("u", "Integer")),
        dialects=PG,
    ),
    Case("drop unique", table(column("u", "Integer", "unique=True")), NONE),
    Case(
        "add index",
        NONE,
        table(column("i", "Integer", "index=True")),
        "add_column things.i, add_index things.ix_things_i",
    ),
    Case(
        "to index",
        table(column("i", "Integer")),
        table(column("i", "Integer", "index=True")),
        "add_index things.ix_things_i",
    ),
    Case(
        "no longer index",
        table(column("i", "Integer", "index=True")),
        table(column("i", "Integer")),
        "remove_index things.ix_things_i",
    ),
    Case(
        "drop index",
        table(column("i", "Integer", "index=True")),
        NONE,
        "remove_column things.i, remove_index things.ix_things_i",
    ),
    Case(
        "index to unique index",
        table(column("i", "Integer", "index=True")),
        table(column("i", "Integer", "index=True", "unique=True")),
    ),
    Case(
        "comment",
        N,
        table(column("n", "Integer", 'comment="it\'s: 100%"')),
        "modify_comment things.n",
        PG,
    ),
    Case(
        "comment changed",
        table(column("n", "Integer", "comment='a'")),
        table(column("n", "Integer", "comment='b'")),
        "modify_comment things.n",
        PG,
    ),
    Case(
        "comment dropped",
        table(column("n", "Integer", "comment='a'")),
        N,
        "modify_comment things.n",
        PG,
    ),
]
DEFAULTS = [
    Case("add", *defaults("", "'x'"), "modify_default things.v"),
    Case("change", *defaults("'x'", '"it\'s: 5%"'), "modify_default things.v"),
    Case("drop", *defaults("'x'", ""), "modify_default things.v"),
    Case("text", *defaults("", "text(\"'a:b'\")"), "modify_default things.v"),
    Case("now", *defaults("", "func.now()", "DateTime"), "modify_default things.v"),
    Case("now dropped", *defaults("func.now()", "", "DateTime"), "modify_default things.v"),
    Case("boolean", *defaults("", "sa.true()", "Boolean"), "modify_default things.v"),
    Case("number", *defaults("text('0')", "text('1')", "Integer"), "modify_default things.v"),
    Case(
        "new column now",
        NONE,
        table(column("at", "DateTime(timezone=True)", "server_default=func.now()")),
        "add_column things.at",
    ),
    Case(
        "new column false",
        NONE,
        table(column("b", "Boolean", "nullable=False", "server_default=sa.false()")),
        "add_column things.b",
    ),
    Case(
        "uuid",
        NONE,
        table(column("u", "sa.Uuid", "server_default=func.gen_random_uuid()")),
        "add_column things.u",
        PG,
    ),
    Case(
        "json",
        NONE,
        table(
            column(
                "j", "postgresql.JSONB", "nullable=False", "server_default=text(\"'{}'::jsonb\")"
            )
        ),
        "",
        PG,
    ),
    Case(
        "array",
        NONE,
        table(column("a", "postgresql.ARRAY(String)", "nullable=False", "server_default='{}'")),
        "",
        PG,
    ),
    Case(
        "json with colons",
        NONE,
        table(column("j", "JSON", "nullable=False", "server_default='{\"a\": 1}'")),
    ),
]
TYPES = [
    Case("longer", *typed("String(10)", "String(100)"), "modify_type things.v"),
    Case("shorter", *typed("String(100)", "String(10)"), "modify_type things.v"),
    Case("to text", *typed("String(10)", "Text"), "modify_type things.v"),
    Case("to bigint", *typed("Integer", "BigInteger"), "modify_type things.v"),
    Case("to smallint", *typed("Integer", "SmallInteger"), "modify_type things.v"),
    Case("precision", *typed("Numeric(10, 2)", "Numeric(12, 4)"), "modify_type things.v"),
    Case("float to numeric", *typed("Float", "Numeric(12, 4)"), "modify_type things.v"),
    Case("text to integer", *typed("String(10)", "Integer"), "modify_type things.v"),
    Case("integer to text", *typed("Integer", "String(10)"), "modify_type things.v"),
    Case("text to date", *typed("Text", "Date"), "modify_type things.v"),
    Case("text to boolean", *typed("Text", "Boolean"), "modify_type things.v"),
    Case("integer to boolean", *typed("Integer", "Boolean"), "modify_type things.v", PG),
    Case("text to jsonb", *typed("Text", "postgresql.JSONB"), "modify_type things.v", PG),
    Case("json to jsonb", *typed("JSON", "postgresql.JSONB"), "modify_type things.v", PG),
    Case("text to uuid", *typed("Text", "sa.Uuid"), "modify_type things.v", PG),
    Case("text to inet", *typed("Text", "postgresql.INET"), "modify_type things.v", PG),
    Case("timezone", *typed("DateTime", "DateTime(timezone=True)"), "modify_type things.v", PG),
    Case(
        "text to array",
        *typed("postgresql.ARRAY(Text)", "postgresql.ARRAY(Integer)"),
        "modify_type things.v",
        PG,
    ),
    Case(
        "with a default",
        *typed("String(10)", "Integer", "nullable=False", "server_default='5'"),
        "modify_type things.v",
    ),
    Case(
        "quoted name",
        table(column("Weird %", "String(9)")),
        table(column("Weird %", "Integer")),
        "modify_type things.Weird %",
    ),
    Case(
        "several things at once",
        table(column("v", "String(10)")),
        table(column("v", "Integer", "nullable=False", "server_default='1'", "index=True")),
    ),
    Case("indexed", *typed("String(10)", "Integer", "index=True"), "modify_type things.v"),
]
GENERATED = [
    Case(
        "computed",
        N,
        table(column("n", "Integer"), column("d", "Integer", "Computed('n * 2', persisted=True)")),
        "add_column things.d",
        PG,
    ),
    Case(
        "computed in a new table",
        "",
        table(column("n", "Integer"), column("d", "Integer", "Computed('n * 2', persisted=True)")),
    ),
    Case(
        "computed dropped",
        table(column("n", "Integer"), column("d", "Integer", "Computed('n * 2', persisted=True)")),
        N,
        "remove_column things.d",
    ),
    Case(
        "computed virtual",
        N,
        table(column("n", "Integer"), column("d", "Integer", "Computed('n * 2', persisted=False)")),
        "add_column things.d",
        ("sqlite",),
    ),
    Case(
        "identity in a new table",
        "",
        table(
            column("n", "Integer"),
            key='Column("id", Integer, Identity(always=True, start=10), primary_key=True)',
        ),
    ),
    Case(
        "identity column",
        NONE,
        table(column("n", "Integer", "Identity()")),
        "add_column things.n",
        PG,
    ),
    Case(
        "identity dropped",
        table(column("n", "Integer", "Identity()")),
        NONE,
        "remove_column things.n",
        PG,
    ),
    Case(
        "to identity",
        table(column("n", "Integer", "nullable=False")),
        table(column("n", "Integer", "Identity()")),
        "modify_default things.n",
        PG,
    ),
    Case(
        "identity no longer",
        table(column("n", "Integer", "Identity()")),
        table(column("n", "Integer", "nullable=False")),
        "modify_default things.n",
        PG,
    ),
    Case("nullable to identity", N, table(column("n", "Integer", "Identity()")), "", PG),
    Case(
        "identity changed",
        table(column("n", "Integer", "Identity()")),
        table(column("n", "Integer", "Identity(always=True, increment=5)")),
        "modify_default things.n",
        PG,
    ),
    Case(
        "tsvector",
        table(column("body", "Text")),
        table(
            column("body", "Text"),
            column(
                "ts",
                "postgresql.TSVECTOR",
                "Computed(\"to_tsvector('english', coalesce(body, ''))\", persisted=True)",
            ),
            "Index('ix_ts', 'ts', postgresql_using='gin')",
        ),
        "",
        PG,
    ),
    Case(
        "postgresql types",
        NONE,
        table(
            *(
                column(f"c{i}", t)
                for i, t in enumerate(
                    [
                        "postgresql.INET",
                        "postgresql.CIDR",
                        "postgresql.MACADDR",
                        "postgresql.INTERVAL",
                        "postgresql.BYTEA",
                        "postgresql.BIT(3)",
                        "postgresql.ARRAY(Integer, dimensions=2)",
                        "postgresql.JSONB",
                        "postgresql.TSVECTOR",
                        "postgresql.INT4RANGE",
                        "postgresql.TSTZRANGE",
                        "postgresql.UUID(as_uuid=True)",
                        "postgresql.MONEY",
                        "Time(timezone=True)",
                        "postgresql.TIMESTAMP(precision=3)",
                        "postgresql.OID",
                        "LargeBinary",
                        "Float(53)",
                        "sa.Double",
                        "Numeric",
                        "sa.CHAR(3)",
                        "sa.Interval",
                    ]
                )
            )
        ),
        "",
        PG,
    ),
    Case(
        "common types",
        NONE,
        table(
            *(
                column(f"c{i}", t)
                for i, t in enumerate(
                    [
                        "Boolean",
                        "Date",
                        "DateTime",
                        "Time",
                        "LargeBinary",
                        "Float",
                        "Numeric(10, 3)",
                        "JSON",
                        "sa.Uuid",
                        "BigInteger",
                        "SmallInteger",
                        "Text",
                        "sa.Unicode(9)",
                        "sa.Interval",
                        "sa.PickleType",
                    ]
                )
            )
        ),
    ),
]


@pytest.mark.parametrize(*parametrized(OPTIONS))
def test_option(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)


@pytest.mark.parametrize(*parametrized(DEFAULTS))
def test_server_default(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)


@pytest.mark.parametrize(*parametrized(TYPES))
def test_type(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)


@pytest.mark.parametrize(*parametrized(GENERATED))
def test_generated(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)
