"""Servers in containers: ready, isolated, limited, copied, and gone with their run."""

import contextlib
import dataclasses
import os
import select
import socket
import socketserver
import subprocess
import threading
import time

import pytest

from revguard import databases
from revguard.databases import containers, images, network, stored
from revguard.errors import CouldNotCheck

from .images import MARIADB, POSTGRES
from .images import NAMES as IMAGES

one_is_enough = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
HISTORY = {"a": "1", "b": "2"}
TABLES = {
    "postgresql": """
CREATE SCHEMA part; CREATE TYPE part.mood AS ENUM ('good', 'bad');
CREATE TABLE part.users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, m part.mood);
INSERT INTO part.users (email, m) SELECT 'u' || i, 'good' FROM generate_series(1, 500) i;
CREATE ROLE reader; GRANT SELECT ON part.users TO reader;
CREATE EXTENSION citext; COMMENT ON DATABASE app IS 'ours'""",
    "mariadb": """
CREATE TABLE users (id int AUTO_INCREMENT PRIMARY KEY, email varchar(99) NOT NULL UNIQUE);
INSERT INTO users (email) SELECT concat('u', seq) FROM seq_1_to_500;
CREATE VIEW v AS SELECT email FROM users""",
}
GREEDY = {
    "postgresql": "SET work_mem = '2GB'; SELECT count(*) FROM (SELECT array_agg(repeat(i::text, "
    "200)) FROM generate_series(1, 3000000) i) x",
    "mariadb": "SET max_heap_table_size = 4294967296; CREATE TEMPORARY TABLE t (a char(250)) "
    "ENGINE=MEMORY; INSERT INTO t SELECT repeat('x', 250) FROM seq_1_to_3000000",
}
COUNT = {"postgresql": "SELECT count(*) FROM part.users", "mariadb": "SELECT count(*) FROM users"}


def login(database):
    """A connection of our own to this database."""
    url = database.url
    named = {"host": url["host"], "port": url["port"], "username": url["username"],
             "password": url["password"], "database": url["database"], "timeout": 20}  # fmt: skip
    if database.dialect == "postgresql":
        return network.PostgresConnection(**named)
    return network.MysqlConnection(**named)


def sql(database, statements):
    with contextlib.closing(login(database)) as connection:
        for statement in statements.split(";"):
            rows = connection.query(statement)
    return rows


def choose(engine, dialect, setting=None, **wanted):
    setting = setting or f"docker:{IMAGES[dialect]}"
    return databases.choose(setting, dialect, environ=engine.environ, **wanted)


@pytest.fixture(scope="session")
def docker_places(session_places):
    """The cache with the data folders that are initialised once."""
    return session_places


@pytest.fixture(params=IMAGES)
def dialect(request):
    return request.param


@pytest.fixture
def client(engine):
    client = engine.client()
    yield client
    client.close()


@contextlib.contextmanager
def served(run, choice, **options):
    with databases.start(choice, run=run, **options) as server:
        server.wait()
        yield server


def inspected(client, run):
    (one,) = client.containers(all=True, filters={"label": f"dev.revguard.run={run.id}"})
    return client.inspect_container(one["Id"])


def volumes(client):
    return {one["Name"] for one in client.volumes()["Volumes"] or ()}


