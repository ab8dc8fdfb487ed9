"""One run of the worker: a subject and its surroundings in, what was observed out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from revguard.databases import Database
from revguard.evaluation import failures
from revguard.evaluation.case import Surroundings
from revguard.evaluation.serving import Serving
from revguard.evaluation.subject import Histories, Subject
from revguard.project.launch import Worker
from revguard.records import digest
from revguard.staging import materialise

Known = Callable[[Serving], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to find out at one tree."""

    subject: Subject
    root: str
    histories: Callable[[tuple[str, ...]], Histories]
    locations: tuple[str, ...] | None  # as far as they are known before the worker says it
    dialect: str | None  # likewise
    ahead: bool = True  # start the database before env.py asks for it
    generate: bool
    message: str | None = None
    proven: tuple[str, ...] = ()  # digests of metadata for which nothing is new
    waived: tuple[str, ...] = ()  # "op object" each
    known: list[str] | None = None  # keys of known differences; None: ask ask_known
    ask_known: Known | None = None
    database: Callable[[], Database] | None = None  # another evaluation's, at the same history


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
        self._replayed = 0
        self._times: dict[str, int] = {}

    def run(self) -> Evaluated:
        started = time.monotonic()
        worker = self._worker or self._stack.enter_context(Worker.of(self._around))
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
            timings_ms=self._times,
        )

    def _start_ahead(self) -> None:
        """Start the database beside the import of the models, where its kind is known."""
        around, task = self._around, self._task
        self._serving = self._stack.enter_context(
            Serving(
                around.run(),
                around.environment.settings.database,
                around.environ,
                around.interpreter.site_packages,
                snapshots=around.use_cache,
                timeout=around.timeout,
                keep=around.environment.settings.keep,
                project=task.subject.repo.toplevel,
                progress=around.progress,
            )
        )
        if task.locations is not None:
            self._histories = task.histories(task.locations)
            if task.dialect and task.database is None and task.ahead:
                self._serving.start(task.dialect, self._histories.replayed(), self._extra())

    def _ask(self, worker: Worker) -> Mapping[str, Any]:
        """The worker's last event, once it has the judged tree before it."""
        subject = self._task.subject
        checkout = self._stack.enter_context(
            materialise.checkout(subject.repo, subject.tree, subject.cache)
        )
        worker.send(self._request(checkout.path))
        try:
            last = self._converse(worker)
        except BaseException:
            checkout.mark_dirty()  # nobody tells what was written
            raise
        if last.get("observed", {}).get("written", True):
            checkout.mark_dirty()
        return last

    def _refuse_failed(self, last: Mapping[str, Any], worker: Worker) -> None:
        """CouldNotCheck where the server, the machine or env.py failed, and not a revision."""
        around = self._around
        failure = last.get("failure") or last.get("result", {}).get("failure")
        if failure:
            self._serving.refuse_ended(failure)
            failures.refuse_exhausted(failure)
        if last["event"] == "failed":
            raise failures.of_environment(
                last, around.environment, around.interpreter, self._task.subject, worker.log()
            )

    def _request(self, tree: str) -> dict[str, Any]:
        environment = self._around.environment
        return {
            "tree": tree,
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
        if self._task.database is not None:
            self._database = self._task.database()
        else:
            self._around.progress("starting the database")
            revisions = self._histories.replayed()
            self._database = self._serving.database(event["dialect"], revisions, self._extra())
            if self._task.ask_known and self._task.known is None and not event["reset"]:
                assert self._serving.server is not None
                self._serving.server.mark()
        self._around.progress("comparing models and database")
        url = dict(self._database.url)
        return {"database": {"dialect": self._database.dialect, "url": url}}

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
        texts = [f"{path} {subject.listing[path].oid}" for path in own if path in subject.listing]
        return digest(
            environment.settings, environment.section, self._around.interpreter.alembic,
            self._around.interpreter.sqlalchemy, *sorted(texts),
        )  # fmt: skip


def _ms(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
