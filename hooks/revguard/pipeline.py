"""The whole flow on one screen: options in, a report out."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from revguard import cachedir, fast, preparing, scratch, subprocesses
from revguard.config import Settings
from revguard.environments import Environment
from revguard.errors import RevguardError
from revguard.evaluation import choosing, inert
from revguard.evaluation.case import Case, Judged, judged_before
from revguard.evaluation.recorded import Recorded
from revguard.evaluation.subject import Subject
from revguard.observed import merge
from revguard.options import Options
from revguard.records import Record
from revguard.rules import with_severities
from revguard.rules.drift import MISSING
from revguard.rules.models import RENAME
from revguard.rules.waivers import unused
from revguard.staging import ranges, repository
from revguard.staging.entries import unstaged_after
from revguard.staging.putting_back import put_back
from revguard.verdict import EnvironmentReport, Finding, Report, overall, verdict_of

if TYPE_CHECKING:
    import datetime

    from revguard.project import Interpreter
    from revguard.runs import Run

_TO_ADD = (MISSING, RENAME)  # `revguard add` mends these


def check(options: Options) -> Report:
    """Judge what the options name; with the command ``add`` also write what is missing.

    A failure in one environment is that environment's; UsageError and ConfigError about the whole
    propagate.
    """
    started = time.monotonic()
    _sweep(options)
    with ExitStack() as stack:
        repo = repository.find(options.directory, options.environ)
        undone = put_back(repo)
        target = choosing.choose(options, repo)
        settings = choosing.settings_of(target)
        subject = choosing.subject_of(target, settings, options)
        found, _skipped = choosing.discovered(subject, settings, options)
        work = _Work(options, subject, settings, stack, found)
        unaffected = {one.name: work.known.unaffected(one) for one in found}
        affected = [one for one in found if options.all or unaffected[one.name] is None]
        judged = work.judge(affected)
        blocks = options.command == "check" or repository.is_making_a_merge(subject.repo)
        if not blocks:
            judged = work.add(judged)
        if len(affected) == len(found) and not options.environments:
            judged = _with_unused_waivers(settings, judged, options.today)
        if not options.environments and not options.no_cache:
            work.remember(judged, [record for record in unaffected.values() if record is not None])
        merged = subject.range.note if subject.range else ""
        more = tuple(filter(None, (merged, _undone(undone))))
        reports = tuple(_noted(one.report, settings, found, more) for one in judged)
        if blocks:
            reports = tuple(_hinted(one, subject) for one in reports)
        if reports and work.run is not None:
            said = (*reports[0].notes, *work.run.notes)
            reports = (replace(reports[0], notes=said), *reports[1:])
    return Report(
        verdict=overall(reports),
        tree=subject.tree,
        duration_ms=int((time.monotonic() - started) * 1000),
        environments=reports,
    )


def judged(
    options: Options,
    subject: Subject,
    settings: Settings,
    found: Sequence[Environment],
    wanted: Sequence[Environment],
) -> list[Judged]:
    """Judge some of the environments of a tree, whatever of it has changed."""
    _sweep(options)
    with ExitStack() as stack:
        work = _Work(options, subject, settings, stack, found)
        for one in found:
            work.known.unaffected(one)  # what the others read counts there, too
        return work.judge(wanted)


def _sweep(options: Options) -> None:
    """Remove what killed runs left, also where this run will need no folders of its own."""
    scratch.sweep(options.environ)
    if cachedir.has_runs(options.environ):
        from revguard import runs

        runs.sweep(cachedir.cache_dir(options.environ))


def _undone(paths: Sequence[str]) -> str:
    if not paths:
        return ""
    shown = ranges.shown(tuple(paths))
    return f"an earlier revguard was killed while it changed files: {shown} are as before again"


def _noted(
    report: EnvironmentReport,
    settings: Settings,
    found: Sequence[Environment],
    more: tuple[str, ...],
) -> EnvironmentReport:
    """With what is configured and makes no difference: never silently ignored."""
    said = next(one.settings for one in found if one.name == report.name)
    provider = report.database.provider if report.database else ""
    return replace(report, notes=(*report.notes, *more, *inert.notes(settings, said, provider)))


def _hinted(report: EnvironmentReport, subject: Subject) -> EnvironmentReport:
    """With what goes around a command of ours, where the index does not hold the change."""
    findings = [
        replace(one, hint="".join(_around(subject, one))) if _names_us(one) else one
        for one in report.findings
    ]
    return replace(report, findings=tuple(findings))


def _around(subject: Subject, finding: Finding) -> tuple[str, str, str]:
    """What comes before the hint, the hint, and what comes after it."""
    repo, first, last = subject.repo, "", ""
    if subject.in_working_tree:
        first = unstaged_after(repo)
        if finding.rule in _TO_ADD and repository.is_making_a_merge(repo):
            last = "; then `git commit` concludes the merge"
    elif subject.range is not None and finding.rule in _TO_ADD:
        first = ranges.taken_back(repo, subject.range)
    return (f"{first}, then " if first else ""), finding.hint, last


def _names_us(finding: Finding) -> bool:
    """Whether the hint is a command of ours that looks at what is staged."""
    added = finding.rule in _TO_ADD and bool(finding.hint)
    return added or "`revguard rebase" in finding.hint


def _with_unused_waivers(
    settings: Settings, judged: list[Judged], today: datetime.date
) -> list[Judged]:
    """Every environment was judged, so a waiver that none of them needs is one too many."""
    records = [one.record for one in judged if one.record is not None]
    if not settings.waivers or len(records) != len(judged) or not judged:
        return judged
    keys = {key for record in records for key in (*record.drift, *record.missing)}
    # what a revision of this very change makes good was there until now
    keys |= {f"{one.op} {one.object}" for each in judged for one in each.report.changes}
    first = judged[0].report
    found = with_severities(unused(settings.waivers, keys, today), settings.rules)
    added = (*first.findings, *found)
    report = replace(first, findings=added, verdict=verdict_of(added, error=first.error))
    return [replace(judged[0], report=report), *judged[1:]]


@dataclass
class _Work:
    """The judging of one run's environments, and what they share."""

    options: Options
    subject: Subject
    settings: Settings
    stack: ExitStack
    found: Sequence[Environment]
    lock: threading.Lock = field(default_factory=threading.Lock)
    run: Run | None = None
    interpreters: list[Interpreter] = field(default_factory=list)
    with_env_file: bool = False
    added_tree: str | None = None

    @cached_property
    def known(self) -> Recorded:
        """What earlier runs know of the environments."""
        return Recorded(self.subject, self.found, enabled=not self.options.no_cache)

    def judge(self, affected: Sequence[Environment]) -> list[Judged]:
        """Judge the environments, side by side where there are cores."""
        if len(affected) < 2:
            return [self._judge_safely(one) for one in affected]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return list(pool.map(self._judge_safely, affected))

    def the_run(self) -> Run:
        """This run's folders and processes; what dead runs left is swept before the first."""
        with self.lock:
            if self.run is None:
                from revguard import runs

                cache = cachedir.cache_dir(self.options.environ)
                limit = cachedir.snapshots_limit(self.options.environ)
                runs.sweep(cache)
                signals = subprocesses.Held()
                with signals:
                    self.run = self.stack.enter_context(runs.Run(cache, snapshots_limit=limit))
                signals.deliver()
            return self.run

    def _judge_safely(self, environment: Environment) -> Judged:
        try:
            return self._judge(environment)
        except RevguardError as error:
            report = EnvironmentReport(
                name=environment.name,
                config=environment.config,
                verdict="error",
                error=error.message,
                hint=error.hint,
                exit_code=error.exit_code,
            )
            return Judged(report=report, observed=None)

    def _judge(self, environment: Environment) -> Judged:
        options, subject, settings = self.options, self.subject, environment.settings
        toplevel = subject.repo.toplevel
        interpreter = preparing.interpreter(options, environment, toplevel)
        self.interpreters.append(interpreter)
        self.with_env_file = self.with_env_file or settings.env_file is not None
        around = preparing.surroundings(options, environment, interpreter, toplevel, self.the_run)
        case = Case(
            subject=subject,
            around=around,
            settings=self.settings,
            records=self.known.of(environment),
            today=options.today,
            message=options.message,
            renamed=options.renamed,
            renames="never" if options.no_rename else environment.settings.renames,
            others=tuple(one for one in self.found if one is not environment),
        )
        known = judged_before(case)
        if known is not None:
            return known
        from revguard.project.launch import Worker

        with Worker.of(around) as worker:
            # it loads Alembic while we load the databases, the rules and what is to be judged
            from revguard.evaluation.judge import judge

            return judge(case, worker)

    def add(self, judged: Sequence[Judged]) -> list[Judged]:
        """Put what is missing into the commit."""
        from revguard.adding import add_scripts, remember_added

        results = add_scripts(self.subject, judged, stage=self.options.stage)
        if not self.options.stage:
            return results
        by_name = {one.name: one for one in self.found}
        for index, (before, after) in enumerate(zip(judged, results, strict=True)):
            if before is not after and before.record is not None:
                known = self.known.of(by_name[before.report.name])
                record = remember_added(self.subject, known, before.record, after)
                self.added_tree = record.tree
                results[index] = replace(after, record=record, observed=record.observed)
        return results

    def remember(self, judged: Sequence[Judged], unaffected: Sequence[Record]) -> None:
        """Write down what the next commit's quick ways out need."""
        options, subject = self.options, self.subject
        if options.worktree or options.tree or not subject.in_working_tree:
            return
        observed: list[Mapping[str, Any]] = [record.observed for record in unaffected]
        for one in judged:
            if one.observed is None:
                return
            observed.append(one.observed)
        local = os.path.exists(os.path.join(subject.repo.toplevel, "revguard.toml"))
        tree, answer = self.added_tree, None
        if tree is None:
            tree, answer = subject.tree, self._answer(judged)
        fast.remember(str(subject.cache), tree, merge(observed), local, answer)

    def _answer(self, judged: Sequence[Judged]) -> dict[str, Any] | None:
        """What the verdict depended on besides the tree; None where that is not all in files."""
        head = fast.ref(self.subject.repo.git_dir, "HEAD")
        if head is None or len(self.subject.parents) != 1 or self.with_env_file:
            return None
        if any(one.record is not None and one.record.report is None for one in judged):
            return None  # it rests on more than files of the tree
        base = self.settings.base or "main"
        names = ("HEAD", base, f"refs/heads/{base}", f"refs/remotes/{base}")
        remotes = tuple(f"refs/remotes/origin/{name}" for name in ("HEAD", "main", "master"))
        locations = {name for one in judged if one.record for name in one.record.version_locations}
        interpreters = [p for one in self.interpreters for p in (one.path, *one.site_packages)]
        folders = [os.path.join(self.subject.repo.toplevel, name) for name in locations]
        return {
            "refs": {name: fast.ref(self.subject.repo.git_dir, name) for name in names + remotes},
            "stamps": {
                path: os.stat(path).st_mtime_ns
                for path in (*interpreters, *folders)  # a script may come to lie in a folder
                if os.path.exists(path)
            },
        }
