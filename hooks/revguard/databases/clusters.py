"""Binaries in, an initialised data folder out: made once, kept in the cache, copied per run."""

from __future__ import annotations

import functools
import os
import re
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from revguard import leftovers
from revguard.databases import accounts, initdb_input, installations, launcher, stored
from revguard.errors import CouldNotCheck
from revguard.runs import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from revguard.databases.accounts import Account
    from revguard.databases.providing import Installation
    from revguard.runs import Run

OWNER = "postgres"
MAIN = "app"  # as _SHRINK names it
_UNUSED_LIMIT = 256 << 20  # bytes of data folders of other versions that we keep
# a server that is killed leaves its segments in /dev/shm, and initdb's own need 2 MB there
_NOTHING_IN_MEMORY = ["-c", "dynamic_shared_memory_type=mmap"]
_TAKES_SETTINGS = 16  # initdb of this version and later
# The databases that nobody uses are two thirds of what has to be copied for each run.
_SHRINK = """\
UPDATE pg_database SET datistemplate = false, datallowconn = true WHERE datname = 'template0'
DROP DATABASE template0
ALTER DATABASE postgres RENAME TO app
COMMENT ON DATABASE app IS NULL
CHECKPOINT
"""


def reachable(installation: Installation, run: Run, account: Account | None) -> str:
    """The folder of binaries, copied once to where the server's account may read it."""
    binaries = installation.binaries
    needed = [binaries, os.path.join(binaries, "postgres"), *installations.roots(binaries)]
    if account is None or all(accounts.can_reach(account, path) for path in needed):
        return binaries
    shared = run.temporary().parent / "installed"
    target = shared / installation.identity
    if not target.is_dir():
        _copy_installation(binaries, target, run)
    prefix = installations.prefix(binaries)
    copied = target / os.path.relpath(binaries, prefix)
    if not accounts.can_reach(account, os.fspath(copied / "postgres")):
        raise CouldNotCheck(
            f"PostgreSQL refuses root, and no other user can reach {binaries} or {copied}",
            hint="Run as an ordinary user, or install PostgreSQL where everyone can read it.",
        )
    return os.fspath(copied)


def pristine(installation: Installation, binaries: str, run: Run, account: Account | None) -> Path:
    """A data folder to copy from, with the empty database `app`."""
    return kept(installation, run, lambda: _initialise(binaries, run, account))


def kept(installation: Installation, run: Run, make: Callable[[], Path]) -> Path:
    """What `make` made for this installation: once, and then out of the cache."""
    root = run.cache / "servers"
    folder = root / installation.identity
    found = stored.load(folder, run=run)
    if found is not None:
        return found.state
    with ExitStack() as lock:
        lock.enter_context(_making(root, installation.identity, run))
        found = stored.load(folder, run=run)
        if found is not None:
            return found.state
        made = make()
        told = {
            "binaries": installation.binaries,
            "dialect": installation.dialect,
            "server_version": installation.version,
        }
        run.aside(functools.partial(_keep, made, folder, told, run, lock.pop_all()))
        return made


def _keep(made: Path, folder: Path, told: dict[str, str], run: Run, lock: ExitStack) -> None:
    """Store it for the next run, while this one goes on with what it has."""
    with lock:
        stored.keep(made, folder, told, run=run)
        stored.evict(folder.parent, _UNUSED_LIMIT)


def major(data: Path) -> int:
    """The major version that made a data folder."""
    try:
        return int((data / "PG_VERSION").read_text().split(".")[0])
    except (OSError, ValueError):
        return 0


def _making(root: Path, identity: str, run: Run) -> AbstractContextManager[object]:
    """Only one run initialises; where the cache cannot be written each makes its own."""
    if not run.cache_writable:
        return nullcontext()
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / f"{identity}.lock")
    except OSError:
        return nullcontext()
    return lock


