"""The providers `docker` and `podman`: a server in a container of an image that is named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from revguard.databases import docker_engine, images, known_images
from revguard.databases.providing import ANY, Installation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from revguard.databases.container_server import ContainerServer
    from revguard.databases.docker_engine import Engine
    from revguard.databases.images import Image
    from revguard.databases.providing import Surroundings
    from revguard.databases.snapshots import Snapshot
    from revguard.runs import Run

_VERSION_VARIABLES = ("PG_VERSION", "MARIADB_VERSION", "MYSQL_VERSION", "PG_MAJOR")
_NUMBER = re.compile(r"(?:\d+:)?(\d+(?:\.\d+)*)")  # Debian's versions may begin with an epoch


class Docker:
    """`docker[:IMAGE]`: the engine that the docker command would speak to."""

    name = "docker"
    dialects = (*images.DIALECTS, *known_images.DIALECTS, ANY)
    takes_argument = True
    automatic = True

    def engine(self, environ: Mapping[str, str]) -> Engine:
        """UnavailableError says where was looked."""
        return docker_engine.find_docker(environ)

    def find(self, surroundings: Surroundings) -> Installation:
        """The engine and the image; one that is not here is pulled at the start."""
        engine = self.engine(surroundings.environ)
        if not surroundings.dialect:  # only whether there is an engine
            docker_engine.version(engine)
            return Installation(
                provider=self.name, dialect="", identity=self.name, binaries=engine.url
            )
        client = docker_engine.client(engine)
        try:
            with docker_engine.refused_as_unavailable(engine):
                return _installation(client, engine, surroundings)
        finally:
            client.close()

    def start(
        self, installation: Installation, *, run: Run, snapshot: Snapshot | None = None
    ) -> ContainerServer:
        """Launch, without waiting."""
        from revguard.databases.container_server import ContainerServer
        from revguard.databases.warm import WarmServer

        engine = self.engine(installation.wanted.environ)
        if installation.dialect not in images.DIALECTS:
            from revguard.databases.foreign_server import ForeignServer

            return ForeignServer(installation, engine, run=run, snapshot=snapshot)
        stays = installation.wanted.keep and engine.attachable
        kind = WarmServer if stays else ContainerServer
        return kind(installation, engine, run=run, snapshot=snapshot)


class Podman(Docker):
    """`podman[:IMAGE]`: the same by Podman's socket, which speaks as Docker's does."""

    name = "podman"
    automatic = False

    def engine(self, environ: Mapping[str, str]) -> Engine:
        """UnavailableError says where was looked."""
        return docker_engine.find_podman(environ)


def _installation(client: Any, engine: Engine, wanted: Surroundings) -> Installation:
    from revguard.databases import pulling, warm

    if wanted.dialect not in images.DIALECTS:
        return _foreign(client, engine, wanted)
    name = wanted.argument or images.default(wanted.dialect, wanted.version, pulling.names(client))
    family = images.family(name, wanted.dialect)
    image = pulling.here(client, name)
    held = ""
    if image and wanted.keep and engine.attachable:
        held = warm.container_id(client, image, family, wanted) or "one that is not there yet"
    return Installation(
        provider=f"{engine.program}:{name}",
        dialect=wanted.dialect,
        # one that is not here has no stored state
        identity=images.identity(image, family, warm=held) if image else f"docker-not-here-{name}",
        binaries=engine.url,
        version=_version(image, name),
        ready=image is not None,
        wanted=wanted,
    )


def _foreign(client: Any, engine: Engine, wanted: Surroundings) -> Installation:
    """Of a server that only the project's own driver speaks to; UnavailableError."""
    from revguard.databases import pulling

    name = wanted.argument or known_images.default(wanted.dialect)
    image = pulling.here(client, name)
    known = known_images.by_name(name, wanted.dialect)
    if known is None and image is not None:
        known = known_images.by_image(image, wanted.dialect)
    known_images.accepted(known, wanted.environ)
    return Installation(
        provider=f"{engine.program}:{name}",
        dialect=wanted.dialect,
        identity=images.identity(image, known.family) if image and known else f"not-here-{name}",
        binaries=engine.url,
        version=_version(None, name),
        ready=image is not None,
        wanted=wanted,
    )


def _version(image: Image | None, name: str) -> str:
    """The server's, as the official images tell it; else as the tag does."""
    told = [image.environ.get(variable, "") for variable in _VERSION_VARIABLES] if image else []
    found = [match[1] for one in told if (match := _NUMBER.match(one))]
    tag = re.search(r":(\d+(\.\d+)*)[^/]*$", name)
    return found[0] if found else tag[1] if tag else ""
