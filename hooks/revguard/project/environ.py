"""The environ of a process in the user's interpreter: ours and the settings in, a dict out."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from revguard.config import EnvironmentSettings
from revguard.errors import ConfigError
from revguard.project import envfile
from revguard.project.isolation import why_isolated

if TYPE_CHECKING:
    from revguard.project.interpreter import Interpreter

PLACEHOLDERS = ("url", "host", "port", "user", "password", "database", "socket")
_PLACEHOLDER = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")
_OF_OUR_PYTHON = ("PYTHONHOME", "__PYVENV_LAUNCHER__", "PYTHONEXECUTABLE", "PYTHONINSPECT")
_SECRETS = (
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "REVGUARD_TOKEN",
    "GITLAB_TOKEN",
    "CI_JOB_TOKEN",
    # what is written there has an effect on the steps that follow, where a token may be
    "GITHUB_ENV",
    "GITHUB_PATH",
    "GITHUB_OUTPUT",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
)
_OUR_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def worker_environ(
    environ: Mapping[str, str],
    interpreter: Interpreter,
    settings: EnvironmentSettings,
    *,
    own_prefix: str,
    folders: Sequence[str],
    cache: str | None = None,
) -> dict[str, str]:
    """What the worker inherits, as if the project's virtualenv were active.

    `folders` are searched for a relative env-file, in this order. Placeholders (`{url}`...) of
    the configured environ stay: see `filled`.
    """
    result = base_environ(environ, own_prefix)
    _activate(result, interpreter)
    _keep_bytecode_apart(result, cache)
    result["PYTHONHASHSEED"] = "0"  # the order of drop_column and drop_table varies with it
    if settings.env_file is not None:
        result.update(_read(settings.env_file, folders, result))
    result.update(settings.environ)
    return result


def filled(settings: EnvironmentSettings, values: Mapping[str, str]) -> dict[str, str]:
    """The variables of the configured environ that hold placeholders, with these values in them."""
    return {
        name: _PLACEHOLDER.sub(lambda found: values[found[1]], value)
        for name, value in settings.environ.items()
        if _PLACEHOLDER.search(value)
    }


def placeholders_in(settings: EnvironmentSettings) -> frozenset[str]:
    """Which of PLACEHOLDERS the configured environ asks for."""
    return frozenset(
        found for value in settings.environ.values() for found in _PLACEHOLDER.findall(value)
    )


def base_environ(environ: Mapping[str, str], own_prefix: str) -> dict[str, str]:
    """The environ without git's, without our own Python's, and without the job's tokens."""
    result = {name: value for name, value in environ.items() if not _is_ours(name)}
    if why_isolated(own_prefix, environ):
        _deactivate(result, own_prefix)
    _set_paths(
        result, "PYTHONPATH", [path for path in _paths(result, "PYTHONPATH") if _foreign(path)]
    )
    return result


def _is_ours(name: str) -> bool:
    return name.startswith(("GIT_", "INPUT_")) or name in _SECRETS or name in _OF_OUR_PYTHON


def _foreign(path: str) -> bool:
    return os.path.abspath(path) != _OUR_ROOT


def _deactivate(environ: dict[str, str], prefix: str) -> None:
    ours = os.path.realpath(prefix)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if name in environ and os.path.realpath(environ[name]) == ours:
            del environ[name]
    environ["PATH"] = os.pathsep.join(
        path
        for path in _paths(environ, "PATH")
        if os.path.realpath(path) != ours and os.path.dirname(os.path.realpath(path)) != ours
    )


def _activate(environ: dict[str, str], interpreter: Interpreter) -> None:
    environ.pop("VIRTUAL_ENV", None)
    if interpreter.prefix == interpreter.base_prefix:
        return
    environ["VIRTUAL_ENV"] = interpreter.prefix
    programs = os.path.dirname(interpreter.path)
    others = [path for path in _paths(environ, "PATH") if path != programs]
    environ["PATH"] = os.pathsep.join([programs, *others])


def _keep_bytecode_apart(environ: dict[str, str], cache: str | None) -> None:
    # alembic starts three times as fast with bytecode; who wants none beside the sources has
    # none beside the sources
    if cache is None or not environ.get("PYTHONDONTWRITEBYTECODE"):
        return
    del environ["PYTHONDONTWRITEBYTECODE"]
    environ.setdefault("PYTHONPYCACHEPREFIX", os.path.join(cache, "pycache"))


def _read(name: str, folders: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    told = os.path.expanduser(name)
    for folder in folders:
        path = os.path.join(folder, told)
        try:
            with open(path, "rb") as file:
                return envfile.parse(name, file.read(), environ)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ConfigError(f"env-file = {name} cannot be read: {error.strerror}") from error
    raise ConfigError(f"env-file = {name} is not there", hint=f"Looked in {', '.join(folders)}.")


def _paths(environ: Mapping[str, str], name: str) -> list[str]:
    return [path for path in environ.get(name, "").split(os.pathsep) if path]


def _set_paths(environ: dict[str, str], name: str, paths: list[str]) -> None:
    if paths:
        environ[name] = os.pathsep.join(paths)
    else:
        environ.pop(name, None)
