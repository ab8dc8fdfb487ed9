"""What env.py is told of the ephemeral database ahead: a database in, the values of placeholders
out."""

from __future__ import annotations

from typing import Any

from revguard import project
from revguard.databases import Database, addresses
from revguard.environments import Environment
from revguard.errors import CouldNotCheck


def driver(environment: Environment, learned: str, seen: str) -> str:
    """The driver that `{url}` names, "postgresql+psycopg2"; empty where nothing tells it.

    `learned` comes of a first run, `seen` is what an earlier one connected with: less than the
    ini where that names another dialect by now.
    """
    told = environment.settings.driver or learned
    hint = environment.url_hint
    if told or hint is None or seen.partition("+")[0] == hint[0]:
        return told or seen
    return "+".join(filter(None, hint))


def filled(environment: Environment, database: Database, driver: str) -> dict[str, str]:
    """The variables that hold placeholders, with the address of this database."""
    asked = project.placeholders_in(environment.settings)
    if not asked:
        return {}
    values = addresses.values(database, driver)
    if "socket" in asked and not values["socket"]:
        raise CouldNotCheck(
            f"the environ of environment {environment.name} asks for {{socket}}, and the database "
            f"by `{database.provider}` has none",
            hint="Use {host}, {port} and {password} in its place.",
        )
    return project.filled(environment.settings, values)


def place(database: Database) -> dict[str, Any]:
    """Where a driver that env.py calls itself may go, before any engine was there."""
    return {"dialect": database.dialect, "url": dict(database.address or database.url)}
