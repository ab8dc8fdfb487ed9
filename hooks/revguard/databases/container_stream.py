"""A container's attached socket in, what its processes say out; closing it lets it go."""

from __future__ import annotations

import socket
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from revguard.databases import container_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_STDOUT = 2  # as _frame counts
_PATIENCE = 300.0  # seconds without a word
_HEAD = 8  # bytes before each piece: stream, three zeros, length
_LINES = 200
_CHUNK = 1 << 20
_ASKING_SECONDS = 1.0


class Stream:
    """The open line to one container; `ended` once it is cut from the other side."""

    def __init__(self, attached: Any) -> None:
        self._attached = attached
        self._socket: socket.socket = getattr(attached, "_sock", attached)
        self._socket.settimeout(None)
        self._beats = False
        self._said: deque[str] = deque(maxlen=_LINES)
        self.ended = False
        self.server_ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def give(self, path: Path, alive: Callable[[], bool]) -> None:
        """Send a file to the container's standard input. OSError.

        `alive` is asked where nobody takes it: an engine may keep the line to a container that
        ended in the middle of it.
        """
        self._socket.settimeout(_ASKING_SECONDS)
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[self._sent(rest, alive) :]
        self._socket.settimeout(None)

    def _sent(self, rest: memoryview, alive: Callable[[], bool]) -> int:
        try:
            return self._socket.send(rest)
        except TimeoutError:
            if alive():
                return 0
        self._socket.shutdown(socket.SHUT_RDWR)
        raise ConnectionError("the container ended")

    def beat(self, seconds: float) -> None:
        """From now on say something each so many seconds: silence means that nobody is there."""
        self._beats = True
        self._socket.settimeout(seconds)
        self._socket.sendall(b"\n")

    def said(self) -> str:
        """The last lines."""
        return "\n".join(self._said)

    def close(self) -> None:
        """Let go: the container ends, if nothing else keeps it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(1)
        _close(self._attached)

    def _read(self) -> None:
        rest = b""
        while True:
            kind, piece = _frame(self._socket, self._idle)
            if not kind:
                break
            *lines, rest = (rest + piece).split(b"\n")
            self._note(lines)
        self._note([rest] if rest else [])
        self.ended = True

    def _idle(self) -> None:
        if self._beats:
            self._socket.sendall(b"\n")

    def _note(self, lines: list[bytes]) -> None:
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            if text.startswith(container_script.ENDED):
                self.server_ended = True
            elif text:
                self._said.append(text)


def output(client: Any, name: str, words: list[str]) -> Iterator[bytes]:
    """Run a command in a container; what it writes. OSError where it fails."""
    asked = client.exec_create(name, words, user="root")["Id"]
    attached = client.exec_start(asked, socket=True)
    line: socket.socket = getattr(attached, "_sock", attached)
    line.settimeout(_PATIENCE)
    try:
        while True:
            kind, piece = _frame(line)
            if not kind:
                break
            if kind == _STDOUT:
                yield piece
    finally:
        _close(attached)
    code = client.exec_inspect(asked)["ExitCode"]
    if code != 0:
        raise OSError(f"the command ended with {code}")


def _frame(line: socket.socket, idle: Callable[[], None] | None = None) -> tuple[int, bytes]:
    """The stream that a piece is of, and the piece; 0 where the line is cut."""
    head = _exactly(line, _HEAD, idle)
    if not head:
        return 0, b""
    return head[0] + 1, _exactly(line, int.from_bytes(head[4:], "big"), idle)


def _exactly(line: socket.socket, size: int, idle: Callable[[], None] | None) -> bytes:
    """So many bytes, none where the line is cut; `idle` is called whenever nothing comes."""
    found = bytearray()
    while len(found) < size:
        try:
            piece = line.recv(size - len(found))
        except (OSError, ValueError) as error:
            if idle is None or not isinstance(error, TimeoutError):
                return b""
            try:
                idle()
            except OSError:
                return b""
            continue
        if not piece:
            return b""
        found += piece
    return bytes(found)


def _close(attached: Any) -> None:
    response = getattr(attached, "_response", None)
    line = getattr(attached, "_sock", attached)
    for one in (attached, line, *([response] if response is not None else [])):
        with suppress(OSError, ValueError):
            one.close()
