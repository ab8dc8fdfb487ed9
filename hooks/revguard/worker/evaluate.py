"""One evaluation: the runs of env.py that a request takes, each against the database that it is to
meet; what they found out."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from . import drift, failure, spelling
from .alone import Alone
from .judging import Judging
from .replaying import Replaying

if TYPE_CHECKING:
    from typing import Callable, Iterator

    from alembic.runtime.migration import MigrationContext, MigrationStep
    from sqlalchemy.engine.interfaces import Dialect

    from .guard import Guard
    from .judging import Means
    from .project import Work

    Steps = Iterator[MigrationStep]


class Evaluation:
    """Drives env.py for one request.

    Events that want an answer: ``database`` (where to connect), ``aside`` (where an application
    may connect while it is made), ``replayed`` (history is in; a copy may be
    made while nobody is connected), ``drift`` (which of these differences were known).
    """

    def __init__(self, means: Means, guard: Guard, digest: Callable[[Dialect], str]) -> None:
        self.means = means
        self.guard = guard
        self.known = drift.Known(means.channel, means.request["known"])
        self.judging = Judging(means, self.known)
        self.replaying = Replaying(means, self.judging)
        self._digest = digest
        self._reset = False
        self._aside = False
        means.environment.load_in(self._loading)

    @property
    def result(self) -> dict[str, Any]:
        """What was found out (JSON-ready)."""
        return self.judging.result

    def provide(self, dialect: Dialect) -> dict[str, Any]:
        """The ephemeral database for the first connection; ends the run where none is needed."""
        kind, driver = spelling.kind(dialect), spelling.driver(dialect)
        if self._aside:
            reply = self.means.channel.ask("aside", dialect=kind, driver=driver)
            return dict(reply["database"])
        if self.result["digest"] is None:
            self.result["digest"] = self._digest(dialect)
            if self.result["digest"] in self.means.request["proven"]:
                self.result["same"] = self.result["digest"]
                raise failure.Abort("the schema is the same as at a proven tree")
        reply = self.means.channel.ask("database", dialect=kind, driver=driver, reset=self._reset)
        self._reset = False
        if self.replaying.stood is None:
            self.replaying.stood = reply.get("stood")
        database: dict[str, Any] = reply["database"]
        return database

    @contextlib.contextmanager
    def _loading(self) -> Iterator[None]:
        """While an application is made it has a database of its own: it may migrate that, or make
        all tables, and the one that is judged would look clean."""
        self._aside = True
        try:
            with self.means.runner.aside():
                yield
        finally:
            self._aside = False
            self.guard.forget()

    def go(self) -> dict[str, Any]:
        """Run to the end; exceptions of env.py itself propagate, those of revisions are data."""
        try:
            if self.means.request.get("create"):
                self._env(self.replaying.create)
            else:
                self._judge()
        finally:
            self.judging.remove_written()
        return self.result

    def _judge(self) -> None:
        """Replay and judge, in as many runs as that takes."""
        alone = Alone(self.guard)
        self._env(alone.watched(self.replaying.replay))
        if alone.refuted:
            from . import several

            several.Several(self, beside=alone.ran).go()
            return
        if self.means.request["old"] and self.result["replayed"]:
            self.means.channel.ask("replayed", count=self.result["replayed"])
            self.guard.forget()
            self._env(Alone(self.guard).watched(self.judging.judge))
        while self.judging.is_to_be_retried:
            self._reset = True
            self.guard.forget()
            self.judging.start_over()
            self._env(self.judging.judge)
        self.judging.draw()

    def _env(self, work: Work) -> None:
        """One run of env.py, which does the work."""

        def watched(heads: Any, context: MigrationContext) -> Steps:
            try:
                yield from work(heads, context)
            except Exception as error:  # env.py may hide it
                self.result["raised"] = self.means.runner.account(error)
                raise

        try:
            self.means.environment.run(watched)
        except failure.Abort:
            if self.result["same"] or self.judging.is_to_be_retried:
                return
            if self.result["failure"] is None and not self.result["proof"]:
                self.result["failure"] = {"kind": "stopped", "message": "stopped"}
        except Exception as error:
            configured = self.means.environment.configured
            if configured.get("url") and configured.get("connection") is None:
                raise failure.Offline("env.py gave context.configure() no connection") from error
            raise
