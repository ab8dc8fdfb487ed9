"""What can serve an environment: a dialect and a machine in, what `doctor` says of each out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from revguard import databases
from revguard.databases import Choice, Installation, version_numbers
from revguard.databases.providing import Surroundings, UnavailableError, serves
from revguard.environments import Environment
from revguard.evaluation import bootstrapping
from revguard.evaluation.subject import Subject
from revguard.records import Record


def dialect_of(environment: Environment, last: Record | None) -> str:
    """The dialect, as the configuration, an earlier run or the ini tells it; empty for none."""
    hint = (environment.url_hint or ("",))[0]
    return (environment.settings.driver or (last.dialect if last else "") or hint).partition("+")[0]


def extensions_of(
    environment: Environment, subject: Subject, last: Record | None
) -> frozenset[str]:
    """Those that the revisions and the bootstrap create, as far as their text tells."""
    locations = environment.version_locations or (last.version_locations if last else ())
    graph = subject.graph(subject.tree, locations, recursive=environment.recursive)
    found = {name for node in graph.nodes.values() for name in node.extensions}
    bootstrap = bootstrapping.find(subject, environment.settings.bootstrap, needed=False)
    return frozenset(found | {*(bootstrap.extensions if bootstrap else ())})


def choice(setting: str, wanted: Surroundings) -> Choice:
    """What a check would take. CouldNotCheck, ConfigError."""
    return databases.choose(
        setting,
        wanted.dialect,
        environ=wanted.environ,
        site_packages=wanted.site_packages,
        version=wanted.version,
        extensions=wanted.extensions,
        keep=wanted.keep,
        project=wanted.project,
        timeout=wanted.timeout,
    )


def of_dialect(setting: str, wanted: Surroundings, choice: Choice | None) -> Iterator[str]:
    """Each provider that serves the dialect: taken, passed over with the reason, or not asked."""
    passed_over = dict(choice.passed_over) if choice else {}
    named, _, argument = setting.partition(":")
    for provider in databases.PROVIDERS:
        if not serves(provider, wanted.dialect):
            continue
        given = argument if provider.name == named else ""
        found = databases.find(provider, replace(wanted, argument=given))
        if isinstance(found, str):
            yield f"{provider.name}: passed over: {found}"
            continue
        taken = choice is not None and choice.installation == found
        why = passed_over.get(found.provider, "")
        if taken:
            yield f"{provider.name}: taken: {_described(found)}"
        elif why:
            yield f"{provider.name}: passed over, {why}: {_described(found)}"
        elif not provider.automatic:
            yield f"{provider.name}: only where it is named: {_described(found)}"
        else:
            yield f"{provider.name}: not needed: {_described(found)}"


def all_of_them(around: Surroundings) -> Iterator[str]:
    """Each provider, whatever the dialect will be."""
    for provider in databases.PROVIDERS:
        serves = " and ".join(provider.dialects)
        try:
            found = provider.find(replace(around, dialect=_only(provider.dialects)))
        except UnavailableError as reason:
            yield f"{provider.name}: not for {serves}: {reason}"
        else:
            yield f"{provider.name}: serves {serves}{_where(found)}"


def _described(found: Installation) -> str:
    name = version_numbers.name(found.dialect, found.version)
    fetched = "" if found.ready else ", has to be fetched first"
    return f"{name}{_where(found)}{fetched}"


def _where(found: Installation) -> str:
    where = found.binaries or (found.provider if ":" in found.provider else "")
    return f", {where}" if where else ""


def _only(dialects: tuple[str, ...]) -> str:
    return dialects[0] if len(dialects) == 1 else ""
