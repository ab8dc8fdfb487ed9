"""One chain of revisions squashed: its scripts in, the one that was proven to do the same out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from revguard.evaluation.tasks import Wanted
from revguard.history import generated
from revguard.squashing import merging, proving, scripts, toplevel
from revguard.squashing.chains import Chain, Refusal
from revguard.squashing.landing import Ground, Landing
from revguard.squashing.plans import Plan, plans
from revguard.squashing.scripts import Parts
from revguard.squashing.values import Squashed
from revguard.staging.drafts import draft


@dataclass(frozen=True, kw_only=True)
class Squashing:
    """One chain of a tree, and how the one revision is to be called."""

    ground: Ground
    tree: str
    chain: Chain
    texts: Mapping[str, bytes]  # by path
    message: str | None
    marks: bool  # whether `add` may extend what nobody edited: one-per = "branch"

    def run(self) -> tuple[Squashed, str | None]:
        """What takes the chain's place, and its text; None where nothing is left to do. Refusal."""
        chain = [scripts.parts(n.id, n.path, self.texts[n.path]) for n in self.chain.nodes]
        before, notes = self._landed()
        reasons = []
        for plan in plans(chain):
            reason = _untold(plan, chain, before)
            try:
                text = None if reason else self._text(plan, chain)
                reason = reason or self._prove(before, text, notes)
            except Refusal as refusal:
                if plan.kept == tuple(chain):
                    raise
                reason = refusal.message
            if not reason:
                return self._squashed(plan, text, notes), text
            reasons.append(reason)
        raise Refusal(f"it cannot be shown that one revision does the same: {reasons[-1]}")

    def _landed(self) -> tuple[Landing, list[str]]:
        """What the chain leaves; without rows where it cannot run on them."""
        found = self.ground.land(self.tree)
        notes = []
        if found.failed and found.rows == "filled":
            said = f"on tables with rows the revisions themselves fail ({found.failed})"
            notes = [f"{said}, and so does the one: they were compared on empty tables"]
            found = self.ground.land(self.tree, "empty")
        for finding in found.blocking:
            raise Refusal(
                f"the branch does not pass as it is: {finding.rule}: {finding.message}",
                hint=finding.hint,
            )
        if found.result.get("rows") is None or not found.result["proof"]:
            raise Refusal("env.py goes to several databases, and rows are compared in one only")
        unfilled = found.result["rows"]["unfilled"]
        if unfilled:
            notes.append(f"no rows could be put into {', '.join(unfilled)}")
        return found, notes

    def _text(self, plan: Plan, chain: Sequence[Parts]) -> str | None:
        message = self.message or merging.message_of(chain)
        made = [self._anew(plan, message)] if plan.anew else []
        pieces = [*plan.before, *filter(None, made), *plan.after]
        if not pieces:
            return None
        more = [text for one in chain for text in toplevel.paragraphs(one)]
        text = merging.merged(self.chain, pieces, message, more)
        return self._marked(text) if self.marks and pieces == made else text

    def _anew(self, plan: Plan, message: str) -> Parts | None:
        """What autogenerate writes after the kept scripts before it."""
        kept = {one.path for one in plan.before}
        gone = [node.path for node in self.chain.nodes if node.path not in kept]
        tree = self._draft({}, gone)
        wanted = Wanted(
            id=self.chain.last.id,
            down=(plan.before[-1].id,) if plan.before else self.chain.down,
            depends_on=() if plan.before else self.chain.depends_on,
            labels=() if plan.before else self.chain.labels,
        )
        report = self.ground.generated(tree, wanted, message).report
        if report.script is None:
            return None
        source = report.script.encode("utf-8", "surrogateescape")
        return scripts.parts(scripts.ANEW, self.chain.last.path, source)

    def _marked(self, text: str) -> str:
        """With what lets `add` extend it: its message too, if those of the chain were ours."""
        known = [generated.untouched(self.texts[node.path]) for node in self.chain.nodes]
        named = self.message is None and all(one is not None and one.named for one in known)
        return generated.marked(text, named=named)

    def _prove(self, before: Landing, text: str | None, notes: list[str]) -> str:
        """Why the text does not do what the chain does; empty where it does."""
        if text is None:
            same = proving.does_nothing(before.result)
            return "" if same else "nothing differs any more, but the rows are not as before"
        tree = self._draft(*self.changes(text))
        if before.rows == "empty" and not self.ground.land(tree).failed:
            return "it would run on rows on which the revisions fail"
        after = self.ground.land(tree, before.rows)
        for finding in after.blocking:
            return f"{finding.rule}: {finding.message}"
        if after.failed:
            return after.failed
        different = proving.schema_differences(before.result, after.result)
        return "; ".join(different) or self._compared_rows(before, after, notes)

    def _compared_rows(self, before: Landing, after: Landing, notes: list[str]) -> str:
        found = proving.row_differences(before.result, after.result)
        if not found:
            return ""
        again = self.ground.land(self.tree, before.rows)
        left = proving.row_differences(before.result, after.result, again.result)
        if not left:
            notes.append("columns that hold another value in each run were not compared")
        return " and ".join(f"{one} are not the same" for one in left)

    def _draft(self, writes: Mapping[str, bytes], removals: Sequence[str]) -> str:
        subject = self.ground.case.subject
        return draft(subject.repo, self.tree, subject.listing, writes, removals)

    def changes(self, text: str | None) -> tuple[dict[str, bytes], list[str]]:
        """What is to be written and removed for a text."""
        last = self.chain.last.path
        paths = [node.path for node in self.chain.nodes]
        if text is None:
            return {}, paths
        content = text.encode("utf-8", "surrogateescape")
        return {last: content}, [path for path in paths if path != last]

    def _squashed(self, plan: Plan, text: str | None, notes: list[str]) -> Squashed:
        return Squashed(
            nodes=self.chain.nodes,
            down=self.chain.down,
            path="" if text is None else self.chain.last.path,
            anew=plan.anew,
            kept=tuple(one.id for one in plan.kept),
            notes=tuple(dict.fromkeys(notes)),
        )


def _untold(plan: Plan, chain: Sequence[Parts], before: Landing) -> str:
    """Why rows do not tell whether what is made anew does the same; word for word it does."""
    if not plan.anew or before.rows != "filled":
        return ""
    for table in before.result["rows"]["unfilled"]:
        name = re.escape(table.rpartition(".")[2])
        if any(re.search(rf"[\"'.]{name}[\"'.]", one.text) for one in chain):
            return f"no rows could be put into {table}, and rows have to show it"
    return ""
