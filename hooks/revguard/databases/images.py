"""An image's name and a dialect in, the kind of server that is expected in it out."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from revguard.databases.providing import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAIN = "app"
_FORMAT = 1  # of what is stored: another one is never used
DIALECTS = ("postgresql", "mysql", "mariadb")
_NEWEST = {"postgres": "17", "mariadb": "11.8", "mysql": "8.4"}  # where nothing is told or there
_TAG = re.compile(
    r"(docker\.io/library/)?(?P<name>postgres|mariadb|mysql):(?P<version>\d+(\.\d+)?)$"
)
# what a name tells of the server inside, first match wins; any other may hold either
_KINDS = (
    (re.compile(r"postg|timescale|pgvector|pg-?\d|citus|paradedb"), "postgresql"),
    (re.compile(r"maria"), "mariadb"),
    (re.compile(r"mysql|percona"), "mysql"),
)
_PORTS = re.compile(r"(\d+)/tcp")
_PARTS = re.compile(r"(?P<name>[^@]+?)(:(?P<tag>[^:/@]+))?(@(?P<digest>\w+:\w+))?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How the official image of a server is spoken to, and all that are built on it."""

    server: str  # postgresql, mariadb or mysql; any other is one of known_images.py
    says: str  # its own name
    port: int
    user: str
    data: str = ""  # where its data is, to be had in memory; none: wherever the image has it
    data_variable: str = ""
    ends_on: str = "TERM"  # the signal that stops it cleanly though somebody is connected
    # of known_images.py
    variables: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    memory: int = 2 << 30  # bytes, the data folder included where it is in memory
    patience: float = 1.0  # how many times as long as others it may take to start


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that is there."""

    name: str
    id: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    volumes: tuple[str, ...]
    environ: Mapping[str, str]
    ports: tuple[int, ...] = ()  # that it exposes, of TCP
    labels: Mapping[str, str] = field(default_factory=dict)


_POSTGRESQL = Family(
    server="postgresql",
    says="PostgreSQL",
    port=5432,
    user="postgres",
    data="/var/lib/postgresql/data",
    data_variable="PGDATA",
    ends_on="INT",
)
_MARIADB = Family(
    server="mariadb",
    says="MariaDB",
    port=3306,
    user="root",
    data="/var/lib/mysql",
    data_variable="",
    ends_on="TERM",
)
_MYSQL = Family(
    server="mysql",
    says="MySQL",
    port=3306,
    user="root",
    data="/var/lib/mysql",
    data_variable="",
    ends_on="TERM",
)
_FAMILIES = {one.server: one for one in (_POSTGRESQL, _MARIADB, _MYSQL)}


def family(name: str, dialect: str) -> Family:
    """The family of an image for this dialect; UnavailableError for another dialect's server."""
    last = _PARTS.sub(r"\g<name>", name).lower()
    kind = next((kind for pattern, kind in _KINDS if pattern.search(last)), dialect)
    fits = {"postgresql": ("postgresql",), "mysql": ("mysql", "mariadb"), "mariadb": ("mariadb",)}
    if kind not in fits[dialect]:
        raise UnavailableError(f"{name} is no image of a {dialect} server")
    return _FAMILIES[kind]


def default(dialect: str, version: str, here: Iterable[str]) -> str:
    """The official image of the version that is told, else the newest that is here."""
    numbers = version.split(".")
    told = bool(version) and numbers[0].isdigit()
    name = {"postgresql": "postgres"}.get(dialect, dialect)
    if dialect == "mysql" and told and int(numbers[0]) >= 10:
        name = "mariadb"  # SQLAlchemy's `mysql` speaks to both
    if told:
        length = 1 if name == "postgres" and int(numbers[0]) >= 10 else 2
        return f"{name}:{'.'.join(numbers[:length])}"
    matches = [match for match in map(_TAG.match, here) if match and match["name"] == name]
    newest = max(matches, key=lambda match: _number(match["version"]), default=None)
    return newest[0] if newest else f"{name}:{_NEWEST[name]}"


def tagged(name: str) -> str:
    """The name as the engine takes it: without a tag it is `latest`."""
    parts = _PARTS.match(name)
    return name if parts is None or parts["tag"] or parts["digest"] else f"{name}:latest"


def image(name: str, told: Mapping[str, Any]) -> Image:
    """What the engine tells of an image."""
    config = told.get("Config") or {}
    variables = (variable.partition("=") for variable in config.get("Env") or ())
    return Image(
        name=name,
        id=str(told["Id"]),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        volumes=tuple(config.get("Volumes") or ()),
        environ={key: value for key, _, value in variables},
        ports=tuple(sorted(map(int, _PORTS.findall(" ".join(config.get("ExposedPorts") or ()))))),
        labels=config.get("Labels") or {},
    )


def data_folder(found: Image, kind: Family) -> str:
    """Where the server in this image keeps its data."""
    return found.environ.get(kind.data_variable, "") or kind.data


def environ(found: Image, kind: Family, password: str) -> dict[str, str]:
    """The variables of the official images that make the server ours."""
    if kind.variables:
        return {name: text.replace("{password}", password) for name, text in kind.variables.items()}
    if kind.server == "postgresql":
        arguments = "--no-sync --encoding=UTF8"
        if _major(found) >= 11:
            arguments += " --wal-segsize=1"
        return {
            "POSTGRES_USER": kind.user,
            "POSTGRES_PASSWORD": password,
            "POSTGRES_DB": MAIN,
            "POSTGRES_INITDB_ARGS": arguments,
        }
    variables = {"ROOT_PASSWORD": password, "ROOT_HOST": "%", "DATABASE": MAIN}
    return {f"{kind.server.upper()}_{name}": value for name, value in variables.items()}


def password_variable(kind: Family) -> str:
    """The variable among them that holds the password."""
    is_postgresql = kind.server == "postgresql"
    return "POSTGRES_PASSWORD" if is_postgresql else f"{kind.server.upper()}_ROOT_PASSWORD"


def flags(found: Image, kind: Family) -> Sequence[str]:
    """Fast, since nothing has to outlive a crash; all else as the image has it."""
    if kind.variables:
        return kind.arguments
    if kind.server != "postgresql":
        return _MYSQL_FLAGS
    settings = dict(_POSTGRES_SETTINGS)
    if _major(found) >= 11:
        settings |= {"jit": "off", "min_wal_size": "2MB", "max_wal_size": "64MB"}
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def identity(found: Image, kind: Family, *, warm: str = "") -> str:
    """What a stored state depends on: the image, and how we have it make its data folder."""
    told = json.dumps([
        _FORMAT, found.id, kind.server, *flags(found, kind), environ(found, kind, ""), warm,
    ])  # fmt: skip
    return f"docker-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


_POSTGRES_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "max_locks_per_transaction": "256",
    "timezone": "UTC",
}
_MYSQL_FLAGS = (
    "--skip-log-bin",
    "--skip-name-resolve",
    "--innodb-flush-log-at-trx-commit=0",
    "--loose-innodb-doublewrite=0",
    "--loose-innodb-log-file-size=8M",
    "--loose-innodb-redo-log-capacity=16M",
    "--innodb-buffer-pool-size=64M",
    "--performance-schema=OFF",
)


def _major(found: Image) -> int:
    """PostgreSQL's, as the official images tell it; 0 where an image does not."""
    told = found.environ.get("PG_MAJOR", "").partition(".")[0]
    return int(told) if told.isdigit() else 0


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
