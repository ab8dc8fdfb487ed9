"""Where models, scripts and databases stand: options in, a Standing for each environment out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from revguard import pipeline
from revguard.configured import asking, elsewhere
from revguard.configured.elsewhere import Elsewhere
from revguard.configured.values import Database, Difference, Revision
from revguard.environments import Environment
from revguard.errors import CouldNotCheck, RevguardError
from revguard.evaluation import choosing, known
from revguard.evaluation.subject import Subject
from revguard.history.graph import Graph
from revguard.options import Options
from revguard.verdict import EnvironmentReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why something could not be looked at."""

    message: str
    hint: str = ""
    exit_code: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripts:
    """The revision scripts of the working tree."""

    count: int
    heads: tuple[Revision, ...]
    problems: tuple[str, ...] = ()  # for which Alembic could not load them


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One environment: how its models, its scripts and its databases differ."""

    name: str
    config: str | None
    new: tuple[Difference, ...] = ()  # between models and scripts, since HEAD
    known: int = 0  # the same, which HEAD has too
    findings: tuple[tuple[str, str], ...] = ()  # rule and message of what else a check says
    models: Failure | None = None
    scripts: Scripts | None = None  # None where no run of env.py has told yet where they lie
    looked: bool = False
    databases: tuple[Database, ...] = ()
    database: Failure | None = None
    elsewhere: tuple[Elsewhere, ...] = ()  # where revisions are that are unknown here

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What could not be looked at."""
        return tuple(one for one in (self.models, self.database) if one is not None)


def stand(options: Options, *, database: bool) -> list[Standing]:
    """Look at each environment of the working tree. UsageError, ConfigError."""
    options = replace(options, worktree=True, all=True)
    report = pipeline.check(replace(options, command="check"))
    target = choosing.choose(options)
    settings = choosing.settings_of(target)
    subject = choosing.subject_of(target, settings, options)
    found, _skipped = choosing.discovered(subject, settings, options)
    judged = {one.name: one for one in report.environments}
    if any(one.name not in judged for one in found):
        raise CouldNotCheck("the working tree changed meanwhile", hint="look again")
    standings = [_standing(one, judged[one.name], subject) for one in found]
    return _with_databases(standings, found, options, subject) if database else standings


def _standing(environment: Environment, judged: EnvironmentReport, subject: Subject) -> Standing:
    failure = None
    if judged.error is not None:
        failure = Failure(message=judged.error, hint=judged.hint, exit_code=judged.exit_code)
    drifting = ("history/missing-revision", "history/incomplete-revision")
    return Standing(
        name=environment.name,
        config=environment.config,
        new=tuple(
            Difference(op=one.op, object=one.object, detail=one.detail)
            for one in judged.changes
            if not one.covered
        ),
        known=judged.known_drift,
        findings=tuple(
            (one.rule, one.message)
            for one in judged.findings
            if one.severity == "error" and one.rule not in drifting
        ),
        models=failure,
        scripts=_scripts(environment, subject),
    )


def _scripts(environment: Environment, subject: Subject) -> Scripts | None:
    locations = known.locations_of(subject, environment)
    if not locations:
        return None
    graph = subject.graph(subject.tree, locations, recursive=environment.recursive)
    return Scripts(
        count=len(graph),
        heads=tuple(_head(graph, name) for name in graph.heads),
        problems=tuple(one.message for one in graph.problems),
    )


def _head(graph: Graph, name: str) -> Revision:
    above = graph.ancestors(name, dependencies=False)
    labels = {label for one in (name, *above) for label in graph.nodes[one].labels}
    doc = graph.nodes[name].doc.strip().partition("\n")[0]
    return Revision(id=name, message=doc, labels=tuple(sorted(labels)))


def _with_databases(
    standings: Sequence[Standing],
    found: Sequence[Environment],
    options: Options,
    subject: Subject,
) -> list[Standing]:
    with ExitStack() as stack:
        place = stack.enter_context(asking.opened(options, subject))
        pairs = zip(standings, found, strict=True)
        return [_with_database(one, environment, place) for one, environment in pairs]


def _with_database(standing: Standing, environment: Environment, place: asking.Place) -> Standing:
    try:
        told = asking.ask(place, environment, asking.Request(operation="look"))
    except RevguardError as error:
        failure = Failure(message=error.message, hint=error.hint, exit_code=error.exit_code)
        return replace(standing, looked=True, database=failure)
    known_keys = known.known_drift(place.subject, environment)
    unknown = {one.id for database in told.databases for one in database.unknown}
    homes = (
        elsewhere.find(place.subject, environment, told.locations, one) for one in sorted(unknown)
    )
    return replace(
        standing,
        looked=True,
        databases=tuple(one.without(known_keys) for one in told.databases),
        elsewhere=tuple(one for one in homes if one is not None),
    )
