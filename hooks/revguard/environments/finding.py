"""Find the Alembic environments of a tree: its listing and settings in, Environments out."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from revguard.config import EnvironmentSettings, Settings
from revguard.config.values import dotted, nearest
from revguard.environments import inifile, locations
from revguard.environments.candidates import INI, PYPROJECT, Candidate, candidates, in_folder, names
from revguard.environments.environment import Environment, Listing, Read, Skipped
from revguard.environments.inifile import Options
from revguard.environments.locations import ENV_PY, Location
from revguard.errors import ConfigError, UsageError


class _NoEnvironment(Exception):  # noqa: N818
    """The reason why a candidate is no environment, as a sentence about its file."""


def discover(
    settings: Settings, files: Listing, read: Read, *, top_name: str
) -> tuple[list[Environment], list[Skipped]]:
    """The environments of a tree: the configured ones, or else all that are found.

    `top_name` names an environment that lies at the top. ConfigError for what is configured
    and not there, and for a file that cannot be parsed; UsageError where none is left.
    """
    if settings.environments:
        tree = _Tree(files, read, top_name)
        return [_configured(name, settings, tree) for name in settings.environments], []
    by_folder, unfit = candidates(files, read)
    judged = {folder: _judged(it, settings.defaults, files) for folder, it in by_folder.items()}
    skipped = unfit + [it for it in judged.values() if isinstance(it, Skipped)]
    found = {folder: it for folder, it in judged.items() if isinstance(it, Environment)}
    if not found:
        raise _none_found(skipped)
    named = names([*found], top_name)
    return [dataclasses.replace(it, name=named[folder]) for folder, it in found.items()], skipped


def select(environments: Sequence[Environment], names: Iterable[str]) -> list[Environment]:
    """The environments of these names (all, where none are given), in their own order."""
    wanted = list(names)
    known = [environment.name for environment in environments]
    for name in wanted:
        if name not in known:
            raise UsageError(
                f'there is no environment "{name}"{nearest(name, known)}',
                hint=f"Environments here: {', '.join(known)}.",
            )
    return [env for env in environments if not wanted or env.name in wanted]


def _judged(
    candidate: Candidate, settings: EnvironmentSettings, files: Listing
) -> Environment | Skipped:
    try:
        return _environment("", candidate, settings, files)
    except _NoEnvironment as reason:
        return Skipped(candidate.path, str(reason))


def _environment(
    name: str, candidate: Candidate, settings: EnvironmentSettings, files: Listing
) -> Environment:
    options = _options(candidate, settings.section)
    location = _script_location(options, candidate, settings.root, files)
    return Environment(
        name=name,
        config=candidate.path,
        toml=candidate.toml_path if candidate.toml is not None else None,
        section=settings.section or "alembic",
        roots=location.roots,
        script_location=location.path,
        version_locations=locations.version_locations(options, location, candidate.folder, files),
        recursive=options.recursive,
        url_hint=options.url_hint,
        flask=location.beside_ini,
        settings=settings,
    )


def _options(candidate: Candidate, section: str | None) -> Options:
    wanted = section or "alembic"
    here = Options.empty()
    if candidate.ini is not None:
        sections = inifile.parse(candidate.path, candidate.ini)
        if wanted in sections:
            here = Options.of_ini(sections[wanted])
        elif candidate.toml is None or section is not None:
            raise _NoEnvironment(_no_section(wanted, list(sections)))
    return here if candidate.toml is None else here.with_toml(candidate.toml)


def _no_section(wanted: str, sections: list[str]) -> str:
    told = ", ".join(f"[{name}]" for name in sections)
    return f"has no section [{wanted}]" + (f", but {told}" if told else "")


def _script_location(
    options: Options, candidate: Candidate, root: str | None, files: Listing
) -> Location:
    location = locations.script_location(options, candidate.folder, root, files)
    if location and (candidate.ini is not None or not location.beside_ini):
        return location
    if options.script_location is None:
        raise _NoEnvironment("names no script_location")
    said = options.script_location.replace(inifile.HERE, "%(here)s")
    raise _NoEnvironment(f"has the script_location {said}, where no {ENV_PY} is tracked")


class _Tree(NamedTuple):
    """The judged tree, as far as it is asked."""

    files: Listing
    read: Read
    top_name: str


def _configured(name: str, settings: Settings, tree: _Tree) -> Environment:
    said = settings.environments[name]
    top = ("tool", "revguard") if settings.source == PYPROJECT else ()
    place = f"{settings.source}: {dotted((*top, 'environments', name))}"
    if said.root and not any(path.startswith(f"{said.root}/") for path in tree.files):
        raise ConfigError(f"{place}.root: {said.root} is no folder of the tree")
    if said.alembic_config is not None:
        return _built_in_code(name, said)
    try:
        return _environment(name, _said_candidate(name, said, tree), said, tree.files)
    except _NoEnvironment as reason:
        raise ConfigError(f"{place}: {said.config or 'it'} {reason}") from None


def _built_in_code(name: str, said: EnvironmentSettings) -> Environment:
    return Environment(
        name=name,
        config=None,
        section=said.section or "alembic",
        roots=(said.root or "",),
        settings=said,
    )


def _said_candidate(name: str, said: EnvironmentSettings, tree: _Tree) -> Candidate:
    if said.config is None:
        return _found_candidate(name, tree)
    if said.config not in tree.files:
        like = [path for path in tree.files if path.endswith((".ini", ".toml"))]
        raise _NoEnvironment(f"is not in the tree{nearest(said.config, like)}")
    if said.config.endswith(".toml"):
        table = inifile.tool_table(said.config, tree.read([said.config])[said.config])
        if table is None:
            raise _NoEnvironment("has no [tool.alembic]")
        return Candidate(said.config, None, table, said.config)
    beside = posixpath.join(posixpath.dirname(said.config), PYPROJECT)
    contents = tree.read([path for path in (said.config, beside) if path in tree.files])
    candidate = in_folder(said.config, contents)
    assert candidate is not None
    return candidate


def _found_candidate(name: str, tree: _Tree) -> Candidate:
    by_folder, _ = candidates(tree.files, tree.read)
    by_name = {named: folder for folder, named in names([*by_folder], tree.top_name).items()}
    if name in by_name:
        return by_folder[by_name[name]]
    raise _NoEnvironment(
        "says neither `config` nor `alembic-config`, and no environment found has its name"
        + nearest(name, by_name)
    )


def _none_found(skipped: Sequence[Skipped]) -> UsageError:
    hint = "Make one with `alembic init` or `revguard init`, or name it in the configuration."
    if not skipped:
        return UsageError(f"no {INI} and no [tool.alembic] is tracked here", hint=hint)
    told = "\n".join(f"  {path}: {reason}" for path, reason in skipped)
    return UsageError(f"no Alembic environment is tracked here; skipped:\n{told}", hint=hint)
