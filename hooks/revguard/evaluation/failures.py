"""What went wrong in the worker, said to the user: an account in, an error with a remedy out."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from revguard.config.values import dotted
from revguard.databases import Database, extensions
from revguard.declared import Scanner
from revguard.environments import Environment
from revguard.errors import CouldNotCheck
from revguard.evaluation import imports
from revguard.evaluation.subject import Subject
from revguard.evaluation.texts import Texts
from revguard.evaluation.variables import of_variables
from revguard.observed import may_declare
from revguard.project import Interpreter
from revguard.staging.untracked import ignored_of

DRIVERS = {
    "psycopg2": "psycopg2-binary",
    "psycopg": "psycopg[binary]",
    "asyncpg": "asyncpg",
    "aiosqlite": "aiosqlite",
    "pg8000": "pg8000",
    "MySQLdb": "mysqlclient",
    "pymysql": "pymysql",
    "aiomysql": "aiomysql",
    "asyncmy": "asyncmy",
    "mysql": "mysql-connector-python",
    "mariadb": "mariadb",
    "greenlet": "greenlet",
}


_EXHAUSTED = ("53", "58")  # SQLSTATE: insufficient resources, system error
_MYSQL_EXHAUSTED = {
    "3", "1021", "1026", "1037", "1038", "1041", "1114", "1135", "2008",
}  # fmt: skip
_MYSQL_LOST = {"1053", "1077", "1927", "2002", "2003", "2006", "2013", "2055", "4031"}
_FULL = re.compile(r"database or disk is full|disk I/O error|No space left on device|error: 28\b")
_LOST = re.compile(
    r"closed the connection|connection (was|is|already)? ?closed|terminating connection"
    r"|[Cc]onnection refused|reset by peer|Broken pipe|connection to server"
)


# what SQLAlchemy says of the second definition
_TWICE = re.compile(r"Table '([^']+)' is already defined for this MetaData instance")

# what a server says is not there, and the statement that makes it
_PREPARED = (
    (re.compile(r'role "([^"]+)" does not exist'), "CREATE ROLE {};"),
    (re.compile(r'schema "([^"]+)" does not exist'), "CREATE SCHEMA {};"),
    (re.compile(r"Unknown database '([^']+)'"), "CREATE DATABASE {};"),
)


class ModuleMissing(CouldNotCheck):
    """An import failed: another working directory may mend it, if `top` can be had from there."""

    def __init__(self, top: str, message: str, *, hint: str) -> None:
        self.top = top
        super().__init__(message, hint=hint)


class NotHere(CouldNotCheck):
    """The configuration cannot be used in this working directory."""


class ExtensionMissing(CouldNotCheck):
    """The server cannot create an extension: another provider may have it."""

    def __init__(self, name: str, where: str, provider: str = "", version: str = "") -> None:
        self.name, self.where = name, where
        by = f' (`database = "{provider}"`)' if provider else ""
        super().__init__(
            f"{where}: the ephemeral database{by} has no extension {name}",
            hint=f"It can be had by {extensions.advice(frozenset({name}), version)}.",
        )


def of_environment(
    event: Mapping[str, Any],
    environment: Environment,
    interpreter: Interpreter,
    subject: Subject,
    log: str,
) -> CouldNotCheck:
    """The error for a worker that failed outside of any revision."""
    account = event["failure"]
    where = _where(account)
    if event["stage"] == "start":
        return CouldNotCheck(
            f"{interpreter.path} cannot load Alembic: {_said(account)}",
            hint=f"`{interpreter.path} -m pip install alembic sqlalchemy`",
        )
    if account["type"] == "Misconfigured":
        return CouldNotCheck(account["message"] + where, hint=account["remedy"])
    known = _of_duplicate(account, subject, where) or of_variables(account, environment, where)
    if known is not None:
        return known
    if account["module"] or _module_in(account["message"]):
        return _of_import(account, environment, interpreter, subject, where)
    if event.get("refused"):
        return refused(event["refused"][0], where)
    if account["type"] == "Offline":
        return CouldNotCheck(
            f"{account['message']} but a URL only, as for offline mode: no revision can run so",
            hint="Where `context.is_offline_mode()` is false, connect, and give it "
            "`connection=connection`.",
        )
    if account["type"] == "SystemExit":
        return CouldNotCheck(
            f"env.py ended the run with sys.exit({account['message']}){where}",
            hint="Its last output:\n" + _tail(log),
        )
    if account["type"] == "SyntaxError" and _is_generated(account, subject):
        return CouldNotCheck(
            f"script.py.mako makes a script that is no valid Python: {account['message']}{where}",
            hint="Mend the template beside env.py; `alembic revision` would write the same.",
        )
    if event["stage"] == "configuration":
        said = f"the configuration cannot be used: {_said(account)}{where}"
        return NotHere(said, hint=_hint(account, environment))
    return CouldNotCheck(
        f"env.py cannot run: {_said(account)}{where}", hint=_hint(account, environment)
    )


def _of_duplicate(account: Mapping[str, Any], subject: Subject, where: str) -> CouldNotCheck | None:
    """The error for a table that two modules define in one metadata; None for anything else."""
    found = _TWICE.search(account["message"])
    if found is None:
        return None
    schema, _, name = found[1].rpartition(".")
    texts = Texts(subject.reader, subject.tree)
    tables = Scanner(texts).scan(texts.read(path for path in texts if may_declare(path))).tables
    places = [
        f"\n  {table.path}:{table.line}"
        for table in tables
        if table.name == name and (table.schema or schema) == schema
    ]
    said = "".join(places) if len(places) > 1 else where
    return CouldNotCheck(
        f"the table {found[1]} is defined more than once in the same metadata:{said}",
        hint="Keep one of the definitions. Where they are one file that is imported by two names "
        "(`app.models` and `models`), import it by one only.",
    )


def _is_generated(account: Mapping[str, Any], subject: Subject) -> bool:
    """Whether it went wrong in a file that is not the project's but was written in this run."""
    frames = account["frames"]
    return bool(frames) and frames[-1]["path"] not in subject.listing


