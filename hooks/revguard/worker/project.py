"""The project's migration environment: its Config as the `alembic` command would make it, its
ScriptDirectory, and env.py run with a function of ours in the place of a command."""

from __future__ import annotations

import argparse
import importlib.util
import os
from typing import TYPE_CHECKING, Any

import alembic
from alembic import command, util
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from . import defaults
from .failure import Misconfigured
from .within import Within, named

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Callable, Iterable, Mapping

    from alembic.runtime.migration import MigrationContext, MigrationStep

    Work = Callable[[Any, MigrationContext], Iterable[MigrationStep]]

VERSION = tuple(int(part) for part in alembic.__version__.split(".")[:2])


def make_config(tree: str, request: Mapping[str, Any]) -> Config:
    """The Config for the request's ini file or pyproject.toml, sections and -x arguments."""
    options = argparse.Namespace(
        config=None,
        name=request["section"],
        x=list(request["x"]) or None,
        raiseerr=False,
        autogenerate=True,
        sql=False,
        quiet=False,
        cmd=(command.revision, ["message"], ["autogenerate"]),
    )
    if request["alembic_config"]:
        return _made_in_code(request["alembic_config"], options)
    keywords: dict[str, Any] = {"ini_section": request["section"], "cmd_opts": options}
    ini = request["config"] and os.path.join(tree, *request["config"].split("/"))
    toml = request["toml"] and os.path.join(tree, *request["toml"].split("/"))
    if toml and VERSION >= (1, 16):
        keywords["toml_file"] = toml
        ini = ini or os.path.join(os.path.dirname(toml), "alembic.ini")
    options.config = ini if VERSION < (1, 17) else [ini]
    config = Config(ini, **keywords)
    if request["beside_ini"]:  # as Flask-Migrate does, which names no location in its ini
        config.set_main_option("script_location", os.path.dirname(ini).replace("%", "%%"))
    return config


def _made_in_code(text: str, options: argparse.Namespace) -> Config:
    """The Config that a callable of the project's gives."""
    found = named(text, "alembic-config")
    config = found if isinstance(found, Config) else found()
    if not isinstance(config, Config):
        said = type(config).__name__
        raise Misconfigured(f'`alembic-config = "{text}"` gives {said}, no alembic.config.Config')
    if config.cmd_opts is None:
        config.cmd_opts = options
    return config


class Project:
    """Config and scripts of one environment, and how env.py is run."""

    def __init__(
        self, config: Config, request: Mapping[str, Any], compare_defaults: bool = True
    ) -> None:
        self.config = config
        self._folder = os.getcwd()
        self.script = self._load()
        self._within = Within(
            request["within"], request["flask_app"], self._names_application(), self._configure
        )
        self._within.working = os.path.join(request["toplevel"], *request["root"].split("/"))
        self.env_globals: dict[str, Any] = {}
        self.configured: dict[str, Any] = {}
        self.context_options: dict[str, Any] = {}  # more of what a command gives to env.py
        self._compare_defaults = compare_defaults
        self.asks_for_defaults = False
        self._configured_by_application = False

    def load_in(self, loading: Callable[[], AbstractContextManager[None]]) -> None:
        """What an application is made in, if there is one."""
        self._within.loading = loading

    def reload_scripts(self) -> None:
        """Read the version folders again (a script was added)."""
        self.go_home()
        self.script = self._load()

    def _load(self) -> ScriptDirectory:
        """The scripts, by absolute paths: env.py may change the folder."""
        script = ScriptDirectory.from_config(self.config)
        script.dir = os.path.abspath(str(script.dir))
        return script

    def go_home(self) -> None:
        """Back to the folder that everything began in, wherever env.py went."""
        os.chdir(self._folder)

    def version_locations(self) -> list[str]:
        """The version folders, absolute, as they are configured now: env.py may name others."""
        said = self.script.version_locations
        found = [said] if isinstance(said, (str, os.PathLike)) else list(said or ())
        found = found or [os.path.join(self.script.dir, "versions")]
        return [self._resolved(str(path)) for path in found]

    def _resolved(self, path: str) -> str:
        """Absolute; "package:folder" as Alembic resolves it."""
        if ":" in path and not os.path.isabs(path):
            path = str(util.coerce_resource_to_filename(path))
        return os.path.normpath(os.path.join(self._folder, path))

    def run(self, work: Work) -> None:
        """Run env.py; ``work(heads, context)`` yields migration steps, as a command's does.

        It begins in the same folder each time, wherever the last run went.
        """
        self.go_home()
        self._within.run(lambda: self._run_with(work))

    def _run_with(self, work: Work) -> None:
        with EnvironmentContext(
            self.config, self.script, fn=work, as_sql=False, starting_rev=None, template_args={},
            **self.context_options,
        ) as env:  # fmt: skip
            self._wrap_configure(env)
            self._run_env()

    def _names_application(self) -> bool:
        """Whether env.py, as Flask-Migrate's, works on the application that is current."""
        with open(os.path.join(self.script.dir, "env.py"), "rb") as stream:
            return b"current_app" in stream.read()

    def _configure(self, application: Any) -> None:
        """What Flask-Migrate adds to a Config: the functions that an application registered."""
        known = application.extensions.get("migrate")
        callbacks = getattr(getattr(known, "migrate", None), "configure_callbacks", ())
        if callbacks and not self._configured_by_application:
            for callback in callbacks:
                self.config = callback(self.config)
            self.script = self._load()  # they may have placed it elsewhere
        self._configured_by_application = True

    def _run_env(self) -> None:
        """As ScriptDirectory.run_env, but the module is known while it runs."""
        path = os.path.join(str(self.script.dir), "env.py")
        spec = importlib.util.spec_from_file_location("env_py", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        self.env_globals = vars(module)
        spec.loader.exec_module(module)

    def _wrap_configure(self, env: EnvironmentContext) -> None:
        """Note what env.py configures; ask for server defaults where it says nothing of them.

        Without comparing them, changes of identity and computed columns vanish too (since 1.18).
        """
        original = env.configure

        def configure(*args: Any, **kwargs: Any) -> None:
            connection = args[0] if args else kwargs.get("connection")
            self.asks_for_defaults = bool(kwargs.get("compare_server_default"))
            if self._compare_defaults and defaults.are_comparable(connection):
                kwargs.setdefault("compare_server_default", True)
            if VERSION < (1, 12):
                kwargs.setdefault("compare_type", True)
            self.configured = kwargs
            original(*args, **kwargs)

        env.configure = configure  # type: ignore[method-assign]


def hook_files(configured: Mapping[str, Any], tree: str) -> list[str]:
    """Files of the tree that define the callables given to context.configure()."""
    found = set()
    for value in configured.values():
        code = getattr(getattr(value, "__func__", value), "__code__", None)
        if code is not None:
            path = os.path.abspath(code.co_filename)
            if path.startswith(tree + os.sep):
                found.add(os.path.relpath(path, tree).replace(os.sep, "/"))
    return sorted(found)


def fix_create_date(script: ScriptDirectory, timestamp: float) -> None:
    """The same change gives the same file: the date is the parent commit's, not the clock's."""
    import datetime

    original = script._generate_create_date

    def create_date() -> datetime.datetime:
        moment = datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc)
        zone = original().tzinfo
        return moment.astimezone(zone) if zone else moment.replace(tzinfo=None)

    script._generate_create_date = create_date  # type: ignore[method-assign]
