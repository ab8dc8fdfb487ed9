"""A database of MariaDB and its copy within the server: the same to whoever asks."""

import time

import pytest

from revguard.databases import mysql_copies
from revguard.databases.mysql_text import named, turned, without_definer
from revguard.databases.wire import ServerError

SOURCE, TARGET = "rg source", "rg`target"

STATEMENTS = r"""
CREATE DATABASE `rg source` CHARACTER SET latin1 COLLATE latin1_german1_ci COMMENT 'a ''shop'''//
USE `rg source`//
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'//
CREATE SEQUENCE numbers START WITH 100 INCREMENT BY 10 CACHE 0//
CREATE TABLE parents (
  id INT AUTO_INCREMENT PRIMARY KEY,
  code INT NOT NULL DEFAULT NEXTVAL(numbers),
  name VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT 'as in `rg source`.`parents`',
  twice INT AS (code * 2) STORED, thrice INT AS (code * 3) VIRTUAL,
  born DATE NOT NULL DEFAULT '0000-00-00',
  moment TIMESTAMP(6) NOT NULL DEFAULT '2024-05-05 05:05:05.000005',
  hidden INT INVISIBLE DEFAULT 7, secret VARBINARY(20), place POINT,
  kind ENUM('a','b;c') DEFAULT 'a', doc JSON, KEY by_name (name(5)), FULLTEXT KEY (name),
  CONSTRAINT positive CHECK (code > 0)
) AUTO_INCREMENT=50 COMMENT='it''s a \\ table'//
CREATE TABLE `odd ``name``%s` (id INT PRIMARY KEY, parent INT, peer INT,
  CONSTRAINT `to parents` FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE,
  CONSTRAINT to_self FOREIGN KEY (peer) REFERENCES `odd ``name``%s` (id))//
CREATE TABLE earlier (id INT PRIMARY KEY, parent INT,
  FOREIGN KEY (parent) REFERENCES `rg source`.parents (id))//
CREATE TABLE aria (a TEXT) ENGINE=Aria//
CREATE TABLE part (a INT, b INT) PARTITION BY RANGE (a)
  (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)//
CREATE TABLE past (a INT) WITH SYSTEM VERSIONING//
CREATE TABLE m1 (a INT) ENGINE=MyISAM//
CREATE TABLE m2 LIKE m1//
CREATE TABLE merged (a INT) ENGINE=MERGE UNION=(m1, m2)//
CREATE TABLE log (what TEXT) CHARACTER SET utf8mb4//
INSERT INTO parents (id, name, born, secret, place, doc)
  VALUES (0, 'zéro 😀', '0000-00-00', x'00ff27', POINT(1, 2), '{"a": 1}')//
INSERT INTO parents (id, name, born, hidden)
  VALUES (7, 'seven\\', '2023-02-31', 9), (8, NULL, 0, NULL)//
SET foreign_key_checks = 0//
INSERT INTO `odd ``name``%s` VALUES (1, 7, 2), (2, 0, 2)//
SET foreign_key_checks = 1//
INSERT INTO part VALUES (1, 1), (100, 2)//
INSERT INTO m1 VALUES (1)//
INSERT INTO m2 VALUES (2)//
INSERT INTO past VALUES (1)//
UPDATE past SET a = 2//
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,STRICT_ALL_TABLES'//
CREATE FUNCTION a_twice(x INT) RETURNS INT DETERMINISTIC COMMENT 'dou"ble' RETURN x * 2//
CREATE PROCEDURE fill() BEGIN
  -- it isn't `rg source`.`log` that counts
  INSERT INTO "rg source"."log" VALUES ('a' || 'b'); END//
SET sql_mode = DEFAULT//
CREATE VIEW z_first AS
  SELECT id, name AS `häus` FROM parents WHERE id < 100 WITH CASCADED CHECK OPTION//
CREATE VIEW elsewhere AS SELECT p.id, u.user FROM parents p JOIN mysql.global_priv u//
CREATE VIEW a_last (one, two) AS SELECT id, a_twice(id) FROM z_first//
CREATE TRIGGER second BEFORE INSERT ON parents FOR EACH ROW SET NEW.kind = 'b;c'//
CREATE TRIGGER first BEFORE INSERT ON parents FOR EACH ROW PRECEDES second
  BEGIN SET NEW.kind = 'a'; INSERT INTO `rg source`.log VALUES ('`rg source`.`log` ünicode'); END//
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DISABLE
  COMMENT 'x' DO DELETE FROM `rg source`.log"""
