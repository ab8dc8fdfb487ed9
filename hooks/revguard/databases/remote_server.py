"""A server that the user named in, scratch databases on it out, all of them dropped again."""

from __future__ import annotations

import datetime
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from revguard.databases import remote_url
from revguard.databases.providing import Database
from revguard.databases.wire import ServerError
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from revguard.databases.providing import Installation, Url
    from revguard.databases.remote_url import Target
    from revguard.databases.snapshots import Snapshot
    from revguard.runs import Run

_T = TypeVar("_T")

PREFIX = "revguard_"
_NAME = re.compile(rf"{PREFIX}(?P<made>\d{{14}})_(?P<run>[0-9a-f]{{12}})_\d+")
_STAMP = "%Y%m%d%H%M%S"
_LOGIN_SECONDS = 10.0  # for an answer to the login; more does not help
_LAST_SECONDS = 5.0  # for a server that went away, to drop what is left on it
_ENDED = {"57P01", "57P02", "57P03", "1053", "1927"}  # the login is over, the server may be not


class Administration(Protocol):
    """A login that makes and drops databases, and shows the others that its run lives.

    Each raises ServerError where the server refuses, OSError where it is gone.
    """

    @property
    def version(self) -> str:
        """The server's."""

    def close(self) -> None:
        """Say good-bye."""

    def now(self) -> str:
        """The server's own clock, in UTC, as year to second."""

    def names(self) -> list[str]:
        """Databases whose name begins as ours do and which this account may drop."""

    def lives(self, name: str, run: str) -> bool:
        """Whether the run that made a database still shows itself, or somebody is in it."""

    def claim(self, name: str) -> None:
        """Show, for as long as this login lasts, that the database is in use."""

    def create(self, name: str) -> None:
        """A new database, empty."""

    def copy(self, source: str, target: str) -> None:
        """A new database that is the equal of another; visitors of that are thrown out."""

    def throw_out(self, name: str) -> None:
        """End this account's sessions in a database."""

    def drop(self, name: str) -> None:
        """Drop a database, if it is there, with whoever of this account's is in it."""

    def missing(self, extensions: frozenset[str]) -> frozenset[str]:
        """Which of them the server does not have."""

    def url(self, name: str) -> Url:
        """The address of a database."""

    def drop_command(self, name: str) -> str:
        """The statement that drops it, to be typed."""

    def refusal(self, error: Exception) -> CouldNotCheck:
        """What the server refused, in words, with what mends it."""


