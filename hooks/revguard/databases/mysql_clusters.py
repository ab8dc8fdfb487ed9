"""A server's program in, an initialised data folder with the empty database `app` out."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from revguard import leftovers
from revguard.databases import accounts, clusters

if TYPE_CHECKING:
    from pathlib import Path

    from revguard.databases.accounts import Account
    from revguard.databases.mysql_installations import Found
    from revguard.databases.providing import Installation
    from revguard.runs import Run

MAIN = "app"  # as _FIRST names it
# How both the data folder is made and the server runs. Nothing of the machine's configuration: it
# names folders, logs and replication of another server. The character set is the one that Debian's
# packages and the official images configure; `sql_mode` and the rest are the server's own.
COMMON = (
    "--no-defaults",
    "--character-set-server=utf8mb4",
    "--innodb-data-file-path=ibdata1:5M:autoextend",
    "--innodb-autoextend-increment=1",  # megabytes; 64 would be copied in each run
)
_MARIADB = ("--innodb-log-file-size=4M", "--aria-log-file-size=8M")
_MYSQL = ("--loose-innodb-redo-log-capacity=8M",)  # of 8.0.30; the older ones do without
# an account without a name would win over others; nobody shall log in as one
_FIRST = """\
DELETE FROM mysql.global_priv WHERE User = '';
CREATE DATABASE app;
"""


def common(found: Found) -> tuple[str, ...]:
    """The options that the data folder was made with and the server must have, too."""
    return (*COMMON, *(_MARIADB if found.is_mariadb else _MYSQL))


def pristine(installation: Installation, found: Found, run: Run, account: Account | None) -> Path:
    """A data folder to copy from. CouldNotCheck."""
    return clusters.kept(installation, run, lambda: _initialise(found, run, account))


def _initialise(found: Found, run: Run, account: Account | None) -> Path:
    places = list(dict.fromkeys((run.memory or run.temporary(), run.temporary())))
    product = "MariaDB" if found.is_mariadb else "MySQL"
    failure = ""
    for place in places:
        data = place / f"init{run.number()}"
        failure = _initialise_in(data, found, run, account)
        if not failure:
            return data
        leftovers.remove_folder(os.fspath(data))
        if os.strerror(errno.ENOSPC) not in failure:
            program = found.installer or found.server
            raise accounts.cannot_start(program, failure, product=product)
    raise accounts.no_space(places, failure)


def _initialise_in(data: Path, found: Found, run: Run, account: Account | None) -> str:
    """What went wrong, empty where nothing did."""
    try:
        clusters.empty_folder(data, account)
    except OSError as error:
        return str(error)
    steps = _of_mariadb(data, found) if found.is_mariadb else _of_mysql(data, found)
    for argv, stdin in steps:
        code, said = accounts.run_as(run, [*argv, *as_root(account)], account, stdin.encode())
        if code != 0:
            return said or "it says nothing"
    return ""


def as_root(account: Account | None) -> list[str]:
    """The word without which it refuses to run as root."""
    return ["--user=root"] if account is None and os.geteuid() == 0 else []


def _of_mariadb(data: Path, found: Found) -> list[tuple[list[str], str]]:
    folder = [f"--datadir={data}", f"--tmpdir={data}"]
    install = [found.installer, *common(found), *folder]
    install += ["--auth-root-authentication-method=normal", "--skip-test-db"]
    install += ["--skip-name-resolve", *_basedir(found)]
    if _takes_statements(found.installer):  # saves a start of the server
        script = _script(data, _FIRST)
        return [([*install, f"--extra-file={script}"], "")]
    bootstrap = [found.server, *common(found), *folder, "--bootstrap"]
    return [(install, ""), (bootstrap, _FIRST)]


def _takes_statements(installer: str) -> bool:
    """Whether the installer, a shell script, knows the option; old ones do not."""
    with open(installer, "rb") as file:
        return b"--extra-file=" in file.read()


def _script(data: Path, statements: str) -> Path:
    script = data.with_name(f"{data.name}.sql")
    script.write_text(statements, encoding="ascii")
    script.chmod(0o644)
    return script


def _basedir(found: Found) -> list[str]:
    """Where an archive was unpacked; a package's programs know their folders."""
    above = os.path.dirname(os.path.dirname(found.server))
    return [] if above == "/usr" else [f"--basedir={above}"]


def _of_mysql(data: Path, found: Found) -> list[tuple[list[str], str]]:
    # --initialize runs an init file as the last thing
    script = _script(data, f"CREATE DATABASE {MAIN};\n")
    initialise = [found.server, *common(found), f"--datadir={data}", f"--tmpdir={data}"]
    return [([*initialise, "--initialize-insecure", f"--init-file={script}"], "")]
