"""What a reader of the comment unfolds: an environment's report in, SQL, scripts, proof and locks
as blocks out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from revguard.phrases import counted
from revguard.reporters.links import Links
from revguard.reporters.markup import code, fence, folded, in_html, prose, table
from revguard.verdict import EnvironmentReport, ProofStep

_RESULTS: Final = {
    "pass": "✅&nbsp;passed", "fail": "❌&nbsp;failed", "skipped": "⏭️&nbsp;skipped",
}  # fmt: skip
_STEPS: Final[dict[str, str]] = {
    **{name: name for name in ("upgrade", "compare", "downgrade", "rows", "locks")},
    "reupgrade": "upgrade again",
}
_MOST_LOCKS: Final = 50


def all_of(
    one: EnvironmentReport, links: Links | None, *, sql: bool, scripts: bool
) -> Iterator[str]:
    """The folded blocks, in their order."""
    if one.sql and sql:
        yield folded("Upgrade SQL", fence(one.sql, "sql"))
    if scripts:
        yield from _scripts(one, links)
    if one.proof:
        yield folded(_proof_summary(one), *_proof(one))
    if one.locks:
        yield folded(counted(len(one.locks), "lock"), _locks(one))


def _scripts(one: EnvironmentReport, links: Links | None) -> Iterator[str]:
    for revision in one.new_revisions:
        named = f"<code>{in_html(revision.path or revision.id)}</code>"
        after = ", ".join(map(code, revision.down_revision))
        said = f"{code(revision.id)}" + (f", on top of {after}" if after else "")
        link = f"[look at it]({links.blob(revision.path)})" if links and revision.path else ""
        text = fence(revision.text, "python") if revision.text else ""
        about = ": ".join(filter(None, (said, link)))
        done = "generated anew" if revision.anew else "added"
        by_us = f" ({done})" if revision.added_by == "revguard" else ""
        yield folded(f"The revision {named}{by_us}", *filter(None, (about, text)))
    if one.script is not None:
        path = f", <code>{in_html(one.script_path)}</code>" if one.script_path else ""
        yield folded(f"The missing script{path}", fence(one.script, "python"))
    for file in one.head_files:
        yield folded(f"The head file, <code>{in_html(file.path)}</code>", fence(file.text, "text"))


def _proof_summary(one: EnvironmentReport) -> str:
    bad = [step for step in one.proof if step.result == "fail"]
    said = f"failed at {_name(bad[0])}" if bad else "passed"
    return f"Proof: {said}, {seconds(sum(step.ms for step in one.proof))}"


def _proof(one: EnvironmentReport) -> Iterator[str]:
    rows = [
        (_name(step), _RESULTS.get(step.result, ""), f"{int(step.ms)}&nbsp;ms", prose(step.reason))
        for step in one.proof
    ]
    yield table(("step", "result", "time", ""), rows)


def _name(step: ProofStep) -> str:
    return _STEPS.get(step.step, "another step")


def _locks(one: EnvironmentReport) -> str:
    rows = [
        (code(lock.object), code(lock.mode), "yes" if lock.rewrite else "", code(lock.statement))
        for lock in one.locks[:_MOST_LOCKS]
    ]
    return table(("locked", "mode", "rewritten", "by"), rows)


def background(one: EnvironmentReport, tree: str) -> str:
    """Engine, versions, duration and tree, in small letters."""
    found, database = one.interpreter, one.database
    parts = []
    if database is not None:
        provider = f" ({database.provider})" if database.provider != database.dialect else ""
        parts.append(f"{database.dialect} {database.server_version}".strip() + provider)
    if found is not None:
        named = (
            ("Python", found.python), ("Alembic", found.alembic), ("SQLAlchemy", found.sqlalchemy),
        )  # fmt: skip
        parts += [f"{name} {version}" for name, version in named if version]
    spent = one.timings_ms.get("total")
    said = [code(part) for part in parts]
    if spent is not None:
        said.append(seconds(spent))
    said += [f"tree {code(tree[:12])}"] if tree else []
    return f"<sub>{', '.join(said)}</sub>" if said else ""


def seconds(ms: int) -> str:
    """`0.3 s`, `40 ms`."""
    return f"{int(ms) / 1000:.1f} s" if ms >= 100 else f"{int(ms)} ms"
