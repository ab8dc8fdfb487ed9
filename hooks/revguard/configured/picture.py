"""Standings in, one picture of models, scripts and databases out, as wide as a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from revguard.configured.elsewhere import Elsewhere
from revguard.configured.standing import Failure, Scripts, Standing
from revguard.configured.values import Database, Difference, Revision
from revguard.phrases import counted, phrase
from revguard.reporters.paint import Paint, one_line, wrapped

_COLUMN = 12  # where the second column begins
_MOST = 8  # lines of one kind; `-v` shows all


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What to draw on."""

    paint: Paint
    width: int
    verbose: bool = False


def draw(standings: Sequence[Standing], page: Page) -> str:
    """The whole picture, with its last newline."""
    return "\n".join("\n".join(_lines(one, page)) + "\n" for one in standings)


def _lines(standing: Standing, page: Page) -> Iterator[str]:
    config = f"  {page.paint(one_line(standing.config), 'dim')}" if standing.config else ""
    yield page.paint(one_line(standing.name), "bold") + config
    yield from _models(standing, page)
    yield from _scripts(standing.scripts, page)
    if not standing.looked:
        yield _row("database", page.paint("not looked at: `revguard status --database`", "dim"))
    elif standing.database is not None:
        yield from _failure("database", standing.database, page)
    for alike in _groups(standing.databases):
        yield from _database(alike, page)
    yield from _ways_back(standing.elsewhere, page)
    yield from _next(standing, page)


def _row(name: str, said: str) -> str:
    return f"  {name:<{_COLUMN - 2}}{said}"


def _below(said: str) -> str:
    return f"{'':<{_COLUMN + 2}}{said}"


def _models(standing: Standing, page: Page) -> Iterator[str]:
    if standing.models is not None:
        yield from _failure("models", standing.models, page)
        return
    if standing.scripts is not None and standing.scripts.problems:
        yield _row("models", page.paint("not compared: the scripts cannot be loaded", "yellow"))
        return
    known = f"{counted(standing.known, 'difference')} that HEAD has too" if standing.known else ""
    if standing.new:
        made = counted(len(standing.new), "difference")
        yield _row("models", page.paint(f"{made} that no script makes", "yellow"))
        yield from _differences(standing.new, page, "")
        if known:
            yield _below(page.paint(f"and {known}", "dim"))
    elif known:
        yield _row("models", page.paint(known, "dim"))
    elif not standing.findings:
        yield _row("models", page.paint("as the scripts make them", "green"))
    for number, (rule, message) in enumerate(standing.findings):
        first = "models" if not number and not standing.new and not known else ""
        yield _row(first, page.paint(rule, "red"))
        yield _wrapped(message, page)


def _scripts(scripts: Scripts | None, page: Page) -> Iterator[str]:
    if scripts is None:
        yield _row("scripts", page.paint("not known yet where they lie", "dim"))
        return
    for number, problem in enumerate(scripts.problems[:_MOST]):
        yield _row("" if number else "scripts", page.paint("broken history", "red"))
        yield _wrapped(problem, page)
    if scripts.problems:
        return
    heads = "no revision yet" if not scripts.heads else counted(len(scripts.heads), "head")
    yield _row("scripts", f"{counted(scripts.count, 'revision')}, {heads}" if scripts.count
               else heads)  # fmt: skip
    for one in scripts.heads:
        yield _revision("", one, page)


def _database(alike: Sequence[Database], page: Page) -> Iterator[str]:
    one = alike[0]
    schema = f" (schema {one.schema})" if one.schema else ""
    more = f" and {len(alike) - 1} like it" if len(alike) > 1 else ""
    yield _row("database", _cut(one_line(f"{one.place}{schema}{more}"), page.width - _COLUMN))
    if one.in_memory:
        yield _below(page.paint("in memory: nothing stays of it", "dim"))
        return
    yield from _current(one, page)
    yield from _pending(one.pending, page)
    yield from _schema(one, page)


