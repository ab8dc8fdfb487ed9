"""Nothing is clean because nothing ran: an evaluation in, an error where it compared nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from revguard.environments import Environment
from revguard.errors import CouldNotCheck
from revguard.evaluation import accounts, failures, lacking
from revguard.evaluation.tasks import Evaluated

_SHOWN = 3


def refuse_nothing(evaluated: Evaluated, environment: Environment) -> None:
    """CouldNotCheck where the comparison did not happen, or is worth nothing."""
    result = evaluated.result
    if result["same"]:
        return
    _refuse_made_before(result)
    failure = result["failure"]
    if failure and failure["kind"] == "replay":
        raise lacking.of_replay(failure, environment)
    if result["uncommitted"]:
        raise _uncommitted()
    if failure and failure["kind"] == "stopped":
        raise CouldNotCheck("the run of env.py was stopped before anything was compared")
    _refuse_unused(evaluated)
    if not result["judged"] and not failure:
        raise _hidden(result["raised"])
    _refuse_blind(result)
    unproved = any(step["result"] != "pass" for step in result["proof"])
    if evaluated.histories.graph.nodes and not (result["heads"] or failure or unproved):
        raise CouldNotCheck("no revision was run: the version table is empty")
    if not unproved and not failure:
        _refuse_lost(evaluated)


def is_sound(result: Mapping[str, Any]) -> bool:
    """Whether the state before the new revisions is that of the history and of nothing else."""
    spoilt = any(result[name] for name in ("premade", "stamped", "altered", "uncommitted"))
    return not spoilt and (result["failure"] or {}).get("kind") not in ("replay", "stopped")


def _refuse_made_before(result: Mapping[str, Any]) -> None:
    """Said first: it is why a replay fails ("table exists")."""
    if result["premade"]:
        names = [name.removeprefix("public.") for name in result["premade"]]
        raise CouldNotCheck(
            f"something made tables before the first revision ran ({_some(names)}): does the "
            "application call create_all() or migrate when it starts?",
            hint="Keep it from doing so when env.py imports it; a comparison would find nothing.",
        )
    if result["stamped"]:
        raise CouldNotCheck(
            "something migrated or stamped the database before env.py ran its revisions (it was at "
            f"{_some(result['stamped'])} already): does the application do so when it starts?",
            hint="Keep it from doing so when env.py imports it; a comparison would find nothing.",
        )
    if result["altered"]:
        raise CouldNotCheck(
            "something changed tables outside of any revision: "
            f"`{accounts.shortened(result['altered'][0])}`",
            hint="Keep env.py and what it imports from doing so: tables are changed by revisions.",
        )


def _refuse_unused(evaluated: Evaluated) -> None:
    """env.py ran, and did nothing with the database."""
    if evaluated.result["runs"]:
        return
    if evaluated.refused:
        raise failures.refused(evaluated.refused[0])
    if not evaluated.observed["connections"]:
        raise CouldNotCheck(
            "env.py opened no connection, so nothing was compared",
            hint="Does it loop over tenants or databases of which there are none here?",
        )
    raise CouldNotCheck(
        "env.py connected but ran no migrations: context.run_migrations() was not called",
        hint="Does it loop over tenants of which the database has none? The `bootstrap` can make "
        "one.",
    )


def _refuse_blind(result: Mapping[str, Any]) -> None:
    """The comparison looked at nothing."""
    if result["metadata_tables"] == 0 and result["changes"]:
        raise CouldNotCheck(
            "the target metadata has no tables, though the database has: the models are not "
            "imported where env.py reads the metadata",
            hint="Import every module that defines models in env.py.",
        )
    if result["metadata_tables"] and result["included_tables"] == 0:
        raise CouldNotCheck(
            "env.py leaves out every table of the target metadata, so nothing was compared",
            hint="See to it that `include_object` of context.configure() is true for your tables.",
        )
    if result["swallowed"]:
        raise CouldNotCheck(
            "`process_revision_directives` of env.py takes away a script that is not empty "
            f"({_some(result['swallowed'])}), so every change would seem clean",
            hint="Let it empty the list only `if script.upgrade_ops.is_empty()`.",
        )


def _refuse_lost(evaluated: Evaluated) -> None:
    """What env.py ran is not in the database that it left."""
    left, heads = evaluated.left, evaluated.result["heads"]
    if left is None or left.heads is None or not heads:
        return
    is_empty = not left.tables and not left.versioned
    if is_empty or (left.versioned and not set(heads) & set(left.heads)):
        raise _uncommitted()


def _uncommitted() -> CouldNotCheck:
    return CouldNotCheck(
        "env.py ran the revisions and committed nothing: the database that it left is without them",
        hint="Write `with context.begin_transaction(): context.run_migrations()`, or commit the "
        "connection afterwards.",
    )


def _hidden(raised: Mapping[str, Any] | None) -> CouldNotCheck:
    said = f": {accounts.told(raised)}" if raised else ""
    return CouldNotCheck(
        f"env.py hides an exception that ended the comparison{said}",
        hint="Let exceptions of context.run_migrations() pass.",
    )


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
