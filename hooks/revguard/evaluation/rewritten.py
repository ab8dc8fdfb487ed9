"""Names that a change's source puts in the place of others: two trees in, pairs of them out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from revguard.evaluation.subject import Subject
from revguard.staging import trees

_WORD = re.compile(rb"\w+|[^\w\s]")
_MOST = 2000  # lines of a file: what is larger tells nothing in good time


def pairs(subject: Subject) -> list[tuple[str, str]]:
    """Old and new name of each line of Python that differs from one before by a word alone."""
    if not subject.parents:
        return []
    changed = [
        (one.old.oid, one.new.oid)
        for one in subject.reader.changes(subject.parents[0], subject.tree)
        if one.path.endswith(".py") and one.old and one.new
        and one.old.mode.startswith("100") and one.new.mode.startswith("100")
    ]  # fmt: skip
    texts = trees.read_blobs(subject.repo, {oid for pair in changed for oid in pair})
    found = [pair for old, new in changed for pair in _of(texts[old], texts[new])]
    return list(dict.fromkeys(found))


def _of(old: bytes, new: bytes) -> Iterator[tuple[str, str]]:
    before, after = _lines(old), _lines(new)
    if max(len(before), len(after)) > _MOST:
        return
    for kind, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "replace" and j - i == m - k:
            for one, other in zip(before[i:j], after[k:m], strict=True):
                yield from _of_line(one, other)


def _lines(text: bytes) -> list[tuple[bytes, ...]]:
    """The words of each line that has any: a formatter's spaces and quotes tell nothing."""
    lines = (tuple(_WORD.findall(line.replace(b"'", b'"'))) for line in text.splitlines())
    return [line for line in lines if line]


def _of_line(old: tuple[bytes, ...], new: tuple[bytes, ...]) -> Iterator[tuple[str, str]]:
    if len(old) != len(new):
        return
    different = {(one, other) for one, other in zip(old, new, strict=True) if one != other}
    if len(different) == 1:
        (pair,) = different
        yield pair[0].decode("utf-8", "replace"), pair[1].decode("utf-8", "replace")
