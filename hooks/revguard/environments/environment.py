"""What the later stages know of an Alembic environment."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from revguard.config import EnvironmentSettings


class Entry(Protocol):
    """What the listing says of a path: enough of git's tree entry for us."""

    @property
    def mode(self) -> str: ...


Listing = Mapping[str, Entry]
Read = Callable[[list[str]], Mapping[str, bytes]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One Alembic environment; paths are those of the repository, with slashes.

    What is None only the worker can know, since code or the user's machine decides it.
    """

    name: str
    config: str | None  # alembic.ini or pyproject.toml
    toml: str | None = None  # the pyproject.toml with [tool.alembic] that Alembic >= 1.16 reads too
    section: str = "alembic"
    roots: tuple[str, ...] = ("",)  # where to run it: the first that works
    script_location: str | None = None
    version_locations: tuple[str, ...] | None = None
    recursive: bool = False
    url_hint: tuple[str, str | None] | None = None  # dialect, driver
    flask: bool = False  # laid out by Flask-Migrate: the ini lies beside env.py and names nothing
    settings: EnvironmentSettings = dataclasses.field(default_factory=EnvironmentSettings)

    @property
    def key(self) -> str:
        """What tells it from the others, whatever is configured for it."""
        return f"{self.config}:{self.section}:{self.name}"

    @property
    def words(self) -> dict[str, object]:
        """What the worker is told of it, JSON-ready."""
        said = self.settings
        return {
            "config": self.config if self.config != self.toml else None,
            "toml": self.toml,
            "section": self.section,
            "x": list(said.x),
            "alembic_config": said.alembic_config,
            "within": said.within,
            "flask_app": said.flask_app,
            "beside_ini": self.flask,
        }

    @property
    def root(self) -> str:
        """The working directory and import root to try first."""
        return self.roots[0]

    def depth(self, path: str) -> int:
        """How near a file is: the parts of the environment's folder that hold it; -1 outside."""
        if not self.root:
            return 0
        return self.root.count("/") + 1 if path.startswith(f"{self.root}/") else -1


class Skipped(NamedTuple):
    """A file that looks like an environment's and is none."""

    path: str
    reason: str
