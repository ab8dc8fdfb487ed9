"""What earlier runs know of each environment of a subject: records in, what a change means to it
out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from revguard import records
from revguard.environments import Environment
from revguard.evaluation.subject import Subject
from revguard.records import Record, Records


class Recorded:
    """The records of all environments; what one reads is no stray table of another's."""

    def __init__(self, subject: Subject, found: Sequence[Environment], *, enabled: bool) -> None:
        self._subject = subject
        self._found = found
        self._enabled = enabled
        self._records: dict[str, Records] = {}

    def of(self, environment: Environment) -> Records:
        """The records of one environment."""
        if environment.name not in self._records:
            self._records[environment.name] = Records(
                records.folder_for(self._subject.cache, environment.key),
                self._subject.reader,
                enabled=self._enabled,
            )
        return self._records[environment.name]

    def unaffected(self, environment: Environment) -> Record | None:
        """A record by which the judged change cannot matter to the environment."""
        return self._aware(environment).unaffected(self._subject.tree, self._subject.parents)

    def changed(self, environment: Environment) -> tuple[str, ...] | None:
        """The changed files that can matter; None where no record speaks for a parent."""
        return self._aware(environment).since(self._subject.tree, self._subject.parents)

    def files(self, environment: Environment) -> frozenset[str]:
        """The files that it read when it last ran."""
        return self._read[environment.name]

    def _aware(self, environment: Environment) -> Records:
        known, own, counted = self.of(environment), self.files(environment), self._readers
        known.elsewhere = frozenset(path for path in counted if counted[path] > (path in own))
        return known

    @cached_property
    def _read(self) -> dict[str, frozenset[str]]:
        """The files that each environment read when it last ran."""
        return {one.name: frozenset(self.of(one).read()) for one in self._found}

    @cached_property
    def _readers(self) -> Counter[str]:
        """How many environments read each file."""
        return Counter(path for paths in self._read.values() for path in paths)
