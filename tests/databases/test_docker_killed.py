"""A run with a container is killed, or its server, or the engine: afterwards nothing is left."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from revguard import databases
from revguard.databases import container_script, containers
from revguard.runs import sweep

from . import engine as engines
from . import images

DOCKER = f"docker:{images.POSTGRES}"
HOOKS = str(Path(databases.__file__).parents[2])
PRELUDE = """
import os, signal, sys, time
from pathlib import Path
from revguard import databases
from revguard.databases import container_stream, containers
from revguard.runs import Run
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
run = Run(Path(sys.argv[1]), memory=sys.argv[2], temporary=sys.argv[3])
choice = databases.choose(
    sys.argv[5], "postgresql", environ=os.environ, project=sys.argv[1],
    keep=int(sys.argv[4]),
)
"""
# the code that is killed, and whether the container goes without anybody's help
STAGES = {
    "before-it-is-made": ("containers._create = die", True),
    "made": ("containers.Container._start = die", False),
    "attached": ("import docker; docker.APIClient.start = die", False),
    "started": ("containers.address = die", True),
    "giving-the-archive": ("container_stream.Stream.give = die", True),
    "starting": ("databases.start(choice, run=run); time.sleep(0.1); die()", True),
    "answering": ("databases.start(choice, run=run).wait(); die()", True),
    "stopped": (
        """
        server = databases.start(choice, run=run)
        server.wait()
        server._client.pause(server._container.id)
        die()
        """,
        False,
    ),
    "archiving": (
        """
        server = databases.start(choice, run=run)
        server.wait()
        real = container_stream._frame
        def frame(line, *more):
            found = real(line, *more)
            return die() if len(found[1]) > 1000 else found
        container_stream._frame = frame
        server.keep_snapshot(revisions={"a": "1"}, extra="")
        """,
        True,
    ),
    "removing": (
        """
        server = databases.start(choice, run=run)
        server.wait()
        containers.remove = die
        server.__exit__(None, None, None)
        """,
        True,
    ),
}


@pytest.fixture(scope="session")
def prepared(session_places, engine):
    """The cache with the initialised data folder, so that each stage is reached at once."""
    choice = databases.choose(DOCKER, "postgresql", environ=engine.environ)
    with session_places.run() as run, databases.start(choice, run=run) as server:
        server.wait()
    return session_places


def kill(places, engine, body, keep=0):
    code = PRELUDE + "with run:\n" + textwrap.indent(textwrap.dedent(body), "    ")
    code += "\n    databases.start(choice, run=run).wait()\n"
    argv = [str(places.cache), places.memory, places.temporary, str(keep), DOCKER]
    done = subprocess.run(
        [sys.executable, "-c", code, *argv],
        env={**os.environ, **engine.environ, "PYTHONPATH": HOOKS},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def becomes(holds, seconds=10):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_that_is_killed(prepared, engine, stage):
    project = str(prepared.cache)
    body, by_itself = STAGES[stage]
    kill(prepared, engine, body)
    assert prepared.left() != []
    if by_itself:
        becomes(lambda: engine.containers(project) == [])
    else:
        assert len(engine.containers(project)) == 1
    assert sweep(prepared.cache, **prepared.options) == 1
    assert engine.containers(project) == []
    assert prepared.left() == []


def test_one_that_should_stay_and_never_started(prepared, engine):
    kill(prepared, engine, "containers.Container._start = die", keep=600)
    assert len(engine.containers(str(prepared.cache))) == 1
    assert sweep(prepared.cache, **prepared.options) == 1
    assert engine.containers(str(prepared.cache)) == []


def test_no_engine_at_the_sweep(prepared, engine):
    """It is asked again by the next sweep, until nothing can be left any more."""
    kill(prepared, engine, "containers.Container._start = die")
    socket = Path(engine.url.removeprefix("unix://"))
    hidden = socket.with_name("hidden.sock")
    socket.rename(hidden)
    try:
        sweep(prepared.cache, **prepared.options)
        assert prepared.left() != []
        (noted,) = (prepared.cache / "runs").glob(f"*/{containers.CONTAINERS}")
        assert engine.url in noted.read_text()
    finally:
        hidden.rename(socket)
    sweep(prepared.cache, **prepared.options)
    assert engine.containers(str(prepared.cache)) == []
    assert prepared.left() == []


def test_a_run_without_containers_asks_no_engine(places, monkeypatch):
    code = PRELUDE.partition("choice =")[0] + "with run:\n    die()"
    argv = [str(places.cache), places.memory, places.temporary]
    subprocess.run([sys.executable, "-c", code, *argv], env={**os.environ, "PYTHONPATH": HOOKS})
    looked = "import sys; from pathlib import Path; from revguard.runs import sweep\n"
    looked += "assert sweep(Path(sys.argv[1]), memory=sys.argv[2], temporary=sys.argv[3]) == 1\n"
    looked += "print('docker' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", looked, *argv],
        env={**os.environ, "PYTHONPATH": HOOKS}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "False\n"


class TestEngine:
    @pytest.fixture
    def own(self, engine):
        """One that may be killed."""
        own = engines.Engine.new()
        client = own.client()
        images.postgres(client, images.POSTGRES)
        client.close()
        yield own
        own.close()

    def test_it_is_killed_and_started_again(self, own, places):
        choice = databases.choose(DOCKER, "postgresql", environ=own.environ)
        with places.run() as run, databases.start(choice, run=run) as server:
            server.wait()
            own.kill()
            becomes(server.failure)
            assert server.failure() == f"the engine at {own.url} no longer answers"
            with pytest.raises(databases.CouldNotCheck):
                server.clone("x")
        with pytest.raises(databases.CouldNotCheck, match="nobody answers at"):
            databases.choose(DOCKER, "postgresql", environ=own.environ)
        own.start()
        sweep(places.cache, **places.options)
        becomes(lambda: own.containers() == [])
        assert places.left() == []
        with places.run() as run, databases.start(choice, run=run) as server:
            server.wait()
        assert own.containers() == []

    def test_it_is_killed_and_never_comes_back(self, own, places, monkeypatch):
        monkeypatch.setattr(container_script, "SILENCE", 2)
        choice = databases.choose(DOCKER, "postgresql", environ=own.environ)
        with places.run() as run, databases.start(choice, run=run) as server:
            server.wait()
            time.sleep(4)  # it bears no silence, and there is none
            assert server.failure() == ""
            client = own.client()
            inner = [row[1] for row in client.top(server._container.id)["Processes"]]
            client.close()
            assert inner
            own.kill()
        becomes(lambda: not [pid for pid in inner if Path(f"/proc/{pid}").exists()])
        assert places.left() == []
