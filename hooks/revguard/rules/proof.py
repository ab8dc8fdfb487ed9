"""The rules on the proof: recorded steps in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from revguard.verdict import Finding

_FAILS: Final = {
    "upgrade": ("proof/upgrade-fails", "the upgrade of revision {revision} fails: {message}"),
    "downgrade": ("proof/downgrade-fails", "the downgrade of revision {revision} fails: {message}"),
    "reupgrade": (
        "proof/upgrade-fails",
        "revision {revision} cannot be upgraded again after its own downgrade: {message}",
    ),
}
_KEY_TOO_LONG = {"1170", "1071"}  # of MariaDB and MySQL
_BATCH = "No support for ALTER of constraints in SQLite"


def failed_step(account: Mapping[str, Any] | None, hint: str = "") -> list[Finding]:
    """A revision's upgrade() or downgrade() raised; `hint` in place of the usual one."""
    if not account or account.get("kind") not in _FAILS:
        return []
    rule, text = _FAILS[account["kind"]]
    message = text.format(
        revision=account["revision"], message=account["message"].strip().partition("\n")[0]
    )
    statement = " ".join(account.get("statement", "").split())
    if statement:
        message += f" (statement: {statement[:300]})"
    if account.get("half_done"):
        message += f". {account['half_done'][0].upper()}{account['half_done'][1:]}"
    return [
        Finding(
            rule=rule,
            message=message,
            hint=hint or _hint(account),
            path=account["path"],
            line=account["line"],
        )
    ]


def _hint(account: Mapping[str, Any]) -> str:
    text = f"{account['message']} {account.get('statement', '')}"
    if _BATCH in text or ('near "ALTER"' in text or 'near "CONSTRAINT"' in text):
        return (
            "SQLite alters a table only by copying it: set `render_as_batch=True` in "
            "context.configure() of env.py, or use `op.batch_alter_table()` in the script"
        )
    if "requires a length on dialect" in text:
        return "MariaDB and MySQL have no VARCHAR without a length: `String(255)` in the models"
    if account.get("code") in _KEY_TOO_LONG:
        return (
            "an index covers only the first bytes of a text: give the index "
            '`mysql_length={"column": 191}`, or the column a `String` of a shorter length'
        )
    if "Constraint must have a name" in text:
        return "name the constraint in the models, or give the metadata a naming_convention"
    if account.get("half_done"):
        return (
            "this database takes no DDL back, so production would be left like that: mend the "
            "script, with what can fail first or in a revision of its own"
        )
    if account["kind"] == "upgrade":
        return "mend the script; nothing was applied to any database of yours"
    return "mend downgrade(), or let it `raise NotImplementedError` where there is no way back"


def not_converging(still: Iterable[Mapping[str, Any]], path: str) -> list[Finding]:
    """After the generated revision the comparison still finds something."""
    names = [f"{item['op'].replace('_', ' ')} {item['object']}" for item in still]
    if not names:
        return []
    first = next(iter(still))
    return [
        Finding(
            rule="proof/does-not-converge",
            message=(
                "after the revision the comparison still finds: "
                + ", ".join(names[:3])
                + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            ),
            hint=(
                "Alembic cannot express it, or the database stores it in another form; write it by "
                f'hand, or waive it: [[tool.revguard.waivers]] operation = "{first["op"]}", '
                f'object = "{first["object"]}"'
            ),
            path=path,
        )
    ]


def differing_round_trip(proof: Iterable[Mapping[str, Any]], path: str) -> list[Finding]:
    """The schema after the downgrade is not the one before the upgrade, or the second upgrade
    gives another one than the first."""
    found = []
    for step in proof:
        if step.get("kind") != "differs":
            continue
        after = "downgrade" if step["step"] == "downgrade" else "second upgrade"
        found.append(
            Finding(
                rule="proof/downgrade-differs",
                message=f"after the {after} the schema is another one: {step['reason']}",
                hint="make downgrade() undo all that upgrade() does, or let it "
                "`raise NotImplementedError` where there is no way back",
                path=path,
            )
        )
    return found
