"""The worker process: started in the project's interpreter, spoken to, and never left behind."""

from __future__ import annotations

import collections
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from revguard import leftovers, subprocesses
from revguard.errors import CouldNotCheck
from revguard.project.interpreter import Interpreter
from revguard.runs import Run

_LOG_BYTES = 64 * 1024
_LAST_EVENTS_SECONDS = 1.0
_VARIABLE = "REVGUARD_WORKER"  # in the environ of the worker and of all that it starts
_PIPES_CLOSED = 79  # as worker/session.py says it
_BOOT = Path(__file__).resolve().parent.parent / "worker" / "boot.py"


class Surroundings(Protocol):
    """What starting a worker takes."""

    @property
    def interpreter(self) -> Interpreter: ...
    @property
    def environ(self) -> Mapping[str, str]: ...
    @property
    def timeout(self) -> float: ...
    @property
    def run(self) -> Callable[[], Run]: ...


class Worker:
    """One worker process, a context manager; leaving it kills whatever it started and left."""

    def __init__(
        self, interpreter: str, environ: Mapping[str, str], cwd: str, timeout: float
    ) -> None:
        """Start the process at once: it loads Alembic while we find out what to ask of it."""
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._log: collections.deque[bytes] = collections.deque()
        self._log_size = 0
        self._name = os.urandom(8).hex()
        self._alone = False
        self._collected: Callable[[int], None] = lambda _pid: None
        self.process = subprocesses.start(
            [interpreter, str(_BOOT)],
            cwd=cwd,
            environ={**environ, _VARIABLE: self._name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.refused: list[str] = []  # connections that were, as they were
        reader = threading.Thread(target=self._read_events, daemon=True)
        reader.start()
        for work in (self._drain_log, lambda: self._watch(reader)):
            threading.Thread(target=work, daemon=True).start()

    @classmethod
    def of(cls, around: Surroundings) -> Worker:
        """The worker of an environment, as one of its run's processes."""
        run = around.run()
        worker = cls(
            around.interpreter.path, run.environ(around.environ), str(run.folder), around.timeout
        )
        run.register(worker.process.pid)
        worker._collected = run.forget
        return worker

    def __enter__(self) -> Worker:  # noqa: PYI034  (Self is of 3.11)
        return self

    def __exit__(self, *_exception: object) -> None:
        subprocesses.kill(self.process)
        self._collected(self.process.pid)
        if not self._alone:
            leftovers.end_carriers(_VARIABLE, self._name)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send the request, or the answer to an event; a worker that is gone is told by events."""
        pipe = self.process.stdin
        assert pipe is not None
        try:
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()
        except (BrokenPipeError, ValueError):
            pass

    def events(self) -> Iterator[dict[str, Any]]:
        """The worker's events up to and including `result` or `failed`.

        CouldNotCheck where the process ends without either, or takes longer than it may.
        """
        while True:
            try:
                event = self._events.get(timeout=max(0.0, self._deadline - time.monotonic()))
            except queue.Empty:
                raise CouldNotCheck(
                    f"env.py took longer than {self._timeout:g} s and was stopped",
                    hint="look for a lock, a prompt or a retry loop in env.py, or raise `timeout` "
                    "in [tool.revguard]" + self._refusals() + self._last_output(),
                ) from None
            if event is None:
                raise CouldNotCheck(self._ended(), hint=self._last_output().strip())
            if event["event"] == "refused":
                self.refused.append(event["message"])
            if event["event"] in ("result", "failed"):
                self._alone = not event.get("observed", {}).get("processes", True)
            yield event
            if event["event"] in ("result", "failed"):
                return

    def pause(self, seconds: float) -> None:
        """Give back time that was not the project's (a database that started slowly)."""
        self._deadline += seconds

    def log(self) -> str:
        """The last of what the project printed."""
        return b"".join(self._log).decode("utf-8", "replace")

    def _ended(self) -> str:
        code = self.process.wait()
        if code == _PIPES_CLOSED:
            return "env.py closed files that it had not opened, the pipes to revguard among them"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return (
            f"the project's interpreter ended while env.py ran ({how}): a call of os._exit(), "
            "a crash, or not enough memory"
        )

    def _refusals(self) -> str:
        return f"\n{self.refused[0]}" if self.refused else ""

    def _last_output(self) -> str:
        lines = self.log().strip().splitlines()[-8:]
        return "\nits last output:\n" + "\n".join("  " + line for line in lines) if lines else ""

    def _read_events(self) -> None:
        pipe = self.process.stdout
        assert pipe is not None
        try:
            for line in pipe:
                self._events.put(json.loads(line))
        except ValueError:
            pass
        self._events.put(None)

    def _watch(self, reader: threading.Thread) -> None:
        """A process that env.py forked may hold the pipe open when the worker itself is gone."""
        self.process.wait()
        reader.join(_LAST_EVENTS_SECONDS)
        self._events.put(None)

    def _drain_log(self) -> None:
        pipe = self.process.stderr
        assert pipe is not None
        try:
            while part := os.read(pipe.fileno(), 1 << 16):
                self._log.append(part)
                self._log_size += len(part)
                while self._log_size - len(self._log[0]) > _LOG_BYTES:
                    self._log_size -= len(self._log.popleft())
        except (OSError, ValueError):
            pass
