"""One run of the worker: a subject and its surroundings in, what was observed out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from revguard.evaluation import failures, lacking, learning, outages, telling
from revguard.evaluation.case import Surroundings
from revguard.evaluation.ordering import order
from revguard.evaluation.supplying import Supply
from revguard.evaluation.tasks import Evaluated, Task
from revguard.project.launch import Worker
from revguard.staging import materialise
from revguard.staging.materialise import Checkout


def evaluate(around: Surroundings, task: Task, worker: Worker | None = None) -> Evaluated:
    """Run env.py of the subject's tree against an ephemeral database. CouldNotCheck.

    `worker` is one that was started ahead, and has not been asked anything.
    """
    with ExitStack() as stack:
        return _Evaluation(around, task, stack, worker).run()


class _Evaluation:
    """What is said to the worker, and what is answered to it."""

    def __init__(
        self, around: Surroundings, task: Task, stack: ExitStack, worker: Worker | None
    ) -> None:
        self._around = around
        self._worker = worker
        self._task = task
        self._stack = stack
        self._checkout: Checkout | None = None
        self._order = order(around, task.subject, needed=task.generate, missed=task.missed)

    def run(self) -> Evaluated:
        started = time.monotonic()
        worker = self._worker or self._stack.enter_context(Worker.of(self._around))
        supply = self._supply = Supply(
            self._order, self._task, self._stack, self._tree, lambda t: evaluate(self._around, t)
        )
        if supply.needs_a_first_run:
            worker = self._learn(worker)
        supply.start_ahead()
        last = self._ask(worker)
        spent = time.monotonic() - started
        self._refuse_failed(last, worker)
        assert supply.histories is not None
        left = supply.left(last["result"])
        supply.keep(last["result"])
        return Evaluated(
            result=last["result"],
            observed=last["observed"],
            refused=tuple(last["refused"]),
            histories=supply.histories,
            locations=supply.locations,
            root=self._task.root,
            database=supply.database,
            driver=supply.driver,
            from_snapshot=supply.serving.from_snapshot,
            left=left,
            notes=supply.notes(),
            watched=self._order.watched(supply.serving.told),
            timings_ms={"worker": int(spent * 1000), "database": int(supply.serving.waited * 1000)},
        )

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
        self._supply.learn(learning.driver(last, around.environment))
        return self._stack.enter_context(Worker.of(around))

    def _refuse_failed(self, last: Mapping[str, Any], worker: Worker) -> None:
        """CouldNotCheck where the server, the machine or env.py failed, and not a revision."""
        around = self._around
        failure = last.get("failure") or last.get("result", {}).get("failure")
        if failure:
            self._supply.serving.refuse_ended(failure)
            lacking.refuse_missing_extension(failure, self._supply.database)
            outages.refuse_exhausted(failure)
        if last["event"] == "failed":
            raise failures.of_environment(
                last, around.environment, around.interpreter, self._task.subject, worker.log()
            )

    def _request(self, worker: Worker) -> dict[str, Any]:
        started = time.monotonic()
        database = self._supply.ahead()
        if database is None:
            return self._words({})
        worker.pause(time.monotonic() - started)
        environ = self._supply.filled(database)
        return {**self._words(environ), "address": telling.place(database)}

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
            "database": self._supply.on_database,
            "beside": self._supply.on_beside,
            "aside": self._supply.on_aside,
            "replayed": self._supply.on_replayed,
            "drift": self._supply.on_drift,
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
        found = self._supply.read(tuple(event["version_locations"]), event["script_location"])
        landed = self._task.create
        return {
            "create": landed and {"stamp": landed.stamped, "extensions": landed.extensions},
            "old": list(found.old),
            "new": list(found.new),
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
