"""Migration steps that are watched: their statements, their time, and how they failed."""

import contextlib
import os
import threading
import time
import traceback

from alembic.runtime.migration import RevisionStep
from sqlalchemy import event
from sqlalchemy.engine import Engine

from . import failure

_READING = ("SELECT", "PRAGMA", "SHOW", "EXPLAIN", "DESCRIBE", "SAVEPOINT", "RELEASE")
_ON_PURPOSE = ("NotImplementedError", "IrreversibleError", "IrreversibleMigrationError")


class Statements:
    """Collects the statements that change something while it is on."""

    def __init__(self):
        self.found = []
        self._local = threading.local()

    def install(self):
        @event.listens_for(Engine, "before_cursor_execute")
        def note(conn, cursor, statement, parameters, context, executemany):
            if not getattr(self._local, "on", False):
                return
            text = statement.strip()
            if text.upper().startswith(_READING):
                return
            if parameters:
                text += "  -- %s" % failure.shorten(repr(parameters), 200)
            self.found.append(text)

    @contextlib.contextmanager
    def on(self):
        """Collect on this thread; gives the list."""
        self.found = []
        self._local.on = True
        try:
            yield self.found
        finally:
            self._local.on = False


class StepFailed(failure.Abort):
    """A revision's upgrade() or downgrade() raised; what is known of it is in ``account``."""

    def __init__(self, account):
        super().__init__(account["message"])
        self.account = account


class Runner:
    """Makes the steps of revisions; each call of a script is watched."""

    def __init__(self, statements, tree, toplevel):
        self._statements = statements
        self._tree = tree
        self._toplevel = toplevel

    def step(self, script, revision, context, upgrade, failed, record=None):
        """The step for one revision; ``record`` takes its id, statements and milliseconds.

        ``failed`` is called with the account of an exception before the run of env.py is ended:
        the generator that yielded the step hears nothing of it.
        """
        record = {} if record is None else record
        step = RevisionStep(script.revision_map, revision, upgrade)
        function = step.migration_fn

        def run(**kw):
            memo = getattr(context.impl, "memo", None)
            if memo is not None:
                memo.clear()  # what an `alembic` command of its own would start with
            started = time.monotonic()
            try:
                with self._statements.on() as found:
                    record["statements"] = found
                    function(**kw)
            except Exception as error:
                account = self._account(error, revision, record)
                failed(account)
                raise StepFailed(account) from error
            finally:
                record["ms"] = int((time.monotonic() - started) * 1000)

        step.migration_fn = run
        return step

    def _account(self, error, revision, record):
        account = failure.describe(error, self._tree, self._toplevel)
        account["revision"] = revision.revision
        path = os.path.realpath(str(revision.path))
        account["path"] = os.path.relpath(path, self._tree).replace(os.sep, "/")
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if os.path.realpath(frame.filename) == path]
        account["line"] = own[-1].lineno if own else 0
        raised_in_script = bool(frames) and os.path.realpath(frames[-1].filename).startswith(
            self._tree + os.sep
        )
        account["on_purpose"] = type(error).__name__ in _ON_PURPOSE and raised_in_script
        done = record.get("statements") or []
        account["statement"] = account["statement"] or (done[-1] if done else "")
        return account


@contextlib.contextmanager
def between_steps(context):
    """Read from the context's connection without leaving a transaction open behind.

    With transaction_per_migration the next step begins its own, and SQLAlchemy 2 would have begun
    one for the reading.
    """
    connection = context.connection
    before = connection.in_transaction()
    yield connection
    if not before and connection.in_transaction() and hasattr(connection, "rollback"):
        connection.rollback()
