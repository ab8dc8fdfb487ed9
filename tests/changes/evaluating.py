"""The worker as the pipeline drives it, but forked from one that is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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

    def __init__(self, dialect: str, server: Any) -> None:
        self.dialect = dialect
        self._server = server
        self._made: list[dict[str, Any]] = []
        self._marked: dict[str, Any] | None = None
        self._url = self._new()

    @property
    def now(self) -> dict[str, Any]:
        return {"dialect": self.dialect, "url": self._url}

    def mark(self) -> None:
        """Where a retry begins; nobody may be connected."""
        if self.dialect not in ("mariadb", "mysql"):  # nothing is tried again there
            self._marked = self._new(self._url)

    def drop(self) -> None:
        """They go with the test."""
        for url in self._made:
            self._server.drop(url)

    def reset(self) -> dict[str, Any]:
        self._url = self._new(self._marked)
        return self.now

    def _new(self, like: dict[str, Any] | None = None) -> dict[str, Any]:
        self._made.append(self._server.copy(like) if like else self._server.create())
        return self._made[-1]
