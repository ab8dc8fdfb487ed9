"""One database brought to what the parents had: their revisions or the tables of the landed models
in, what stood in the way out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import failure, foreign, premade
from .steps import between_steps

if TYPE_CHECKING:
    from typing import Iterator

    from alembic.runtime.migration import MigrationContext, MigrationStep

    from .judging import Judging, Means

    Steps = Iterator[MigrationStep]


class Replaying:
    """The work of env.py's first run on a database; fills the result of its judging."""

    def __init__(self, means: Means, judging: Judging) -> None:
        """Nothing is known of the database yet."""
        self._means = means
        self._judging = judging
        self._result = judging.result
        self.stood: dict[str, Any] | None = None  # what was there before env.py; None: not known

    def create(self, _heads: Any, context: MigrationContext) -> Steps:
        """Make the tables of the target metadata, and stamp them."""
        from . import creating

        def failed(error: Exception, lacking: list[str]) -> None:
            account = self._means.runner.account(error)
            self._result["failure"] = dict(account, kind="create", lacking=lacking)

        self._result["runs"] += 1
        script = self._means.environment.script
        yield from creating.steps(script, context, self._means.request["create"], failed)
        self._result["created"] = True

    def replay(self, heads: Any, context: MigrationContext) -> Steps:
        """Run what is missing of the old revisions; judge at once where nothing is."""
        self._result["runs"] += 1
        self._means.tell_locations()  # env.py may have chosen them
        heads = tupled(heads)
        script = self._means.environment.script
        if self._result["runs"] == 1:
            self._look_before(heads, context)
        old = tuple(self._means.request["old"])
        missing = list(script.iterate_revisions(old, heads, implicit_base=True)) if old else []
        if not missing:
            yield from self._judging.judge(heads, context)
            return
        missing.reverse()
        reported = 0.0
        for index, revision in enumerate(missing):
            now = time.monotonic()
            if now - reported > 0.1:
                reported = now
                self._means.channel.send("progress", done=index, total=len(missing))
            yield self._means.runner.step(script, revision, context, True, self._failed)
        self._result["replayed"] = len(missing)

    def _failed(self, account: dict[str, Any]) -> None:
        self._result["failure"] = dict(account, kind="replay")

    def _look_before(self, heads: tuple[str, ...], context: MigrationContext) -> None:
        """Note what is there and is no revision's work; a comparison would be worth nothing."""
        self._result["foreign"] = foreign.type_of(context)
        if self.stood is None:
            return
        version_table = context.version_table
        with between_steps(context) as connection:
            self._result["premade"] = premade.tables(connection, version_table, self.stood)
        self._result["stamped"] = premade.revisions(heads, self.stood)
        self._judging.refuse_altered(context)
        if self._result["premade"] or self._result["stamped"]:
            raise failure.Abort("something was made before the first revision ran")


def tupled(heads: Any) -> tuple[str, ...]:
    """Heads as env.py or Alembic gives them: none, one or several."""
    return tuple(heads) if isinstance(heads, (tuple, list, set)) else ((heads,) if heads else ())
