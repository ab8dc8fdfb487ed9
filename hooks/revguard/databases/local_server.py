"""A program and its data folder in, a running server out that only this machine can reach.

What PostgreSQL's server has in common with MariaDB's and MySQL's.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import abstractmethod
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from revguard import leftovers
from revguard.databases import accounts, launcher, snapshots, wire
from revguard.databases.providing import Database, Installation, Storing, Url
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from revguard.databases.accounts import Account
    from revguard.databases.network import Connection
    from revguard.databases.snapshots import Snapshot
    from revguard.runs import Run

LOOPBACK = "127.0.0.1"
_LONGEST_SOCKET = 100  # sun_path takes 104 bytes on macOS, 108 on Linux
_POLL_SECONDS = 0.005
_STOP_SECONDS = 5.0
_FREE_MEMORY = 512 << 20  # bytes that the memory file system must have left to be used
_LAUNCHER = os.path.realpath(launcher.__file__)
_PORTS = 3  # that are tried: another program may take one between our look and the server's


class LocalServer(Storing):
    """One server process with its data folder, from launch to removal."""

    copies = True

    product: ClassVar[str]
    program: ClassVar[str]
    main: ClassVar[str]  # the main database
    owner: ClassVar[str]  # who connects
    longest_name: ClassVar[str]  # of a file in the socket's folder
    ends_on: ClassVar[signal.Signals]  # at once
    closes_on: ClassVar[signal.Signals]  # with all that is in memory written
    crashed: ClassVar[re.Pattern[str]]  # what its log says of a process of its own that was killed
    port_taken: ClassVar[str]  # what its log says then

    def __init__(
        self, installation: Installation, *, run: Run, snapshot: Snapshot | None = None
    ) -> None:
        self.snapshot = snapshot
        self._installation = installation
        self._run = run
        self._account, self._binaries = self._program()
        self._version = ""
        self._folders: list[Path] = []
        self._log = run.folder / f"server{run.number()}.log"
        self._password = secrets.token_urlsafe(18) if installation.wanted.network else None
        self._port = 0
        try:
            self._sockets = self._socket_folder()
            self._process = self._launch()
        except OSError as error:
            self._remove()
            raise CouldNotCheck(f"the ephemeral server cannot be made: {error}") from error
        except BaseException:
            self._remove()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop(self.ends_on)
        self._remove()

    def wait(self, timeout: float = 60, cancelled: Callable[[], bool] | None = None) -> None:
        """Until a login answers; a snapshot that does not start is discarded for an empty one."""
        if self._version:
            return
        try:
            self._wait_on_a_port(timeout, cancelled)
        except _EndedError as ended:
            if self.snapshot is None or ended.code == launcher.NO_SPACE:
                raise self._failure(ended.code) from None
            snapshots.discard(self.snapshot)
            self.snapshot = None
            self._process = self._launch()
            try:
                self._wait(timeout, cancelled)
            except _EndedError as again:
                raise self._failure(again.code) from None
        if self._password is not None:
            with self._asked("open"), self._connect() as connection:
                self._let_others_in(connection, self._password)

    def database(self) -> Database:
        """The main database."""
        return self._database(self.main)

    def keep_snapshot(self, *, revisions: Mapping[str, str], extra: str) -> Snapshot | None:
        """Stop, and store the marked (else the main) state; None where that is not possible."""
        try:
            with self._login() as connection:
                data = self._only_the_state(connection)
        except (OSError, wire.ServerError):
            return None
        clean = self._stop(self.closes_on)
        if data is None or not clean or not self._is_closed(Path(data)):
            return None
        return snapshots.store(
            self._run,
            Path(data),
            dialect=self._installation.dialect,
            identity=self._installation.identity,
            extra=extra,
            revisions=revisions,
            server_version=self._version,
        )

    def failure(self) -> str:
        """The last lines of its log, if the server or one of its processes was killed."""
        if self._process.poll() is None and not self.crashed.search(self.log()):
            return ""
        return "\n".join(self.log().strip().splitlines()[-5:]) or "it says nothing"

    def log(self) -> str:
        """What the server said so far."""
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    @abstractmethod
    def _program(self) -> tuple[Account | None, str]:
        """Who the server runs as, None for ourselves, and the folder of its programs."""

    @abstractmethod
    def _pristine(self) -> Path:
        """An initialised data folder, to be copied."""

    @abstractmethod
    def _arguments(self, source: Path) -> list[str]:
        """What the program is told; `{data}` stands for the copy of `source`."""

    @abstractmethod
    def _connect(self, timeout: float | None = None) -> Connection:
        """Log in. OSError where nobody answers, ServerError where it refuses."""

    @abstractmethod
    def _url(self, name: str) -> Url:
        """The address of a database by the socket."""

    @abstractmethod
    def _let_others_in(self, connection: Connection, password: str) -> None:
        """From now on the password opens the port."""

    @abstractmethod
    def _only_the_state(self, connection: Connection) -> str | None:
        """Leave nothing but the state to be kept; the data folder, None where more is there."""

    @abstractmethod
    def _is_closed(self, data: Path) -> bool:
        """Whether the server has left its data folder in order."""

    def _is_starting(self, error: wire.ServerError) -> bool:  # noqa: ARG002
        """Whether a refusal means that one should try again."""
        return False

    def _launch(self) -> subprocess.Popen[bytes]:
        """One process copies the data folder and becomes the server, beside our own work."""
        source = self.snapshot.state if self.snapshot else self._pristine()
        targets = self._targets()
        self._folders += targets
        account = f"{self._account.uid}:{self._account.gid}" if self._account else ""
        command = [sys.executable, "-I", "-S", _LAUNCHER, account, os.fspath(source)]
        command += [*map(os.fspath, targets), "--", os.path.join(self._binaries, self.program)]
        command += self._arguments(source)
        with open(self._log, "ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=accounts.server_environ(self._run),
                cwd=self._sockets,
                start_new_session=True,
            )
        self._run.register(process.pid, ends_on=self.ends_on)
        return process

    def _wait_on_a_port(
        self, timeout: float, cancelled: Callable[[], bool] | None, ports: int = _PORTS
    ) -> None:
        try:
            self._wait(timeout, cancelled)
        except _EndedError:
            if ports == 1 or self._password is None or self.port_taken not in self.log():
                raise
            self._process = self._launch()
            self._wait_on_a_port(timeout, cancelled, ports - 1)

    def _wait(self, timeout: float, cancelled: Callable[[], bool] | None) -> None:
        until = time.monotonic() + timeout
        while True:
            if cancelled is not None and cancelled():
                raise CouldNotCheck("the start of the ephemeral server was given up")
            try:
                with self._connect(max(until - time.monotonic(), _POLL_SECONDS)) as connection:
                    self._version = connection.parameters.get("server_version", "").split(" ")[0]
                    return
            except wire.ServerError as error:
                if not self._is_starting(error):
                    raise self._failure(None) from error
            except (TimeoutError, OSError):
                pass  # no socket yet, or one that nobody listens on yet
            if self._process.poll() is not None:
                raise _EndedError(self._process.returncode)
            if time.monotonic() > until:
                raise self._failure(None)
            time.sleep(_POLL_SECONDS)

    def _failure(self, code: int | None) -> CouldNotCheck:
        if code == launcher.NO_SPACE:
            return accounts.no_space(folder.parent for folder in self._targets())
        program = os.path.join(self._binaries, self.program)
        return accounts.cannot_start(program, self.log(), product=self.product)

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """What the server refuses, or does not survive, is told with what it said."""
        try:
            yield
        except (OSError, wire.ServerError) as error:
            tail = "".join(f"\n  {line}" for line in self.log().strip().splitlines()[-5:])
            gone = "the server ended: " if isinstance(error, OSError) else ""
            raise CouldNotCheck(
                f"{self.product} could not {what} the ephemeral database: {gone}{error}{tail}"
            ) from error

    def _login(self) -> Connection:
        self.wait()
        return self._connect()

    def _database(self, name: str) -> Database:
        self.wait()
        return Database(
            provider=self._installation.provider,
            dialect=self._installation.dialect,
            server_version=self._version,
            identity=self._installation.identity,
            url=self._url(name),
            address=self._address(name),
        )

    def _address(self, name: str) -> Url | None:
        if self._password is None:
            return None
        return Url(
            host=LOOPBACK,
            port=self._port,
            username=self.owner,
            password=self._password,
            database=name,
        )

    def _socket_folder(self) -> Path:
        for place in (self._run.memory, self._run.temporary()):
            if place is None:
                continue
            folder = place / f"s{self._run.number()}"
            if len(os.fsencode(folder / self.longest_name)) <= _LONGEST_SOCKET:
                self._folders.append(folder)
                _make_private(folder, self._account)
                return folder
        raise CouldNotCheck(
            f"{self._run.temporary()} is too long a name for a socket's folder",
            hint="Set TMPDIR to a folder with a short name, such as `/tmp`.",
        )

    def _targets(self) -> list[Path]:
        """Where the data folder may lie, the best first."""
        disk = self._run.temporary() if self._account else self._run.folder
        places = [disk]
        if self._run.memory is not None and _has_room(self._run.memory):
            places.insert(0, self._run.memory)
        return [place / f"d{self._run.number()}" for place in places]

    def _stop(self, how: signal.Signals) -> bool:
        """End the server; whether it ended on that signal, with nothing left to do."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            code = self._process.wait(_STOP_SECONDS * (1 if how == self.ends_on else 6))
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._run.forget(self._process.pid)
        return code == 0

    def _remove(self) -> None:
        leftovers.clear([*map(os.fspath, self._folders)])
        for folder in self._folders:
            leftovers.remove_folder(os.fspath(folder))


class _EndedError(Exception):
    """The server ended before a login answered."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trying:
        trying.bind((LOOPBACK, 0))
        return int(trying.getsockname()[1])


def _make_private(folder: Path, account: Account | None) -> None:
    """Only we and the server's account may enter."""
    folder.mkdir(0o700)
    if account is not None:
        os.chown(folder, 0, account.gid)
        folder.chmod(0o770)


def _has_room(place: Path) -> bool:
    """Whether the memory file system and the memory behind it have enough left."""
    try:
        if shutil.disk_usage(place).free < _FREE_MEMORY:
            return False
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024 >= 2 * _FREE_MEMORY
    except (OSError, ValueError):
        return False
    return True
