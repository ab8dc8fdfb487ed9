"""The plan: options in, each environment with what can affect it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from revguard.environments import Environment
from revguard.evaluation import choosing
from revguard.evaluation.recorded import Recorded
from revguard.planning.reach import Reach, Trace, reaches, trace
from revguard.planning.tree import Sources, Tree
from revguard.staging import repository
from revguard.staging.trees import GITLINK

if TYPE_CHECKING:
    from revguard.evaluation.subject import Subject
    from revguard.options import Options
    from revguard.staging.trees import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """An environment, and the changed files that can matter to it; `unknown` where none can be
    named, and it cannot be shown to be unaffected either."""

    name: str
    config: str | None
    because: tuple[str, ...] = ()
    unknown: str = ""

    @property
    def affected(self) -> bool:
        """Whether it is to be judged."""
        return bool(self.because or self.unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a change affects."""

    tree: str
    environments: tuple[Affected, ...]

    @property
    def affected(self) -> list[Affected]:
        """Those that are to be judged."""
        return [one for one in self.environments if one.affected]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "version": 1,
            "tree": self.tree,
            "environments": [
                {
                    "name": one.name,
                    "config": one.config,
                    "affected": one.affected,
                    "because": list(one.because),
                    "unknown": one.unknown,
                }
                for one in self.environments
            ],
        }

    def matrix(self) -> dict[str, Any]:
        """For a matrix of GitHub Actions."""
        named = [{"environment": one.name, "config": one.config or ""} for one in self.affected]
        return {"include": named}


def plan(options: Options) -> Plan:
    """Which environments the named change can affect; the project's code is not run."""
    target = choosing.choose(options, repository.find(options.directory, options.environ))
    settings = choosing.settings_of(target)
    subject = choosing.subject_of(target, settings, options)
    everything, _skipped = choosing.discovered(subject, settings, options)
    known = Recorded(subject, everything, enabled=not options.no_cache)
    deciding = _Deciding(subject, everything, known)
    if options.all:
        decided = [_result(one, unknown="`--all` asks for every one") for one in everything]
    else:
        decided = deciding.all()
    return Plan(tree=subject.tree, environments=tuple(decided))


def _result(environment: Environment, because: Sequence[str] = (), unknown: str = "") -> Affected:
    return Affected(
        name=environment.name,
        config=environment.config,
        because=tuple(because),
        unknown="" if because else unknown,
    )


class _Deciding:
    """By what earlier runs saw where they are there, else by names of files and imports."""

    def __init__(
        self, subject: Subject, environments: Sequence[Environment], known: Recorded
    ) -> None:
        self._subject = subject
        self._environments = environments
        self._known = known

    def all(self) -> list[Affected]:
        """A decision for each."""
        if not self._subject.parents:
            said = "there is no commit yet that it could be compared with"
            return [_result(one, unknown=said) for one in self._environments]
        seen = {one.name: self._known.changed(one) for one in self._environments}
        unseen = [one for one in self._environments if seen[one.name] is None]
        followed = self._followed(unseen) if unseen else {}
        return [
            followed[one.name] if one.name in followed else _result(one, seen[one.name] or ())
            for one in self._environments
        ]

    def _followed(self, environments: Sequence[Environment]) -> dict[str, Affected]:
        """A change matters only if it does compared with each of the parents."""
        sources = Sources(self._subject.reader)
        now = reaches(Tree(self._subject.listing, sources), environments)
        found: dict[str, Affected] = {}
        for parent in self._subject.parents:
            before = reaches(Tree(self._subject.reader.listing(parent), sources), environments)
            reach = {name: _either(now[name], before[name]) for name in now}
            changes = self._subject.reader.changes(parent, self._subject.tree)
            traces = [trace(change.path) for change in changes]
            strays = self._strays(changes, traces, [*filter(None, reach.values())])
            for one in environments:
                if one.name not in found or found[one.name].affected:
                    found[one.name] = self._decided(one, traces, reach[one.name], strays)
        return found

    def _decided(
        self, one: Environment, traces: Sequence[Trace], reach: Reach | None, strays: set[str]
    ) -> Affected:
        if reach is None:
            said = "only a run of env.py can tell where its scripts are"
            return _result(one, unknown=said if traces else "")
        observed = self._known.files(one)
        paths = [
            each.path
            for each in traces
            if reach.has(each)
            or reach.may_use(each)
            or each.path in strays
            or each.path in observed
        ]
        return _result(one, paths)

    def _strays(
        self, changes: Sequence[Change], traces: Sequence[Trace], reach: Sequence[Reach]
    ) -> set[str]:
        """Files that are nobody's and define a table that somebody may have forgotten, and
        submodules, into which nobody looks."""
        nobodys = [
            change
            for change, traced in zip(changes, traces, strict=True)
            if not any(each.has(traced) for each in reach)
        ]
        modules = {one.path for one in nobodys if _is_submodule(one)}
        return self._subject.reader.declaring(nobodys) | modules


def _either(now: Reach | None, before: Reach | None) -> Reach | None:
    return None if now is None or before is None else now | before


def _is_submodule(change: Change) -> bool:
    return any(entry is not None and entry.mode == GITLINK for entry in (change.old, change.new))
