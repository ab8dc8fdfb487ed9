"""Variables that env.py asks for and does not get: an account in, the line that gives them out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from revguard.config.values import dotted
from revguard.environments import Environment
from revguard.errors import CouldNotCheck

_DATABASE = frozenset(
    ("DATABASE", "DB", "MARIADB", "MYSQL", "PG", "POSTGRES", "POSTGRESQL", "SQL", "SQLALCHEMY")
)
_OTHERS = {
    "REDIS": "redis://localhost",
    "AMQP": "amqp://localhost",
    "BROKER": "amqp://localhost",
    "CELERY": "redis://localhost",
    "RABBITMQ": "amqp://localhost",
    "MONGO": "mongodb://localhost",
    "MONGODB": "mongodb://localhost",
}
_PARTS = {
    **dict.fromkeys(("URL", "URI", "DSN"), "{url}"),
    **dict.fromkeys(("HOST", "HOSTNAME", "SERVER", "ADDRESS"), "{host}"),
    "PORT": "{port}",
    **dict.fromkeys(("USER", "USERNAME"), "{user}"),
    **dict.fromkeys(("PASS", "PASSWD", "PASSWORD", "PWD"), "{password}"),
    **dict.fromkeys(("DATABASE", "DB", "DBNAME", "NAME"), "{database}"),
    "SOCKET": "{socket}",
}
_OF_TYPE = (
    (re.compile(r"\b(bool|StrictBool)\b"), "false"),
    (re.compile(r"\b(\w*[Ii]nt|float|Decimal)\b"), "1"),
    (re.compile(r"(Postgres|MySQL|MariaDB)Dsn"), "{url}"),
    (re.compile(r"RedisDsn"), "redis://localhost"),
    (re.compile(r"AmqpDsn"), "amqp://localhost"),
    (re.compile(r"(Url|Dsn)\b"), "http://localhost"),
    (re.compile(r"EmailStr"), "x@example.com"),
    (re.compile(r"\b([Ll]ist|[Ss]et|[Tt]uple)\b"), "[]"),
)


def of_variables(
    account: Mapping[str, Any], environment: Environment, where: str
) -> CouldNotCheck | None:
    """The error for settings that lack variables; None where it is something else."""
    asked: Sequence[Mapping[str, str]] = account["settings"]
    if not asked:
        return None
    missing = [one["name"] for one in asked if one["problem"] == "missing"]
    invalid = [one["name"] for one in asked if one["problem"] != "missing"]
    said = []
    if missing:
        them, are = ("variable", "is") if len(missing) == 1 else ("variables", "are")
        said.append(f"needs the {them} {_joined(missing)}, which {are} not set")
    if invalid:
        said.append(f"does not accept the value of {_joined(invalid)}")
    return CouldNotCheck(
        f"env.py cannot run: it {' and '.join(said)} ({account['type']}){where}",
        hint=_hint(asked, environment),
    )


def _hint(asked: Sequence[Mapping[str, str]], environment: Environment) -> str:
    items = ", ".join(
        f'{_key(one["name"])} = "{suggested(one["name"], one["type"])}"' for one in asked
    )
    place = f"[tool.revguard.environments.{dotted([environment.name])}]"
    if environment.settings.environ:
        line = f"Say it in `environ` of {place}, beside what is there: `{items}`"
    else:
        line = f"Say it under {place}: `environ = {{ {items} }}`"
    stands = " ({...} stands for the ephemeral database)" if "{" in items else ""
    return f"{line}{stands}. Any value will do where nothing of it reaches the models."


def suggested(name: str, type_: str = "") -> str:
    """A value for a variable: the ephemeral database's where the name says so, else any."""
    words = re.sub(r"^PG(?=[A-Z])", "PG_", name.upper()).split("_")
    other = next((_OTHERS[word] for word in words if word in _OTHERS), None)
    if other is None and words == ["DATABASE"]:
        return "{url}"
    if other is None and _DATABASE & {*words} and words[-1] in _PARTS:
        return _PARTS[words[-1]]
    for pattern, value in _OF_TYPE:
        if pattern.search(type_):
            return value
    if words[-1] in ("URL", "URI", "DSN"):
        return other or "http://localhost"
    return "1" if words[-1] == "PORT" else "x"


def _key(name: str) -> str:
    return dotted([name])


def _joined(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]
