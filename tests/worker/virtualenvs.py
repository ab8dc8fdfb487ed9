"""Virtualenvs for tests: made with venv and pip once per machine, kept in a cache folder."""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filelock

_PLACES = (
    "~/.pyenv/versions/{0}.*/bin/python{0}",
    "/opt/hostedtoolcache/Python/{0}.*/*/bin/python",
)
_pool = ThreadPoolExecutor(4)
_building = {}


def interpreter(version):
    """A Python of this version that starts ("" is the one that runs the tests), or None."""
    if not version or version == "{}.{}".format(*sys.version_info):
        return sys.executable
    found = [shutil.which(f"python{version}")]
    for place in _PLACES:
        found += sorted(glob.glob(os.path.expanduser(place.format(version))))
    for path in filter(None, found):
        done = subprocess.run([path, "-c", "import venv, ensurepip"], capture_output=True)
        if done.returncode == 0:
            return path
    return None


def begin(cache, python, requirements):
    """Start to make a virtualenv; a future of the path of its interpreter."""
    key = (python, tuple(requirements))
    if key not in _building:
        _building[key] = _pool.submit(_make, Path(cache), python, requirements)
    return _building[key]


def _make(cache, python, requirements):
    """One build per machine at a time, whole or not at all; RuntimeError where pip fails."""
    text = "\n".join([os.path.realpath(python), *requirements])
    folder = cache / hashlib.sha256(text.encode()).hexdigest()[:12]
    made = folder / "bin" / "python"
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run(python, "-m", "venv", str(folder))
            _run(str(made), "-m", "pip", "install", "-q", "--compile", *requirements)
            (folder / "complete").touch()
    return str(made)


def _run(*argv):
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(argv, capture_output=True, text=True, env=environ, timeout=900)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stdout[-1000:]}{done.stderr[-3000:]}")
