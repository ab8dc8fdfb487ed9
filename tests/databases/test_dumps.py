"""Dumps as the servers' own programs write them, and the databases that come of them."""

import gzip
import os
import sqlite3
import subprocess
import textwrap

import pytest

from revguard import databases
from revguard.databases import addresses, dumps, installations, loading, standing
from revguard.databases.providing import Database
from revguard.databases.statements import statements
from revguard.errors import CouldNotCheck

from .byhand import ADMIN, SECRET

PATH = os.environ.get("PATH", os.defpath)
SCHEMA = r"""
CREATE ROLE gone;
CREATE SCHEMA audit;
CREATE TYPE audit.kind AS ENUM ('a;b', 'it''s');
CREATE TABLE users (id serial PRIMARY KEY, name text DEFAULT E'x\\'';', "odd;name" int, data bytea);
CREATE TABLE audit.log (id int REFERENCES users, at audit.kind, tags text[]);
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0007');
INSERT INTO users (name, data) VALUES (E'tab\tand\nline; \\. é', '\x00ff'), (NULL, '');
INSERT INTO users (name) VALUES ('\.');
INSERT INTO audit.log VALUES (1, 'a;b', '{"x;y",NULL}');
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE plpgsql AS $body$
BEGIN
  -- it's; a comment
  RETURN n * 2;
END; $body$;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END; $$;
CREATE TRIGGER touched BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE VIEW names AS SELECT name, CASE WHEN id > 1 THEN ';' ELSE '(' END AS more FROM users;
CREATE RULE quiet AS ON DELETE TO users DO INSTEAD (SELECT 1; SELECT 2);
CREATE INDEX by_name ON users (lower(name)) WHERE name <> ';';
COMMENT ON TABLE users IS 'who; what''s more';
ALTER TABLE audit.log OWNER TO gone;
GRANT SELECT ON users TO gone;
"""
ATOMIC = """
CREATE FUNCTION two() RETURNS int LANGUAGE sql BEGIN ATOMIC
  SELECT CASE WHEN true THEN 1 ELSE 2 END; SELECT 3; END;
"""
EVERYTHING = """
SELECT 'users', count(*)::text, sum(length(name))::text, max(encode(data, 'hex')) FROM users
UNION ALL SELECT 'log', count(*)::text, max(at::text), max(array_to_string(tags, '|', '-'))
  FROM audit.log
UNION ALL SELECT 'functions', string_agg(proname, ' ' ORDER BY proname), max(twice(4)::text), ''
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'view', count(*)::text, max(more), pg_get_viewdef('names') FROM names
UNION ALL SELECT 'rule', max(definition), '', '' FROM pg_rules WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', max(tgname::text), '', '' FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'index', max(indexdef), obj_description('users'::regclass), '' FROM pg_indexes
  WHERE indexname = 'by_name'
"""


def never():
    return False


@pytest.fixture
def origin(run, local, sql):
    """A database with all sorts of things, and how to dump it."""
    with databases.start(local, run=run) as server:
        server.wait()
        database = server.database()
        atomic = ATOMIC if int(database.server_version.split(".")[0]) >= 14 else ""
        sql(database, SCHEMA + atomic)

        def dump(*options):
            program = installations.client("pg_dump", PATH)
            place = database.url
            words = ["-h", place["host"], "-p", str(place["port"]), "-U", place["username"]]
            done = subprocess.run(
                [program, *words, *options, place["database"]], capture_output=True, check=True
            )
            return done.stdout

        yield database, dump


def loaded(content, database):
    text = dumps.text(content, "ci/dump.sql", PATH)
    assert dumps.kind(text) in ("", "mysql" if database.dialect == "mariadb" else database.dialect)
    loading.load(text, database, 30, never)
    return standing.of(database, 30)


PACKED = {
    "plain": ([], None),
    "inserts": (["--inserts"], None),
    "with its database": (["-C"], None),
    "gzip": ([], gzip.compress),
    "custom": (["-Fc"], None),
    "tar": (["-Ft"], None),
    "another encoding": (["-E", "LATIN1"], None),
    "for the windows console": ([], lambda content: content.decode().encode("utf-16")),
    "of a newer pg_dump": (
        [],
        lambda content: (
            b"\\restrict Ab1\n\nSET transaction_timeout = 0;\nSET of_v99 = on;\n"
            + content
            + b"\n\\unrestrict Ab1\n"
        ),
    ),
}


