"""Binaries and a data folder in, a running PostgreSQL out that only this machine can reach."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from revguard import leftovers
from revguard.databases import accounts, clusters, launcher, replicas, snapshots, wire
from revguard.databases.providing import Database, Installation, UnavailableError, Url
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from revguard.databases.accounts import Account
    from revguard.databases.snapshots import Snapshot
    from revguard.runs import Run

_PORT = 5432  # only names the socket, unless others are to connect: each has a folder of its own
_LONGEST_NAME = ".s.PGSQL.65535"
_LONGEST_SOCKET = 100  # sun_path takes 104 bytes on macOS, 108 on Linux
_POLL_SECONDS = 0.005
_STOP_SECONDS = 5.0
_FREE_MEMORY = 512 << 20  # bytes that the memory file system must have left to be used
_LAUNCHER = os.path.realpath(launcher.__file__)
_CRASHED = re.compile(r"was terminated by signal \d|PANIC:")
_STARTING = "57P03"  # SQLSTATE cannot_connect_now
_PORT_TAKEN = "could not bind IPv4 address"
_PORTS = 3  # that are tried: another program may take one between our look and the server's
_LOOPBACK = "127.0.0.1"
_WHO_MAY = f"""\
local all all trust
host all all {_LOOPBACK}/32 scram-sha-256
"""


class PostgresServer:
    """One postmaster with its data folder, from launch to removal."""

    def __init__(
        self, installation: Installation, *, run: Run, snapshot: Snapshot | None = None
    ) -> None:
        self.snapshot = snapshot
        self._installation = installation
        self._run = run
        self._account = _account()
        self._binaries = clusters.reachable(installation, run, self._account)
        self._version = ""
        self._folders: list[Path] = []
        self._log = run.folder / f"server{run.number()}.log"
        self._mark: replicas.Mark | None = None
        self._password = secrets.token_urlsafe(18) if installation.wanted.network else None
        self._port = _PORT
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
        self._stop(signal.SIGQUIT)
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
        self._let_others_in(self._password)

    def database(self) -> Database:
        """The main database."""
        return self._database(clusters.MAIN)

    def mark(self) -> None:
        """Copy the main database within the server; whoever is connected is thrown out."""
        with self._asked("mark"), self._login() as connection:
            self._mark = replicas.mark(connection, clusters.MAIN)

    def clone(self, name: str) -> Database:
        """A copy of the marked state, else of the main database, called `name`."""
        with self._asked("clone"), self._login() as connection:
            replicas.copy(connection, self._mark.database if self._mark else clusters.MAIN, name)
        return self._database(name)

    def keep_snapshot(self, *, revisions: Mapping[str, str], extra: str) -> Snapshot | None:
        """Stop, and store the marked (else the main) state; None where that is not possible."""
        try:
            with self._login() as connection:
                data = replicas.only(connection, clusters.MAIN, self._mark)
                if self._password is not None:
                    connection.query(f"ALTER ROLE {clusters.OWNER} PASSWORD NULL")
        except (OSError, wire.ServerError):
            return None
        clean = self._stop(signal.SIGINT)
        if data is None or not clean or not _closed(Path(data)):
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
        if self._process.poll() is None and not _CRASHED.search(self.log()):
            return ""
        return "\n".join(self.log().strip().splitlines()[-5:]) or "it says nothing"

    def log(self) -> str:
        """What the server said so far."""
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _launch(self) -> subprocess.Popen[bytes]:
        """One process copies the data folder and becomes the server, beside our own work."""
        source = self.snapshot.state if self.snapshot else self._pristine()
        targets = self._targets()
        self._folders += targets
        account = f"{self._account.uid}:{self._account.gid}" if self._account else ""
        command = [sys.executable, "-I", "-S", _LAUNCHER, account, os.fspath(source)]
        command += [*map(os.fspath, targets), "--", os.path.join(self._binaries, "postgres")]
        command += ["-D", "{data}", "-k", os.fspath(self._sockets)]
        command += [*_settings(source), *self._listening()]
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
        self._run.register(process.pid, ends_on=signal.SIGQUIT)
        return process

    def _pristine(self) -> Path:
        return clusters.pristine(self._installation, self._binaries, self._run, self._account)

    def _listening(self) -> list[str]:
        """Where it listens besides its socket, and who may enter there."""
        if self._password is None:
            return ["-c", "listen_addresses="]
        self._port = _free_port()
        rules = self._sockets / "pg_hba.conf"
        rules.write_text(_WHO_MAY, encoding="ascii")
        if self._account is not None:
            os.chown(rules, 0, self._account.gid)
        rules.chmod(0o640)
        told = {"listen_addresses": _LOOPBACK, "port": str(self._port), "hba_file": f"{rules}"}
        return [word for name, value in told.items() for word in ("-c", f"{name}={value}")]

    def _let_others_in(self, password: str | None) -> None:
        if password is not None:
            with self._asked("open"), self._connect() as connection:
                connection.query(
                    "SET password_encryption = 'scram-sha-256'; "
                    f"ALTER ROLE {clusters.OWNER} PASSWORD {wire.literal(password)}"
                )

    def _wait_on_a_port(
        self, timeout: float, cancelled: Callable[[], bool] | None, ports: int = _PORTS
    ) -> None:
        try:
            self._wait(timeout, cancelled)
        except _EndedError:
            if ports == 1 or _PORT_TAKEN not in self.log():
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
                if error.code != _STARTING:
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
        return accounts.cannot_start(os.path.join(self._binaries, "postgres"), self.log())

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """What the server refuses, or does not survive, is told with what it said."""
        try:
            yield
        except (OSError, wire.ServerError) as error:
            tail = "".join(f"\n  {line}" for line in self.log().strip().splitlines()[-5:])
            raise CouldNotCheck(
                f"PostgreSQL could not {what} the ephemeral database: {error}{tail}"
            ) from error

    def _login(self) -> wire.Connection:
        self.wait()
        return self._connect()

    def _connect(self, timeout: float | None = None) -> wire.Connection:
        # template1, since a database that is copied or dropped must have no visitor
        return wire.Connection(
            os.fspath(self._sockets / f".s.PGSQL.{self._port}"),
            username=clusters.OWNER,
            database="template1",
            timeout=timeout,
        )

    def _database(self, name: str) -> Database:
        self.wait()
        return Database(
            provider=self._installation.provider,
            dialect=self._installation.dialect,
            server_version=self._version,
            identity=self._installation.identity,
            url=Url(
                host=os.fspath(self._sockets),
                port=self._port,
                username=clusters.OWNER,
                password=None,
                database=name,
            ),
            address=self._address(name),
        )

    def _address(self, name: str) -> Url | None:
        if self._password is None:
            return None
        return Url(
            host=_LOOPBACK,
            port=self._port,
            username=clusters.OWNER,
            password=self._password,
            database=name,
        )

    def _socket_folder(self) -> Path:
        for place in (self._run.memory, self._run.temporary()):
            if place is None:
                continue
            folder = place / f"s{self._run.number()}"
            if len(os.fsencode(folder / _LONGEST_NAME)) <= _LONGEST_SOCKET:
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
            code = self._process.wait(_STOP_SECONDS * (1 if how == signal.SIGQUIT else 6))
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._run.forget(self._process.pid)
        return code == 0

    def _remove(self) -> None:
        for folder in self._folders:
            leftovers.remove_folder(os.fspath(folder))


class _EndedError(Exception):
    """The server ended before a login answered."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _account() -> Account | None:
    try:
        return accounts.server_account()
    except UnavailableError as reason:
        raise CouldNotCheck(str(reason)) from None


def _make_private(folder: Path, account: Account | None) -> None:
    """Only we and the server's account may enter."""
    folder.mkdir(0o700)
    if account is not None:
        os.chown(folder, 0, account.gid)
        folder.chmod(0o770)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trying:
        trying.bind((_LOOPBACK, 0))
        return int(trying.getsockname()[1])


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


def _closed(data: Path) -> bool:
    return not (data / "postmaster.pid").exists()


def _settings(source: Path) -> list[str]:
    """Fast, since nothing has to outlive a crash; quiet, since nobody else may visit a database."""
    settings = {
        "unix_socket_permissions": "0777",  # the folder keeps others out
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "min_wal_size": "2MB",
        "max_wal_size": "64MB",
        "autovacuum": "off",
        "jit": "off",
        "huge_pages": "off",
        # not in /dev/shm, where a killed server would leave it
        "dynamic_shared_memory_type": "mmap",
        "max_locks_per_transaction": "256",
        "max_logical_replication_workers": "0",
        "logging_collector": "off",
        "log_destination": "stderr",
        "timezone": "UTC",
    }
    if clusters.major(source) >= 18:
        settings["io_method"] = "sync"
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
