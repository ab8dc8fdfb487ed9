"""What a pull request's conversation is to us, whatever the service calls it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from revguard.pulls.web import Unreachable

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment that is there. `mine`: written by whom the token belongs to."""

    id: int
    body: str
    url: str
    mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the pull request is at now."""

    is_open: bool
    head: str


class Thread(Protocol):
    """The conversation of one pull request. All methods raise Refused and Unreachable."""

    def comments(self) -> Sequence[Comment]:
        """All of them, oldest first."""

    def create(self, body: str) -> Comment:
        """Write a new one. After Unreachable it may be there all the same."""

    def update(self, comment: Comment, body: str) -> Comment:
        """Write another body into one that is there."""

    def delete(self, comment: Comment) -> None:
        """Remove one that is ours."""

    def standing(self) -> Standing:
        """What the pull request is at now."""


def part(value: Any, key: str, kind: type[_T]) -> _T:
    """A value of an answer. Unreachable where the answer is not what it should be."""
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        raise Unreachable(f"the API's answer has no {key!r}")
    return found


def each(value: Any) -> list[Any]:
    """An answer that is a list."""
    if not isinstance(value, list):
        raise Unreachable("the API's answer is no list")
    return value
