"""What the parents had already: records or an evaluation of their own in, known differences out."""

from __future__ import annotations

import re
from dataclasses import replace

from revguard.config.values import DUMP
from revguard.environments import Environment
from revguard.errors import CouldNotCheck
from revguard.evaluation.before import environment_in
from revguard.evaluation.case import Case
from revguard.evaluation.evaluate import evaluate
from revguard.evaluation.keeping import record_of
from revguard.evaluation.nothing import refuse_nothing
from revguard.evaluation.serving import Serving
from revguard.evaluation.subject import Histories
from revguard.evaluation.tasks import Task
from revguard.observed import Relevance
from revguard.records import Record
from revguard.staging import trees

_SCHEMA = re.compile(
    rb"Column|column|Mapped|Table|__table|Index|Constraint|ForeignKey|Enum|Sequence|Identity"
    rb"|Computed|Field\(|metadata|relationship|server_default|nullable|op\."
)


def parent_record(case: Case) -> Record | None:
    """The record that speaks for the one parent; None for a merge, or where nothing is known."""
    if len(case.subject.parents) != 1:
        return None
    return case.records.speaking_for(case.subject.parents[0], case.made_with)


def known_now(case: Case) -> list[str] | None:
    """Keys of what the parents had already, where records tell; None where they do not."""
    keys: list[str] = []
    for parent in case.subject.parents:
        record = case.records.speaking_for(parent, case.made_with)
        if record is not None:
            keys.extend(key for key in record.drift if key not in keys)
        elif _environment_in(case, parent) is not None:
            return None
    return keys


def _environment_in(case: Case, parent: str) -> Environment | None:
    """The environment as the parent has it; None where it was not there yet."""
    environment = case.around.environment
    if environment.config is None or environment.config in case.subject.reader.listing(parent):
        return environment
    return environment_in(case.subject, environment, parent)


def proven(
    case: Case,
    parent: Record | None,
    known: list[str] | None,
    found: Histories | None,
) -> tuple[tuple[str, ...], Record | None]:
    """The parent's metadata, if having the same means having nothing new: neither the history with
    what its scripts import nor env.py with what it hands to Alembic differ from the parent's."""
    if parent is None or parent.digest is None or known is None or found is None:
        return (), None
    environment = case.around.environment
    folders = (*parent.version_locations, parent.script_location)
    watched = {*parent.hook_files, environment.config, *found.imported(environment.roots)}
    watched |= {environment.settings.bootstrap, environment.settings.start.removeprefix(DUMP)}
    for change in case.subject.reader.changes(parent.tree, case.subject.tree):
        if change.path in watched or change.path.rpartition("/")[2] == "pyproject.toml":
            return (), None
        if any(change.path.startswith(f"{folder}/") for folder in folders):
            return (), None
    return (parent.digest,), parent


def names_schema(case: Case, parent: Record | None) -> bool:
    """Whether the changed lines look like a change of the schema.

    Decides only whether the database is started ahead, never what is found.
    """
    if parent is None:
        return True
    changes = case.subject.reader.changes(parent.tree, case.subject.tree)
    matters = Relevance(parent.observed)
    sides = [(one.old, one.new) for one in changes if matters(one.status, one.path)]
    if any(entry.mode == trees.GITLINK for pair in sides for entry in pair if entry):
        return True  # what is in a submodule is not ours to read
    blobs = [[entry.oid if entry else "" for entry in pair] for pair in sides]
    texts = trees.read_blobs(case.subject.repo, {oid for pair in blobs for oid in pair if oid})
    return any(
        _SCHEMA.search(line)
        for old, new in blobs
        for line in {*texts.get(old, b"").splitlines()} ^ {*texts.get(new, b"").splitlines()}
    )


def known_of_parents(
    case: Case,
    serving: Serving,
    root: str,
    locations: tuple[str, ...] | None,
    notes: list[str],
) -> list[str]:
    """Keys of what differed at the parents already; evaluates those that no record speaks for.

    A parent that cannot be evaluated had nothing, and a note says so: the commit that mends
    its env.py must be possible.
    """
    keys: list[str] = []
    for parent in case.subject.parents:
        record = case.records.speaking_for(parent, case.made_with)
        if record is None:
            own = _environment_in(case, parent)
            if own is None:
                continue
            case.around.progress("evaluating the parent commit")
            moved = own is not case.around.environment
            place = (own.root, own.version_locations) if moved else (root, locations)
            there = replace(case, around=replace(case.around, environment=own))
            try:
                record = _evaluate_parent(there, parent, serving, *place)
            except CouldNotCheck as error:
                reason = error.message.partition("\n")[0]
                notes.append(
                    "the parent commit could not be evaluated, so nothing counts as known drift: "
                    + reason
                )
                continue
            case.records.save(replace(record, settings=case.made_with))
        keys.extend(key for key in record.drift if key not in keys)
    return keys


def _evaluate_parent(
    case: Case, parent: str, serving: Serving, root: str, locations: tuple[str, ...] | None
) -> Record:
    """What differs at a parent, from an evaluation of its own."""
    environment = case.around.environment
    subject = case.subject.at(parent)

    def read(found: tuple[str, ...]) -> Histories:
        graph = subject.graph(parent, found, recursive=environment.recursive)
        return Histories(graph=graph, parents=(graph,), base=None)

    shared = None
    if serving.is_marked and len(case.subject.parents) == 1:
        shared = lambda: serving.lend(f"parent{case.around.run().number()}")  # noqa: E731
    evaluated = evaluate(
        case.around,
        Task(
            subject=subject,
            root=root,
            histories=read,
            locations=locations,
            dialect=None,
            driver=serving.driver,
            generate=False,
            known=[],
            database=shared,
        ),
    )
    refuse_nothing(evaluated, environment)
    return record_of(case, evaluated, subject, tuple(evaluated.result["drift"]))
