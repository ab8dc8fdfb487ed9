"""The worker's whole life: say hello, take one request, evaluate, answer."""

import os
import sys
import threading
import traceback

from . import failure
from .channel import Channel, Closed


def serve(commands, events):
    """Serve one request; whatever happens is told as an event, if anybody still listens."""
    channel = Channel(commands, events)
    try:
        _serve(channel)
    except Closed:
        pass
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # threads and atexit handlers of the project may not keep us


def _serve(channel):
    try:
        import alembic
        import alembic.autogenerate
        import alembic.command
        import sqlalchemy
        import sqlalchemy.orm  # noqa: F401  (every project's models need it; imported while we wait)

        from . import evaluate, guard, observe, project, remap, steps  # noqa: F401
    except Exception as error:
        channel.send("failed", stage="start", failure=failure.describe(error, "\0", ""))
        return
    channel.send(
        "hello",
        python="%d.%d.%d" % sys.version_info[:3],
        alembic=alembic.__version__,
        sqlalchemy=sqlalchemy.__version__,
    )
    request = channel.receive()
    _Session(channel, request).run()


class _Session:
    def __init__(self, channel, request):
        from . import fingerprint, guard, observe, remap, steps

        self.channel = channel
        self.request = request
        self.tree = os.path.realpath(request["tree"])
        self.observer = observe.Observer(self.tree)
        self.registry = fingerprint.MetadataRegistry()
        self.statements = steps.Statements()
        self.evaluation = None
        self.guard = guard.Guard(self._provide)
        self.remap = remap.Remap(
            request["toplevel"], self.tree, [sys.prefix, sys.base_prefix, sys.exec_prefix]
        )
        self.environment = None

    def run(self):
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

    def _prepare(self):
        from . import guard, remap

        root = os.path.join(self.tree, *self.request["root"].split("/"))
        os.chdir(root)
        remap.install(self.remap, root)
        self.registry.install()
        self.statements.install()
        guard.install(self.guard, self.tree)
        self.observer.install()

    def _open(self):
        from . import project

        config = project.make_config(self.tree, self.request)
        self.environment = project.Project(config)
        locations = []
        for path in self.environment.version_locations():
            path = os.path.realpath(path)
            if path.startswith(self.tree + os.sep):
                locations.append(os.path.relpath(path, self.tree).replace(os.sep, "/"))
        reply = self.channel.ask("opened", version_locations=locations)
        self.request.update(reply)

    def _evaluate(self):
        from . import evaluate, steps

        runner = steps.Runner(self.statements, self.tree, self.request["toplevel"])
        self.evaluation = evaluate.Evaluation(
            self.request,
            self.channel,
            self.environment,
            self.guard,
            lambda dialect: self.registry.digest(dialect, self.environment.env_globals),
            runner,
            self.observer,
        )
        return self.evaluation.go()

    def _provide(self, dialect):
        return {"dialect": dialect.name, **self.evaluation.provide(dialect)}

    def _failed(self, stage, error):
        account = failure.describe(error, self.tree, self.request["toplevel"])
        refused = self.guard.refused
        partial = self.evaluation.result if self.evaluation else None
        traceback.print_exception(type(error), error, error.__traceback__)
        self.channel.send(
            "failed",
            stage=stage,
            failure=account,
            refused=refused,
            partial=partial,
            observed=self._observed(),
        )

    def _observed(self):
        from . import project

        observed = self.observer.result()
        observed["connections"] = self.guard.connections
        observed["hook_files"] = []
        observed["threads"] = [t.name for t in threading.enumerate() if not t.daemon][1:]
        if self.environment is not None:
            observed["hook_files"] = project.hook_files(self.environment.configured, self.tree)
            script = self.environment.script
            folder = os.path.realpath(str(script.dir))
            if folder.startswith(self.tree + os.sep):
                relative = os.path.relpath(folder, self.tree).replace(os.sep, "/")
                observed["script_location"] = relative
        return observed