def of_lost_connection(account: Mapping[str, Any]) -> bool:
    """Whether the account tells that the database went away."""
    code = account.get("code", "")
    is_lost = code in _MYSQL_LOST or code.startswith("57P")
    return is_lost or bool(_LOST.search(account["message"]))


def of_server(said: str) -> CouldNotCheck:
    """The error for a database server that was killed, with its last words."""
    tail = "".join(f"\n  {line}" for line in said.splitlines())
    return CouldNotCheck(
        f"the ephemeral database server ended in the middle of the work:{tail}",
        hint="Was it killed, or is there not enough memory? Then try again.",
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


def refuse_exhausted(account: Mapping[str, Any]) -> None:
    """CouldNotCheck where the machine's means ended: that says nothing about a revision."""
    code = account.get("code", "")
    is_exhausted = code in _MYSQL_EXHAUSTED or (len(code) == 5 and code.startswith(_EXHAUSTED))
    if is_exhausted or _FULL.search(account["message"]):
        raise CouldNotCheck(
            f"there is not enough space or memory to go on: {_first_line(account['message'])}",
            hint="Free some, or name another folder in REVGUARD_CACHE_DIR.",
        )


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
        return ExtensionMissing(named, f"the landed models ({_first_line(account['message'])})")
    return CouldNotCheck(
        _with_statement(account),
        hint=preparation(account["message"], environment)
        or "What create_all() needs beside the tables, put into the `bootstrap`; or use "
        '`start = "dump:PATH"`.',
    )


def _with_statement(account: Mapping[str, Any]) -> str:
    statement = account.get("statement", "").strip()
    shown = f"\n  statement: {statement}" if statement else ""
    return f"{_first_line(account['message'])}{shown}"


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


def _of_import(
    account: Mapping[str, Any],
    environment: Environment,
    interpreter: Interpreter,
    subject: Subject,
    where: str,
) -> CouldNotCheck:
    name = _module_in(account["message"]) or account["module"] or ""
    top = name.partition(".")[0]
    because = "" if top in account["message"] else f"\nbecause {name} cannot be imported"
    message = f"{_said(account)}{because}{where}\n(interpreter: {interpreter.path})"
    importers = [os.path.dirname(frame["path"]) for frame in account["frames"][-1:]]
    forgotten = _not_in_the_commit(name, [*environment.roots, *importers], subject)
    if forgotten:
        if ignored_of(subject.repo, ["--", forgotten]):
            return CouldNotCheck(
                f"{message}\n{forgotten} is there but git ignores it: what is judged is the commit",
                hint=f"Commit it (`git add -f {forgotten}`), or let its import fail softly: "
                "`try: ... except ImportError: ...`",
            )
        return CouldNotCheck(
            f"{message}\n{forgotten} is in the working tree but not in the commit",
            hint=f"`git add {forgotten}`",
        )
    python = shlex.quote(interpreter.path)
    if top in DRIVERS:
        how = imports.installed(DRIVERS[top], environment, subject.listing, python)
        return CouldNotCheck(message, hint=f"the database driver is missing: {how}")
    hint = imports.remedy(top, environment, subject.listing, python)
    return ModuleMissing(top, message, hint=hint)


def _not_in_the_commit(name: str, folders: Sequence[str], subject: Subject) -> str:
    """The module's file in the working tree, under one of the folders or those above them."""
    if not subject.in_working_tree or not name:
        return ""
    above = [str(parent) for folder in folders for parent in PurePosixPath(folder, "x").parents]
    for root in dict.fromkeys([*folders, *(("" if one == "." else one) for one in above)]):
        stem = "/".join([*filter(None, [root]), *name.split(".")])
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            there = os.path.isfile(os.path.join(subject.repo.toplevel, *path.split("/")))
            if there and path not in subject.listing:
                return path
    return ""


def _module_in(message: str) -> str:
    named = re.search(
        r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'", message
    )
    if named:
        return f"{named.group(2)}.{named.group(1)}"
    match = re.search(r"No module named '([\w.]+)'", message)
    return match.group(1) if match else ""


def _said(account: Mapping[str, Any]) -> str:
    return f"{account['type']}: {account['message']}".rstrip(": ")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _where(account: Mapping[str, Any]) -> str:
    lines = [
        f"\n  {frame['path']}:{frame['line']}  {frame['text'].strip()}"
        for frame in account["frames"][-6:]
    ]
    return "".join(lines)


def _hint(account: Mapping[str, Any], environment: Environment) -> str:
    if account["type"] in ("KeyError", "ValidationError", "EnvError"):
        place = f"[tool.revguard.environments.{dotted([environment.name])}]"
        return f"If a setting is missing: give it in `environ` or `env-file` of {place}."
    if "outside of application context" in account["message"]:
        return 'env.py needs the application: name it, `flask-app = "shop.app:create_app()"`.'
    if "MetaData" in account["message"] and "target_metadata" not in account["message"]:
        return "Set `target_metadata` in env.py to the metadata of your models."
    return ""


def told(account: Mapping[str, Any]) -> str:
    """An exception and where it came from."""
    return _said(account) + _where(account)


def shortened(statement: str, limit: int = 300) -> str:
    """A statement on one line, not too long."""
    return " ".join(statement.split())[:limit]


def refused(message: str, where: str = "") -> CouldNotCheck:
    """The error for a connection that would have left the ephemeral database."""
    return CouldNotCheck(
        f"{message}{where}",
        hint="revguard never connects to the configured database.",
    )


def _tail(log: str) -> str:
    return "\n".join("  " + line for line in log.strip().splitlines()[-8:])
