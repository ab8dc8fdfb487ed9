"""Databases as a user would have them by hand: a login in the end, or what is done with one."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import server
from benchmarks.measure import Measured

ROOT = Path(__file__).parent.parent
# what nobody needs after the run need not be safe on a disk, ours nor that by hand
_LAX_MARIADB = [
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-flush-method=nosync",
]
BUSY = """
import time
_until = time.process_time() + 1
while time.process_time() < _until:
    pass
"""


def ready(dialect: str, cache: Path, repeat: int) -> Measured:
    """Median from the asking to a login, the data folder being initialised already."""
    from revguard import databases
    from revguard.runs import Run

    times = []
    for _ in range(repeat + 1):  # the first one initialises
        with Run(cache) as run:
            started = time.perf_counter()
            choice = databases.choose("local", dialect, environ=os.environ)
            with databases.start(choice, run=run) as found:
                found.wait()
                times.append(time.perf_counter() - started)
    return Measured(statistics.median(times[1:]), 0)


def timed(work: Callable[[], None], repeat: int) -> Measured:
    """Median of what is done in other processes."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return Measured(statistics.median(times), 0)


def postgresql_by_hand() -> None:
    """initdb, start, a login; the end is a part of it, but it is short."""
    with postgresql():
        pass


def mariadb_by_hand() -> None:
    """mariadb-install-db, start, a login."""
    with mariadb():
        pass


@contextlib.contextmanager
def mariadb(*, durable: bool = False) -> Iterator[str]:
    """mariadb-install-db, start, a login; gives the socket. `durable`: as in server.start."""
    base = _folder()
    lax = [] if durable else _LAX_MARIADB
    data, socket = base / "data", base / "s"
    data.mkdir()
    user = [] if os.geteuid() else ["--user=root"]
    try:
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--tmpdir={base}",
             "--auth-root-authentication-method=normal", *_LAX_MARIADB, *user],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        process = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}",
             f"--tmpdir={base}",  # one that starts clears it of the tables of all others there
             "--skip-networking", *lax, *user],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not _mariadb(str(socket), "SELECT 1"):
                time.sleep(0.02)
            yield str(socket)
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(base)


def _mariadb(socket: str, statement: str) -> bool:
    command = ["mariadb", "--no-defaults", f"--socket={socket}", "-uroot", "-e", statement]
    return not subprocess.run(command, capture_output=True, check=False).returncode


@contextlib.contextmanager
def postgresql(binaries: Path | None = None, *, durable: bool = False) -> Iterator[str]:
    """initdb, start, a login; gives the folder of its socket. `durable`: as in server.start."""
    base = _folder()
    try:
        server.make(base / "data", binaries)
        process = server.start(base / "data", 5432, binaries, durable=durable)
        try:
            yield str(base / "data")
        finally:
            server.stop(process)
    finally:
        shutil.rmtree(base)


@contextlib.contextmanager
def container(image: str) -> Iterator[str]:
    """docker run with the data in memory, wait for a login; gives the port."""
    port, data, lax, variables, login = _SERVED["mariadb" if "mariadb" in image else "postgresql"]
    told = [word for one in variables for word in ("-e", one)]
    run = ["docker", "run", "-d", "--rm", "-P", "--tmpfs", data, *told, image, *lax]
    name = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    try:
        asked = ["docker", "port", name, f"{port}/tcp"]
        said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        address = said.splitlines()[0].rpartition(":")[2]
        until = time.monotonic() + 60
        while not login(address):
            if time.monotonic() > until:
                raise SystemExit(f"{image} has not let anybody in for 60 s: `docker logs {name}`")
            time.sleep(0.02)
        yield address
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", name], capture_output=True, check=True)


def _postgresql_answers(port: str) -> bool:
    import psycopg2

    try:
        psycopg2.connect(
            host="127.0.0.1", port=port, user="postgres", password="x", dbname="shop"
        ).close()
    except psycopg2.OperationalError:
        return False
    return True


