"""A stored state is what replaying its revisions gives, and is never a hindrance."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from revguard import databases, rim
from revguard.commands import keeping
from revguard.databases import snapshots, stored

HISTORY = {"a": "1", "b": "2"}
REPLAY = """
CREATE SCHEMA part; CREATE TYPE part.mood AS ENUM ('good', 'bad');
CREATE TABLE part.users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, m part.mood,
  at timestamptz DEFAULT now());
INSERT INTO part.users (email, m, at) SELECT 'u' || i, 'good', 'epoch'
  FROM generate_series(1, 500) i;
CREATE VIEW part.v AS SELECT email FROM part.users;
CREATE ROLE reader; GRANT SELECT ON part.v TO reader;
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE EXTENSION citext; COMMENT ON DATABASE app IS 'ours';
ALTER DATABASE app SET search_path = part, public;
SELECT lo_create(4711);
CREATE TABLE alembic_version (version_num varchar(32)); INSERT INTO alembic_version VALUES ('b')
"""


def best(run, choice, wanted=HISTORY, extra=""):
    return databases.best(run, identity=choice.identity, extra=extra, wanted=wanted)


@pytest.fixture
def dump():
    """All that pg_dump tells of a database, and of what lies beside the databases."""

    def tell(choice, database):
        url = database.url
        login = ["-h", url["host"], "-U", url["username"]]
        texts = []
        for command in (
            ["pg_dump", *login, "--create", url["database"]],
            ["pg_dumpall", *login, "--roles-only", "-l", "template1"],
        ):
            path = os.path.join(choice.installation.binaries, command[0])
            done = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=True)
            lines = done.stdout.splitlines()
            # a random word follows \restrict since 15.14
            texts.append([line for line in lines if not line.startswith("\\")])
        return texts

    return tell


def keep(run, choice, sql, statements=REPLAY, revisions=HISTORY, extra=""):
    with databases.start(choice, run=run) as server:
        sql(server.database(), statements)
        return server.keep_snapshot(revisions=revisions, extra=extra)


class TestPostgresql:
    def test_it_equals_the_replay(self, places, choice, sql, dump):
        with places.run() as run, databases.start(choice, run=run) as server:
            sql(server.database(), REPLAY)
            server.mark()
            expected = dump(choice, server.database())
            sql(
                server.database(),
                "DROP VIEW part.v; ALTER TABLE part.users ADD n int; CREATE ROLE late;"
                "ALTER DATABASE app RESET search_path; DELETE FROM alembic_version",
            )
            server.clone("other")
            kept = server.keep_snapshot(revisions=HISTORY, extra="x")
            assert kept.revisions == HISTORY
            assert kept.size == stored.measure(kept.state)[1]
        with places.run() as run:
            found = best(run, choice, extra="x")
            assert found == kept
            with databases.start(choice, run=run, snapshot=found) as server:
                server.wait()
                assert server.snapshot == found
                assert dump(choice, server.database()) == expected
                assert sql(server.database(), "SELECT count(*) FROM part.users") == [("500",)]
                assert sql(server.clone("copy"), "SELECT count(*) FROM v") == [("500",)]
        assert places.left() == []

    def test_without_a_mark_the_main_state_is_kept(self, places, choice, sql):
        with places.run() as run:
            assert keep(run, choice, sql)
            found = best(run, choice)
            with databases.start(choice, run=run, snapshot=found) as server:
                assert sql(server.database(), "SELECT * FROM alembic_version") == [("b",)]

    def test_it_grows_from_one_to_the_next(self, places, local, sql):
        with places.run() as run:
            keep(run, local, sql, "CREATE TABLE one ()", {"a": "1"})
        with places.run() as run, databases.start(local, run=run, snapshot=best(run, local)) as s:
            sql(s.database(), "CREATE TABLE two ()")
            s.mark()
            s.keep_snapshot(revisions=HISTORY, extra="")
        with places.run() as run, databases.start(local, run=run, snapshot=best(run, local)) as s:
            found = "SELECT to_regclass('one')::text, to_regclass('two')::text"
            assert sql(s.database(), found) == [("one", "two")]

    @pytest.mark.parametrize(
        "statement",
        [
            "ALTER ROLE postgres SET work_mem = '1MB'",
            "ALTER SYSTEM SET work_mem = '1MB'",
            "ALTER ROLE early SUPERUSER",
            "DROP ROLE early",
            "CREATE ROLE late; GRANT CREATE ON TABLESPACE pg_default TO late",
            "CREATE ROLE late IN ROLE pg_monitor; GRANT early TO pg_monitor",
        ],
    )
    def test_what_lies_beside_the_database_and_came_later(self, places, local, sql, statement):
        with places.run() as run, databases.start(local, run=run) as server:
            sql(server.database(), "CREATE ROLE early")
            server.mark()
            for part in statement.split(";"):
                sql(server.database(), part)
            assert server.keep_snapshot(revisions=HISTORY, extra="") is None
            assert best(run, local) is None

    def test_a_broken_one_is_removed_and_the_database_is_empty(self, places, choice, sql):
        with places.run() as run:
            keep(run, choice, sql)
        with places.run() as run:
            found = best(run, choice)
            size = (found.state / "global" / "pg_control").stat().st_size
            (found.state / "global" / "pg_control").write_bytes(bytes(size))
            with databases.start(choice, run=run, snapshot=found) as server:
                server.wait()
                assert server.snapshot is None
                assert sql(server.database(), "SELECT to_regclass('alembic_version')") == [(None,)]
        with places.run() as run:
            assert best(run, choice) is None
        assert places.left() == []

    def test_one_that_vanished_is_no_hindrance(self, places, local, sql):
        with places.run() as run:
            keep(run, local, sql)
            found = best(run, local)
            shutil.rmtree(found.folder)
            with databases.start(local, run=run, snapshot=found) as server:
                assert sql(server.database(), "SELECT 1") == [("1",)]
                assert server.snapshot is None


class TestStore:
    """What does not depend on the database: SQLite's is a folder with one file."""

    @pytest.fixture
    def state(self, tmp_path):
        def make(size=100):
            folder = tmp_path / f"state{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            (folder / "app.db").write_bytes(bytes(size))
            return folder

        return make

    def store(self, run, folder, revisions, *, identity="i", extra="", **options):
        return snapshots.store(
            run,
            folder,
            dialect="sqlite",
            identity=identity,
            extra=extra,
            revisions=revisions,
            **options,
        )

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            pytest.param({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "2"}, id="largest"),
            pytest.param({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, id="exact"),
            pytest.param({"a": "1", "b": "9"}, {"a": "1"}, id="edited"),
            pytest.param({"a": "1"}, {"a": "1"}, id="shorter"),
            pytest.param({"a": "9", "b": "2"}, None, id="edited-base"),
            pytest.param({}, None, id="nothing-wanted"),
        ],
    )
    def test_the_largest_that_fits(self, places, state, wanted, expected):
        with places.run() as run:
            self.store(run, state(), {"a": "1"})
            self.store(run, state(), {"a": "1", "b": "2"})
            self.store(run, state(), {"a": "1", "x": "7"})
            found = snapshots.best(run, identity="i", extra="", wanted=wanted)
            assert (found and found.revisions) == expected

    @pytest.mark.parametrize("other", [{"identity": "j"}, {"extra": "x"}], ids=str)
    def test_another_identity_does_not_fit(self, places, state, other):
        with places.run() as run:
            self.store(run, state(), {"a": "1"}, **other)
            assert snapshots.best(run, identity="i", extra="", wanted={"a": "1"}) is None

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda f: (f / "meta.json").write_text(""), id="empty-meta"),
            pytest.param(lambda f: (f / "meta.json").write_text("[1]"), id="odd-meta"),
            pytest.param(
                lambda f: (f / "meta.json").write_text('{"size": 1, "files": 1}'), id="bare-meta"
            ),
            pytest.param(lambda f: (f / "meta.json").unlink(), id="no-meta"),
            pytest.param(lambda f: (f / "state" / "app.db").write_bytes(b""), id="torn-file"),
            pytest.param(lambda f: (f / "state" / "app.db").unlink(), id="missing-file"),
            pytest.param(lambda f: shutil.rmtree(f / "state"), id="no-state"),
        ],
    )
    def test_a_damaged_one_is_ignored_and_replaced(self, places, state, damage):
        with places.run() as run:
            damage(self.store(run, state(), {"a": "1"}).folder)
            assert snapshots.best(run, identity="i", extra="", wanted={"a": "1"}) is None
            assert self.store(run, state(), {"a": "1"})
            assert snapshots.best(run, identity="i", extra="", wanted={"a": "1"})
        assert places.left() == []

    def test_the_least_used_go_first(self, places, state):
        names = "abcd"
        with places.run() as run:
            for age, name in enumerate(names):
                kept = self.store(run, state(), {name: "1"})
                os.utime(kept.folder / "meta.json", (age, age))
        with places.run() as run:
            assert snapshots.best(run, identity="i", extra="", wanted={"a": "1"})
        with places.run() as run:
            self.store(run, state(), {"e": "1"}, limit=300)
        found = [sorted(snapshot.revisions) for snapshot in snapshots.listing(places.cache)]
        assert sorted(found) == [["a"], ["d"], ["e"]]

    def test_one_in_use_stays(self, places, state):
        with places.run() as run:
            self.store(run, state(), {"a": "1"})
        with places.run() as run:
            used = snapshots.best(run, identity="i", extra="", wanted={"a": "1"})
            os.utime(used.folder / "meta.json", (1, 1))
            with places.run() as other:
                self.store(other, state(), {"b": "1"}, limit=100)
            assert (used.state / "app.db").exists()
        with places.run() as run:
            self.store(run, state(), {"c": "1"}, limit=100)
        assert not used.folder.exists()

    def test_what_was_half_removed_is_removed(self, places, state):
        with places.run() as run:
            kept = self.store(run, state(), {"a": "1"})
            gone = kept.folder.with_name(".gone-x")
            kept.folder.rename(gone)
            assert snapshots.listing(places.cache) == []
            self.store(run, state(), {"b": "1"})
            assert not gone.exists()

    def test_one_that_is_larger_than_the_limit_is_not_kept(self, places, state):
        with places.run() as run:
            self.store(run, state(500), {"a": "1"}, limit=300)
        assert snapshots.listing(places.cache) == []

    def test_discarding(self, places, state):
        with places.run() as run:
            kept = self.store(run, state(), {"a": "1"})
        snapshots.discard(kept)
        assert snapshots.listing(places.cache) == []

    def test_a_cache_that_cannot_be_written_keeps_nothing(self, places, state):
        places.cache.write_text("a file")
        with places.run() as run:
            assert self.store(run, state(), {"a": "1"}) is None
            assert snapshots.best(run, identity="i", extra="", wanted={"a": "1"}) is None

    def test_many_revisions(self, places, state):
        many = {f"{number:012x}": f"{number:040x}" for number in range(2000)}
        with places.run() as run:
            self.store(run, state(), many)
            assert snapshots.best(run, identity="i", extra="", wanted={**many, "z": "1"})


