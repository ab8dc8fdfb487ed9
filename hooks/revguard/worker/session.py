"""The worker's whole life: say hello, take one request, evaluate, answer."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

from . import failure, spelling
from .channel import Channel, Closed

if TYPE_CHECKING:
    from typing import TextIO

    from sqlalchemy.engine.interfaces import Dialect

    from .evaluate import Evaluation
    from .project import Project

CLOSED = 79  # the exit code that says: the pipes to the launcher were closed


def serve(commands: TextIO, events: TextIO) -> None:
    """Serve one request; whatever happens is told as an event, if anybody still listens."""
    channel = Channel(commands, events)
    code = 0
    try:
        _serve(channel)
    except Closed:
        code = CLOSED
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the project may have closed or replaced them
                stream.flush()
        os._exit(code)  # threads and atexit handlers of the project may not keep us


def _serve(channel: Channel) -> None:
    gc.disable()  # a fifth of the imports' time would be looking for garbage, where there is none
    try:
        import alembic
        import alembic.autogenerate
        import alembic.command
        import sqlalchemy
        import sqlalchemy.orm  # every project's models need it; imported while we wait

        from . import drivers, evaluate, guard, observe, project, remap, steps  # noqa: F401
    except Exception as error:  # noqa: BLE001  whatever Alembic raises is told as data
        channel.send("failed", stage="start", failure=failure.describe(error, "\0", ""))
        return
    if hasattr(gc, "freeze"):  # PyPy has none
        gc.freeze()
    gc.enable()
    channel.send(
        "hello",
        python=".".join(map(str, sys.version_info[:3])),
        alembic=alembic.__version__,
        sqlalchemy=sqlalchemy.__version__,
    )
    request = channel.receive()
    if request.get("operation") == "models":
        from . import looking

        looking.Looking(channel, request).run()
        return
    if request.get("operation"):
        from . import configured

        configured.Configured(channel, request).run()
        return
    Session(channel, request).run()


class Session:
    """One request: what it needs is prepared, env.py is run, and what came of it is told."""

    before = "the Config was made"  # what is done before an environment may connect

    def __init__(self, channel: Channel, request: dict[str, Any]) -> None:
        """Nothing of the project is touched yet."""
        from . import fingerprint, guard, observe, remap, steps

        self.channel = channel
        self.request = request
        self.tree = os.path.realpath(request["tree"])
        self.observer = observe.Observer(self.tree)
        self.registry = fingerprint.MetadataRegistry()
        self.statements = steps.Statements()
        self.evaluation: Evaluation | None = None
        self.guard = guard.Guard(self._provide, lambda text: channel.send("refused", message=text))
        self.remap = remap.Remap(
            request["toplevel"], self.tree, [sys.prefix, sys.base_prefix, sys.exec_prefix]
        )
        self.environment: Project | None = None
        self._told: list[str] | None = None

    def run(self) -> None:
        """Serve the request."""
        stage = "import"
        try:
            self._prepare()
            stage = "configuration"
            self._open()
            stage = "environment"
            result = self._evaluate()
        except BaseException as error:
            if isinstance(error, Closed):
                raise
            self._failed(stage, error)
            return
        self.channel.send(
            "result", result=result, observed=self._observed(), refused=self.guard.refused
        )

    def _prepare(self) -> None:
        from . import drivers, guard, remap

        os.environ.update(self.request.get("environ") or {})
        self.guard.address = self.request.get("address")
        root = os.path.join(self.tree, *self.request["root"].split("/"))
        os.chdir(root)
        remap.install(self.remap, root)
        self.registry.install()
        self.statements.install()
        guard.install(self.guard)
        drivers.install(self.guard, self.observer)
        self.observer.install()

    def _open(self) -> None:
        from . import project

        config = project.make_config(self.tree, self.request)
        self.environment = project.Project(config, self.request)
        self._tell_locations()

    def _tell_locations(self) -> None:
        """Say where the scripts are, if that is news; hear which of them are old and new."""
        assert self.environment is not None
        found = [failure.relative(p, self.tree) for p in self.environment.version_locations()]
        found = [path for path in found if path]
        if found != self._told:
            self._told = found
            folder = failure.relative(str(self.environment.script.dir), self.tree)
            reply = self.channel.ask("opened", version_locations=found, script_location=folder)
            self.request.update(reply)

    def _evaluate(self) -> dict[str, Any]:
        from . import evaluate, judging, steps

        environment = self.environment
        assert environment is not None
        runner = steps.Runner(self.statements, self.tree, self.request["toplevel"])
        means = judging.Means(
            self.request,
            self.channel,
            environment,
            runner,
            self.observer,
            self._tell_locations,
        )
        self.evaluation = evaluate.Evaluation(
            means,
            self.guard,
            lambda dialect: self.registry.digest(dialect, environment.env_globals),
        )
        return self.evaluation.go()

    def _provide(self, dialect: Dialect) -> dict[str, Any]:
        if self.evaluation is None:
            self.guard.refuse(
                f"a {spelling.kind(dialect)} connection was refused: it was opened while "
                f"{self.before}"
            )
            raise AssertionError("refuse() raises")
        return {"dialect": spelling.kind(dialect), **self.evaluation.provide(dialect)}

    def _failed(self, stage: str, error: BaseException) -> None:
        account = failure.describe(error, self.tree, self.request["toplevel"])
        refused = self.guard.refused
        partial = self.evaluation.result if self.evaluation else None
        with contextlib.suppress(Exception):  # stderr may be closed
            traceback.print_exception(type(error), error, error.__traceback__)
        self.channel.send(
            "failed",
            stage=stage,
            failure=account,
            refused=refused,
            partial=partial,
            observed=self._observed(),
        )

    def _observed(self) -> dict[str, Any]:
        from . import project

        if self.environment is not None:
            self.environment.go_home()  # relative entries of sys.path mean this folder
        observed = self.observer.result()
        observed["connections"] = self.guard.connections
        observed["hook_files"] = []
        observed["threads"] = [t.name for t in threading.enumerate() if not t.daemon][1:]
        if self.environment is not None:
            observed["hook_files"] = project.hook_files(self.environment.configured, self.tree)
            folder = failure.relative(str(self.environment.script.dir), self.tree)
            if folder:
                observed["script_location"] = folder
        return observed
