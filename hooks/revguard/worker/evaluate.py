"""One evaluation: history replayed, models compared, the missing script made, revisions proven."""

from __future__ import annotations

import contextlib
import copy
import io
import os
import time
from typing import TYPE_CHECKING, Any

from . import (
    candidate,
    catalog,
    creating,
    failure,
    foreign,
    halfway,
    losses,
    picture,
    premade,
    registered,
    renaming,
    sampling,
    spelling,
)
from .alone import Alone
from .failure import shorten
from .steps import between_steps, committed

if TYPE_CHECKING:
    from typing import Callable, Iterator, Sequence

    from alembic.runtime.migration import MigrationContext, MigrationStep
    from alembic.script import Script
    from sqlalchemy.engine import Connection
    from sqlalchemy.engine.interfaces import Dialect

    from .candidate import Comparison
    from .channel import Channel
    from .differences import Difference
    from .guard import Guard
    from .observe import Observer
    from .project import Project, Work
    from .steps import Runner

    Steps = Iterator[MigrationStep]


class Evaluation:
    """Drives env.py for one request and fills ``result`` (JSON-ready).

    Events that want an answer: ``database`` (where to connect), ``aside`` (where an application
    may connect while it is made), ``replayed`` (history is in; a
    copy may be made while nobody is connected), ``drift`` (which of these differences were known).
    """

    def __init__(
        self,
        request: dict[str, Any],
        channel: Channel,
        environment: Project,
        guard: Guard,
        digest: Callable[[Dialect], str],
        runner: Runner,
        observer: Observer,
        tell_locations: Callable[[], None],
    ) -> None:
        self._request = request
        self._channel = channel
        self._environment = environment
        self._guard = guard
        self._digest = digest
        self._runner = runner
        self._observer = observer
        self._tell_locations = tell_locations
        self._tree = observer.tree
        self._reset = False
        self._aside = False
        self._casts = False
        self._retry = False
        self._known: list[str] | None = request["known"]
        self._before: dict[str, str] = {}
        self._now: dict[str, str] = {}  # before the next step
        self._stand: losses.Standing | None = None  # before the new revisions
        self._stood: dict[str, Any] | None = None  # what was there before env.py; None: not known
        self._written: list[Script] = []
        self._touched: picture.Touched | None = None
        environment.load_in(self._loading)
        self.result: dict[str, Any] = {
            "same": None,
            "digest": None,
            "runs": 0,
            "drift": [],
            "changes": [],
            "left": [],
            "known": 0,
            "upgrades": [],
            "proof": [],
            "failure": None,
            "scripts": [],
            "still": [],
            "notes": [],
            "premade": [],
            "stamped": [],
            "altered": [],
            "foreign": None,
            "raised": None,
            "uncommitted": False,
            "judged": False,
            "created": False,
            "included_tables": None,
            "swallowed": [],
            "heads": [],
            "replayed": 0,
            "metadata_tables": None,
            "registered": None,
            "rows": None,
            "lost": None,
            "renames": [],
            "unrenamed": None,  # of those that are named; None where none was looked for
            "tables": [],
        }
        self.blank = copy.deepcopy(self.result)

    def provide(self, dialect: Dialect) -> dict[str, Any]:
        """The ephemeral database for the first connection; ends the run where none is needed."""
        kind, driver = spelling.kind(dialect), spelling.driver(dialect)
        if self._aside:
            reply = self._channel.ask("aside", dialect=kind, driver=driver)
            return dict(reply["database"])
        if self.result["digest"] is None:
            self.result["digest"] = self._digest(dialect)
            if self.result["digest"] in self._request["proven"]:
                self.result["same"] = self.result["digest"]
                raise failure.Abort("the schema is the same as at a proven tree")
        reply = self._channel.ask("database", dialect=kind, driver=driver, reset=self._reset)
        self._reset = False
        if self._stood is None:
            self._stood = reply.get("stood")
        database: dict[str, Any] = reply["database"]
        return database

    @contextlib.contextmanager
    def _loading(self) -> Iterator[None]:
        """While an application is made it has a database of its own: it may migrate that, or make
        all tables, and the one that is judged would look clean."""
        self._aside = True
        try:
            with self._runner.aside():
                yield
        finally:
            self._aside = False
            self._guard.forget()

    def go(self) -> dict[str, Any]:
        """Run to the end; exceptions of env.py itself propagate, those of revisions are data."""
        try:
            if self._request.get("create"):
                self._env(self._create)
                return self.result
            alone = Alone(self._guard)
            self._env(alone.watched(self._replay))
            if alone.refuted:
                from . import several

                several.Several(self, beside=alone.ran).go()
                return self.result
            if self._request["old"] and self.result["replayed"]:
                self._channel.ask("replayed", count=self.result["replayed"])
                self._guard.forget()
                self._env(Alone(self._guard).watched(self._judge))
            while self._retry:
                self._retry = False
                self._reset = True
                self._guard.forget()
                self._start_over()
                self._env(self._judge)
            self.draw()
        finally:
            candidate.remove(self._written)
        return self.result

    def draw(self) -> None:
        """Note the tables of the changes that are no known drift, with their neighbours."""
        known = {*self.result["drift"]} - {item["key"] for item in self.result["left"]}
        if self._touched is not None:
            self.result["tables"] = self._touched.tables(known)

    def _env(self, work: Work) -> None:
        def watched(heads: Any, context: MigrationContext) -> Steps:
            try:
                yield from work(heads, context)
            except Exception as error:  # env.py may hide it
                self.result["raised"] = self._runner.account(error)
                raise

        try:
            self._environment.run(watched)
        except failure.Abort:
            if self.result["same"] or self._retry:
                return
            if self.result["failure"] is None and not self.result["proof"]:
                self.result["failure"] = {"kind": "stopped", "message": "stopped"}
        except Exception as error:
            configured = self._environment.configured
            if configured.get("url") and configured.get("connection") is None:
                raise failure.Offline("env.py gave context.configure() no connection") from error
            raise

    def _start_over(self) -> None:
        candidate.remove(self._written)
        self._written = []
        self._touched = None
        self._environment.reload_scripts()
        for name in ("proof", "upgrades", "still", "scripts", "changes", "left", "drift"):
            self.result[name] = []
        self.result["failure"] = self.result["lost"] = None

    def _replay(self, heads: Any, context: MigrationContext) -> Steps:
        """Bring the database to what the parents had; judge at once where it is there already."""
        self.result["runs"] += 1
        self._tell_locations()  # env.py may have chosen them
        heads = self._tuple(heads)
        script = self._environment.script
        if self.result["runs"] == 1:
            self._look_before(heads, context)
        missing = list(
            script.iterate_revisions(tuple(self._request["old"]), heads, implicit_base=True)
            if self._request["old"]
            else ()
        )
        if not missing:
            yield from self._judge(heads, context)
            return
        missing.reverse()
        reported = 0.0
        for index, revision in enumerate(missing):
            now = time.monotonic()
            if now - reported > 0.1:
                reported = now
                self._channel.send("progress", done=index, total=len(missing))
            yield self._runner.step(script, revision, context, True, self._replay_failed)
        self.result["replayed"] = len(missing)

    def _replay_failed(self, account: dict[str, Any]) -> None:
        self.result["failure"] = dict(account, kind="replay")

    def _create(self, _heads: Any, context: MigrationContext) -> Steps:
        """Make the tables of the target metadata, and stamp them."""

        def failed(error: Exception, lacking: list[str]) -> None:
            account = self._runner.account(error)
            self.result["failure"] = dict(account, kind="create", lacking=lacking)

        self.result["runs"] += 1
        script = self._environment.script
        yield from creating.steps(script, context, self._request["create"], failed)
        self.result["created"] = True

    def _look_before(self, heads: tuple[str, ...], context: MigrationContext) -> None:
        """Note what is there and is no revision's work; a comparison would be worth nothing."""
        self.result["foreign"] = foreign.type_of(context)
        if self._stood is None:
            return
        version_table = context.version_table
        with between_steps(context) as connection:
            self.result["premade"] = premade.tables(connection, version_table, self._stood)
        self.result["stamped"] = premade.revisions(heads, self._stood)
        self._refuse_altered(context)
        if self.result["premade"] or self.result["stamped"]:
            raise failure.Abort("something was made before the first revision ran")

    def _refuse_altered(self, context: MigrationContext) -> None:
        self.result["altered"] = self._runner.outside(context.version_table)
        if self.result["altered"]:
            raise failure.Abort("tables were changed outside of any revision")

    def _judge(self, heads: Any, context: MigrationContext) -> Steps:
        """Compare before the new revisions, prove them, compare after; generate what is missing."""
        self.result["runs"] += 1
        if self.result["replayed"] and not self._tuple(heads):
            self.result["uncommitted"] = True
            raise failure.Abort("what was replayed is gone")
        self._refuse_altered(context)
        self._fill(context)
        script = self._environment.script
        new = [script.get_revision(name) for name in self._request["new"]]
        with between_steps(context):
            comparison = self._compare(context, heads)
        found = comparison.differences()
        self.result["changes"] = [item.as_dict() for item in found]
        self._touched = picture.Touched(comparison, context.opts.get("target_metadata"))
        if new:
            yield from self._prove(new, context)
            self._note_heads(context)
            self.result["judged"] = True
            return
        self._keep_drift(found)
        left = self._subtract(comparison)
        self.result["left"] = [item.as_dict() for item in left]
        if left and self._is_to_be_written(comparison):
            self._rename(comparison)
            yield from self._generate(comparison, context)
        self._note_heads(context)
        self.result["judged"] = True

    def _fill(self, context: MigrationContext) -> None:
        """Rows before the new revisions, where it is asked what these make of them."""
        if not self._request.get("rows"):
            return
        unfilled: list[str] = []
        with committed(context) as connection:
            if self._request["rows"] == "filled":
                unfilled = sampling.fill(connection, context.version_table)
            start = sampling.read(connection, context.version_table)
        self.result["rows"] = {
            "start": start,
            "unfilled": unfilled,
            "before": {},
            "after": {},
            "up": {},
            "down": {},
        }

    def _note_rows(self, way: str, connection: Connection, context: MigrationContext) -> None:
        if self.result["rows"] is not None:
            self.result["rows"][way] = sampling.read(connection, context.version_table)

    def _is_to_be_written(self, comparison: Comparison) -> bool:
        asked = bool(self._request["generate"])
        return asked and candidate.has_place(comparison, self._environment)

    def _rename(self, comparison: Comparison) -> None:
        """Say what may be a rename, and make one of what is decided to be."""
        asked, unknown = renaming.decide(comparison, self._request)
        self.result["renames"], self.result["unrenamed"] = asked, unknown

    def _generate(self, comparison: Comparison, context: MigrationContext) -> Steps:
        """Write the missing script and prove it."""
        scripts = self._write(comparison, context)
        script = self._environment.script
        yield from self._prove([script.get_revision(item.revision) for item in scripts], context)

    def _compare(self, context: MigrationContext, heads: Any) -> Comparison:
        metadata = context.opts.get("target_metadata")
        self.result["metadata_tables"] = _count_tables(metadata)
        comparison = candidate.Comparison(
            self._environment, context, self._tuple(heads), self._request.get("wanted")
        )
        self.result["included_tables"] = comparison.included
        self.result["swallowed"] = [one.op + " " + one.object for one in comparison.swallowed]
        found = self.result["registered"] = self.result["registered"] or registered.new()
        registered.note(found, metadata, self._environment.env_globals, self._tree)
        declared = self._request.get("declared", ())
        registered.note_excluded(found, declared, comparison.context)
        return comparison

    def _keep_drift(self, found: Sequence[Difference]) -> None:
        self.result["drift"] = [item.key for item in found]

    def _subtract(self, comparison: Comparison) -> list[Difference]:
        """What is new in a comparison; asks once what was known."""
        found = comparison.differences()
        if found:
            known = self._known_of([item.key for item in found])
            self.result["known"] = comparison.subtract(known, self._request["waived"])
        return comparison.differences()

    def _known_of(self, keys: list[str]) -> list[str]:
        """Which of the differences were known; asks once."""
        if self._known is None:
            self._known = self._channel.ask("drift", keys=keys)["known"]
        return self._known

    def _write(self, comparison: Comparison, context: MigrationContext) -> list[Script]:
        return self._written_by(
            lambda: candidate.write(
                comparison,
                self._environment,
                context.dialect,
                self._request,
                self._casts,
                self.result["notes"],
            )
        )

    def _written_by(self, write: Callable[[], list[Script]]) -> list[Script]:
        self._observer.active = False  # what we write is nothing that the project depends on
        try:
            # Alembic says what it generates, on whatever the project made of stdout
            with contextlib.redirect_stdout(io.StringIO()):
                scripts = write()
        finally:
            self._observer.active = True
        self._written = scripts
        for item in scripts:
            with open(str(item.path), "rb") as stream:
                text = stream.read().decode("utf-8", "surrogateescape")
            relative = os.path.relpath(str(item.path), self._tree).replace(os.sep, "/")
            down = item.down_revision
            down = [down] if isinstance(down, str) else list(down or ())
            self.result["scripts"].append(
                {"id": item.revision, "path": relative, "text": text, "down_revision": down}
            )
        return scripts

    def _prove(self, revisions: Sequence[Script], context: MigrationContext) -> Steps:
        """Upgrade, compare, downgrade, upgrade again; the schema compared after each."""
        yield from self._way(revisions, context, "upgrade")
        with between_steps(context) as connection:
            started = time.monotonic()
            heads = self._tuple(context.get_current_heads())
            comparison = self._compare(context, heads)
            found = comparison.differences()
            comparison.subtract((), self._needed_defaults(found))
            left = self._subtract(comparison)
            after = self._now = catalog.read(connection, context.version_table)
            self._note_losses(connection, context)
            self._note_rows("up", connection, context)
            if self.result["rows"] is not None:
                self.result["rows"].update(before=self._before, after=after)
        generated = bool(self.result["scripts"])
        if not generated:
            self._keep_drift(found)
            self.result["left"] = [item.as_dict() for item in left]
        self.result["still"] = [item.as_dict() for item in left]
        self._proved("compare", not left, started, "; ".join(i.op + " " + i.object for i in left))
        if left and not generated and self._is_to_be_written(comparison):
            self._describe_missing(comparison, context)
        yield from self._way(list(reversed(revisions)), context, "downgrade")
        with between_steps(context) as connection:
            self._now = catalog.read(connection, context.version_table)
            self._note_rows("down", connection, context)
        lines = catalog.difference(self._before, self._now)
        if lines:
            self._proved("downgrade", False, None, "; ".join(lines[:5]), kind="differs")
            return
        yield from self._way(revisions, context, "reupgrade")
        with between_steps(context) as connection:
            lines = catalog.difference(after, catalog.read(connection, context.version_table))
        if lines:
            self._proved("reupgrade", False, None, "; ".join(lines[:5]), kind="differs")

    def _note_losses(self, connection: Connection, context: MigrationContext) -> None:
        assert self._stand is not None
        now = losses.read(connection, self._now, context.version_table)
        done = [text for one in self.result["upgrades"] for text in one["statements"]]
        self.result["lost"] = losses.found(self._stand, now, done, connection.dialect.name)

    def _needed_defaults(self, found: Sequence[Difference]) -> list[str]:
        """Defaults that the models do not have, of columns that the revision adds: rows that are
        there need one where the column is NOT NULL. None where env.py asks to compare defaults."""
        if self._environment.asks_for_defaults:
            return []
        changes = self.result["changes"]
        added = {item["object"] for item in changes if item["op"] in ("add_column", "add_table")}
        return [
            f"{item.op} {item.object}"
            for item in found
            if item.op == "modify_default" and item.detail.endswith(" -> none")
            if added.intersection((item.object, item.table))
        ]

    def _way(self, revisions: Sequence[Script], context: MigrationContext, name: str) -> Steps:
        """The steps of one way through ``revisions``, recorded as one proof step."""
        if name == "upgrade":
            with between_steps(context) as connection:
                self._before = self._now = catalog.read(connection, context.version_table)
                self._stand = losses.read(connection, self._now, context.version_table)
        started = time.monotonic()
        for number, revision in enumerate(revisions):
            if number and halfway.is_possible(context):
                with between_steps(context) as connection:
                    self._now = catalog.read(connection, context.version_table)
            record: dict[str, Any] = {"id": revision.revision, "statements": []}
            if name == "upgrade":
                self.result["upgrades"].append(record)
            yield self._runner.step(
                self._environment.script,
                revision,
                context,
                name != "downgrade",
                lambda account: self._failed(name, account, started, context),
                record,
            )
        self._proved(name, True, started)

    def _failed(
        self, name: str, account: dict[str, Any], started: float, context: MigrationContext
    ) -> None:
        if name == "downgrade" and account["on_purpose"]:
            reason = f"{account['type']}: {account['message']}".strip(": ")
            self._proved(name, None, started, f"irreversible on purpose ({reason})")
            self._proved("reupgrade", None, None, "there is no downgrade")
            self.result["judged"] = True
            return
        castable = account["code"] == "42804" and self.result["scripts"] and not self._casts
        if castable:
            self._casts = self._retry = True
            return
        account["half_done"] = halfway.told(context, self._now, account)
        reason = "; ".join(filter(None, [account["message"], account["half_done"]]))
        self._proved(name, False, started, reason)
        self.result["failure"] = dict(account, kind=name)
        if name == "upgrade" and not self.result["scripts"]:
            self._keep_known()

    def _keep_known(self) -> None:
        """What stays whatever the revision would have done: nothing is compared after it."""
        keys = [item["key"] for item in self.result["changes"]]
        known = self._known_of(keys) if keys else []
        waived = self._request["waived"]
        self.result["drift"] = [
            item["key"]
            for item in self.result["changes"]
            if item["key"] in known or f"{item['op']} {item['object']}" in waived
        ]
        self.result["known"] = len(self.result["drift"])

    def _describe_missing(self, comparison: Comparison, context: MigrationContext) -> None:
        """The script text for what a staged revision leaves out; shown, never added."""
        scripts = self._write(comparison, context)
        candidate.remove(scripts)
        self._written = []

    def _proved(
        self,
        step: str,
        passed: bool | None,
        started: float | None,
        reason: str = "",
        kind: str = "",
    ) -> None:
        result = "skipped" if passed is None else ("pass" if passed else "fail")
        spent = 0 if started is None else int((time.monotonic() - started) * 1000)
        entry = {"step": step, "result": result, "reason": reason, "ms": spent, "kind": kind}
        for index, existing in enumerate(self.result["proof"]):
            if existing["step"] == step:
                entry["ms"] = existing["ms"]
                self.result["proof"][index] = entry
                return
        self.result["proof"].append(entry)

    def _note_heads(self, context: MigrationContext) -> None:
        with between_steps(context):
            self.result["heads"] = sorted(self._tuple(context.get_current_heads()))

    @staticmethod
    def _tuple(heads: Any) -> tuple[str, ...]:
        return (
            tuple(heads) if isinstance(heads, (tuple, list, set)) else ((heads,) if heads else ())
        )


def _count_tables(metadata: Any) -> int:
    many = metadata if isinstance(metadata, (list, tuple)) else [metadata]
    for item in many:
        if item is not None and not hasattr(item, "tables"):
            raise TypeError(f"target_metadata is no MetaData: {shorten(repr(item), 80)}")
    return sum(len(item.tables) for item in many if item is not None)