class TestServing:
    def test_what_it_is(self, run, engine, client, dialect):
        before = time.time()
        with served(run, choose(engine, dialect, project="/home/me/shop")) as server:
            database = server.database()
            assert database.provider == f"docker:{IMAGES[dialect]}"
            assert database.dialect == dialect
            assert database.server_version.startswith(IMAGES[dialect].partition(":")[2])
            assert sql(database, "SELECT 1") == [("1",)]
            told = inspected(client, run)
            (bound,) = [one for ports in told["NetworkSettings"]["Ports"].values() for one in ports]
            assert bound == {"HostIp": "127.0.0.1", "HostPort": str(database.url["port"])}
            labels = told["Config"]["Labels"]
            assert labels["dev.revguard.project"] == "/home/me/shop"
            assert labels["dev.revguard.created"][:4] == time.strftime("%Y", time.gmtime(before))
            limits = told["HostConfig"]
            assert (limits["Memory"], limits["AutoRemove"]) == (2 << 30, True)
            assert limits["PidsLimit"]
            assert str(containers.LIFETIME) in told["Config"]["Cmd"]
            assert told["Mounts"] == []  # no volume: the data is in memory
            assert len(database.url["password"]) >= 32
        assert client.containers(all=True, filters={"label": f"dev.revguard.run={run.id}"}) == []
        # another test's, which runs beside this one on the same engine, goes with that test
        left, until = volumes(client), time.monotonic() + 60
        while left & volumes(client) and time.monotonic() < until:
            time.sleep(0.1)
        assert not left & volumes(client)

    @one_is_enough
    def test_only_the_password_lets_in(self, run, engine, dialect):
        with served(run, choose(engine, dialect)) as server:
            database = server.database()
            database.url["password"] = "guess"
            with pytest.raises(network.ServerError):
                login(database)

    def test_the_second_start_needs_no_initialisation(self, places, engine, dialect):
        with places.run() as run, served(run, choose(engine, dialect)) as server:
            assert sql(server.database(), "SELECT 1") == [("1",)]
        (kept,) = stored.listing(places.cache / "servers")
        assert kept.state.stat().st_mode & 0o077 == 0
        with places.run() as run, served(run, choose(engine, dialect)) as server:
            assert server._container.plan.archive == kept.state / "data.tar"
            assert "init process" not in server._container.said()
            assert sql(server.database(), "SELECT 1") == [("1",)]
        assert places.left() == []

    def test_marked_cloned_and_not_changed_by_each_other(self, run, engine, dialect):
        with served(run, choose(engine, dialect)) as server:
            sql(server.database(), TABLES[dialect])
            server.mark()
            sql(server.database(), "CREATE TABLE later (id int)")
            clone = server.clone("other")
            assert clone.url["database"] == "other"
            assert sql(clone, COUNT[dialect]) == [("500",)]
            with pytest.raises(network.ServerError):
                sql(clone, "SELECT * FROM later")
            assert server.failure() == ""

    @one_is_enough
    def test_two_runs_at_once(self, session_places, engine, dialect):
        with (
            session_places.run() as one,
            session_places.run() as two,
            served(one, choose(engine, dialect)) as a,
            served(two, choose(engine, dialect)) as b,
        ):
            sql(a.database(), "CREATE TABLE mine (id int)")
            with pytest.raises(network.ServerError):
                sql(b.database(), "SELECT * FROM mine")

    def test_by_digest_and_by_id(self, run, engine, client):
        known = client.inspect_image(POSTGRES)["Id"]
        with served(run, choose(engine, "postgresql", f"docker:{known}")) as server:
            assert sql(server.database(), "SELECT 1") == [("1",)]

    def test_without_a_name_it_is_the_official_image(self, engine):
        assert choose(engine, "postgresql", "docker").provider == f"docker:{POSTGRES}"
        found = choose(engine, "postgresql", "docker", version="99.3")
        assert found.provider == "docker:postgres:99"
        assert not found.installation.ready

    def test_from_a_container_beside_it(self, run, engine, client, monkeypatch):
        """Where this engine runs us too, its host's loopback is not ours."""
        name = f"job-{run.id}"
        created = client.create_container(
            "sleeper:1", name=name, host_config=client.create_host_config(auto_remove=True)
        )
        client.start(created["Id"])
        monkeypatch.setattr(socket, "gethostname", lambda: name)
        monkeypatch.setattr(containers, "_IN_CONTAINER", ("/proc",))
        try:
            with served(run, choose(engine, "postgresql")) as server:
                assert server.database().url["host"].startswith("172.31.")
                assert server.database().url["port"] == 5432
                assert inspected(client, run)["HostConfig"]["PortBindings"] in (None, {})
                assert sql(server.database(), "SELECT 1") == [("1",)]
        finally:
            client.remove_container(created["Id"], force=True)

    @one_is_enough
    def test_on_another_machine(self, run, engine, client, dialect):
        """By TCP, as in CI with a service, and the database on that host, too."""
        host = own_address()
        with forwarded(host, engine.url.removeprefix("unix://")) as port:
            environ = {**engine.environ, "DOCKER_HOST": f"tcp://{host}:{port}"}
            setting = f"docker:{IMAGES[dialect]}"
            choice = databases.choose(setting, dialect, environ=environ)
            with served(run, choice) as server:
                assert server.database().url["host"] == host
                assert sql(server.database(), "SELECT 1") == [("1",)]
                assert server.failure() == ""
            assert (
                client.containers(all=True, filters={"label": f"dev.revguard.run={run.id}"}) == []
            )


