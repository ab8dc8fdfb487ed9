"""`revguard status`: an Invocation in, the picture of models, scripts and databases out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from revguard import terminal
from revguard.arguments import Invocation
from revguard.commands.answer import Answer
from revguard.configured import picture, standing
from revguard.configured.values import Database, Difference
from revguard.reporters.paint import Paint

VERSION = 1  # of the JSON


def run(invocation: Invocation) -> Answer:
    """Look; 0 unless something could not be looked at."""
    options = invocation.options
    found = standing.stand(options, database=invocation.database)
    color = terminal.wants_color(invocation.color, terminal.stdout(), options.environ)
    page = picture.Page(
        paint=Paint(color=color and invocation.output is None),
        width=terminal.width(),
        verbose=options.verbose,
    )
    codes = [failure.exit_code for one in found for failure in one.failures]
    data = {
        "version": VERSION,
        "ok": not codes,
        "environments": [_environment(one) for one in found],
    }
    return Answer(text=picture.draw(found, page), data=data, code=max(codes, default=0))


def _environment(one: standing.Standing) -> dict[str, Any]:
    looked = None
    if one.looked and one.database is None:
        looked = [_database(database) for database in one.databases]
    scripts = None if one.scripts is None else asdict(one.scripts)
    return {
        "name": one.name,
        "config": one.config,
        "models": {
            "new": [*map(_difference, one.new)],
            "known": one.known,
            "findings": [{"rule": rule, "message": said} for rule, said in one.findings],
            "error": _error(one.models),
        },
        "scripts": scripts,
        "databases": looked,
        "database_error": _error(one.database),
        "elsewhere": [asdict(place) for place in one.elsewhere],
    }


def _database(one: Database) -> dict[str, Any]:
    of_upgrade = ("ran", "running")
    data = {key: value for key, value in asdict(one).items() if key not in of_upgrade}
    return data | {"drift": None if one.drift is None else [*map(_difference, one.drift)]}


def _difference(one: Difference) -> dict[str, str]:
    return {"op": one.op, "object": one.object, "detail": one.detail}


def _error(failure: standing.Failure | None) -> dict[str, str] | None:
    if failure is None:
        return None
    return {"message": failure.message, "hint": failure.hint}
