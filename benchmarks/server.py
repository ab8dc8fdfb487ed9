"""A PostgreSQL server as a user would start one by hand, to compare with."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path


def binaries() -> Path:
    """The folder of the newest installed server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    if not found and on_path:
        found = [Path(on_path).resolve().parent]
    if not found:
        raise SystemExit("the benchmarks need PostgreSQL's server: initdb was not found")
    return found[0]


def as_server_user() -> Sequence[str]:
    """PostgreSQL refuses root."""
    if os.geteuid():
        return ()
    return ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")


def make(folder: Path) -> None:
    """A fresh data folder, as `initdb` makes it."""
    folder.mkdir(mode=0o700)
    if not os.geteuid():
        shutil.chown(folder, "nobody", "nogroup")
    subprocess.run(
        [*as_server_user(), str(binaries() / "initdb"), "-D", str(folder), "-U", "postgres"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """The server on a socket in its own folder, accepting logins."""
    process = subprocess.Popen(
        [*as_server_user(), str(binaries() / "postgres"), "-D", str(folder), "-k", str(folder),
         "-c", "listen_addresses=", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    ready = [str(binaries() / "pg_isready"), "-q", "-h", str(folder), "-p", str(port)]
    while subprocess.run(ready, check=False).returncode:
        time.sleep(0.02)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it at once."""
    process.send_signal(3)
    process.wait()


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A server that runs while we measure; gives the folder of its socket (port 5432)."""
    base = Path(tempfile.mkdtemp(prefix="bench-"))
    base.chmod(0o755)
    process = None
    try:
        make(base / "data")
        process = start(base / "data", 5432)
        yield str(base / "data")
    finally:
        if process is not None:
            stop(process)
        shutil.rmtree(base, ignore_errors=True)


def by_hand(folder: str, database: str) -> int:
    """What a user does on a machine without a server: initdb, start, upgrade, check, stop."""
    base = Path(tempfile.mkdtemp(prefix="bench-"))
    base.chmod(0o755)
    process = None
    try:
        make(base / "data")
        process = start(base / "data", 5432)
        environ = {**os.environ, "PGHOST": str(base / "data"), "PGUSER": "postgres"}
        subprocess.run([str(binaries() / "createdb"), database], env=environ, check=True)
        alembic = str(Path(os.environ["BENCH_PYTHON"]).parent / "alembic")
        subprocess.run([alembic, "upgrade", "head"], cwd=folder, env=environ, check=True)
        subprocess.run([alembic, "check"], cwd=folder, env=environ, check=False)
    finally:
        if process is not None:
            stop(process)
        shutil.rmtree(base, ignore_errors=True)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(by_hand(*sys.argv[1:]))
