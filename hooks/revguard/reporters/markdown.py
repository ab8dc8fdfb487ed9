"""The report as a comment on a pull request: a report in, Markdown of a limited size out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from revguard.phrases import counted, phrase
from revguard.reporters import diagram, folds
from revguard.reporters.links import Links, is_proposed, page
from revguard.reporters.markup import code, fence, folded, prose, table
from revguard.rules import RULES
from revguard.verdict import EnvironmentReport, Finding, Report, SchemaChange

__all__ = ["Links", "render"]

_SIGNS: Final = {"pass": "✅", "fail": "❌", "error": "⚠️"}
_OPEN: Final = 20  # changes of an environment that need no unfolding
_SEVERITIES: Final = {"error": "🛑", "warning": "⚠️"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """How much is said."""

    sql: bool = False
    scripts: bool = False
    parts: bool = False  # pictures, proofs, locks
    most: int = 100  # changes and findings of an environment, environments
    letters: int = 2000  # of a message


_SIZES: Final = (
    _Size(sql=True, scripts=True, parts=True),
    _Size(scripts=True, parts=True),
    _Size(parts=True),
    _Size(),
    _Size(most=20, letters=300),
    _Size(most=5, letters=100),
    _Size(most=0, letters=50),
)


def render(report: Report, *, links: Links | None = None, limit: int = 60_000) -> str:
    """The comment's text, in at most `limit` bytes of UTF-8; what does not fit is left out whole.

    First the SQL goes, then scripts, then pictures and proofs, then the ends of long lists.
    """
    for size in _SIZES:
        text = _Page(report, links, size).text()
        if len(text.encode()) <= limit:
            break
    return text


class _Page:
    def __init__(self, report: Report, links: Links | None, size: _Size) -> None:
        self.report = report
        self.links = links
        self.size = size

    def text(self) -> str:
        shown = [one for one in self.report.environments if _worth_saying(one)]
        quiet = [one for one in self.report.environments if not _worth_saying(one)]
        blocks = [f"### {_SIGNS.get(self.report.verdict, '')} revguard: {_title(self.report)}"]
        blocks += self._mending(shown)
        for one in shown[: self.size.most]:
            blocks += self._environment(one, headed=len(self.report.environments) > 1)
        blocks += self._closing(len(shown), quiet)
        return "\n\n".join(filter(None, blocks)) + "\n"

    def _mending(self, shown: Sequence[EnvironmentReport]) -> Iterator[str]:
        """What to do, once for all environments."""
        if self.report.error is not None:
            yield f"⚠️ {prose(self.report.error, self.size.letters)}"
            yield f"→ {prose(self.report.hint)}" if self.report.hint else ""
        for hint in list(dict.fromkeys(filter(None, map(_command, shown))))[:3]:
            yield f"→ {prose(hint, self.size.letters)}"

    def _environment(self, one: EnvironmentReport, *, headed: bool) -> Iterator[str]:
        if headed:
            yield f"#### {_SIGNS.get(one.verdict, '')} {code(one.name)}"
        if one.error is not None:
            yield from self._error(one)
        yield self._changes(one)
        yield self._findings(one)
        if self.size.parts:
            yield from _picture(one)
            yield from folds.all_of(one, self.links, sql=self.size.sql, scripts=self.size.scripts)
        yield folds.background(one, "" if headed else self.report.tree or "")

    def _error(self, one: EnvironmentReport) -> Iterator[str]:
        first, _, rest = (one.error or "").partition("\n")
        yield f"It could not be checked: {prose(first, self.size.letters)}"
        if rest.strip():
            yield fence(rest[-self.size.letters :], "text")
        yield f"→ {prose(one.hint, self.size.letters)}" if one.hint else ""

    def _changes(self, one: EnvironmentReport) -> str:
        changes = one.changes
        if len(changes) > _OPEN:  # what is not covered has to be seen
            changes = tuple(sorted(changes, key=lambda change: change.covered))
        rows = [self._change(change) for change in changes[: self.size.most]]
        left_out = len(one.changes) - len(rows)
        said = f"… and {counted(left_out, 'change')} more" if left_out else ""
        said += ", " if said and one.known_drift else ""
        if one.known_drift:
            said += f"{counted(one.known_drift, 'difference')} from before, not counted"
        return "\n\n".join([*_tables(rows), *([f"_{said}_"] if said else [])])

    def _change(self, change: SchemaChange) -> tuple[str, ...]:
        where = change.source
        said = phrase(change.op, "\0").split("\0")
        named = code(change.object).join(prose(part) for part in said)
        return (
            "✅" if change.covered else "❌",
            named,
            code(change.detail) if change.detail else "",
            place(where.path, where.line, self.links) if where else "",
        )

    def _findings(self, one: EnvironmentReport) -> str:
        most = self.size.most
        lines = [self._finding(finding, one) for finding in _worst_first(one)[:most]]
        left_out = len(one.findings) - len(lines)
        lines += [f"- … and {counted(left_out, 'finding')} more"] if left_out else []
        return "\n".join(lines)

    def _finding(self, finding: Finding, one: EnvironmentReport) -> str:
        link = page(finding.rule)
        rule = f"[{code(finding.rule)}]({link})" if link else code(finding.rule)
        links = None if is_proposed(one, finding) else self.links
        where = place(finding.path, finding.line, links)
        said = _command(one)
        lines = [
            f"- {_SEVERITIES.get(finding.severity, '')} {rule}" + (f" in {where}" if where else ""),
            prose(finding.message, self.size.letters),
            f"→ {prose(finding.hint)}" if finding.hint and finding.hint != said else "",
        ]
        return "<br>".join(filter(None, lines))

    def _closing(self, shown: int, quiet: Sequence[EnvironmentReport]) -> Iterator[str]:
        if shown > self.size.most:
            yield f"… and {counted(shown - self.size.most, 'environment')} more"
        names = [code(one.name) for one in quiet[: self.size.most]]
        if names and len(self.report.environments) > 1:
            more = len(quiet) - len(names)
            yield f"✅ nothing to say: {', '.join(names)}" + (f" and {more} more" if more else "")
        if self.size != _SIZES[0]:
            yield "_Not all of the report has room here._"
        if len(self.report.environments) > 1:
            yield f"<sub>{self._totals()}</sub>"

    def _totals(self) -> str:
        number, spent = len(self.report.environments), folds.seconds(self.report.duration_ms)
        tree = f", tree {code(self.report.tree[:12])}" if self.report.tree else ""
        return f"{counted(number, 'environment')}, {spent}{tree}"


def _tables(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The first rows, and the others folded."""
    head = ("", "change of the models", "", "in")
    if rows:
        yield table(head, rows[:_OPEN])
    if rows[_OPEN:]:
        yield folded(counted(len(rows) - _OPEN, "more change"), table(head, rows[_OPEN:]))


