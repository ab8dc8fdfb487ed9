"""Where the replay of a history begins: a task and its order in, a database that is there out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Final

from revguard.databases import Database
from revguard.databases.standing import Standing
from revguard.errors import CouldNotCheck
from revguard.evaluation import starting
from revguard.evaluation.failures import NotHere
from revguard.evaluation.imports import ModuleMissing
from revguard.evaluation.lacking import ExtensionMissing, of_creation
from revguard.evaluation.landing import Landed, landed
from revguard.evaluation.ordering import Order
from revguard.evaluation.subject import Histories
from revguard.evaluation.tasks import Evaluated, Task

_TRIED: Final = 3  # commits, where the models of the parent cannot be loaded
_METADATA: Final = f'`start = "{starting.METADATA}"`'

Run = Callable[[Task], Evaluated]


class Beginning:
    """What `start` says, for one evaluation. `run` evaluates another tree."""

    def __init__(self, order: Order, task: Task, run: Run) -> None:
        self._order = order
        self._task = task
        self._run = run
        self._around = order.around
        self._search_path = order.around.environ.get("PATH", "")
        self._histories: Histories | None = None
        self._locations: tuple[str, ...] = ()
        self._landed: list[Landed] = []
        self._passed_over: list[str] = []
        self.driver = ""  # as a first run of env.py told it

    @property
    def asks_where(self) -> bool:
        """Whether the history must be known before there is a database."""
        return self._order.starts and self._task.locations is None and self._task.database is None

    def read(self, locations: tuple[str, ...]) -> Histories:
        """The history; what the dump of a first commit is at counts as landed."""
        found = self._task.histories(locations)
        dump = self._order.dump
        if dump is not None and not found.parents:
            stated = dump.stated(dump.own, self._search_path)
            found = replace(found, begun=tuple(sorted(stated & found.graph.nodes.keys())))
        self._histories, self._locations = found, locations
        if self._order.from_metadata and self._task.database is None:
            subject, environment = self._task.subject, self._around.environment
            self._landed = list(islice(landed(subject, environment, found, locations), _TRIED))
        return found

    @property
    def key(self) -> str:
        """What a state of the database depends on besides its revisions."""
        if self._order.dump is not None:
            return self._oid()
        if not self._landed:
            return ""
        return self._used.key(self._task.digest_of)

    @property
    def is_as_named(self) -> bool:
        """Whether the key speaks of what is there: not, where a commit was passed over."""
        return not self._passed_over

    def bring(self, database: Database, given_up: Callable[[], bool]) -> None:
        """Bring an empty database there. CouldNotCheck, ExtensionMissing, ModuleMissing."""
        dump = self._order.dump
        if dump is not None:
            starting.load(dump, self._oid(), database, self._around, given_up)
        for number, one in enumerate(self._landed):
            self._around.progress(f"making the tables of {one.name}")
            try:
                self._create(one, database)
                return
            except ExtensionMissing:
                raise
            except CouldNotCheck as error:
                if number + 1 == len(self._landed):
                    raise _not_made(one, error) from error
                reason = error.message.partition("\n")[0]
                self._passed_over.append(f"the models of {one.name} could not be used: {reason}")

    def refuse_unfit(self, standing: Standing | None) -> None:
        """CouldNotCheck for a dump that does not fit the history."""
        if self._order.dump is not None and standing is not None:
            assert self._histories is not None
            starting.refuse_unfit(self._order.dump, standing, self._histories)

    def notes(self, standing: Standing | None) -> tuple[str, ...]:
        """What the user should know: the history itself was not looked at."""
        if self._order.dump is not None:
            heads = ", ".join(standing.heads or ()) if standing else ""
            at = f", which is at {heads}" if heads else ""
            return (f"history was not replayed from empty, but on {self._order.dump.path}{at}",)
        if not self._landed:
            return ()
        note = (
            f"history was not replayed: the tables are those of the models of {self._used.name}, "
            f"which are taken to be at {', '.join(self._used.stamped)}"
        )
        return (*self._passed_over, note)

    @property
    def _used(self) -> Landed:
        return self._landed[min(len(self._passed_over), len(self._landed) - 1)]

    def _oid(self) -> str:
        assert self._order.dump is not None
        known = self._histories.replayed() if self._histories else {}
        return self._order.dump.chosen(known, self._search_path)

    def _create(self, one: Landed, database: Database) -> None:
        """Run env.py of that tree; it makes the tables of its target metadata, and stamps them."""
        task = self._task
        evaluated = self._run(
            replace(
                task,
                subject=task.subject.at(one.tree),
                locations=self._locations,
                driver=task.driver or self.driver,
                generate=False,
                known=[],
                ask_known=None,
                proven=(),
                database=lambda: database,
                create=one,
            )
        )
        failure = evaluated.result["failure"]
        if failure:
            raise of_creation(failure, self._around.environment)
        if not evaluated.result["created"]:
            raise CouldNotCheck(
                "env.py ran no migrations: context.run_migrations() was not called"
                if evaluated.observed["connections"]
                else "env.py opened no connection"
            )


def _not_made(one: Landed, error: CouldNotCheck) -> CouldNotCheck:
    message = f"{_METADATA}: the tables of {one.name} cannot be made: {error.message}"
    if isinstance(error, ModuleMissing):
        return ModuleMissing(error.top, message, hint=error.hint)
    kind = NotHere if isinstance(error, NotHere) else CouldNotCheck
    return kind(message, hint=error.hint)
