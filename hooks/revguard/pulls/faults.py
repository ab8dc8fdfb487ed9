"""Why a comment could not be written in, what a reader of the log is told out."""

from __future__ import annotations

from typing import Final

from revguard.pulls.place import Place
from revguard.pulls.web import NotSaid, Refused

PERMISSIONS: Final = """\
permissions:
  contents: read
  pull-requests: write
"""
_KEPT: Final = "The verdict stands, and the job's summary and annotations say the same."
_GITHUB: Final = {
    401: "the token is refused: it is wrong or has expired",
    404: "the pull request is not there for this token",
    410: "the conversation is gone",
    413: "the comment is too large",
    422: "the API does not take the comment",
    429: "the rate limit is used up",
}


def explained(error: NotSaid, place: Place) -> str:
    """The message, with what to do about it."""
    if not isinstance(error, Refused):
        return f"the comment was not written: {error}. {_KEPT}"
    said = f"{_reason(error)} ({error})"
    return f"the comment was not written: {said}. {_KEPT}{_remedy(error, place)}"


def _reason(error: Refused) -> str:
    if "lock" in error.message.lower():
        return "the conversation is locked"
    if error.status == 403 and "rate limit" in error.message.lower():
        return _GITHUB[429]
    if error.status == 403:
        return "the token may not write to pull requests"
    return _GITHUB.get(error.status, "the API refused it")


def _remedy(error: Refused, place: Place) -> str:
    told = error.message.lower()
    if error.status not in (403, 404) or "lock" in told or "rate limit" in told:
        return ""
    if place.service == "gitlab":
        return "\nGITLAB_TOKEN needs the scope `api` and the role Reporter."
    if place.is_fork:
        return (
            "\nThe pull request comes from a fork, whose token may only read: the two-stage "
            "workflow in docs/action.md comments there, too."
        )
    return f"\nThe job needs these lines in its workflow:\n\n{PERMISSIONS}"
