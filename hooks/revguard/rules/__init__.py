"""The catalogue of rules: an id in, its default severity and its page out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from revguard.verdict import Finding, Severity

Setting: TypeAlias = Literal["error", "warning", "off"]
SETTINGS: Final[tuple[Setting, ...]] = ("error", "warning", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. A reserved one may be configured but is not checked by this version."""

    id: str
    severity: Severity
    summary: str
    reserved: bool = False


_BLOCKS: Final[Mapping[str, str]] = {
    "history/missing-revision": "the models changed and no revision covers the change",
    "history/incomplete-revision": "a revision is there, but part of the change is not in it",
    "history/unneeded-revision": "a new revision leads away from the models",
    "history/several-revisions": "the commit brings more than one revision for one change",
    "history/empty-revision": "a new revision does nothing",
    "history/not-on-base-head": "a revision goes on top of what is no longer the base's head",
    "history/multiple-heads": "the history would end in more than one head",
    "history/broken-graph": "the revision scripts do not make a history",
    "history/untracked-revision": "the revision is on disk, but not in the commit",
    "history/edited-revision": "a revision that has landed was changed",
    "history/deleted-revision": "a revision that has landed was removed",
    "history/renumbered-revision": "a revision that has landed got another id or place",
    "models/probable-rename": "a drop and an add look like a rename, and nobody says which it is",
    "models/unregistered": "env.py never imports a table that the source defines",
    "proof/upgrade-fails": "the new revision cannot be applied",
    "proof/does-not-converge": "after the upgrade the database still differs from the models",
    "proof/downgrade-fails": "the new revision cannot be undone",
    "proof/downgrade-differs": "the downgrade does not bring the schema of before back",
}
_WARNS: Final[Mapping[str, str]] = {
    "destructive/drop-table": "the revision drops a table, and the rows with it",
    "destructive/drop-column": "the revision drops a column, and the values with it",
    "destructive/drop-schema": "the revision drops a schema, and all that is in it",
    "destructive/narrow-type": "the revision changes a type so that values may be lost",
    "lint/unused-ignore": "an ignore comment silences nothing, or its day is over",
    "lint/unused-waiver": "a waiver waives nothing, or its day is over",
}
_RESERVED: Final[Mapping[str, Severity]] = {
    "models/duplicate-table": "error",
    "proof/fails-on-rows": "error",
    "proof/undetected-difference": "error",
}
# Whole families whose names are not ours, or not known yet: PostgreSQL's locks and rewrites,
# and what squawk calls its rules.
RESERVED_FAMILIES: Final[tuple[str, ...]] = ("lock/", "rewrite/", "squawk/")

# Without a history nothing can be checked, and what was not checked never passes.
ALWAYS_BLOCKS: Final = "history/broken-graph"

RULES: Final[Mapping[str, Rule]] = {
    rule.id: rule
    for rule in (
        *(Rule(id=id_, severity="error", summary=said) for id_, said in _BLOCKS.items()),
        *(Rule(id=id_, severity="warning", summary=said) for id_, said in _WARNS.items()),
        *(
            Rule(id=id_, severity=severity, summary="not checked by this version", reserved=True)
            for id_, severity in _RESERVED.items()
        ),
    )
}


def is_known(rule: str) -> bool:
    """Whether a configuration or an ignore may name this rule."""
    in_family = rule.startswith(RESERVED_FAMILIES) and not rule.endswith("/")
    return rule in RULES or in_family


def nearest(rule: str) -> str | None:
    """The rule that was probably meant."""
    from difflib import get_close_matches

    by_name: dict[str, str] = {id_.rpartition("/")[2]: id_ for id_ in RULES}
    if rule in by_name:
        return by_name[rule]
    found: list[str] = get_close_matches(rule, list(RULES), n=1)
    found = found or get_close_matches(rule, list(by_name), n=1)
    return by_name.get(found[0], found[0]) if found else None


def severity_of(rule: str, settings: Mapping[str, str]) -> Setting:
    """The severity of a rule: as configured, else its own; families of others warn."""
    configured = "error" if rule == ALWAYS_BLOCKS else settings.get(rule)
    for setting in SETTINGS:
        if configured == setting:
            return setting
    return RULES[rule].severity if rule in RULES else "warning"


def with_severities(
    findings: Iterable[Finding], settings: Mapping[str, str]
) -> tuple[Finding, ...]:
    """The findings with the severities of the configuration, without those that are off."""
    judged = []
    for finding in findings:
        severity = severity_of(finding.rule, settings)
        if severity != "off":
            judged.append(replace(finding, severity=severity))
    return tuple(judged)
