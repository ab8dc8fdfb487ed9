"""SQL in, rows of text out: as much of PostgreSQL's protocol as a trusted local socket needs."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

Row = tuple["str | None", ...]

_PROTOCOL = 196608  # 3.0


class ServerError(Exception):
    """The server refused: `code` is its SQLSTATE."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.code = fields.get("C", "")
        self.detail = fields.get("D", "")
        self.position = int(fields.get("P") or 0)  # of a character in the statement, from 1
        super().__init__(fields.get("M", "no message"))


class Connection:
    """A login over a unix socket; a context manager."""

    def __init__(
        self, path: str, *, username: str, database: str, timeout: float | None = None
    ) -> None:
        self.parameters: dict[str, str] = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(path)
            self._stream = self._socket.makefile("rb")
            self._log_in(username, database)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Say good-bye, so that the server ends its process at once, and let go."""
        with suppress(OSError):
            self._send(b"X", b"")
        self._stream.close()
        self._socket.close()

    def query(self, statement: str) -> list[Row]:
        """Run one statement (or several, as one transaction); the rows of all of them."""
        self._send(b"Q", statement.encode("utf-8", "surrogateescape") + b"\0")
        rows: list[Row] = []
        failure: ServerError | None = None
        for kind, body in self._messages():
            if kind == b"D":
                rows.append(_row(body))
            elif kind == b"E":
                failure = ServerError(_fields(body))
            elif kind == b"Z":
                break
        if failure is not None:
            raise failure
        return rows

    def copy(self, statement: str, rows: bytes) -> None:
        """Run a COPY ... FROM STDIN with what it takes, as text."""
        self._send(b"Q", statement.encode() + b"\0")
        failure: ServerError | None = None
        for kind, body in self._messages():
            if kind == b"G":
                self._send(b"d", rows)
                self._send(b"c", b"")
            elif kind == b"E":
                failure = ServerError(_fields(body))
            elif kind == b"Z":
                break
        if failure is not None:
            raise failure

    def _log_in(self, username: str, database: str) -> None:
        words = ("user", username, "database", database, "client_encoding", "UTF8")
        body = struct.pack("!i", _PROTOCOL) + b"".join(w.encode() + b"\0" for w in words) + b"\0"
        self._socket.sendall(struct.pack("!i", len(body) + 4) + body)
        for kind, message in self._messages():
            if kind == b"E":
                raise ServerError(_fields(message))
            if kind == b"R" and message[:4] != b"\0\0\0\0":
                raise ServerError({"M": "the server asks for a password"})
            if kind == b"S":
                name, value = message.split(b"\0")[:2]
                self.parameters[name.decode()] = value.decode()
            if kind == b"Z":
                return

    def _send(self, kind: bytes, body: bytes) -> None:
        self._socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def _messages(self) -> Iterator[tuple[bytes, bytes]]:
        while True:
            head = self._read(5)
            yield head[:1], self._read(struct.unpack("!i", head[1:])[0] - 4)

    def _read(self, size: int) -> bytes:
        found = self._stream.read(size)
        if len(found) < size:
            raise ConnectionResetError("the server closed the connection")
        return found


def literal(value: str) -> str:
    """A string as SQL spells it (standard_conforming_strings is on)."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """An identifier as SQL spells it."""
    return '"' + value.replace('"', '""') + '"'


def _row(body: bytes) -> Row:
    count, position = struct.unpack_from("!h", body)[0], 2
    values: list[str | None] = []
    for _ in range(count):
        size = struct.unpack_from("!i", body, position)[0]
        position += 4
        if size < 0:
            values.append(None)
        else:
            values.append(body[position : position + size].decode("utf-8", "replace"))
            position += size
    return tuple(values)


def _fields(body: bytes) -> dict[str, str]:
    parts = (part.decode("utf-8", "replace") for part in body.split(b"\0") if part)
    return {part[0]: part[1:] for part in parts}
