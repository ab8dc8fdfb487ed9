"""Migration steps that are watched: their statements, their time, and how they failed."""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import RevisionStep
from sqlalchemy import event
from sqlalchemy.engine import Engine

from . import failure, pasting, premade

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Callable, Iterator

    from alembic.runtime.migration import MigrationContext
    from alembic.script import Script, ScriptDirectory
    from sqlalchemy.engine import Connection

_READING = ("SELECT", "PRAGMA", "SHOW", "EXPLAIN", "DESCRIBE", "SAVEPOINT", "RELEASE")
_ON_PURPOSE = ("NotImplementedError", "IrreversibleError", "IrreversibleMigrationError")


class Statements:
    """Collects the statements that change something while it is on."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.pasted: list[str] = []  # the same, as a shell takes it
        self.outside: list[str] = []  # what changed tables while no revision ran
        self._local = threading.local()
        self._running = False  # on whatever thread
        self._kept = False

    def install(self) -> None:
        """Listen to all engines."""
        event.listen(Engine, "before_cursor_execute", self._note)

    def _note(
        self,
        connection: Connection,
        _cursor: Any,
        statement: str,
        parameters: Any,
        context: Any,
        _executemany: bool,
    ) -> None:
        if not getattr(self._local, "on", False):
            if not self._running and premade.changes_tables(statement):
                self.outside.append(" ".join(statement.split()))
            return
        text = statement.strip()
        if text.upper().startswith(_READING):
            return
        self.found.append(text)
        if self._kept:
            options = getattr(context, "execution_options", None) or {}
            formatted = bool(parameters) or not options.get("no_parameters")
            self.pasted.append(pasting.pasted(connection.dialect, text, parameters, formatted))

    @contextlib.contextmanager
    def on(self, *, kept: bool) -> Iterator[list[str]]:
        """Collect on this thread; gives the list. ``kept``: as a shell takes them, too."""
        self.found, self.pasted = [], []
        self._kept = kept
        self._local.on = self._running = True
        try:
            yield self.found
        finally:
            self._local.on = self._running = False

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """What is done meanwhile is done to another database than the judged one."""
        before = list(self.outside)
        try:
            yield
        finally:
            self.outside = before


class StepFailed(failure.Abort):
    """A revision's upgrade() or downgrade() raised; what is known of it is in ``account``."""

    def __init__(self, account: dict[str, Any]) -> None:
        super().__init__(account["message"])
        self.account = account


class Runner:
    """Makes the steps of revisions; each call of a script is watched."""

    def __init__(self, statements: Statements, tree: str, toplevel: str) -> None:
        self._statements = statements
        self._tree = tree
        self._toplevel = toplevel

    def aside(self) -> AbstractContextManager[None]:
        """What is done meanwhile is none of our business."""
        return self._statements.aside()

    def outside(self, version_table: str) -> list[str]:
        """Statements that changed tables, and were no revision's."""
        return premade.statements(self._statements.outside, version_table)

    def account(self, error: BaseException) -> dict[str, Any]:
        """What is known of an exception that is no revision's."""
        return failure.describe(error, self._tree, self._toplevel)

    def step(
        self,
        script: ScriptDirectory,
        revision: Script,
        context: MigrationContext,
        upgrade: bool,
        failed: Callable[[dict[str, Any]], None],
        record: dict[str, Any] | None = None,
    ) -> RevisionStep:
        """The step for one revision; ``record`` takes its id, statements and milliseconds.

        ``failed`` is called with the account of an exception before the run of env.py is ended:
        the generator that yielded the step hears nothing of it.
        """
        noted = {} if record is None else record
        _complete(revision.module, "upgrade" if upgrade else "downgrade")
        step = RevisionStep(script.revision_map, revision, upgrade)
        function = step.migration_fn

        def run(**kw: Any) -> None:
            memo = getattr(context.impl, "memo", None)
            if memo is not None:
                memo.clear()  # what an `alembic` command of its own would start with
            started = time.monotonic()
            try:
                with self._statements.on(kept=record is not None) as done:
                    noted["statements"] = self._statements.pasted
                    function(**kw)
            except (Exception, SystemExit) as error:
                account = self._account(error, revision, done)
                failed(account)
                raise StepFailed(account) from error
            finally:
                noted["ms"] = int((time.monotonic() - started) * 1000)

        step.migration_fn = run
        return step

    def _account(self, error: BaseException, revision: Script, done: list[str]) -> dict[str, Any]:
        account = failure.describe(error, self._tree, self._toplevel)
        path = failure.relative(str(revision.path), self._tree)
        frames = traceback.extract_tb(error.__traceback__)
        places = [failure.relative(frame.filename, self._tree) for frame in frames]
        own = [frame for frame, place in zip(frames, places) if place == path]
        account["revision"] = revision.revision
        account["path"] = path
        account["line"] = own[-1].lineno if own else 0
        account["on_purpose"] = type(error).__name__ in _ON_PURPOSE and bool(places and places[-1])
        said = account["statement"].strip()
        account["number"] = len(done)
        account["at_statement"] = bool(said and done) and done[-1].startswith(said[:1000])
        account["statement"] = account["statement"] or (done[-1] if done else "")
        return account


@contextlib.contextmanager
def between_steps(context: MigrationContext) -> Iterator[Connection]:
    """Read from the context's connection without leaving a transaction open behind.

    With transaction_per_migration the next step begins its own, and SQLAlchemy 2 would have begun
    one for the reading.
    """
    connection = context.connection
    assert connection is not None
    before = connection.in_transaction()
    yield connection
    if not before and connection.in_transaction() and hasattr(connection, "rollback"):
        connection.rollback()


@contextlib.contextmanager
def committed(context: MigrationContext) -> Iterator[Connection]:
    """Write by the context's connection, into the transaction that there is or one of its own."""
    connection = context.connection
    assert connection is not None
    before = connection.in_transaction()
    yield connection
    if not before and connection.in_transaction() and hasattr(connection, "commit"):
        connection.commit()


def _complete(module: Any, name: str) -> None:
    """Give a script that lacks a function one that says so when it is called."""
    if hasattr(module, name):
        return

    def missing(**_kw: Any) -> None:
        raise AttributeError(f"the script has no {name}()")

    setattr(module, name, missing)
