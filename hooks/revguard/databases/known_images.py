"""Images of servers that only the project's own driver speaks to: a dialect and an image in, how it
is run and logged in to out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from revguard.databases.images import MAIN, Family
from revguard.databases.providing import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from revguard.databases.images import Image

PORT_LABEL = "dev.revguard.port"
_GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One kind of server. `{name}` is the scratch database's, `{password}` a random one."""

    family: Family
    dialects: tuple[str, ...]
    image: str = ""  # where the configuration names none
    pattern: re.Pattern[str]  # what an image's name has
    database: str = "{name}"  # as the URL names it
    query: Mapping[str, str] = field(default_factory=dict)  # of the URL
    create: tuple[str, ...] = ()  # none: the image makes one database, by its variables
    login: str = ""  # the database in which these are said
    account: bool = False  # a scratch database is an account there
    licence: tuple[str, str] = ("", "")  # the variable by which the user accepts it, and whose


_SQL_SERVER: Final = Known(
    family=Family(
        server="mssql",
        says="SQL Server",
        port=1433,
        user="sa",
        variables={"MSSQL_SA_PASSWORD": "{password}", "SA_PASSWORD": "{password}"},
        memory=3 * _GIB,  # it does not start with less than 2 GB
        patience=3.0,
    ),
    dialects=("mssql",),
    image="mcr.microsoft.com/mssql/server:2022-latest",
    pattern=re.compile(r"mssql|azure-sql-edge|sql-?server"),
    create=("CREATE DATABASE [{name}]",),
    login="master",
    licence=("ACCEPT_EULA", "Microsoft's licence of SQL Server"),
)
_ORACLE_SQL: Final = (
    """CREATE USER {NAME} IDENTIFIED BY "{password}"
       DEFAULT TABLESPACE users QUOTA UNLIMITED ON users""",
    """GRANT CREATE SESSION, CREATE TABLE, CREATE VIEW, CREATE SEQUENCE, CREATE PROCEDURE,
       CREATE TRIGGER, CREATE TYPE, CREATE SYNONYM, CREATE MATERIALIZED VIEW TO {NAME}""",
)
_ORACLE: Final = Known(
    family=Family(
        server="oracle",
        says="Oracle",
        port=1521,
        user="system",
        # the first is gvenzl's, the second that of Oracle's own registry
        variables={"ORACLE_PASSWORD": "{password}", "ORACLE_PWD": "{password}"},
        memory=4 * _GIB,
        patience=5.0,
    ),
    dialects=("oracle",),
    image="gvenzl/oracle-free:slim-faststart",
    pattern=re.compile(r"oracle-free|database/free"),
    database="",
    query={"service_name": "FREEPDB1"},
    create=_ORACLE_SQL,
    account=True,
)
_ORACLE_XE: Final = replace(
    _ORACLE, image="", pattern=re.compile(r"oracle-xe|express"), query={"service_name": "XEPDB1"}
)
_COCKROACH: Final = Known(
    family=Family(
        server="cockroachdb",
        says="CockroachDB",
        port=26257,
        user="revguard",
        variables={
            "COCKROACH_USER": "revguard",
            "COCKROACH_PASSWORD": "{password}",
            "COCKROACH_DATABASE": MAIN,
        },
        arguments=("start-single-node",),
    ),
    dialects=("cockroachdb",),
    image="cockroachdb/cockroach:latest",
    pattern=re.compile(r"cockroach"),
    create=('CREATE DATABASE "{name}"',),
    login=MAIN,
)
_FIREBIRD: Final = Known(
    family=Family(
        server="firebird",
        says="Firebird",
        port=3050,
        user=MAIN,
        data="/var/lib/firebird/data",
        data_variable="FIREBIRD_DATA",
        variables={
            "FIREBIRD_ROOT_PASSWORD": "{password}",
            "FIREBIRD_USER": MAIN,
            "FIREBIRD_PASSWORD": "{password}",
            "FIREBIRD_DATABASE": f"{MAIN}.fdb",
            "FIREBIRD_DATABASE_DEFAULT_CHARSET": "UTF8",
        },
    ),
    dialects=("firebird",),
    image="firebirdsql/firebird:latest",
    pattern=re.compile(r"firebird"),
    database="{data}/" + f"{MAIN}.fdb",
)
KNOWN: Final = (_SQL_SERVER, _ORACLE, _ORACLE_XE, _COCKROACH, _FIREBIRD)
DIALECTS: Final = tuple(dict.fromkeys(dialect for one in KNOWN for dialect in one.dialects))


