"""What env.py is run in: settings in, a function that runs another one there out.

An application context of Flask, as `flask db` makes it; a context manager of the project's own;
and where that gives a runner (an executor, a portal, a callable), the thread or loop behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import os
import sys
from typing import TYPE_CHECKING, Any

from .failure import Misconfigured

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Callable

    Work = Callable[[], None]
    Prepare = Callable[[Any], None]
    Loading = Callable[[], AbstractContextManager[None]]


def named(text: str, key: str) -> Any:
    """The object that ``module:name`` means, imported from the working directory.

    Misconfigured where the module has none of that name; an ImportError is the project's.
    """
    module_name, _, name = text.partition(":")
    _import_from_here()
    found: Any = importlib.import_module(module_name)
    for part in name.replace("()", "").split("."):
        if not hasattr(found, part):
            raise Misconfigured(f'`{key} = "{text}"`: {module_name} has no {part}')
        found = getattr(found, part)
    return found


def _import_from_here() -> None:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)


class Within:
    """Runs env.py in what is configured; the application is loaded at the first run.

    ``prepare`` is called with it, inside its context and before env.py. It is loaded in what
    ``loading`` gives: it may migrate or create tables by itself while it is made.
    """

    def __init__(
        self, manager: str | None, flask_app: str | None, is_flask: bool, prepare: Prepare
    ) -> None:
        self._manager = manager
        self._flask_app = flask_app
        self._is_flask = is_flask or flask_app is not None
        self._prepare = prepare
        self.loading: Loading = contextlib.nullcontext
        self._application: Any = None
        self.working = ""  # the folder that we are in, in the working tree

    def run(self, work: Work) -> None:
        """Call ``work`` there; what it raises is raised here."""
        inner = self._in_application(work) if self._is_flask else work
        if self._manager is None:
            inner()
            return
        manager = _entered(named(self._manager, "within"), self._manager)
        if hasattr(manager, "__aenter__") and not hasattr(manager, "__enter__"):
            asyncio.run(_run_async(manager, inner))
            return
        with manager as given:
            result = _by(given)(inner)
            if inspect.isawaitable(result):
                raise Misconfigured(f'`within = "{self._manager}"` gives a runner that is async')

    def _in_application(self, work: Work) -> Work:
        def run() -> None:
            if self._application is None:
                with self.loading():
                    self._application = _load(self._flask_app, self.working)
            with self._application.app_context():
                self._prepare(self._application)
                work()

        return run


def _entered(found: Any, text: str) -> Any:
    """The context manager itself: what is named may be one, or make one."""
    manager = found if _is_manager(found) and not inspect.isclass(found) else found()
    if not _is_manager(manager):
        raise Misconfigured(
            f'`within = "{text}"` is no context manager: it gives {type(manager).__name__}',
            remedy="Put `@contextlib.contextmanager` above the function.",
        )
    return manager


def _is_manager(found: Any) -> bool:
    return hasattr(found, "__enter__") or hasattr(found, "__aenter__")


def _by(given: Any) -> Callable[[Work], Any]:
    """How what the context manager gives runs a function; at once where it is no runner."""
    if callable(getattr(given, "submit", None)):  # concurrent.futures.Executor
        return lambda work: given.submit(work).result()
    call: Any = getattr(given, "call", given)  # anyio's blocking portal has one
    return call if callable(call) else lambda work: work()


async def _run_async(manager: Any, work: Work) -> None:
    async with manager as given:
        result = _by(given)(work)
        if inspect.isawaitable(result):
            await result


def _load(flask_app: str | None, working: str) -> Any:
    """The application, found as the `flask` command finds it in this folder."""
    cli = importlib.import_module("flask.cli")  # the project's
    _import_from_here()
    for path in _uncommitted(working):
        cli.load_dotenv(path)
    cli.load_dotenv()
    said = flask_app or os.environ.get("FLASK_APP")
    try:
        return cli.ScriptInfo(app_import_path=said).load_app()
    except cli.NoAppException as error:
        what = f'`flask-app = "{flask_app}"`' if flask_app else "env.py needs a Flask application"
        raise Misconfigured(
            f"{what}: {error}",
            remedy='Name it, as in `flask-app = "shop.app:create_app()"`.',
        ) from error


def _uncommitted(working: str) -> list[str]:
    """The working tree's files of variables that the commit does not have: a .env seldom is."""
    if os.environ.get("FLASK_SKIP_DOTENV", "0").lower() not in ("0", "false", "no"):
        return []
    names = [name for name in (".env", ".flaskenv") if not os.path.exists(name)]
    return [path for path in (os.path.join(working, n) for n in names) if os.path.isfile(path)]
