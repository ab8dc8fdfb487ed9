"""One run of the worker: a subject and its surroundings in, what was observed out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from revguard import project
from revguard.databases import Database, addresses
from revguard.errors import CouldNotCheck
from revguard.evaluation import bootstrapping, failures, learning
from revguard.evaluation.case import Surroundings
from revguard.evaluation.ordering import State, mismatch, order
from revguard.evaluation.serving import Serving
from revguard.evaluation.subject import Histories, Subject
from revguard.project.launch import Worker
from revguard.records import digest
from revguard.staging import materialise
from revguard.staging.materialise import Checkout

Known = Callable[[Serving], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to find out at one tree."""

    subject: Subject
    root: str
    histories: Callable[[tuple[str, ...]], Histories]
    locations: tuple[str, ...] | None  # as far as they are known before the worker says it
    dialect: str | None  # likewise
    driver: str = ""  # "postgresql+psycopg2", likewise
    ahead: bool = True  # start the database before env.py asks for it
    generate: bool
    message: str | None = None
    proven: tuple[str, ...] = ()  # digests of metadata for which nothing is new
    waived: tuple[str, ...] = ()  # "op object" each
    known: list[str] | None = None  # keys of known differences; None: ask ask_known
    ask_known: Known | None = None
    database: Callable[[], Database] | None = None  # another evaluation's, at the same history
    missed: frozenset[str] = frozenset()  # extensions that an earlier try was refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What came out. `result` and `observed` are the worker's own words (worker/evaluate.py)."""

    result: Mapping[str, Any]
    observed: Mapping[str, Any]
    refused: tuple[str, ...]  # connections that env.py tried and was not given
    histories: Histories
    locations: tuple[str, ...]
    root: str
    database: Database | None
    driver: str
    from_snapshot: bool
    notes: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()  # files that it depends on, and that env.py does not read
    timings_ms: Mapping[str, int] = field(default_factory=dict)


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
        self._asked = project.placeholders_in(around.environment.settings)
        self._checkout: Checkout | None = None
        self._order = order(around, task.subject, needed=task.generate, missed=task.missed)
        self._times: dict[str, int] = {}

    def run(self) -> Evaluated:
        started = time.monotonic()
        worker = self._worker or self._stack.enter_context(Worker.of(self._around))
        if self._asked and not self._driver_name():
            worker = self._learn(worker)
        self._start_ahead()
        last = self._ask(worker)
        self._times["worker"] = _ms(started)
        self._times["database"] = int(self._serving.waited * 1000)
        self._refuse_failed(last, worker)
        assert self._histories is not None
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
            notes=self._notes(),
            watched=self._watched(),
            timings_ms=self._times,
        )

    def _start_ahead(self) -> None:
        """Start the database beside the import of the models, where its kind is known."""
        around, task = self._around, self._task
        bootstrap = self._order.bootstrap
        if bootstrap is not None and bootstrap.is_script:
            self._tree()  # it runs there as soon as the database is ready
        self._serving = self._stack.enter_context(
            Serving(
                around.run(),
                self._order,
                self._prepare if bootstrap is not None else None,
                snapshots=around.use_cache,
                timeout=around.timeout,
            )
        )
        if task.locations is not None and self._histories is None:
            self._histories = task.histories(task.locations)
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

    def _prepare(self, database: Database, given_up: Callable[[], bool]) -> list[str]:
        """Run the bootstrap on an empty database; the tables that it has then."""
        around, bootstrap = self._around, self._order.bootstrap
        assert bootstrap is not None
        tree = ""
        if bootstrap.is_script:
            self._tree().mark_dirty()  # nobody tells what it writes
            tree = str(self._tree().path)
        place = bootstrapping.Place(
            tree=tree,
            root=self._task.root,
            environ=around.environ,
            told=self._filled(database),
            run=around.run(),
            timeout=around.timeout,
            given_up=given_up,
        )
        around.progress(f"running {bootstrap.path}")
        bootstrapping.run(bootstrap, database, place)
        return bootstrapping.tables(database)

    def _driver_name(self) -> str:
        """The driver that `{url}` names; empty where nothing tells it yet."""
        environment = self._around.environment
        told = environment.settings.driver or self._learned
        hint, seen = environment.url_hint, self._task.driver
        if told or hint is None or seen.partition("+")[0] == hint[0]:
            return told or seen
        return "+".join(filter(None, hint))  # the ini has been changed since

    def _filled(self, database: Database) -> dict[str, str]:
        """The variables that hold placeholders, with the address of this database."""
        if not self._asked:
            return {}
        name = self._driver_name()
        values = addresses.values(database, name)
        if "socket" in self._asked and not values["socket"]:
            raise CouldNotCheck(
                f"the environ of environment {self._around.environment.name} asks for "
                f"{{socket}}, and the database by `{database.provider}` has none",
                hint="Use {host}, {port} and {password} in its place.",
            )
        return project.filled(self._around.environment.settings, values)

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
        """A first run of env.py, whose first connection tells the driver and is refused; a new
        worker for what follows."""
        around = self._around
        given = learning.values(self._asked, around.interpreter.site_packages, around.environment)
        checkout = self._tree()
        worker.send(self._words(learning.filled(around.environment, given)))
        checkout.mark_dirty()
        for event in worker.events():
            if event["event"] == "opened":
                worker.send(self._on_opened(event))
            if event["event"] == "database":
                self._learned = f"{event['dialect']}+{event['driver']}"
                return self._stack.enter_context(Worker.of(around))
        if event["event"] == "failed":
            raise failures.of_environment(
                event, around.environment, around.interpreter, self._task.subject, worker.log()
            )
        raise learning.unknown(around.environment)

    def _state(self) -> State:
        """The history that the database is to be at; empty where it is not known yet."""
        if self._histories is None:
            return State()
        nodes = self._histories.graph.nodes.values()
        return State(
            revisions=self._histories.replayed(),
            extensions=frozenset(name for node in nodes for name in node.extensions),
            extra=self._extra(),
        )

    def _notes(self) -> tuple[str, ...]:
        database = self._database
        if database is None:
            return ()
        note = mismatch(self._serving.told, database.dialect, database.server_version)
        return (note,) if note else ()

    def _watched(self) -> tuple[str, ...]:
        told, bootstrap = self._serving.told, self._order.bootstrap
        paths = (told.source if told else "", bootstrap.path if bootstrap else "")
        return tuple(path for path in paths if path in self._task.subject.listing)

    def _refuse_failed(self, last: Mapping[str, Any], worker: Worker) -> None:
        """CouldNotCheck where the server, the machine or env.py failed, and not a revision."""
        around = self._around
        failure = last.get("failure") or last.get("result", {}).get("failure")
        if failure:
            self._serving.refuse_ended(failure)
            self._refuse_missing_extension(failure)
            failures.refuse_exhausted(failure)
        if last["event"] == "failed":
            raise failures.of_environment(
                last, around.environment, around.interpreter, self._task.subject, worker.log()
            )

    def _refuse_missing_extension(self, failure: Mapping[str, Any]) -> None:
        if self._database is not None and self._database.dialect == "postgresql":
            failures.refuse_missing_extension(
                failure, self._database.provider, self._database.server_version
            )

    def _request(self, worker: Worker) -> dict[str, Any]:
        database = self._address(worker)
        if database is None:
            return self._words({})
        place = {"dialect": database.dialect, "url": dict(database.address or database.url)}
        return {**self._words(self._filled(database)), "address": place}

    def _words(self, environ: Mapping[str, str]) -> dict[str, Any]:
        """What a worker has to know; `environ` is added to its own."""
        environment = self._around.environment
        return {
            "tree": self._tree().path,
            "environ": environ,
            "toplevel": self._task.subject.repo.toplevel,
            "config": environment.config if environment.config != environment.toml else None,
            "toml": environment.toml,
            "section": environment.section,
            "x": list(environment.settings.x),
            "root": self._task.root,
            "message": self._task.message,
            "created": self._task.subject.created,
        }

    def _converse(self, worker: Worker) -> Mapping[str, Any]:
        answers: dict[str, Callable[[Mapping[str, Any]], dict[str, Any] | None]] = {
            "opened": self._on_opened,
            "progress": self._on_progress,
            "database": self._on_database,
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
        if self._histories is None or found != self._locations:
            self._locations = found
            self._histories = self._task.histories(found)
        return {
            "old": list(self._histories.old),
            "new": list(self._histories.new),
            "generate": self._task.generate,
            "known": self._task.known,
            "proven": list(self._task.proven),
            "waived": list(self._task.waived),
        }

    def _on_progress(self, event: Mapping[str, Any]) -> None:
        self._around.progress(f"replaying {event['done']} of {event['total']} revisions")

    def _on_database(self, event: Mapping[str, Any]) -> dict[str, Any]:
        assert self._histories is not None
        self._driver = event["driver"]
        self._serving.driver = f"{event['dialect']}+{event['driver']}"
        if self._task.database is not None:
            self._database = self._database or self._task.database()
        else:
            self._around.progress("starting the database")
            self._database = self._serving.database(event["dialect"], self._state())
            if self._task.ask_known and self._task.known is None and not event["reset"]:
                assert self._serving.server is not None
                self._serving.server.mark()
        self._around.progress("comparing models and database")
        url = dict(self._database.url)
        told = {"dialect": self._database.dialect, "url": url}
        return {"database": told, "bootstrapped": self._serving.made}

    def _on_replayed(self, event: Mapping[str, Any]) -> dict[str, Any]:
        self._replayed = event["count"]
        if self._task.database is None and self._serving.server is not None:
            self._serving.server.mark()
        return {}

    def _on_drift(self, _event: Mapping[str, Any]) -> dict[str, Any]:
        assert self._task.ask_known is not None
        return {"known": self._task.ask_known(self._serving)}

    def _extra(self) -> str:
        """What the state of a database depends on besides its revisions: how they are run, and
        the project's own modules where a revision imports one."""
        assert self._histories is not None
        environment, subject = self._around.environment, self._task.subject
        folder = environment.script_location or ""
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
            environment.settings, environment.section, self._around.interpreter.alembic,
            self._around.interpreter.sqlalchemy, *sorted(texts),
        )  # fmt: skip


def _ms(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
