"""One MariaDB server for the tests, started by hand: a private folder, a socket, no network."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pymysql

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = ("mariadbd", "mariadb-install-db")
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def programs() -> list[str] | None:
    """Where the server's programs are; None where one is missing."""
    found = [shutil.which(name, path=_PATH) for name in PROGRAMS]
    return None if None in found else [str(path) for path in found]


class MariaServer:
    """A server; a context manager."""

    def __init__(self, folder: Path) -> None:
        server, install = programs() or ("", "")
        self.socket = str(folder / "socket")
        options = [
            "--no-defaults",
            f"--datadir={folder}/data",
            *(["--user=root"] if not os.geteuid() else []),
        ]
        subprocess.run(
            [install, *options, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
        )
        log = folder / "log"
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [
                    server,
                    *options,
                    f"--socket={self.socket}",
                    f"--tmpdir={folder}",  # a starting server clears it of all temporary tables
                    "--skip-networking",
                    "--innodb-flush-log-at-trx-commit=0",
                    "--skip-log-bin",
                    "--character-set-server=utf8mb4",
                ],
                stdout=stream,
                stderr=stream,
            )

    def __enter__(self):
        until = time.monotonic() + 30
        while not self._answers():
            assert self.process.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server is not ready"
            time.sleep(0.05)
        self.connection = pymysql.connect(unix_socket=self.socket, user="root", autocommit=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.wait(30)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(self.socket) == 0

    @property
    def url(self) -> dict[str, Any]:
        """As a provider's Database would tell it."""
        return {"socket": self.socket, "username": "root", "password": "", "database": "mysql"}

    def execute(self, statement: str) -> None:
        """Run one statement."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
