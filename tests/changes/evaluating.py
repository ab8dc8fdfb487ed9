"""The worker as the pipeline drives it, but forked from one that is loaded."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg2

import revguard

WORKER = Path(revguard.__file__).parent / "worker"
PYTHON = os.environ.get("REVGUARD_TEST_PYTHON", sys.executable)


class Forks:
    """A worker to fork; a context manager."""

    def __init__(self, **environ: str) -> None:
        self.process = subprocess.Popen(
            [PYTHON, str(Path(__file__).with_name("forking.py")), str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environ},
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.communicate()

    def evaluate(self, request: dict[str, Any], databases: Databases) -> dict[str, Any]:
        """The worker's last event on one request."""
        self._send("go")
        while True:
            line = self.process.stdout.readline()
            assert line, "the worker is gone"
            event = json.loads(line)
            name = event["event"]
            if name in ("result", "failed"):
                return event
            if name == "database":
                self._send({"database": databases.reset() if event["reset"] else databases.now})
            elif name == "replayed":
                self._send({})
            elif name == "drift":
                self._send({"known": request["known"] or []})
            elif name in ("hello", "opened"):
                self._send(request)

    def _send(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()


class Databases:
    """One project's databases: the present one, and a copy of it to go back to."""

    def __init__(self, dialect: str, folder: Path, server: Server | MariaDatabases | None) -> None:
        self.dialect = dialect
        self._folder = folder
        self._server = server
        self._made: list[str] = []  # on the server
        self._marked: str | None = None
        self._name = self._new()

    @property
    def now(self) -> dict[str, Any]:
        url = {**self._server.url, "database": self._name} if self._server else {
            "database": self._name
        }  # fmt: skip
        return {"dialect": self.dialect, "url": url}

    def mark(self) -> None:
        """Where a retry begins; nobody may be connected."""
        if self.dialect not in MYSQL:  # nothing is tried again there
            self._marked = self._new(self._name)

    def drop(self) -> None:
        """They go with the test: hundreds of them fill the disk, or the memory."""
        for name in self._made:
            if self.dialect in MYSQL:
                self._server.execute(f"DROP DATABASE IF EXISTS `{name}`")
            else:
                self._server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def reset(self) -> dict[str, Any]:
        self._name = self._new(self._marked)
        return self.now

    def _new(self, template: str | None = None) -> str:
        if self._server:
            self._made.append(self._server.create(template))
            return self._made[-1]
        name = str(self._folder / f"database{next(numbers)}.db")
        if template and os.path.exists(template):
            shutil.copyfile(template, name)
        return name


numbers = itertools.count()
MYSQL = ("mariadb", "mysql")


class Server:
    """A PostgreSQL server of the session, with a database for whoever asks."""

    def __init__(self, server: Any) -> None:
        self.url = dict(server.database().url)
        self._connection = psycopg2.connect(
            host=self.url["host"],
            port=self.url["port"],
            user=self.url["username"],
            password=self.url["password"],
            dbname=self.url["database"],
        )
        self._connection.autocommit = True

    def create(self, template: str | None = None) -> str:
        name = f"case{next(numbers)}"
        source = template or "template1"
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            f"WHERE datname = '{source}'"
        )
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY wal_log')
        return name

    def execute(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def close(self) -> None:
        self._connection.close()


class MariaDatabases:
    """A MariaDB server of the session, with a database for whoever asks."""

    def __init__(self, server: Any) -> None:
        self.url = server.url
        self.execute = server.execute

    def create(self, _template: str | None = None) -> str:
        name = f"case{next(numbers)}"
        self.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return name