class TestSnapshots:
    def best(self, run, choice):
        return databases.best(run, identity=choice.identity, extra="", wanted=HISTORY)

    def dump(self, database, engine):
        """All that the server's own program tells."""
        url = database.url
        if database.dialect == "mariadb":
            names = ("users", "v")
            told = [sql(database, f"SHOW CREATE TABLE {name}") for name in names]
            return [*told, *(sql(database, f"SELECT * FROM {name} ORDER BY 1") for name in names)]
        words = ["pg_dump", "-h", url["host"], "-p", str(url["port"]), "-U", url["username"]]
        environ = {**os.environ, "PGPASSWORD": url["password"]}
        done = subprocess.run(
            [*words, "--create", url["database"]],
            env=environ, capture_output=True, text=True, check=True,
        )  # fmt: skip
        # a random word follows \restrict since 15.14
        return [line for line in done.stdout.splitlines() if not line.startswith("\\")]

    def test_it_equals_the_replay(self, places, engine, dialect):
        choice = choose(engine, dialect)
        with places.run() as run, served(run, choice) as server:
            sql(server.database(), TABLES[dialect])
            server.mark()
            expected = self.dump(server.database(), engine)
            sql(server.database(), "CREATE TABLE later (id int)")
            server.clone("other")
            kept = server.keep_snapshot(revisions=HISTORY, extra="")
            assert kept.revisions == HISTORY
        with places.run() as run:
            found = self.best(run, choice)
            assert found == kept
            with served(run, choice, snapshot=found) as server:
                assert server.snapshot == found
                assert self.dump(server.database(), engine) == expected
                assert sql(server.clone("copy"), COUNT[dialect]) == [("500",)]
                sql(server.database(), "CREATE TABLE next_one (id int)")
                assert server.keep_snapshot(revisions={**HISTORY, "c": "3"}, extra="")
        assert places.left() == []

    def test_what_lies_beside_and_came_later(self, run, engine, dialect):
        with served(run, choose(engine, dialect)) as server:
            server.mark()
            created = {"postgresql": "CREATE ROLE late SUPERUSER; GRANT CREATE ON TABLESPACE "
                       "pg_default TO late", "mariadb": "CREATE USER late"}  # fmt: skip
            sql(server.database(), created[dialect])
            assert server.keep_snapshot(revisions=HISTORY, extra="") is None

    @pytest.mark.parametrize("dialect", ["mariadb"])
    @pytest.mark.parametrize("marked", [True, False], ids=["marked", "not marked"])
    @pytest.mark.parametrize(
        "statement", ["CREATE DATABASE audit", "SET GLOBAL log_bin_trust_function_creators = 1"]
    )
    def test_what_lay_beside_and_is_not_of_the_database(
        self, run, engine, dialect, marked, statement
    ):
        with served(run, choose(engine, dialect)) as server:
            sql(server.database(), statement)
            if marked:
                server.mark()
            assert server.keep_snapshot(revisions=HISTORY, extra="") is None

    @pytest.mark.parametrize("dialect", ["mariadb"])
    def test_what_came_later_and_goes_with_the_server(self, places, engine, dialect):
        choice = choose(engine, dialect)
        with places.run() as run, served(run, choice) as server:
            sql(server.database(), "CREATE TABLE t (id int)")
            server.mark()
            sql(server.database(), "CREATE DATABASE audit; SET GLOBAL max_statement_time = 9")
            kept = server.keep_snapshot(revisions=HISTORY, extra="")
            assert kept
        with places.run() as run, served(run, choice, snapshot=kept) as server:
            assert sql(server.database(), "SELECT count(*) FROM t") == [("0",)]
            assert sql(server.database(), "SHOW DATABASES LIKE 'audit'") == []
            ((limit,),) = sql(server.database(), "SELECT @@global.max_statement_time")
            assert float(limit) == 0

    def test_another_images_is_never_used(self, places, engine, client):
        choice = choose(engine, "postgresql")
        with places.run() as run, served(run, choice) as server:
            assert server.keep_snapshot(revisions=HISTORY, extra="")
        made = client.create_container(POSTGRES, name="changed")
        client.commit(made["Id"], "postgres", "other")
        client.remove_container(made["Id"])
        other = choose(engine, "postgresql", "docker:postgres:other")
        with places.run() as run:
            assert self.best(run, choice)
            assert self.best(run, other) is None
            assert self.best(run, choose(engine, "postgresql", "docker:postgres:98")) is None

    def test_a_broken_one_is_removed_and_the_database_is_empty(self, places, engine):
        choice = choose(engine, "postgresql")
        with places.run() as run, served(run, choice) as server:
            sql(server.database(), "CREATE TABLE t (id int)")
            server.keep_snapshot(revisions=HISTORY, extra="")
        with places.run() as run:
            found = self.best(run, choice)
            archive = found.state / "data.tar"
            archive.write_bytes(archive.read_bytes()[:1000] + bytes(archive.stat().st_size - 1000))
            with served(run, choice, snapshot=found) as server:
                assert server.snapshot is None
                assert sql(server.database(), "SELECT to_regclass('t')::text") == [(None,)]
        with places.run() as run:
            assert self.best(run, choice) is None
        assert places.left() == []

    def test_a_broken_data_folder_is_made_anew(self, places, engine):
        choice = choose(engine, "postgresql")
        for broken in (False, True, False):
            with places.run() as run:
                if broken:
                    (kept,) = stored.listing(places.cache / "servers")
                    archive = kept.state / "data.tar"
                    archive.write_bytes(b"x" * archive.stat().st_size)
                with served(run, choice) as server:
                    assert sql(server.database(), "SELECT 1") == [("1",)]


