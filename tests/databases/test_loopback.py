"""A PostgreSQL that other programs are to reach: on loopback, with a password, and no further."""

import socket
import stat

import psycopg2
import pytest

from revguard import databases
from revguard.databases import addresses, local_server, wire
from revguard.databases.providing import Database
from revguard.errors import CouldNotCheck


def choose(local, **wanted):
    return databases.choose("local", "postgresql", environ={"PATH": ""}, network=True, **wanted)


def login(address, **other):
    names = {"username": "user", "database": "dbname"}
    told = {names.get(key, key): value for key, value in {**address, **other}.items()}
    return psycopg2.connect(connect_timeout=5, **told)


def test_with_the_password_and_not_without(run, local, sql):
    with databases.start(choose(local), run=run) as server:
        database = server.database()
        assert database.address["host"] == "127.0.0.1"
        assert database.url["host"].startswith("/")
        assert sql(database, "SHOW listen_addresses") == [("127.0.0.1",)]
        with login(database.address) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT current_database()")
            assert cursor.fetchone() == ("app",)
        connection.close()
        for wrong in ("", "x"):
            with pytest.raises(psycopg2.OperationalError, match="password"):
                login(database.address, password=wrong)
        folder = run.memory or run.temporary()
        (rules,) = [path for path in folder.rglob("pg_hba.conf") if path.parent.name[0] == "s"]
        assert stat.S_IMODE(rules.stat().st_mode) == 0o640
        server.mark()
        clone = server.clone("other")
        assert clone.address == {**database.address, "database": "other"}
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", database.address["port"]), 5)


def test_nobody_listens_where_nobody_asks(run, local, sql):
    with databases.start(local, run=run) as server:
        assert server.database().address is None
        assert sql(server.database(), "SHOW listen_addresses") == [("",)]


def test_the_password_is_in_no_snapshot(places, local, sql):
    with places.run() as run, databases.start(choose(local), run=run) as server:
        assert server.database().address
        server.mark()
        assert server.keep_snapshot(revisions={"a": "1"}, extra="")
    with places.run() as run:
        found = databases.best(run, identity=local.identity, extra="", wanted={"a": "1"})
        with databases.start(local, run=run, snapshot=found) as server:
            database = server.database()
            assert server.snapshot == found
            assert sql(database, "SELECT count(*) FROM pg_authid WHERE rolpassword <> ''") == [
                ("0",)
            ]


@pytest.mark.parametrize(("taken", "served"), [(1, True), (2, True), (3, False)])
def test_a_port_that_was_taken_meanwhile(run, local, monkeypatch, taken, served):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        real, tried = local_server.free_port, []

        def port():
            tried.append(1)
            return other.getsockname()[1] if len(tried) <= taken else real()

        monkeypatch.setattr(local_server, "free_port", port)
        with databases.start(choose(local), run=run) as server:
            if served:
                with login(server.database().address):
                    pass
            else:
                with pytest.raises(CouldNotCheck, match="could not bind IPv4 address"):
                    server.wait()


def database(dialect, **url):
    return Database(provider="x", dialect=dialect, server_version="1", identity="", url=url)


ODD = {"username": "a@b", "password": "p:/@%", "database": "d?d"}


@pytest.mark.parametrize(
    ("found", "driver", "url"),
    [
        (database("sqlite", database="/t/app.db"), "sqlite+aiosqlite", "sqlite+aiosqlite:////t/app.db"),
        (
            database("postgresql", host="127.0.0.1", port=5433, **ODD),
            "postgresql+asyncpg",
            "postgresql+asyncpg://a%40b:p%3A%2F%40%25@127.0.0.1:5433/d%3Fd",
        ),
        (
            database("postgresql", host="::1", port=1, username="u", database="d"),
            "postgresql",
            "postgresql://u@[::1]:1/d",
        ),
        (
            database("postgresql", host="/t/s", port=5432, username="u", database="d"),
            "postgresql+psycopg",
            "postgresql+psycopg://u@/d?host=/t/s&port=5432",
        ),
        (
            database("postgresql", host="/t/s", port=5432, username="u", database="d"),
            "postgresql+pg8000",
            "postgresql+pg8000://u@/d?unix_sock=/t/s/.s.PGSQL.5432",
        ),
        (
            database("mysql", socket="/t/m.sock", username="root", database="d"),
            "mysql+pymysql",
            "mysql+pymysql://root@localhost/d?unix_socket=/t/m.sock",
        ),
    ],
)  # fmt: skip
def test_the_url_is_read_back(found, driver, url):
    from sqlalchemy.engine import make_url

    assert addresses.values(found, driver)["url"] == url
    read, told = make_url(url), found.url
    assert (read.database, read.username, read.password) == (
        told["database"],
        told.get("username"),
        told.get("password"),
    )
    assert read.drivername == driver


def test_the_variables_of_clients():
    found = addresses.variables(database("postgresql", host="h", port=1, **ODD))
    assert {name: found[name] for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD")} == {
        "PGHOST": "h",
        "PGPORT": "1",
        "PGUSER": "a@b",
        "PGPASSWORD": "p:/@%",
    }
    found = addresses.variables(database("mysql", socket="/s", username="u", database="d"))
    assert (found["MYSQL_UNIX_PORT"], found["MYSQL_DATABASE"]) == ("/s", "d")
    assert addresses.variables(database("sqlite", database="/x")) == {
        "DATABASE_URL": "sqlite:////x"
    }


def test_the_place_of_an_error_is_told(run, local):
    with databases.start(local, run=run) as server, addresses.connect(server.database(), 20) as one:
        with pytest.raises(wire.ServerError) as caught:
            one.query("SELECT 1;\nSELEKT 2")
        assert caught.value.position == 11