DESCRIBED = {
    "tables": "table_schema",
    "columns": "table_schema",
    "statistics": "table_schema",
    "partitions": "table_schema",
    "key_column_usage": "table_schema",
    "referential_constraints": "constraint_schema",
    "check_constraints": "constraint_schema",
    "views": "table_schema",
    "triggers": "trigger_schema",
    "routines": "routine_schema",
    "parameters": "specific_schema",
    "events": "event_schema",
}
# times of creation, and estimates of sizes
VOLATILE = {
    *("create_time", "update_time", "check_time", "created", "last_altered", "cardinality"),
    *("data_free", "data_length", "avg_row_length", "max_data_length", "index_length"),
    *("table_rows", "temporary", "checksum", "max_index_length", "originator"),
}


@pytest.fixture(scope="module")
def root(mariadb):
    with mariadb.root() as connection:
        for statement in STATEMENTS.split("//\n"):
            connection.query(statement)
        yield connection
        for name in (SOURCE, TARGET):
            mysql_copies.drop(connection, name)


@pytest.fixture(scope="module")
def copied(root):
    root.query("SET sql_mode = 'ANSI_QUOTES,NO_ZERO_DATE,STRICT_ALL_TABLES', time_zone = '+05:00'")
    root.query("SET sql_quote_show_create = 0")
    mysql_copies.copy(root, SOURCE, TARGET)
    yield root
    root.query("SET sql_mode = DEFAULT, time_zone = DEFAULT, sql_quote_show_create = 1")


def described(connection, name, view, column):
    """What the server's catalog says of a database, its name aside."""
    columns = connection.query(
        "SELECT column_name FROM information_schema.columns WHERE table_name = "
        f"'{view}' AND table_schema = 'information_schema' ORDER BY ordinal_position"
    )
    stable = [f"`{one}`" for (one,) in columns if one.lower() not in VOLATILE]
    rows = connection.query(
        f"SELECT {', '.join(stable)} FROM information_schema.{view} WHERE {column} = '{name}'"
    )
    return sorted(str([_nameless(value, name) for value in row]) for row in rows)


def _nameless(value, name):
    quoted = "`" + name.replace("`", "``") + "`."
    for spelled in (quoted, f'"{name}".', f"`{SOURCE}`."):  # the last in comments and strings
        value = (value or "").replace(spelled, "?.")
    if value == "page_checksum=1 transactional=1":  # Aria's default, once it has been shown
        return "transactional=1"
    return "?" if value == name else value


@pytest.mark.parametrize("view", DESCRIBED)
def test_the_catalog_says_the_same_of_both(copied, view):
    source = described(copied, SOURCE, view, DESCRIBED[view])
    assert described(copied, TARGET, view, DESCRIBED[view]) == source
    assert source


def test_the_rows_are_the_same(copied):
    target = TARGET.replace("`", "``")
    for (table,) in copied.query(f"SHOW TABLES FROM `{SOURCE}`"):
        quoted = "`" + table.replace("`", "``") + "`"
        rows = copied.query(f"SELECT * FROM `{SOURCE}`.{quoted}")
        assert rows == copied.query(f"SELECT * FROM `{target}`.{quoted}")
        assert rows or table in {"earlier", "aria", "log"}
    picked = "SELECT a, row_start, row_end FROM {}.past FOR SYSTEM_TIME ALL"
    history = copied.query(picked.format(f"`{SOURCE}`"))
    assert copied.query(picked.format(f"`{target}`")) == history
    assert len(history) == 2