def _initialise(binaries: str, run: Run, account: Account | None) -> Path:
    postgres = os.path.join(binaries, "postgres")
    version = _binary_major(postgres, run, account)
    places = list(dict.fromkeys((run.memory or run.temporary(), run.temporary())))
    failure = ""
    for place in places:
        data = place / f"init{run.number()}"
        failure = _initialise_in(data, binaries, version, run, account)
        if not failure:
            _shrink(postgres, data, run, account)
            return data
        leftovers.remove_folder(os.fspath(data))
        if not accounts.is_full(failure):
            raise accounts.cannot_start(os.path.join(binaries, "initdb"), failure)
    raise accounts.no_space(places, failure)


def _initialise_in(
    data: Path, binaries: str, version: int, run: Run, account: Account | None
) -> str:
    """What went wrong, empty where nothing did."""
    said, share = "", data.with_name(f"{data.name}-input")
    more = initdb_input.made(share, binaries, run, account) if version < _TAKES_SETTINGS else []
    try:
        for locale in _locales(version):
            empty_folder(data, account)
            command = _initdb(binaries, data, version, [*locale, *more])
            code, said = accounts.run_as(run, command, account)
            if code == 0:
                return ""
    except OSError as error:
        return str(error)
    finally:
        leftovers.remove_folder(os.fspath(share))
    return said or "it says nothing"


def _initdb(binaries: str, data: Path, version: int, more: list[str]) -> list[str]:
    command = [os.path.join(binaries, "initdb"), "--no-sync", "--auth=trust", "--encoding=UTF8"]
    command += [f"--username={OWNER}", *more]
    if version >= 11:
        command.append("--wal-segsize=1")
    if version >= _TAKES_SETTINGS:
        command += _NOTHING_IN_MEMORY
    if version >= 18:
        command.append("--no-data-checksums")
    return [*command, "-D", os.fspath(data)]


def _locales(version: int) -> list[list[str]]:
    """The best first: one in which upper() knows more than ASCII, then the one that always is."""
    builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    system = [["--locale=C.UTF-8"], ["--locale=C"]]
    return [builtin, *system] if version >= 17 else system


def _shrink(postgres: str, data: Path, run: Run, account: Account | None) -> None:
    command = [postgres, "--single", "-F", *_NOTHING_IN_MEMORY, "-D", os.fspath(data), "template1"]
    code, said = accounts.run_as(run, command, account, _SHRINK.encode())
    if code != 0 or re.search(r"\b(ERROR|FATAL|PANIC):", said):
        raise accounts.cannot_start(postgres, said)


def _binary_major(postgres: str, run: Run, account: Account | None) -> int:
    code, said = accounts.run_as(run, [postgres, "--version"], account)
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    if code != 0 or found is None:
        raise accounts.cannot_start(postgres, said)
    return int(found[1])


def empty_folder(data: Path, account: Account | None) -> None:
    """Make a folder anew, the account's own."""
    leftovers.remove_folder(os.fspath(data))
    data.mkdir(0o700)
    if account is not None and sys.platform != "win32":
        os.chown(data, account.uid, account.gid)


def _copy_installation(binaries: str, target: Path, run: Run) -> None:
    prefix = installations.prefix(binaries)
    staging = run.temporary() / f"install{run.number()}"
    try:
        staging.mkdir()
        for root in installations.roots(binaries):
            inner = staging / os.path.relpath(root, prefix)
            inner.parent.mkdir(parents=True, exist_ok=True)
            launcher.copy_folder(root, os.fspath(inner))
        for path, _, _ in os.walk(staging):
            os.chmod(path, 0o755)  # noqa: S103 - the server is another user's
        target.parent.mkdir(mode=0o755, exist_ok=True)
        os.chmod(target.parent, 0o755)  # noqa: S103
        if not target.is_dir():
            os.rename(staging, target)
    except OSError as error:
        raise CouldNotCheck(
            f"{prefix} cannot be copied to {target}, where a user other than root can read it: "
            f"{error.strerror}"
        ) from error
    finally:
        leftovers.remove_folder(os.fspath(staging))
