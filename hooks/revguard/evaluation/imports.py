"""A module that env.py cannot import: its name and the judged tree in, what to type out."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterable

from revguard.environments import Environment
from revguard.observed import is_aside

# the file by which a project shows its tool, and what installs, and adds, with it
_TOOLS = (
    ("uv.lock", "uv sync", "uv add"),
    ("poetry.lock", "poetry install", "poetry add"),
    ("pdm.lock", "pdm install", "pdm add"),
    ("Pipfile.lock", "pipenv install", "pipenv install"),
)


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
        f"If {top} is a dependency: {installed(top, environment, paths, interpreter)}. If it is "
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


def installed(
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
