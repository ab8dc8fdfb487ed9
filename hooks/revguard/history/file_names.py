"""Names of revision scripts: Alembic's `file_template` and a name in, what it was filled with out,
and the name with other contents."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DEFAULT: Final = "%(rev)s_%(slug)s"
_TOKEN = re.compile(r"%\((\w+)\)([-+ #0]*\d*(?:\.\d+)?[a-z])")
_DIGITS: Final[Mapping[str, str]] = {
    "year": r"\d{4}",
    "month": r"\d{1,2}",
    "day": r"\d{1,2}",
    "hour": r"\d{1,2}",
    "minute": r"\d{1,2}",
    "second": r"\d{1,2}",
    "epoch": r"\d+",
}
_PARTS: Final = ("year", "month", "day", "hour", "minute", "second")


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What a name was made from. `moment`: as far as the template tells it; None where it has no
    date, or none that begins with the year."""

    template: str
    rev: str
    slug: str
    moment: datetime.datetime | None = None
    epoch: int | None = None

    @property
    def has_time(self) -> bool:
        """Whether a time is in it at all."""
        return self.moment is not None or self.epoch is not None

    @property
    def text(self) -> str:
        """The file's name, below its version folder."""
        moment = self.moment or datetime.datetime(1970, 1, 1)  # noqa: DTZ001  (as it was written)
        values: dict[str, object] = {part: getattr(moment, part) for part in _PARTS}
        values |= {"rev": self.rev, "slug": self.slug, "epoch": self.epoch or 0}
        return f"{self.template % values}.py"


def parse(template: str, name: str, rev: str) -> Name | None:
    """What a script of this revision was named by; None where the template does not tell it."""
    pattern = _pattern(template, rev)
    found = pattern.fullmatch(name.removesuffix(".py")) if pattern else None
    if found is None:
        return None
    said = found.groupdict()
    parts = [int(said[part]) for part in _PARTS if part in said]
    if any(part not in said for part in _PARTS[: len(parts)]):  # a month without its year
        return None
    try:
        moment = None
        if parts:
            year, month, day, *time = [*parts, *(1, 1)[max(0, len(parts) - 1) :]]
            hour, minute, second = (*time, 0, 0, 0)[:3]
            moment = datetime.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
        epoch = int(said["epoch"]) if "epoch" in said else None
        made = Name(
            template=template, rev=rev, slug=said.get("slug") or "", moment=moment, epoch=epoch
        )
        return made if made.text == name else None
    except (TypeError, ValueError, KeyError):
        return None


def after(name: Name, earlier: Name) -> Name:
    """The same name, with the first time that sorts after the earlier one's where its own does not.

    On the same day (hour), where the template tells no less, nothing has to sort.
    """
    if name.epoch is not None and earlier.epoch is not None:
        behind = datetime.timedelta(seconds=earlier.epoch - name.epoch)
        unit = datetime.timedelta(seconds=1)
    elif name.moment is not None and earlier.moment is not None:
        behind, unit = earlier.moment - name.moment, _unit(name.template)
    else:
        return name
    is_behind = behind >= datetime.timedelta(0) if unit else behind > datetime.timedelta(0)
    return _shifted(name, behind + unit) if is_behind else name


def moved(before: Name, after: Name) -> tuple[str, str] | None:
    """What a date in words begins with, before and after; None where it stays."""
    if before.moment is None or after.moment is None or before.moment == after.moment:
        return None
    if "%(day)" not in before.template:
        return None
    form = "%Y-%m-%d"
    for part, more in (("hour", " %H"), ("minute", ":%M"), ("second", ":%S")):
        form += more if f"%({part})" in before.template else ""
    return before.moment.strftime(form), after.moment.strftime(form)


def _shifted(name: Name, by: datetime.timedelta) -> Name:
    return Name(
        template=name.template,
        rev=name.rev,
        slug=name.slug,
        moment=None if name.moment is None else name.moment + by,
        epoch=None if name.epoch is None else name.epoch + int(by.total_seconds()),
    )


def _unit(template: str) -> datetime.timedelta:
    """The finest time that a template tells, if it is fine enough to tell revisions apart."""
    for part in ("second", "minute"):
        if f"%({part})" in template:
            return datetime.timedelta(**{f"{part}s": 1})
    return datetime.timedelta(0)


def _pattern(template: str, rev: str) -> re.Pattern[str] | None:
    """The names that a template makes for a revision."""
    parts, at, seen = [], 0, set()
    for token in _TOKEN.finditer(template):
        parts.append(re.escape(template[at : token.start()].replace("%%", "%")))
        kind = token[1]
        if kind in seen:
            parts.append(f"(?P={kind})")
        elif kind == "rev":
            parts.append(f"(?P<rev>{re.escape(rev)})")
        elif kind == "slug":
            parts.append(r"(?P<slug>.*)")
        elif kind in _DIGITS:
            parts.append(f"(?P<{kind}>{_DIGITS[kind]})")
        else:
            return None
        seen.add(kind)
        at = token.end()
    return re.compile("".join([*parts, re.escape(template[at:].replace("%%", "%"))]), re.DOTALL)
