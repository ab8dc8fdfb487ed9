"""What the worker tells of a configured database: JSON in, values out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from revguard.masking import masked


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A revision by its id; `known`: a script of the working tree has it."""

    id: str
    message: str = ""
    labels: tuple[str, ...] = ()
    known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One way in which the models differ from something, in Alembic's words."""

    op: str
    object: str
    detail: str = ""
    key: str = field(default="", compare=False)  # the same wherever the same difference is found


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One database that env.py came with, and where it stands."""

    place: str  # its URL without the password
    dialect: str
    schema: str = ""  # of the version table
    in_memory: bool = False
    current: tuple[Revision, ...] = ()
    pending: tuple[Revision, ...] = ()  # oldest first
    drift: tuple[Difference, ...] | None = None  # of the models; None where nothing compared them
    known: int = 0  # the same, which HEAD has too
    theirs: int = 0  # the same, which is what revisions that are unknown here made
    drift_error: str = ""
    ran: tuple[Revision, ...] = ()
    running: Revision | None = None  # that failed

    @property
    def unknown(self) -> tuple[Revision, ...]:
        """What it is at and no script of the working tree has."""
        return tuple(one for one in self.current if not one.known)

    def without(self, known: Collection[str]) -> Database:
        """With the drift that is to be done something about: known drift, by its keys, is none, nor
        is what a revision that is unknown here has made."""
        if self.drift is None:
            return self
        fresh = [one for one in self.drift if one.key not in known]
        theirs = [one for one in fresh if self.unknown and one.op.startswith("remove_")]
        return replace(
            self,
            drift=tuple(one for one in fresh if one not in theirs),
            known=len(self.drift) - len(fresh),
            theirs=len(theirs),
        )


def databases_of(told: Sequence[Mapping[str, Any]]) -> tuple[Database, ...]:
    """The databases of a result."""
    return tuple(_database(one) for one in told)


def _database(told: Mapping[str, Any]) -> Database:
    drift = told["drift"]
    return Database(
        place=masked(told["place"]),
        dialect=told["dialect"],
        schema=told["schema"],
        in_memory=told["in_memory"],
        current=_revisions(told["current"]),
        pending=_revisions(told["pending"]),
        drift=None if drift is None else tuple(Difference(**one) for one in drift),
        drift_error=masked(told["drift_error"]),
        ran=_revisions(told["ran"]),
        running=None if told["running"] is None else _revision(told["running"]),
    )


def _revisions(told: Sequence[Mapping[str, Any]]) -> tuple[Revision, ...]:
    return tuple(map(_revision, told))


def _revision(told: Mapping[str, Any]) -> Revision:
    return Revision(
        id=told["id"],
        message=" ".join(told["message"].split()),
        labels=tuple(told["labels"]),
        known=told["known"],
    )
