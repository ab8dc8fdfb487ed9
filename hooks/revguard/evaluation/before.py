"""Where an environment was in another tree, by that tree's own configuration: its folders may have
moved since, and the ini with them. A subject and a tree in, the environment and its history out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from revguard import config, environments
from revguard.environments import Environment
from revguard.errors import RevguardError
from revguard.evaluation import choosing
from revguard.evaluation.choosing import Target
from revguard.evaluation.subject import Histories, Subject
from revguard.history.graph import Graph
from revguard.staging.trees import Entry

_PYPROJECT = "pyproject.toml"


def environment_in(subject: Subject, environment: Environment, tree: str) -> Environment | None:
    """The same environment as the tree has it; None where nothing tells which it is."""
    target = Target(
        repo=subject.repo, reader=subject.reader, tree=tree, parents=(), in_working_tree=False
    )
    there, top = subject.at(tree), os.path.basename(subject.repo.toplevel)
    try:
        settings = choosing.settings_of(target)
        found, _ = environments.discover(settings, there.listing, there.read, top_name=top)
    except RevguardError:  # what was wrong there is no finding here
        return None
    # one that stands there still is another one
    gone = [one for one in found if one.config not in subject.listing]
    same = [
        *(one for one in found if one.key == environment.key),
        *(one for one in found if _section(one) == _section(environment)),
        *(one for one in gone if one.name == environment.name),
        *(gone if len(gone) == 1 else ()),
    ]
    # what is configured now says how to run it
    return replace(same[0], settings=environment.settings) if same else None


def _section(environment: Environment) -> tuple[str | None, str]:
    return environment.config, environment.section


def folders_in(
    subject: Subject, environment: Environment, tree: str, locations: tuple[str, ...]
) -> tuple[tuple[str, ...], bool]:
    """The version folders of another tree, and whether those below them count."""
    if not _is_said_otherwise(subject, environment, tree):
        return locations, environment.recursive
    own = environment_in(subject, environment, tree)
    if own is None or own.version_locations is None:
        return locations, environment.recursive
    return own.version_locations, own.recursive


def graph_in(
    subject: Subject, environment: Environment, tree: str, locations: tuple[str, ...]
) -> Graph:
    """The history of a tree that ours comes from."""
    folders, recursive = folders_in(subject, environment, tree, locations)
    if folders == locations:
        return subject.graph_before(tree, folders, recursive=recursive)
    return subject.graph(tree, folders, recursive=recursive)


def histories(subject: Subject, environment: Environment, locations: tuple[str, ...]) -> Histories:
    """All graphs that the judgement of an environment needs."""

    def graph(tree: str) -> Graph:
        return graph_in(subject, environment, tree, locations)

    return Histories(
        graph=subject.graph(subject.tree, locations, recursive=environment.recursive),
        parents=tuple(graph(tree) for tree in subject.parents),
        base=None if subject.base is None else graph(subject.base),
        own=None if subject.range is None else graph(subject.range.head_tree),
    )


def _is_said_otherwise(subject: Subject, environment: Environment, tree: str) -> bool:
    """Whether a file that says where scripts lie is another one there."""
    names = {environment.config, environment.toml, _PYPROJECT, *config.FILES} - {None}
    here, there = subject.listing, subject.reader.listing(tree)
    return any(_oid(here, name) != _oid(there, name) for name in names if name)


def _oid(listing: Mapping[str, Entry], path: str) -> str | None:
    entry = listing.get(path)
    return entry.oid if entry is not None else None
