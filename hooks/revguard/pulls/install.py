"""revguard's own virtualenv: the action's folder or a version in, its interpreter as an output out.

Run by whatever Python the job has, before anything is installed: it imports nothing of ours, and
one that is far too old understands it, so that it can look for another.
"""

import contextlib
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

NEWEST_FIRST = ["3." + str(minor) for minor in (14, 13, 12, 11, 10)]
OLDEST = (3, 10)
# no project is looked for in a virtualenv that holds it; it is written last: one with it is whole
ISOLATED = "revguard-isolated"
PLACES = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")
ARCHITECTURES = ("x64", "arm64")
ELSEWHERE = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")  # pip would install there
HOUR = 3600  # longer than an installation takes
# the whole of what may follow `revguard==`: no other requirement, option, marker or address
VERSION = re.compile(r"v?([0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?)")
NONE = (
    "::error title=revguard::revguard itself needs Python 3.10 or newer (the project may be on an "
    "older one), and this runner has none: add a step with actions/setup-python before\n"
)
FAILED = "::error title=revguard::revguard cannot be installed: the lines above say why\n"
NOT_RELEASED = (
    "::error title=revguard::revguard {} cannot be installed: the lines above say why. The input "
    "`version` names a released version; without it, what `uses:` names is installed\n"
)
NO_VERSION = (
    "::error title=revguard::the input `version` is {}, which is no version: write one like "
    "`1.2.3`, or leave it out to install what `uses:` names\n"
)


def main(environ: "dict[str, str]") -> int:
    """Make the virtualenv, or take the one that is there."""
    if sys.version_info < OLDEST:
        return _by_another(environ)
    source = environ["GITHUB_ACTION_PATH"]
    given = environ.get("REVGUARD_INPUT_VERSION", "").strip()
    found = VERSION.fullmatch(given)
    if given and not found:
        sys.stdout.write(NO_VERSION.format(ascii(given)[:80].replace("%", "%25")))
        return 2
    version = found.group(1) if found else ""
    folder = os.path.join(_tools(environ), "revguard", _key(source, version))
    if not _is_whole(folder) and not _made(folder, source, version, environ):
        sys.stdout.write(NOT_RELEASED.format(version) if version else FAILED)
        return 3
    with open(environ["GITHUB_OUTPUT"], "a", encoding="utf-8", newline="\n") as stream:
        stream.write("python=" + _python(folder) + "\n")
    return 0


def _by_another(environ: "dict[str, str]") -> int:
    found = next(filter(None, _others(environ)), None)
    if found is None:
        sys.stdout.write(NONE)
        return 2
    return subprocess.call([found, "-I", os.path.abspath(__file__)])


def _others(environ: "dict[str, str]") -> "list[str | None]":
    """Interpreters that are new enough, the newest first: on PATH, and those that GitHub's runners
    bring for setup-python, in Python/3.12.4/x64."""
    path = os.pathsep.join([environ.get("PATH", ""), *PLACES])
    found = []
    for version in NEWEST_FIRST:
        found.append(shutil.which("python" + version, path=path))
        for architecture in ARCHITECTURES:
            brought = os.path.join(_tools(environ), "Python", version + ".*", architecture)
            pythons = (_python(folder, its_own=True) for folder in glob.glob(brought))
            found += [one for one in pythons if os.path.isfile(one)]
    return found


def _tools(environ: "dict[str, str]") -> str:
    """Where it is kept: self-hosted runners keep this folder, the others may cache it."""
    return environ.get("RUNNER_TOOL_CACHE") or environ["RUNNER_TEMP"]


def _python(folder: str, *, its_own: bool = False, windows: bool = os.name == "nt") -> str:
    """The interpreter of a virtualenv, or of an installation of `its_own`."""
    if not windows:
        return os.path.join(folder, "bin", "python")
    # bash takes a word for a path by its slash
    return folder.replace("\\", "/") + ("/python.exe" if its_own else "/Scripts/python.exe")


def _is_whole(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, ISOLATED))


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


def _files(source: str) -> "list[str]":
    found = [os.path.join(source, "pyproject.toml")]
    for folder, folders, names in os.walk(os.path.join(source, "hooks")):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        found += [os.path.join(folder, name) for name in sorted(names)]
    return found


def _made(folder: str, source: str, version: str, environ: "dict[str, str]") -> bool:
    """Make it aside, so that what is in its place is always whole; two jobs may be at it."""
    _sweep(folder)
    aside = folder + "." + str(os.getpid())
    names = [name for name in environ if not name.startswith("PYTHON") and name not in ELSEWHERE]
    clean = {name: environ[name] for name in names}
    wanted = "revguard==" + version if version else source
    try:
        pip = _with_pip(aside, clean)
        if not pip or subprocess.call([*pip, "install", "-q", "--compile", wanted], env=clean):
            return False
        open(os.path.join(aside, ISOLATED), "w").close()
        try:
            os.rename(aside, folder)
        except OSError:
            return _is_whole(folder)  # another job was quicker
        return True
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _with_pip(folder: str, environ: "dict[str, str]") -> "list[str]":
    """Make the virtualenv; the pip that installs into it, none where it could not be made."""
    make = [sys.executable, "-I", "-m", "venv", "--clear"]
    if subprocess.call([*make, "--without-pip", folder], env=environ) == 0:
        # a pip of its own takes seconds to make; this Python's may be too old for that, or none
        pip = [sys.executable, "-I", "-m", "pip", "--python", _python(folder)]
        nowhere = subprocess.DEVNULL
        if subprocess.call([*pip, "--version"], env=environ, stdout=nowhere, stderr=nowhere) == 0:
            return pip
    made = subprocess.call([*make, folder], env=environ) == 0
    return [_python(folder), "-I", "-m", "pip"] if made else []


def _sweep(folder: str) -> None:
    """Remove what is in its place and not whole, and what killed jobs left aside."""
    if os.path.isdir(folder) and not _is_whole(folder):
        shutil.rmtree(folder, ignore_errors=True)
    for left in glob.glob(os.path.join(glob.escape(os.path.dirname(folder)), "*.*")):
        with contextlib.suppress(OSError):  # another job sweeps, too
            if os.path.getmtime(left) < time.time() - HOUR:
                shutil.rmtree(left, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(dict(os.environ)))
