"""Where the cache lies: environ in, folders out. No heavy import: the quick path uses it."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SNAPSHOTS_LIMIT = 1 << 30  # bytes, of all snapshots together, where nothing else is said
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
FORMAT = "v1"  # part of every path: another format never meets the files of this one


def cache_folder(environ: Mapping[str, str]) -> str:
    """The cache's absolute folder, which may not exist yet."""
    configured = environ.get("REVGUARD_CACHE_DIR")
    if configured:
        return os.path.join(os.path.abspath(os.path.expanduser(configured)), FORMAT)
    return os.path.join(_user_cache(environ), "revguard", FORMAT)


def cache_dir(environ: Mapping[str, str]) -> Path:
    """As `cache_folder`, as a Path."""
    from pathlib import Path

    return Path(cache_folder(environ))


def snapshots_limit(environ: Mapping[str, str]) -> int:
    """How many bytes of snapshots are kept: REVGUARD_CACHE_LIMIT. ConfigError."""
    told = environ.get("REVGUARD_CACHE_LIMIT", "").strip()
    if not told:
        return SNAPSHOTS_LIMIT
    plain = told.upper().removesuffix("B").removesuffix("I")
    number, unit = (plain[:-1], plain[-1]) if plain[-1:] in _UNITS else (plain, "")
    try:
        size = int(float(number) * _UNITS[unit])
    except (ValueError, OverflowError):
        size = -1
    if size < 0:
        from revguard.errors import ConfigError

        raise ConfigError(
            f"REVGUARD_CACHE_LIMIT is {told}, and that is no size",
            hint='Write "500M" or "2G"; "0" keeps no snapshots.',
        )
    return size


def has_runs(environ: Mapping[str, str]) -> bool:
    """Whether a run is at work, or left something behind."""
    try:
        return bool(os.listdir(os.path.join(cache_folder(environ), "runs")))
    except OSError:
        return False


def repository_folder(cache: str, toplevel: str) -> str:
    """The part of the cache that belongs to the working tree at `toplevel`."""
    import hashlib

    name = hashlib.sha256(os.fsencode(os.path.realpath(toplevel))).hexdigest()[:16]
    return os.path.join(cache, "repos", name)


def repository_dir(toplevel: str, environ: Mapping[str, str]) -> Path:
    """As `repository_folder`, in the cache that `environ` names."""
    from pathlib import Path

    return Path(repository_folder(cache_folder(environ), toplevel))


def _user_cache(environ: Mapping[str, str]) -> str:
    # platformdirs costs 15 ms to import, and on Linux its answer is these three lines
    if sys.platform.startswith("linux"):
        xdg = environ.get("XDG_CACHE_HOME", "").strip()
        home = environ.get("HOME") or os.path.expanduser("~")
        return xdg if os.path.isabs(xdg) else os.path.join(home, ".cache")
    else:  # noqa: RET505  (mypy follows the platform only so)
        from platformdirs import user_cache_dir

        return user_cache_dir()
