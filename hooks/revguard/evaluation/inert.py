"""Settings that this version takes and does not act on: what is configured in, notes out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from revguard.config import EnvironmentSettings, Settings
from revguard.masking import masked
from revguard.rules import RULES

_NOT_YET: Final = "this version does not act on it"
_DEFAULTS: Final = EnvironmentSettings()
_PROVED: Final = ("upgrade", "round-trip")  # whatever `prove` says

_MAY_KEEP: Final = ("docker", "podman", "auto")


def notes(
    settings: Settings, environment: EnvironmentSettings, provider: str = ""
) -> tuple[str, ...]:
    """What is configured for an environment, and makes no difference; `provider` is the one that
    served, where that is known."""
    return (
        *_keep(environment, provider or environment.database),
        *_proofs(environment),
        *_rules(settings),
    )


def _keep(said: EnvironmentSettings, provider: str) -> Iterator[str]:
    if said.keep and provider.partition(":")[0] not in _MAY_KEEP:
        who = masked(provider)
        yield f"`keep` is configured, and is for containers only: {who} ends with its run"


def _proofs(said: EnvironmentSettings) -> Iterator[str]:
    if said.prove not in {_DEFAULTS.prove, _PROVED}:
        yield f"`prove` is configured, and {_NOT_YET}: it proves {' and '.join(_PROVED)}"


def _rules(settings: Settings) -> Iterator[str]:
    for name, severity in settings.rules.items():
        known = RULES.get(name)
        if severity != "off" and (known is None or known.reserved):
            yield f"the rule {name} is configured, and this version does not check it"