def test_the_database_itself_is_the_same(copied):
    wanted = "SELECT default_character_set_name, default_collation_name, schema_comment"
    rows = copied.query(f"{wanted} FROM information_schema.schemata WHERE schema_name LIKE 'rg%'")
    assert rows == [("latin1", "latin1_german1_ci", "a 'shop'")] * 2


def test_the_session_is_as_it_was(copied):
    found = copied.query("SELECT @@sql_mode, @@time_zone, @@foreign_key_checks, @@unique_checks")
    assert found == [("ANSI_QUOTES,STRICT_ALL_TABLES,NO_ZERO_DATE", "+05:00", "1", "1")]
    assert copied.query("SELECT @@sql_quote_show_create, @@character_set_client") == [
        ("0", "utf8mb4")
    ]


def test_nothing_in_the_copy_leads_back(copied, mariadb):
    with mariadb.root(TARGET) as connection:
        connection.query("INSERT INTO parents (name) VALUES ('new')")
        connection.query("CALL fill()")
        assert connection.query("SELECT what FROM log") == [("`rg source`.`log` ünicode",), ("ab",)]
        assert connection.query("SELECT id, code, kind, twice FROM parents WHERE id > 10") == [
            ("50", "130", "b;c", "260")
        ]
        assert connection.query("SELECT * FROM `rg source`.log") == []
        assert connection.query("SELECT next_not_cached_value FROM `rg source`.numbers") == [
            ("130",)
        ]
        assert connection.query("SELECT one, two FROM a_last") == [
            ("0", "0"), ("7", "14"), ("8", "16"), ("50", "100")
        ]  # fmt: skip
        connection.query("DELETE FROM parents WHERE id = 7")
        assert connection.query("SELECT id FROM `odd ``name``%s` ORDER BY id") == [("2",)]
        assert connection.query("SELECT id FROM `rg source`.`odd ``name``%s` ORDER BY id") == [
            ("1",),
            ("2",),
        ]


def test_a_definer_that_may_not_be_set_becomes_the_one_who_copies(root, mariadb):
    root.query("CREATE OR REPLACE USER plain@localhost")
    root.query("GRANT ALL ON `rg\\_%`.* TO plain@localhost")
    root.query("CREATE OR REPLACE DATABASE rg_a")
    root.query("CREATE TABLE rg_a.t (a INT)")
    root.query("CREATE VIEW rg_a.v AS SELECT a FROM rg_a.t")
    root.query("CREATE TRIGGER rg_a.r BEFORE INSERT ON rg_a.t FOR EACH ROW SET NEW.a = 1")
    with mysql_connection(mariadb, "plain") as connection:
        mysql_copies.copy(connection, "rg_a", "rg_b")
    assert (
        root.query(
            "SELECT definer FROM information_schema.triggers WHERE trigger_schema = 'rg_b' UNION "
            "ALL SELECT definer FROM information_schema.views WHERE table_schema = 'rg_b'"
        )
        == [("plain@localhost",)] * 2
    )
    for name in ("rg_a", "rg_b"):
        mysql_copies.drop(root, name)
    root.query("DROP USER plain@localhost")


def mysql_connection(mariadb, username):
    from revguard.databases import network

    return network.MysqlConnection(socket=mariadb.socket, username=username, timeout=20)