def default(dialect: str) -> str:
    """The image to take where none is named; UnavailableError where we know none."""
    found = next((one.image for one in KNOWN if dialect in one.dialects), "")
    if not found:
        raise UnavailableError(
            f'no image of a {dialect} server is known: name one, `database = "docker:IMAGE"`'
        )
    return found


def by_name(name: str, dialect: str) -> Known | None:
    """What an image's name tells; None where it tells nothing. UnavailableError where it tells of
    another dialect's server."""
    path = name.partition("@")[0].lower()
    told = [one for one in KNOWN if one.pattern.search(path)]
    found = next((one for one in told if dialect in one.dialects), None)
    if told and found is None:
        raise UnavailableError(f"{name} is no image of a {dialect} server")
    return found


def accepted(known: Known | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The user's acceptance of a licence, as a variable; UnavailableError where there is none."""
    variable, whose = known.licence if known is not None else ("", "")
    if not variable:
        return {}
    if environ.get(variable, "").strip().lower() not in ("y", "yes", "1", "true", "accept"):
        raise UnavailableError(
            f"{whose} is for you to accept, and is not accepted for you: "
            f'`environ = {{ {variable} = "Y" }}` in the table of the environment, or '
            f"`export {variable}=Y`"
        )
    return {variable: environ[variable].strip()}


def by_image(image: Image, dialect: str) -> Known:
    """What an unknown image's own EXPOSE and ENV tell; UnavailableError says what they do not."""
    variables = _variables(image)
    port = image.labels.get(PORT_LABEL, "")
    ports = [int(port)] if port.isdigit() else list(image.ports)
    if len(ports) == 1 and variables is not None:
        user, password, database = variables
        name = image.environ[database] if database else ""
        family = Family(
            server=dialect,
            says=dialect,
            port=ports[0],
            user=image.environ[user] or MAIN,
            variables={user: image.environ[user] or MAIN, password: "{password}"},
        )
        return Known(
            family=family, dialects=(dialect,), pattern=re.compile(re.escape(image.name)),
            database=name,
        )  # fmt: skip
    told = ", ".join(map(str, image.ports)) or "no port"
    lacks = [] if len(ports) == 1 else [f"one port (it exposes {told})"]
    lacks += [] if variables is not None else ["how to log in (..._USER and ..._PASSWORD in ENV)"]
    raise UnavailableError(
        f"{image.name} is no image that is known for {dialect}, and does not tell "
        f"{' nor '.join(lacks)}; one that is built on it can: `FROM {image.name}`, "
        f"`LABEL {PORT_LABEL}=PORT`, `ENV X_USER=NAME X_PASSWORD=ANY X_DATABASE=NAME`, with X as "
        "its entry point reads them"
    )


def _variables(image: Image) -> tuple[str, str, str] | None:
    """The variables that name a user, its password and its database; None for none or several."""
    found = []
    for user in image.environ:
        match = re.fullmatch(r"(\w+)_(USER|USERNAME)", user)
        if match is None:
            continue
        prefix = match[1]
        password = _first(image, prefix, "PASSWORD", "PASS", "PWD")
        if password:
            found.append((user, password, _first(image, prefix, "DATABASE", "DB", "DBNAME")))
    return found[0] if len(found) == 1 else None


def _first(image: Image, prefix: str, *endings: str) -> str:
    names = (f"{prefix}_{ending}" for ending in endings)
    return next((name for name in names if name in image.environ), "")
