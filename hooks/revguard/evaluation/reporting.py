"""From what was evaluated to what is said: an Evaluated in, a report and a record out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from revguard.errors import UsageError
from revguard.evaluation import hosts, kinds
from revguard.evaluation.case import Case, on_disk
from revguard.evaluation.findings import finished, history_findings, scripts_on_disk
from revguard.evaluation.keeping import continued, record_of
from revguard.evaluation.lacking import preparation
from revguard.evaluation.nothing import refuse_nothing
from revguard.evaluation.tasks import Evaluated
from revguard.evaluation.unregistered import Unregistered
from revguard.records import Record
from revguard.rules import drift, history, models, proof
from revguard.rules.destructive import Loss, destructive, of_changes, of_schemas
from revguard.sources import Sources
from revguard.verdict import (
    DatabaseInfo,
    EnvironmentReport,
    Finding,
    NewRevision,
    ProofStep,
    SchemaChange,
    environment_to_dict,
    table_from_dict,
    verdict_of,
)

_NOTHING_MADE: Mapping[str, Any] = {
    "failure": None,
    "proof": [],
    "scripts": [],
    "still": [],
    "upgrades": [],
}


class Judgement:
    """From what was evaluated to what is said."""

    def __init__(
        self,
        case: Case,
        evaluated: Evaluated,
        base_record: Record | None,
        source: Unregistered,
        notes: Sequence[str] = (),
    ) -> None:
        self.case = case
        self.evaluated = evaluated
        self.base_record = base_record
        self.source = source
        self.notes = notes
        self.result: Mapping[str, Any] = evaluated.result
        self.graph = evaluated.histories.graph
        if self.result["same"] and base_record is None:
            raise AssertionError("only the parent's metadata was offered as proven")
        kinds.refuse_another(case, evaluated)
        refuse_nothing(evaluated, case.around.environment)
        _refuse_unrenamed(self.result)
        models = [
            path
            for path in evaluated.observed["files"]
            if not path.startswith(tuple(f"{folder}/" for folder in evaluated.locations))
        ]
        self.sources = Sources(models, case.subject.read)
        self.left = [self._change(item, covered=False) for item in self.result["left"]]
        self.changes = (*self._covered(), *self.left)
        self.new = evaluated.histories.added
        before = {(item["op"], item["object"]) for item in self.result["changes"]}
        self.away = drift.led_away(self.left, before) if self.new else []

    def report(self, duration: int) -> EnvironmentReport:
        """The environment's report."""
        case, evaluated = self.case, self.evaluated
        findings = self._all_findings()
        scripts = self.result["scripts"]
        if self.away and len(self.away) == len(self.left):
            scripts = []  # one would only undo what was staged
        path = scripts[0]["path"] if scripts and not self.new else None
        return EnvironmentReport(
            name=case.around.environment.name,
            config=case.around.environment.config,
            verdict=verdict_of(findings),
            cached="schema"
            if self.result["same"]
            else "snapshot"
            if evaluated.from_snapshot
            else "no",
            database=self._database(),
            interpreter=case.around.interpreter_info(),
            heads=tuple(self.graph.heads),
            known_drift=self._known_drift(),
            new_revisions=self._new_revisions(),
            changes=self.changes,
            tables=tuple(table_from_dict(one) for one in self.result["tables"]),
            script=scripts[0]["text"] if scripts else None,
            script_path=path,
            sql=self._sql(),
            proof=tuple(
                ProofStep(
                    step=step["step"], result=step["result"], reason=step["reason"], ms=step["ms"]
                )
                for step in self.result["proof"]
            ),
            findings=findings,
            timings_ms={**evaluated.timings_ms, "total": duration},
            notes=(
                *self.notes,
                *evaluated.notes,
                *kinds.notes(case, evaluated),
                *self.result["notes"],
                *self._connections(),
            ),
        )

    def _connections(self) -> tuple[str, ...]:
        """Where else env.py connected to: that may cost time, or change what is found."""
        return tuple(hosts.notes(self.evaluated.observed["hosts"], self.evaluated.database))

    def record(self, report: EnvironmentReport) -> Record:
        """What the next run may rely on."""
        case = self.case
        keys = tuple(self.result["drift"])
        record = record_of(case, self.evaluated, case.subject, keys)
        lost = [key for one in self._losses() for key in one.keys]
        if self.result["same"] and self.base_record is not None:
            record = continued(record, self.base_record)
        return replace(
            record,
            missing=(*record.missing, *lost),
            parents=case.subject.parents,
            changed=self._relevant_changes(record),
            base=case.subject.base,
            range=case.subject.commits,
            day=case.today.isoformat(),
            # what is wrong with a parent may lie outside of the tree, and be mended there
            report=None if self.notes else environment_to_dict(report),
            notes={
                "fresh": [item["key"] for item in self.result["left"]],
                "on_disk": on_disk(case, record.version_locations) if self.left else "",
            },
        )

    def _relevant_changes(self, record: Record) -> tuple[str, ...]:
        subject = self.case.subject
        if not subject.parents:
            return ()
        return self.case.records.changed(record.observed, subject.parents[0], subject.tree)

    def _database(self) -> DatabaseInfo | None:
        database = self.evaluated.database
        if database is None:
            return None
        return DatabaseInfo(
            provider=database.provider,
            dialect=database.dialect,
            server_version=database.server_version,
        )

    def _known_drift(self) -> int:
        if self.result["same"] and self.base_record is not None:
            return len(self.base_record.drift)
        return int(self.result["known"])

    def _new_scripts(self) -> Mapping[str, bytes]:
        return self.case.subject.read([self.graph.nodes[name].path for name in self.new])

    def _new_revisions(self) -> tuple[NewRevision, ...]:
        nodes = [self.graph.nodes[name] for name in self.new]
        texts = self._new_scripts()
        return tuple(
            NewRevision(
                id=node.id,
                path=node.path,
                down_revision=node.down,
                text=texts.get(node.path, b"").decode("utf-8", "surrogateescape"),
            )
            for node in nodes
        )

    def _change(self, item: Mapping[str, Any], *, covered: bool) -> SchemaChange:
        return SchemaChange(
            op=item["op"],
            object=item["object"],
            detail=item["detail"],
            covered=covered,
            source=self.sources.find(item["table"], item["name"]),
        )

    def _covered(self) -> list[SchemaChange]:
        """The differences that the change's revision deals with; none is where it fails."""
        remaining = set(self.result["drift"])
        failed = (self.result["failure"] or {}).get("kind") == "upgrade"
        return [
            self._change(item, covered=not failed)
            for item in self.result["changes"]
            if item["key"] not in remaining
        ]

    def _upgraded(self) -> list[Mapping[str, Any]]:
        """The upgrades that ran to their end; of the one that failed nobody knows what it does."""
        failure = self.result["failure"] or {}
        failed = failure.get("revision") if failure.get("kind") == "upgrade" else None
        return [one for one in self.result["upgrades"] if one["id"] != failed]

    def _sql(self) -> str:
        statements = [text for step in self.result["upgrades"] for text in step["statements"]]
        return "".join(f"{text}\n" for text in statements)

    def _probable_renames(self, kept: frozenset[str]) -> list[Finding]:
        several = f"--env {shlex.quote(self.case.around.environment.name)} "
        asked = [
            one for one in self.result["renames"] if not _is_of(one["table"] or one["old"], kept)
        ]
        places = [
            self.sources.find(one["table"] or one["new"], one["new"] if one["table"] else "")
            for one in asked
        ]
        environment = several if self.case.others else ""
        return models.probable_renames(asked, self.case.renamed, places, environment)

    def _losses(self) -> list[Loss]:
        """What the revisions take away; of a script that did not run, what it would."""
        told, database = self.result["lost"], self.evaluated.database
        if told is not None and database is not None:
            return [*of_schemas(told, database.dialect)]
        return [] if self.new else [*of_changes(self.changes)]

    def _all_findings(self) -> tuple[Finding, ...]:
        """The findings; a script that would drop what the source still defines is as if there were
        none, unless the drop is said to be meant."""
        unregistered, kept = self.source.findings(self.evaluated, self.changes)
        made = self.result
        if kept and not self.new:
            self.result = {**made, **_NOTHING_MADE}
        found = self._findings(unregistered, kept)
        if kept and all(one.rule != models.UNREGISTERED for one in found):
            self.result = made
            return self._findings(unregistered, frozenset())
        return found

    def _findings(
        self, unregistered: Sequence[Finding], kept: frozenset[str]
    ) -> tuple[Finding, ...]:
        case, found, new = self.case, self.evaluated.histories, self.new
        locations = self.evaluated.locations
        findings = [*history_findings(case, found, locations), *unregistered]
        left = [change for change in self.left if not _is_of(change.object, kept)]
        scripts = self.result["scripts"]
        generated = bool(scripts) and not new
        path = self.graph.nodes[new[-1]].path if new else scripts[0]["path"] if scripts else ""
        apart = not scripts and len(self.graph.heads) > 1
        findings += drift.missing_revision(left, new, apart=apart)
        findings += [] if new else self._probable_renames(kept)
        failure = self.result["failure"]
        hint = preparation(failure["message"], case.around.environment) if failure else ""
        findings += proof.failed_step(failure, hint)
        findings += drift.incomplete_revision(
            [one for one in left if one not in self.away], new, self.graph
        )
        findings += drift.unneeded_revision(self.away, new, self.graph)
        if generated:
            findings += proof.not_converging(self.result["still"], path)
        findings += proof.differing_round_trip(self.result["proof"], path)
        if not generated:
            findings += drift.empty_revision(self._upgraded(), self.graph)
        line = self.graph.nodes[new[-1]].line if new else 0
        losses = [one for one in self._losses() if new or not _is_of(one.object, kept)]
        findings += destructive(losses, self._new_scripts(), (path, line), case.waived)
        if left:
            findings += history.untracked_revision(
                scripts_on_disk(case, found), self.graph, needed=True
            )
        return finished(case, findings, complete=failure is None)


def _refuse_unrenamed(result: Mapping[str, Any]) -> None:
    """UsageError for a `--rename` of what is not dropped and added: the values would be lost."""
    for named in result["unrenamed"] or ():
        old, _, new = named.partition(":")
        raise UsageError(
            f"`--rename {named}`: the models do not drop {old} and add {new}",
            hint="a column is `table.old:new`, a table `old:new`: `revguard check` shows which",
        )


def _is_of(object_: str, tables: frozenset[str]) -> bool:
    """Whether it is one of these tables, or a part of one."""
    return any(object_ == one or object_.startswith(f"{one}.") for one in tables)
