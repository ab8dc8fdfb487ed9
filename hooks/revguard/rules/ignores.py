"""Ignore comments: findings and file texts in, the findings that remain out."""

from __future__ import annotations

import datetime
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from revguard.rules import ALWAYS_BLOCKS, RULES, is_known, nearest
from revguard.verdict import Finding

UNUSED = "lint/unused-ignore"

_IGNORE = re.compile(r"#\s*revguard:\s*ignore\b(?P<rest>[^#]*)")
_REST = re.compile(r"\[(?P<rules>[^\]]*)\](?:\s+until\s*=\s*(?P<until>[\w-]*))?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")  # from 3.11 on, fromisoformat() takes more than that
_NO_CODE = frozenset(
    (
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """One ignore comment: where it stands, the line that it speaks of, and what it says."""

    path: str
    line: int
    target: int
    rules: tuple[str, ...] = ()
    until: datetime.date | None = None
    problem: str = ""  # why it cannot be read

    def silences(self, finding: Finding, today: datetime.date) -> bool:
        """Whether the finding is on its line and of a rule that it names, in time."""
        here = finding.path == self.path and finding.line in (self.line, self.target)
        named = finding.rule in self.rules and finding.rule != ALWAYS_BLOCKS
        return here and named and not self.problem and not self.is_over(today)

    def is_over(self, today: datetime.date) -> bool:
        """Whether its last day has gone by; the day itself still counts."""
        return self.until is not None and self.until < today


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is left to say, and what the ignore comments took away."""

    findings: tuple[Finding, ...]
    silenced: tuple[Finding, ...] = ()


def apply(
    findings: Iterable[Finding],
    read: Callable[[str], bytes | None],
    *,
    scanned: Iterable[str],
    today: datetime.date,
    complete: bool = True,
) -> Outcome:
    """Take away what is silenced; report the ignores that silence nothing.

    `scanned` are the files whose ignores must be of use: those that this change brings or
    touches. An ignore elsewhere may have served a change that is long past. With
    `complete=False` (not every rule could run) only what cannot be right is reported.
    """
    findings = tuple(findings)
    scanned = set(scanned)
    paths = sorted(scanned | {finding.path for finding in findings if finding.line})
    ignores = [ignore for path in paths for ignore in ignores_in(path, read(path))]
    silenced = tuple(
        finding for finding in findings if any(one.silences(finding, today) for one in ignores)
    )
    kept = [finding for finding in findings if finding not in silenced]
    for ignore in ignores:
        if ignore.path in scanned:
            kept += _complaints(ignore, silenced, today, complete)
    return Outcome(findings=tuple(kept), silenced=silenced)


def ignores_in(path: str, text: bytes | None) -> Iterator[Ignore]:
    """The ignore comments of a Python file, in order."""
    if not text or b"revguard:" not in text or not path.endswith((".py", ".pyi")):
        return
    comments, code_lines = _comments_of(text)
    for line, alone, comment in comments:
        target = _next(line, code_lines) if alone else line
        for match in _IGNORE.finditer(comment):
            yield _parsed(path, line, target, match["rest"])


def _comments_of(text: bytes) -> tuple[list[tuple[int, bool, str]], list[int]]:
    # each comment with its line and whether it stands alone there; the lines that hold code
    comments: list[tuple[int, bool, str]] = []
    code: list[int] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(text).readline):
            line = token.start[0]
            if token.type == tokenize.COMMENT:
                comments.append((line, line not in code[-1:], token.string))
            elif token.type not in _NO_CODE:
                code += range(max(line, code[-1] + 1 if code else 0), token.end[0] + 1)
    except (SyntaxError, tokenize.TokenError):
        pass  # what was read up to there counts; whoever imports the file will say the rest
    return comments, code


def _next(line: int, code_lines: list[int]) -> int:
    # the line of code below, across further comments
    from bisect import bisect_right

    position = bisect_right(code_lines, line)
    return code_lines[position] if position < len(code_lines) else line


def _parsed(path: str, line: int, target: int, rest: str) -> Ignore:
    match = _REST.match(rest)
    rules = tuple(name.strip() for name in match["rules"].split(",")) if match else ()
    if match is None or not all(rules):
        problem = "it names no rule: write `# revguard: ignore[family/rule]`"
        return Ignore(path=path, line=line, target=target, problem=problem)
    try:
        until = _day(match["until"])
    except ValueError:
        problem = f"`until={match['until']}` is no day: write `until=YYYY-MM-DD`"
        return Ignore(path=path, line=line, target=target, rules=rules, problem=problem)
    return Ignore(path=path, line=line, target=target, rules=rules, until=until)


def _day(written: str | None) -> datetime.date | None:
    if written is None:
        return None
    if not _DAY.fullmatch(written):
        raise ValueError(written)
    return datetime.date.fromisoformat(written)


def _complaints(
    ignore: Ignore, silenced: tuple[Finding, ...], today: datetime.date, complete: bool
) -> Iterator[Finding]:
    if ignore.problem:
        yield _unused(ignore, f"this ignore cannot be read: {ignore.problem}", "")
        return
    for rule in ignore.rules:
        if not is_known(rule):
            meant = nearest(rule)
            hint = f"did you mean `{meant}`?" if meant else "`revguard explain RULE` shows a rule"
            yield _unused(ignore, f"this ignore names `{rule}`, and there is no such rule", hint)
        elif rule == ALWAYS_BLOCKS:
            yield _unused(ignore, f"`{rule}` cannot be ignored", "mend the history")
        elif ignore.is_over(today):
            message = f"the ignore of `{rule}` ended on {ignore.until}"
            yield _unused(ignore, message, "mend what it hides, or choose a later day")
        elif complete and _should_have_fired(ignore, rule, silenced, today):
            yield _unused(ignore, f"this ignore of `{rule}` silences nothing", "remove it")


def _should_have_fired(
    ignore: Ignore, rule: str, silenced: tuple[Finding, ...], today: datetime.date
) -> bool:
    checked = rule in RULES and not RULES[rule].reserved
    used = any(one.rule == rule and ignore.silences(one, today) for one in silenced)
    return checked and not used


def _unused(ignore: Ignore, message: str, hint: str) -> Finding:
    return Finding(
        rule=UNUSED,
        severity=RULES[UNUSED].severity,
        message=message,
        hint=hint,
        path=ignore.path,
        line=ignore.line,
    )
