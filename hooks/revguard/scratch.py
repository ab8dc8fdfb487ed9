"""A prefix in, a temporary folder out that a later run can tell to be left over.

The folder itself is locked as long as it is used, so what a killed run left is known by its name
and by being unlocked.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress

from revguard import subprocesses
from revguard.errors import CouldNotCheck

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PREFIX = "revguard-tmp-"
_ATTEMPTS = 10


@contextmanager
def folder(environ: Mapping[str, str]) -> Iterator[str]:
    """A private folder among the temporary files, gone at the end. CouldNotCheck."""
    signals = subprocesses.Held()
    with signals:
        path, descriptor = _make(environ)
    try:
        signals.deliver()
        yield path
    finally:
        with signals:
            _remove(path)
            if descriptor >= 0:
                os.close(descriptor)
        signals.deliver()


def parent(environ: Mapping[str, str]) -> str:
    """The folder for temporary files: absolute, without links.

    It is asked for, not tried: `tempfile` writes a file to see whether it can, and a run that is
    killed there leaves the file behind.
    """
    found = list(_parents(environ))
    usable = [name for name in found if os.access(name, os.W_OK | os.X_OK) and os.path.isdir(name)]
    return os.path.realpath((usable or found)[0])


def sweep(environ: Mapping[str, str]) -> None:
    """Remove the folders of runs that were killed."""
    for parent in _parents(environ):
        names = []
        with suppress(OSError):
            names = [name for name in os.listdir(parent) if name.startswith(_PREFIX)]
        for name in names:
            path = os.path.join(parent, name)
            descriptor = _locked(path)
            if descriptor is not None and descriptor >= 0:
                _remove(path)
                os.close(descriptor)


def _make(environ: Mapping[str, str]) -> tuple[str, int]:
    failure: OSError | None = None
    for parent in _parents(environ):
        for _ in range(_ATTEMPTS):
            path = os.path.join(parent, f"{_PREFIX}{os.urandom(6).hex()}")
            try:
                os.mkdir(path, 0o700)
            except OSError as error:
                failure = error
                break
            descriptor = _locked(path)
            if descriptor is not None:
                return path, descriptor
            _remove(path)  # another run took it for one that is left over
    raise CouldNotCheck(
        f"there is no folder for temporary files: {failure}",
        hint="Free some space, or set TMPDIR to a folder that can be written.",
    )


def _locked(path: str) -> int | None:
    """The folder, open and locked; None where another has it; -1 where folders have no locks."""
    if sys.platform == "win32":
        return -1
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        if os.path.samestat(found, os.stat(path)) and found.st_uid == os.geteuid():
            return descriptor
    except BlockingIOError:
        pass
    except OSError:
        os.close(descriptor)
        return -1 if os.path.isdir(path) else None
    os.close(descriptor)
    return None


def _remove(path: str) -> None:
    with suppress(OSError):
        for name in os.listdir(path):
            os.unlink(os.path.join(path, name))
        os.rmdir(path)
    if os.path.lexists(path):
        import shutil  # a folder in it

        shutil.rmtree(path, ignore_errors=True)


def _parents(environ: Mapping[str, str]) -> Iterator[str]:
    named = environ.get("TMPDIR")
    if named:
        yield named
    if named != "/tmp" and os.name == "posix":  # noqa: S108  (private folders in it)
        yield "/tmp"  # noqa: S108
    elif os.name != "posix":
        import tempfile

        yield tempfile.gettempdir()
