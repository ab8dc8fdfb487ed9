"""The report for people: verdict first, the command to type last, silence where all is well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from revguard.phrases import counted, phrase, summary
from revguard.reporters.details import background, notes, proof_line, script_block
from revguard.reporters.paint import Paint, one_line, wrapped
from revguard.verdict import EnvironmentReport, Finding, Report, SchemaChange, Verdict

_MOST_CHANGES = 20
_COLORS: dict[Verdict, str] = {"pass": "green", "fail": "red", "error": "red"}
_ADD = re.compile(r"`revguard (?:--env [^`]+ )?add\b")
_RENAME = "models/probable-rename"  # a bare `add` would only ask again
_COMMAND = re.compile(r"`((?:git|revguard|alembic) [^`\n]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    paint: Paint
    width: int
    verbose: bool
    quiet: bool


def render(report: Report, *, color: bool, width: int, verbose: bool, quiet: bool) -> str:
    """The report as text; empty where there is nothing that must be said."""
    page = _Page(paint=Paint(color=color), width=width, verbose=verbose, quiet=quiet)
    if report.error is not None:
        return _error(report.error, report.hint, page)
    shown = [one for one in report.environments if _worth_saying(one, page)]
    blocks = ["\n".join(_verdict_line(one, page) for one in shown)]
    for environment in shown:
        details = list(_details(environment, page))
        if details and len(shown) > 1 and not quiet:
            details[0] = f"{page.paint(one_line(environment.name), 'bold')}\n{details[0]}"
        blocks += details
    if verbose:
        blocks.append(_totals(report, page))
    blocks += _closing(shown, page)
    text = ("\n" if quiet else "\n\n").join(block for block in blocks if block)
    return text + "\n" if text else ""


def _worth_saying(environment: EnvironmentReport, page: _Page) -> bool:
    if page.verbose or environment.verdict != "pass":
        return True
    return not page.quiet and bool(environment.new_revisions or environment.findings)


def _error(message: str, hint: str, page: _Page) -> str:
    said = wrapped(f"error: {message}", page.width, hanging="  ")
    said = said.replace("error:", page.paint("error:", "red", "bold"), 1)
    return "\n".join(filter(None, (said, wrapped(hint, page.width, "  ")))) + "\n"


def _verdict_line(environment: EnvironmentReport, page: _Page) -> str:
    verdict = page.paint(environment.verdict, _COLORS[environment.verdict], "bold")
    return f"{page.paint(one_line(environment.name), 'bold')}: {verdict}{_because(environment)}"


def _because(environment: EnvironmentReport) -> str:
    """What the verdict line says after the verdict."""
    if environment.verdict == "error":
        return ": it could not be checked"
    if environment.verdict == "fail":
        errors = [one.rule for one in environment.findings if one.severity == "error"]
        return f": {', '.join(dict.fromkeys(errors))}" if errors else ""
    if not environment.new_revisions:
        return _cached(environment)
    added = [one for one in environment.new_revisions if one.added_by == "revguard"]
    names = ", ".join(one_line(one.path or one.id) for one in added or environment.new_revisions)
    changes = [phrase(one.op, one_line(one.object)) for one in environment.changes]
    what = f" ({summary(changes)})" if changes else ""
    proven = ", proven" if _is_proven(environment) else ""
    done = "generated anew " if any(one.anew for one in added) else "added " if added else ""
    return f": {done}{names}{what}{proven}{_cached(environment)}"


def _is_proven(environment: EnvironmentReport) -> bool:
    return any(step.step == "upgrade" and step.result == "pass" for step in environment.proof)


def _cached(environment: EnvironmentReport) -> str:
    return " (known from an earlier run)" if environment.cached == "tree" else ""


def _details(environment: EnvironmentReport, page: _Page) -> Iterator[str]:
    """The blocks below the verdict line, each without its last newline."""
    if environment.error is not None:
        yield _error(environment.error, environment.hint, page).rstrip("\n")
    failed = environment.verdict == "fail"
    if not page.quiet and (failed or page.verbose):
        yield _changes(environment, page)
    yield from _findings(environment, page)
    if not page.quiet and environment.script is not None and failed:
        yield script_block(environment, page.paint, whole=page.verbose)
    if not page.quiet and environment.proof and (failed or page.verbose):
        yield proof_line(environment, page.paint, page.width)
    if page.verbose:
        yield background(environment, page.paint, page.width)
    elif environment.notes and not page.quiet:
        yield notes(environment, page.paint, page.width)


def _changes(environment: EnvironmentReport, page: _Page) -> str:
    changes = environment.changes if page.verbose else environment.changes[:_MOST_CHANGES]
    places = [_place(change) for change in changes]
    column = min(max(map(len, places), default=0), page.width // 2)
    mixed = len({change.covered for change in environment.changes}) > 1
    lines = [
        _change_line(change, place, column, mixed=mixed, page=page)
        for change, place in zip(changes, places, strict=True)
    ]
    left_out = len(environment.changes) - len(changes)
    if left_out:
        lines.append(f"  ... and {left_out} more; `-v` shows them all")
    if environment.known_drift:
        known = counted(environment.known_drift, "difference")
        said = f"  known drift: {known} from before, not counted"
        lines.append(page.paint(said, "dim"))
    return "\n".join(lines)


def _place(change: SchemaChange) -> str:
    if change.source is None:
        return ""
    return _location(change.source.path, change.source.line)


def _location(path: str, line: int) -> str:
    return f"{one_line(path)}:{line}" if path and line else one_line(path)


def _change_line(change: SchemaChange, place: str, column: int, *, mixed: bool, page: _Page) -> str:
    said = phrase(change.op, one_line(change.object))
    said += f" ({one_line(change.detail)})" if change.detail else ""
    said += ", in the revision" if mixed and change.covered else ""
    text = wrapped(f"{place:<{column}}  {said}".lstrip(), page.width, "  ", "      ")
    if not place and column:
        text = wrapped(said, page.width, " " * (column + 4), "      ")
    return text.replace(place, page.paint(place, "cyan"), 1) if place else text


def _findings(environment: EnvironmentReport, page: _Page) -> Iterator[str]:
    at_the_end = _last_hint(environment)
    for finding in environment.findings:
        if finding.severity == "warning" and page.quiet:
            continue
        hint = "" if finding.hint == at_the_end or page.quiet else finding.hint
        yield _finding(finding, hint, page)


def _finding(finding: Finding, hint: str, page: _Page) -> str:
    color = "red" if finding.severity == "error" else "yellow"
    head = page.paint(finding.severity, color, "bold")
    head += f"[{one_line(finding.rule)}]"
    where = _location(finding.path, finding.line)
    lines = [
        f"{head} {page.paint(where, 'cyan')}" if where else head,
        wrapped(finding.message, page.width, "  "),
        wrapped(hint, page.width, "  "),
    ]
    return "\n".join(filter(None, lines))


def _last_hint(environment: EnvironmentReport) -> str:
    """The hint that is kept for the end, being the thing to do."""
    hints = {one.hint for one in environment.findings if one.severity == "error" and one.hint}
    if environment.script is not None:
        hints = {hint for hint in hints if _ADD.search(hint)}
    return next(iter(hints)) if len(hints) == 1 else ""


def _asks(environment: EnvironmentReport) -> bool:
    return any(one.rule == _RENAME and one.severity == "error" for one in environment.findings)


def _closing(shown: list[EnvironmentReport], page: _Page) -> list[str]:
    """What to type, once for all environments."""
    if page.quiet:
        return []
    failed = [one for one in shown if one.verdict == "fail"]
    hints = dict.fromkeys(filter(None, (_last_hint(one) for one in failed)))
    if any(one.script is not None and not _last_hint(one) and not _asks(one) for one in failed):
        hints["To write the script, prove it and add it to the commit: `revguard add`"] = None
    return [_painted_commands(wrapped(hint, page.width), page) for hint in hints]


def _painted_commands(text: str, page: _Page) -> str:
    return _COMMAND.sub(lambda match: f"`{page.paint(match[1], 'bold')}`", text)


def _totals(report: Report, page: _Page) -> str:
    environments = counted(len(report.environments), "environment")
    tree = f", tree {report.tree[:12]}" if report.tree else ""
    return page.paint(f"{environments}{tree}, {report.duration_ms} ms", "dim")
