"""The reporters, as this package calls them: with links to the judged commit."""

from __future__ import annotations

from revguard.pulls.place import Place
from revguard.reporters import github, sarif
from revguard.reporters import markdown as comment
from revguard.verdict import Report

__all__ = ["annotations_of", "markdown", "sarif_of"]


def markdown(report: Report, place: Place, limit: int) -> str:
    """The comment's text."""
    return comment.render(report, links=_links(place), limit=limit)


def _links(place: Place) -> comment.Links | None:
    if not place.repository or not place.head:
        return None
    # GitLab has its pages below "-"
    repository = place.repository + ("/-" if place.service == "gitlab" else "")
    return comment.Links(server=place.server, repository=repository, commit=place.head)


def annotations_of(report: Report) -> str:
    """Workflow commands for the lines that findings are about."""
    return github.render(report)


def sarif_of(report: Report) -> str:
    """The findings for code scanning."""
    return sarif.render(report)
