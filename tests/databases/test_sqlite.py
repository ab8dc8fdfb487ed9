"""SQLite: a file that is copied, with whatever a connection left beside it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from revguard import databases
from revguard.errors import CouldNotCheck


@pytest.fixture
def choice():
    return databases.choose("auto", "sqlite", environ={})


def execute(database, statement):
    with closing(sqlite3.connect(database.url["database"])) as connection, connection:
        return connection.execute(statement).fetchall()


def test_a_file_of_its_own(places, choice):
    with places.run() as run:
        with databases.start(choice, run=run) as server:
            server.wait()
            database = server.database()
            assert (database.provider, database.dialect) == ("sqlite", "sqlite")
            assert database.server_version == sqlite3.sqlite_version
            assert not os.path.exists(database.url["database"])
            execute(database, "CREATE TABLE t (x)")
        assert not os.path.exists(database.url["database"])
    assert places.left() == []


def test_mark_clone_keep_and_start_from_it(places, choice):
    with places.run() as run, databases.start(choice, run=run) as server:
        main = server.database()
        execute(main, "CREATE TABLE t (x)")
        execute(main, "INSERT INTO t VALUES (1)")
        assert execute(server.clone("main"), "SELECT * FROM t") == [(1,)]
        server.mark()
        execute(main, "DROP TABLE t")
        parent = server.clone("parent")
        assert execute(parent, "SELECT * FROM t") == [(1,)]
        execute(parent, "DELETE FROM t")
        assert server.keep_snapshot(revisions={"a": "1"}, extra="x")
    for _ in range(2):  # the copy is worked on, never the stored file
        with places.run() as run:
            found = databases.best(
                run, identity=choice.identity, extra="x", wanted={"a": "1", "b": "2"}
            )
            with databases.start(choice, run=run, snapshot=found) as server:
                assert server.snapshot == found
                assert execute(server.database(), "SELECT * FROM t") == [(1,)]
                execute(server.database(), "DROP TABLE t")
    assert places.left() == []


def test_an_empty_database_can_be_marked_and_kept(places, choice):
    with places.run() as run, databases.start(choice, run=run) as server:
        server.mark()
        assert execute(server.clone("parent"), "SELECT * FROM sqlite_master") == []
        assert server.keep_snapshot(revisions={"a": "1"}, extra="")


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_what_a_killed_connection_left_comes_along(places, choice, mode):
    code = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        f"c.execute('PRAGMA journal_mode={mode}'); c.execute('CREATE TABLE t (x)');"
        "c.execute('INSERT INTO t VALUES (1)'); c.execute('PRAGMA cache_size=1');"
        "c.execute('BEGIN'); c.execute('CREATE TABLE half (x)');"
        "c.executemany('INSERT INTO half VALUES (?)', [('x' * 5000,)] * 50); os._exit(0)"
    )
    with places.run() as run, databases.start(choice, run=run) as server:
        path = server.database().url["database"]
        subprocess.run([sys.executable, "-c", code, path], check=True)
        companion = "-wal" if mode == "wal" else "-journal"
        assert os.path.getsize(path + companion)
        server.mark()
        for name in ("one", "two"):
            clone = server.clone(name)
            assert execute(clone, "SELECT * FROM t") == [(1,)]
            assert execute(clone, "SELECT name FROM sqlite_master") == [("t",)]


def test_a_snapshot_that_vanished_is_no_hindrance(places, choice):
    with places.run() as run, databases.start(choice, run=run) as server:
        execute(server.database(), "CREATE TABLE t (x)")
        kept = server.keep_snapshot(revisions={"a": "1"}, extra="")
        (kept.state / "app.db").unlink()
        kept.state.rmdir()
        with databases.start(choice, run=run, snapshot=kept) as again:
            assert again.snapshot is None
            assert execute(again.database(), "SELECT * FROM sqlite_master") == []


def test_a_folder_that_cannot_be_written_is_named(places, choice):
    with places.run() as run:
        os.rmdir(run.memory)
        with pytest.raises(CouldNotCheck, match=f"cannot be written to {run.memory}"):
            databases.start(choice, run=run)
