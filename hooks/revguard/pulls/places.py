"""The environ in, the Place that its service tells out; and the service's token apart from it."""

from __future__ import annotations

from collections.abc import Mapping

from revguard.pulls import github_place, gitlab_place
from revguard.pulls.place import Place

# the first that is set; none of them reaches a program that we start
_TOKENS: Mapping[str, tuple[str, ...]] = {
    "github": ("REVGUARD_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"),
    "gitlab": ("REVGUARD_TOKEN", "GITLAB_TOKEN"),
    "terminal": (),
}
SECRETS = ("REVGUARD_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN")


def place(environ: Mapping[str, str]) -> Place:
    """Where this run takes place: GitHub, GitLab, or anywhere else."""
    if is_github(environ):
        return github_place.place(environ)
    if environ.get("GITLAB_CI"):
        return gitlab_place.place(environ)
    return Place()


def is_github(environ: Mapping[str, str]) -> bool:
    """Whether this is a step of a workflow."""
    return environ.get("GITHUB_ACTIONS") == "true"


def token(at: Place, environ: Mapping[str, str]) -> str:
    """The token by which the service lets a run speak; empty where there is none."""
    found = (environ.get(name, "").strip() for name in _TOKENS[at.service])
    return next(filter(None, found), "")


def without_tokens(environ: Mapping[str, str]) -> dict[str, str]:
    """The environ for all that is started."""
    return {name: value for name, value in environ.items() if name not in SECRETS}