class RemoteServer:
    """The scratch databases of one evaluation; leaving the context drops them."""

    copies = True

    snapshot: Snapshot | None = None

    def __init__(self, installation: Installation, *, run: Run) -> None:
        self._installation = installation
        self._run = run
        self._target = remote_url.parse(installation.wanted.argument, installation.wanted.environ)
        self._login: Administration | None = None
        self._made: list[str] = []
        self._main = ""
        self._marked = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._drop_together()
        for name in reversed(self._made):
            self._drop_or_tell(name)
        if self._login is not None:
            self._login.close()

    def wait(self, timeout: float = 60, cancelled: Callable[[], bool] | None = None) -> None:
        """Log in, drop what dead runs left, and make the main database."""
        if self._main:
            return
        self._login = login = _log_in(self._target, self._run, min(timeout, _LOGIN_SECONDS))
        try:
            self._refuse_unfit(login)
            self._sweep(login)
            if cancelled is not None and cancelled():
                raise CouldNotCheck("the start of the ephemeral database was given up")
            name = self._new_name(login)
            login.create(name)
            self._main = name
        except (OSError, ServerError) as error:
            raise login.refusal(error) from error

    def failure(self) -> str:
        """Why the server answers no more; empty while it does."""
        if self._login is None:
            return ""
        try:
            self._login.now()
        except (OSError, ServerError) as error:
            return f"{self._target.place}: {error}"
        return ""

    def database(self) -> Database:
        """The main database."""
        self.wait()
        return self._database(self._main)

    def mark(self) -> None:
        """Copy the main database within the server; whoever is connected is thrown out."""
        self.wait()
        earlier, self._marked = self._marked, self._copy(self._main)
        if earlier:
            self._drop_or_tell(earlier)

    def replayed(self, *, asked: bool) -> bool:
        """Nothing is stored, so that a copy is of use only where it is asked for."""
        if asked:
            self.mark()
        elif self._login is not None:
            self._asked(lambda login: login.throw_out(self._main))
        return asked

    def clone(self, name: str) -> Database:  # noqa: ARG002 - each bears our own name
        """A copy of the marked state, else of the main database."""
        self.wait()
        return self._database(self._copy(self._marked or self._main))

    def lend(self, name: str) -> Database:
        """The marked state itself: each copy costs the user's server two checkpoints."""
        self.wait()
        return self._database(self._marked) if self._marked else self.clone(name)

    def keep_snapshot(self, *, revisions: Mapping[str, str], extra: str) -> Snapshot | None:  # noqa: ARG002
        """None: nothing of ours stays on the user's server."""
        return None

    def _copy(self, source: str) -> str:
        def copied(login: Administration) -> str:
            name = self._new_name(login)
            login.copy(source, name)
            return name

        return self._asked(copied)

    def _asked(self, work: Callable[[Administration], _T]) -> _T:
        """CouldNotCheck where the server refuses."""
        login = self._login
        assert login is not None
        try:
            return work(login)
        except (OSError, ServerError) as error:
            raise login.refusal(error) from error

    def _new_name(self, login: Administration) -> str:
        """Known before it is made, so that it is dropped whatever comes between."""
        name = f"{PREFIX}{login.now()}_{self._run.id}_{self._run.number()}"
        login.claim(name)
        self._made.append(name)
        return name

    def _database(self, name: str) -> Database:
        assert self._login is not None
        return Database(
            provider=self._installation.provider,
            dialect=self._installation.dialect,
            server_version=self._login.version,
            identity=self._installation.identity,
            url=self._login.url(name),
        )

    def _refuse_unfit(self, login: Administration) -> None:
        missing = login.missing(self._installation.wanted.extensions)
        if missing:
            raise CouldNotCheck(
                f"the server {self._target.place} has no extension {', '.join(sorted(missing))}",
                hint="Install it there, or name another server.",
            )

    def _sweep(self, login: Administration) -> None:
        """Drop what runs left that were killed: old, and nobody shows that it is in use."""
        patience = datetime.timedelta(seconds=self._installation.wanted.timeout)
        now = _moment(login.now())
        for name in login.names():
            found = _NAME.fullmatch(name)
            made = _moment(found["made"]) if found else None
            old = made is not None and now is not None and now - made > patience
            if found and old and not login.lives(name, found["run"]):
                self._drop_or_tell(name, left_by="a run that was killed")

    def _drop_together(self) -> None:
        """Drop all at once, as far as there are logins for it: one checkpoint of the server serves
        them then, and what is in one need not be written to disk for the drop of another."""
        with ExitStack() as stack, suppress(CouldNotCheck):
            others = []
            for name in self._made[1:]:
                login = _log_in(self._target, self._run, _LAST_SECONDS)
                stack.callback(login.close)
                others.append((login, name))
            pool = stack.enter_context(ThreadPoolExecutor(max(1, len(others))))
            dropped = {pool.submit(login.drop, name): name for login, name in others}
            if dropped:
                self._drop_or_tell(self._made[0])
            for work, name in dropped.items():
                if work.exception() is None:
                    self._made.remove(name)

    def _drop_or_tell(self, name: str, left_by: str = "") -> None:
        """What cannot be dropped is told with the statement that does it, and swept later."""
        try:
            self._drop(name)
        except (OSError, ServerError, CouldNotCheck) as error:
            why = error.message if isinstance(error, CouldNotCheck) else str(error)
            of = f", left by {left_by}," if left_by else ""
            assert self._login is not None
            self._run.notes.append(
                f"the scratch database {name}{of} could not be dropped from "
                f"{self._target.place} ({why}); a later run will, or "
                f"`{self._login.drop_command(name)}`"
            )

    def _drop(self, name: str) -> None:
        assert self._login is not None
        try:
            self._login.drop(name)
        except (OSError, ServerError) as error:
            if isinstance(error, ServerError) and error.code not in _ENDED:
                raise
            self._login.close()
            self._login = _log_in(self._target, self._run, _LAST_SECONDS)
            self._login.drop(name)
        if name in self._made:
            self._made.remove(name)


def _moment(stamp: str) -> datetime.datetime | None:
    """In UTC, as all stamps are; None for what is no time."""
    with suppress(ValueError):
        return datetime.datetime.strptime(stamp, _STAMP)  # noqa: DTZ007
    return None


def _log_in(target: Target, run: Run, timeout: float) -> Administration:
    """CouldNotCheck says why there is no login."""
    if target.family == "postgresql":
        from revguard.databases.remote_postgresql import PostgresAdministration

        return PostgresAdministration(target, run=run.id, timeout=timeout)
    from revguard.databases.remote_mysql import MysqlAdministration

    return MysqlAdministration(target, timeout=timeout)
