"""What an interpreter is: its path in, its version and those of Alembic and SQLAlchemy out."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping

from revguard.errors import CouldNotCheck
from revguard.project import remembered
from revguard.subprocesses import Completed, ProgramMissing, TimedOut, run

_SECONDS = 30
_MARK = "revguard-probe:"  # sitecustomize and .pth files may print before
_DECIDING = ("PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "HOME")

# No -I and no -c with the working folder in front: PYTHONPATH may be how the project finds its
# packages, and a folder `types/` beside the ini would kill the import of json. Runs on 2.7 too,
# so that an old interpreter can be named.
_PROBE = r"""
import sys
if sys.path[:1] == [""]:
    del sys.path[0]
import json, os
found = {"executable": sys.executable, "prefix": sys.prefix,
         "base_prefix": getattr(sys, "base_prefix", sys.prefix),
         "python": "%d.%d.%d" % sys.version_info[:3], "path": sys.path}
def version(name):
    from importlib import metadata
    try:
        told = metadata.version(name)
        if told:
            return told
    except metadata.PackageNotFoundError:
        pass
    from importlib import util
    import re
    spec = util.find_spec(name.lower())
    if spec is None or not (spec.origin or "").endswith("__init__.py"):
        return None
    with open(spec.origin, encoding="utf-8") as file:
        said = re.search(r"^__version__\s*=\s*[\"'](.+?)[\"']", file.read(), re.M)
    return said.group(1) if said else "unknown"
if sys.version_info >= (3, 8):
    import sysconfig
    found["site_packages"] = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    found["alembic"] = version("alembic")
    found["sqlalchemy"] = version("SQLAlchemy")
sys.stdout.write("\n%s%s\n" % ("revguard-probe:", json.dumps(found)))
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What an interpreter says of itself; `problem` where it cannot be used."""

    executable: str = ""
    python: str = ""
    prefix: str = ""
    base_prefix: str = ""
    alembic: str | None = None
    sqlalchemy: str | None = None
    site_packages: tuple[str, ...] = ()
    problem: str = ""


def probe(path: str, environ: Mapping[str, str], cwd: str, cache: str | None) -> Probe:
    """Ask the interpreter at `path`; one that did not change since is not started again."""
    key = _key(path, environ)
    known = remembered.read(cache, key)
    if known and _is_valid(known.get("stamps")):
        return _probe_of(known.get("found"))
    problem, found = _ask(path, environ, cwd)
    if problem:
        return Probe(problem=problem)
    if not is_script(path):  # a shim of pyenv answers by the folder that it is asked in
        stamps = [remembered.stamp(stamped) for stamped in _stamped(path, found)]
        remembered.write(cache, key, {"stamps": stamps, "found": found})
    return _probe_of(found)


def _key(path: str, environ: Mapping[str, str]) -> str:
    deciding = [environ.get(name, "") for name in _DECIDING]
    return "\n".join(("probe", path, os.path.realpath(path), *deciding))


def _is_valid(stamps: object) -> bool:
    return isinstance(stamps, list) and all(
        isinstance(one, list) and one and remembered.stamp(str(one[0])) == one for one in stamps
    )


def _stamped(path: str, found: Mapping[str, object]) -> list[str]:
    """What changes when the interpreter, its virtualenv or its packages do."""
    listed = found.get("path")
    folders = [str(folder) for folder in listed] if isinstance(listed, list) else []
    packages = [folder for folder in folders if folder.endswith(("site-packages", "dist-packages"))]
    config = os.path.join(str(found.get("prefix")), "pyvenv.cfg")
    known = found.get("site_packages")
    own = [str(folder) for folder in known] if isinstance(known, list) else []
    pythonpath = [folder for folder in folders if os.path.isdir(folder) and _has_packages(folder)]
    return list(dict.fromkeys([os.path.realpath(path), config, *own, *packages, *pythonpath]))


def _has_packages(folder: str) -> bool:
    return any(name.endswith((".dist-info", ".egg-info")) for name in os.listdir(folder))


def _ask(path: str, environ: Mapping[str, str], cwd: str) -> tuple[str, dict[str, object]]:
    try:
        completed = run([path, "-c", _PROBE], cwd=cwd, environ=environ, timeout=_SECONDS)
    except TimedOut:
        return f"did not answer within {_SECONDS} s", {}
    except ProgramMissing as error:
        return _cannot_start(path, error), {}
    for line in completed.stdout.splitlines():
        if line.startswith(_MARK.encode()):
            return "", dict(json.loads(line[len(_MARK) :]))
    return _said_nothing(completed), {}


def _cannot_start(path: str, error: CouldNotCheck) -> str:
    if not os.path.lexists(path):
        return "is not there"
    if not os.path.exists(path):
        return f"is a link to {os.path.realpath(path)}, which is not there"
    if os.path.isdir(path):
        return "is a folder"
    if not os.access(path, os.X_OK):
        return "is not executable"
    return f"does not start: {error.message}"


def _said_nothing(completed: Completed) -> str:
    last = (completed.error_text().splitlines() or ["it said nothing"])[-1]
    return f"does not start (exit code {completed.returncode}): {last}"


def is_script(path: str) -> bool:
    """Whether it is no program but a shim, as pyenv's, that starts one."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True


def _probe_of(found: object) -> Probe:
    if not isinstance(found, dict):
        return Probe(problem="gave no answer")
    folders = found.get("site_packages") or ()
    return Probe(
        executable=str(found.get("executable") or ""),
        python=str(found.get("python")),
        prefix=str(found.get("prefix")),
        base_prefix=str(found.get("base_prefix")),
        alembic=found.get("alembic"),
        sqlalchemy=found.get("sqlalchemy"),
        site_packages=tuple(dict.fromkeys(str(folder) for folder in folders)),
        problem="",
    )
