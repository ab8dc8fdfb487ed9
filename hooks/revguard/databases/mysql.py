"""The provider `local` of MariaDB and MySQL: the machine's own programs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from revguard.databases import accounts, mysql_installations
from revguard.databases.providing import Installation, UnavailableError

if TYPE_CHECKING:
    from revguard.databases.mysql_server import MysqlServer
    from revguard.databases.providing import Surroundings
    from revguard.databases.snapshots import Snapshot
    from revguard.runs import Run


class Local:
    """`local`: mariadbd or mysqld on PATH or in the usual folders."""

    name = "local"
    dialects = ("mysql", "mariadb")
    takes_argument = False
    automatic = True

    def find(self, surroundings: Surroundings) -> Installation:
        """UnavailableError says where was looked."""
        if sys.platform == "win32":
            raise UnavailableError("needs unix sockets, which this version does not use on Windows")
        path = surroundings.environ.get("PATH", os.defpath)
        found = mysql_installations.best(surroundings.dialect, path, surroundings.version)
        account = accounts.server_account()
        uid = account.uid if account else os.geteuid()
        return Installation(
            provider=self.name,
            dialect=surroundings.dialect,
            identity=f"mysql-{mysql_installations.key(found, uid)}",
            binaries=os.path.dirname(found.server),
            version=found.version,
            wanted=surroundings,
            found=found,
        )

    def start(
        self, installation: Installation, *, run: Run, snapshot: Snapshot | None = None
    ) -> MysqlServer:
        """Launch, without waiting."""
        from revguard.databases.mysql_server import MysqlServer

        return MysqlServer(installation, run=run, snapshot=snapshot)
