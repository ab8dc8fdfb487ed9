"""MariaDB of the machine's own: alone, gone afterwards, and had back without replaying."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from revguard import databases, leftovers
from revguard.databases import local_server, mysql_installations, network
from revguard.databases.providing import UnavailableError
from revguard.databases.wire import ServerError
from revguard.errors import CouldNotCheck

HISTORY = {"a": "1", "b": "2"}
REPLAY = [
    "CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(99) NOT NULL UNIQUE)",
    "CREATE TABLE pets (id INT PRIMARY KEY, owner INT, FOREIGN KEY (owner) REFERENCES users (id))",
    "INSERT INTO users (email) VALUES ('a@b'), ('c@d')",
    "INSERT INTO pets VALUES (1, 2)",
    "CREATE VIEW emails AS SELECT email FROM users",
    "CREATE TRIGGER quiet BEFORE DELETE ON pets FOR EACH ROW SET @x = 1",
    "CREATE PROCEDURE nothing() SELECT 1",
]
ASKED = [
    "SELECT * FROM users ORDER BY 1", "SELECT * FROM pets ORDER BY 1", "SHOW CREATE TABLE users",
    "SHOW CREATE TABLE pets", "SHOW CREATE VIEW emails", "SHOW CREATE TRIGGER quiet",
    "SHOW CREATE PROCEDURE nothing", "SHOW CREATE DATABASE app", "SHOW FULL TABLES",
]  # fmt: skip


@pytest.fixture(scope="session")
def maria(chosen):
    """The machine's own MariaDB, chosen."""
    return chosen("local", "mysql")


@pytest.fixture
def ask():
    """`ask(database, *statements)`: the rows of the last one."""

    def execute(database, *statements):
        url = database.url
        login = {"username": url["username"], "database": url["database"], "timeout": 20}
        with network.MysqlConnection(socket=url["socket"], **login) as connection:
            return [connection.query(statement) for statement in statements][-1]

    return execute


def told(ask, database):
    """Schema and rows; a trigger's time of making is its own."""
    return [row[:6] if "TRIGGER" in one else row for one in ASKED for row in ask(database, one)]


def best(run, choice, wanted=HISTORY, extra=""):
    return databases.best(run, identity=choice.identity, extra=extra, wanted=wanted)


def test_it_serves_and_is_gone(session_places, run, maria, ask):
    with databases.start(maria, run=run) as server:
        server.wait()
        found = server.database()
        assert (found.provider, found.dialect) == ("local", "mysql")
        assert found.server_version == maria.installation.version
        assert ask(found, "SHOW TABLES") == []
        assert ask(found, "SELECT @@skip_networking, @@log_bin") == [("1", "0")]
        (row,) = ask(found, "SELECT @@sql_mode, @@character_set_server")
        assert "STRICT_TRANS_TABLES" in row[0]
        assert row[1] == "utf8mb4"
        pid = server._process.pid
        identity = leftovers.identity(pid)
    assert leftovers.identity(pid) != identity


def test_the_dialect_mariadb_too(run):
    choice = databases.choose("auto", "mariadb", environ=os.environ)
    with databases.start(choice, run=run) as server:
        server.wait()
        assert server.database().dialect == "mariadb"


def test_two_at_once_are_two(run, maria, ask):
    with databases.start(maria, run=run) as one, databases.start(maria, run=run) as other:
        ask(one.database(), "CREATE TABLE mine (id INT)")
        assert ask(other.database(), "SHOW TABLES") == []


def test_a_port_with_a_password(run):
    choice = databases.choose("local", "mysql", environ=os.environ, network=True)
    with databases.start(choice, run=run) as server:
        server.wait()
        address = server.database().address
        assert address["host"] == "127.0.0.1"
        login = {key: address[key] for key in ("host", "port", "username", "database")}
        with network.MysqlConnection(**login, password=address["password"]) as connection:
            assert connection.query("SELECT DATABASE()") == [("app",)]
        for who in (login, {**login, "username": "root"}, {**login, "username": ""}):
            with pytest.raises(ServerError, match="denied"):
                network.MysqlConnection(**who, password="wrong")


def test_clones_are_of_the_marked_state(run, maria, ask):
    with databases.start(maria, run=run) as server:
        ask(server.database(), *REPLAY)
        expected = told(ask, server.database())
        server.mark()
        ask(
            server.database(), "DROP VIEW emails", "DELETE FROM pets", "ALTER TABLE users ADD n INT"
        )
        clone = server.clone("parent")
        ask(clone, "SELECT 1")
        found = [row for row in told(ask, clone) if row[0] != "app"]
        assert found == [row for row in expected if row[0] != "app"]


def test_a_snapshot_equals_the_replay(places, maria, ask):
    with places.run() as run, databases.start(maria, run=run) as server:
        ask(server.database(), *REPLAY)
        server.mark()
        expected = told(ask, server.database())
        ask(server.database(), "DROP VIEW emails", "ALTER TABLE users ADD n INT")
        server.clone("other")
        kept = server.keep_snapshot(revisions=HISTORY, extra="x")
        assert kept.revisions == HISTORY
        assert kept.size < 40 << 20
    with places.run() as run:
        assert best(run, maria, extra="y") is None
        assert databases.best(run, identity="other", extra="x", wanted=HISTORY) is None
        found = best(run, maria, extra="x", wanted={**HISTORY, "c": "3"})
        with databases.start(maria, run=run, snapshot=found) as server:
            server.wait()
            assert server.snapshot == found
            assert told(ask, server.database()) == expected
            assert {row[0] for row in ask(server.database(), "SHOW DATABASES")} == {
                "app", "information_schema", "mysql", "performance_schema", "sys",
            }  # fmt: skip
    assert places.left() == []


