"""One run of the worker: a subject and its surroundings in, what was observed out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

from revguard import project
from revguard.databases import Database, standing
from revguard.databases.standing import Standing
from revguard.evaluation import bootstrapping, failures, lacking, learning, outages, telling
from revguard.evaluation.beginning import Beginning
from revguard.evaluation.bootstrapping import Bootstrap
from revguard.evaluation.case import Surroundings
from revguard.evaluation.nothing import is_sound
from revguard.evaluation.ordering import State, mismatch, order
from revguard.evaluation.serving import Serving
from revguard.evaluation.subject import Histories
from revguard.evaluation.tasks import Evaluated, Task
from revguard.project.launch import Worker
from revguard.records import digest
from revguard.staging import materialise
from revguard.staging.materialise import Checkout


def evaluate(around: Surroundings, task: Task, worker: Worker | None = None) -> Evaluated:
    """Run env.py of the subject's tree against an ephemeral database. CouldNotCheck.

    `worker` is one that was started ahead, and has not been asked anything.
    """
    with ExitStack() as stack:
        return _Evaluation(around, task, stack, worker).run()


class _Evaluation:
    def __init__(
        self, around: Surroundings, task: Task, stack: ExitStack, worker: Worker | None
    ) -> None:
        self._around = around
        self._worker = worker
        self._task = task
        self._stack = stack
        self._histories: Histories | None = None
        self._locations: tuple[str, ...] = task.locations or ()
        self._database: Database | None = None
        self._driver = ""
        self._learned = ""  # the driver, by a first run
        self._replayed = 0
        self._connected = 0  # how often the database was asked for
        self._script_location = around.environment.script_location or ""
        self._several = False
        self._moved = False  # whether the scripts turned out to be others than those provided for
        self._asked = project.placeholders_in(around.environment.settings)
        self._checkout: Checkout | None = None
        self._order = order(around, task.subject, needed=task.generate, missed=task.missed)
        self._times: dict[str, int] = {}
        self._beginning = Beginning(self._order, task, lambda other: evaluate(around, other))

    def run(self) -> Evaluated:
        started = time.monotonic()
        worker = self._worker or self._stack.enter_context(Worker.of(self._around))
        self._serving = self._stack.enter_context(
            Serving(
                self._order,
                self._prepare if self._order.prepares else None,
                snapshots=self._around.use_cache,
            )
        )
        if self._asked and (not self._driver_name() or self._beginning.asks_where):
            worker = self._learn(worker)
        self._start_ahead()
        last = self._ask(worker)
        self._times["worker"] = _ms(started)
        self._times["database"] = int(self._serving.waited * 1000)
        self._refuse_failed(last, worker)
        assert self._histories is not None
        left = self._left(last["result"])
        if not self._moved and self._beginning.is_as_named and is_sound(last["result"]):
            self._serving.keep(self._replayed)
        return Evaluated(
            result=last["result"],
            observed=last["observed"],
            refused=tuple(last["refused"]),
            histories=self._histories,
            locations=self._locations,
            root=self._task.root,
            database=self._database,
            driver=self._driver,
            from_snapshot=self._serving.from_snapshot,
            left=left,
            notes=(
                *mismatch(self._serving.told, self._database),
                *self._beginning.notes(self._serving.stood),
            ),
            watched=self._order.watched(self._serving.told),
            timings_ms=self._times,
        )

    def _start_ahead(self) -> None:
        """Start the database beside the import of the models, where its kind is known."""
        self._serving.driver = self._driver_name()
        task, bootstrap = self._task, self._order.bootstrap
        if bootstrap is not None and bootstrap.is_script:
            self._tree()  # it runs there as soon as the database is ready
        if task.locations is not None and self._histories is None:
            self._histories = self._beginning.read(task.locations)
        if task.database is not None:
            return
        if self._asked:
            self._serving.start(self._driver_name().partition("+")[0], self._state())
        elif self._histories is not None and task.dialect and task.ahead:
            self._serving.start(task.dialect, self._state())

    def _ask(self, worker: Worker) -> Mapping[str, Any]:
        """The worker's last event, once it has the judged tree before it."""
        worker.send(self._request(worker))
        checkout = self._tree()
        try:
            last = self._converse(worker)
        except BaseException:
            checkout.mark_dirty()  # nobody tells what was written
            raise
        if last.get("observed", {}).get("written", True):
            checkout.mark_dirty()
        return last

    def _tree(self) -> Checkout:
        """The judged tree on disk."""
        if self._checkout is None:
            subject = self._task.subject
            self._checkout = self._stack.enter_context(
                materialise.checkout(subject.repo, subject.tree, subject.cache)
            )
        return self._checkout

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
                told=self._filled(database),
                given_up=given_up,
            ),
        )

    def _driver_name(self) -> str:
        """The driver that `{url}` names; empty where nothing tells it yet."""
        return telling.driver(self._around.environment, self._learned, self._task.driver)

    def _filled(self, database: Database) -> dict[str, str]:
        """The variables that hold placeholders, with the address of this database."""
        return telling.filled(self._around.environment, database, self._driver_name())

    def _address(self, worker: Worker) -> Database | None:
        """The database whose address env.py is told ahead; None where it asks for none."""
        if not self._asked:
            return None
        started = time.monotonic()
        if self._task.database is not None:
            self._database = self._database or self._task.database()
        else:
            dialect = self._driver_name().partition("+")[0]
            self._database = self._serving.database(dialect, self._state())
        worker.pause(time.monotonic() - started)
        return self._database

    def _learn(self, worker: Worker) -> Worker:
        """The driver by a first run of env.py; a new worker for what follows."""
        around = self._around
        environ = learning.environ(around.environment, around.interpreter.site_packages)
        checkout = self._tree()
        worker.send(self._words(environ))
        checkout.mark_dirty()
        last = learning.last_event(worker, self._on_opened)
        if last["event"] == "failed":
            self._refuse_failed(last, worker)
        self._learned = learning.driver(last, around.environment)
        self._beginning.driver = self._learned
        return self._stack.enter_context(Worker.of(around))

    def _left(self, result: Mapping[str, Any]) -> Standing | None:
        """What is committed in the end. A replay needs no look: what follows it builds on it."""
        database = self._database
        ran = (
            bool(result["proof"])
            and not self._several
            and not self._replayed
            and result["failure"] is None
        )
        if not ran or database is None or database.dialect not in ("postgresql", "sqlite"):
            return None
        return standing.of(database, self._around.timeout)

    def _state(self) -> State:
        """The history that the database is to be at; empty where it is not known yet."""
        if self._histories is None:
            return State()
        nodes = self._histories.graph.nodes
        # what is not replayed needs none; where it does, the server will say so
        run = self._histories.new if self._order.starts else nodes
        return State(
            revisions=self._histories.replayed(),
            extensions=frozenset(name for id_ in run for name in nodes[id_].extensions),
            extra=self._extra(),
        )

    def _refuse_failed(self, last: Mapping[str, Any], worker: Worker) -> None:
        """CouldNotCheck where the server, the machine or env.py failed, and not a revision."""
        around = self._around
        failure = last.get("failure") or last.get("result", {}).get("failure")
        if failure:
            self._serving.refuse_ended(failure)
            lacking.refuse_missing_extension(failure, self._database)
            outages.refuse_exhausted(failure)
        if last["event"] == "failed":
            raise failures.of_environment(
                last, around.environment, around.interpreter, self._task.subject, worker.log()
            )

    def _request(self, worker: Worker) -> dict[str, Any]:
        database = self._address(worker)
        if database is None:
            return self._words({})
        return {**self._words(self._filled(database)), "address": telling.place(database)}

    def _words(self, environ: Mapping[str, str]) -> dict[str, Any]:
        """What a worker has to know; `environ` is added to its own."""
        return {
            **self._around.environment.words,
            "tree": self._tree().path,
            "environ": environ,
            "toplevel": self._task.subject.repo.toplevel,
            "root": self._task.root,
            "message": self._task.message,
            "created": self._task.subject.created,
        }

    def _converse(self, worker: Worker) -> Mapping[str, Any]:
        answers: dict[str, Callable[[Mapping[str, Any]], dict[str, Any] | None]] = {
            "opened": self._on_opened,
            "progress": self._on_progress,
            "database": self._on_database,
            "beside": self._on_beside,
            "aside": self._on_aside,
            "replayed": self._on_replayed,
            "drift": self._on_drift,
        }
        event: Mapping[str, Any] = {}
        for event in worker.events():
            if event["event"] in answers:
                started = time.monotonic()
                answer = answers[event["event"]](event)
                if answer is not None:
                    worker.pause(time.monotonic() - started)
                    worker.send(answer)
        return event

    def _on_opened(self, event: Mapping[str, Any]) -> dict[str, Any]:
        found = tuple(event["version_locations"])
        self._script_location = event["script_location"]
        if self._histories is None or found != self._locations:
            self._moved = self._moved or self._database is not None
            self._locations = found
            self._histories = self._beginning.read(found)
        landed = self._task.create
        return {
            "create": landed and {"stamp": landed.stamped, "extensions": landed.extensions},
            "old": list(self._histories.old),
            "new": list(self._histories.new),
            "generate": self._task.generate,
            "known": self._task.known,
            "proven": list(self._task.proven),
            "waived": list(self._task.waived),
            "declared": list(self._task.declared),
            "wanted": self._task.wanted and asdict(self._task.wanted),
            "rows": self._task.rows,
            "renames": self._task.renames,
            "named": list(self._task.renamed),
            "diffed": self._task.diffed() if self._task.renames != "never" else [],
        }

    def _on_progress(self, event: Mapping[str, Any]) -> None:
        self._around.progress(f"replaying {event['done']} of {event['total']} revisions")

    def _on_beside(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """A database of its own for another of the places that one run of env.py goes to."""
        self._several = True
        prepare = self._prepare if self._order.prepares else None
        serving = self._stack.enter_context(Serving(self._order, prepare, snapshots=False))
        database = serving.database(event["dialect"], replace(self._state(), revisions={}))
        told = {"dialect": database.dialect, "url": dict(database.url)}
        return {"database": told}

    def _on_database(self, event: Mapping[str, Any]) -> dict[str, Any]:
        assert self._histories is not None
        self._driver = event["driver"]
        self._connected += 1
        self._serving.driver = f"{event['dialect']}+{event['driver']}"
        if self._task.database is not None:
            self._database = self._database or self._task.database()
        else:
            self._around.progress("starting the database")
            self._database = self._serving.database(event["dialect"], self._state())
            self._beginning.refuse_unfit(self._serving.stood)
            if self._is_to_be_marked() and not event["reset"]:
                self._serving.mark()
        self._around.progress("comparing models and database")
        url = dict(self._database.url)
        told = {"dialect": self._database.dialect, "url": url}
        stood = self._serving.stood
        return {"database": told, "stood": stood and asdict(stood)}

    def _is_to_be_marked(self) -> bool:
        """Whether the database as env.py first meets it is what stands before the new revisions,
        and that is asked for. Else it is marked when it was replayed."""
        if self._serving.is_marked or (self._connected == 1 and self._is_to_be_replayed()):
            return False
        return self._is_known_asked() or (self._order.starts and not self._serving.from_snapshot)

    def _is_known_asked(self) -> bool:
        """Whether the parents may have to be evaluated."""
        return self._task.ask_known is not None and self._task.known is None

    def _is_to_be_replayed(self) -> bool:
        """Whether it is sure that landed revisions are not in the database yet."""
        assert self._histories is not None
        server, stood = self._serving.server, self._serving.stood
        if server is not None and server.snapshot is not None:
            return bool(self._histories.replayed().keys() - server.snapshot.revisions)
        return bool(self._histories.old) and stood is not None and stood.heads == ()

    def _on_aside(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of the database, at the same history, for what nobody looks at."""
        self._around.progress("making the application")
        if self._task.database is not None:
            found = self._task.database()
        else:
            self._serving.database(event["dialect"], self._state())
            assert self._serving.server is not None
            found = self._serving.server.clone("aside")
        return {"database": {"dialect": found.dialect, "url": dict(found.url)}}

    def _on_replayed(self, event: Mapping[str, Any]) -> dict[str, Any]:
        self._replayed = event["count"]
        if self._task.database is None:
            self._serving.replayed(asked=self._is_known_asked())
        return {}

    def _on_drift(self, _event: Mapping[str, Any]) -> dict[str, Any]:
        assert self._task.ask_known is not None
        return {"known": self._task.ask_known(self._serving)}

    def _extra(self) -> str:
        """What the state of a database depends on besides its revisions: how they are run, and
        the project's own modules where a revision imports one."""
        assert self._histories is not None
        environment, subject = self._around.environment, self._task.subject
        folder = self._script_location
        own = {environment.config or "", environment.toml or "", f"{folder}/env.py"}
        own |= self._histories.imported(environment.roots)
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


def _ms(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
