"""An engine and a plan in, a started container out that ends when its run does."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from revguard.databases import container_script, container_stream, docker_engine, images
from revguard.databases.container_stream import Stream
from revguard.databases.dialects import Address
from revguard.databases.docker_engine import Engine
from revguard.databases.images import Family, Image
from revguard.errors import CouldNotCheck
from revguard.runs import CONTAINERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from revguard.runs import Run

LABEL = "dev.revguard."
LIFETIME = 3600  # seconds, whatever becomes of the run and of the engine
_DATA_SIZE = "1536m"  # of the memory: a full folder is told better than a killed server
_SHARED_SIZE = 256 << 20
_PROCESSES = 1024
_LOG = {"type": "json-file", "config": {"max-size": "4m", "max-file": "1"}}
_BEATS = 10  # in the time for which silence is borne
_IN_CONTAINER = ("/.dockerenv", "/run/.containerenv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a container is to be."""

    name: str
    image: Image
    family: Family
    password: str
    labels: dict[str, str]
    archive: Path | None = None  # of a data folder to begin with
    environ: Mapping[str, str] = field(default_factory=dict)  # beside that of the family
    stay: int = 0  # seconds without anybody; 0: it ends with the run
    life: int = 0  # seconds; 0: as long as somebody comes


class Container:
    """One container, from its start to its removal."""

    def __init__(self, client: Any, engine: Engine, plan: Plan) -> None:
        """Create and start it. CouldNotCheck where the engine refuses."""
        self._client = client
        self._engine = engine
        self.plan = plan
        self.id = ""
        self._address: Address | None = None
        self.stream: Stream | None = None
        try:
            with refused(engine, plan.image.name):
                self.id = str(_create(client, engine, plan)["Id"])
                self._start()
        except BaseException:
            self.remove()
            raise

    @property
    def address(self) -> Address:
        """Where its server is reached; OSError where it ended before that was known."""
        if self._address is None:
            self._address = address(
                self._client, self._engine, self.id, self.plan.family, self.plan.password
            )
        return self._address

    def said(self) -> str:
        """The last lines of what the server wrote."""
        return self.stream.said() if self.stream is not None else ""

    def ended(self) -> bool:
        """Whether the server, its container or the engine is known to be gone."""
        return self.stream is not None and (self.stream.ended or self.stream.server_ended)

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel ended a process in it for its limit, as the engine tells."""
        from docker.errors import DockerException

        wanted = {"container": self.id, "event": "oom"}
        now = int(time.time()) + 1
        with suppress(DockerException, OSError, ValueError):
            told = self._client.events(since=now - LIFETIME, until=now, filters=wanted, decode=True)
            return any(True for _ in told)
        return False

    def keep(self, target: Path, *, again: bool = False) -> bool:
        """Stop the server cleanly and store its data folder; with `again` it starts anew."""
        return archive(self._client, self.id, self.plan, target, again=again)

    def _runs(self) -> bool:
        from docker.errors import DockerException

        try:
            return bool(self._client.inspect_container(self.id)["State"]["Running"])
        except (DockerException, OSError):
            return False

    def let_go(self) -> None:
        """Close the line to it: one that may stay does."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    def remove(self) -> None:
        """End it and remove it with its volumes."""
        if self.id and not docker_engine.silent(self._engine):
            remove(self._client, self.id)
        self.let_go()

    def _start(self) -> None:
        if self._engine.attachable:
            told = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self.stream = Stream(self._client.attach_socket(self.id, params=told))
        self._client.start(self.id)
        if self.plan.archive is not None and self.stream is not None:
            with suppress(OSError):  # it ended: what it said tells why
                self.stream.give(self.plan.archive, self._runs)
        if self.stream is not None and not self.plan.stay:
            with suppress(OSError):
                self.stream.beat(container_script.SILENCE / _BEATS)


