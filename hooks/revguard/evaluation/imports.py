"""A module that env.py cannot import: an account and the judged tree in, what to type out."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from revguard.environments import Environment
from revguard.errors import CouldNotCheck
from revguard.evaluation import accounts
from revguard.evaluation.subject import Subject
from revguard.observed import is_aside
from revguard.project import Interpreter
from revguard.staging.untracked import ignored_of

_DRIVERS = {
    "psycopg2": "psycopg2-binary",
    "psycopg": "psycopg[binary]",
    "asyncpg": "asyncpg",
    "aiosqlite": "aiosqlite",
    "pg8000": "pg8000",
    "MySQLdb": "mysqlclient",
    "pymysql": "pymysql",
    "aiomysql": "aiomysql",
    "asyncmy": "asyncmy",
    "mysql": "mysql-connector-python",
    "mariadb": "mariadb",
    "greenlet": "greenlet",
}
# the file by which a project shows its tool, and what installs, and adds, with it
_TOOLS = (
    ("uv.lock", "uv sync", "uv add"),
    ("poetry.lock", "poetry install", "poetry add"),
    ("pdm.lock", "pdm install", "pdm add"),
    ("Pipfile.lock", "pipenv install", "pipenv install"),
)


class ModuleMissing(CouldNotCheck):
    """An import failed: another working directory may mend it, if `top` can be had from there."""

    def __init__(self, top: str, message: str, *, hint: str) -> None:
        self.top = top
        super().__init__(message, hint=hint)


def of_import(
    account: Mapping[str, Any],
    environment: Environment,
    interpreter: Interpreter,
    subject: Subject,
    where: str,
) -> CouldNotCheck | None:
    """The error for a failed import; None where it is something else."""
    name = _module_in(account["message"]) or account["module"]
    if not name:
        return None
    top = name.partition(".")[0]
    because = "" if top in account["message"] else f"\nbecause {name} cannot be imported"
    message = f"{accounts.said(account)}{because}{where}\n(interpreter: {interpreter.path})"
    importers = [os.path.dirname(frame["path"]) for frame in account["frames"][-1:]]
    forgotten = _not_in_the_commit(name, [*environment.roots, *importers], subject)
    if forgotten:
        if ignored_of(subject.repo, ["--", forgotten]):
            return CouldNotCheck(
                f"{message}\n{forgotten} is there but git ignores it: what is judged is the commit",
                hint=f"Commit it (`git add -f {forgotten}`), or let its import fail softly: "
                "`try: ... except ImportError: ...`",
            )
        return CouldNotCheck(
            f"{message}\n{forgotten} is in the working tree but not in the commit",
            hint=f"`git add {forgotten}`",
        )
    python = shlex.quote(interpreter.path)
    if top in _DRIVERS:
        how = _installed(_DRIVERS[top], environment, subject.listing, python)
        return CouldNotCheck(message, hint=f"the database driver is missing: {how}")
    hint = remedy(top, environment, subject.listing, python)
    return ModuleMissing(top, message, hint=hint)


def _not_in_the_commit(name: str, folders: Sequence[str], subject: Subject) -> str:
    """The module's file in the working tree, under one of the folders or those above them."""
    if not subject.in_working_tree:
        return ""
    above = [str(parent) for folder in folders for parent in PurePosixPath(folder, "x").parents]
    for root in dict.fromkeys([*folders, *(("" if one == "." else one) for one in above)]):
        stem = "/".join([*filter(None, [root]), *name.split(".")])
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            there = os.path.isfile(os.path.join(subject.repo.toplevel, *path.split("/")))
            if there and path not in subject.listing:
                return path
    return ""


def _module_in(message: str) -> str:
    named = re.search(
        r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'", message
    )
    if named:
        return f"{named.group(2)}.{named.group(1)}"
    match = re.search(r"No module named '([\w.]+)'", message)
    return match.group(1) if match else ""


def remedy(top: str, environment: Environment, listing: Iterable[str], interpreter: str) -> str:
    """What makes the module `top` importable."""
    paths = frozenset(listing)
    folder = _folder_of(top, environment, paths)
    if folder is not None:
        return (
            f"{top} lies in {folder or 'the top of the repository'}, which is not on the import "
            f"path: `prepend_sys_path = {_relative(folder, environment)}` in "
            f"{environment.config or 'the Config'}"
        )
    return (
        f"If {top} is a dependency: {_installed(top, environment, paths, interpreter)}. If it is "
        "the project's own: set `prepend_sys_path` in the ini, or `root` in [tool.revguard]; "
        "another interpreter is named by `python`."
    )


def _folder_of(top: str, environment: Environment, paths: frozenset[str]) -> str | None:
    """The folder of the tree that has the module, if env.py was not run from there anyway."""
    ends = (f"{top}.py", f"{top}/__init__.py")
    found = {
        path[: -len(end)].rstrip("/")
        for path in paths
        for end in ends
        if (path == end or path.endswith(f"/{end}")) and not is_aside(path, environment.root)
    }
    left = sorted(found - {*environment.roots}, key=lambda one: (one.count("/"), one))
    inner = [one for one in left if f"{one}/__init__.py" not in paths]
    return inner[0] if inner else None


def may_be_had(top: str, root: str, other: str, listing: Iterable[str]) -> bool:
    """Whether the tree has a module `top` that a run in `other` may find, and one in `root` not.

    Else a run there would say no more; and where it has another package of the same name as one of
    the environment's own, it would judge the wrong models.
    """
    inside = f"{other}/" if other else ""
    own = f"{root}/" if root.startswith(inside) and root != other else None
    ends = (f"/{top}.py", f"/{top}")
    return any(
        f"/{path}".endswith(ends[0]) or f"{ends[1]}/" in f"/{path}"
        for path in listing
        if path.startswith(inside) and not (own and path.startswith(own))
    )


def _relative(folder: str, environment: Environment) -> str:
    return os.path.relpath(folder or ".", environment.root or ".").replace(os.sep, "/")


def _installed(
    package: str, environment: Environment, paths: Collection[str], interpreter: str
) -> str:
    """How this project installs a package."""
    quoted = shlex.quote(package)
    for folder in (environment.root, ""):
        for name, install, add in _TOOLS:
            if "/".join(filter(None, [folder, name])) in paths:
                return f"`{install}`, or `{add} {quoted}` where the project does not name it yet"
        requirements = "/".join(filter(None, [folder, "requirements.txt"]))
        if requirements in paths:
            return (
                f"`{interpreter} -m pip install -r {requirements}`, or "
                f"`{interpreter} -m pip install {quoted}`"
            )
    return f"`{interpreter} -m pip install {quoted}`"