def test_a_visitor_with_an_open_transaction_is_thrown_out(root, mariadb):
    root.query("CREATE DATABASE rg_c")
    root.query("CREATE TABLE rg_c.t (a INT PRIMARY KEY)")
    with mariadb.root("rg_c") as visitor:
        visitor.query("BEGIN")
        visitor.query("INSERT INTO t VALUES (1)")
        started = time.monotonic()
        mysql_copies.copy(root, "rg_c", "rg_d")
        with pytest.raises(OSError):  # noqa: PT011
            visitor.query("SELECT 1")
    assert root.query("SELECT count(*) FROM rg_d.t") == [("0",)]
    with mariadb.root("rg_c") as visitor:
        visitor.query("BEGIN")
        visitor.query("SELECT * FROM t")
        mysql_copies.drop(root, "rg_c")
    mysql_copies.drop(root, "rg_d")
    mysql_copies.drop(root, "rg_d")  # and where there is none
    assert time.monotonic() - started < 4


def test_a_copy_takes_the_place_of_an_earlier_one(root):
    root.query("CREATE DATABASE rg_e")
    root.query("CREATE TABLE rg_e.t (a INT)")
    mysql_copies.copy(root, "rg_e", "rg_f")
    root.query("DROP TABLE rg_e.t")
    mysql_copies.copy(root, "rg_e", "rg_f")
    assert root.query("SHOW TABLES FROM rg_f") == []
    for name in ("rg_e", "rg_f"):
        mysql_copies.drop(root, name)


OBJECTS = {"t", "f", "s.t"}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select `a`.`t`.`x` from `a`.`t`", "select `b`.`t`.`x` from `b`.`t`"),
        ("select a.t.x, a . f()", "select `b`.t.x, `b` . f()"),
        ("select `b`.`t`, x.a.t", "select `b`.`t`, x.a.t"),
        ("select a.x from t as a", "select a.x from t as a"),
        ("set x = '`a`.`t`', y = \"a.t\"", "set x = '`a`.`t`', y = \"a.t\""),
        (r"set x = 'it\'s a.t', y = a.t", r"set x = 'it\'s a.t', y = `b`.t"),
        ("x -- a.t\n a.t # a.t\n/* a.t */ a.t", "x -- a.t\n `b`.t # a.t\n/* a.t */ `b`.t"),
        ("/*!50100 REFERENCES `a`.`T` */", "/*!50100 REFERENCES `b`.`T` */"),
        ("call `a`.`s.t`(1.5)", "call `b`.`s.t`(1.5)"),
        ("select 1-a.t", "select 1-`b`.t"),
    ],
)
def test_what_is_turned(statement, expected):
    assert turned(statement, "a", "b", OBJECTS) == expected


def test_the_mode_decides_what_is_a_string():
    assert turned('"a"."t"', "a", "b", OBJECTS) == '"a"."t"'
    assert turned('"a"."t"', "a", "b", OBJECTS, "REAL_AS_FLOAT,ANSI_QUOTES") == '`b`."t"'
    assert turned(r"'\' a.t", "a", "b", OBJECTS, "NO_BACKSLASH_ESCAPES") == r"'\' `b`.t"


def test_names_and_definers():
    assert named("CREATE DATABASE `a``b` /* `a` */", "c`d") == "CREATE DATABASE `c``d` /* `a` */"
    assert without_definer("CREATE DEFINER=`a``@`@`%` VIEW `v`") == "CREATE VIEW `v`"
    assert without_definer('CREATE DEFINER="a"@"%" trigger r') == "CREATE trigger r"
    assert without_definer("CREATE DEFINER=`role` EVENT `v`") == "CREATE EVENT `v`"


def test_what_the_server_refuses_is_raised_and_the_session_restored(root):
    root.query("CREATE DATABASE rg_g")
    root.query("CREATE TABLE rg_g.t (a INT)")
    root.query("CREATE VIEW rg_g.v AS SELECT a FROM rg_g.t")
    root.query("DROP TABLE rg_g.t")
    with pytest.raises(ServerError, match=r"the view v cannot be copied: .*rg_h\.t"):
        mysql_copies.copy(root, "rg_g", "rg_h")
    assert root.query("SELECT @@foreign_key_checks") == [("1",)]
    for name in ("rg_g", "rg_h"):
        mysql_copies.drop(root, name)
