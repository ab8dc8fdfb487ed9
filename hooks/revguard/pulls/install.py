"""revguard's own virtualenv: the action's folder or a version in, its interpreter as an output out.

Run by whatever Python the job has, before anything is installed: it imports nothing of ours.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys

NEWEST_FIRST = ["python3." + str(minor) for minor in (14, 13, 12, 11, 10)]
OLDEST = (3, 10)
ISOLATED = "revguard-isolated"  # no project is looked for in a virtualenv that holds it
PLACES = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")
NONE = (
    "::error title=revguard::revguard itself needs Python 3.10 or newer (the project may be on an "
    "older one), and this runner has none: add a step with actions/setup-python before\n"
)
FAILED = "::error title=revguard::revguard cannot be installed: the lines above say why\n"


def main(environ: dict[str, str]) -> int:
    """Make the virtualenv, or take the one that is there."""
    if sys.version_info < OLDEST:
        return _by_another(environ)
    source = environ["GITHUB_ACTION_PATH"]
    version = environ.get("REVGUARD_INPUT_VERSION", "").strip()
    folder = os.path.join(_tools(environ), "revguard", _key(source, version))
    if not os.path.isdir(folder) and not _made(folder, source, version, environ):
        sys.stdout.write(FAILED)
        return 3
    with open(environ["GITHUB_OUTPUT"], "a", encoding="utf-8") as stream:
        stream.write("python=" + _python(folder) + "\n")
    return 0


def _by_another(environ: dict[str, str]) -> int:
    path = os.pathsep.join([environ.get("PATH", ""), *PLACES])
    found = next(filter(None, (shutil.which(name, path=path) for name in NEWEST_FIRST)), None)
    if found is None:
        sys.stdout.write(NONE)
        return 2
    return subprocess.call([found, "-I", os.path.abspath(__file__)])


def _tools(environ: dict[str, str]) -> str:
    """Where it is kept: self-hosted runners keep this folder, the others may cache it."""
    return environ.get("RUNNER_TOOL_CACHE") or environ["RUNNER_TEMP"]


def _python(folder: str) -> str:
    names = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.join(folder, *names)


def _key(source: str, version: str) -> str:
    """One virtualenv for each interpreter and each content of what is installed."""
    digest = hashlib.sha256()
    for part in (sys.version, sys.executable, version):
        digest.update(part.encode() + b"\0")
    for path in [] if version else _files(source):
        digest.update(os.path.relpath(path, source).encode() + b"\0")
        with open(path, "rb") as stream:
            digest.update(hashlib.sha256(stream.read()).digest())
    return digest.hexdigest()[:16]


def _files(source: str) -> list[str]:
    found = [os.path.join(source, "pyproject.toml")]
    for folder, folders, names in os.walk(os.path.join(source, "hooks")):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        found += [os.path.join(folder, name) for name in sorted(names)]
    return found


def _made(folder: str, source: str, version: str, environ: dict[str, str]) -> bool:
    """Make it aside, so that what is in its place is always whole; two jobs may be at it."""
    aside = folder + "." + str(os.getpid())
    clean = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    pip = [_python(aside), "-I", "-m", "pip", "install", "--quiet", "--compile"]
    wanted = "revguard==" + version if version else source
    try:
        for argv in ([sys.executable, "-I", "-m", "venv", aside], [*pip, wanted]):
            if subprocess.call(argv, env=clean) != 0:
                return False
        open(os.path.join(aside, ISOLATED), "w").close()
        try:
            os.rename(aside, folder)
        except OSError:
            return os.path.isdir(folder)  # another job was quicker
        return True
    finally:
        shutil.rmtree(aside, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(dict(os.environ)))
