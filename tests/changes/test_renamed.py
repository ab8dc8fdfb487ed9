"""What is said to be a rename, with all that may hang on a column or a table and change with it."""

import pytest

from .cases import Case, column, fk, parametrized, table

ALL = ("sqlite", "postgresql", "mariadb")
NO_MARIA = ("sqlite", "postgresql")
MAIL = column("{}", "String(50)", "nullable=False", "server_default='x'", "comment='c'")
PARENT = table(column("{0}", "Integer", "primary_key=True"), name="parents", key="")
OF_TWO = table(
    column("a", "Integer", "primary_key=True"),
    column("{0}", "Integer", "primary_key=True"),
    name="parents",
    key="",
)
LINE = table(
    column("a", "Integer"),
    column("{0}", "Integer"),
    "ForeignKeyConstraint(['a', '{0}'], ['parents.a', 'parents.{0}'], name='fk_line')",
)
NODE = table(column("{0}", "Integer"), "ForeignKeyConstraint(['{0}'], ['{1}.id'], name='fk_up')",
             name="{1}")  # fmt: skip


def renamed(name, text, old, new, *named, dialects=ALL, **more):
    """The same text with other names in it."""
    return Case(name, text.format(*old), text.format(*new), dialects=dialects, named=named, **more)


COLUMNS = [
    renamed("default and comment", table(MAIL), ["mail"], ["email"], "things.mail:email",
            dialects=("mariadb",)),
    Case("default and comment are others", table(MAIL.format("mail")),
         table(MAIL.format("email").replace("'x'", "'y'").replace("'c'", "'d'")),
         dialects=ALL, named=("things.mail:email",)),
    Case("no default any more, and a type", table(MAIL.format("mail")),
         table(column("email", "String(80)", "comment='c'")), dialects=ALL,
         named=("things.mail:email",)),
    renamed("a default that the server spells otherwise",
            table(column("{}", "DateTime", "server_default=func.now()")), ["at"], ["made"],
            "things.at:made", holds="op.alter_column('things', 'at'"),
    renamed("primary key", table(key=column("{}", "Integer", "primary_key=True")), ["id"], ["no"],
            "things.id:no", dialects=("mariadb",)),
    renamed("identity", table(key=column("{}", "Integer", "Identity()", "primary_key=True")),
            ["id"], ["no"], "things.id:no"),
    renamed("what another table's key refers to", PARENT + table(fk("p", "parents.{0}")),
            ["id"], ["no"], "parents.id:no", dialects=NO_MARIA),
    renamed("both ends of a key of two", OF_TWO + LINE, ["b"], ["c"], "parents.b:c", "things.b:c"),
    renamed("a check and a unique",
            table(column("{0}", "Integer"), "CheckConstraint('{0} > 0', name='ck_plus')",
                  "UniqueConstraint('{0}', name='uq')"), ["n"], ["m"], "things.n:m",
            dialects=NO_MARIA),
    Case("beside another change", table(column("n", "Integer"), column("s", "String(9)")),
         table(column("m", "Integer"), column("s", "String(20)", "nullable=False"),
               column("t", "Integer")), dialects=ALL, named=("things.n:m",)),
]  # fmt: skip
TABLES = [
    renamed("what refers to itself, with its column", NODE, ["up", "nodes"], ["over", "knots"],
            "nodes:knots", "knots.up:over"),
    Case("with what else changes", table(column("n", "Integer"), column("s", "String(9)")),
         table(column("m", "Integer"), column("s", "String(20)"), name="others"), dialects=ALL,
         named=("things:others",)),
    renamed("with a unique", table(column("n", "Integer"), "UniqueConstraint('n', name='uq')",
                                   name="{}"), ["things"], ["others"], "things:others"),
]  # fmt: skip


@pytest.mark.parametrize(*parametrized(COLUMNS))
def test_a_column(case, dialect, blocked_added_clean):
    text = blocked_added_clean(case, dialect)["scripts"][0]["text"]
    assert "drop_column" not in text.partition("def downgrade")[0]
    assert "foreign" not in text
    assert "unique=True" not in text


@pytest.mark.parametrize(*parametrized(TABLES))
def test_a_table(case, dialect, blocked_added_clean):
    text = blocked_added_clean(case, dialect)["scripts"][0]["text"]
    assert "rename_table" in text
    assert "create_table" not in text
    assert "constraint" not in text


LOST = """
    Table("things", metadata, Column("id", Integer, primary_key=True), Column("{0}", Integer),
          Column("g", Integer, Computed("{0} + 1")), CheckConstraint("{0} > 0"),
          sqlite_autoincrement=True)
"""


def test_no_batch_copies_the_table(blocked_added_clean):
    """It would lose a CHECK and AUTOINCREMENT, and cannot copy what is computed."""
    case = renamed("n", LOST, ["n"], ["m"], "things.n:m")
    assert "batch" not in blocked_added_clean(case, "sqlite")["scripts"][0]["text"]


def test_another_action_is_another_key(blocked_added_clean):
    after = table(fk("v", "users.id", "ondelete='CASCADE'"))
    case = Case("", table(fk("u", "users.id")), after, named=("things.u:v",))
    assert "ondelete='CASCADE'" in blocked_added_clean(case, "postgresql")["scripts"][0]["text"]
