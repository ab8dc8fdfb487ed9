"""What the ephemeral databases cost: from the asking to a login, and from nothing to a verdict."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import server
from benchmarks.measure import Measured

ROOT = Path(__file__).parent.parent
MARIADB_URL = "mysql+pymysql://root@localhost/{name}?unix_socket={socket}"
POSTGRES_URL = "postgresql+psycopg2://postgres:x@127.0.0.1:{port}/postgres"
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
    """initdb, start, a login; the end is not a part of it, but it is short."""
    base = _folder()
    try:
        server.make(base / "data")
        server.stop(server.start(base / "data", 5432))
    finally:
        shutil.rmtree(base)


def mariadb_by_hand(then: Callable[[str], None] = lambda _socket: None) -> None:
    """mariadb-install-db, start, a login, and then something with the socket."""
    base = _folder()
    data, socket = base / "data", base / "s"
    data.mkdir()
    user = [] if os.geteuid() else ["--user=root"]
    try:
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--tmpdir={base}",
             "--auth-root-authentication-method=normal", *user],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        process = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}",
             f"--tmpdir={base}",  # one that starts clears it of the tables of all others there
             "--skip-networking", *user],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            login = ["mariadb", "--no-defaults", f"--socket={socket}", "-uroot", "-e"]
            while subprocess.run([*login, "SELECT 1"], capture_output=True, check=False).returncode:
                time.sleep(0.02)
            subprocess.run([*login, "CREATE DATABASE shop"], check=True)
            then(str(socket))
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(base)


def docker_by_hand(image: str, then: Callable[[str], None]) -> None:
    """docker run, wait for a login, and then something with the port."""
    import psycopg2

    run = ["docker", "run", "-d", "--rm", "-P", "-e", "POSTGRES_PASSWORD=x", image]
    name = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    try:
        asked = ["docker", "port", name, "5432/tcp"]
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        port = told.splitlines()[0].rpartition(":")[2]
        while True:
            try:
                psycopg2.connect(host="127.0.0.1", port=port, user="postgres", password="x").close()
                break
            except psycopg2.OperationalError:
                time.sleep(0.02)
        then(port)
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", name], capture_output=True, check=True)


def has_engine(image: str) -> bool:
    """Whether an engine answers that has the image."""
    found = shutil.which("docker")
    asked = ["docker", "image", "inspect", image]
    return bool(found) and not subprocess.run(asked, capture_output=True, check=False).returncode


def migrate(folder: str, variable: str) -> Callable[[str], None]:
    """`alembic upgrade head` and `alembic check` at an address that the ini takes from environ."""

    def work(address: str) -> None:
        environ = {**os.environ, variable: address}
        alembic = str(Path(sys.executable).parent / "alembic")
        for command in (("upgrade", "head"), ("check",)):
            subprocess.run(
                [alembic, *command], cwd=folder, env=environ, check=False,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    return work


def _folder() -> Path:
    base = Path(tempfile.mkdtemp(prefix="bench-"))
    base.chmod(0o755)
    return base


if __name__ == "__main__":
    if sys.argv[1] == "mariadb":
        mariadb_by_hand(migrate(sys.argv[2], "BENCH_ADDRESS"))
    else:
        docker_by_hand(sys.argv[1], migrate(sys.argv[2], "BENCH_ADDRESS"))
