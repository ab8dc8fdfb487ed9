"""What MariaDB and MySQL do in ways of their own: foreign keys and their indexes, enums inside a
column, types that come back otherwise than they were written."""

import pytest

from revguard.rules import proof

from .cases import Case, column, combined, fk, parametrized, table

MYSQL = ("mysql",)
MARIA = ("mariadb",)
NONE = table()
U = table(column("u", "Integer"))
KEY = table(fk("u", "users.id"))
INDEXED = table('Column("u", ForeignKey("users.id"), index=True)')
UNIQUE = table('Column("u", ForeignKey("users.id"), unique=True)')
NAMED = table(fk("u", "users.id", "name='fk_u'"))
EXPLICIT = table(fk("u", "users.id"), "Index('ix_u', 'u')")
TWO = table(fk("a", "users.id"), fk("b", "users.id"))
PARENT = 'Column("id", {}, primary_key=True)'


def maria(name, before, after, changes="", dialects=MARIA):
    return Case(name, before, after, changes, dialects)


KEYS = [
    maria("indexed in a new table", "", INDEXED),
    maria("indexed in a dropped table", INDEXED, ""),
    maria("indexed in a new column", NONE, INDEXED),
    maria("indexed in a dropped column", INDEXED, NONE),
    maria("index for a key", KEY, INDEXED, "add_index things.ix_things_u"),
    maria("index of a key no longer", INDEXED, KEY, "remove_index things.ix_things_u"),
    maria("index of a named key no longer",
          table(fk("u", "users.id", "name='fk_u'"), "Index('ix_u', 'u')"), NAMED),
    maria("unique for a key", KEY, UNIQUE),
    maria("unique for a named key", NAMED,
          table(fk("u", "users.id", "name='fk_u'"), "UniqueConstraint('u', name='uq')")),
    maria("unique of a key no longer", UNIQUE, KEY),
    maria("unique in a new column", NONE, UNIQUE),
    maria("index of a key to unique", EXPLICIT,
          table(fk("u", "users.id"), "Index('ix_u', 'u', unique=True)")),
    maria("index of a key renamed", EXPLICIT, table(fk("u", "users.id"), "Index('ix_v', 'u')")),
    maria("index of a key widened", table(fk("u", "users.id"), column("v", "Integer"),
          "Index('ix_u', 'u')"), table(fk("u", "users.id"), column("v", "Integer"),
          "Index('ix_u', 'u', 'v')")),
    maria("key dropped, index stays", INDEXED, table(column("u", "Integer", "index=True"))),
    maria("key for an indexed column", table(column("u", "Integer", "index=True")), INDEXED),
    maria("key and index at once", U, INDEXED),
    maria("key and index dropped at once", INDEXED, U),
    maria("one of two keys", TWO, table(fk("a", "users.id"), column("b", "Integer"))),
    maria("key in an association", "", """
        Table("likes", metadata, Column("a", ForeignKey("users.id"), primary_key=True),
              Column("b", ForeignKey("users.id"), primary_key=True))
    """),
    maria("type of a key", table(key=PARENT.format("Integer"), name="p") + table(
          column("p", "Integer", "ForeignKey('p.id')")), table(key=PARENT.format("BigInteger"),
          name="p") + table(column("p", "BigInteger", "ForeignKey('p.id')"))),
    maria("type of a key to itself", table(column("up", "Integer", "ForeignKey('things.id')",
          "nullable=False")), table(column("up", "BigInteger", "ForeignKey('things.id')",
          "nullable=False"), key=PARENT.format("BigInteger"))),
    maria("nullable of a key", KEY, table('Column("u", ForeignKey("users.id"), nullable=False)')),
    maria("on an old server name", KEY, TWO.replace("'a'", "'u'")),
]  # fmt: skip
ENUM = "Enum('a', 'b', name='state')"
ENUMS = [
    maria("value added", table(column("s", ENUM)),
          table(column("s", "Enum('a', 'b', 'c', name='state')")), "modify_type things.s"),
    maria("value dropped", table(column("s", "Enum('a', 'b', 'c')")), table(column("s", ENUM))),
    maria("value added, with a default",
          table(column("s", ENUM, "nullable=False", "server_default='a'", "comment='c'")),
          table(column("s", "Enum('a', 'b', 'c')", "nullable=False", "server_default='a'",
                       "comment='c'")), "modify_type things.s"),
    maria("text to enum", table(column("s", "String(9)")), table(column("s", ENUM))),
    maria("enum to text", table(column("s", ENUM)), table(column("s", "String(9)"))),
    maria("awkward values", NONE, table(column("s", "Enum(\"it's\", 'co:lon', '50%')"))),
    maria("set", NONE, table(column("s", "mysql.SET('a', 'b')"))),
]  # fmt: skip
TYPES = [
    maria("types of MySQL", NONE, table(*(column(f"c{i}", t) for i, t in enumerate([
        "mysql.TINYINT", "mysql.TINYINT(unsigned=True)", "mysql.INTEGER(unsigned=True)",
        "mysql.BIGINT(unsigned=True)", "mysql.MEDIUMTEXT", "mysql.LONGTEXT", "mysql.LONGBLOB",
        "mysql.DATETIME(fsp=6)", "mysql.TIMESTAMP(fsp=3)", "mysql.TIME(fsp=2)", "mysql.YEAR",
        "mysql.BIT(3)", "mysql.DOUBLE(asdecimal=False)", "mysql.FLOAT", "mysql.DECIMAL(9, 2)",
        "mysql.CHAR(3)", "mysql.VARBINARY(9)", "mysql.JSON", "mysql.ENUM('a', 'b')",
        "sa.Double", "Time", "LargeBinary", "LargeBinary(100)",
        "String(9, collation='utf8mb4_bin')",
        "mysql.VARCHAR(9, charset='latin1')", "mysql.TINYINT(1)", "Text(70000)",
    ])))),
    maria("to boolean", table(column("n", "Integer")), table(column("n", "Boolean"))),
    maria("from boolean", table(column("n", "Boolean")), table(column("n", "Integer"))),
    maria("text to json", table(column("j", "Text")), table(column("j", "JSON"))),
    maria("longer, all kept",
          table(column("v", "String(9)", "nullable=False", "server_default='x'", "comment='c'")),
          table(column("v", "String(99)", "nullable=False", "server_default='x'", "comment='c'")),
          "modify_type things.v"),
    maria("key to bigint", table(column("n", "Integer")),
          table(column("n", "Integer"), key=PARENT.format("BigInteger")), "modify_type things.id"),
]  # fmt: skip
STAMP = "text('CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP')"
DEFAULTS = [
    maria("on update", NONE, table(column("t", "mysql.TIMESTAMP", f"server_default={STAMP}"))),
    maria("on update for a column", table(column("t", "DateTime", "server_default=func.now()")),
          table(column("t", "DateTime", f"server_default={STAMP}")), "modify_default things.t"),
    maria("on update no longer", table(column("t", "DateTime", f"server_default={STAMP}")),
          table(column("t", "DateTime")), "modify_default things.t"),
    maria("fractional now", NONE, table(column("t", "mysql.DATETIME(fsp=6)",
          "server_default=text('CURRENT_TIMESTAMP(6)')"))),
    maria("expression", NONE, table(column("u", "String(36)", "server_default=text('(uuid())')"))),
    maria("letters", table(column("v", "String(9)", "server_default='a'")),
          table(column("v", "String(9)", "server_default='A'")), "modify_default things.v"),
    maria("empty", NONE, table(column("v", "String(9)", "nullable=False", "server_default=''"))),
    maria("decimal", NONE, table(column("v", "Numeric(9, 2)", "server_default='0'"))),
    maria("boolean text", NONE, table(column("b", "Boolean", "server_default='0'"))),
    maria("boolean word", NONE, table(column("b", "Boolean", "server_default=text('false')"))),
]  # fmt: skip
MORE = [
    maria("index of a length", table(column("t", "Text")),
          table(column("t", "Text"), "Index('ix_t', 't', mysql_length=20, mariadb_length=20)")),
    maria("index of a length dropped",
          table(column("t", "Text"), "Index('ix_t', 't', mysql_length=20, mariadb_length=20)"),
          table(column("t", "Text"))),
    maria("fulltext", table(column("t", "Text")),
          table(column("t", "Text"),
                "Index('ix_t', 't', mysql_prefix='FULLTEXT', mariadb_prefix='FULLTEXT')")),
    maria("fulltext dropped", table(column("t", "Text"),
          "Index('ix_t', 't', mysql_prefix='FULLTEXT', mariadb_prefix='FULLTEXT')"),
          table(column("t", "Text"))),
    maria("computed added", table(column("n", "Integer")),
          table(column("n", "Integer"), column("d", "Integer", "Computed('n * 2')"))),
    maria("computed stored", table(column("n", "Integer")), table(column("n", "Integer"),
          column("d", "Integer", "Computed('n * 2', persisted=True)"))),
    maria("engine and charset", "", table(column("v", "String(9)"), "mysql_engine='InnoDB'",
          "mysql_charset='latin1'", "mariadb_engine='InnoDB'", "mariadb_charset='latin1'")),
    maria("sequence", "", "Sequence('numbers', metadata=metadata)\n" + table(
          key="Column('id', Integer, Sequence('numbers'), primary_key=True)")),
]  # fmt: skip
S = table(column("s", "String(20)"))
UNSEEN = [
    maria("name of a foreign key", NAMED, table(fk("u", "users.id", "name='fk_v'"))),
    maria("UNSIGNED", U, table(column("u", "mysql.INTEGER(unsigned=True)"))),
    maria("fractional seconds", table(column("t", "DateTime")),
          table(column("t", "mysql.DATETIME(fsp=6)"))),
    maria("order of an enum's values", table(column("s", "Enum('a', 'b')")),
          table(column("s", "Enum('b', 'a')"))),
    maria("values of a set", table(column("s", "mysql.SET('a', 'b')")),
          table(column("s", "mysql.SET('a', 'b', 'c')"))),
    maria("collation of a column", S, table(column("s", "String(20, collation='utf8mb4_bin')"))),
    maria("character set of a column", S,
          table(column("s", "mysql.VARCHAR(20, charset='latin1')"))),
    maria("LONGTEXT to JSON", table(column("j", "mysql.LONGTEXT")), table(column("j", "JSON"))),
    maria("TINYINT to BOOLEAN", table(column("b", "mysql.TINYINT")), table(column("b", "Boolean"))),
    maria("engine, character set and options of a table", S,
          table(column("s", "String(20)"), "mariadb_engine='Aria'", "mariadb_charset='latin1'",
                "mariadb_row_format='DYNAMIC'")),
    maria("length of an index", table(column("s", "String(20)"), "Index('ix', 's')"),
          table(column("s", "String(20)"), "Index('ix', 's', mariadb_length=5)")),
    maria("FULLTEXT", table(column("s", "String(20)"), "Index('ix', 's')"),
          table(column("s", "String(20)"), "Index('ix', 's', mariadb_prefix='FULLTEXT')")),
    maria("primary key", table(column("a", "Integer", "nullable=False"), name="t"),
          table(column("a", "Integer", "primary_key=True"), name="t")),
    maria("AUTO_INCREMENT", NONE,
          table(key='Column("id", Integer, primary_key=True, autoincrement=False)')),
    maria("sequence", U, "Sequence('numbers', metadata=metadata)\n" + U),
    maria("expression of a computed column",
          table(column("u", "Integer"), column("d", "Integer", "Computed('u * 2')")),
          table(column("u", "Integer"), column("d", "Integer", "Computed('u * 3')"))),
]  # fmt: skip
AS_MYSQL = combined([*KEYS[:6], *ENUMS[:1], *DEFAULTS[:2]], "as MySQL")._replace(dialects=MYSQL)
GROUPS = [
    combined(KEYS[::2], "keys"),
    combined(KEYS[1::2], "more keys"),
    combined(ENUMS, "enums"),
    combined(TYPES, "types"),
    combined(DEFAULTS, "defaults"),
    combined(MORE, "more"),
    AS_MYSQL,
]


@pytest.mark.parametrize(*parametrized(GROUPS))
def test_proven(case, dialect, blocked_added_clean):
    blocked_added_clean(case, dialect)


def test_unseen(evaluated):
    """What Alembic does not see on MariaDB and MySQL."""
    results = evaluated(combined(UNSEEN, "unseen"), "mariadb")
    assert [result["left"] for result in results[1:]] == [[], []]


def test_a_text_without_a_length(evaluated):
    """That it is for the user to mend, and how."""
    _, result, _ = evaluated(
        Case("", NONE, table(column("s", "String")), dialects=MARIA), "mariadb"
    )
    (finding,) = proof.failed_step(result["failure"])
    assert finding.rule == "proof/upgrade-fails"
    assert "VARCHAR requires a length" in finding.message
    assert "String(255)" in finding.hint


@pytest.mark.parametrize("code", ["1170", "1071"])
def test_a_key_that_is_too_long(code):
    """MySQL's answer; MariaDB takes what fits."""
    said = {"kind": "upgrade", "revision": "a", "message": "BLOB/TEXT column 't' used in key"}
    (finding,) = proof.failed_step({**said, "code": code, "path": "a.py", "line": 1})
    assert "mysql_length" in finding.hint
