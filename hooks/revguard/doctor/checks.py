"""The tables of what is looked at: a view in, all lines out, in the order of the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from revguard.doctor import environment, general, hooks
from revguard.doctor.lines import Line, of_error
from revguard.doctor.view import EnvironmentView, View
from revguard.errors import RevguardError
from revguard.options import Options

_V = TypeVar("_V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Generic[_V]):
    """One thing to look at; not where another that it `needs` was not there."""

    topic: str
    look: Callable[[_V], Iterator[Line]]
    needs: str = ""


def _environments(view: View) -> Iterator[Line]:
    found, _ = view.discovered
    for one in found:
        yield from _looked(OF_ENVIRONMENT, EnvironmentView(view=view, environment=one))


OF_REPOSITORY: Final[Sequence[Check[View]]] = (
    Check(topic="repository", look=general.repository),
    Check(topic="hook", look=hooks.commits, needs="repository"),
    Check(topic="push", look=hooks.pushes, needs="repository"),
    Check(topic="upgrade", look=hooks.upgrades, needs="repository"),
    Check(topic="configuration", look=general.configuration, needs="repository"),
    Check(topic="base", look=general.base, needs="configuration"),
    Check(topic="environments", look=general.skipped, needs="base"),
    Check(topic="environment", look=_environments, needs="environments"),
    Check(topic="docker", look=general.docker, needs="repository"),
    Check(topic="cache", look=general.cache),
)
OF_ENVIRONMENT: Final[Sequence[Check[EnvironmentView]]] = (
    Check(topic="environment", look=environment.found),
    Check(topic="interpreter", look=environment.interpreter),
    Check(topic="settings", look=environment.settings, needs="interpreter"),
    Check(topic="database", look=environment.database),
    Check(topic="note", look=environment.notes),
)


def look(options: Options) -> Iterator[Line]:
    """Everything that a check would need."""
    return _looked(OF_REPOSITORY, View(options=options))


def _looked(checks: Sequence[Check[_V]], view: _V) -> Iterator[Line]:
    failed: set[str] = set()
    for check in checks:
        if check.needs in failed:
            failed.add(check.topic)
            continue
        try:
            yield from check.look(view)
        except RevguardError as error:
            failed.add(check.topic)
            yield of_error(check.topic, error)