def place(path: str, line: int, links: Links | None) -> str:
    """A file and its line, as a link where one can be made."""
    if not path:
        return ""
    shown = code(f"{path}:{int(line)}" if line else path)
    return f"[{shown}]({links.blob(path, line)})" if links else shown


def _worth_saying(one: EnvironmentReport) -> bool:
    return one.verdict != "pass" or bool(one.changes or one.new_revisions or one.findings)


def _title(report: Report) -> str:
    failed = [one for one in report.environments if one.verdict == report.verdict]
    if report.verdict == "error":
        names = ", ".join(code(one.name) for one in failed[:5])
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        return f"could not check {names}{more}" if names else "could not check"
    if report.verdict == "fail":
        return _why(failed, len(report.environments))
    revisions = sum(len(one.new_revisions) for one in report.environments)
    return f"{counted(revisions, 'revision')}, proven" if revisions else "no revision is missing"


def _why(failed: Sequence[EnvironmentReport], of: int) -> str:
    if of > 1 or not failed:
        return f"{len(failed)} of {counted(of, 'environment')} fail"
    rules = dict.fromkeys(one.rule for one in failed[0].findings if one.severity == "error")
    known = [RULES[rule].summary for rule in rules if rule in RULES]
    more = f", and {len(known) - 1} more" if len(known) > 1 else ""
    return f"{known[0]}{more}" if known else "the check fails"


def _command(one: EnvironmentReport) -> str:
    """The hint that says how to mend what blocks, if it is one."""
    hints = {each.hint for each in one.findings if each.severity == "error" and each.hint}
    if one.script is not None:
        hints = {hint for hint in hints if "revguard add" in hint} or hints
    return next(iter(hints)) if len(hints) == 1 else ""


def _worst_first(one: EnvironmentReport) -> list[Finding]:
    return sorted(one.findings, key=lambda finding: finding.severity != "error")


def _picture(one: EnvironmentReport) -> Iterator[str]:
    drawn = diagram.render(one.tables)
    if drawn:
        yield f"```mermaid\n{drawn}\n```"
        more = diagram.left_out(one.tables)
        yield f"_{counted(more, 'table')} more not shown_" if more else ""
