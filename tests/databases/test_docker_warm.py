"""`keep`: the container of a project stays, each run has a fresh database in it, and it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from revguard import databases
from revguard.databases import network
from revguard.runs import sweep

from .images import NAMES as IMAGES
from .test_docker import choose, login, served, sql
from .test_docker_killed import becomes

HOOKS = str(Path(databases.__file__).parents[2])
HISTORY = {"a": "1"}
one_is_enough = pytest.mark.parametrize("warm", ["postgresql"], indirect=True)


@pytest.fixture(params=IMAGES)
def warm(request, engine, session_places):
    """`warm(keep)`: a choice whose container nobody else uses; it is removed in the end."""
    project = f"/warm/{os.urandom(4).hex()}"

    def wanted(keep=600, **more):
        return choose(engine, request.param, project=project, keep=keep, **more)

    wanted.containers = lambda: engine.containers(project)
    yield wanted
    client = engine.client()
    for name in wanted.containers():
        client.remove_container(name, force=True)
    client.close()


def names(server):
    with login(server.database()) as connection:
        return [name for name in server._dialect.names(connection) if name.startswith("run_")]


def test_the_next_run_finds_it_with_a_fresh_database(warm, session_places):
    with session_places.run() as run, served(run, warm()) as server:
        first = server.database()
        assert first.url["database"].startswith(f"run_{run.id}")
        sql(first, "CREATE TABLE t (id int)")
        server.mark()
        assert sql(server.clone("other"), "SELECT count(*) FROM t") == [("0",)]
        (name,) = warm.containers()
    assert session_places.left() == []
    sweep(session_places.cache, **session_places.options)
    started = time.monotonic()
    with session_places.run() as run, served(run, warm()) as server:
        assert time.monotonic() - started < 3
        assert warm.containers() == [name]
        assert server.database().url["port"] == first.url["port"]
        assert len(names(server)) == 1
        with pytest.raises(network.ServerError):
            sql(server.database(), "SELECT * FROM t")
        assert server.failure() == ""
    assert warm.containers() == [name]


@one_is_enough
def test_another_configuration_has_another(warm, engine, session_places):
    with session_places.run() as run, served(run, warm(600)):
        pass
    with session_places.run() as run, served(run, warm(700)):
        pass
    assert len(warm.containers()) == 2


@one_is_enough
def test_it_ends_itself_and_not_while_it_is_used(warm, session_places):
    with session_places.run() as run, served(run, warm(2)) as server:
        time.sleep(4)
        assert server.failure() == ""
        assert sql(server.database(), "SELECT 1") == [("1",)]
    becomes(lambda: warm.containers() == [])


def test_two_runs_at_once(warm, session_places):
    made = []

    def one():
        with session_places.run() as run, served(run, warm()) as server:
            sql(server.database(), "CREATE TABLE mine (id int)")
            together.wait(20)
            made.append((server.database().url["port"], server.database().url["database"]))
            server.mark()
            sql(server.clone("c"), "SELECT * FROM mine")
            together.wait(20)

    together = threading.Barrier(2)
    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(warm.containers()) == 1
    assert len({port for port, _ in made}) == 1
    assert len({name for _, name in made}) == 2


def test_what_a_killed_run_left_in_it(warm, engine, session_places):
    with session_places.run() as run, served(run, warm()):
        pass
    choice = warm()
    code = f"""
import os, signal, sys
from pathlib import Path
from revguard import databases
from revguard.runs import Run
with Run(Path(sys.argv[1]), memory=sys.argv[2], temporary=sys.argv[3]) as run:
    choice = databases.choose({choice.provider!r}, {choice.dialect!r}, environ=os.environ,
                              keep=600, project={choice.installation.wanted.project!r})
    server = databases.start(choice, run=run)
    with server._login() as connection:
        connection.query("CREATE " + {"ROLE" if choice.dialect == "postgresql" else "USER"!r}
                         + " leftover")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    argv = [str(session_places.cache), session_places.memory, session_places.temporary]
    environ = {**os.environ, **engine.environ, "PYTHONPATH": HOOKS}
    done = subprocess.run([sys.executable, "-c", code, *argv], env=environ)
    assert done.returncode == -signal.SIGKILL
    (name,) = warm.containers()
    sweep(session_places.cache, **session_places.options)
    assert session_places.left() == []
    assert warm.containers() == [name]
    with session_places.run() as run, served(run, warm()) as server:
        assert names(server) == [server.database().url["database"]]
        with login(server.database()) as connection:
            assert server._dialect.beside(connection) == []
    assert warm.containers() == [name]


@one_is_enough
def test_a_state_of_a_container_that_did_not_stay_is_another_thing(warm, session_places):
    cold = warm(0)
    with session_places.run() as run, served(run, cold) as server:
        kept = server.keep_snapshot(revisions=HISTORY, extra="")
    with session_places.run() as run:
        for choice, expected in ((warm(), None), (cold, kept)):
            wanted = {"identity": choice.identity, "extra": "", "wanted": HISTORY}
            assert databases.best(run, **wanted) == expected


def test_a_state_is_kept_in_it(warm, session_places):
    with session_places.run() as run, served(run, warm()) as server:
        sql(server.database(), "CREATE TABLE t (id int)")
        server.mark()
        sql(server.database(), "DROP TABLE t")
        kept = server.keep_snapshot(revisions=HISTORY, extra="")
        assert kept.revisions == HISTORY
    with session_places.run() as run:
        choice = warm()
        found = databases.best(run, identity=choice.identity, extra="", wanted=HISTORY)
        assert found == kept
        with served(run, choice, snapshot=found) as server:
            assert server.snapshot == found
            assert sql(server.database(), "SELECT count(*) FROM t") == [("0",)]


def test_another_database_is_not_kept_and_does_not_stay(warm, session_places):
    with session_places.run() as run, served(run, warm()) as server:
        sql(server.database(), "CREATE DATABASE audit")
        assert server.keep_snapshot(revisions=HISTORY, extra="") is None
    with session_places.run() as run, served(run, warm()) as server:
        sql(server.database(), "CREATE DATABASE audit")
        server.mark()


@one_is_enough
def test_a_state_of_one_that_is_gone_is_never_used(warm, engine, session_places):
    with session_places.run() as run, served(run, warm()) as server:
        sql(server.database(), "CREATE TABLE t (id int)")
        kept = server.keep_snapshot(revisions=HISTORY, extra="")
    client = engine.client()
    with contextlib.closing(client):
        for name in warm.containers():
            client.remove_container(name, force=True)
    with session_places.run() as run:
        choice = warm()
        wanted = {"identity": choice.identity, "extra": "", "wanted": HISTORY}
        assert databases.best(run, **wanted) is None
        with served(run, choice, snapshot=kept) as server:
            assert server.snapshot is None
            with pytest.raises(network.ServerError):
                sql(server.database(), "SELECT * FROM t")
