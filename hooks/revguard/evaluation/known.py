"""What earlier runs have told of an environment: a subject in, its last record and folders out."""

from __future__ import annotations

from revguard import records
from revguard.environments import Environment
from revguard.evaluation.subject import Subject
from revguard.records import Record


def locations_of(subject: Subject, environment: Environment) -> tuple[str, ...]:
    """The version folders, as the ini or an earlier run of env.py tells them."""
    last = last_record(subject, environment)
    return environment.version_locations or (last.version_locations if last else ())


def known_drift(subject: Subject, environment: Environment) -> frozenset[str]:
    """Keys of what differs in this tree and its parent, as the check of it has told; none where no
    record speaks for it."""
    folder = records.folder_for(subject.cache, environment.key)
    found = records.Records(folder, subject.reader, enabled=True)
    for record in found.newest():
        if found.speaks(record, subject.tree):
            return frozenset(record.drift) - {*record.notes.get("fresh", ())}
    return frozenset()


def last_record(subject: Subject, environment: Environment) -> Record | None:
    """The newest record of an environment."""
    folder = records.folder_for(subject.cache, environment.key)
    known = records.Records(folder, subject.reader, enabled=True)
    return next(iter(known.newest()), None)
