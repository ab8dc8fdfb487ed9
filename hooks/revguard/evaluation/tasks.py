"""What one run of the worker is to find out, and what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from revguard.databases import Database
from revguard.databases.standing import Standing
from revguard.evaluation.landing import Landed
from revguard.evaluation.serving import Serving
from revguard.evaluation.subject import Histories, Subject

Known = Callable[[Serving], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The revision that a generated script is to be, where that is settled."""

    id: str
    down: tuple[str, ...]
    depends_on: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to find out at one tree."""

    subject: Subject
    root: str
    histories: Callable[[tuple[str, ...]], Histories]
    locations: tuple[str, ...] | None  # as far as they are known before the worker says it
    dialect: str | None  # likewise
    driver: str = ""  # "postgresql+psycopg2", likewise
    ahead: bool = True  # start the database before env.py asks for it
    generate: bool
    message: str | None = None
    renamed: tuple[str, ...] = ()
    renames: str = "never"  # what is probably one: "ask", "source" or "never"
    diffed: Callable[[], list[tuple[str, str]]] = list  # names that the source puts for others
    wanted: Wanted | None = None
    rows: str = ""  # what the new revisions leave is told: run on "empty" or "filled" tables
    proven: tuple[str, ...] = ()  # digests of metadata for which nothing is new
    waived: tuple[str, ...] = ()  # "op object" each
    declared: tuple[tuple[str | None, str], ...] = ()  # tables that env.py's filters are asked of
    known: list[str] | None = None  # keys of known differences; None: ask ask_known
    ask_known: Known | None = None
    database: Callable[[], Database] | None = None  # another evaluation's, at the same history
    missed: frozenset[str] = frozenset()  # extensions that an earlier try was refused
    digest_of: Callable[[str], str | None] = lambda _tree: None  # of a tree's metadata, if known
    create: Landed | None = None  # only make the tables of this tree's models, and stamp them


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What came out. `result` and `observed` are the worker's own words (worker/judging.py)."""

    result: Mapping[str, Any]
    observed: Mapping[str, Any]
    refused: tuple[str, ...]  # connections that env.py tried and was not given
    histories: Histories
    locations: tuple[str, ...]
    root: str
    database: Database | None
    driver: str
    from_snapshot: bool
    left: Standing | None = None  # what env.py left behind, where it ran new revisions only
    notes: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()  # files that it depends on, and that env.py does not read
    timings_ms: Mapping[str, int] = field(default_factory=dict)
