"""What history relies on and the database has not: an account in, the error with a way out out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from revguard.config.values import dotted
from revguard.databases import Database, extensions
from revguard.environments import Environment
from revguard.errors import CouldNotCheck
from revguard.evaluation import accounts

# what a server says is not there, and the statement that makes it
_PREPARED = (
    (re.compile(r'role "([^"]+)" does not exist'), "CREATE ROLE {};"),
    (re.compile(r'schema "([^"]+)" does not exist'), "CREATE SCHEMA {};"),
    (re.compile(r"Unknown database '([^']+)'"), "CREATE DATABASE {};"),
)


class ExtensionMissing(CouldNotCheck):
    """The server cannot create an extension: another provider may have it."""

    def __init__(self, name: str, where: str, provider: str = "", version: str = "") -> None:
        self.name, self.where = name, where
        by = f' (`database = "{provider}"`)' if provider else ""
        super().__init__(
            f"{where}: the ephemeral database{by} has no extension {name}",
            hint=f"It can be had by {extensions.advice(frozenset({name}), version)}.",
        )


def refuse_missing_extension(account: Mapping[str, Any], database: Database | None) -> None:
    """ExtensionMissing where a revision, or env.py, creates one that the server does not have."""
    name = extensions.refused(account["message"])
    if name and database is not None and database.dialect == "postgresql":
        path, line = account.get("path"), account.get("line")
        if not path and account.get("frames"):
            path, line = account["frames"][-1]["path"], account["frames"][-1]["line"]
        where = f"{path or 'env.py'}:{line or 0}"
        raise ExtensionMissing(name, where, database.provider, database.server_version)


def of_replay(account: Mapping[str, Any], environment: Environment) -> CouldNotCheck:
    """The error for a landed revision that does not run on what is there before it."""
    start = environment.settings.start
    begun = "an empty database" if start == "empty" else f'`start = "{start}"`'
    return CouldNotCheck(
        f"history cannot be replayed from {begun}: revision {account['revision']} "
        f"({account['path']}:{account['line']}) fails: {_with_statement(account)}",
        hint=preparation(account["message"], environment) or _ways_out(environment),
    )


def _ways_out(environment: Environment) -> str:
    """How to begin behind what cannot be replayed, as it is typed."""
    settings = environment.settings
    if settings.start != "empty":
        return "Mend that revision, or begin with a newer dump."
    table = f"[tool.revguard.environments.{dotted([environment.name])}]"
    config = (
        "" if settings.config or not environment.config else f'config = "{environment.config}"\n'
    )
    return (
        "Mend that revision, or begin behind it with one of the two `start` lines, in "
        "pyproject.toml (in revguard.toml without `tool.revguard.`):\n"
        f"{table}\n{config}"
        'start = "metadata"            # the tables of the landed models\n'
        'start = "dump:ci/schema.sql"  # or a dump, with its version table'
    )


def of_creation(account: Mapping[str, Any], environment: Environment) -> CouldNotCheck:
    """The error for landed models whose tables cannot be made; ExtensionMissing where an extension
    of their revisions cannot be had there, by which they might."""
    if account["lacking"]:
        owner = extensions.owner(account["message"])
        named = owner if owner in account["lacking"] else account["lacking"][0]
        said = accounts.first_line(account["message"])
        return ExtensionMissing(named, f"the landed models ({said})")
    return CouldNotCheck(
        _with_statement(account),
        hint=preparation(account["message"], environment)
        or "What create_all() needs beside the tables, put into the `bootstrap`; or use "
        '`start = "dump:PATH"`.',
    )


def _with_statement(account: Mapping[str, Any]) -> str:
    statement = account.get("statement", "").strip()
    shown = f"\n  statement: {statement}" if statement else ""
    return f"{accounts.first_line(account['message'])}{shown}"


def preparation(message: str, environment: Environment) -> str:
    """How the bootstrap makes what a revision relies on and none makes; empty for all else."""
    statement = _statement_for(message)
    if not statement:
        return ""
    path = environment.settings.bootstrap
    if path:
        return f"Put it into the bootstrap, {path}: `{statement}`"
    where = f"[tool.revguard.environments.{dotted([environment.name])}]"
    return (
        f"Nothing makes it before the first revision. Put `{statement}` into a file that is part "
        f'of the commit, and name the file: `bootstrap = "ci/bootstrap.sql"` in {where}.'
    )


def _statement_for(message: str) -> str:
    for pattern, statement in _PREPARED:
        found = pattern.search(message)
        if found:
            return statement.format(_quoted(found[1]))
    extension = extensions.owner(message)
    return f'CREATE EXTENSION IF NOT EXISTS "{extension}";' if extension else ""


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else f'"{name}"'
