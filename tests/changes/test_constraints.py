"""Foreign keys, indexes, unique and check constraints, keys, and the names of all of them."""

import pytest

from .cases import PG, Case, column, fk, parametrized, table

NONE = table()
U = table(column("u", "Integer"))
AB = table(column("a", "Integer"), column("b", "Integer"))
CONVENTION = """metadata = MetaData(naming_convention={
    "ix": "ix_%(column_0_label)s", "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s", "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s"})"""
COMPOSITE = table(
    column("a", "Integer", "primary_key=True"), column("b", "Integer", "primary_key=True"),
    name="pairs", key="",
)  # fmt: skip
TO_PAIRS = "ForeignKeyConstraint(['a', 'b'], ['pairs.a', 'pairs.b']{})"
PARTIAL = (
    "Index('ix_u', 'u', unique=True, postgresql_where=text('u > 0'), sqlite_where=text('u > 0'))"
)
CIRCLE = """
    eggs = Table("eggs", metadata, Column("id", Integer, primary_key=True),
                 Column("hen", ForeignKey("hens.id"{0})))
    hens = Table("hens", metadata, Column("id", Integer, primary_key=True),
                 Column("egg", ForeignKey("eggs.id")))
"""
CIRCLE_OF_THREE = "".join(
    table(fk("next", f"{target}.id"), name=name)
    for name, target in (("c1", "c2"), ("c2", "c3"), ("c3", "c1"))
)

