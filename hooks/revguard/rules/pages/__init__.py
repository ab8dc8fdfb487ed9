"""The page of each rule: an id in, Markdown out."""

from __future__ import annotations

from pathlib import Path

from revguard.errors import UsageError
from revguard.rules import RESERVED_FAMILIES, RULES, is_known, nearest

FOLDER = Path(__file__).parent


def page(rule: str) -> str:
    """The rule's page, as `revguard explain` prints it. UsageError for what is no rule."""
    if rule in RULES and not RULES[rule].reserved:
        return (FOLDER / f"{rule}.md").read_text(encoding="utf-8")
    if is_known(rule):
        return _reserved(rule)
    meant = nearest(rule)
    raise UsageError(
        f"there is no rule {rule!r}",
        hint=f"did you mean `revguard explain {meant}`?" if meant else _all_rules(),
    )


def _reserved(rule: str) -> str:
    family = next((name for name in RESERVED_FAMILIES if rule.startswith(name)), None)
    why = f"the rules of `{family}*`" if family else "this rule"
    return f"# {rule}\n\nThe name is reserved: this version does not check {why} yet.\n"


def _all_rules() -> str:
    checked = (rule.id for rule in RULES.values() if not rule.reserved)
    return "the rules are: " + ", ".join(checked)
