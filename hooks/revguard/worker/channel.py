"""The protocol between launcher and worker: one JSON object a line, requests in, events out."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any, Dict, cast

if TYPE_CHECKING:
    from typing import TextIO


class Closed(BaseException):
    """The launcher is gone: nothing is left to work for (not an Exception: no retry loop of the
    project may swallow it)."""


class Channel:
    """Sends events and receives replies; usable from any thread of the project."""

    def __init__(self, commands: TextIO, events: TextIO) -> None:
        self._commands = commands
        self._events = events
        self._lock = threading.RLock()
        self._pid = os.getpid()

    def send(self, event: str, **data: Any) -> None:
        """Send one event; a fork of the project's has no voice here."""
        if os.getpid() != self._pid:
            return
        data["event"] = event
        with self._lock:
            try:
                self._events.write(json.dumps(data, default=str) + "\n")
                self._events.flush()
            except (OSError, ValueError):
                raise Closed from None

    def receive(self) -> dict[str, Any]:
        """The next command as a dict; Closed where the launcher went away."""
        try:
            line = self._commands.readline()
        except (OSError, ValueError):
            line = ""
        if not line:
            raise Closed
        return cast("Dict[str, Any]", json.loads(line))

    def ask(self, event: str, **data: Any) -> dict[str, Any]:
        """Send an event that wants an answer, and wait for it."""
        with self._lock:
            self.send(event, **data)
            return self.receive()
