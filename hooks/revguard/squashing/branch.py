"""The branch's revisions squashed: options in, what was written and what was not out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from revguard import cachedir, preparing, records, runs, scratch
from revguard.config import Settings
from revguard.environments import Environment
from revguard.errors import CouldNotCheck, RevguardError, UsageError
from revguard.evaluation import choosing
from revguard.evaluation.before import graph_in
from revguard.evaluation.case import Case
from revguard.evaluation.subject import Subject
from revguard.history import headfile
from revguard.options import Options
from revguard.runs import Run
from revguard.squashing.chains import Chain, Refusal, chains
from revguard.squashing.landing import Ground
from revguard.squashing.squash import Squashing
from revguard.squashing.values import Kind, Outcome
from revguard.staging import index, repository, rewriting, trees
from revguard.staging.drafts import draft
from revguard.staging.putting_back import put_back


def squash(options: Options) -> tuple[list[Outcome], tuple[str, ...]]:
    """Squash the branch's revisions in each environment, and stage what came of it, all at once;
    and what a killed run had begun to change. UsageError and ConfigError about the whole
    propagate."""
    scratch.sweep(options.environ)
    repo = repository.find(options.directory, options.environ)
    undone = put_back(repo)
    with _opened(options) as run:
        branch = _branch(options, run)
        outcomes = [branch.outcome(one) for one in branch.found]
        writes = {path: text for one in outcomes for path, text in one.writes.items()}
        removals = [path for one in outcomes for path in one.removals]
        if writes or removals:
            _refuse_moved(branch.subject)
            rewriting.rewrite(repo, writes, removals)
    return outcomes, undone


def _refuse_moved(subject: Subject) -> None:
    if index.staged_tree(subject.repo) != subject.tree:
        raise CouldNotCheck(
            "something was staged while the revisions were proven: nothing was written",
            hint="run it again",
        )


def _refuse_unstaged(subject: Subject, found: Sequence[Chain]) -> None:
    """UsageError where what is to give way has unstaged edits: said before the work."""
    paths = [node.path for chain in found for node in chain.nodes]
    rewriting.check(subject.repo, {}, paths)


@contextmanager
def _opened(options: Options) -> Iterator[Run]:
    cache = cachedir.cache_dir(options.environ)
    runs.sweep(cache)
    with runs.Run(cache, snapshots_limit=cachedir.snapshots_limit(options.environ)) as run:
        yield run


def _branch(options: Options, run: Run) -> _Branch:
    target = choosing.choose(options)
    settings = choosing.settings_of(target)
    subject = choosing.subject_of(target, settings, options)
    found, _skipped = choosing.discovered(subject, settings, options)
    return _Branch(
        options=options,
        run=run,
        settings=settings,
        found=found,
        subject=_landing(subject, settings),
    )


def _landing(subject: Subject, settings: Settings) -> Subject:
    """The staged tree as what would land on the base: new is what that does not have."""
    base = repository.base(subject.repo, settings.base)
    if base is None:
        raise UsageError(
            "nothing tells what this branch brings: there is no remote, and `base` is not set",
            hint='`base = "main"` in revguard.toml names what the branch will be merged into',
        )
    tree = trees.tree_of(subject.repo, base.commit)
    return replace(
        subject, parents=(tree,), base=tree, in_working_tree=False, landed_at=base.commit
    )


@dataclass(frozen=True, kw_only=True)
class _Branch:
    options: Options
    run: Run
    settings: Settings
    found: list[Environment]
    subject: Subject

    def outcome(self, environment: Environment) -> Outcome:
        """What comes of one environment; nothing is written yet."""
        plain = Outcome(name=environment.name, config=environment.config, kind="nothing")
        try:
            return self._squashed(environment, plain)
        except Refusal as refusal:
            return replace(plain, kind="refused", message=refusal.message, hint=refusal.hint)
        except RevguardError as error:
            return replace(
                plain, kind="error", message=error.message, hint=error.hint, code=error.exit_code
            )

    def _squashed(self, environment: Environment, plain: Outcome) -> Outcome:
        case, subject = self._case(environment), self.subject
        found = self._chains(case)
        _refuse_unstaged(subject, found)
        tree, texts, done = self.subject.tree, {}, []
        gone: list[str] = []
        for chain in found:
            work = Squashing(
                ground=Ground(case=case),
                tree=tree,
                chain=chain,
                texts=case.subject.read([node.path for node in chain.nodes]),
                message=self.options.message,
                marks=environment.settings.one_per == "branch",
            )
            squashed, text = work.run()
            writes, removals = work.changes(text)
            tree = draft(subject.repo, tree, subject.listing, writes, removals)
            texts.update(writes)
            gone += removals
            done.append(squashed)
        if done and environment.settings.lock:
            locations = self._locations(case)
            graph = subject.graph(tree, locations, recursive=environment.recursive)
            texts.update(headfile.outdated(graph, locations, subject.read))
        kept = any(one.path for one in done)
        kind: Kind = "nothing" if not done else "squashed" if kept else "removed"
        return replace(plain, kind=kind, chains=tuple(done), writes=texts, removals=tuple(gone))

    def _chains(self, case: Case) -> list[Chain]:
        environment, subject = case.around.environment, self.subject
        locations = self._locations(case)
        assert subject.base is not None
        graph = subject.graph(subject.tree, locations, recursive=environment.recursive)
        base = graph_in(subject, environment, subject.base, locations)
        return list(chains(graph, base, subject.base_name))

    def _locations(self, case: Case) -> tuple[str, ...]:
        """The version folders, as the ini or a run of env.py tells them."""
        known = case.around.environment.version_locations
        last = next(iter(case.records.newest()), None)
        known = known or (last.version_locations if last else ())
        if known:
            return known
        record = Ground(case=case).land(self.subject.tree, "").judged.record
        return record.version_locations if record else ()

    def _case(self, environment: Environment) -> Case:
        options, subject = self.options, self.subject
        toplevel = subject.repo.toplevel
        found = preparing.interpreter(options, environment, toplevel)
        return Case(
            subject=subject,
            around=preparing.surroundings(options, environment, found, toplevel, lambda: self.run),
            settings=self.settings,
            records=records.Records(
                records.folder_for(subject.cache, environment.key),
                subject.reader,
                enabled=not options.no_cache,
                only_read=True,
            ),
            today=options.today,
            others=tuple(one for one in self.found if one is not environment),
        )
