"""Whether one run of env.py goes through one database and schema only: its work in, the same work
done once out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import failure
from .steps import between_steps

if TYPE_CHECKING:
    from typing import Iterator

    from alembic.runtime.migration import MigrationContext, MigrationStep

    from .guard import Guard
    from .project import Work

    Steps = Iterator[MigrationStep]

USUAL = "upgrades"  # the token of an env.py that knows one database


class Alone:
    """Watches that a run of env.py goes through one database and schema only."""

    def __init__(self, guard: Guard) -> None:
        """Nothing was seen yet."""
        self._guard = guard
        self._ended: tuple[Any, tuple[str, ...]] | None = None
        self.refuted = False
        self.ran = False  # whether the database is not as it was any more

    def watched(self, work: Work) -> Work:
        """The work, done once; the run is ended where there is more to do elsewhere."""

        def watched(heads: Any, context: MigrationContext) -> Steps:
            place = self._guard.place_of(context.dialect)
            again = self._ended is not None
            if context.opts["upgrade_token"] != USUAL or (again and self._is_new(place, heads)):
                self.refuted = True
                raise failure.Abort("there are several databases or schemas")
            if again:
                return
            self.ran = True
            yield from work(heads, context)
            with between_steps(context):
                self._ended = (place, tuple(sorted(context.get_current_heads())))

        return watched

    def _is_new(self, place: Any, heads: Any) -> bool:
        """Whether this is not the same database once more, as it was left."""
        found = (heads,) if isinstance(heads, str) else tuple(heads or ())
        return self._ended != (place, tuple(sorted(found)))
