"""The whole rebase: options in, the branch's revisions moved, proven and staged, or nothing; an
Outcome out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from revguard import environments, pipeline
from revguard.environments import Environment
from revguard.environments.naming import file_template
from revguard.errors import ConfigError, CouldNotCheck, UsageError
from revguard.evaluation import choosing
from revguard.evaluation.case import Judged
from revguard.evaluation.known import locations_of
from revguard.options import Options
from revguard.rebasing import conflicts, heads, naming, planning, proving, reading, wording
from revguard.rebasing.values import Move, Own
from revguard.rebasing.wording import Edits
from revguard.staging import index, ranges, repository, rewriting, trees
from revguard.staging.drafts import draft
from revguard.staging.putting_back import put_back
from revguard.staging.repository import Repository
from revguard.verdict import EnvironmentReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a rebase does in one environment."""

    environment: Environment
    moves: tuple[Move, ...]  # those that change history, parents first
    heads: tuple[str, ...]  # landed
    report: EnvironmentReport | None = None

    @property
    def old_parents(self) -> tuple[str, ...]:
        """What the moved ones went on top of, but for one another."""
        own = {move.own.id for move in self.moves}
        found = (id_ for move in self.moves for id_ in move.own.down or ("base",))
        return tuple(dict.fromkeys(id_ for id_ in found if id_ not in own))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it. `written`: whether the scripts were moved, or nothing was to be done."""

    base_name: str
    environments: tuple[Moved, ...]
    edits: Edits
    written: bool
    undone: tuple[str, ...] = ()  # paths that a killed run had begun to change


def rebase(options: Options) -> Outcome:
    """Move, prove, stage. UsageError, ConfigError, CouldNotCheck: then nothing was written."""
    repo = repository.find(options.directory, options.environ)
    undone = put_back(repo)
    work = _Rebase(repo, options)
    moved, edits = work.planned()
    outcome = Outcome(
        base_name=work.subject.base_name, environments=moved, edits=edits, written=True,
        undone=undone,
    )  # fmt: skip
    if not edits.writes and not edits.removals and not edits.resolve:
        return outcome
    rewriting.check(repo, edits.writes, edits.removals, resolve=edits.resolve)
    judged = work.judged(moved, edits)
    reports = {one.report.name: one.report for one in judged}
    moved = tuple(replace(one, report=reports.get(one.environment.name)) for one in moved)
    if any(not _may_be(one) for one in reports.values()):
        return replace(outcome, environments=moved, written=False)
    if work.planned()[1] != edits:
        raise CouldNotCheck(
            "the scripts were changed while their new order was proven: nothing was written",
            hint="run it again",
        )
    rewriting.rewrite(
        repo, edits.writes, edits.removals, resolve=edits.resolve, renames=edits.renames
    )
    return replace(outcome, environments=moved)


def _may_be(report: EnvironmentReport) -> bool:
    return report.verdict != "error" and not proving.against(report)


class _Rebase:
    """One rebase: what is staged, what has landed, and the environments."""

    def __init__(self, repo: Repository, options: Options) -> None:
        self._repo = repo
        self._options = options
        self._stages = conflicts.unmerged(repo)
        self._reader = trees.Reader(repo)
        target = self._target(self._tree({}))
        settings = choosing.settings_of(target)
        self._settings = replace(settings, base=options.from_ref or settings.base)
        base = repository.base(repo, self._settings.base)
        if base is None:
            raise UsageError(
                "nothing says what has landed: there is no remote, and no `base` is configured",
                hint="`revguard rebase --from-ref main` names it, or `base` in the configuration",
            )
        self._base = base
        landed = self._reader.listing(trees.tree_of(repo, base.commit))
        subject = choosing.subject_of(self._target(self._tree(landed)), self._settings, options)
        assert subject.base is not None
        self.subject = replace(subject, parents=(subject.base,), landed_at=base.commit)
        everything = replace(options, environments=())
        self._every, _skipped = choosing.discovered(self.subject, self._settings, everything)
        self._found = list(environments.select(self._every, options.environments))

    def _tree(self, landed: Mapping[str, trees.Entry]) -> str:
        """The staged tree, in which something stands for each unmerged path."""
        if not self._stages:
            return index.staged_tree(self._repo)
        return index.settled_tree(self._repo, conflicts.provisional(self._stages, landed))

    def _target(self, tree: str) -> choosing.Target:
        return choosing.Target(
            repo=self._repo, reader=self._reader, tree=tree, parents=(), in_working_tree=False
        )

    def planned(self) -> tuple[tuple[Moved, ...], Edits]:
        """What is to be done, by environment and by file."""
        scripts = [
            path
            for one in self._every
            for path in self.subject.scripts(
                self.subject.tree, self._locations(one), recursive=one.recursive
            )
        ]
        locked = {self._locations(one): one for one in self._every if one.settings.lock}
        conflicts.refuse_others([*scripts, *heads.paths(locked, self._stages)], self._stages)
        moved, edits = [], Edits()
        for environment in self._found:
            moves, landed = self._moves(environment)
            found = wording.edits(self._repo, moves, self._settled(environment))
            edits = wording.joined(edits, found)
            changed = tuple(move for move in moves if move.changes_history)
            moved.append(Moved(environment=environment, moves=changed, heads=landed))
        return tuple(moved), heads.with_head_files(self.subject, locked, edits, self._stages)

    def _moves(self, environment: Environment) -> tuple[list[Move], tuple[str, ...]]:
        locations = self._locations(environment)
        scripts = reading.read(
            self.subject, environment, locations, self._stages, self._landed_in(environment)
        )
        down = planning.parents(scripts, self._does_nothing)
        template = file_template(environment, self.subject.read)
        taken = self.subject.listing.keys()
        return naming.moves(scripts, down, template, locations, taken), scripts.landed.heads

    def _locations(self, environment: Environment) -> tuple[str, ...]:
        found = locations_of(self.subject, environment)
        if not found:
            raise CouldNotCheck(
                f"where the revision scripts of {environment.name} lie is not known yet",
                hint="`revguard check --all` looks",
            )
        return found

    def _landed_in(self, environment: Environment) -> tuple[str, ...]:
        """The version folders of the base, which the branch may have moved."""
        found = self._locations(environment)
        assert self.subject.base is not None
        listing = self._reader.listing(self.subject.base)
        if any(path.startswith(tuple(f"{one}/" for one in found)) for path in listing):
            return found
        there = replace(self.subject, tree=self.subject.base)
        try:
            known, _ = choosing.discovered(
                there, self._settings, replace(self._options, environments=())
            )
        except (ConfigError, UsageError):  # the first environment came with the branch
            return found
        named = [one for one in known if one.name == environment.name]
        return (*found, *(name for one in named for name in one.version_locations or ()))

    def _does_nothing(self, own: Own) -> bool:
        texts = own.texts or trees.read_blobs(self._repo, [own.node.oid]).values()
        return all(map(wording.does_nothing, texts))

    def _settled(self, environment: Environment) -> list[tuple[str, bytes]]:
        """Landed scripts that git could not merge with others of the same name."""
        assert self.subject.base is not None
        landed = self.subject.scripts(
            self.subject.base, self._locations(environment), recursive=environment.recursive
        )
        paths = [path for path in self._stages if path in landed]
        blobs = trees.read_blobs(self._repo, [landed[path] for path in paths])
        return [(path, blobs[landed[path]]) for path in paths]

    def judged(self, moved: Sequence[Moved], edits: Edits) -> list[Judged]:
        """The environments whose scripts change, judged as they will be."""
        subject = self.subject
        tree = draft(self._repo, subject.tree, subject.listing, edits.writes, edits.removals)
        range_ = ranges.proposed(self._repo, self._base, tree)
        wanted = [one.environment for one in moved if self._is_touched(one.environment, edits)]
        moved_to = replace(subject, tree=tree, range=range_)
        return pipeline.judged(self._options, moved_to, self._settings, self._every, wanted)

    def _is_touched(self, environment: Environment, edits: Edits) -> bool:
        folders = tuple(f"{folder}/" for folder in self._locations(environment))
        return any(path.startswith(folders) for path in {*edits.writes, *edits.removals})


def going_on(repo: Repository) -> str:
    """The command that goes on with what git is in the middle of."""
    for name in ("rebase-merge", "rebase-apply"):
        if os.path.isdir(os.path.join(repo.git_dir, name)):
            return "`git rebase --continue`"
    if os.path.exists(os.path.join(repo.git_dir, "CHERRY_PICK_HEAD")):
        return "`git cherry-pick --continue`"
    return "`git commit`"
