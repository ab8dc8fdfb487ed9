"""The plan of `revguard init`: options in, steps and a report of what they lead to out."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from revguard import pipeline
from revguard.errors import UsageError
from revguard.evaluation import choosing
from revguard.init import environment, files, hookentry, steps, workflow, writing
from revguard.init.environment import Wish
from revguard.init.files import Files
from revguard.init.steps import Step
from revguard.staging import drafts, plumbing
from revguard.verdict import EnvironmentReport, Report

if TYPE_CHECKING:
    from revguard.config import Settings
    from revguard.environments import Environment
    from revguard.evaluation.subject import Subject
    from revguard.options import Options
    from revguard.staging.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The flags of the command."""

    template: str | None = None
    local_hook: bool = False
    hook: bool = True
    workflow: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is to be done."""

    repo: Repository
    steps: tuple[Step, ...]
    report: Report  # of the tree as it would be
    is_new: bool  # whether it makes the environment

    @property
    def could_not_check(self) -> bool:
        """Whether env.py of an environment did not run."""
        return self.report.verdict == "error"

    @property
    def lacks_revision(self) -> bool:
        """Whether a proven script is all that is missing."""
        return any(
            one.script is not None and all(step.result != "fail" for step in one.proof)
            for one in self.report.environments
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    """What the hook and the workflow are written for."""

    home: str
    python: str  # its version


def plan(options: Options, wanted: Wanted) -> Plan:
    """Look at the working tree, and decide. UsageError, ConfigError, CouldNotCheck."""
    target = choosing.choose(replace(options, worktree=True))
    settings = choosing.settings_of(target)
    subject = choosing.subject_of(target, settings, options)
    found = files.of(subject)
    below = _below(options.directory, subject.repo.toplevel)
    there = _environments(subject, settings, options)
    here = [one for one in there if _concerns(one, below)]
    if here:
        project = _Project(home=_folder(here[0]), python="")
        done = [_found(one) for one in here]
    else:
        wish = Wish(below=below, template=wanted.template, python=settings.python, others=there)
        made = environment.make(subject, found, wish, options)
        project = _Project(home=made.home, python=made.interpreter.python)
        done = list(made.steps)
    done += _around(subject, found, wanted, project)
    report = _checked(subject, done, options)
    told = [_outcome(one) for one in report.environments]
    return Plan(repo=subject.repo, steps=(*done, *told), report=report, is_new=not here)


def _below(directory: str, toplevel: str) -> str:
    path = os.path.relpath(os.path.realpath(directory), toplevel).replace(os.sep, "/")
    return "" if path == "." else path


def _environments(subject: Subject, settings: Settings, options: Options) -> list[Environment]:
    try:
        return choosing.discovered(subject, settings, replace(options, environments=()))[0]
    except UsageError:  # there is none yet
        return []


def _folder(one: Environment) -> str:
    return posixpath.dirname(one.config or "") or one.root


def _concerns(one: Environment, below: str) -> bool:
    """Whether an environment is of the project that the command was typed in."""
    folder = _folder(one)
    above = not folder or f"{below}/".startswith(f"{folder}/")
    return above or not below or f"{folder}/".startswith(f"{below}/")


def _found(one: Environment) -> Step:
    where = one.config or "built in code"
    return Step(topic="alembic", said=f"{one.name} ({where}) is there: nothing of it is changed")


def _around(subject: Subject, found: Files, wanted: Wanted, project: _Project) -> Iterator[Step]:
    if wanted.hook:
        before = writing.current(subject.repo, hookentry.PATH)
        yield hookentry.step(before, local=wanted.local_hook)
    if wanted.workflow:
        yield workflow.step(_built(subject, found, project))


def _built(subject: Subject, found: Files, project: _Project) -> workflow.Project:
    flows = workflow.workflows(found.paths)
    remotes = plumbing.run(subject.repo, "config", "--get-regexp", r"^remote\..*\.url$").text()
    return workflow.Project(
        home=project.home,
        files=found.paths,
        python=_python(found, project),
        texts={path: found.other[path] for path in flows if path in found.other},
        remotes=tuple(line.partition(" ")[2] for line in remotes.splitlines()),
    )


def _python(found: Files, project: _Project) -> str:
    """The project's version of Python, "3.12"."""
    for folder in dict.fromkeys((project.home, "")):
        told = found.other.get(posixpath.join(folder, ".python-version"), b"")
        parts = told.decode("utf-8", "replace").strip().split(".")
        if len(parts) > 1 and all(part.isdigit() for part in parts[:2]):
            return ".".join(parts[:2])
    return ".".join(project.python.split(".")[:2]) or "3.x"


def _checked(subject: Subject, done: list[Step], options: Options) -> Report:
    """The report of the working tree with the steps done."""
    tree = drafts.holding(subject.repo, subject.tree, steps.files(done))
    return pipeline.check(replace(options, command="check", tree=tree, all=True, environments=()))


def _outcome(one: EnvironmentReport) -> Step:
    if one.verdict == "error":
        said = f"{one.name}: could not check: {one.error}"
        return Step(topic="check", said=said, hint=one.hint)
    server = f"{one.database.dialect} by {one.database.provider}" if one.database else "?"
    if one.script is not None and not one.new_revisions:
        proof = ", ".join(f"{step.step} {_RESULTS[step.result]}" for step in one.proof)
        count = f"{len(one.changes)} change{'s' if len(one.changes) != 1 else ''}"
        what = (
            f"{count} lack a revision" if one.heads else f"the first revision ({count}) is missing"
        )
        return Step(
            topic="check",
            said=f"{one.name}: env.py runs; {what}; it was proven on {server}: {proof}",
            hint="" if one.heads else _STAMP,
        )
    known = f", {one.known_drift} known differences (they do not block)" if one.known_drift else ""
    errors = [finding for finding in one.findings if finding.severity == "error"]
    if errors:
        said = "; ".join(f"{finding.rule}: {finding.message}" for finding in errors)
        return Step(topic="check", said=f"{one.name}: {said}{known}", hint=errors[0].hint)
    heads = ", ".join(one.heads) or "none"
    return Step(topic="check", said=f"{one.name}: in order on {server}, heads: {heads}{known}")


_STAMP = "a database that has these tables already: `alembic stamp head` once, when it is there"
_RESULTS = {"pass": "passed", "fail": "failed", "skipped": "skipped"}
