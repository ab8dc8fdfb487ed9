"""A first run of env.py, where nothing tells the driver that a URL names: what it is given."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from revguard import project
from revguard.environments import Environment
from revguard.errors import ConfigError
from revguard.project.environ import PLACEHOLDERS
from revguard.project.launch import Worker

# package folders of drivers, and what a URL calls them
_DRIVERS = {
    "psycopg2": "postgresql+psycopg2",
    "psycopg": "postgresql+psycopg",
    "asyncpg": "postgresql+asyncpg",
    "pg8000": "postgresql+pg8000",
    "pymysql": "mysql+pymysql",
    "MySQLdb": "mysql+mysqldb",
    "asyncmy": "mysql+asyncmy",
    "aiomysql": "mysql+aiomysql",
    "mariadb": "mariadb+mariadbconnector",
    "aiosqlite": "sqlite+aiosqlite",
}


def environ(environment: Environment, site_packages: Sequence[str]) -> dict[str, str]:
    """Plausible values: whatever is connected to is noted, and refused.

    ConfigError for `{url}` where the project has several drivers, or none.
    """
    given = dict.fromkeys(PLACEHOLDERS, "revguard") | {"host": "localhost", "port": "5432"}
    if "url" in project.placeholders_in(environment.settings):
        found = _installed(site_packages)
        if len(found) != 1:
            raise unknown(environment)
        given["url"] = f"{found[0]}://revguard:revguard@localhost/revguard"
    return project.filled(environment.settings, given)


def last_event(worker: Worker, opened: Callable[[Mapping[str, Any]], Any]) -> Mapping[str, Any]:
    """The event of the first connection, or the last before there was any."""
    event: Mapping[str, Any] = {}
    for event in worker.events():
        if event["event"] == "opened":
            worker.send(opened(event))
        if event["event"] in ("database", "aside"):
            break
    return event


def driver(event: Mapping[str, Any], environment: Environment) -> str:
    """What was connected with. ConfigError where nothing was."""
    if event.get("event") not in ("database", "aside"):
        raise unknown(environment)
    return f"{event['dialect']}+{event['driver']}"


def unknown(environment: Environment) -> ConfigError:
    """The error where neither configuration nor env.py tells the driver."""
    asked = project.placeholders_in(environment.settings)
    names = ", ".join(f"{{{one}}}" for one in sorted(asked))
    return ConfigError(
        f"the environ of environment {environment.name} asks for {names}, but the driver is not "
        "known",
        hint='say which: `driver = "postgresql+psycopg2"` for this environment',
    )


def _installed(site_packages: Sequence[str]) -> list[str]:
    return [
        name
        for folder, name in _DRIVERS.items()
        if any(os.path.isdir(os.path.join(path, folder)) for path in site_packages)
    ]
