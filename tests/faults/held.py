"""revguard's own command, which stops where a test says so until the test lets it go on.

The folder HELD has a file named after the place; it is renamed to `reached`, and `go` is awaited.
"""

import functools
import os
import sys
import time

from revguard import adding
from revguard.cli import main
from revguard.databases import (
    container_stream,
    remote_mysql,
    remote_postgresql,
    remote_server,
    stored,
)
from revguard.databases.container_server import ContainerServer
from revguard.databases.local_server import LocalServer
from revguard.databases.sqlite_file import SqliteFile
from revguard.databases.warm import WarmServer
from revguard.evaluation.serving import Serving
from revguard.staging import entries

ADMINISTRATIONS = (remote_postgresql.PostgresAdministration, remote_mysql.MysqlAdministration)
LONG_AGO = "20200101000000"


def stop(place):
    """Once, and only where it is asked for."""
    folder = os.environ["HELD"]
    if os.path.exists(f"{folder}/{place}"):
        os.rename(f"{folder}/{place}", f"{folder}/reached")
        while not os.path.exists(f"{folder}/go"):
            time.sleep(0.005)


def hold(place, owner, name, *, before=False):
    original = getattr(owner, name)

    @functools.wraps(original)
    def held(*arguments, **options):
        if before:
            stop(place)
        found = original(*arguments, **options)
        if not before:
            stop(place)
        return found

    setattr(owner, name, held)


def hold_an_archive(original=container_stream._frame):
    def frame(line, *more):
        found = original(line, *more)
        if len(found[1]) > 1000:  # not an answer, but a part of the data folder
            stop("archiving")
        return found

    container_stream._frame = frame


def begin_long_ago(original=remote_server.RemoteServer._new_name):
    """The databases of this run are named as those of an old one."""

    def new_name(self, login):
        login.now = lambda: LONG_AGO
        try:
            return original(self, login)
        finally:
            del login.now

    remote_server.RemoteServer._new_name = new_name


hold("acquiring", LocalServer, "_wait", before=True)
hold("acquiring", ContainerServer, "_wait", before=True)
hold("acquiring", SqliteFile, "wait")
for administration in ADMINISTRATIONS:
    hold("acquiring", administration, "create")
hold("ready", Serving, "database")
for kind in (LocalServer, ContainerServer, WarmServer):
    hold("keeping", kind, "keep_snapshot", before=True)
hold("saving", stored, "_bring")
hold("staging", entries, "update", before=True)
hold("added", adding, "remember_added", before=True)
hold_an_archive()
begin_long_ago()
sys.exit(main())
