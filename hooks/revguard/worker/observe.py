"""What the run of env.py depended on: files of the tree that were read, folders that were listed,
names that were imported, and files that were written into the tree (an audit hook, PEP 578)."""

from __future__ import annotations

import os
import sys
from typing import Any

_IMPORT_MACHINERY = ("<frozen importlib._bootstrap_external>", "<frozen importlib._bootstrap>")
_WRITES = {
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink",
    "os.chmod", "os.utime",
}  # fmt: skip
_PROCESSES = {
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork",
    "os.forkpty",
}  # fmt: skip
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Observer:
    """Collects observations below ``tree``; paths are kept relative to it, with slashes."""

    def __init__(self, tree: str) -> None:
        self.tree = os.path.realpath(tree)
        self._prefix = self.tree + os.sep
        self._read: set[str] = set()
        self._listed: set[str] = set()
        self._imports: set[str] = set()
        self._written = False
        self._processes = False
        self._hosts: set[tuple[str, int]] = set()
        self.active = True

    def install(self) -> None:
        """Start observing; an audit hook cannot be removed, only put to rest by ``active``."""
        sys.addaudithook(self._hook)

    def note_write(self) -> None:
        """Something may have written into the tree."""
        self._written = True

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.active:
            return
        try:
            if event == "open":
                self._on_open(args)
            elif event == "import":
                self._imports.add(args[0])
            elif event in ("os.listdir", "os.scandir"):
                self._on_list(args[0])
            elif event in _WRITES:
                self._on_writes(args)
            elif event in _PROCESSES:
                self._processes = self._written = True  # who knows what it does
            elif event == "socket.connect":
                self._on_connect(args[1])
        except Exception:  # noqa: BLE001  an observation must never change what the project does
            self._written = True

    def _on_open(self, args: tuple[Any, ...]) -> None:
        path, mode, flags = args
        if isinstance(path, int) or path is None:
            return
        path = os.path.abspath(os.fsdecode(path))
        if not path.startswith(self._prefix):
            return
        if "__pycache__" not in path and _writes(mode, flags):
            self._written = True
        self._read.add(path)

    def _on_writes(self, args: tuple[Any, ...]) -> None:
        """Paths come first; last is the descriptor of the folder that they are relative to."""
        beside = isinstance(args[-1], int) and args[-1] >= 0
        for value in args:
            if isinstance(value, (str, bytes, os.PathLike)):
                path = os.fsdecode(value)
                inside = os.path.abspath(path).startswith(self._prefix)
                if "__pycache__" not in path and (inside or (beside and not os.path.isabs(path))):
                    self._written = True

    def _on_list(self, path: Any) -> None:
        if path is None:
            path = os.getcwd()
        if isinstance(path, int):
            return
        path = os.path.abspath(os.fsdecode(path))
        if path != self.tree and not path.startswith(self._prefix):
            return
        caller = sys._getframe(2)
        if caller.f_code.co_filename in _IMPORT_MACHINERY:
            return  # a finder's listing: what it looked for is in the imported names
        self._listed.add(path)

    def _on_connect(self, address: Any) -> None:
        """A path (or an abstract name) is a socket of this machine."""
        if isinstance(address, tuple) and isinstance(address[0], (str, bytes)):
            self._hosts.add((os.fsdecode(address[0]), int(address[1])))

    def result(self) -> dict[str, Any]:
        """JSON-ready: files, folders with their entries, import roots, names, written, hosts."""
        files = set(self._read)
        names_inside = set()
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and path.startswith(self._prefix):
                files.add(path)
                names_inside.add(name)
        attempted = set()
        outside = set()
        for name in self._imports | names_inside:
            top = name.partition(".")[0]
            inside = top in names_inside or any(n == top for n in names_inside)
            if inside or any(n.startswith(top + ".") for n in names_inside):
                attempted.add(name)
            else:
                outside.add(top)
        missing = {name for name in attempted if name not in sys.modules}
        return {
            "files": sorted({self._relative(_source(path)) for path in files}),
            "folders": {self._relative(p): _entries(p) for p in self._listed},
            "roots": sorted(
                {self._relative(p) for p in map(os.path.abspath, sys.path) if self._inside(p)}
            ),
            "attempted": sorted(attempted),
            "absent": sorted(outside | missing),
            "written": self._written,
            "processes": self._processes,
            "hosts": sorted(self._hosts),
        }

    def _inside(self, path: str) -> bool:
        return path == self.tree or path.startswith(self._prefix)

    def _relative(self, path: str) -> str:
        relative = os.path.relpath(path, self.tree).replace(os.sep, "/")
        return "" if relative == "." else relative


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return bool(set(mode) & set("wax+"))
    return mode is None and isinstance(flags, int) and bool(flags & _WRITE_FLAGS)


def _source(path: str) -> str:
    """The source file of a bytecode file in ``__pycache__``, any other path as it is."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) == "__pycache__" and ".pyc" in name:
        return os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py")
    return path


def _entries(folder: str) -> list[str]:
    try:
        return sorted(n for n in os.listdir(folder) if n != "__pycache__")
    except OSError:
        return []