@pytest.mark.parametrize("name", PACKED)
def test_what_pg_dump_writes(name, origin, run, local, sql):
    database, dump = origin
    options, packed = PACKED[name]
    content = dump(*options)
    content = packed(content) if packed else content
    with databases.start(local, run=run) as server:  # where the role is not known
        server.wait()
        there = loaded(content, server.database())
        assert there.heads == ("0007",)
        assert {"public.users", "audit.log", "public.names"} <= {*there.tables}
        assert sql(server.database(), EVERYTHING) == sql(database, EVERYTHING)
    assert dumps.stated(dumps.text(content, "x", PATH)) == {"0007"}


def test_over_the_network(origin, postgres, sql):
    """As into a container: by the other driver."""
    database, dump = origin
    url = {"host": "127.0.0.1", "port": postgres.port, "username": ADMIN, "password": SECRET}
    url["database"] = "dumped"
    target = Database(provider="x", dialect="postgresql", server_version="1", identity="", url=url)
    with postgres.root() as root:
        root.query("CREATE DATABASE dumped")
        try:
            assert loaded(dump(), target).heads == ("0007",)
            with postgres.root("dumped") as login:
                assert login.query(EVERYTHING) == sql(database, EVERYTHING)
        finally:
            root.query("DROP DATABASE dumped")


def test_an_archive_and_no_pg_restore(origin, monkeypatch):
    monkeypatch.setattr(installations, "_USUAL", ())
    with pytest.raises(CouldNotCheck, match="only pg_restore can open") as caught:
        dumps.text(origin[1]("-Fc"), "ci/shop.dump", "/nowhere")
    assert caught.value.hint.startswith("`pg_restore --no-owner -f ci/shop.dump.sql ci/shop.dump`")


