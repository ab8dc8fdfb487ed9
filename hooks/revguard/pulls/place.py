"""Where a run takes place, and what it is about: a value that every part of this package reads."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from typing import Literal, TypeAlias

Service: TypeAlias = Literal["github", "gitlab", "terminal"]
Kind: TypeAlias = Literal["pull_request", "merge_group", "push", "workflow_run", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One run. What a service does not tell is empty."""

    service: Service = "terminal"
    kind: Kind = "other"
    event: str = ""  # as the service names it
    server: str = ""  # "https://github.com"
    api: str = ""  # "https://api.github.com"
    repository: str = ""  # owner/name; GitLab: the path with its groups
    project: str = ""  # what the API knows the repository by
    number: int | None = None  # of the pull request or merge request
    base: str = ""  # commit that the service names
    base_branch: str = ""
    head: str = ""  # likewise
    head_branch: str = ""
    head_repository: str = ""
    run: tuple[int, int] = (0, 0)  # a newer run's is greater
    run_url: str = ""
    workspace: str = ""  # the folder of the checkout

    @property
    def is_fork(self) -> bool:
        """Whether the change comes from another repository, so that the token may only read."""
        return bool(self.head_repository) and self.head_repository != self.repository


def project_id(place: Place, directory: str, environments: tuple[str, ...]) -> str:
    """What tells this run's comment from those of other runs about the same pull request."""
    folder = "."
    if place.workspace:
        folder = os.path.relpath(directory, place.workspace).replace(os.sep, "/")
    folder = posixpath.normpath(folder)
    return ":".join([folder, *sorted(environments)])
