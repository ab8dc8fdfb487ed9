"""What can be configured, typed: one value per key of the contract, with its default."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Literal

from revguard.config import values


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What may be said for all environments, and for one."""

    one_per: Literal["commit", "branch"] = "commit"
    python: str | None = None
    database: str = "auto"
    renames: str = "ask"
    prove: tuple[str, ...] = values.PROOFS
    timeout: float = 120.0
    keep: int = 0  # seconds
    lock: bool = False
    server_version: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSettings(Common):
    """One environment: what is said for it, and for the rest what is said for all."""

    config: str | None = None
    root: str | None = None
    environ: Mapping[str, str] = dataclasses.field(default_factory=dict)
    env_file: str | None = None
    driver: str | None = None
    flask_app: str | None = None
    bootstrap: str | None = None
    start: str = "empty"
    section: str | None = None
    x: tuple[str, ...] = ()
    alembic_config: str | None = None
    within: str | None = None
    watch: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A difference that is allowed for a time; `until` is the last day of it."""

    operation: str
    object: str
    until: datetime.date | None = None
    reason: str = ""
    path: str = ""
    line: int = 0  # 0: not known

    def holds(self, today: datetime.date) -> bool:
        """Whether it still counts on this day."""
        return self.until is None or today <= self.until


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Common):
    """The whole configuration; `source` is the file that it came from."""

    base: str | None = None
    rules: Mapping[str, str] = dataclasses.field(default_factory=dict)
    environments: Mapping[str, EnvironmentSettings] = dataclasses.field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    source: str | None = None

    @property
    def defaults(self) -> EnvironmentSettings:
        """The settings of an environment of which nothing is said."""
        said = {field.name: getattr(self, field.name) for field in dataclasses.fields(Common)}
        return EnvironmentSettings(**said)