def note(run: Run, engine: Engine, name: str, *, stays: bool = False) -> None:
    """Write down what a sweep must look for, before it is made; one that stays may run on."""
    line = json.dumps({"engine": asdict(engine), "name": name, "stays": stays})
    # on a full disk it goes unnoted, and ends with us all the same
    with suppress(OSError), open(run.folder / CONTAINERS, "a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def remove(client: Any, name: str) -> None:
    """End a container and remove it with its volumes, if it and its engine are there."""
    from docker.errors import DockerException

    with suppress(DockerException, OSError):  # it ends itself, too
        docker_engine.remove(client, name)


def archive(client: Any, name: str, plan: Plan, target: Path, *, again: bool) -> bool:
    """The data folder of a server that is stopped for it, in a file; False where it cannot be."""
    from docker.errors import DockerException

    data = images.data_folder(plan.image, plan.family)
    words = ["sh", "-c", container_script.ARCHIVE, "revguard"]
    words += [plan.family.ends_on, data, "again" if again else ""]
    try:
        with open(target, "wb") as file:
            file.writelines(container_stream.output(client, name, words))
    except (DockerException, OSError):
        return False
    return True


def address(
    client: Any,
    engine: Engine,
    name: str,
    family: Family,
    password: str,
) -> Address:
    """Where the server in a container is reached; OSError where that does not run."""
    from docker.errors import APIError

    try:
        told = client.inspect_container(name)["NetworkSettings"]
    except APIError as error:
        raise ConnectionError(str(error.explanation)) from error
    network = _own_network(client) if not engine.host else None
    host, port = engine.host or "127.0.0.1", family.port
    if network:
        host = told["Networks"][network]["IPAddress"]
    else:
        bound = told["Ports"].get(f"{family.port}/tcp") or ()
        if not bound:
            raise ConnectionError("the container ended before its port was there")
        port = int(bound[0]["HostPort"])
    return Address(host=host, port=port, user=family.user, password=password)


def new_password() -> str:
    """One that nobody guesses, and that no shell or URL has to quote."""
    return secrets.token_hex(16)


@contextmanager
def refused(engine: Engine, image: str) -> Iterator[None]:
    """What the engine refuses, or does not survive, as CouldNotCheck with what mends it."""
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        said = str(error.explanation or error)
        raise CouldNotCheck(
            f"the engine at {engine.url} cannot start {image}: {said}", hint=_hint(engine, said)
        ) from error
    except (DockerException, OSError) as error:
        raise CouldNotCheck(
            f"the engine at {engine.url} ended in the middle of the work: "
            f"{docker_engine.reason(error)}",
            hint=f"Is it running? `{engine.program} version`",
        ) from error


def _hint(engine: Engine, said: str) -> str:
    if "no space left" in said:
        return f"Free some: `{engine.program} system df`, `{engine.program} system prune`."
    if "executable file not found" in said or "no such file or directory" in said:
        return "The image has no shell, so it is not built as the official images are."
    return f"See `{engine.program} info`."


def _create(client: Any, engine: Engine, plan: Plan) -> Any:
    image, family = plan.image, plan.family
    network = _own_network(client) if not engine.host else None
    data = images.data_folder(image, family)
    folders = _in_memory(image, data)
    size = plan.archive.stat().st_size if plan.archive else 0
    silence = container_script.SILENCE if engine.attachable else 0
    words = [plan.life, plan.stay, silence, size, data]
    published = {family.port: None if engine.host else ("127.0.0.1",)}
    return client.create_container(
        image.id,
        name=plan.name,
        entrypoint=["/bin/sh", "-c", container_script.MAIN, "revguard"],
        command=[*map(str, words), *image.entrypoint, *image.command, *images.flags(image, family)],
        environment={**images.environ(image, family, plan.password), **plan.environ},
        labels=plan.labels,
        stdin_open=True,
        ports=[family.port],
        healthcheck={"test": ["NONE"]},
        host_config=client.create_host_config(
            auto_remove=True,
            tmpfs={
                **dict.fromkeys(sorted(folders), f"size={_DATA_SIZE}"),
                container_script.CONTROL: "size=1m,mode=1777",
            },
            port_bindings=None if network else published,
            network_mode=network or None,
            mem_limit=family.memory,
            memswap_limit=family.memory,
            shm_size=_SHARED_SIZE,
            pids_limit=_PROCESSES,
            log_config=_LOG,
        ),
    )


def _in_memory(image: Image, data: str) -> set[str]:
    """The folders to be had in memory: all volumes, and where the data is; none without such."""
    if not data:
        return set()
    folders = {path.rstrip("/") for path in image.volumes}
    if not any(f"{data}/".startswith(f"{path}/") for path in folders):
        folders.add(data)
    return folders


def labels(run: Run, project: str) -> dict[str, str]:
    """What tells whose container it is."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    told = {"run": run.id, "project": project, "created": created}
    return {f"{LABEL}{name}": value for name, value in told.items()}


def _own_network(client: Any) -> str | None:
    """The network of the container in which we run ourselves, if this engine runs it.

    What is published on its host's loopback cannot be reached from there.
    """
    if not any(map(os.path.exists, _IN_CONTAINER)):
        return None
    from docker.errors import APIError

    try:
        told = client.inspect_container(socket.gethostname())
    except APIError:
        return None
    networks = told["NetworkSettings"]["Networks"]
    return next((name for name in networks if name not in ("host", "none")), None)
