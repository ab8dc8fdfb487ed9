"""`server:URL`: a scratch database on a server that the user names, beside what is there."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from revguard.databases import remote_url
from revguard.databases.providing import Installation, UnavailableError
from revguard.masking import masked

if TYPE_CHECKING:
    from revguard.databases.providing import Surroundings
    from revguard.databases.remote_server import RemoteServer
    from revguard.databases.snapshots import Snapshot
    from revguard.runs import Run


class Provider:
    """`server:URL`, by name only: nobody's server is used unasked."""

    name = "server"
    dialects = ("postgresql", "mysql", "mariadb")
    takes_argument = True
    automatic = False

    def find(self, surroundings: Surroundings) -> Installation:
        """What the URL says; the server itself is asked at the start. UnavailableError."""
        if not surroundings.argument:
            raise UnavailableError('needs a URL: `database = "server:postgresql://user@host/"`')
        target = remote_url.parse(surroundings.argument, surroundings.environ)
        if surroundings.dialect and remote_url.FAMILIES[surroundings.dialect] != target.family:
            raise UnavailableError(
                f"the URL is one of {target.family}, the project uses {surroundings.dialect}"
            )
        if surroundings.network and target.socket:
            raise UnavailableError("the project asks for a host and a port, the URL has a socket")
        place = f"{target.family} {target.place} {target.username}"
        return Installation(
            provider=f"{self.name}:{masked(surroundings.argument)}",
            dialect=surroundings.dialect or target.family,
            identity=f"server-{hashlib.sha256(place.encode()).hexdigest()[:16]}",
            wanted=surroundings,
        )

    def start(
        self,
        installation: Installation,
        *,
        run: Run,
        snapshot: Snapshot | None = None,  # noqa: ARG002 - nothing is kept on another's server
    ) -> RemoteServer:
        """Nothing to launch: the database is made where somebody waits for it."""
        from revguard.databases.remote_server import RemoteServer

        return RemoteServer(installation, run=run)
