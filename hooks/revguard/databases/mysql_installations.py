"""Where the programs of MariaDB and MySQL lie: PATH and the usual folders in, servers out."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from revguard.databases import version_numbers
from revguard.databases.providing import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = ("mariadbd", "mysqld")
# Debian and Red Hat, upstream's archives, Homebrew, MacPorts; the newest first within each
_USUAL = (
    "/usr/sbin",
    "/usr/libexec",
    "/usr/local/mysql/bin",
    "/usr/local/mariadb*/bin",
    "/opt/mysql*/bin",
    "/opt/mysql/*/bin",
    "/opt/mariadb*/bin",
    "/opt/homebrew/opt/mariadb*/bin",
    "/opt/homebrew/opt/mysql*/bin",
    "/usr/local/opt/mariadb*/bin",
    "/usr/local/opt/mysql*/bin",
    "/home/linuxbrew/.linuxbrew/opt/mariadb*/bin",
    "/home/linuxbrew/.linuxbrew/opt/mysql*/bin",
    "/opt/local/lib/mariadb*/bin",
    "/opt/local/lib/mysql*/bin",
)
_INSTALLERS = ("mariadb-install-db", "mysql_install_db")
_VERSION = re.compile(r"Ver (\S+)")
_VERSION_SECONDS = 10
_FORMAT = "1"  # of the data folder that we make: another number, another identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A server's program; `installer` makes MariaDB's data folder, and is empty for MySQL."""

    server: str
    installer: str
    version: str  # "10.11.14-MariaDB", "8.4.3"

    @property
    def is_mariadb(self) -> bool:
        """Whether it is MariaDB's."""
        return "mariadb" in self.version.lower()


def best(dialect: str, search_path: str, version: str) -> Found:
    """The server for a dialect, of the wanted version where there is one. UnavailableError."""
    refused: list[str] = []
    usable: list[Found] = []
    for path in _programs(search_path):
        found = _looked_at(path, search_path)
        if isinstance(found, str):
            refused.append(f"{path} {found}")
        elif dialect == "mariadb" and not found.is_mariadb:
            refused.append(f"{path} is MySQL's, and the dialect mariadb needs MariaDB")
        else:
            usable.append(found)
    if usable:
        # for the dialect mysql either serves, and MySQL itself does it best
        return min(
            usable,
            key=lambda one: (
                not version_numbers.fits(dialect, one.version, version),
                one.is_mariadb and dialect == "mysql",
            ),
        )
    if refused:
        raise UnavailableError("; ".join(refused))
    raise UnavailableError("no `mariadbd` or `mysqld` on PATH or in the usual folders")


def key(found: Found, uid: int) -> str:
    """What a data folder depends on: the very program, who owns it, and how we make it."""
    status = os.stat(found.server)
    told = f"{found.server}\n{status.st_size}\n{status.st_mtime_ns}\n{uid}\n{_FORMAT}"
    return hashlib.sha256(os.fsencode(told)).hexdigest()[:16]


def _programs(search_path: str) -> Iterator[str]:
    seen = set()
    folders = [folder for folder in search_path.split(os.pathsep) if folder]
    for pattern in _USUAL:
        folders += sorted(glob.glob(pattern), key=_numbers, reverse=True)
    for folder in folders:
        for name in _NAMES:
            path = os.path.realpath(os.path.join(folder, name))
            if os.path.isfile(path) and path not in seen:
                seen.add(path)
                yield path


def _looked_at(path: str, search_path: str) -> Found | str:
    """The server, or what is wrong with it."""
    if not os.access(path, os.X_OK):
        return "cannot be run"
    try:
        done = subprocess.run(
            [path, "--no-defaults", "--version"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"cannot be run: {error}"
    told = _VERSION.search(done.stdout)
    if done.returncode != 0 or told is None:
        return "does not tell its version"
    installer = _installer(path, search_path)
    if "mariadb" in told[1].lower() and not installer:
        return "has no mariadb-install-db beside it or on PATH"
    return Found(server=path, installer=installer, version=told[1])


def _installer(server: str, search_path: str) -> str:
    above = os.path.dirname(os.path.dirname(server))
    places = [os.path.join(above, name) for name in ("bin", "scripts", "sbin")]
    for name in _INSTALLERS:
        found = shutil.which(name, path=os.pathsep.join([*places, search_path]))
        if found:
            return found
    return ""


def _numbers(folder: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", folder))
