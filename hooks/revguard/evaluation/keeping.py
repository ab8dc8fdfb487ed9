"""What the next run may rely on: an evaluation in, a Record out."""

from __future__ import annotations

from dataclasses import replace

from revguard.evaluation.case import Case
from revguard.evaluation.subject import Histories, Subject
from revguard.evaluation.tasks import Evaluated
from revguard.history import headfile
from revguard.observed import merge
from revguard.records import Record
from revguard.rules.landed import REMOVED, missing


def record_of(case: Case, evaluated: Evaluated, subject: Subject, keys: tuple[str, ...]) -> Record:
    """The record of an evaluation; `keys` are all differences that there are."""
    environment = case.around.environment
    observed = evaluated.observed
    files = {*observed["files"], *(n.path for n in evaluated.histories.graph.nodes.values())}
    files |= {path for path in (environment.config, environment.toml) if path}
    files |= {*evaluated.watched}
    if environment.settings.lock:
        files |= {*headfile.contents(evaluated.histories.graph, evaluated.locations)}
    folders = dict(observed["folders"])
    for location in evaluated.locations:
        folders[location] = sorted(
            path[len(location) + 1 :].partition("/")[0]
            for path in subject.listing
            if path.startswith(location + "/")
        )
    return Record(
        tree=subject.tree,
        observed={
            "files": sorted(files),
            "folders": folders,
            "roots": observed["roots"],
            "attempted": observed["attempted"],
            "absent": observed["absent"],
            "watch": list(environment.settings.watch),
        },
        settings=case.made_with,
        digest=evaluated.result["digest"],
        drift=keys,
        missing=_missing(evaluated.histories),
        root=evaluated.root,
        version_locations=evaluated.locations,
        script_location=observed.get("script_location", ""),
        hook_files=tuple(observed["hook_files"]),
        dialect=evaluated.database.dialect if evaluated.database else "",
        driver=evaluated.driver,
    )


def _missing(found: Histories) -> tuple[str, ...]:
    ids = missing(found.base, found.graph, found.parents)
    return tuple(f"{REMOVED} {id_}" for id_ in ids)


def continued(record: Record, before: Record) -> Record:
    """A run that ended at the first connection saw less than the one that it relies on."""
    return replace(
        record,
        observed=merge([record.observed, before.observed]),
        drift=before.drift,
        hook_files=before.hook_files,
        dialect=before.dialect,
        driver=before.driver,
        digest=before.digest,
    )
