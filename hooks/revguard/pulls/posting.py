"""The one comment: a Thread and what it should say in, what was done about it out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from revguard.pulls import marker
from revguard.pulls.marker import Marker
from revguard.pulls.thread import Comment, Thread
from revguard.pulls.web import Gone, NotSaid, Refused

_TRIES: Final = 3
_BROKEN: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The comment as this run has it. `body` is without its marker."""

    mark: Marker
    body: str
    relevant: bool  # whether it is worth being written where there is none yet
    head: str  # commit that was judged
    pushed: str = ""  # what this run has put on top of it

    @property
    def text(self) -> str:
        """All of it."""
        return self.mark.line + self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of it: the comment's address, and what was done."""

    url: str = ""
    did: str


def post(thread: Thread, wanted: Wanted) -> Posted:
    """Have exactly one comment say what is wanted. Refused, Unreachable."""
    there = _ours(thread, wanted)
    if not there and not wanted.relevant:
        return Posted(did="nothing here needs a comment")
    if any(mark.run > wanted.mark.run for _, mark in there):
        return Posted(url=there[0][0].url, did="a newer run has written the comment already")
    if there and there[0][1].state == wanted.mark.state:
        _remove(thread, there[1:])
        return Posted(url=there[0][0].url, did="the comment says so already")
    standing = thread.standing()
    if not standing.is_open:
        return Posted(did="the pull request is closed: nothing was written")
    if wanted.head and standing.head not in ("", wanted.head, wanted.pushed):
        return Posted(did="there are newer commits: their run writes the comment")
    return _write(thread, wanted, there)


def _write(thread: Thread, wanted: Wanted, there: list[tuple[Comment, Marker]]) -> Posted:
    for comment, _mark in there:
        with suppress(Gone):  # deleted meanwhile
            updated = thread.update(comment, wanted.text)
            _remove(thread, [one for one in there if one[0].id != comment.id])
            return Posted(url=updated.url, did="the comment was updated")
    return _settle(thread, wanted, _create(thread, wanted))


def _create(thread: Thread, wanted: Wanted, tries: int = _TRIES) -> Comment:
    """A new comment; where the answer was lost, it is looked for before it is written again."""
    try:
        return thread.create(wanted.text)
    except NotSaid as failed:
        if isinstance(failed, Refused) and failed.status < _BROKEN:
            raise
        there = [comment for comment, mark in _ours(thread, wanted) if mark == wanted.mark]
        if there:
            return there[0]
        if tries == 1:
            raise
    return _create(thread, wanted, tries - 1)


def _settle(thread: Thread, wanted: Wanted, created: Comment) -> Posted:
    """Where two runs wrote at once, the older comment stays and the newer run's words."""
    there = _ours(thread, wanted)
    if not there or there[0][0].id == created.id:
        return Posted(url=created.url, did="the comment was written")
    first, mark = there[0]
    if mark.run < wanted.mark.run:
        first = thread.update(first, wanted.text)
    thread.delete(created)
    return Posted(url=first.url, did="another run wrote at the same time: one comment stays")


def _ours(thread: Thread, wanted: Wanted) -> list[tuple[Comment, Marker]]:
    """Our comments of this project, oldest first: one, but for accidents."""
    found = ((comment, marker.read(comment.body)) for comment in thread.comments() if comment.mine)
    ours = [
        (comment, mark)
        for comment, mark in found
        if mark is not None and mark.project == wanted.mark.project
    ]
    return sorted(ours, key=lambda one: one[0].id)


def _remove(thread: Thread, extra: list[tuple[Comment, Marker]]) -> None:
    for comment, _mark in extra:
        with suppress(Gone):
            thread.delete(comment)
