"""Several databases, or several schemas of one, that one run of env.py goes through: an evaluation
for each, one script for all, one result."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any

from . import alone, candidate, failure, joining, rendering, spelling
from .judging import Judging
from .replaying import Replaying

if TYPE_CHECKING:
    from typing import Iterator

    from alembic.runtime.migration import MigrationContext, MigrationStep
    from sqlalchemy.engine.interfaces import Dialect

    from .candidate import Comparison
    from .evaluate import Evaluation

    Steps = Iterator[MigrationStep]


class Part(Judging):
    """The judging of one of several databases; what is missing is kept, to be written once."""

    def __init__(self, whole: Evaluation, renderer: rendering.TypeRenderer) -> None:
        """As the whole, with a result of its own."""
        super().__init__(whole.means, whole.known)
        self.replaying = Replaying(whole.means, self)
        self._renderer = renderer
        self._casts = True  # a second try would concern all parts
        self.phase = "replay"
        self.mark = ""
        self.missing: Comparison | None = None

    def enter(self, phase: str, context: MigrationContext) -> None:
        """Know what is done now, and for which of the databases."""
        token = str(context.opts["upgrade_token"])
        self.phase = phase
        self.mark = "" if token == alone.USUAL else token.rpartition("_")[0]

    def judge(self, heads: Any, context: MigrationContext) -> Steps:
        """Not in the run that replays, even where nothing is to be replayed."""
        if self.phase == "judge":
            yield from super().judge(heads, context)

    def _generate(self, comparison: Comparison, context: MigrationContext) -> Steps:
        self._keep(comparison, context)
        return iter(())

    def _describe_missing(self, comparison: Comparison, context: MigrationContext) -> None:
        self._keep(comparison, context)

    def _keep(self, comparison: Comparison, context: MigrationContext) -> None:
        candidate.complete_script(comparison, context.dialect, self._renderer, self._casts)
        self.missing = comparison

    def _known_of(self, keys: list[str]) -> list[str]:
        marked = [joining.marked(key, self.mark) for key in keys]
        return joining.unmarked(self._known.of(marked), self.mark)


class Several:
    """Goes through all of them three times: to replay, to judge, to prove what was written."""

    def __init__(self, whole: Evaluation, beside: bool) -> None:
        """``beside``: the database that there is was changed, and is of no use any more."""
        self._whole = whole
        self._parts: list[Part] = []
        self._renderer = rendering.TypeRenderer()
        self._revisions: list[Any] = []
        self._main = "" if beside else whole.guard.dialect  # still to be given away
        self._beside = beside

    def go(self) -> None:
        """Fill the result of the whole."""
        whole = self._whole
        whole.judging.start_over()
        whole.guard.separate(self._provide)
        for name in ("replay", "judge", "write"):
            if not self._run(name):
                break
        for part in self._parts:
            part.draw()
        joining.join(whole.result, [(part.mark, part.result) for part in self._parts])

    def _provide(self, dialect: Dialect) -> dict[str, Any]:
        """A database for one more place."""
        kind = spelling.kind(dialect)
        if self._main == kind:
            self._main = ""
            return {"dialect": kind, **self._whole.provide(dialect)}
        reply = self._whole.means.channel.ask("beside", dialect=kind)
        return {"dialect": kind, **reply["database"]}

    def _run(self, name: str) -> bool:
        """One run of env.py; whether it came to its end."""
        if name == "write" and not self._missing():
            return True
        number = itertools.count()
        whole = self._whole
        whole.guard.forget()

        def work(heads: Any, context: MigrationContext) -> Steps:
            part = self._part(next(number))
            part.enter(name, context)
            yield from self._steps(part, heads, context)

        with contextlib.suppress(failure.Abort):
            whole.means.environment.run(work)
        return not any(part.result["failure"] for part in self._parts)

    def _part(self, number: int) -> Part:
        if number == len(self._parts):
            self._parts.append(Part(self._whole, self._renderer))
            if not number and not self._beside:  # else nobody looked before env.py did
                self._parts[0].replaying.stood = self._whole.replaying.stood
        return self._parts[number]

    def _steps(self, part: Part, heads: Any, context: MigrationContext) -> Steps:
        if part.phase == "replay":
            yield from part.replaying.replay(heads, context)
        elif part.phase == "judge":
            yield from part.judge(heads, context)
        else:
            yield from self._prove(part, context)

    def _missing(self) -> list[Comparison]:
        return [part.missing for part in self._parts if part.missing is not None]

    def _prove(self, part: Part, context: MigrationContext) -> Steps:
        """Prove the one script, which is written at the first database: a template may ask for
        the application that is current there."""
        whole, means = self._whole, self._whole.means
        if not whole.result["scripts"]:
            joined = candidate.join(self._missing())
            whole.judging.write(
                lambda: candidate.generate(
                    joined, means.environment, means.request, self._renderer, whole.result["notes"]
                )
            )
            self._revisions = whole.judging.written()
        if means.request["new"]:
            return  # shown, never added
        part.result["scripts"] = whole.result["scripts"]
        yield from part.prove(self._revisions, context)
        part.note_heads(context)
