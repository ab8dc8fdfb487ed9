"""The rules on what a revision takes away for good: losses in, findings out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from revguard.rules.causes import line_of
from revguard.rules.narrowing import narrows
from revguard.verdict import Finding, SchemaChange

_RULES: Final = {
    "remove_schema": ("destructive/drop-schema", "drops the schema {0} with all that is in it"),
    "remove_table": ("destructive/drop-table", "drops the table {0} with its rows"),
    "remove_column": ("destructive/drop-column", "drops the column {0} with what it holds"),
    "modify_type": ("destructive/narrow-type", "narrows {0} {1}"),
}
# what a comparison says of it where the models still have it
_OTHERWISE: Final = {"remove_table": "add_table", "remove_column": "add_column"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What is gone, or may be: `op` as a comparison would call it."""

    op: str
    object: str
    detail: str = ""

    @property
    def named(self) -> tuple[str, str]:
        """Operation and object."""
        return self.op, self.object

    @property
    def keys(self) -> tuple[str, ...]:
        """As waivers name it."""
        ops = (self.op, _OTHERWISE.get(self.op, self.op))
        return tuple(f"{op} {self.object}" for op in dict.fromkeys(ops))


def of_schemas(told: Iterable[Mapping[str, str]], dialect: str) -> Iterator[Loss]:
    """Of what the proof saw before and after the revisions (worker/losses.py)."""
    for one in told:
        if one["op"] != "modify_type":
            yield Loss(op=one["op"], object=one["object"])
        elif why := narrows(one["was"], one["now"], dialect):
            detail = f"from {one['was']} to {one['now']}: {why}"
            yield Loss(op=one["op"], object=one["object"], detail=detail)


def of_changes(changes: Iterable[SchemaChange]) -> Iterator[Loss]:
    """Of what a revision would do that nobody has run."""
    for one in changes:
        if one.op in ("remove_table", "remove_column"):
            yield Loss(op=one.op, object=one.object)


def destructive(
    losses: Iterable[Loss],
    scripts: Mapping[str, bytes],
    usual: tuple[str, int],
    allowed: Collection[str],
) -> list[Finding]:
    """The findings; `scripts` are the texts of the new ones by their paths, `usual` is the place
    where none is seen to do it, `allowed` are the waived differences."""
    found = []
    for loss in losses:
        if not any(key in allowed for key in loss.keys):
            rule, text = _RULES[loss.op]
            lines = ((path, line_of(content, *loss.named)) for path, content in scripts.items())
            path, line = next((place for place in lines if place[1]), usual)
            found.append(
                Finding(
                    rule=rule,
                    severity="warning",
                    message=f"the revision {text.format(loss.object, loss.detail)}",
                    path=path,
                    line=line,
                )
            )
    return found
