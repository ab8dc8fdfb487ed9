"""A process that runs a server is killed at every stage: the next sweep leaves nothing."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from revguard import databases, leftovers
from revguard.databases import wire
from revguard.runs import sweep

HOOKS = str(Path(databases.__file__).parents[2])
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")

PRELUDE = """
import os, signal, sys, time
from pathlib import Path
from revguard import databases
from revguard.databases import wire
from revguard.runs import Run
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
run = Run(Path(sys.argv[1]), memory=sys.argv[2], temporary=sys.argv[3])
choice = databases.choose(sys.argv[4], sys.argv[5], environ=os.environ)
def connect(database):
    return wire.Connection(
        database.url["host"] + "/.s.PGSQL.5432", username="postgres",
        database=database.url["database"],
    )
"""
STAGES = {
    "initialising": """
        from revguard.databases import accounts
        def run_as(run, argv, *more, real=accounts.run_as):
            if "initdb" in argv[0] or "install" in argv[0]:
                import threading
                threading.Timer(0.1, die).start()
            return real(run, argv, *more)
        accounts.run_as = run_as
        with run:
            databases.start(choice, run=run)
        """,
    "unregistered": """
        with run:
            run.register = die
            databases.start(choice, run=run)
        """,
    "copying": """
        with run:
            databases.start(choice, run=run)
            time.sleep(0.02)
            die()
        """,
    "starting": """
        with run:
            databases.start(choice, run=run)
            time.sleep(0.06)
            die()
        """,
    "answering": """
        with run:
            databases.start(choice, run=run).wait()
            die()
        """,
    "in-a-query": """
        with run:
            server = databases.start(choice, run=run)
            connection = connect(server.database())
            connection._send(b"Q", b"SELECT pg_sleep(600)\\0")
            time.sleep(0.1)
            die()
        """,
    "computing": """
        with run:
            server = databases.start(choice, run=run)
            connection = connect(server.database())
            connection._send(b"Q", b"SELECT count(*) FROM generate_series(1, 1e12)\\0")
            time.sleep(0.1)
            die()
        """,
    "postmaster-killed-first": """
        with run:
            server = databases.start(choice, run=run)
            connection = connect(server.database())
            connection._send(b"Q", b"SELECT pg_sleep(600)\\0")
            time.sleep(0.1)
            os.kill(server._process.pid, signal.SIGKILL)
            die()
        """,
    "stopped": """
        with run:
            server = databases.start(choice, run=run)
            server.wait()
            os.kill(server._process.pid, signal.SIGSTOP)
            die()
        """,
    "keeping": """
        from revguard.databases import stored
        stored._bring = die
        with run:
            server = databases.start(choice, run=run)
            server.mark()
            server.keep_snapshot(revisions={"a": "1"}, extra="")
        """,
    "kept-in-part": """
        from revguard.databases import stored
        stored.measure = die
        with run:
            run.register = lambda *_, **options: None
            server = databases.start(choice, run=run)
            server.keep_snapshot(revisions={"a": "1"}, extra="")
        """,
    "removing": """
        from revguard import leftovers
        leftovers.remove_folder = die
        with run:
            databases.start(choice, run=run).wait()
        """,
}
# a query of PostgreSQL's is asked, or a part of it killed
POSTGRESQL = ("in-a-query", "computing", "postmaster-killed-first")
SQLITE = ("answering", "keeping", "kept-in-part", "removing")  # nothing is started there
CASES = [
    *(("local", "postgresql", stage) for stage in STAGES),
    *(("embedded", "postgresql", stage) for stage in STAGES),
    *(("local", "mysql", stage) for stage in STAGES if stage not in POSTGRESQL),
    *(("sqlite", "sqlite", stage) for stage in SQLITE),
]


def killed(places, choice, body):
    code = PRELUDE + textwrap.dedent(body)
    argv = [str(places.cache), places.memory, places.temporary, choice.provider, choice.dialect]
    done = subprocess.run(
        [sys.executable, "-c", code, *argv],
        env={**os.environ, "PYTHONPATH": HOOKS},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert done.returncode == -signal.SIGKILL


def ours(places):
    """Every process that works below these places."""
    folders = [places.memory, places.temporary, str(places.cache)]
    return leftovers.find("no-run", folders)


def noted_segments(places):
    """The shared memory that servers below these places noted as theirs."""
    folders = [path for path in places.left() if os.path.isdir(path)]
    runs = [entry.path for folder in folders for entry in os.scandir(folder) if entry.is_dir()]
    return {segment for run in (*folders, *runs) for segment in leftovers._noted_segments(run)}


def all_segments():
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {leftovers._segment(*line.split()[:2]) for line in lines}


@pytest.mark.parametrize(("setting", "dialect", "stage"), CASES, ids=map("-".join, CASES))
def test_nothing_is_left(places, initialised, chosen, setting, dialect, stage):
    choice = chosen(setting, dialect)
    if stage not in ("initialising", "unregistered"):
        initialised(places.cache)
        with places.run() as run, databases.start(choice, run=run) as server:
            server.wait()
    killed(places, choice, STAGES[stage])
    assert places.left() != []
    noted = noted_segments(places)
    assert noted or dialect != "postgresql" or stage not in ("answering", *POSTGRESQL[2:])
    assert sweep(places.cache, **places.options) == 1
    assert places.left() == []
    assert ours(places) == []
    assert not noted & all_segments()
    with places.run() as run, databases.start(choice, run=run) as server:
        server.wait()
    assert places.left() == []


def test_a_killed_server_of_a_run_that_lives(places, local, initialised):
    """Its processes compute on without their postmaster, and its shared memory stays."""
    initialised(places.cache)
    with places.run() as run:
        with databases.start(local, run=run) as server:
            path = f"{server.database().url['host']}/.s.PGSQL.5432"
            connection = wire.Connection(path, username="postgres", database="template1")
            connection._send(b"Q", b"SELECT count(*) FROM generate_series(1, 1e12)\0")
            time.sleep(0.1)
            noted = {one for folder in server._folders for one in leftovers._noted_segment(folder)}
            os.kill(server._process.pid, signal.SIGKILL)
            assert noted
            assert ours(places) != []
        assert ours(places) == []
        assert not noted & all_segments()
        connection.close()
    assert places.left() == []


def test_the_initialisation_stays_out_of_shared_memory(places, choice):
    """What a killed server leaves there has no name by which it could be swept."""
    seen, over = set(), threading.Event()

    def watch(run):
        while not over.wait(0.002):
            for pid in leftovers.find(run.id, [places.memory, places.temporary]):
                with contextlib.suppress(OSError):
                    maps = Path(f"/proc/{pid}/maps").read_text()
                    seen.update(re.findall(r"/dev/shm/PostgreSQL|pg_dynshmem", maps))

    with places.run() as run:
        watcher = threading.Thread(target=watch, args=(run,))
        watcher.start()
        try:
            with databases.start(choice, run=run) as server:
                server.wait()
        finally:
            over.set()
            watcher.join()
    assert seen == {"pg_dynshmem"}
    assert places.left() == []
