"""The databases of one run of env.py: where its scripts are and what it connects to in, where it
may connect out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

from revguard import project
from revguard.databases import Database, standing
from revguard.databases.standing import Standing
from revguard.evaluation import bootstrapping, telling
from revguard.evaluation.beginning import Beginning
from revguard.evaluation.bootstrapping import Bootstrap
from revguard.evaluation.nothing import is_sound
from revguard.evaluation.ordering import Order, State, mismatch
from revguard.evaluation.serving import Serving
from revguard.evaluation.subject import Histories
from revguard.evaluation.tasks import Evaluated, Task
from revguard.records import digest
from revguard.staging.materialise import Checkout


class Supply:
    """Has a database for each connection; what it holds is given back by the stack."""

    def __init__(
        self,
        order: Order,
        task: Task,
        stack: ExitStack,
        tree: Callable[[], Checkout],
        evaluate: Callable[[Task], Evaluated],
    ) -> None:
        """Nothing is started yet. `tree` is the judged one on disk, `evaluate` takes another."""
        self._around = order.around
        self._order = order
        self._task = task
        self._stack = stack
        self._tree = tree
        self._learned = ""  # the driver, by a first run
        self._replayed = 0
        self._connected = 0  # how often the database was asked for
        self._script_location = self._around.environment.script_location or ""
        self._several = False
        self._moved = False  # whether the scripts turned out to be others than those provided for
        self._asked = project.placeholders_in(self._around.environment.settings)
        self._beginning = Beginning(order, task, evaluate)
        self.serving = self._served(snapshots=self._around.use_cache)
        self.histories: Histories | None = None
        self.locations: tuple[str, ...] = task.locations or ()
        self.database: Database | None = None
        self.driver = ""

    def _served(self, *, snapshots: bool) -> Serving:
        prepare = self._prepare if self._order.prepares else None
        return self._stack.enter_context(Serving(self._order, prepare, snapshots=snapshots))

    def _prepare(self, database: Database, given_up: Callable[[], bool]) -> None:
        """Bring an empty database to what stands before the first revision is replayed."""
        if self._order.bootstrap is not None:
            self._bootstrap(self._order.bootstrap, database, given_up)
        self._beginning.bring(database, given_up)

    def _bootstrap(
        self, bootstrap: Bootstrap, database: Database, given_up: Callable[[], bool]
    ) -> None:
        tree = ""
        if bootstrap.is_script:
            self._tree().mark_dirty()  # nobody tells what it writes
            tree = str(self._tree().path)
        bootstrapping.run(
            bootstrap,
            database,
            bootstrapping.Place(
                around=self._around,
                tree=tree,
                root=self._task.root,
                told=self.filled(database),
                given_up=given_up,
            ),
        )

    @property
    def needs_a_first_run(self) -> bool:
        """Whether a first run of env.py has to tell what must be known ahead."""
        return bool(self._asked) and (not self._driver_name() or self._beginning.asks_where)

    def learn(self, driver: str) -> None:
        """The driver that a first run connected with."""
        self._learned = self._beginning.driver = driver

    def _driver_name(self) -> str:
        """The driver that `{url}` names; empty where nothing tells it yet."""
        return telling.driver(self._around.environment, self._learned, self._task.driver)

    def filled(self, database: Database) -> dict[str, str]:
        """The variables that hold placeholders, with the address of this database."""
        return telling.filled(self._around.environment, database, self._driver_name())

    def start_ahead(self) -> None:
        """Start the database beside the import of the models, where its kind is known."""
        self.serving.driver = self._driver_name()
        task, bootstrap = self._task, self._order.bootstrap
        if bootstrap is not None and bootstrap.is_script:
            self._tree()  # it runs there as soon as the database is ready
        if task.locations is not None and self.histories is None:
            self.histories = self._beginning.read(task.locations)
        if task.database is not None:
            return
        if self._asked:
            self.serving.start(self._driver_name().partition("+")[0], self._state())
        elif self.histories is not None and task.dialect and task.ahead:
            self.serving.start(task.dialect, self._state())

    def ahead(self) -> Database | None:
        """The database whose address env.py is told ahead; None where it asks for none."""
        if not self._asked:
            return None
        return self._connect(self._driver_name().partition("+")[0])

    def _connect(self, dialect: str) -> Database:
        if self._task.database is not None:
            self.database = self.database or self._task.database()
        else:
            self.database = self.serving.database(dialect, self._state())
        return self.database

    def read(self, locations: tuple[str, ...], script_location: str) -> Histories:
        """The history of the scripts that env.py has."""
        self._script_location = script_location
        if self.histories is None or locations != self.locations:
            self._moved = self._moved or self.database is not None
            self.locations = locations
            self.histories = self._beginning.read(locations)
        return self.histories

    def on_database(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The database that is judged."""
        self.driver = event["driver"]
        self._connected += 1
        self.serving.driver = f"{event['dialect']}+{event['driver']}"
        if self._task.database is None:
            self._around.progress("starting the database")
        database = self._connect(event["dialect"])
        if self._task.database is None:
            self._beginning.refuse_unfit(self.serving.stood)
            if self._is_to_be_marked() and not event["reset"]:
                self.serving.mark()
        self._around.progress("comparing models and database")
        stood = self.serving.stood
        return {**_told(database), "stood": stood and asdict(stood)}

    def on_beside(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """A database of its own for another of the places that one run of env.py goes to."""
        self._several = True
        serving = self._served(snapshots=False)
        return _told(serving.database(event["dialect"], replace(self._state(), revisions={})))

    def on_aside(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of the database, at the same history, for what nobody looks at."""
        self._around.progress("making the application")
        if self._task.database is not None:
            return _told(self._task.database())
        self.serving.database(event["dialect"], self._state())
        assert self.serving.server is not None
        return _told(self.serving.server.clone("aside"))

    def on_replayed(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Remember the state that was reached, where it may be wanted again."""
        self._replayed = event["count"]
        if self._task.database is None:
            self.serving.replayed(asked=self._is_known_asked())
        return {}

    def on_drift(self, _event: Mapping[str, Any]) -> dict[str, Any]:
        """What was known at the parents, which may be evaluated on a copy."""
        assert self._task.ask_known is not None
        return {"known": self._task.ask_known(self.serving)}

    def _is_to_be_marked(self) -> bool:
        """Whether the database as env.py first meets it is what stands before the new revisions,
        and that is asked for. Else it is marked when it was replayed."""
        if self.serving.is_marked or (self._connected == 1 and self._is_to_be_replayed()):
            return False
        return self._is_known_asked() or (self._order.starts and not self.serving.from_snapshot)

    def _is_known_asked(self) -> bool:
        """Whether the parents may have to be evaluated."""
        return self._task.ask_known is not None and self._task.known is None

    def _is_to_be_replayed(self) -> bool:
        """Whether it is sure that landed revisions are not in the database yet."""
        assert self.histories is not None
        server, stood = self.serving.server, self.serving.stood
        if server is not None and server.snapshot is not None:
            return bool(self.histories.replayed().keys() - server.snapshot.revisions)
        return bool(self.histories.old) and stood is not None and stood.heads == ()

    def left(self, result: Mapping[str, Any]) -> Standing | None:
        """What is committed in the end. A replay needs no look: what follows it builds on it."""
        database = self.database
        ran = (
            bool(result["proof"])
            and not self._several
            and not self._replayed
            and result["failure"] is None
        )
        if not ran or database is None or database.dialect not in ("postgresql", "sqlite"):
            return None
        return standing.of(database, self._around.timeout)

    def keep(self, result: Mapping[str, Any]) -> None:
        """Store what was replayed, where it is what it is called."""
        if not self._moved and self._beginning.is_as_named and is_sound(result):
            self.serving.keep(self._replayed)

    def notes(self) -> tuple[str, ...]:
        """What the user should know of the database that there was."""
        told = mismatch(self.serving.told, self.database)
        return (*told, *self._beginning.notes(self.serving.stood))

    def _state(self) -> State:
        """The history that the database is to be at; empty where it is not known yet."""
        if self.histories is None:
            return State()
        nodes = self.histories.graph.nodes
        # what is not replayed needs none; where it does, the server will say so
        run = self.histories.new if self._order.starts else nodes
        return State(
            revisions=self.histories.replayed(),
            extensions=frozenset(name for id_ in run for name in nodes[id_].extensions),
            extra=self._extra(),
        )

    def _extra(self) -> str:
        """What the state of a database depends on besides its revisions: how they are run, and
        the project's own modules where a revision imports one."""
        assert self.histories is not None
        environment, subject = self._around.environment, self._task.subject
        folder = self._script_location
        own = {environment.config or "", environment.toml or "", f"{folder}/env.py"}
        own |= self.histories.imported(environment.roots)
        if self._order.bootstrap is not None:
            own.add(self._order.bootstrap.path)
        texts = [
            f"{path} {subject.listing[path].mode} {subject.listing[path].oid}"
            for path in own
            if path in subject.listing
        ]
        return digest(
            self._beginning.key, environment.settings, environment.section,
            self._around.interpreter.alembic, self._around.interpreter.sqlalchemy, *sorted(texts),
        )  # fmt: skip


def _told(database: Database) -> dict[str, Any]:
    return {"database": {"dialect": database.dialect, "url": dict(database.url)}}
