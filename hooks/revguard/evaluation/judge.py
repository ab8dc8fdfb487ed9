"""One environment judged: a subject in, an EnvironmentReport (or nothing to say) out."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from revguard.config import Settings
from revguard.environments import Environment
from revguard.errors import CouldNotCheck
from revguard.evaluation import failures
from revguard.evaluation.evaluate import Evaluated, Surroundings, Task, evaluate
from revguard.evaluation.serving import Serving
from revguard.evaluation.subject import Histories, Subject, histories
from revguard.history.graph import new_ids
from revguard.records import Record, Records, digest
from revguard.rules import drift, history, proof, with_severities
from revguard.rules.ignores import apply
from revguard.sources import Sources
from revguard.staging import trees
from revguard.verdict import (
    DatabaseInfo,
    EnvironmentReport,
    Finding,
    InterpreterInfo,
    NewRevision,
    ProofStep,
    SchemaChange,
    environment_from_dict,
    environment_to_dict,
    verdict_of,
)


class Broken(Exception):
    """The history cannot be loaded; its findings say why."""

    def __init__(self, findings: list[Finding], found: Histories) -> None:
        super().__init__("broken history")
        self.findings = findings
        self.histories = found


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that a judgement needs to know."""

    subject: Subject
    around: Surroundings
    settings: Settings
    records: Records
    today: datetime.date
    message: str | None = None
    generate: bool = True

    @property
    def made_with(self) -> str:
        """What a record must have been made with to speak here."""
        one = self.around.interpreter
        return digest(
            self.around.environment, one.path, one.python, one.alembic, one.sqlalchemy,
            sorted(self.settings.rules.items()), self.settings.waivers, self.message,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The report, and what the next run may rely on."""

    report: EnvironmentReport
    observed: Mapping[str, Any] | None
    record: Record | None = None


def judge(case: Case) -> Judged:
    """Judge one environment. CouldNotCheck and ConfigError propagate."""
    known = _from_records(case)
    if known is not None:
        return known
    started = time.monotonic()
    remembered = case.records.newest()[:1]
    roots = list(case.around.environment.roots)
    if remembered and remembered[0].root in roots:
        roots.sort(key=lambda root: root != remembered[0].root)
    for root in roots:
        try:
            return _judge_at(case, root, remembered, started)
        except Broken as broken:
            return _broken(case, broken)
        except failures.ModuleMissing:
            if root == roots[-1]:
                raise
    raise AssertionError("an environment has at least one root")


def _from_records(case: Case) -> Judged | None:
    """The report of an earlier run on the same relevant content."""
    record = case.records.report_for(
        case.subject.tree,
        case.subject.parents,
        case.subject.base,
        case.made_with,
        case.today.isoformat(),
    )
    if record is None or record.report is None:
        return None
    try:
        report = environment_from_dict(record.report)
    except ValueError:
        return None
    return Judged(report=replace(report, cached="tree"), observed=record.observed, record=record)


def _judge_at(case: Case, root: str, remembered: Sequence[Record], started: float) -> Judged:
    environment = case.around.environment
    last = remembered[0] if remembered else None
    locations = environment.version_locations or (last.version_locations if last else None)
    hint = environment.url_hint
    dialect = environment.settings.driver or (last.dialect if last else None)
    parent = _parent_record(case)
    known = _known_now(case)

    def read(found: tuple[str, ...]) -> Histories:
        return _checked(case, histories(case.subject, environment, found))

    if locations:
        read(locations)
    proven, base_record = _proven(case, parent, known, locations)
    task = Task(
        subject=case.subject,
        root=root,
        histories=read,
        locations=locations or None,
        dialect=(dialect or (hint[0] if hint else None) or "").partition("+")[0] or None,
        generate=case.generate,
        message=case.message,
        proven=proven,
        waived=waived(case),
        known=known,
        ask_known=lambda serving: _known_of_parents(case, serving, root, locations),
    )
    evaluated = evaluate(case.around, task)
    judgement = _Judgement(case, evaluated, base_record)
    report = judgement.report(int((time.monotonic() - started) * 1000))
    record = judgement.record(report)
    case.records.save(record)
    return Judged(report=report, observed=record.observed, record=record)


def _checked(case: Case, found: Histories) -> Histories:
    """The histories, if they can be loaded."""
    if found.graph.problems:
        python = tuple(int(part) for part in case.around.interpreter.python.split(".")[:2])
        on_disk = _on_disk(case, found)
        problems = history.broken_graph(found.graph, on_disk, python=(python[0], python[1]))
        if problems:
            raise Broken(problems, found)
    return found


def _on_disk(case: Case, found: Histories) -> list[Any]:
    """Scripts of the working tree that the judged tree does not have."""
    if not case.subject.in_working_tree:
        return []
    from revguard.staging.untracked import untracked

    locations = case.around.environment.version_locations or sorted(
        {node.path.rpartition("/")[0] for node in found.graph.nodes.values()}
    )
    found_files = [
        item
        for location in locations
        for item in untracked(case.subject.repo, case.subject.tree, location)
    ]
    files = []
    for item in found_files:
        try:
            content = Path(case.subject.repo.toplevel, item.path).read_bytes()
        except OSError:
            continue
        files.append((item.path, item.state, content))
    return files


def _parent_record(case: Case) -> Record | None:
    if len(case.subject.parents) != 1:
        return None
    return case.records.speaking_for(case.subject.parents[0], case.made_with)


def _known_now(case: Case) -> list[str] | None:
    """Keys of what the parents had already, where records tell; None where they do not."""
    keys: list[str] = []
    config = case.around.environment.config
    for parent in case.subject.parents:
        record = case.records.speaking_for(parent, case.made_with)
        if record is not None:
            keys.extend(key for key in record.drift if key not in keys)
        elif config is None or config in trees.listing(case.subject.repo, parent):
            return None
    return keys


def waived(case: Case) -> tuple[str, ...]:
    """The differences that are allowed today, as "operation object"."""
    return tuple(
        f"{waiver.operation} {waiver.object}"
        for waiver in case.settings.waivers
        if waiver.holds(case.today)
    )


def _proven(
    case: Case,
    parent: Record | None,
    known: list[str] | None,
    locations: tuple[str, ...] | None,
) -> tuple[tuple[str, ...], Record | None]:
    """The parent's metadata, if having the same means having nothing new: neither the history nor
    env.py nor what it hands to Alembic differ from the parent's."""
    if parent is None or parent.digest is None or known is None or not locations:
        return (), None
    folders = (*locations, parent.script_location)
    watched = {*parent.hook_files, *(case.around.environment.config or "",)}
    for change in trees.changes(case.subject.repo, parent.tree, case.subject.tree):
        if change.path in watched or change.path.rpartition("/")[2] == "pyproject.toml":
            return (), None
        if any(change.path.startswith(f"{folder}/") for folder in folders):
            return (), None
    return (parent.digest,), parent


def _known_of_parents(
    case: Case, serving: Serving, root: str, locations: tuple[str, ...] | None
) -> list[str]:
    """Keys of what differed at the parents already; evaluates those that no record speaks for."""
    keys: list[str] = []
    config = case.around.environment.config
    for parent in case.subject.parents:
        record = case.records.speaking_for(parent, case.made_with)
        if record is None:
            if config is not None and config not in trees.listing(case.subject.repo, parent):
                continue
            case.around.progress("evaluating the parent commit")
            record = _evaluate_parent(case, parent, serving, root, locations)
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
    server = serving.server
    if server is not None and len(case.subject.parents) == 1:
        shared = lambda: server.clone(f"parent{case.around.run.number()}")  # noqa: E731
    evaluated = evaluate(
        case.around,
        Task(
            subject=subject,
            root=root,
            histories=read,
            locations=locations,
            dialect=None,
            generate=False,
            known=[],
            database=shared,
        ),
    )
    _refuse_nothing(evaluated)
    record = _record(case, evaluated, subject, tuple(evaluated.result["drift"]))
    case.records.save(record)
    return record


def _record(case: Case, evaluated: Evaluated, subject: Subject, keys: tuple[str, ...]) -> Record:
    environment = case.around.environment
    observed = evaluated.observed
    files = {*observed["files"], *(n.path for n in evaluated.histories.graph.nodes.values())}
    files |= {path for path in (environment.config, environment.toml) if path}
    folders = dict(observed["folders"])
    for location in evaluated.locations:
        folders[location] = sorted(
            path[len(location) + 1 :].partition("/")[0]
            for path in subject.listing
            if path.startswith(location + "/")
        )
    return Record(
        tree=subject.tree,
        observed={
            "files": sorted(files),
            "folders": folders,
            "roots": observed["roots"],
            "attempted": observed["attempted"],
            "absent": observed["absent"],
            "watch": list(environment.settings.watch),
        },
        settings=case.made_with,
        digest=evaluated.result["digest"],
        drift=keys,
        root=evaluated.root,
        version_locations=evaluated.locations,
        script_location=observed.get("script_location", ""),
        hook_files=tuple(observed["hook_files"]),
        dialect=evaluated.database.dialect if evaluated.database else "",
        driver=evaluated.driver,
    )


def _refuse_nothing(evaluated: Evaluated) -> None:
    """Nothing is clean because nothing ran."""
    result, observed = evaluated.result, evaluated.observed
    if result["same"]:
        return
    failure = result["failure"]
    if failure and failure["kind"] == "replay":
        raise failures.of_replay(failure)
    if failure and failure["kind"] == "stopped":
        raise CouldNotCheck("the run of env.py was stopped before anything was compared")
    if not observed["connections"]:
        raise CouldNotCheck(
            "env.py opened no connection, so nothing was compared",
            hint="Does it loop over tenants or databases of which there are none here?",
        )
    if not result["runs"]:
        raise CouldNotCheck(
            "env.py connected but ran no migrations: context.run_migrations() was not called",
        )
    if result["premade"]:
        raise CouldNotCheck(
            "something made tables before the first revision ran "
            f"({', '.join(name.partition(' ')[2] for name in result['premade'][:3])}): does the "
            "application call create_all() or migrate when it starts?",
            hint="Keep it from doing so when env.py imports it; a comparison would find nothing.",
        )
    if result["metadata_tables"] == 0 and result["changes"]:
        raise CouldNotCheck(
            "the target metadata has no tables, though the database has: the models are not "
            "imported where env.py reads the metadata",
            hint="Import every module that defines models in env.py.",
        )
    if evaluated.histories.graph.nodes and not result["heads"] and not failure:
        if not any(step["result"] != "pass" for step in result["proof"]):
            raise CouldNotCheck("no revision was run: the version table is empty")


class _Judgement:
    """From what was evaluated to what is said."""

    def __init__(self, case: Case, evaluated: Evaluated, base_record: Record | None) -> None:
        self.case = case
        self.evaluated = evaluated
        self.base_record = base_record
        self.result: Mapping[str, Any] = evaluated.result
        self.graph = evaluated.histories.graph
        if self.result["same"] and base_record is None:
            raise AssertionError("only the parent's metadata was offered as proven")
        _refuse_nothing(evaluated)
        models = [
            path
            for path in evaluated.observed["files"]
            if not path.startswith(tuple(f"{folder}/" for folder in evaluated.locations))
        ]
        self.sources = Sources(models, case.subject.read)
        self.left = [self._change(item, covered=False) for item in self.result["left"]]

    def report(self, duration: int) -> EnvironmentReport:
        """The environment's report."""
        case, evaluated = self.case, self.evaluated
        one = case.around.interpreter
        new = self._new_ids()
        scripts = self.result["scripts"]
        path = scripts[0]["path"] if scripts and not new else None
        findings = self._findings(new)
        return EnvironmentReport(
            name=case.around.environment.name,
            config=case.around.environment.config,
            verdict=verdict_of(findings),
            cached="schema"
            if self.result["same"]
            else "snapshot"
            if evaluated.from_snapshot
            else "no",
            database=self._database(),
            interpreter=InterpreterInfo(
                path=one.path, python=one.python, alembic=one.alembic, sqlalchemy=one.sqlalchemy
            ),
            heads=tuple(self.graph.heads),
            known_drift=self._known_drift(),
            new_revisions=tuple(self._new_revision(name) for name in new),
            changes=self._changes(),
            script=scripts[0]["text"] if scripts else None,
            script_path=path,
            sql=self._sql(),
            proof=tuple(
                ProofStep(
                    step=step["step"], result=step["result"], reason=step["reason"], ms=step["ms"]
                )
                for step in self.result["proof"]
            ),
            findings=findings,
            timings_ms={**evaluated.timings_ms, "total": duration},
            notes=tuple(self.result["notes"]),
        )

    def record(self, report: EnvironmentReport) -> Record:
        """What the next run may rely on."""
        case = self.case
        keys = tuple(self.result["drift"])
        record = _record(case, self.evaluated, case.subject, keys)
        if self.result["same"] and self.base_record is not None:
            record = _continued(record, self.base_record)
        return replace(
            record,
            parents=case.subject.parents,
            base=case.subject.base,
            day=case.today.isoformat(),
            report=environment_to_dict(report),
            notes={"fresh": [item["key"] for item in self.result["left"]]},
        )

    def _database(self) -> DatabaseInfo | None:
        database = self.evaluated.database
        if database is None:
            return None
        return DatabaseInfo(
            provider=database.provider,
            dialect=database.dialect,
            server_version=database.server_version,
        )

    def _known_drift(self) -> int:
        if self.result["same"] and self.base_record is not None:
            return len(self.base_record.drift)
        return int(self.result["known"])

    def _new_ids(self) -> tuple[str, ...]:
        return tuple(new_ids(self.graph, self.evaluated.histories.parents))

    def _new_revision(self, name: str) -> NewRevision:
        node = self.graph.nodes[name]
        return NewRevision(id=name, path=node.path, down_revision=node.down)

    def _change(self, item: Mapping[str, Any], *, covered: bool) -> SchemaChange:
        return SchemaChange(
            op=item["op"],
            object=item["object"],
            detail=item["detail"],
            covered=covered,
            source=self.sources.find(item["table"], item["name"]),
        )

    def _changes(self) -> tuple[SchemaChange, ...]:
        """What the change brings: the new differences, and those that its revision deals with."""
        left = {item["key"] for item in self.result["left"]}
        remaining = set(self.result["drift"])
        covered = [
            self._change(item, covered=True)
            for item in self.result["changes"]
            if item["key"] not in remaining
        ]
        shown = [self._change(i, covered=False) for i in self.result["left"] if i["key"] in left]
        return (*covered, *shown)

    def _sql(self) -> str:
        statements = [text for step in self.result["upgrades"] for text in step["statements"]]
        return "".join(f"{text.rstrip(';')};\n" for text in statements)

    def _findings(self, new: Sequence[str]) -> tuple[Finding, ...]:
        case, found = self.case, self.evaluated.histories
        findings = history_findings(case, found)
        scripts = self.result["scripts"]
        generated = bool(scripts) and not new
        path = self.graph.nodes[new[-1]].path if new else scripts[0]["path"] if scripts else ""
        findings += drift.missing_revision(self.left, new)
        failure = self.result["failure"]
        findings += proof.failed_step(failure)
        findings += drift.incomplete_revision(self.left, new, self.graph)
        if generated:
            findings += proof.not_converging(self.result["still"], path)
        findings += proof.differing_round_trip(self.result["proof"], path)
        if not generated:
            findings += drift.empty_revision(self.result["upgrades"], self.graph)
        line = self.graph.nodes[new[-1]].line if new else 0
        allowed = waived(case)
        changes = [one for one in self._changes() if f"{one.op} {one.object}" not in allowed]
        findings += drift.destructive(changes, path, line)
        if case.subject.in_working_tree:
            findings += history.untracked_revision(
                _on_disk(case, found), self.graph, needed=bool(self.left)
            )
        return finished(case, findings, complete=failure is None and not self.result["same"])


def _continued(record: Record, before: Record) -> Record:
    """A run that ended at the first connection saw less than the one that it relies on."""
    from revguard.observed import merge

    return replace(
        record,
        observed=merge([record.observed, before.observed]),
        drift=before.drift,
        hook_files=before.hook_files,
        dialect=before.dialect,
        driver=before.driver,
        digest=before.digest,
    )


def history_findings(case: Case, found: Histories) -> list[Finding]:
    """The findings on the graph alone."""
    subject = case.subject
    new = new_ids(found.graph, found.parents)

    def load(oids: list[str]) -> Mapping[str, bytes]:
        return trees.read_blobs(subject.repo, oids)

    findings = history.multiple_heads(found.graph, found.parents)
    findings += history.several_revisions(
        found.graph, new, case.around.environment.settings.one_per
    )
    findings += history.edited_revision(
        found.base, found.graph, found.parents, load, base=subject.base_name
    )
    findings += history.deleted_revision(
        found.base, found.graph, found.parents, base=subject.base_name
    )
    return findings


def finished(case: Case, findings: Sequence[Finding], *, complete: bool) -> tuple[Finding, ...]:
    """Ignore comments applied, severities set."""
    subject = case.subject
    touched = [
        change.path
        for parent in subject.parents or (None,)
        for change in trees.changes(subject.repo, parent, subject.tree)
        if change.path.endswith(".py") and change.new is not None and change.new.mode != "160000"
    ]
    outcome = apply(
        findings,
        lambda path: subject.read([path]).get(path),
        scanned=sorted(set(touched)),
        today=case.today,
        complete=complete,
    )
    return tuple(with_severities(outcome.findings, case.settings.rules))


def _broken(case: Case, broken: Broken) -> Judged:
    found = broken.histories
    one = case.around.interpreter
    findings = finished(case, broken.findings, complete=False)
    report = EnvironmentReport(
        name=case.around.environment.name,
        config=case.around.environment.config,
        verdict=verdict_of(findings),
        interpreter=InterpreterInfo(
            path=one.path, python=one.python, alembic=one.alembic, sqlalchemy=one.sqlalchemy
        ),
        heads=tuple(found.graph.heads),
        findings=findings,
    )
    return Judged(report=report, observed=None)
