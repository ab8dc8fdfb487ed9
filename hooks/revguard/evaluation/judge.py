"""One environment judged: a case in, its report and what the next run may rely on out."""

from __future__ import annotations

import time
from collections.abc import Sequence

from revguard.evaluation import failures
from revguard.evaluation.case import Case, Judged
from revguard.evaluation.evaluate import Task, evaluate
from revguard.evaluation.findings import BrokenHistoryError, checked, finished
from revguard.evaluation.parents import known_now, known_of_parents, parent_record, proven
from revguard.evaluation.reporting import Judgement
from revguard.evaluation.subject import Histories, histories
from revguard.records import Record
from revguard.verdict import (
    EnvironmentReport,
    InterpreterInfo,
    verdict_of,
)


def judge(case: Case) -> Judged:
    """Judge one environment. CouldNotCheck and ConfigError propagate."""
    started = time.monotonic()
    remembered = case.records.newest()[:1]
    roots = list(case.around.environment.roots)
    if remembered and remembered[0].root in roots:
        roots.sort(key=lambda root: root != remembered[0].root)
    for root in roots[:-1]:
        try:
            return _judge_at(case, root, remembered, started)
        except failures.ModuleMissing:  # noqa: PERF203  (env.py may import from the next)
            continue
    return _judge_at(case, roots[-1], remembered, started)


def _judge_at(case: Case, root: str, remembered: Sequence[Record], started: float) -> Judged:
    try:
        return _evaluated_at(case, root, remembered, started)
    except BrokenHistoryError as broken:
        return _broken(case, broken)


def _evaluated_at(case: Case, root: str, remembered: Sequence[Record], started: float) -> Judged:
    environment = case.around.environment
    last = remembered[0] if remembered else None
    locations = environment.version_locations or (last.version_locations if last else None)
    hint = environment.url_hint
    dialect = environment.settings.driver or (last.dialect if last else None)
    parent = parent_record(case)
    known = known_now(case)

    def read(found: tuple[str, ...]) -> Histories:
        return checked(case, histories(case.subject, environment, found))

    found = read(locations) if locations else None
    same, base_record = proven(case, parent, known, found)
    task = Task(
        subject=case.subject,
        root=root,
        histories=read,
        locations=locations or None,
        dialect=(dialect or (hint[0] if hint else None) or "").partition("+")[0] or None,
        generate=case.generate,
        message=case.message,
        proven=same,
        waived=case.waived,
        known=known,
        ask_known=lambda serving: known_of_parents(case, serving, root, locations),
    )
    evaluated = evaluate(case.around, task)
    judgement = Judgement(case, evaluated, base_record)
    report = judgement.report(int((time.monotonic() - started) * 1000))
    record = judgement.record(report)
    case.records.save(record)
    return Judged(report=report, observed=record.observed, record=record)


def _broken(case: Case, broken: BrokenHistoryError) -> Judged:
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
