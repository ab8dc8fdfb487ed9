"""The longer parts of the text report: the script, the proof, and how it was found out."""

from __future__ import annotations

from typing import Final

from revguard.phrases import counted
from revguard.reporters.paint import Paint, harmless, one_line, wrapped
from revguard.verdict import EnvironmentReport, ProofStep, Step

_MOST_LINES: Final = 60
_STEP_WORDS: Final[dict[Step, str]] = {"reupgrade": "upgrade again"}
_CACHED: Final = {
    "no": "nothing was known before",
    "tree": "the same content was judged before",
    "schema": "the same schema was proven before",
    "snapshot": "the history was replayed before",
}


def script_block(environment: EnvironmentReport, paint: Paint, *, whole: bool) -> str:
    """The missing script under its path; a long one is cut unless the `whole` is asked for."""
    lines = harmless(environment.script or "").rstrip("\n").split("\n")
    left_out = 0 if whole else max(len(lines) - _MOST_LINES, 0)
    if left_out:
        lines = lines[:_MOST_LINES]
    path = environment.script_path
    title = f"the missing script, {one_line(path)}:" if path else "the missing script:"
    code = paint.python("\n".join(lines)).split("\n")
    bar = paint("|", "dim")
    shown = zip(lines, code, strict=False)
    block = [title, *(f"{bar} {painted}" if line else bar for line, painted in shown)]
    if left_out:
        block.append(f"{bar} ... and {left_out} lines more; `-v` shows them all")
    return "\n".join(block)


def proof_line(environment: EnvironmentReport, paint: Paint, width: int) -> str:
    """The proof in one sentence."""
    steps = ", ".join(_step(step) for step in environment.proof)
    database = environment.database
    on = f" on {_database(environment)}" if database else ""
    text = wrapped(f"proof{on}: {steps}", width, hanging="  ")
    return text.replace("failed", paint("failed", "red", "bold"))


def _step(step: ProofStep) -> str:
    word = _STEP_WORDS.get(step.step, step.step)
    reason = f" ({one_line(step.reason)})" if step.reason else ""
    if step.result == "pass":
        return f"{word} passed"
    return f"{word} {'failed' if step.result == 'fail' else 'skipped'}{reason}"


def _database(environment: EnvironmentReport) -> str:
    database = environment.database
    if database is None:
        return "no database"
    version = f" {database.server_version}" if database.server_version else ""
    provider = f" ({database.provider})" if database.provider != database.dialect else ""
    return one_line(f"{database.dialect}{version}{provider}")


def background(environment: EnvironmentReport, paint: Paint, width: int) -> str:
    """What was used and how long it took."""
    lines = [
        f"configuration: {one_line(environment.config)}" if environment.config else "",
        _interpreter(environment),
        f"database: {_database(environment)}" if environment.database else "",
        f"heads: {', '.join(environment.heads)}" if environment.heads else "",
        f"cache: {_CACHED[environment.cached]}",
        _timings(environment),
        _locks(environment),
        *(f"note: {note}" for note in environment.notes),
    ]
    said = [wrapped(line, width, "  ", "    ") for line in lines if line]
    if environment.sql:
        sql = harmless(environment.sql).strip("\n").split("\n")
        said += ["  SQL of the new revisions:", *(f"    {line}".rstrip() for line in sql)]
    return "\n".join(paint(line, "dim") for line in "\n".join(said).split("\n"))


def notes(environment: EnvironmentReport, paint: Paint, width: int) -> str:
    """What else is to be known."""
    said = [wrapped(f"note: {one}", width, "", "  ") for one in environment.notes]
    return "\n".join(paint(line, "dim") for line in "\n".join(said).split("\n"))


def _interpreter(environment: EnvironmentReport) -> str:
    found = environment.interpreter
    if found is None:
        return ""
    parts = (
        f"Python {found.python}" if found.python else "",
        f"Alembic {found.alembic}" if found.alembic else "",
        f"SQLAlchemy {found.sqlalchemy}" if found.sqlalchemy else "",
    )
    versions = ", ".join(filter(None, parts))
    return f"interpreter: {one_line(found.path)}" + (f" ({versions})" if versions else "")


def _timings(environment: EnvironmentReport) -> str:
    timings = ", ".join(f"{what} {ms} ms" for what, ms in environment.timings_ms.items())
    return f"timings: {timings}" if timings else ""


def _locks(environment: EnvironmentReport) -> str:
    if not environment.locks:
        return ""
    modes = dict.fromkeys(f"{lock.object} {lock.mode}" for lock in environment.locks)
    return f"{counted(len(environment.locks), 'lock')}: {', '.join(modes)}"