class TestLimit:
    def test_the_run_says_how_much_is_kept(self, places, sql):
        choice = databases.choose("sqlite", "sqlite", environ={})
        for limit, left in [(1 << 20, 2), (0, 0)]:
            for name in "ab":
                with (
                    places.run(snapshots_limit=limit) as run,
                    databases.start(choice, run=run) as server,
                ):
                    Path(server.database().url["database"]).write_bytes(bytes(4096))
                    server.keep_snapshot(revisions={name: str(limit)}, extra="")
            assert len(snapshots.listing(places.cache)) == left

    def test_what_is_there_is_shown(self, places, local, sql, monkeypatch, capsys):
        with places.run() as run:
            keep(run, local, sql)
        monkeypatch.setattr(keeping, "cache_dir", lambda _environ: places.cache)
        monkeypatch.setenv("REVGUARD_CACHE_LIMIT", "2G")
        assert rim.run(["cache", "show"]) == 0
        said = capsys.readouterr().out
        assert f", {local.installation.binaries}, last used 2" in said
        assert f"PostgreSQL {local.installation.version}." in said
        assert ", at 2 revisions, last used 2" in said
        assert "snapshots may take 2.0 GiB (REVGUARD_CACHE_LIMIT)" in said
        assert rim.run(["cache", "show", "--format", "json"]) == 0
        data = json.loads(capsys.readouterr().out)
        assert [one["kind"] for one in data["stored"]] == ["server", "snapshot"]
        assert data["stored"][1]["revisions"] == len(HISTORY)
