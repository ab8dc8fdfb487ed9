"""One database compared with the models: the missing script made, new revisions proven, what was
found out about them told."""

from __future__ import annotations

import contextlib
import io
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from . import candidate, drift, failure, picture, registered, renaming
from .failure import shorten
from .replaying import tupled
from .round_trip import RoundTrip, rows_before
from .steps import between_steps

if TYPE_CHECKING:
    from typing import Callable, Iterator, Sequence

    from alembic.runtime.migration import MigrationContext, MigrationStep
    from alembic.script import Script

    from .candidate import Comparison
    from .channel import Channel
    from .differences import Difference
    from .observe import Observer
    from .project import Project
    from .steps import Runner

    Steps = Iterator[MigrationStep]


class Means(NamedTuple):
    """What a request is served with."""

    request: dict[str, Any]
    channel: Channel
    environment: Project
    runner: Runner
    observer: Observer
    tell_locations: Callable[[], None]


class Judging:
    """The work that env.py does on a database at the old heads; fills ``result`` (JSON-ready)."""

    def __init__(self, means: Means, known: drift.Known) -> None:
        """Nothing is known of the database yet."""
        self._means = means
        self._request = means.request
        self._environment = means.environment
        self._known = known
        self._casts = False
        self._written: list[Script] = []
        self._touched: picture.Touched | None = None
        self.is_to_be_retried = False
        self.result = _blank()

    def start_over(self) -> None:
        """Forget what was judged, and keep what the replay told."""
        self.is_to_be_retried = False
        self.remove_written()
        self._touched = None
        self._environment.reload_scripts()
        for name in ("proof", "upgrades", "still", "scripts", "changes", "left", "drift"):
            self.result[name] = []
        self.result["failure"] = self.result["lost"] = None

    def draw(self) -> None:
        """Note the tables of the changes that are no known drift, with their neighbours."""
        known = {*self.result["drift"]} - {item["key"] for item in self.result["left"]}
        if self._touched is not None:
            self.result["tables"] = self._touched.tables(known)

    def refuse_altered(self, context: MigrationContext) -> None:
        """Abort where something else than a revision changed tables."""
        self.result["altered"] = self._means.runner.outside(context.version_table)
        if self.result["altered"]:
            raise failure.Abort("tables were changed outside of any revision")

    def judge(self, heads: Any, context: MigrationContext) -> Steps:
        """Compare before the new revisions, prove them, compare after; generate what is missing."""
        self.result["runs"] += 1
        if self.result["replayed"] and not tupled(heads):
            self.result["uncommitted"] = True
            raise failure.Abort("what was replayed is gone")
        self.refuse_altered(context)
        self.result["rows"] = rows_before(context, self._request.get("rows"))
        script = self._environment.script
        new = [script.get_revision(name) for name in self._request["new"]]
        with between_steps(context):
            comparison = self._compare(context, heads)
        found = comparison.differences()
        self.result["changes"] = [item.as_dict() for item in found]
        self._touched = picture.Touched(comparison, context.opts.get("target_metadata"))
        if new:
            yield from self.prove(new, context)
        else:
            self.result["drift"] = [item.key for item in found]
            left = self._subtract(comparison)
            self.result["left"] = [item.as_dict() for item in left]
            if left and self._is_to_be_written(comparison):
                with between_steps(context):
                    self._rename(comparison)
                yield from self._generate(comparison, context)
        self.note_heads(context)
        self.result["judged"] = True

    def _compare(self, context: MigrationContext, heads: Any) -> Comparison:
        metadata = context.opts.get("target_metadata")
        self.result["metadata_tables"] = _count_tables(metadata)
        comparison = candidate.Comparison(
            self._environment, context, tupled(heads), self._request.get("wanted")
        )
        self.result["included_tables"] = comparison.included
        self.result["swallowed"] = [one.op + " " + one.object for one in comparison.swallowed]
        found = self.result["registered"] = self.result["registered"] or registered.new()
        tree = self._means.observer.tree
        registered.note(found, metadata, self._environment.env_globals, tree)
        declared = self._request.get("declared", ())
        registered.note_excluded(found, declared, comparison.context)
        return comparison

    def _subtract(self, comparison: Comparison) -> list[Difference]:
        """What is new in a comparison; asks once what was known."""
        found = comparison.differences()
        if found:
            known = self._known_of([item.key for item in found])
            self.result["known"] = comparison.subtract(known, self._request["waived"])
        return comparison.differences()

    def _known_of(self, keys: list[str]) -> list[str]:
        """Which of the differences were known."""
        return self._known.of(keys)

    def _is_to_be_written(self, comparison: Comparison) -> bool:
        asked = bool(self._request["generate"])
        return asked and candidate.has_place(comparison, self._environment)

    def _rename(self, comparison: Comparison) -> None:
        """Say what may be a rename, and make one of what is decided to be."""
        asked, unknown = renaming.decide(comparison, self._request)
        self.result["renames"], self.result["unrenamed"] = asked, unknown

    def _generate(self, comparison: Comparison, context: MigrationContext) -> Steps:
        """Write the missing script and prove it."""
        self._write(comparison, context)
        yield from self.prove(self.written(), context)

    def _describe_missing(self, comparison: Comparison, context: MigrationContext) -> None:
        """The script text for what a staged revision leaves out; shown, never added."""
        self._write(comparison, context)
        self.remove_written()

    def _write(self, comparison: Comparison, context: MigrationContext) -> None:
        self.write(
            lambda: candidate.write(
                comparison,
                self._environment,
                context.dialect,
                self._request,
                self._casts,
                self.result["notes"],
            )
        )

    def write(self, generate: Callable[[], list[Script]]) -> None:
        """Have scripts written, and tell them."""
        observer = self._means.observer
        observer.active = False  # what we write is nothing that the project depends on
        try:
            # Alembic says what it generates, on whatever the project made of stdout
            with contextlib.redirect_stdout(io.StringIO()):
                self._written = generate()
        finally:
            observer.active = True
        self.result["scripts"] += [candidate.told(one, observer.tree) for one in self._written]

    def written(self) -> list[Script]:
        """The scripts that were written, as the history has them now."""
        script = self._environment.script
        return [script.get_revision(one.revision) for one in self._written]

    def remove_written(self) -> None:
        """Leave none of the written scripts in the tree."""
        candidate.remove(self._written)
        self._written = []

    def prove(self, revisions: Sequence[Script], context: MigrationContext) -> Steps:
        """Upgrade, compare, downgrade, upgrade again."""
        script, runner = self._environment.script, self._means.runner
        trip = RoundTrip(revisions, context, script, runner, self.result, self._failed)
        yield from trip.up()
        with between_steps(context) as connection:
            started = time.monotonic()
            comparison = self._compare(context, context.get_current_heads())
            found = comparison.differences()
            comparison.subtract((), self._needed_defaults(found))
            left = self._subtract(comparison)
            trip.note_up(connection)
        generated = bool(self.result["scripts"])
        if not generated:
            self.result["drift"] = [item.key for item in found]
            self.result["left"] = [item.as_dict() for item in left]
        self.result["still"] = [item.as_dict() for item in left]
        trip.note_compared(left, started)
        if left and not generated and self._is_to_be_written(comparison):
            self._describe_missing(comparison, context)
        yield from trip.back()

    def _needed_defaults(self, found: Sequence[Difference]) -> list[str]:
        """None where env.py asks to compare defaults."""
        if self._environment.asks_for_defaults:
            return []
        return drift.needed_defaults(found, self.result["changes"])

    def _failed(self, trip: RoundTrip, account: dict[str, Any]) -> None:
        if account["code"] == "42804" and self.result["scripts"] and not self._casts:
            self._casts = self.is_to_be_retried = True
            return
        trip.note_failure(account)
        if trip.way == "upgrade" and not self.result["scripts"]:
            self._keep_known()  # nothing is compared after it

    def _keep_known(self) -> None:
        changes = self.result["changes"]
        known = self._known_of([item["key"] for item in changes]) if changes else []
        self.result["drift"] = drift.staying(changes, known, self._request["waived"])
        self.result["known"] = len(self.result["drift"])

    def note_heads(self, context: MigrationContext) -> None:
        """Where the database is now."""
        with between_steps(context):
            self.result["heads"] = sorted(tupled(context.get_current_heads()))


def _count_tables(metadata: Any) -> int:
    many = metadata if isinstance(metadata, (list, tuple)) else [metadata]
    for item in many:
        if item is not None and not hasattr(item, "tables"):
            raise TypeError(f"target_metadata is no MetaData: {shorten(repr(item), 80)}")
    return sum(len(item.tables) for item in many if item is not None)


def _blank() -> dict[str, Any]:
    return {
        "same": None,
        "digest": None,
        "runs": 0,
        "drift": [],
        "changes": [],
        "left": [],
        "known": 0,
        "upgrades": [],
        "proof": [],
        "failure": None,
        "scripts": [],
        "still": [],
        "notes": [],
        "premade": [],
        "stamped": [],
        "altered": [],
        "foreign": None,
        "raised": None,
        "uncommitted": False,
        "judged": False,
        "created": False,
        "included_tables": None,
        "swallowed": [],
        "heads": [],
        "replayed": 0,
        "metadata_tables": None,
        "registered": None,
        "rows": None,
        "lost": None,
        "renames": [],
        "unrenamed": None,  # of those that are named; None where none was looked for
        "tables": [],
    }
