"""Nothing is clean because nothing ran: an evaluation in, an error where it compared nothing."""

from __future__ import annotations

from revguard.environments import Environment
from revguard.errors import CouldNotCheck
from revguard.evaluation import failures
from revguard.evaluation.tasks import Evaluated


def refuse_nothing(evaluated: Evaluated, environment: Environment) -> None:
    """Nothing is clean because nothing ran."""
    result, observed = evaluated.result, evaluated.observed
    if result["same"]:
        return
    failure = result["failure"]
    if result["premade"]:  # said first: it is why a replay fails ("table exists")
        raise CouldNotCheck(
            "something made tables before the first revision ran "
            f"({', '.join(name.partition(' ')[2] for name in result['premade'][:3])}): does the "
            "application call create_all() or migrate when it starts?",
            hint="Keep it from doing so when env.py imports it; a comparison would find nothing.",
        )
    if failure and failure["kind"] == "replay":
        raise failures.of_replay(failure, environment)
    if failure and failure["kind"] == "stopped":
        raise CouldNotCheck("the run of env.py was stopped before anything was compared")
    if evaluated.refused and not result["runs"]:
        raise failures.refused(evaluated.refused[0])
    if not observed["connections"]:
        raise CouldNotCheck(
            "env.py opened no connection, so nothing was compared",
            hint="Does it loop over tenants or databases of which there are none here?",
        )
    if not result["runs"]:
        raise CouldNotCheck(
            "env.py connected but ran no migrations: context.run_migrations() was not called",
        )
    if result["metadata_tables"] == 0 and result["changes"]:
        raise CouldNotCheck(
            "the target metadata has no tables, though the database has: the models are not "
            "imported where env.py reads the metadata",
            hint="Import every module that defines models in env.py.",
        )
    unproved = any(step["result"] != "pass" for step in result["proof"])
    if evaluated.histories.graph.nodes and not (result["heads"] or failure or unproved):
        raise CouldNotCheck("no revision was run: the version table is empty")
