"""Comparing a MariaDB database with itself: neither fooled by a downgrade, nor crying wolf."""

import pymysql
import pytest
import sqlalchemy as sa

from revguard.worker import catalog

THINGS = [
    "CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(9) COLLATE utf8mb4_bin)",
    """CREATE TABLE things (
        id INT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL DEFAULT 5 COMMENT 'how many', u INT,
        s ENUM('a', 'b'), t TIMESTAMP NULL DEFAULT NULL, d INT GENERATED ALWAYS AS (n * 2) STORED,
        CONSTRAINT sane CHECK (n < 100), UNIQUE KEY uq (n, u), KEY ix (s),
        CONSTRAINT fk FOREIGN KEY (u) REFERENCES users (id))""",
    "CREATE TABLE loans (id INT PRIMARY KEY, u INT, FOREIGN KEY (u) REFERENCES users (id))",
    """CREATE TABLE notes (id INT PRIMARY KEY, u INT, KEY ix_u (u),
        CONSTRAINT fk_u FOREIGN KEY (u) REFERENCES users (id))""",
    "CREATE VIEW many AS SELECT n FROM things WHERE n > 3",
    "CREATE TRIGGER touched BEFORE UPDATE ON things FOR EACH ROW SET NEW.n = NEW.n + 1",
    "CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2",
    "CREATE PROCEDURE tidy() DELETE FROM things",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM things",
    "CREATE SEQUENCE numbers",
]
SEEN = [
    ("column", "ALTER TABLE things ADD extra INT"),
    ("no column", "ALTER TABLE users DROP name"),
    ("type", "ALTER TABLE things MODIFY t DATETIME"),
    ("length", "ALTER TABLE users MODIFY name VARCHAR(8) COLLATE utf8mb4_bin"),
    ("collation", "ALTER TABLE users MODIFY name VARCHAR(9)"),
    ("unsigned", "ALTER TABLE users ADD n INT; ALTER TABLE users MODIFY n INT UNSIGNED"),
    ("enum value", "ALTER TABLE things MODIFY s ENUM('a', 'b', 'c')"),
    ("enum order", "ALTER TABLE things MODIFY s ENUM('b', 'a')"),
    ("nullable", "ALTER TABLE things MODIFY t TIMESTAMP NOT NULL"),
    ("default", "ALTER TABLE things ALTER n SET DEFAULT 6"),
    ("no default", "ALTER TABLE things ALTER n DROP DEFAULT"),
    ("empty default", "ALTER TABLE users ALTER name SET DEFAULT ''"),
    ("on update", "ALTER TABLE things MODIFY t TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP"),
    ("auto increment", "ALTER TABLE things MODIFY id INT"),
    ("generated", "ALTER TABLE things MODIFY d INT GENERATED ALWAYS AS (n * 3) STORED"),
    ("virtual", "ALTER TABLE things DROP d; ALTER TABLE things ADD d INT AS (n * 2) VIRTUAL"),
    ("column comment", "ALTER TABLE things MODIFY n INT NOT NULL DEFAULT 5 COMMENT 'few'"),
    ("table comment", "ALTER TABLE things COMMENT 'stuff'"),
    ("engine", "ALTER TABLE notes DROP FOREIGN KEY fk_u; ALTER TABLE notes ENGINE=Aria"),
    ("charset", "ALTER TABLE things DEFAULT CHARACTER SET latin1"),
    ("row format", "ALTER TABLE things ROW_FORMAT=COMPRESSED"),
    ("check", "ALTER TABLE things DROP CONSTRAINT sane"),
    ("check text", ("ALTER TABLE things DROP CONSTRAINT sane; ALTER TABLE things ADD CONSTRAINT "
     "sane CHECK (n < 99)")),
    ("unique", "ALTER TABLE things DROP INDEX uq"),
    ("no longer unique", "ALTER TABLE things DROP INDEX uq, ADD INDEX uq (n, u)"),
    ("foreign key", "ALTER TABLE things DROP FOREIGN KEY fk"),
    ("on delete", ("ALTER TABLE things DROP FOREIGN KEY fk; ALTER TABLE things ADD CONSTRAINT fk "
     "FOREIGN KEY (u) REFERENCES users (id) ON DELETE CASCADE")),
    ("index of a key", "ALTER TABLE things DROP FOREIGN KEY fk; ALTER TABLE things DROP INDEX fk"),
    ("index of an unnamed key", ("ALTER TABLE loans DROP FOREIGN KEY loans_ibfk_1; "
     "ALTER TABLE loans DROP INDEX u")),
    ("index of the models in the server's place", ("ALTER TABLE notes DROP FOREIGN KEY fk_u; "
     "ALTER TABLE notes DROP INDEX ix_u; ALTER TABLE notes ADD CONSTRAINT fk_u "
     "FOREIGN KEY (u) REFERENCES users (id)")),
    ("index of the models beside a key", "CREATE INDEX ix_u ON loans (u)"),
    ("unique in the place of the server's", "ALTER TABLE loans ADD UNIQUE KEY u2 (u)"),
    ("primary key", "ALTER TABLE things MODIFY id INT, DROP PRIMARY KEY"),
    ("index", "DROP INDEX ix ON things"),
    ("index name", "ALTER TABLE things RENAME INDEX ix TO iy"),
    ("index columns", "ALTER TABLE things DROP INDEX ix, ADD INDEX ix (s, n)"),
    ("index length", ("CREATE INDEX il ON users (name(3)); ALTER TABLE users DROP INDEX il, ADD "
     "INDEX il (name(4))")),
    ("table", "CREATE TABLE more (id INT)"),
    ("partition", ("CREATE TABLE parts (n INT) PARTITION BY RANGE (n) "
     "(PARTITION p0 VALUES LESS THAN (9))")),
    ("versioned", "ALTER TABLE users ADD SYSTEM VERSIONING"),
    ("view", "DROP VIEW many"),
    ("view text", "CREATE OR REPLACE VIEW many AS SELECT n FROM things WHERE n > 4"),
    ("trigger", "DROP TRIGGER touched"),
    ("trigger text", ("CREATE OR REPLACE TRIGGER touched BEFORE UPDATE ON things FOR EACH ROW "
     "SET NEW.n = NEW.n + 2")),
    ("function", "DROP FUNCTION twice"),
    ("function text", ("CREATE OR REPLACE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC "
     "RETURN n + n")),
    ("argument", ("CREATE OR REPLACE FUNCTION twice(n BIGINT) RETURNS INT DETERMINISTIC "
     "RETURN n * 2")),
    ("procedure", "DROP PROCEDURE tidy"),
    ("event", "DROP EVENT nightly"),
    ("event schedule", "ALTER EVENT nightly ON SCHEDULE EVERY 2 DAY"),
    ("sequence", "CREATE SEQUENCE more"),
    ("sequence options", "ALTER SEQUENCE numbers INCREMENT 2"),
    ("default of the database", "ALTER DATABASE CHARACTER SET latin1"),
]  # fmt: skip
# what is the same for whoever uses the database
UNSEEN = [
    ("column order", "ALTER TABLE things MODIFY s ENUM('a', 'b') FIRST"),
    ("rows and counters", ("INSERT INTO users (name) VALUES ('x'); SELECT NEXTVAL(numbers); "
     "ALTER TABLE things AUTO_INCREMENT = 77")),
    ("index made anew", "DROP INDEX ix ON things; CREATE INDEX ix ON things (s)"),
    ("key made anew", ("ALTER TABLE things DROP FOREIGN KEY fk; ALTER TABLE things DROP INDEX fk; "
     "ALTER TABLE things ADD CONSTRAINT fk FOREIGN KEY (u) REFERENCES users (id)")),
    ("unnamed key made anew", ("ALTER TABLE loans DROP FOREIGN KEY loans_ibfk_1; ALTER TABLE loans "
     "ADD CONSTRAINT loans_ibfk_1 FOREIGN KEY (u) REFERENCES users (id)")),
    ("key made anew behind another", ("ALTER TABLE loans DROP FOREIGN KEY loans_ibfk_1; "
     "ALTER TABLE loans ADD CONSTRAINT fk_new FOREIGN KEY (u) REFERENCES users (id); "
     "ALTER TABLE loans DROP FOREIGN KEY fk_new; "
     "ALTER TABLE loans ADD CONSTRAINT loans_ibfk_1 FOREIGN KEY (u) REFERENCES users (id)")),
    ("the same by another word", ("ALTER TABLE things DROP FOREIGN KEY fk; ALTER TABLE things ADD "
     "CONSTRAINT fk FOREIGN KEY (u) REFERENCES users (id) ON DELETE NO ACTION")),
    ("check made anew", ("ALTER TABLE things DROP CONSTRAINT sane; ALTER TABLE things ADD "
     "CONSTRAINT sane CHECK ((n < 100))")),
    ("view made anew", "DROP VIEW many; CREATE VIEW many AS SELECT n FROM things WHERE (n > 3)"),
    ("event made anew", ("DROP EVENT nightly; "
     "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM things")),
    ("statistics gathered", "ANALYZE TABLE things"),
    ("temporary table", "CREATE TEMPORARY TABLE passing (id INT)"),
    ("version table", "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"),
    ("sequence used", "SELECT NEXTVAL(numbers)"),
]  # fmt: skip


@pytest.fixture
def things(mariadb):
    """A connection to a database in which THINGS were made."""
    url = mariadb.create()
    engine = sa.create_engine(
        "mariadb+pymysql://",
        creator=lambda: pymysql.connect(
            unix_socket=url["socket"], user=url["username"], database=url["database"]
        ),
        poolclass=sa.pool.NullPool,
    )
    with engine.connect() as connection:
        run(connection, THINGS)
        yield connection
    mariadb.drop(url)


def run(connection, statements):
    cursor = connection.connection.dbapi_connection.cursor()
    for statement in statements:
        cursor.execute(statement)
        cursor.fetchall()


def compared(connection, statements):
    before = catalog.read(connection, "alembic_version")
    run(connection, statements.split("; "))
    return catalog.difference(before, catalog.read(connection, "alembic_version"))


@pytest.mark.parametrize("statements", [pytest.param(s, id=n.replace(" ", "-")) for n, s in SEEN])
def test_seen(things, statements):
    assert compared(things, statements)


@pytest.mark.parametrize("statements", [pytest.param(s, id=n.replace(" ", "-")) for n, s in UNSEEN])
def test_unseen(things, statements):
    assert compared(things, statements) == []