class TestRefusals:
    def test_an_image_that_is_nowhere(self, run, engine):
        told = []
        choice = choose(
            engine, "postgresql", "docker:localhost:1/postgres:15", progress=told.append
        )
        assert not choice.installation.ready
        with databases.start(choice, run=run) as server, pytest.raises(CouldNotCheck) as caught:
            server.wait()
        assert "the image localhost:1/postgres:15 is not here and cannot be pulled" in str(
            caught.value
        )
        assert "`docker pull localhost:1/postgres:15`" in caught.value.hint
        assert told == ["pulling localhost:1/postgres:15"]
        assert engine_is_without(engine, run)

    @pytest.mark.parametrize(
        ("image", "says"),
        [
            ("nothing:1", "it ended by itself\n  no server here"),
            ("sleeper:1", "no login was answered in 1 seconds\n  just sleeping"),
            ("bare:1", "cannot start bare:1: .*/bin/sh"),
        ],
    )
    def test_an_image_without_the_server(self, run, engine, image, says):
        choice = choose(engine, "postgresql", f"docker:{image}")
        with (
            pytest.raises(CouldNotCheck, match=says),
            databases.start(choice, run=run) as server,
        ):
            server.wait(1)

    def test_another_dialects_server(self, engine):
        with pytest.raises(CouldNotCheck, match=f"{MARIADB} is no image of a postgresql server"):
            choose(engine, "postgresql", f"docker:{MARIADB}")

    def test_it_is_given_up(self, run, engine):
        choice = choose(engine, "postgresql", "docker:sleeper:1")
        with (
            databases.start(choice, run=run) as server,
            pytest.raises(CouldNotCheck, match="given up"),
        ):
            server.wait(20, lambda: True)

    def test_the_disk_is_full(self, run, engine, monkeypatch):
        monkeypatch.setattr(containers, "_DATA_SIZE", "90m")
        with served(run, choose(engine, "postgresql")) as server:
            with pytest.raises(
                network.ServerError, match=r"No space left|could not extend"
            ) as caught:
                sql(server.database(), "CREATE TABLE t AS SELECT repeat('x', 900), i "
                    "FROM generate_series(1, 2000000) i")  # fmt: skip
            assert caught.value.code == "53100"
            assert server.failure() == ""

    @pytest.mark.parametrize("dialect", IMAGES)
    def test_too_little_memory(self, session_places, engine, dialect, monkeypatch):
        """For what is asked of it, and already for its start."""
        with session_places.run() as run:
            limit(monkeypatch, dialect, 200)
            with served(run, choose(engine, dialect)) as server:
                with pytest.raises((network.ServerError, OSError)):
                    sql(server.database(), GREEDY[dialect])
                assert wait_until(server.failure)
                first = server.failure().splitlines()[0]
                assert first == "it ran out of memory: its container may use 200 MB"
            limit(monkeypatch, dialect, 12)
            with (
                pytest.raises(CouldNotCheck, match="memory: its container may use 12 MB") as caught,
                databases.start(choose(engine, dialect), run=run) as server,
            ):
                server.wait(20)
            assert "Another provider" in caught.value.hint
            assert engine_is_without(engine, run)
        assert session_places.left() == []

    def test_a_server_that_is_killed(self, run, engine, client, dialect):
        with served(run, choose(engine, dialect)) as server:
            asked = client.exec_create(
                inspected(client, run)["Id"], ["sh", "-c", "kill -9 $(cat /revguard/server)"]
            )
            client.exec_start(asked["Id"], detach=True)
            until = time.monotonic() + 5
            while not server.failure() and time.monotonic() < until:
                time.sleep(0.02)
            assert server.failure()
            with pytest.raises(CouldNotCheck, match="could not clone the ephemeral database"):
                server.clone("x")

    def test_a_container_that_is_removed(self, run, engine, client):
        with served(run, choose(engine, "postgresql")) as server:
            client.remove_container(inspected(client, run)["Id"], force=True)
            until = time.monotonic() + 5
            while not server.failure() and time.monotonic() < until:
                time.sleep(0.02)
            assert server.failure()


