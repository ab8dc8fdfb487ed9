"""A container that stays after the run in, a fresh database of this run's in it out."""

from __future__ import annotations

import hashlib
import json
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from revguard import leftovers
from revguard.databases import (
    container_script,
    container_stream,
    containers,
    dialects,
    images,
    snapshots,
)
from revguard.databases.container_server import ContainerServer
from revguard.databases.container_stream import Stream
from revguard.databases.wire import ServerError
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from revguard.databases.containers import Container
    from revguard.databases.images import Family, Image
    from revguard.databases.network import Connection
    from revguard.databases.providing import Database, Surroundings
    from revguard.databases.snapshots import Snapshot

_HOLDING_SECONDS = 60.0  # for a container that another run makes, or that is just going
_ANSWER_SECONDS = 5.0
_POLL_SECONDS = 0.05
_ABANDONED_SECONDS = 15.0  # created and not started: whoever made it was killed
_OURS = re.compile(r"run_(?P<run>[0-9a-f]+)_")
_KEPT = "kept_"
_KEPT_MOST = 4  # states in one container
_STATE = "database"  # the file that names one


def container_name(image: Image, family: Family, wanted: Surroundings) -> str:
    """The same for all runs of one project, image and configuration."""
    told = json.dumps([wanted.project, wanted.keep, images.identity(image, family)])
    return f"revguard-keep-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def container_id(client: Any, image: Image, family: Family, wanted: Surroundings) -> str:
    """The id of the one that an earlier run left running; empty where there is none."""
    told = _inspected(client, container_name(image, family, wanted))
    return str(told["Id"]) if told and told["State"]["Running"] else ""


