"""The import that is missing: a module and what a run loaded in, the line to add out."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from revguard.declared.reading import read


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The statement that would load the module, and where to put it."""

    module: str  # as the project imports it; "" where no import root holds it
    statement: str
    path: str
    line: int  # of the import to put it after; 0 where there is none


def missing(
    path: str,
    class_name: str,
    *,
    files: Mapping[str, bytes],
    loaded: Collection[str],
    roots: Sequence[str],
    env: str,
) -> Missing:
    """The import of `path` that is missing.

    It goes into the package's own `__init__.py` if that is loaded and loads other modules of the
    package, else into `env`, the env.py.
    """
    module = module_name(path, roots)
    folder, _, name = path.rpartition("/")
    package = f"{folder}/__init__.py"
    if name != "__init__.py" and package in loaded and package in files:
        line, names = _siblings(package, files[package], module.rpartition(".")[0])
        stem = name.removesuffix(".py")
        if line:
            said = f"from .{stem} import {class_name}" if names and class_name else ""
            said = said or f"from . import {stem}"
            return Missing(
                module=module, statement=f"{said}  # noqa: F401", path=package, line=line
            )
    line = _last_import(env, files[env], roots, loaded) if env in files else 0
    return Missing(module=module, statement=f"import {module}  # noqa: F401", path=env, line=line)


def module_name(path: str, roots: Sequence[str]) -> str:
    """The name by which a file is imported from the nearest of the import roots."""
    holding = [root for root in roots if not root or path.startswith(f"{root}/")]
    if not holding:
        return ""
    root = max(holding, key=len)
    inside = path[len(root) + 1 :] if root else path
    return inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _siblings(path: str, source: bytes, package: str) -> tuple[int, bool]:
    """The last line that imports a module of the same package, and whether by names of it."""
    line, names = 0, False
    for statement, _ in read(path, source).statements:
        if isinstance(statement, ast.ImportFrom):
            module = statement.module or ""
            relative = statement.level == 1
            if relative or module == package or module.startswith(f"{package}."):
                line = statement.end_lineno or statement.lineno
                names = bool(module) if relative else module != package
        elif isinstance(statement, ast.Import) and any(
            one.name.startswith(f"{package}.") for one in statement.names
        ):
            line, names = statement.lineno, False
    return line, names


def _last_import(path: str, source: bytes, roots: Sequence[str], loaded: Collection[str]) -> int:
    """The last import of a module of the project in env.py, else the last of any."""
    own = {module_name(one, roots).partition(".")[0] for one in loaded}
    last, last_own = 0, 0
    for statement, _ in read(path, source).statements:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            last = statement.end_lineno or statement.lineno
            first = statement.module if isinstance(statement, ast.ImportFrom) else None
            names = [first or ""] if first else [one.name for one in statement.names]
            if any(name.partition(".")[0] in own for name in names):
                last_own = last
    return last_own or last
