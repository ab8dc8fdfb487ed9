"""Requests about the configured database: it is looked at, read-only, or brought to a revision by
Alembic's own steps."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from alembic import command

from . import admission, candidate, drivers, failure, reading, remap
from .session import Session
from .steps import between_steps

if TYPE_CHECKING:
    from typing import Iterator, Sequence

    from alembic.runtime.migration import MigrationContext, RevisionStep
    from alembic.script import Script, ScriptDirectory

    from .channel import Channel


class Unfit(failure.Abort):
    """The database cannot be upgraded from here; ``databases`` says why."""


class Broken(failure.Abort):
    """Alembic cannot load the scripts."""


class Configured(Session):
    """Runs env.py in the working tree itself; what it connects to is the configured database."""

    def __init__(self, channel: Channel, request: dict[str, Any]) -> None:
        """``operation`` of the request is "look" or "upgrade"."""
        super().__init__(channel, request)
        self.upgrades = request["operation"] == "upgrade"
        self.databases: list[dict[str, Any]] = []
        self.admission = self.guard = admission.Admission(
            read_only=not self.upgrades,
            allowed=request["allowed"] if self.upgrades else None,
            creates=request["creates"],
        )

    def _prepare(self) -> None:
        # a checkout may write a script anew within the second that its bytecode bears
        sys.dont_write_bytecode = True
        os.environ.update(self.request.get("environ") or {})
        root = os.path.join(self.tree, *self.request["root"].split("/"))
        os.chdir(root)
        remap.install(self.remap, root)
        self.admission.install()
        drivers.install(self.admission, self.observer)
        self.observer.install()

    def _open(self) -> None:
        super()._open()
        environment = self.environment
        assert environment is not None
        options: Any = environment.config.cmd_opts
        if isinstance(options, argparse.Namespace):  # env.py may ask which command it runs for
            function = command.upgrade if self.upgrades else command.current
            options.cmd = (function, [], [])
            options.revision = self.request["revision"]
            options.tag = None
            vars(options).pop("autogenerate", None)
        if self.upgrades:
            environment.context_options = {"destination_rev": self.request["revision"]}
        else:
            environment.context_options = {"dont_mutate": True}

    def _evaluate(self) -> dict[str, Any]:
        assert self.environment is not None
        self.environment.run(self._upgrade if self.upgrades else self._look)
        return {"databases": self.databases, "connections": self.guard.connections}

    def _failed(self, stage: str, error: BaseException) -> None:
        error = self.admission.unreachable(error) or error
        account = failure.describe(error, self.tree, self.request["toplevel"])
        kind = type(error).__name__
        self.channel.send(
            "failed",
            stage=stage,
            failure=self._scrubbed(account),
            refused=self.guard.refused,
            kind=kind if isinstance(error, failure.Abort) else "",
            said=self.admission.scrub(admission.said(error)),
            place=self.admission.place,
            databases=self.databases,
            observed=self._observed(),
        )

    def _scrubbed(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.admission.scrub(value)
        if isinstance(value, dict):
            return {key: self._scrubbed(one) for key, one in value.items()}
        return [self._scrubbed(one) for one in value] if isinstance(value, list) else value

    def _look(self, heads: Any, context: MigrationContext) -> Iterator[RevisionStep]:
        found = self._met(heads, context)
        with between_steps(context) as connection:
            reading.refuse_unsure(connection)
            try:
                found["drift"] = _drift(self.environment, context, found["current_ids"])
            except Exception as error:  # noqa: BLE001  the rest of the picture is known
                found["drift_error"] = self.admission.scrub(admission.said(error))
        return iter(())

    def _upgrade(self, heads: Any, context: MigrationContext) -> Iterator[RevisionStep]:
        assert self.environment is not None
        script = self.environment.script
        found = self._met(heads, context)
        if any(not one["known"] for one in found["current"]):
            raise Unfit("unknown")
        if found["in_memory"]:
            raise Unfit("memory")
        # as alembic.command.upgrade() does it
        current: Any = tuple(found["current_ids"])
        steps = list(script._upgrade_revs(self.request["revision"], current))
        self.channel.send("steps", count=len(steps))
        for number, step in enumerate(steps):
            revision = _described(step.revision)
            self.channel.send("step", number=number + 1, total=len(steps), id=revision["id"])
            found["running"] = revision
            yield step
            found["ran"].append(revision)
        found["running"] = None

    def _known(self, script: ScriptDirectory) -> dict[str, Script] | None:
        """The revisions by their ids; None where a look finds that they cannot be loaded."""
        try:
            return {one.revision: one for one in script.walk_revisions()}
        except Exception as error:
            if not self.upgrades:
                return None
            said = f"{type(error).__name__}: {admission.said(error)}"
            raise Broken(f"the scripts cannot be loaded: {said}") from error

    def _met(self, heads: Any, context: MigrationContext) -> dict[str, Any]:
        """What is found in the database that env.py came with now."""
        assert self.environment is not None
        script = self.environment.script
        known = self._known(script)
        current = sorted(heads if isinstance(heads, (tuple, list, set)) else filter(None, [heads]))
        assert context.connection is not None
        found: dict[str, Any] = {
            "place": self.admission.scrub(_url(context, self.admission.place)),
            "dialect": context.dialect.name,
            "in_memory": _is_in_memory(context),
            "schema": context.version_table_schema or "",
            "current_ids": current,
            "current": [_found(known, one) for one in current],
            "pending": [_described(one) for one in _pending(script, known, current)],
            "drift": None,
            "drift_error": "",
            "ran": [],
            "running": None,
        }  # fmt: skip
        self.databases.append(found)
        return found


def _pending(
    script: ScriptDirectory, known: dict[str, Script] | None, current: Sequence[str]
) -> list[Script]:
    """What is not in the database yet, oldest first; nobody knows where a revision is unknown."""
    if known is None or any(one not in known for one in current):
        return []
    heads = tuple(script.get_heads())
    found = list(script.iterate_revisions(heads, tuple(current), implicit_base=True))
    return found[::-1]


def _described(script: Any) -> dict[str, Any]:
    return {
        "id": script.revision,
        "message": (script.doc or "").strip(),
        "labels": sorted(script.branch_labels or ()),
        "path": str(script.path),
        "known": True,
    }


def _found(known: dict[str, Script] | None, revision: str) -> dict[str, Any]:
    if known is not None and revision in known:
        return _described(known[revision])
    # who cannot load the scripts says of none that it is not there
    return {"id": revision, "message": "", "labels": [], "path": "", "known": known is None}


def _drift(environment: Any, context: Any, heads: list[str]) -> list[dict[str, str]] | None:
    if context.opts.get("target_metadata") is None:
        return None
    found = candidate.Comparison(environment, context, tuple(heads)).differences()
    names = ("op", "object", "detail", "key")
    return [{name: getattr(one, name) for name in names} for one in found]


def _url(context: Any, place: str) -> str:
    """The URL of the engine without its password, or else what was connected to."""
    try:
        return str(context.connection.engine.url.render_as_string(hide_password=True))
    except Exception:  # noqa: BLE001  an engine by a creator has any URL, or none
        return place


def _is_in_memory(context: Any) -> bool:
    url = context.connection.engine.url
    return context.dialect.name == "sqlite" and (
        url.database in (None, "", ":memory:") or "mode=memory" in str(url)
    )
