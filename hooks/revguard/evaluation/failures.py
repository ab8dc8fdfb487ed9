"""What went wrong in env.py, said to the user: an account in, an error with a remedy out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from revguard.config.values import dotted
from revguard.declared import Scanner
from revguard.environments import Environment
from revguard.errors import CouldNotCheck
from revguard.evaluation import accounts
from revguard.evaluation.imports import of_import
from revguard.evaluation.subject import Subject
from revguard.evaluation.texts import Texts
from revguard.evaluation.variables import of_variables
from revguard.observed import may_declare
from revguard.project import Interpreter

# what SQLAlchemy says of the second definition
_TWICE = re.compile(r"Table '([^']+)' is already defined for this MetaData instance")


class NotHere(CouldNotCheck):
    """The configuration cannot be used in this working directory."""


def of_environment(
    event: Mapping[str, Any],
    environment: Environment,
    interpreter: Interpreter,
    subject: Subject,
    log: str,
) -> CouldNotCheck:
    """The error for a worker that failed outside of any revision."""
    account = event["failure"]
    where = accounts.where(account)
    if event["stage"] == "start":
        return CouldNotCheck(
            f"{interpreter.path} cannot load Alembic: {accounts.said(account)}",
            hint=f"`{interpreter.path} -m pip install alembic sqlalchemy`",
        )
    if account["type"] == "Misconfigured":
        return CouldNotCheck(account["message"] + where, hint=account["remedy"])
    known = (
        _of_duplicate(account, subject, where)
        or of_variables(account, environment, where)
        or of_import(account, environment, interpreter, subject, where)
    )
    if known is not None:
        return known
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
            hint="Its last output:\n" + accounts.tail(log),
        )
    if account["type"] == "SyntaxError" and _is_generated(account, subject):
        return CouldNotCheck(
            f"script.py.mako makes a script that is no valid Python: {account['message']}{where}",
            hint="Mend the template beside env.py; `alembic revision` would write the same.",
        )
    if event["stage"] == "configuration":
        said = f"the configuration cannot be used: {accounts.said(account)}{where}"
        return NotHere(said, hint=_hint(account, environment))
    return CouldNotCheck(
        f"env.py cannot run: {accounts.said(account)}{where}", hint=_hint(account, environment)
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


def _hint(account: Mapping[str, Any], environment: Environment) -> str:
    if account["type"] in ("KeyError", "ValidationError", "EnvError"):
        place = f"[tool.revguard.environments.{dotted([environment.name])}]"
        return f"If a setting is missing: give it in `environ` or `env-file` of {place}."
    if "outside of application context" in account["message"]:
        return 'env.py needs the application: name it, `flask-app = "shop.app:create_app()"`.'
    if "MetaData" in account["message"] and "target_metadata" not in account["message"]:
        return "Set `target_metadata` in env.py to the metadata of your models."
    return ""


def refused(message: str, where: str = "") -> CouldNotCheck:
    """The error for a connection that would have left the ephemeral database."""
    return CouldNotCheck(
        f"{message}{where}",
        hint="revguard never connects to the configured database.",
    )
