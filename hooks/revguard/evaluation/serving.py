"""The ephemeral database of one evaluation: started ahead where its kind is known, else when
env.py first connects; at the nearest snapshot of the history that is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from revguard import databases
from revguard.databases import Database, Server, standing
from revguard.databases.standing import Standing
from revguard.environments.versions import Told
from revguard.evaluation import outages
from revguard.evaluation.ordering import Order, State

# Brings an empty database to what stands before the first revision; it may ask whether nobody
# waits any more.
Prepare = Callable[[Database, Callable[[], bool]], None]

_MOST_SECONDS = 60.0  # for a server to start
_LAST_WORDS_SECONDS = 1.0
_LAST_WORK_SECONDS = 2.0
_WORTH_KEEPING = 4  # revisions: replaying fewer costs less than storing a snapshot


class Serving:
    """Holds the server; a context manager."""

    def __init__(
        self,
        order: Order,
        prepare: Prepare | None = None,  # an empty database, before the first revision
        *,
        snapshots: bool,
    ) -> None:
        self._run = order.around.run()
        self._order = order
        self._prepare = prepare
        self._snapshots = snapshots
        self._timeout = min(order.around.timeout, _MOST_SECONDS)
        self._given_up = False
        self._stack = ExitStack()
        self._pool = ThreadPoolExecutor(1)
        self._starting: Future[Server] | None = None
        self._dialect = ""
        self._state = State()
        self.server: Server | None = None
        self.told: Told | None = None  # what the project tells of its server's version
        self.stood: Standing | None = None  # what is there before env.py runs
        self.driver = ""  # what env.py connects with, as a URL begins
        self.is_marked = False
        self.waited = 0.0  # seconds that env.py had to wait for the database

    def __enter__(self) -> Serving:  # noqa: PYI034  (Self is of 3.11)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._given_up = kind is not None
        try:
            if self._starting is not None and self.server is None:
                if self._given_up and not wait([self._starting], _LAST_WORK_SECONDS).done:
                    self._stack.close()  # a bootstrap's statement ends with its server
                self._starting.exception()  # what was started ahead must be there to be ended
        finally:
            self._pool.shutdown(wait=True)
            self._stack.close()

    def start(self, dialect: str, state: State) -> None:
        """Begin to start a server of this dialect; returns at once."""
        self._dialect = dialect
        # one MariaDB serves two dialects, for which the same script makes different columns
        self._state = replace(state, extra=f"{dialect} {state.extra}")
        self._starting = self._pool.submit(self._start)

    def _start(self) -> Server:
        self.told = self._order.told(self._dialect)
        choice = self._order.choose(self._dialect, self._state, self.told, self.driver)
        snapshot = None
        if self._snapshots and self._state.revisions:
            snapshot = databases.best(
                self._run,
                identity=choice.identity,
                extra=self._state.extra,
                wanted=self._state.revisions,
            )
        server = self._stack.enter_context(
            databases.start(choice, run=self._run, snapshot=snapshot)
        )
        server.wait(self._timeout, lambda: self._given_up)
        if self._prepare is not None and server.snapshot is None:
            self._prepare(server.database(), lambda: self._given_up)
        is_empty = self._prepare is None and server.snapshot is None
        self.stood = Standing() if is_empty else standing.of(server.database(), self._timeout)
        return server

    def database(self, dialect: str, state: State) -> Database:
        """The database, ready; starts it now where it was not, or was of another dialect."""
        if self._starting is None or self._dialect != dialect:
            if self._starting is not None:
                self._starting.exception()
            self.start(dialect, state)
        assert self._starting is not None
        started = time.monotonic()
        self.server = self._starting.result()
        self.waited += time.monotonic() - started
        return self.server.database()

    def mark(self) -> None:
        """Remember the database as it is now."""
        assert self.server is not None
        self.server.mark()
        self.is_marked = True

    def replayed(self, *, asked: bool) -> None:
        """Remember what a replay has reached, where that is asked for or will be kept."""
        if self.server is not None:
            self.is_marked = self.server.replayed(asked=asked)

    def clone(self, name: str) -> Database:
        """A copy of the marked state; where nothing is copied a database as it was at first."""
        assert self.server is not None
        return self._prepared(self.server.clone(name))

    def lend(self, name: str) -> Database:
        """Likewise, for an evaluation that only looks."""
        assert self.server is not None
        return self._prepared(self.server.lend(name))

    def _prepared(self, cloned: Database) -> Database:
        assert self.server is not None
        if self._prepare is not None and not self.server.copies:
            self._prepare(cloned, lambda: self._given_up)
        return cloned

    def refuse_ended(self, account: Mapping[str, Any]) -> None:
        """CouldNotCheck if it is the server that failed, not what was asked of it.

        `account` is the worker's of the failure that came of it.
        """
        lost = outages.of_lost_connection(account)
        until = time.monotonic() + (_LAST_WORDS_SECONDS if lost else 0)
        said = self._failure()
        while not said and time.monotonic() < until:  # the client hears of it before the log does
            time.sleep(0.02)
            said = self._failure()
        if said:
            raise outages.of_server(said)

    def _failure(self) -> str:
        return self.server.failure() if self.server is not None else ""

    @property
    def from_snapshot(self) -> bool:
        """Whether the database started from a stored state."""
        return self.server is not None and self.server.snapshot is not None

    def keep(self, replayed: int) -> None:
        """Store the state before the new revisions, if replaying it again would cost more."""
        if not self._snapshots or self.server is None or not self._state.revisions:
            return
        is_worth = replayed or self._order.starts
        if replayed >= _WORTH_KEEPING or (is_worth and not self.from_snapshot):
            self.server.keep_snapshot(revisions=self._state.revisions, extra=self._state.extra)
