"""A program in, run as the account that PostgreSQL accepts: ourselves, or nobody for root."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from revguard.databases.providing import UnavailableError
from revguard.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from revguard.runs import Run

_NAMES = ("nobody", "postgres", "daemon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who the server runs as."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """None where the server runs as ourselves; initdb and postgres refuse root."""
    import pwd

    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            uid = os.geteuid()
            raise UnavailableError(f"initdb refuses a user without a name (uid {uid})") from None
        return None
    for name in _NAMES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=found.pw_uid, gid=found.pw_gid)
    raise UnavailableError(f"PostgreSQL refuses root, and there is no user {' or '.join(_NAMES)}")


def can_reach(account: Account, path: str) -> bool:
    """Whether the account may read `path` and pass through every folder above it."""
    needed = stat.S_IROTH | stat.S_IXOTH
    while True:
        try:
            found = os.stat(path)
        except OSError:
            return False
        if not _allows(account, found, needed):
            return False
        parent = os.path.dirname(path)
        if parent == path:
            return True
        path, needed = parent, stat.S_IXOTH


def run_as(
    run: Run, argv: Sequence[str], account: Account | None, stdin: bytes = b""
) -> tuple[int, str]:
    """Run a program to its end: (exit code, what it said). CouldNotCheck where it cannot start."""
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=server_environ(run),
            cwd="/",
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise cannot_start(argv[0], str(error)) from error
    run.register(process.pid)
    try:
        said, _ = process.communicate(stdin)
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        run.forget(process.pid)
    return process.returncode, said.decode("utf-8", "replace")


def server_environ(run: Run) -> dict[str, str]:
    """Nothing of the user's: no PG* variable, locale or time zone changes what comes out."""
    return run.environ({"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"})


def cannot_start(
    program: str, said: str, *, lines: int = 10, product: str = "PostgreSQL"
) -> CouldNotCheck:
    """The failure of a server's program, with the last lines of what it said."""
    tail = "\n".join(f"  {line}" for line in said.strip().splitlines()[-lines:])
    return CouldNotCheck(
        f"`{program}` does not start" + (f":\n{tail}" if tail else ", and says nothing"),
        hint=f"Name another provider (`database =`), or mend this installation of {product}.",
    )


def is_full(said: str) -> bool:
    """Whether a server says that a disk is full; a page that fitted in half is told otherwise."""
    return os.strerror(errno.ENOSPC) in said or "Check free disk space" in said


def no_space(places: Iterable[Path], said: str = "") -> CouldNotCheck:
    """The failure of a copy or a program, with the folders that were tried."""
    last = [line for line in said.splitlines() if is_full(line)][-1:]
    why = "".join(f":\n  {line.strip()}" for line in last)
    where = " nor in ".join(os.fspath(place) for place in places)
    return CouldNotCheck(
        f"there is no space for the ephemeral database in {where}{why}",
        hint="Free some space there, or name another folder in REVGUARD_CACHE_DIR.",
    )


def _allows(account: Account, found: os.stat_result, needed: int) -> bool:
    if found.st_uid == account.uid:
        needed <<= 6
    elif found.st_gid == account.gid:
        needed <<= 3
    return found.st_mode & needed == needed