UNREADABLE = {
    "half of an archive": (b"PGDMP\x01\x0e", "cannot open d"),
    "half of a gzip": (gzip.compress(b"SELECT 1;" * 99)[:30], "cannot be unpacked"),
    "zstd": (b"\x28\xb5\x2f\xfd\0\0", "is no SQL text"),
    "a database of SQLite": (b"SQLite format 3\0", "is no SQL text"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read(name):
    content, said = UNREADABLE[name]
    with pytest.raises(CouldNotCheck, match=said):
        dumps.text(content, "d", PATH)


FAILING = {
    "a table that is not there": ("CREATE TABLE a (n int);\n\nINSERT INTO b\nVALUES (1);\n", 3),
    "psql's own": ("CREATE TABLE a (n int);\n\\i other.sql\n", 2),
    "a row too short": (
        "CREATE TABLE a (n int, m int);\nCOPY a (n, m) FROM stdin;\n1\t2\n3\n\\.\n",
        2,
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_what_fails_is_told_with_its_line(name, run, local):
    text, line = FAILING[name]
    with databases.start(local, run=run) as server:
        server.wait()
        with pytest.raises(loading.LoadError) as caught:
            loading.load(text, server.database(), 30, never)
    assert caught.value.line == line


@pytest.fixture
def sqlite(tmp_path):
    return Database(
        provider="sqlite",
        dialect="sqlite",
        server_version="3",
        identity="",
        url={"database": str(tmp_path / "app.db")},
    )


SQLITE = """
CREATE TABLE users (id integer PRIMARY KEY, name text DEFAULT 'a;b' CHECK (name <> '--'));
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);
INSERT INTO alembic_version VALUES ('0007');
INSERT INTO users (name) VALUES ('x;
y'), ('it''s'), (x'00ff');
CREATE TRIGGER t AFTER INSERT ON users BEGIN
  UPDATE users SET name = 'a' WHERE id = 1; SELECT CASE WHEN 1 THEN 2 END;
END;
CREATE VIEW names AS SELECT name FROM users;
CREATE VIRTUAL TABLE search USING fts5(body);
INSERT INTO search VALUES ('hello; world');
"""


def test_what_sqlite_writes(sqlite, tmp_path, require):
    connection = sqlite3.connect(tmp_path / "origin.db")
    connection.executescript(SQLITE)
    program = installations.shutil.which("sqlite3")
    require(program, "sqlite3")
    content = subprocess.run(
        [program, str(tmp_path / "origin.db"), ".dump"], capture_output=True, check=True
    ).stdout
    there = loaded(content, sqlite)
    assert there.heads == ("0007",)
    copied = sqlite3.connect(sqlite.url["database"])
    for query in (
        "SELECT * FROM users",
        "SELECT * FROM search",
        "SELECT name FROM sqlite_master ORDER BY name",
    ):
        assert copied.execute(query).fetchall() == connection.execute(query).fetchall()
    copied.close()
    connection.close()


# as mariadb-dump 10.11 and mysqldump 8 write it
MARIADB = r"""/*M!999999\- enable the sandbox mode */
-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '';

/*!40000 DROP DATABASE IF EXISTS `shop`*/;
CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;
USE `shop`;
DROP TABLE IF EXISTS `orders`;
CREATE TABLE `orders` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `user_id` int(11) DEFAULT NULL,
  PRIMARY KEY (`id`),
  CONSTRAINT `fk` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE `users` (`id` int(11) NOT NULL, `na;me` varchar(50), `raw` varbinary(9),
  PRIMARY KEY (`id`)) ENGINE=InnoDB;
LOCK TABLES `users` WRITE;
/*!40000 ALTER TABLE `users` DISABLE KEYS */;
INSERT INTO `users` VALUES (1,'a\'b;\"c\\',_binary '\0ÿ;'),(2,"x;y",NULL);
/*!40000 ALTER TABLE `users` ENABLE KEYS */;
UNLOCK TABLES;
/*!50003 SET sql_mode = '' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`gone`@`10.0.0.%`*/ /*!50003 TRIGGER touched
BEFORE INSERT ON users FOR EACH ROW BEGIN SET NEW.id = NEW.id + 1; SET NEW.raw = NULL; END */;;
DELIMITER ;
# views
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`gone`@`%` SQL SECURITY DEFINER */
/*!50001 VIEW `names` AS select `users`.`na;me` AS `name` from `users` */;
CREATE TABLE `alembic_version` (`version_num` varchar(32) NOT NULL) ENGINE=InnoDB;
INSERT INTO `alembic_version` VALUES ('0007');
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
-- Dump completed
"""


def test_what_mariadb_dump_writes(mariadb_server):
    mariadb_server.execute("CREATE DATABASE dumped")
    url = {**mariadb_server.url, "database": "dumped"}
    target = Database(provider="x", dialect="mariadb", server_version="1", identity="", url=url)
    try:
        content = MARIADB.encode().replace("ÿ".encode(), b"\xff")
        there = loaded(content, target)
        assert there.heads == ("0007",)
        assert {*there.tables} == {"users", "orders", "names", "alembic_version"}
        assert dumps.stated(dumps.text(content, "x", PATH)) == {"0007"}
        with addresses.connect(target, 20) as login:
            login.query("INSERT INTO users VALUES (5, 'z', 'r')")
            rows = [("1", "a'b;\"c\\", "00FF3B"), ("2", "x;y", None), ("6", "z", None)]
            assert login.query("SELECT id, `na;me`, hex(raw) FROM users ORDER BY id") == rows
            assert login.query("SELECT count(*) FROM names") == [("3",)]
    finally:
        mariadb_server.execute("DROP DATABASE dumped")


STATED = {
    "copy": ("COPY public.alembic_version (version_num) FROM stdin;\na1\nb2\n\\.\n", {"a1", "b2"}),
    "insert": ("INSERT INTO public.alembic_version (version_num) VALUES ('a1');", {"a1"}),
    "by hand": ("insert into alembic_version (version_num) values ('a1'), ('b2');", {"a1", "b2"}),
    "of a name of its own": ("INSERT INTO `shop_version` VALUES ('a1'),('b2');", {"a1", "b2"}),
    "quoted": ("INSERT INTO \"alembic_version\" VALUES('a1');", {"a1"}),
    "none": ("INSERT INTO users VALUES ('a1');", set()),
    "more columns": ("INSERT INTO versions VALUES ('a1', 'b2');", set()),
}


@pytest.mark.parametrize("name", STATED)
def test_what_a_dump_says_to_be_at(name):
    text, revisions = STATED[name]
    assert dumps.stated(text) == revisions


POSTGRESQL = r"""SELECT $$;$$; SELECT $a$ $$ ; $a$; SELECT 'a''; b'; /* ; /* ; */ ; */ SELECT 1 -- ;
; SELECT x$1, $1; SELECT '\'; SELECT 2"""
MYSQL = r"""SELECT 'a\';'; SELECT "b\";"; SELECT `c;`; # d;
SELECT 1 -- e;
; SELECT 1--2;
DELIMITER //
BEGIN; END//
delimiter ;
SELECT 3;"""
SQLITE_TEXT = """SELECT ';'; SELECT [a;b]; SELECT "c;"; SELECT `d;`; -- e;
SELECT 1"""
SPLIT = {"postgresql": (POSTGRESQL, 7), "mysql": (MYSQL, 7), "sqlite": (SQLITE_TEXT, 5)}


@pytest.mark.parametrize("dialect", SPLIT)
def test_statements_are_told_apart(dialect):
    text, count = SPLIT[dialect]
    found = [one.text for one in statements(text, dialect)]
    assert len(found) == count, found


def test_an_unclosed_string_is_the_rest():
    text = textwrap.dedent("SELECT 1;\nSELECT 'a" + "x" * 100_000 + ";\nSELECT 2;\n")
    assert len(list(statements(text, "mysql"))) <= 3
