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


def last_record(subject: Subject, environment: Environment) -> Record | None:
    """The newest record of an environment."""
    folder = records.folder_for(subject.cache, environment.key)
    known = records.Records(folder, subject.reader, enabled=True)
    return next(iter(known.newest()), None)
