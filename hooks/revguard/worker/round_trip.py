"""New revisions there and back: their scripts in, what each step did, left and took away out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import catalog, halfway, losses, sampling
from .steps import between_steps, committed

if TYPE_CHECKING:
    from typing import Callable, Iterator, Sequence

    from alembic.runtime.migration import MigrationContext, MigrationStep
    from alembic.script import Script, ScriptDirectory
    from sqlalchemy.engine import Connection

    from .differences import Difference
    from .steps import Runner

    Steps = Iterator[MigrationStep]


def rows_before(context: MigrationContext, asked: str | None) -> dict[str, Any] | None:
    """Rows before the new revisions, where it is asked what these make of them."""
    if not asked:
        return None
    unfilled: list[str] = []
    with committed(context) as connection:
        if asked == "filled":
            unfilled = sampling.fill(connection, context.version_table)
        start = sampling.read(connection, context.version_table)
    return {"start": start, "unfilled": unfilled, "before": {}, "after": {}, "up": {}, "down": {}}


class RoundTrip:
    """Upgrade, downgrade, upgrade again; the schema compared after each.

    Fills ``upgrades``, ``proof``, ``lost`` and ``rows`` of ``result``. ``failed`` is told the
    account of a step that failed, before the run of env.py is ended; it notes it here, unless
    another try is to be made.
    """

    def __init__(
        self,
        revisions: Sequence[Script],
        context: MigrationContext,
        script: ScriptDirectory,
        runner: Runner,
        result: dict[str, Any],
        failed: Callable[[RoundTrip, dict[str, Any]], None],
    ) -> None:
        """Nothing has run yet."""
        self._revisions = revisions
        self._context = context
        self._script = script
        self._runner = runner
        self._result = result
        self._failed = failed
        self._started = 0.0
        self._before: dict[str, str] = {}
        self._after: dict[str, str] = {}
        self._now: dict[str, str] = {}  # before the next step
        self.way = ""

    def up(self) -> Steps:
        """The upgrade."""
        with between_steps(self._context) as connection:
            self._before = self._now = self._read(connection)
            self._stand = losses.read(connection, self._now, self._context.version_table)
        yield from self._go("upgrade")

    def note_up(self, connection: Connection) -> None:
        """What the upgrade made and what it took away."""
        self._after = self._now = self._read(connection)
        now = losses.read(connection, self._now, self._context.version_table)
        done = [text for one in self._result["upgrades"] for text in one["statements"]]
        self._result["lost"] = losses.found(self._stand, now, done, connection.dialect.name)
        self._note_rows("up", connection)
        if self._result["rows"] is not None:
            self._result["rows"].update(before=self._before, after=self._after)

    def note_compared(self, left: Sequence[Difference], started: float) -> None:
        """What the models still lack after the upgrade."""
        reason = "; ".join(item.op + " " + item.object for item in left)
        self._note("compare", not left, started, reason)

    def back(self) -> Steps:
        """The downgrade, and the upgrade again."""
        yield from self._go("downgrade")
        with between_steps(self._context) as connection:
            self._now = self._read(connection)
            self._note_rows("down", connection)
        if self._differs("downgrade", self._before):
            return
        yield from self._go("reupgrade")
        with between_steps(self._context) as connection:
            self._now = self._read(connection)
        self._differs("reupgrade", self._after)

    def note_failure(self, account: dict[str, Any]) -> None:
        """The step under way failed, and that is the result."""
        if self.way == "downgrade" and account["on_purpose"]:
            reason = f"{account['type']}: {account['message']}".strip(": ")
            self._note(self.way, None, self._started, f"irreversible on purpose ({reason})")
            self._note("reupgrade", None, None, "there is no downgrade")
            self._result["judged"] = True
            return
        account["half_done"] = halfway.told(self._context, self._now, account)
        reason = "; ".join(filter(None, [account["message"], account["half_done"]]))
        self._note(self.way, False, self._started, reason)
        self._result["failure"] = dict(account, kind=self.way)

    def _go(self, way: str) -> Steps:
        """The steps of one way through the revisions, recorded as one step of the proof."""
        self.way, self._started = way, time.monotonic()
        revisions = self._revisions[::-1] if way == "downgrade" else self._revisions
        for number, revision in enumerate(revisions):
            if number and halfway.is_possible(self._context):
                with between_steps(self._context) as connection:
                    self._now = self._read(connection)
            record: dict[str, Any] = {"id": revision.revision, "statements": []}
            if way == "upgrade":
                self._result["upgrades"].append(record)
            yield self._runner.step(
                self._script,
                revision,
                self._context,
                way != "downgrade",
                lambda account: self._failed(self, account),
                record,
            )
        self._note(way, True, self._started)

    def _read(self, connection: Connection) -> dict[str, str]:
        return catalog.read(connection, self._context.version_table)

    def _note_rows(self, way: str, connection: Connection) -> None:
        if self._result["rows"] is not None:
            self._result["rows"][way] = sampling.read(connection, self._context.version_table)

    def _differs(self, step: str, wanted: dict[str, str]) -> bool:
        """Whether the schema is another than it is to be after a step."""
        lines = catalog.difference(wanted, self._now)
        if lines:
            self._note(step, False, None, "; ".join(lines[:5]), kind="differs")
        return bool(lines)

    def _note(
        self,
        step: str,
        passed: bool | None,
        started: float | None,
        reason: str = "",
        kind: str = "",
    ) -> None:
        result = "skipped" if passed is None else ("pass" if passed else "fail")
        spent = 0 if started is None else int((time.monotonic() - started) * 1000)
        entry = {"step": step, "result": result, "reason": reason, "ms": spent, "kind": kind}
        proof = self._result["proof"]
        for index, existing in enumerate(proof):
            if existing["step"] == step:
                proof[index] = dict(entry, ms=existing["ms"])
                return
        proof.append(entry)
