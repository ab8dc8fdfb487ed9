"""Names across the files of a repository: a file and an expression in, where it was made out."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from revguard.declared.reading import Bound, Imported, Module, dotted, read

# attributes that mean the same base or metadata, seen from another side
_SAME = frozenset(("metadata", "Model", "registry", "Table"))
_LIBRARIES = frozenset(("alembic", "flask_sqlalchemy", "sqlalchemy", "sqlmodel"))


@dataclass(frozen=True, slots=True)
class Made:
    """A class, or the result of a call, that a name of a file was bound to."""

    path: str
    name: str
    node: ast.ClassDef | ast.expr
    side: str = ""  # the attribute by which it was reached: "Model" of `db.Model`


class Foreign(NamedTuple):
    """Something of a library, by its dotted name."""

    dotted: str


class File(NamedTuple):
    """A module or a package of the repository."""

    path: str


Value: TypeAlias = "Made | Foreign | File"


class Names:
    """Looks names up, through imports and aliases; reads a file only when it is asked for."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._modules: dict[str, Module] = {}
        self._values: dict[tuple[str, str], Value | None] = {}
        self._folders: set[str] | None = None

    def module(self, path: str) -> Module:
        """The file's module, read once."""
        if path not in self._modules:
            self._modules[path] = read(path, self._files[path])
        return self._modules[path]

    def of_expression(self, path: str, node: ast.expr) -> Value | None:
        """What an expression at the top level of a file means."""
        if isinstance(node, ast.Subscript):  # Base[int]
            node = node.value
        parts = dotted(node)
        if parts is None:
            return None
        value = self.of_name(path, parts[0])
        for part in parts[1:]:
            if value is None:
                return None
            value = self._attribute(value, part)
        return value

    def of_name(self, path: str, name: str) -> Value | None:
        """What a name of a file means."""
        key = (path, name)
        if key not in self._values:
            self._values[key] = None  # where imports go in a circle
            self._values[key] = self._looked_up(path, name)
        return self._values[key]

    def _looked_up(self, path: str, name: str) -> Value | None:
        module = self.module(path)
        bound = module.names.get(name)
        if bound is not None:
            return self._of_bound(path, name, bound)
        for star in module.stars:
            value = self._imported(path, star)
            if isinstance(value, File) and value.path.endswith(".py"):
                found = self.of_name(value.path, name)
                if found is not None:
                    return found
        return None

    def _of_bound(self, path: str, name: str, bound: Bound) -> Value | None:
        if isinstance(bound, Imported):
            return self._imported(path, bound)
        if isinstance(bound, (ast.Name, ast.Attribute)):
            found = self.of_expression(path, bound)
            if found is not None:
                return found
        return Made(path, name, bound)

    def _imported(self, path: str, what: Imported) -> Value | None:
        found = self._file(path, what.module, what.level)
        if found is None:
            if what.level:
                return None
            return Foreign(".".join(filter(None, [what.module, what.name])))
        return self._attribute(File(found), what.name) if what.name else File(found)

    def _attribute(self, value: Value, name: str) -> Value | None:
        if isinstance(value, Foreign):
            return Foreign(f"{value.dotted}.{name}")
        if isinstance(value, Made):
            side = Made(value.path, value.name, value.node, side=name)
            return side if name in _SAME else None
        if value.path.endswith(".py"):
            found = self.of_name(value.path, name)
            if found is not None:
                return found
        folder = _folder_of(value.path)
        below = folder is not None and self._at(f"{folder}/{name}" if folder else name)
        return File(below) if below else None

    def _file(self, path: str, module: str, level: int) -> str | None:
        """The file, or the folder of a package without one, that an import means."""
        folders = _above(path)
        parts = module.split(".") if module else []
        if level:
            if level > len(folders):
                return None
            return self._at("/".join([*filter(None, [folders[level - 1]]), *parts]))
        packages = [one for one in folders if f"{one}/__init__.py" in self._files]
        roots = [one for one in folders if one not in packages]
        roots += [f"{one}/src" if one else "src" for one in roots]
        if parts[0] not in _LIBRARIES:  # whoever runs inside of a package does not shadow those
            roots += packages
        for root in roots:
            found = self._at("/".join([*filter(None, [root]), *parts]))
            if found and found != path:
                return found
        return None

    def _at(self, stem: str) -> str | None:
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            if path in self._files:
                return path
        return stem if stem in self._all_folders() else None

    def _all_folders(self) -> set[str]:
        if self._folders is None:
            self._folders = set()
            for path in self._files:
                folder = path.rpartition("/")[0]
                while folder and folder not in self._folders:
                    self._folders.add(folder)
                    folder = folder.rpartition("/")[0]
        return self._folders

    def dotted_name(self, path: str) -> str:
        """The name by which the file is imported: from the folder above its packages."""
        parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
        folder = path.rpartition("/")[0]
        if f"{folder}/__init__.py" not in self._files:  # no package, or one without a file
            top = 1 if parts[0] in ("src", "lib") and len(parts) > 1 else 0
            return ".".join(parts[top:])
        while f"{folder}/__init__.py" in self._files:
            folder = folder.rpartition("/")[0]
        return ".".join(parts[folder.count("/") + 1 if folder else 0 :])


def _folder_of(path: str) -> str | None:
    """The folder of a package; None for a plain module."""
    if not path.endswith(".py"):
        return path
    folder, _, name = path.rpartition("/")
    return folder if name == "__init__.py" else None


def _above(path: str) -> list[str]:
    """The folder of a file and those above it, the repository's top last."""
    folders = []
    folder = path.rpartition("/")[0]
    while folder:
        folders.append(folder)
        folder = folder.rpartition("/")[0]
    return [*folders, ""]
