"""The files of the judged tree that matter to `init`: a subject in, their contents out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from revguard.evaluation.subject import Subject
from revguard.init import workflow

_LARGEST = 1 << 20  # a larger one is generated
# of these the text is read
_NAMES = frozenset((
    "pyproject.toml", "revguard.toml", "requirements.txt", "setup.cfg", "Pipfile",
    ".pre-commit-config.yaml", ".python-version", "alembic.ini",
))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Paths with slashes; contents as they are in the working tree."""

    python: Mapping[str, bytes]
    other: Mapping[str, bytes]
    paths: frozenset[str]


def of(subject: Subject) -> Files:
    """Read them from the subject's tree."""
    listing = subject.listing
    regular = [path for path, entry in listing.items() if entry.mode.startswith("100")]
    paths = frozenset(listing)
    flows = set(workflow.workflows(paths))
    other = [path for path in regular if _matters(path) or path in flows]
    read = subject.read([*other, *(path for path in regular if path.endswith(".py"))])
    return Files(
        python={p: text for p, text in read.items() if p.endswith(".py") and len(text) < _LARGEST},
        other={path: read[path] for path in other if path in read},
        paths=paths,
    )


def _matters(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name in _NAMES or ("env" in name and name.count(".") <= 2 and not name.endswith(".py"))