@pytest.mark.parametrize(
    "statement",
    ["CREATE USER late", "CREATE ROLE late", "GRANT SELECT ON mysql.* TO root@localhost"],
)
def test_what_lies_beside_the_databases_is_not_kept(run, maria, ask, statement):
    with databases.start(maria, run=run) as server:
        server.mark()
        ask(server.database(), statement)
        assert server.keep_snapshot(revisions=HISTORY, extra="beside") is None


@pytest.mark.parametrize(
    "statement", ["CREATE DATABASE audit", "SET GLOBAL log_bin_trust_function_creators = 1"]
)
@pytest.mark.parametrize("marked", [True, False])
def test_what_is_not_within_the_database_before_the_mark(run, maria, ask, statement, marked):
    with databases.start(maria, run=run) as server:
        ask(server.database(), statement)
        if marked:
            server.mark()
        assert server.keep_snapshot(revisions=HISTORY, extra="before") is None


def test_what_comes_after_the_mark_is_no_hindrance(run, maria, ask):
    with databases.start(maria, run=run) as server:
        server.mark()
        ask(server.database(), "CREATE DATABASE audit", "SET GLOBAL max_statement_time = 9")
        assert server.keep_snapshot(revisions={"z": "1"}, extra="after")


def test_a_broken_snapshot_is_discarded(places, maria, ask):
    with places.run() as run, databases.start(maria, run=run) as server:
        ask(server.database(), *REPLAY)
        assert server.keep_snapshot(revisions=HISTORY, extra="")
    with places.run() as run:
        found = best(run, maria)
        data = (found.state / "ibdata1").read_bytes()
        (found.state / "ibdata1").write_bytes(b"\xff" * len(data))
        with databases.start(maria, run=run, snapshot=found) as server:
            server.wait()
            assert server.snapshot is None
            assert ask(server.database(), "SHOW TABLES") == []
        assert best(run, maria) is None


def test_a_killed_server_is_told_with_its_last_words(run, maria):
    with databases.start(maria, run=run) as server:
        server.wait()
        assert server.failure() == ""
        os.kill(server._process.pid, signal.SIGKILL)
        server._process.wait()
        assert server.failure()


def test_one_of_two_runs_makes_the_data_folder(places, maria):
    def once(_):
        with places.run() as run, databases.start(maria, run=run) as server:
            server.wait()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(once, range(2)))
    stored = [path.name for path in (places.cache / "servers").iterdir() if path.is_dir()]
    assert stored == [maria.identity]
    assert places.left() == []


def test_no_room_in_memory_is_no_hindrance(session_places, maria, monkeypatch):
    monkeypatch.setattr(local_server, "_FREE_MEMORY", 1 << 60)
    with session_places.run() as run, databases.start(maria, run=run) as server:
        server.wait()
        assert [folder for folder in server._folders if folder.is_relative_to(run.temporary())]


def test_a_program_that_does_not_start_is_told_with_its_log(run, maria, monkeypatch):
    monkeypatch.setattr(
        "revguard.databases.mysql_server._settings", lambda found: ["--no-such-option"]
    )
    with (
        pytest.raises(CouldNotCheck, match="does not start") as caught,
        databases.start(maria, run=run) as server,
    ):
        server.wait()
    assert "no-such-option" in caught.value.message
    assert "MariaDB" in caught.value.hint


FAKE = "#!/bin/sh\necho 'mariadbd  Ver {} for Linux'\n"


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine on which only these are installed."""
    monkeypatch.setattr(mysql_installations, "_USUAL", (f"{tmp_path}/*/bin",))
    for name, version in (("m10", "10.6.1-MariaDB"), ("m11", "11.4.2-MariaDB"), ("s8", "8.4.3")):
        kind = "mariadbd" if "Maria" in version else "mysqld"
        program(tmp_path / name / "bin" / kind, FAKE.format(version))
        if kind == "mariadbd":
            program(tmp_path / name / "scripts" / "mariadb-install-db", "")
    return tmp_path


@pytest.mark.parametrize(
    ("dialect", "wanted", "expected"),
    [
        ("mysql", "", "s8"),
        ("mysql", "8.4", "s8"),
        ("mysql", "10.6", "m10"),
        ("mysql", "11", "m11"),
        ("mariadb", "", "m11"),
        ("mariadb", "10.6", "m10"),
        ("mariadb", "10.11", "m11"),
    ],
)
def test_which_server_is_taken(machine, dialect, wanted, expected):
    found = mysql_installations.best(dialect, "", wanted)
    assert found.server.startswith(f"{machine}/{expected}/bin/")
    assert bool(found.installer) == found.is_mariadb


def test_on_path_before_the_usual_folders(machine, tmp_path):
    own = program(tmp_path / "own" / "mariadbd", FAKE.format("11.8.1-MariaDB"))
    program(tmp_path / "own" / "mariadb-install-db", "")
    assert mysql_installations.best("mariadb", str(tmp_path / "own"), "").server == own


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#!/bin/sh\nexit 1\n", "does not tell its version"),
        (FAKE.format("10.6.1-MariaDB"), "has no mariadb-install-db"),
        (FAKE.format("8.4.3"), "the dialect mariadb needs MariaDB"),
    ],
)
def test_what_cannot_serve_is_passed_over_with_the_reason(tmp_path, monkeypatch, text, said):
    monkeypatch.setattr(mysql_installations, "_USUAL", ())
    program(tmp_path / "mariadbd", text)
    with pytest.raises(UnavailableError, match=said):
        mysql_installations.best("mariadb", str(tmp_path), "")


def test_nothing_there(monkeypatch):
    monkeypatch.setattr(mysql_installations, "_USUAL", ())
    with pytest.raises(UnavailableError, match="no `mariadbd` or `mysqld`"):
        mysql_installations.best("mysql", "", "")