class WarmServer(ContainerServer):
    """One run's databases within a container that other runs of the project use, too."""

    _container_id = ""
    _found: dialects.Address | None = None
    _hold: Stream | None = None

    def clone(self, name: str) -> Database:
        """Under a name of this run's own."""
        return super().clone(f"{self._main}_{name}")

    def mark(self) -> None:
        """Likewise: what lies beside the databases is everybody's."""
        target = f"{self._main}_mark"
        with self._asked("mark") as connection:
            self._dialect.drop(connection, target)
            self._dialect.copy(connection, self._main, target)
        self._mark = dialects.Mark(database=target, beside=None)

    def keep_snapshot(self, *, revisions: Mapping[str, str], extra: str) -> Snapshot | None:
        """Keep the marked (else the main) state as a database of this very container."""
        if not self._run.cache_writable:
            return None
        name = f"{_KEPT}{int(time.time()):x}_{self._run.id}"
        folder = self._run.folder / f"archive{self._run.number()}"
        try:
            with self._login() as connection:
                if _strangers(self._dialect.names(connection)):
                    return None  # they would not be kept with it
                self._dialect.copy(connection, self._marked(), name)
            folder.mkdir(0o700)
            (folder / _STATE).write_text(name, "ascii")
        except (OSError, ServerError):
            leftovers.remove_folder(str(folder))
            return None
        return self._stored(folder, revisions, extra)

    def _begin(self, image: Image) -> None:
        """Hold the container that is there, or make it."""
        self._main = f"run_{self._run.id}_{self._run.number()}"
        name = container_name(image, self._family, self._wanted)
        until = time.monotonic() + _HOLDING_SECONDS
        with containers.refused(self._engine, image.name):
            while not self._try_to_hold(name) and not self._try_to_make(image, name):
                if time.monotonic() > until:
                    raise CouldNotCheck(
                        f"the container {name} that stays warm neither runs nor goes",
                        hint=f"`{self._engine.program} rm -f {name}`",
                    )
                time.sleep(_POLL_SECONDS)
        self._identity = images.identity(image, self._family, warm=self._container_id)

    def _try_to_hold(self, name: str) -> bool:
        """Whether the container runs and will stay as long as we hold it."""
        from docker.errors import APIError

        told = _inspected(self._client, name)
        if told is None:
            return False
        if not told["State"]["Running"]:
            if told["State"]["Status"] == "created" and _age(told) > _ABANDONED_SECONDS:
                containers.remove(self._client, name)
            return False
        try:
            words = ["sh", "-c", container_script.HOLD, "revguard", self._run.id]
            asked = self._client.exec_create(name, words, stdin=True, user="root")["Id"]
            stream = Stream(self._client.exec_start(asked, socket=True))
        except APIError:  # it is just ending
            return False
        said = _answered(stream)
        if not said.startswith(container_script.HELD):
            stream.close()
            if said.startswith(container_script.DEAD):  # its server was killed
                containers.remove(self._client, str(told["Id"]))
            return False
        try:
            stream.beat(container_script.SILENCE / 10)
            self._found = containers.address(
                self._client, self._engine, name, self._family, _password(told, self._family)
            )
        except OSError:  # it was removed
            stream.close()
            return False
        self._hold, self._container_id = stream, str(told["Id"])
        return True

    def _try_to_make(self, image: Image, name: str) -> bool:
        """Whether it was made and is held; False where another run is faster."""
        from docker.errors import APIError

        source = self._pristine()
        labels = containers.labels(self._run, self._wanted.project)
        plan = containers.Plan(
            name=name,
            image=image,
            family=self._family,
            password=source.password or containers.new_password(),
            labels={**labels, f"{containers.LABEL}keep": str(self._wanted.keep)},
            archive=source.archive,
            stay=self._wanted.keep,
        )
        containers.note(self._run, self._engine, name, stays=True)
        try:
            self._container = containers.Container(self._client, self._engine, plan)
        except CouldNotCheck as refused:
            if isinstance(refused.__cause__, APIError) and refused.__cause__.status_code == 409:
                return False
            raise
        return self._try_to_hold(name)

    def _connect(self, timeout: float) -> Connection:
        # the empty main database, which nobody copies or drops
        return self._dialect.connect(self._address, timeout, visited=images.MAIN)

    @property
    def _address(self) -> dialects.Address:
        assert self._found is not None
        return self._found

    def _ready(self, connection: Connection) -> None:
        """Remove what killed runs left in it, and make this run's database."""
        with self._dialect.alone(connection):
            self._sweep(connection)
            self._make_main(connection)
        super()._ready(connection)

    def _make_main(self, connection: Connection) -> None:
        if self.snapshot is not None:
            try:
                kept = (self.snapshot.state / _STATE).read_text("ascii")
                self._dialect.copy(connection, kept, self._main)
                return
            except (OSError, ServerError):
                snapshots.discard(self.snapshot)
                self.snapshot = None
        self._dialect.create(connection, self._main)

    def _sweep(self, connection: Connection) -> None:
        """Drop the databases of runs that no longer hold the container.

        A run makes nothing before it was alone here, and holds the container before that.
        """
        names = self._dialect.names(connection)
        for old in sorted(name for name in names if name.startswith(_KEPT))[:-_KEPT_MOST]:
            self._dialect.drop(connection, old)
        foreign = {name: match["run"] for name in names if (match := _OURS.match(name))}
        beside, strangers = self._dialect.beside(connection), _strangers(names)
        if not foreign and not beside and not strangers:
            return
        live = self._live()
        for name, run in foreign.items():
            if run not in live:
                self._dialect.drop(connection, name)
        if live <= {self._run.id}:
            for name in strangers:  # that a revision or a bootstrap made, and would make again
                self._dialect.drop(connection, name)
            self._dialect.drop_beside(connection, beside)

    def _live(self) -> set[str]:
        """The runs that hold the container now."""
        words = ["sh", "-c", container_script.LIVE]
        said = b"".join(container_stream.output(self._client, self._container_id, words))
        return set(said.decode("ascii", "replace").split())

    def _keep_pristine(self, *_: object) -> None:
        """The server may be another run's, too: it is not stopped."""

    def failure(self) -> str:
        """Of a container that another run made no line tells that its server ended."""
        said = super().failure()
        if said or self._container is not None:
            return said
        try:
            self._connect(_ANSWER_SECONDS).close()
        except ServerError:
            return ""
        except OSError as error:
            return self._last_lines() or str(error)
        return ""

    def _ended(self) -> bool:
        return super()._ended() or (self._hold is not None and self._hold.ended)

    def _last_lines(self) -> str:
        from docker.errors import DockerException

        if self._container is not None or not self._container_id:
            return super()._last_lines()
        with suppress(DockerException, OSError):
            said = self._client.logs(self._container_id, tail=8).decode("utf-8", "replace")
            return "\n".join(line for line in str(said).splitlines() if line)
        return ""

    def _remove(self) -> None:
        """Drop this run's databases; the container stays, for as long as it was told."""
        if self._version:
            with suppress(OSError, ServerError), self._connect(30) as connection:
                for name in self._dialect.names(connection):
                    if name.startswith(f"run_{self._run.id}_"):
                        self._dialect.drop(connection, name)
        if self._hold is not None:
            self._hold.close()
            self._hold = None
        self._remove_container()
        with suppress(OSError):
            self._client.close()

    def _remove_container(self) -> None:
        container: Container | None = self._container
        self._container = None
        if container is not None:
            container.let_go()


def _strangers(names: Iterable[str]) -> list[str]:
    """The databases that are none of ours."""
    ours = (images.MAIN, "postgres")
    return [
        name for name in names
        if name not in ours and not name.startswith(_KEPT) and not _OURS.match(name)
    ]  # fmt: skip


def _inspected(client: Any, name: str) -> Mapping[str, Any] | None:
    from docker.errors import NotFound

    try:
        found: Mapping[str, Any] = client.inspect_container(name)
    except NotFound:
        return None
    return found


def _answered(stream: Stream) -> str:
    """The first line of what was asked for."""
    until = time.monotonic() + 20
    while not stream.said() and not stream.ended and time.monotonic() < until:
        time.sleep(0.005)
    return stream.said()


def _password(told: Mapping[str, Any], family: Family) -> str:
    """As the container was made with it."""
    variables = dict(one.partition("=")[::2] for one in told["Config"]["Env"])
    return str(variables.get(images.password_variable(family), ""))


def _age(told: Mapping[str, Any]) -> float:
    """Seconds since it was made, by this machine's clock."""
    made = re.match(r"\d+-\d\d-\d\dT\d\d:\d\d:\d\d", str(told["Created"]))
    if made is None:
        return 0.0
    import calendar

    return time.time() - calendar.timegm(time.strptime(made[0], "%Y-%m-%dT%H:%M:%S"))