class TestLifetime:
    def test_it_ends_itself(self, run, engine, monkeypatch):
        with served(run, choose(engine, "postgresql")):
            pass  # the next one starts at once
        monkeypatch.setattr(containers, "LIFETIME", 2)
        with served(run, choose(engine, "postgresql")) as server:
            assert wait_until(lambda: engine_is_without(engine, run))
            assert server.failure()


def limit(monkeypatch, dialect, megabytes):
    """Containers of this dialect may use no more than this."""
    family = dataclasses.replace(images._FAMILIES[dialect], memory=megabytes << 20)
    monkeypatch.setitem(images._FAMILIES, dialect, family)


def own_address():
    """This machine's own, not on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect(("192.0.2.1", 9))  # nothing is sent
        return line.getsockname()[0]


@contextlib.contextmanager
def forwarded(host, path):
    """A port there at which the socket's owner answers."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(path)
                lines = {self.request: line, line: self.request}
                while True:
                    for ready in select.select(list(lines), [], [])[0]:
                        piece = ready.recv(1 << 16)
                        if not piece:
                            return
                        lines[ready].sendall(piece)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_):
            pass

    with Server((host, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def engine_is_without(engine, run):
    return not [name for name in engine.containers() if run.id in name]


def wait_until(holds, seconds=10):
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
