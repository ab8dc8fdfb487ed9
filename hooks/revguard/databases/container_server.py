"""An image in, a server in a container out that holds one run's ephemeral database."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from revguard.databases import container_archives as archives
from revguard.databases import (
    containers,
    dialects,
    docker_engine,
    images,
    pulling,
    snapshots,
)
from revguard.databases.container_archives import Source
from revguard.databases.providing import (
    Database,
    Installation,
    Storing,
    UnavailableError,
    Url,
)
from revguard.databases.wire import ServerError
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from revguard.databases.containers import Container
    from revguard.databases.docker_engine import Engine
    from revguard.databases.images import Image
    from revguard.databases.network import Connection
    from revguard.databases.snapshots import Snapshot
    from revguard.runs import Run

_LOGIN_SECONDS = 5.0  # for a server that took the connection to answer it
_WORK_SECONDS = 300.0  # for one statement
_LAST_LINES = 8
_KILLED = re.compile(r"signal 9\b|\bKilled\b|code 137\b|ended with 137\b")
_TELLING_SECONDS = 0.5
_CRASHED = re.compile(r"was terminated by signal \d|PANIC:|got signal \d")


class ContainerServer(Storing):
    """One container with its server, from launch to removal."""

    copies = True
    _poll_seconds = 0.01

    def __init__(
        self,
        installation: Installation,
        engine: Engine,
        *,
        run: Run,
        snapshot: Snapshot | None = None,
    ) -> None:
        self.snapshot = snapshot
        self._installation = installation
        self._wanted = installation.wanted
        self._engine = engine
        self._run = run
        self._image_name = installation.provider.partition(":")[2]
        self._meet()
        self._identity = installation.identity
        self._version = ""
        self._mark: dialects.Mark | None = None
        self._container: Container | None = None
        self._main = images.MAIN
        self._client = _client(engine)
        try:
            with containers.refused(engine, self._image_name):
                self._image = pulling.here(self._client, self._image_name)
            if self._image is not None:
                self._begin(self._image)
        except BaseException:
            self._remove()
            raise

    def _meet(self) -> None:
        """Who is expected in the image, and how it is spoken to."""
        self._family = images.family(self._image_name, self._installation.dialect)
        self._dialect = dialects.of_server(self._family.server)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def wait(self, timeout: float = 60, cancelled: Callable[[], bool] | None = None) -> None:
        """Until a login answers; a stored state that does not start is discarded."""
        if self._version:
            return
        if self._image is None:
            progress = self._wanted.progress
            name = self._image_name
            self._image = pulling.pull(self._client, self._engine, name, progress, cancelled)
            self._begin(self._image)
        while not self._wait(timeout, cancelled):
            if not self._without_source():
                raise self._never_ready("it ended by itself")
            self._begin(self._image)
        self._keep_pristine(timeout, cancelled)

    def failure(self) -> str:
        """The last lines of its log, if the server, its container or the engine is gone."""
        said = self._container.said() if self._container else ""
        if not self._ended() and not _CRASHED.search(said):
            return ""
        if not docker_engine.answers(self._client, self._engine):
            return f"the engine at {self._engine.url} no longer answers"
        return "\n".join(filter(None, [self._memory(), self._last_lines()])) or "it says nothing"

    def database(self) -> Database:
        """The main database."""
        return self._database(self._main)

    def mark(self) -> None:
        """Copy the main database within the server; whoever is connected is thrown out."""
        with self._asked("mark") as connection:
            self._mark = self._dialect.mark(connection, self._main)

    def clone(self, name: str) -> Database:
        """A copy of the marked state, else of the main database, called `name`."""
        with self._asked("clone") as connection:
            self._dialect.copy(connection, self._marked(), name)
        return self._database(name)

    def keep_snapshot(self, *, revisions: Mapping[str, str], extra: str) -> Snapshot | None:
        """Stop, and store the marked (else the main) state; None where that is not possible."""
        container = self._container
        if container is None or not self._run.cache_writable or not self._engine.attachable:
            return None
        try:
            with self._login() as connection:
                if not self._dialect.only(connection, self._main, self._mark):
                    return None
        except (OSError, ServerError):
            return None
        folder = archives.taken(self._run, container)
        if folder is None:
            return None
        return self._stored(folder, revisions, extra)

    def _stored(self, folder: Path, revisions: Mapping[str, str], extra: str) -> Snapshot | None:
        return snapshots.store(
            self._run,
            folder,
            dialect=self._installation.dialect,
            identity=self._identity,
            extra=extra,
            revisions=revisions,
            server_version=self._version,
        )

    def _begin(self, image: Image) -> None:
        """Start a container with the snapshot's data folder, a new one's, or none."""
        self._remove_container()
        self._identity = images.identity(image, self._family)
        source = self._source()
        self._container = self._made(
            image, password=source.password or containers.new_password(), archive=source.archive
        )

    def _made(self, image: Image, **planned: Any) -> Container:
        """A container of this run's, written down before it is there."""
        name = f"revguard-{self._run.id}-{self._run.number()}"
        containers.note(self._run, self._engine, name)
        plan = containers.Plan(
            name=name,
            image=image,
            family=self._family,
            labels=containers.labels(self._run, self._wanted.project),
            life=containers.LIFETIME,
            **planned,
        )
        return containers.Container(self._client, self._engine, plan)

    def _wait(self, timeout: float, cancelled: Callable[[], bool] | None) -> bool:
        """Whether a login answered; False where the server ended before."""
        until = time.monotonic() + timeout
        while True:
            if cancelled is not None and cancelled():
                raise CouldNotCheck("the start of the ephemeral server was given up")
            left = until - time.monotonic()
            try:
                with self._connect(max(min(left, _LOGIN_SECONDS), 0.1)) as connection:
                    self._ready(connection)
                    return True
            except ServerError as error:
                if not self._dialect.is_starting(error):
                    raise self._never_ready(f"it refuses our login: {error}") from error
            except OSError:
                pass  # the engine's proxy takes connections long before the server does
            if self._ended():
                return False
            if time.monotonic() > until:
                raise self._never_ready(f"no login was answered in {timeout:.0f} seconds")
            time.sleep(self._poll_seconds)

    def _ready(self, connection: Connection) -> None:
        """A login was answered for the first time."""
        self._version = _plain(connection.parameters.get("server_version", ""))

    def _source(self) -> Source:
        """The snapshot's data folder, else the one with the empty database."""
        found = Source()
        if self.snapshot is not None and self._engine.attachable:
            found = archives.of_state(self.snapshot.state)
        if found.archive is None:
            self.snapshot = None
            found = self._pristine()
        return found

    def _pristine(self) -> Source:
        """The stored data folder of this image with the empty database, if it can be brought."""
        if not self._engine.attachable:
            return Source()
        return archives.pristine(self._run, self._plain_identity)

    def _without_source(self) -> bool:
        """Discard what the container began with; False where that was nothing."""
        if self._container is None or self._container.plan.archive is None:
            return False
        if self.snapshot is not None:
            snapshots.discard(self.snapshot)
            self.snapshot = None
        else:
            archives.discard_pristine(self._run, self._plain_identity)
        return True

    @property
    def _plain_identity(self) -> str:
        assert self._image is not None
        return images.identity(self._image, self._family)

    def _keep_pristine(self, timeout: float, cancelled: Callable[[], bool] | None) -> None:
        """Once for each image: the next runs do without its initialisation."""
        container = self._container
        if container is None or container.plan.archive is not None:
            return
        if not self._run.cache_writable or not self._engine.attachable:
            return
        try:
            with self._connect(_WORK_SECONDS) as connection:
                self._dialect.strip(connection)
        except (OSError, ServerError):
            return
        folder = archives.taken(self._run, container, again=True)
        if folder is not None:
            archives.keep_pristine(self._run, self._plain_identity, folder)
        if not self._wait(timeout, cancelled):
            raise self._never_ready("it ended by itself")

    def _never_ready(self, why: str) -> CouldNotCheck:
        if self._ended() and not docker_engine.answers(self._client, self._engine):
            why = f"the engine at {self._engine.url} no longer answers"
        memory = self._memory()
        tail = "".join(f"\n  {line}" for line in self._last_lines().splitlines())
        if memory:
            return CouldNotCheck(
                f"{self._family.says} in {self._image_name} cannot be used: {memory}{tail}",
                hint="Another provider (`database =`) has no such limit.",
            )
        return CouldNotCheck(
            f"{self._family.says} in {self._image_name} cannot be used: {why}{tail}",
            hint=f"It must be built as the official image of {self._family.says} is: try "
            f"`{self._engine.program} run --rm {self._image_name}`.",
        )

    def _memory(self) -> str:
        """What is to be said where its limit of memory is why it was killed; else empty."""
        container = self._container
        if container is None or not _KILLED.search(container.said()):
            return ""
        until = time.monotonic() + _TELLING_SECONDS  # the engine may hear of it after us
        while not container.ran_out_of_memory():
            if time.monotonic() > until:
                return ""
            time.sleep(0.05)
        return f"it ran out of memory: its container may use {self._family.memory >> 20} MB"

    def _ended(self) -> bool:
        """Whether the server, its container or the engine is known to be gone."""
        return self._container is not None and self._container.ended()

    def _last_lines(self) -> str:
        said = self._container.said() if self._container else ""
        return "\n".join(said.splitlines()[-_LAST_LINES:])

    @contextmanager
    def _asked(self, what: str) -> Iterator[Connection]:
        """A login; what the server refuses, or does not survive, is told with what it said."""
        try:
            with self._login() as connection:
                yield connection
        except (OSError, ServerError) as error:
            tail = "".join(f"\n  {line}" for line in self._last_lines().splitlines())
            why = self._why(error)
            raise CouldNotCheck(
                f"{self._family.says} could not {what} the ephemeral database: {why}{tail}"
            ) from error

    def _why(self, error: Exception) -> str:
        """What the server refused, or that it is gone, or its engine."""
        if isinstance(error, ServerError):
            return str(error)
        if docker_engine.answers(self._client, self._engine):
            return f"the server ended ({error})"
        return f"the engine at {self._engine.url} no longer answers"

    def _login(self) -> Connection:
        self.wait()
        return self._connect(_WORK_SECONDS)

    def _connect(self, timeout: float) -> Connection:
        return self._dialect.connect(self._address, timeout)

    @property
    def _address(self) -> dialects.Address:
        assert self._container is not None
        return self._container.address

    def _marked(self) -> str:
        return self._mark.database if self._mark else self._main

    def _database(self, name: str) -> Database:
        self.wait()
        address = self._address
        return Database(
            provider=self._installation.provider,
            dialect=self._installation.dialect,
            server_version=self._version,
            identity=self._identity,
            url=Url(
                host=address.host,
                port=address.port,
                username=address.user,
                password=address.password,
                database=name,
            ),
        )

    def _remove_container(self) -> None:
        if self._container is not None:
            self._container.remove()
            self._container = None

    def _remove(self) -> None:
        self._remove_container()
        with suppress(OSError):
            self._client.close()


def _client(engine: Engine) -> Any:
    try:
        return docker_engine.client(engine)
    except UnavailableError as reason:
        raise CouldNotCheck(str(reason)) from None


def _plain(version: str) -> str:
    """The number alone, out of `15.14 (Debian ...)` or `5.5.5-10.11.6-MariaDB-deb12`."""
    found = re.search(r"(?:5\.5\.5-)?(\d+(?:\.\d+)*)", version)
    return found[1] if found else version