FOREIGN_KEYS = [
    Case(
        "new column",
        NONE,
        table(fk("u", "users.id")),
        "add_column things.u, add_fk things.things_u_fkey",
    ),
    Case(
        "new column on delete",
        NONE,
        table(fk("u", "users.id", "ondelete='CASCADE'", "onupdate='CASCADE'")),
    ),
    Case("existing column", U, table(fk("u", "users.id")), "add_fk things.things_u_fkey"),
    Case("drop", table(fk("u", "users.id", "name='named_fk'")), U, "remove_fk things.named_fk"),
    Case("drop unnamed", table(fk("u", "users.id")), U),
    Case("drop column", table(fk("u", "users.id")), NONE),
    Case(
        "on delete changed",
        table(fk("u", "users.id")),
        table(fk("u", "users.id", "ondelete='SET NULL'")),
    ),
    Case(
        "on delete changed named",
        table(fk("u", "users.id", "name='fk_u'")),
        table(fk("u", "users.id", "name='fk_u'", "ondelete='SET NULL'")),
    ),
    Case(
        "composite",
        COMPOSITE + AB,
        COMPOSITE + table(column("a", "Integer"), column("b", "Integer"), TO_PAIRS.format("")),
    ),
    Case(
        "composite in a new table",
        COMPOSITE,
        COMPOSITE
        + table(
            column("a", "Integer"),
            column("b", "Integer"),
            TO_PAIRS.format(", ondelete='CASCADE', name='to_pairs'"),
        ),
    ),
    Case(
        "composite dropped",
        COMPOSITE + table(column("a", "Integer"), column("b", "Integer"), TO_PAIRS.format("")),
        COMPOSITE + AB,
    ),
    Case("self in a new table", "", table(fk("parent", "things.id"))),
    Case("self in a new column", NONE, table(fk("parent", "things.id", "ondelete='SET NULL'"))),
    Case("self dropped", table(fk("parent", "things.id")), NONE),
    Case("to a new table", NONE, table(fk("o", "others.id")) + table(name="others")),
    Case("to a dropped table", table(fk("o", "others.id")) + table(name="others"), NONE),
    Case("circle", "", CIRCLE.format("")),
    Case("circle with use_alter", "", CIRCLE.format(", use_alter=True, name='egg_hen'")),
    Case("circle dropped", CIRCLE.format(""), ""),
    Case("circle of three", "", CIRCLE_OF_THREE),
    Case("circle of three dropped", CIRCLE_OF_THREE, ""),
    Case(
        "circle closed",
        table(name="hens") + table(fk("hen", "hens.id"), name="eggs"),
        CIRCLE.format(""),
    ),
    Case(
        "deferrable",
        U,
        table(fk("u", "users.id", "deferrable=True", "initially='DEFERRED'")),
        dialects=PG,
    ),
    Case("two to one table", NONE, table(fk("a", "users.id"), fk("b", "users.id"))),
]
INDEXES = [
    Case(
        "composite",
        AB,
        table(column("a", "Integer"), column("b", "Integer"), "Index('ix_ab', 'a', 'b')"),
        "add_index things.ix_ab",
    ),
    Case(
        "unique",
        U,
        table(column("u", "Integer"), "Index('ix_u', 'u', unique=True)"),
        "add_index things.ix_u",
    ),
    Case(
        "dropped",
        table(column("u", "Integer"), "Index('ix_u', 'u', unique=True)"),
        U,
        "remove_index things.ix_u",
    ),
    Case(
        "other columns",
        table(column("a", "Integer"), column("b", "Integer"), "Index('ix', 'a')"),
        table(column("a", "Integer"), column("b", "Integer"), "Index('ix', 'a', 'b')"),
    ),
    Case(
        "functional",
        table(column("s", "String(9)")),
        table(column("s", "String(9)"))
        + "Index('ix_lower', func.lower(things.c.s))".replace(
            "things", "metadata.tables['things']"
        ),
        "add_index things.ix_lower",
        PG,
    ),
    Case(
        "functional unique",
        table(column("s", "String(9)")),
        table(column("s", "String(9)"), "Index('ix_lower', text('lower(s)'), unique=True)"),
        "add_index things.ix_lower",
        PG,
    ),
    Case(
        "functional dropped",
        table(column("s", "String(9)"), "Index('ix_lower', text('lower(s)'))"),
        table(column("s", "String(9)")),
        "remove_index things.ix_lower",
        PG,
    ),
    Case(
        "partial",
        U,
        table(
            column("u", "Integer"),
            PARTIAL,
        ),
        "add_index things.ix_u",
    ),
    Case(
        "partial dropped",
        table(
            column("u", "Integer"),
            PARTIAL,
        ),
        U,
        "remove_index things.ix_u",
    ),
    Case(
        "descending", U, table(column("u", "Integer"), "Index('ix_u', text('u DESC'))"), dialects=PG
    ),
    Case(
        "gin",
        table(column("j", "postgresql.JSONB")),
        table(column("j", "postgresql.JSONB"), "Index('ix_j', 'j', postgresql_using='gin')"),
        "add_index things.ix_j",
        PG,
    ),
    Case(
        "gin dropped",
        table(
            column("j", "postgresql.JSONB"),
            "Index('ix_j', 'j', postgresql_using='gin', postgresql_ops={'j': 'jsonb_path_ops'})",
        ),
        table(column("j", "postgresql.JSONB")),
        "remove_index things.ix_j",
        PG,
    ),
    Case(
        "covering",
        AB,
        table(
            column("a", "Integer"),
            column("b", "Integer"),
            "Index('ix_a', 'a', postgresql_include=['b'])",
        ),
        "add_index things.ix_a",
        PG,
    ),
    Case(
        "covering dropped",
        table(
            column("a", "Integer"),
            column("b", "Integer"),
            "Index('ix_a', 'a', postgresql_include=['b'])",
        ),
        AB,
        "remove_index things.ix_a",
        PG,
    ),
    Case(
        "nulls not distinct",
        U,
        table(
            column("u", "Integer"),
            "Index('ix_u', 'u', unique=True, postgresql_nulls_not_distinct=True)",
        ),
        "add_index things.ix_u",
        PG,
    ),
    Case(
        "operator class",
        table(column("s", "Text")),
        table(column("s", "Text"), "Index('ix_s', 's', postgresql_ops={'s': 'text_pattern_ops'})"),
        "add_index things.ix_s",
        PG,
    ),
    Case(
        "on a new table",
        "",
        table(
            column("u", "Integer", "index=True"), column("v", "Integer"), "Index('ix_uv', 'u', 'v')"
        ),
    ),
    Case(
        "on a dropped table",
        table(
            column("u", "Integer", "index=True"), column("v", "Integer"), "Index('ix_uv', 'u', 'v')"
        ),
        "",
    ),
    Case(
        "long name",
        NONE,
        table(
            column(
                "a_column_with_quite_a_long_name_that_goes_on_and_on_and_on",
                "Integer",
                "index=True",
                "unique=True",
            )
        ),
    ),
    Case(
        "long unique name",
        NONE,
        table(
            column(
                "a_column_with_quite_a_long_name_that_goes_on_and_on_and_on",
                "Integer",
                "unique=True",
            )
        ),
    ),
]
CONSTRAINTS = [
    Case(
        "unique named",
        AB,
        table(
            column("a", "Integer"),
            column("b", "Integer"),
            "UniqueConstraint('a', 'b', name='uq_ab')",
        ),
        "add_constraint things.uq_ab",
    ),
    Case(
        "unique unnamed",
        AB,
        table(column("a", "Integer"), column("b", "Integer"), "UniqueConstraint('a', 'b')"),
        "add_constraint things.things_a_b_key",
    ),
    Case(
        "unique dropped",
        table(
            column("a", "Integer"),
            column("b", "Integer"),
            "UniqueConstraint('a', 'b', name='uq_ab')",
        ),
        AB,
        "remove_constraint things.uq_ab",
    ),
    Case(
        "unique changed",
        table(column("a", "Integer"), column("b", "Integer"), "UniqueConstraint('a', name='uq')"),
        table(
            column("a", "Integer"), column("b", "Integer"), "UniqueConstraint('a', 'b', name='uq')"
        ),
    ),
    Case(
        "unique deferrable",
        AB,
        table(
            column("a", "Integer"),
            column("b", "Integer"),
            "UniqueConstraint('a', deferrable=True, initially='DEFERRED', name='uq_a')",
        ),
        dialects=PG,
    ),
    Case(
        "check in a new table",
        "",
        table(
            column("n", "Integer"),
            "CheckConstraint(\"n > 0 AND n <> 5\", name='positive')",
            "CheckConstraint('n < 100')",
        ),
    ),
    Case(
        "check in a dropped table",
        table(column("n", "Integer"), "CheckConstraint('n > 0', name='positive')"),
        "",
        "remove_table things",
    ),
    Case(
        "column of a check dropped",
        table(column("n", "Integer", "CheckConstraint('n > 0', name='positive')")),
        NONE,
    ),
    Case("composite key in a new table", "", COMPOSITE),
    Case(
        "exclude in a new table",
        "",
        table(
            column("r", "postgresql.INT4RANGE"),
            "postgresql.ExcludeConstraint(('r', '&&'), using='gist', name='no_overlap')",
        ),
        "",
        PG,
    ),
    Case(
        "exclude in a dropped table",
        table(
            column("r", "postgresql.INT4RANGE"),
            "postgresql.ExcludeConstraint(('r', '&&'), using='gist', name='no_overlap')",
        ),
        "",
        "",
        PG,
    ),
    Case(
        "boolean with a check",
        NONE,
        table(column("b", "Boolean(create_constraint=True, name='b_is_bool')")),
    ),
    Case(
        "enum with a check",
        NONE,
        table(
            column("e", "Enum('a', 'b', native_enum=False, create_constraint=True, name='e_check')")
        ),
    ),
]
NAMED = [
    Case(
        f"convention {case.id}",
        case.before,
        case.after,
        dialects=case.dialects,
        metadata=CONVENTION,
    )
    for case in [
        Case(
            "all",
            NONE,
            table(
                column("u", "Integer", "unique=True", "index=True"),
                column("v", "Integer", "unique=True"),
                fk("o", "users.id"),
            ),
        ),
        Case("dropped", table(column("v", "Integer", "unique=True"), fk("o", "users.id")), NONE),
        Case(
            "no longer",
            table(column("v", "Integer", "unique=True"), fk("o", "users.id")),
            table(column("v", "Integer"), column("o", "Integer")),
        ),
        Case(
            "new table",
            "",
            table(
                column("v", "Integer", "unique=True"),
                fk("o", "users.id"),
                "CheckConstraint('v > 0', name='positive')",
            ),
        ),
        Case("circle", "", CIRCLE.format("")),
    ]
]


@pytest.mark.parametrize(*parametrized(FOREIGN_KEYS))
def test_foreign_key(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)


@pytest.mark.parametrize(*parametrized(INDEXES))
def test_index(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)


@pytest.mark.parametrize(*parametrized(CONSTRAINTS))
def test_constraint(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)


@pytest.mark.parametrize(*parametrized(NAMED))
def test_naming_convention(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)
