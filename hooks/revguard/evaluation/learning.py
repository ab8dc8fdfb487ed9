"""A first run of env.py, where nothing tells the driver that a URL names: what it is given."""

from __future__ import annotations

import os
from collections.abc import Sequence

from revguard import project
from revguard.environments import Environment
from revguard.errors import ConfigError
from revguard.project.environ import PLACEHOLDERS

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


def values(
    asked: frozenset[str], site_packages: Sequence[str], environment: Environment
) -> dict[str, str]:
    """Plausible ones: whatever is connected to is noted, and refused. ConfigError for `{url}`
    where the project has several drivers, or none."""
    given = dict.fromkeys(PLACEHOLDERS, "revguard") | {"host": "localhost", "port": "5432"}
    if "url" in asked:
        found = _installed(site_packages)
        if len(found) != 1:
            raise unknown(environment)
        given["url"] = f"{found[0]}://revguard:revguard@localhost/revguard"
    return given


def filled(environment: Environment, given: dict[str, str]) -> dict[str, str]:
    """The variables that hold placeholders, for that run."""
    return project.filled(environment.settings, given)


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
