"""The project's interpreter and driver in, logins to a server that no driver of ours speaks to out.

What they do is in worker/login.py.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from revguard import subprocesses
from revguard.databases.addresses import ELSEWHERE
from revguard.databases.wire import ServerError
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from revguard.databases.wire import Row
    from revguard.runs import Run

_BOOT = Path(__file__).resolve().parent.parent / "worker" / "boot.py"
_STARTING_SECONDS = 60.0  # for SQLAlchemy and a driver to be imported
_LAST_LINES = 8


class Borrowed:
    """A process in the project's interpreter that logs in for us, one login at a time."""

    def __init__(
        self, interpreter: str, environ: Mapping[str, str], driver: str, *, run: Run
    ) -> None:
        self._interpreter = interpreter
        self._environ = {name: environ[name] for name in environ if name not in ELSEWHERE}
        self._driver = driver
        self._run = run
        self._process: subprocess.Popen[bytes] | None = None
        self._said: deque[bytes] = deque(maxlen=_LAST_LINES)

    def login(self, place: Mapping[str, Any], timeout: float | None) -> Login:
        """A login. OSError with the driver's words where there is none (yet); CouldNotCheck where
        the driver cannot be loaded."""
        if self._process is None:
            self._start()
        try:
            told = self.ask({"do": "login", "place": place}, timeout)
        except ServerError as error:
            raise ConnectionError(str(error)) from error
        return Login(self, str(told.get("version") or ""), timeout)

    def ask(self, command: Mapping[str, Any], timeout: float | None) -> dict[str, Any]:
        """An answer. ServerError for what the driver raises, OSError where the process is gone."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ConnectionError("the login is over")
        process.stdin.write(json.dumps(command).encode() + b"\n")
        process.stdin.flush()
        line = self._line(process.stdout.fileno(), timeout)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ServerError({"M": str(answer["error"])})
        return answer

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            subprocesses.kill(process)
            self._run.forget(process.pid)

    def _start(self) -> None:
        process = subprocesses.start(
            [self._interpreter, str(_BOOT), "login"],
            cwd=str(self._run.folder),
            environ=self._run.environ(self._environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._process = process
        self._run.register(process.pid)
        Thread(target=self._listen, args=(process.stderr,), daemon=True).start()
        try:
            self.ask({"driver": self._driver}, _STARTING_SECONDS)
        except (OSError, ServerError) as error:
            self.close()
            raise CouldNotCheck(
                f"{self._interpreter} cannot load the driver {self._driver}, by which the "
                f"ephemeral database is logged in to: {error}",
                hint='Where another is meant: `driver = "DIALECT+DRIVER"` in the table of the '
                "environment.",
            ) from error

    def _listen(self, pipe: Any) -> None:
        with suppress(OSError, ValueError):  # it is closed
            self._said.extend(pipe)

    def _line(self, pipe: int, timeout: float | None) -> bytes:
        """What it answers; a process that does not is ended, and with it its login."""
        until = None if timeout is None else time.monotonic() + timeout
        line = b""
        while not line.endswith(b"\n"):
            left = None if until is None else max(until - time.monotonic(), 0)
            ready = select.select([pipe], [], [], left)[0]
            piece = os.read(pipe, 1 << 16) if ready else b""
            if not piece:
                self.close()
                if ready:
                    said = b"".join(self._said).decode("utf-8", "replace").strip()
                    raise ConnectionError(said or "the project's interpreter ended")
                raise TimeoutError("the driver does not answer")
            line += piece
        return line


class Login:
    """One login; network.Connection is the same to a server that we speak to ourselves."""

    def __init__(self, borrowed: Borrowed, version: str, timeout: float | None) -> None:
        self._borrowed = borrowed
        self._timeout = timeout
        self.parameters = {"server_version": version}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def query(self, statement: str) -> list[Row]:
        """Run one statement; its rows as text. ServerError where the server refuses."""
        return self._rows({"do": "query", "statement": statement})

    def copy(self, statement: str, rows: bytes) -> None:
        """PostgreSQL's alone, whose protocol we speak ourselves: ServerError."""
        raise ServerError({"M": f"{len(rows)} bytes for `{statement[:40]}`: no COPY here"})

    def tables(self) -> list[str]:
        """The tables that are there, as SQLAlchemy tells them."""
        return [str(row[0]) for row in self._rows({"do": "tables"})]

    def close(self) -> None:
        """Let go."""
        try:
            self._borrowed.ask({"do": "close"}, self._timeout)
        except (OSError, ServerError):
            self._borrowed.close()

    def _rows(self, command: Mapping[str, Any]) -> list[Row]:
        return [tuple(row) for row in self._borrowed.ask(command, self._timeout)["rows"]]
