"""Which changes of a type may lose values, and which may not."""

import pytest

from revguard.rules.narrowing import narrows

PG, LITE, MY = "postgresql", "sqlite", "mariadb"
LONGER, LARGER = "longer values do not fit", "larger values do not fit"
POINT, DIGITS = "the digits after the point are lost", "digits are lost"
NARROWS = [
    ("character varying(200)", "character varying(50)", PG, LONGER),
    ("VARCHAR(200)", "VARCHAR(50)", LITE, LONGER),
    ("text", "character varying(50)", PG, LONGER),
    ("character varying", "character varying(50)", PG, LONGER),
    ("character varying(2)", "character(1)", PG, LONGER),
    ("text", "varchar(255)", MY, LONGER),
    ("longtext", "text", MY, LONGER),
    ("varchar(300)", "tinytext", MY, LONGER),
    ("character varying(9)[]", "character varying(5)[]", PG, LONGER),
    ("blob", "tinyblob", MY, LONGER),
    ("bigint", "integer", PG, LARGER),
    ("bigint", "smallint", PG, LARGER),
    ("BIGINT", "SMALLINT", LITE, LARGER),
    ("bigint(20)", "int(11)", MY, LARGER),
    ("int(10) unsigned", "int(11)", MY, LARGER),
    ("int(11)", "int(10) unsigned", MY, "negative values do not fit"),
    ("int(11)", "tinyint(1)", MY, LARGER),
    ("numeric(10,2)", "numeric(8,2)", PG, LARGER),
    ("numeric(10,2)", "numeric(10,1)", PG, DIGITS),
    ("numeric(10,2)", "numeric(12,0)", PG, POINT),
    ("numeric(10,2)", "numeric(10,3)", PG, LARGER),
    ("numeric", "numeric(10,2)", PG, LARGER),
    ("NUMERIC(10, 2)", "INTEGER", LITE, POINT),
    ("numeric(12,0)", "integer", PG, LARGER),
    ("numeric(30,10)", "double precision", PG, DIGITS),
    ("double precision", "real", PG, DIGITS),
    ("double", "float", MY, DIGITS),
    ("double precision", "integer", PG, POINT),
    ("FLOAT", "INTEGER", LITE, POINT),
    ("double precision", "numeric(10,2)", PG, DIGITS),
    ("bigint", "double precision", PG, DIGITS),
    ("integer", "real", PG, DIGITS),
    ("integer", "numeric(8,2)", PG, LARGER),
    ("integer", "boolean", PG, "all but 0 and 1 is lost"),
    ("integer", "character varying(5)", PG, LONGER),
    ("timestamp with time zone", "date", PG, "the time of day is lost"),
    ("DATETIME", "DATE", LITE, "the time of day is lost"),
    ("timestamp without time zone", "time without time zone", PG, "the date is lost"),
    ("timestamp with time zone", "timestamp without time zone", PG, "the time zone is lost"),
    ("timestamp(6) without time zone", "timestamp(0) without time zone", PG,
     "fractions of a second are lost"),
    ("datetime(6)", "datetime", MY, "fractions of a second are lost"),
    ("text", "integer", PG, "texts that are no whole numbers do not fit"),
    ("character varying(9)", "date", PG, "texts that are no date do not fit"),
    ("text", "jsonb", PG, "texts that are no JSON do not fit"),
    ("enum('a','b')", "enum('b')", MY, "'a' is not in the list any more"),
    ("enum('a','B')", "enum('a','b')", MY, "'B' is not in the list any more"),
    ("varchar(9)", "enum('b')", MY, "texts that are not in the list do not fit"),
    ("uuid", "character varying(8)", PG, LONGER),
]  # fmt: skip
KEEPS = [
    ("character varying(50)", "character varying(200)", PG),
    ("character varying(50)", "text", PG),
    ("character varying(50)", "character varying", PG),
    ("text", "text", PG),
    ("TEXT", "CLOB", LITE),
    ("varchar(255)", "text", MY),
    ("text", "longtext", MY),
    ("character(9)", "character varying(9)", PG),
    ("integer", "bigint", PG),
    ("BIGINT", "INTEGER", LITE),  # there the same
    ("int(11)", "int(10)", MY),  # how wide it is shown
    ("tinyint(1)", "smallint(6)", MY),
    ("int(10) unsigned", "bigint(20)", MY),
    ("integer", "numeric(10,0)", PG),
    ("integer", "numeric", PG),
    ("integer", "double precision", PG),
    ("integer", "character varying(11)", PG),
    ("integer", "text", PG),
    ("boolean", "integer", PG),
    ("boolean", "character varying(5)", PG),
    ("numeric(8,2)", "numeric(10,2)", PG),
    ("numeric(8,2)", "numeric(12,4)", PG),
    ("numeric(8,2)", "numeric", PG),
    ("numeric(8,2)", "double precision", PG),
    ("numeric(9,0)", "integer", PG),
    ("real", "double precision", PG),
    ("FLOAT", "REAL", LITE),  # there the same
    ("double precision", "numeric", PG),
    ("date", "timestamp without time zone", PG),
    ("date", "character varying(10)", PG),
    ("timestamp without time zone", "timestamp with time zone", PG),
    ("timestamp(0) without time zone", "timestamp(6) without time zone", PG),
    ("timestamp with time zone", "text", PG),
    ("json", "jsonb", PG),
    ("jsonb", "text", PG),
    ("uuid", "character varying(36)", PG),
    ("CHAR(32)", "CHAR(36)", LITE),
    ("enum('a')", "enum('a','b')", MY),
    ("enum('a','bb')", "varchar(2)", MY),
    # not known: a project's own, or what nobody can tell
    ("mood", "public.mood2", PG),
    ("text", "mood", PG),
    ("mood", "character varying(5)", PG),
    ("text", "citext", PG),
    ("geometry(Point,4326)", "geometry", PG),
    ("text", "bytea", PG),
    ("integer[]", "integer", PG),
    ("character varying(9)[]", "text[]", PG),
    ("", "INTEGER", LITE),
    ("date", "integer", PG),
    ('"weird type"', "integer", PG),
]


@pytest.mark.parametrize(("before", "after", "dialect", "why"), NARROWS)
def test_narrows(before, after, dialect, why):
    assert narrows(before, after, dialect) == why


@pytest.mark.parametrize(("before", "after", "dialect"), KEEPS)
def test_keeps(before, after, dialect):
    assert narrows(before, after, dialect) == ""