def _mariadb_answers(port: str) -> bool:
    command = ["mariadb", "--no-defaults", "-h127.0.0.1", f"-P{port}", "-uroot", "-px", "-e"]
    asked = [*command, "SELECT 1"]
    return not subprocess.run(asked, capture_output=True, check=False).returncode


_SERVED: dict[str, tuple[int, str, list[str], tuple[str, ...], Callable[[str], bool]]] = {
    # what it listens on, its data, what makes it lax, its variables, whether a login is answered
    "postgresql": (
        5432,
        "/var/lib/postgresql/data",
        ["postgres", "-c", "fsync=off", "-c", "full_page_writes=off"],
        (
            "POSTGRES_USER=postgres",
            "POSTGRES_PASSWORD=x",
            "POSTGRES_DB=shop",
            "POSTGRES_INITDB_ARGS=--no-sync",
        ),
        _postgresql_answers,
    ),
    "mariadb": (
        3306,
        "/var/lib/mysql",
        ["mariadbd", *_LAX_MARIADB],
        ("MARIADB_ROOT_PASSWORD=x", "MARIADB_DATABASE=shop"),
        _mariadb_answers,
    ),
}


def has_engine(image: str) -> bool:
    """Whether an engine answers that has the image."""
    found = shutil.which("docker")
    asked = ["docker", "image", "inspect", image]
    return bool(found) and not subprocess.run(asked, capture_output=True, check=False).returncode


def migrate(folder: str, address: str) -> None:
    """`alembic upgrade head` and `alembic check` at an address that the ini takes from environ."""
    environ = {**os.environ, "BENCH_ADDRESS": address}
    alembic = str(Path(sys.executable).parent / "alembic")
    for command in (("upgrade", "head"), ("check",)):
        done = subprocess.run(
            [alembic, *command], cwd=folder, env=environ, check=False, capture_output=True
        )
        if done.returncode not in (0, 1, 255) or (command[0] == "upgrade" and done.returncode):
            raise SystemExit(done.stderr.decode(errors="replace"))


def _folder() -> Path:
    base = Path(tempfile.mkdtemp(prefix="bench-"))
    base.chmod(0o755)
    return base


def by_hand(kind: str, folder: str, where: str = "") -> None:
    """From nothing to the answer of `alembic check`, as a user would get it."""
    with _OPENED[kind](where) as address:
        migrate(folder, address)


@contextlib.contextmanager
def _sqlite(_where: str) -> Iterator[str]:
    base = _folder()
    try:
        yield str(base / "shop.db")
    finally:
        shutil.rmtree(base)


@contextlib.contextmanager
def _own_mariadb(_where: str) -> Iterator[str]:
    with mariadb() as socket:
        _mariadb(socket, "CREATE DATABASE shop")
        yield socket


@contextlib.contextmanager
def _on_postgresql(socket: str) -> Iterator[str]:
    """A database of one's own on a server that runs."""
    import psycopg2

    connection = psycopg2.connect(host=socket, user="postgres", dbname="postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE by_hand")
            try:
                yield socket
            finally:
                cursor.execute("DROP DATABASE by_hand")
    finally:
        connection.close()


@contextlib.contextmanager
def _on_mariadb(socket: str) -> Iterator[str]:
    """A database of one's own on a server that runs."""
    _mariadb(socket, "CREATE DATABASE by_hand")
    try:
        yield socket
    finally:
        _mariadb(socket, "DROP DATABASE by_hand")


_OPENED: dict[str, Callable[[str], contextlib.AbstractContextManager[str]]] = {
    "sqlite": _sqlite,
    "postgresql": lambda _where: postgresql(),
    "embedded": lambda where: postgresql(Path(where)),
    "mariadb": _own_mariadb,
    "container": container,
    "on-postgresql": _on_postgresql,
    "on-mariadb": _on_mariadb,
}


if __name__ == "__main__":
    by_hand(*sys.argv[1:])
