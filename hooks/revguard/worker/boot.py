"""Start of the worker process: takes the two pipes for itself, then loads the worker unseen.

It is run as a file by the project's interpreter. Its folder leaves ``sys.path`` at once and the
worker's modules go by a private package name, so that no import of the project can meet them.
"""

from __future__ import annotations

import importlib.util
import os
import sys

TYPE_CHECKING = False  # as type checkers know it, without an import of typing
if TYPE_CHECKING:
    from types import ModuleType
    from typing import TextIO


def _claim_pipes() -> tuple[TextIO, TextIO]:
    """Keep stdin and stdout for the protocol; what the project prints goes to stderr."""
    commands = os.fdopen(_aside(0), "r", encoding="utf-8", newline="\n")
    events = os.fdopen(_aside(1), "w", encoding="utf-8", newline="\n")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)  # the last words of what is killed
    return commands, events


def _aside(descriptor: int) -> int:
    """A copy with a high number: code that makes a daemon of itself closes 3 to 255."""
    try:
        import fcntl

        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 500)
    except (ImportError, OSError):  # Windows, or so many are not allowed
        return os.dup(descriptor)


def _load(folder: str, module: str) -> ModuleType:
    name = "_revguard_worker"
    spec = importlib.util.spec_from_file_location(
        name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)
    return importlib.import_module(f"{name}.{module}")


def main() -> None:
    """Serve the launcher on the standard pipes, by the module that the first argument names."""
    module = sys.argv[1] if len(sys.argv) > 1 else "session"
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != folder]
    sys.argv[:] = ["alembic"]
    commands, events = _claim_pipes()
    _load(folder, module).serve(commands, events)


if __name__ == "__main__":
    main()
