"""A PostgreSQL server as a user would start one by hand, to compare with."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
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


def make(folder: Path, programs: Path | None = None) -> None:
    """A fresh data folder, as `initdb` makes it."""
    folder.mkdir(mode=0o700)
    if not os.geteuid():
        shutil.chown(folder, "nobody", "nogroup")
    initdb = str((programs or binaries()) / "initdb")
    subprocess.run(
        [*as_server_user(), initdb, "-N", "-D", str(folder), "-U", "postgres"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip


def start(
    folder: Path, port: int, programs: Path | None = None, *, durable: bool = False
) -> subprocess.Popen[bytes]:
    """The server on a socket in its own folder, accepting logins. `durable`: as a server of the
    user's own, else as lax as ours, since nobody needs what is in it."""
    folder_of = programs or binaries()
    lax = [] if durable else ["-F", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]
    process = subprocess.Popen(
        [*as_server_user(), str(folder_of / "postgres"), "-D", str(folder), "-k", str(folder),
         "-c", "listen_addresses=", "-p", str(port), *lax],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    while not _answers(folder, port):
        time.sleep(0.02)
    return process


def _answers(folder: Path, port: int) -> bool:
    import psycopg2

    try:
        psycopg2.connect(host=str(folder), port=port, user="postgres", dbname="postgres").close()
    except psycopg2.OperationalError:
        return False
    return True


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it at once."""
    process.send_signal(3)
    process.wait()
