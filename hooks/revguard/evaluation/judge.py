"""One environment judged: a case in, its report and what the next run may rely on out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from revguard.evaluation import extending, failures, imports, lacking, locking
from revguard.evaluation.before import histories
from revguard.evaluation.case import Case, Judged
from revguard.evaluation.evaluate import evaluate
from revguard.evaluation.findings import BrokenHistoryError, checked, finished
from revguard.evaluation.parents import (
    known_now,
    known_of_parents,
    names_schema,
    parent_record,
    proven,
)
from revguard.evaluation.reporting import Judgement
from revguard.evaluation.rewritten import pairs
from revguard.evaluation.subject import Histories
from revguard.evaluation.tasks import Evaluated, Task
from revguard.evaluation.unregistered import Unregistered
from revguard.project.launch import Worker
from revguard.records import Record
from revguard.verdict import EnvironmentReport, verdict_of


def judge(case: Case, worker: Worker) -> Judged:
    """Judge one environment by a worker that was started for it. CouldNotCheck, ConfigError."""
    started = time.monotonic()
    last = next(iter(case.records.newest()), None)
    roots = list(case.around.environment.roots)
    if last is not None and last.root in roots:
        roots.sort(key=lambda root: root != last.root)
    ready: Worker | None = worker
    missing: imports.ModuleMissing | None = None
    for root, other in zip(roots, [*roots[1:], None], strict=True):
        try:
            return _judge_at(case, root, last, ready, started)
        except imports.ModuleMissing as error:  # env.py may import from the next
            missing = error
            listing = case.subject.listing
            if other is not None and not imports.may_be_had(error.top, root, other, listing):
                break
        except failures.NotHere:
            if missing is None:
                raise
        ready = None
    assert missing is not None
    raise missing


def _judge_at(
    case: Case, root: str, last: Record | None, worker: Worker | None, started: float
) -> Judged:
    try:
        return _evaluated_at(case, root, last, worker, started)
    except BrokenHistoryError as broken:
        return _broken(case, broken)


def _evaluated_at(
    case: Case, root: str, last: Record | None, worker: Worker | None, started: float
) -> Judged:
    environment = case.around.environment
    locations = environment.version_locations or (last.version_locations if last else ()) or None
    parent = parent_record(case)
    known = known_now(case)
    read = _reader(case)
    notes: list[str] = []
    source = Unregistered(case)
    # with new tables the target metadata has to be looked at
    trusted = None if source.new else parent
    same, base_record = proven(case, trusted, known, read(locations) if locations else None)
    task = Task(
        subject=case.subject,
        root=root,
        histories=read,
        locations=locations,
        dialect=_dialect(case, last),
        driver=_driver(last),
        ahead=not same or names_schema(case, base_record),
        generate=True,
        message=case.message,
        renamed=case.renamed,
        renames=case.renames,
        diffed=lambda: pairs(case.subject),
        wanted=case.wanted,
        rows=case.rows,
        proven=same,
        waived=case.waived,
        declared=tuple((table.schema, table.name) for table in source.new),
        known=known,
        digest_of=lambda tree: _digest(case, tree),
        ask_known=lambda serving: known_of_parents(case, serving, root, locations, notes),
    )
    evaluated = _evaluated(case, task, worker)
    judgement = Judgement(case, evaluated, base_record, source, notes)
    report = judgement.report(int((time.monotonic() - started) * 1000))
    report = extending.extended(case, evaluated, report, lambda other: _judge_again(other, root))
    report = locking.with_head_files(case, evaluated, report)
    record = judgement.record(report)
    case.records.save(record)
    return Judged(report=report, observed=record.observed, record=record, result=evaluated.result)


def _judge_again(case: Case, root: str) -> EnvironmentReport:
    """The report on another tree of the same change."""
    return _evaluated_at(case, root, None, None, time.monotonic()).report


def _evaluated(case: Case, task: Task, worker: Worker | None) -> Evaluated:
    """Evaluate; where the server turns out to lack an extension, once more by one that has it."""
    try:
        return evaluate(case.around, task, worker)
    except lacking.ExtensionMissing as missing:
        if missing.name in task.missed:
            raise
        case.around.progress(f"looking for a database with the extension {missing.name}")
        return _evaluated(case, replace(task, missed=task.missed | {missing.name}), None)


def _reader(case: Case) -> Callable[[tuple[str, ...]], Histories]:
    """Reads the histories of version folders, once each."""
    found: dict[tuple[str, ...], Histories] = {}

    def read(locations: tuple[str, ...]) -> Histories:
        if locations not in found:
            environment = case.around.environment
            found[locations] = checked(case, histories(case.subject, environment, locations))
        return found[locations]

    return read


def _dialect(case: Case, last: Record | None) -> str | None:
    """The environment's dialect, as far as it is known before env.py connects."""
    environment = case.around.environment
    hint = environment.url_hint
    found = environment.settings.driver or (last.dialect if last else "") or (hint or ("",))[0]
    return found.partition("+")[0] or None


def _digest(case: Case, tree: str) -> str | None:
    """Of the metadata of a tree for which a record speaks."""
    record = case.records.speaking_for(tree, case.made_with)
    return record.digest if record else None


def _driver(last: Record | None) -> str:
    """What env.py connected with before, as the beginning of a URL."""
    return f"{last.dialect}+{last.driver}" if last and last.dialect and last.driver else ""


def _broken(case: Case, broken: BrokenHistoryError) -> Judged:
    found = broken.histories
    findings = finished(case, broken.findings, complete=False)
    report = EnvironmentReport(
        name=case.around.environment.name,
        config=case.around.environment.config,
        verdict=verdict_of(findings),
        interpreter=case.around.interpreter_info(),
        heads=tuple(found.graph.heads),
        findings=findings,
    )
    return Judged(report=report, observed=None)