def _current(one: Database, page: Page) -> Iterator[str]:
    if not one.current:
        yield _below(page.paint("at no revision", "yellow" if one.pending else "dim"))
    for revision in one.current:
        if revision.known:
            yield _revision("at", revision, page, "" if one.pending else "green")
        else:
            yield _below(page.paint(f"at       {one_line(revision.id)}, unknown here", "red"))


def _schema(one: Database, page: Page) -> Iterator[str]:
    if one.drift:
        yield _below("to match the models it needs:")
        yield from _differences(one.drift, page, "  ")
    elif one.drift is not None and not (one.known or one.theirs):
        yield _below(page.paint("it matches the models", "green"))
    begin = "and " if one.drift else ""
    if one.known:
        said = f"{begin}{counted(one.known, 'difference')} that HEAD has too"
        yield _below(page.paint(said, "dim"))
    if one.theirs:
        begin = "and " if one.known else begin
        said = f"{begin}{counted(one.theirs, 'difference')} by what is unknown here"
        yield _below(page.paint(said, "dim"))
    if one.drift_error:
        yield _wrapped(f"not compared with the models: {one.drift_error}", page)


def _pending(pending: Sequence[Revision], page: Page) -> Iterator[str]:
    shown = pending if page.verbose else pending[:_MOST]
    for one in shown:
        yield _revision("pending", one, page, "yellow")
    if len(shown) < len(pending):
        yield _below(f"... and {len(pending) - len(shown)} more pending; `-v` shows them all")


def _revision(mark: str, one: Revision, page: Page, color: str = "") -> str:
    labels = f" ({', '.join(map(one_line, one.labels))})" if one.labels else ""
    mark = f"{mark:<9}" if mark else ""
    room = page.width - _COLUMN - 2 - len(mark)
    said = _cut(f"{one_line(one.id)}  {one_line(one.message)}{labels}".rstrip(), room)
    painted = page.paint(mark + said, color) if color else mark + said
    return _below(painted)


def _differences(many: Sequence[Difference], page: Page, indent: str) -> Iterator[str]:
    shown = many if page.verbose else many[:_MOST]
    for one in shown:
        detail = f" ({one_line(one.detail)})" if one.detail else ""
        said = indent + phrase(one.op, one_line(one.object)) + detail
        yield _below(_cut(said, page.width - _COLUMN - 2))
    if len(shown) < len(many):
        yield _below(f"{indent}... and {len(many) - len(shown)} more; `-v` shows them all")


def _failure(name: str, failure: Failure, page: Page) -> Iterator[str]:
    first, *rest = wrapped(failure.message, page.width - _COLUMN).splitlines() or [""]
    yield _row(name, page.paint(first, "red"))
    for line in [*rest, *wrapped(failure.hint, page.width - _COLUMN).splitlines()]:
        yield _row("", line)


def _wrapped(text: str, page: Page) -> str:
    return wrapped(text, page.width, " " * (_COLUMN + 2))


def _groups(databases: Sequence[Database]) -> list[list[Database]]:
    """Databases that stand alike, as those of tenants do."""
    found: dict[tuple[object, ...], list[Database]] = {}
    for one in databases:
        key = (one.dialect, one.current, one.pending, one.drift, one.drift_error,
               one.known, one.theirs)  # fmt: skip
        found.setdefault(key, []).append(one)
    return list(found.values())


def _ways_back(many: Sequence[Elsewhere], page: Page) -> Iterator[str]:
    for one in many:
        where = f"{one.name} ({one.commit[:8]})" if one.branch else f"the commit {one.name}"
        yield _wrapped(f"{one.revision} is in {where}, {one.path}", page)


def _next(standing: Standing, page: Page) -> Iterator[str]:
    """What to type."""
    said = []
    if standing.new:
        said.append("`revguard add` writes the missing script")
    unknown = [one for one in standing.databases if one.unknown]
    if unknown:
        said.append("`revguard upgrade` says the way back")
    elif any(one.pending for one in standing.databases):
        said.append("`revguard upgrade` runs what is pending")
    if said:
        yield wrapped("; ".join(said), page.width, "  ")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."
