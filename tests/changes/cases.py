"""What a case of a model change is, and short ways to write models down."""

from __future__ import annotations

import re
import textwrap
from typing import NamedTuple

BOTH = ("sqlite", "postgresql")
PG = ("postgresql",)
LITE = ("sqlite",)


# whatever is there only once in a database, or among the models
_NAMES = re.compile(r"""(?:Table\(|Index\(|Sequence\(|name=|__tablename__ = |class )['"]?(\w+)""")


class Case(NamedTuple):
    """Models before and after; the differences that must be named; on which dialects."""

    id: str
    before: str
    after: str
    changes: str = ""  # "op object" each, separated by ", "; "" is not looked at
    dialects: tuple[str, ...] = BOTH
    options: str = ""  # further arguments of context.configure()
    metadata: str = "metadata = MetaData()"
    holds: str = ""  # what the script must hold
    named: tuple[str, ...] = ()  # what `--rename` says


def table(*items: str, name: str = "things", key: str = 'Column("id", Integer, primary_key=True)'):
    """A Core table with an id; what is `name=value` may stand anywhere."""
    ordered = sorted(filter(None, [key, *items]), key=lambda item: bool(re.match(r"\w+=", item)))
    return f"Table({', '.join([repr(name), 'metadata', *ordered])})\n"


def column(name: str, type_: str, *more: str) -> str:
    return f"Column({', '.join([repr(name), type_, *more])})"


def fk(column: str, target: str, *more: str) -> str:
    return f"Column({column!r}, ForeignKey({', '.join([repr(target), *more])}))"


def combined(cases: list[Case], name: str) -> Case:
    """Several cases as one, each with a table `things` of its own: they must not meet elsewhere."""
    before, after, changes = [], [], []
    for number, case in enumerate(cases):
        for text, texts in ((case.before, before), (case.after, after), (case.changes, changes)):
            texts.append(re.sub(r"things|fk_u|fk_v", rf"\g<0>{number}", textwrap.dedent(text)))
    named = "" if not all(changes) else ", ".join(changes)
    return cases[0]._replace(
        id=name, before="\n".join(before), after="\n".join(after), changes=named, holds=""
    )


def grouped(cases: list[Case], name: str) -> list[Case]:
    """All of them in as few as can be, where no two that have a name in common are in one."""
    groups: list[tuple[list[Case], set[str]]] = []
    for case in cases:
        names = set(_NAMES.findall(case.before + case.after)) - {"things"}
        for group, taken in groups:
            like = group[0]
            if (like.options, like.metadata) == (case.options, case.metadata) and not names & taken:
                group.append(case)
                taken |= names
                break
        else:
            groups.append(([case], names))
    return [combined(group, f"{name} {number}") for number, (group, _) in enumerate(groups)]


def parametrized(cases: list[Case]):
    """For `pytest.mark.parametrize`: each case on each of its dialects."""
    import pytest

    rows = [
        pytest.param(case, dialect, id=f"{case.id}-{dialect}".replace(" ", "-"))
        for case in cases
        for dialect in case.dialects
    ]
    return ("case", "dialect"), rows
