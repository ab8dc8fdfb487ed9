"""Tables: new and dropped, with what hangs on them; inheritance, schemas, comments, sequences."""

import pytest

from .cases import PG, Case, column, fk, parametrized, table

CHAIN = "".join(
    table(*([fk("before", f"t{i - 1}.id")] if i else []), name=f"t{i}") for i in (0, 1, 2, 3)
)
ASSOCIATION = """
tags = Table("tags", metadata, Column("id", Integer, primary_key=True))
users_tags = Table("users_tags", metadata,
    Column("user", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", ForeignKey("tags.id"), primary_key=True))
"""
ANIMAL = """
class Animal(Base):
    __tablename__ = "animals"
    id = Column(Integer, primary_key=True)
    kind = Column(String(20), nullable=False)
    __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "animal"}
"""
JOINED = (
    ANIMAL
    + """

class Dog(Animal):
    __tablename__ = "dogs"
    id = Column(ForeignKey("animals.id"), primary_key=True)
    breed = Column(String(20))
    __mapper_args__ = {"polymorphic_identity": "dog"}
"""
)
SINGLE = (
    ANIMAL
    + """

class Cat(Animal):
    lives = Column(Integer)
    __mapper_args__ = {"polymorphic_identity": "cat"}
"""
)
CONCRETE = (
    ANIMAL
    + """

class Robot(Base):
    __tablename__ = "robots"
    id = Column(Integer, primary_key=True)
    kind = Column(String(20), nullable=False)
    __table_args__ = (UniqueConstraint("kind"), {"comment": "no animals"})
"""
)
ONE = table(column("n", "Integer"))
SEQ = "numbers = Sequence('numbers', start=5{})\n"
TABLES = [
    Case("new", "", ONE, "add_table things"),
    Case("dropped", ONE, "", "remove_table things"),
    Case(
        "renamed",
        ONE,
        table(column("n", "Integer"), name="stuff"),
        "add_table stuff, remove_table things",
    ),
    Case("several new", "", CHAIN, ", ".join(f"add_table t{i}" for i in range(4))),
    Case("several dropped", CHAIN, "", ", ".join(f"remove_table t{i}" for i in range(4))),
    Case("dependents dropped, one stays", CHAIN, "".join(CHAIN.splitlines(keepends=True)[:2])),
    Case(
        "dropped in favour of a column",
        ONE + table(fk("t", "things.id"), name="more"),
        table(column("n", "Integer"), name="more"),
    ),
    Case("association", "", ASSOCIATION, "add_table tags, add_table users_tags"),
    Case("association dropped", ASSOCIATION, ""),
    Case("joined inheritance", ANIMAL, JOINED, "add_table dogs"),
    Case("joined inheritance dropped", JOINED, ANIMAL, "remove_table dogs"),
    Case("joined inheritance whole", "", JOINED),
    Case("single-table inheritance", ANIMAL, SINGLE, "add_column animals.lives"),
    Case("single-table inheritance dropped", SINGLE, ANIMAL, "remove_column animals.lives"),
    Case("with a comment", "", CONCRETE, "", PG),
    Case(
        "comment",
        ONE,
        table(column("n", "Integer"), 'comment="it\'s: 100%"'),
        "add_table_comment things",
        PG,
    ),
    Case(
        "comment changed",
        table(column("n", "Integer"), "comment='a'"),
        table(column("n", "Integer"), "comment='b'"),
        "add_table_comment things",
        PG,
    ),
    Case(
        "comment dropped",
        table(column("n", "Integer"), "comment='a'"),
        ONE,
        "remove_table_comment things",
        PG,
    ),
    Case(
        "dropped with everything",
        table(
            column(
                "n", "Integer", "index=True", "unique=True", "comment='c'", "server_default='3'"
            ),
            fk("u", "users.id"),
            column("d", "Numeric(9, 3)", "nullable=False"),
            "UniqueConstraint('d', 'n', name='uq')",
            "comment='t'",
        ),
        "",
        "",
        PG,
    ),
    Case(
        "awkward name",
        "",
        table(column("n", "Integer", "unique=True", "index=True"), name='Odd: na"me'),
    ),
    Case(
        "awkward name dropped",
        table(column("n", "Integer", "unique=True"), name="Odd: name"),
        "",
    ),
    Case("without a key", "", table(column("n", "Integer"), key="")),
    Case(
        "partitioned",
        "",
        table(
            column("n", "Integer", "primary_key=True"),
            "postgresql_partition_by='RANGE (n)'",
            key="",
        ),
        "add_table things",
        PG,
    ),
    Case("biginteger key", "", table(key='Column("id", BigInteger, primary_key=True)'), "", PG),
    Case("text key", "", table(key='Column("id", String(9), primary_key=True)')),
    Case(
        "big change",
        CHAIN + ONE,
        ASSOCIATION
        + JOINED
        + table(
            column("n", "String(9)", "nullable=False", "server_default='x'"), fk("d", "dogs.id")
        ),
    ),
]
INCLUDE = "include_schemas=True"
SALES = {"dialects": PG, "options": INCLUDE}
IN_SALES = "schema='sales'"
SCHEMAS = [
    Case(
        "first table in a schema",
        "",
        table(column("n", "Integer", "index=True"), IN_SALES),
        "add_table sales.things, add_index sales.things.ix_sales_things_n",
        **SALES,
    ),
    Case(
        "two schemas",
        "",
        table(IN_SALES) + table(fk("t", "sales.things.id"), "schema='Odd: one'", name="more"),
        **SALES,
    ),
    Case(
        "another table in a schema",
        table(IN_SALES),
        table(IN_SALES) + table(fk("t", "sales.things.id"), IN_SALES, name="more"),
        "add_table sales.more",
        **SALES,
    ),
    Case(
        "column in a schema",
        table(IN_SALES),
        table(IN_SALES, column("u", "Integer", "unique=True"), fk("o", "users.id")),
        **SALES,
    ),
    Case(
        "type in a schema",
        table(IN_SALES, column("v", "String(9)")),
        table(IN_SALES, column("v", "Integer")),
        "modify_type sales.things.v",
        **SALES,
    ),
    Case(
        "last table of a schema dropped", table(IN_SALES), "", "remove_table sales.things", **SALES
    ),
    Case(
        "circle in a schema",
        "",
        table(IN_SALES, fk("m", "sales.more.id"))
        + table(IN_SALES, fk("t", "sales.things.id"), name="more"),
        **SALES,
    ),
    Case(
        "same name in two",
        table(),
        table() + table(IN_SALES, fk("t", "things.id")),
        "add_table sales.things",
        **SALES,
    ),
    Case(
        "unique dropped in a schema",
        table(IN_SALES, column("u", "Integer", "unique=True"), fk("o", "users.id")),
        table(IN_SALES),
        **SALES,
    ),
    Case(
        "default schema of the metadata",
        "",
        ONE,
        "",
        PG,
        INCLUDE,
        "metadata = MetaData(schema='sales')",
    ),
]
SEQUENCES = [
    Case(
        "with a new column",
        table(),
        SEQ.format("")
        + table(column("n", "Integer", "numbers", "server_default=numbers.next_value()")),
        "add_column things.n",
        PG,
    ),
    Case(
        "with a new table",
        "",
        SEQ.format(", metadata=metadata")
        + table(column("n", "Integer", "server_default=numbers.next_value()")),
        "",
        PG,
    ),
    Case(
        "as a key",
        "",
        SEQ.format("")
        + table(
            key="Column('id', Integer, numbers, server_default=numbers.next_value(),"
            " primary_key=True)"
        ),
        "",
        PG,
    ),
]


@pytest.mark.parametrize(*parametrized(TABLES))
def test_table(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)


@pytest.mark.parametrize(*parametrized(SCHEMAS))
def test_schema(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)


@pytest.mark.parametrize(*parametrized(SEQUENCES))
def test_sequence(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)
