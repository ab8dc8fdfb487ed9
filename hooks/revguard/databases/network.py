"""An address and a login in, SQL to a server that listens on the network: by pg8000 or PyMySQL,
pure Python both, and loaded only where such a server is used."""

from __future__ import annotations

import io
import struct
from socket import SOCK_STREAM, create_connection
from socket import socket as Socket  # noqa: N812
from typing import TYPE_CHECKING, Any, Protocol

from revguard.databases.wire import Row, ServerError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from typing_extensions import Self


_CONNECT_SECONDS = 10.0


class Connection(Protocol):
    """What a login can do; wire.Connection is one, too."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """`server_version` among them."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def query(self, statement: str) -> list[Row]:
        """Run one statement; its rows as text. ServerError where the server refuses."""

    def close(self) -> None:
        """Say good-bye and let go."""


class PostgresConnection:
    """PostgreSQL by TCP or by a socket's file; OSError where nobody answers."""

    def __init__(
        self,
        *,
        host: str = "localhost",
        port: int = 5432,
        socket: str | None = None,
        username: str,
        password: str | None = None,
        database: str,
        timeout: float | None = None,
        tls: ssl.SSLContext | bool | None = None,  # None: where the server has it; False: never
        patience: float | None = None,  # for an answer, once it is connected; else the timeout
        application: str | None = None,
    ) -> None:
        from pg8000 import native

        # a socket of our own: a connection that fails leaves its one open
        opened = None if socket else create_connection((host, port), timeout)
        try:
            with _postgres_errors():
                self._connection = native.Connection(
                    username,
                    host=host,
                    port=port,
                    unix_sock=socket,
                    sock=opened,
                    password=password,
                    database=database,
                    timeout=timeout,
                    ssl_context=tls,
                    application_name=application,
                )
        except BaseException:
            if opened is not None:
                opened.close()
            raise
        if patience is not None:
            self._connection._usock.settimeout(patience)
        told: Any = self._connection.parameter_statuses
        self.parameters = {_text(name): _text(value) for name, value in told.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def query(self, statement: str) -> list[Row]:
        """Run one statement (or several, as one transaction); the rows of the last."""
        with _postgres_errors():
            rows = self._connection.run(statement)
        return [
            tuple(None if value is None else _text(value) for value in row) for row in rows or ()
        ]

    def copy(self, statement: str, rows: bytes) -> None:
        """Run a COPY ... FROM STDIN with what it takes, as text."""
        with _postgres_errors():
            self._connection.run(statement, stream=io.BytesIO(rows))

    def close(self) -> None:
        """Say good-bye and let go."""
        with _postgres_errors(quiet=True):
            self._connection.close()


class MysqlConnection:
    """MariaDB or MySQL by TCP or by a socket's file; OSError where nobody answers."""

    def __init__(
        self,
        *,
        host: str = "localhost",
        port: int = 3306,
        socket: str | None = None,
        username: str,
        password: str | None = None,
        database: str | None = None,
        timeout: float | None = None,
        tls: ssl.SSLContext | bool | None = None,  # None: where the server has it; False: never
        patience: float | None = None,  # for an answer, once it is connected; else the timeout
        several: bool = False,  # statements in one query
    ) -> None:
        import pymysql
        from pymysql.constants.CLIENT import MULTI_STATEMENTS

        with _mysql_errors():
            self._connection = pymysql.Connection(
                host=host,
                port=port,
                unix_socket=socket,
                user=username,
                password=password or "",
                database=database,
                read_timeout=timeout,
                write_timeout=timeout,
                ssl=tls or None,
                ssl_disabled=tls is False,
                charset="utf8mb4",
                autocommit=True,
                read_default_file=None,
                local_infile=False,
                defer_connect=True,
                client_flag=MULTI_STATEMENTS if several else 0,
            )
            # a socket of our own: it leaves one open that nobody answers
            self._connection._secure = socket is not None
            self._connection.connect(_opened(host, port, socket, timeout))
        if patience is not None:
            self._connection._read_timeout = self._connection._write_timeout = patience
        # MariaDB 10 and 11 begin so, for replicas that know one digit only
        told = str(self._connection.get_server_info()).removeprefix("5.5.5-")
        self.parameters = {"server_version": told}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def query(self, statement: str) -> list[Row]:
        """Run one statement (or several, where that was asked for); the rows of the first."""
        with _mysql_errors(), self._connection.cursor() as cursor:
            cursor.execute(statement.encode("utf-8", "surrogateescape"))
            rows = cursor.fetchall() if cursor.description else ()
            while cursor.nextset():
                pass
        return [tuple(None if value is None else _text(value) for value in row) for row in rows]

    def close(self) -> None:
        """Say good-bye and let go."""
        with _mysql_errors(quiet=True):
            self._connection.close()


class _Errors:
    """Turns a driver's exceptions into ServerError and OSError."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        if self._quiet:
            return True
        turned = self.turned(error)
        if turned is not None:
            raise turned from error
        return False

    def turned(self, error: Exception) -> Exception | None:
        """The exception to raise in its place."""
        raise NotImplementedError


class _PostgresErrors(_Errors):
    def turned(self, error: Exception) -> Exception | None:
        from pg8000 import exceptions

        fields = error.args[0] if error.args else ""
        if isinstance(error, exceptions.DatabaseError) and isinstance(fields, dict):
            return ServerError({str(key): str(value) for key, value in fields.items()})
        if isinstance(error, exceptions.Error):  # it could not connect, or lost the connection
            return ConnectionError(str(fields))
        if isinstance(error, (struct.error, KeyError, IndexError)):  # it lost it within a message
            return ConnectionError("the server closed the connection in the middle of a message")
        return None


class _MysqlErrors(_Errors):
    def turned(self, error: Exception) -> Exception | None:
        from pymysql import err

        if not isinstance(error, err.Error):
            return None
        code = error.args[0] if error.args else 0
        said = str(error.args[1]) if len(error.args) > 1 else str(error)
        if isinstance(error, err.InterfaceError) or code in range(2000, 3000):  # the client's own
            return ConnectionError(said)
        return ServerError({"C": str(code), "M": said})


def _postgres_errors(*, quiet: bool = False) -> _Errors:
    return _PostgresErrors(quiet=quiet)


def _mysql_errors(*, quiet: bool = False) -> _Errors:
    return _MysqlErrors(quiet=quiet)


def _opened(host: str, port: int, path: str | None, timeout: float | None) -> Socket:
    """A socket at which somebody listens. OSError."""
    if path is None:
        return create_connection((host, port), timeout or _CONNECT_SECONDS)
    from socket import AF_UNIX  # Windows has none, and no server that listens there

    found = Socket(AF_UNIX, SOCK_STREAM)
    try:
        found.settimeout(timeout or _CONNECT_SECONDS)
        found.connect(path)
    except BaseException:
        found.close()
        raise
    return found


def _text(value: object) -> str:
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    return str(value)
