"""The configuration: the contents of its files come in, checked Settings go out."""

from revguard.config.loading import FILES, OWN, load
from revguard.config.settings import EnvironmentSettings, Settings, Waiver

__all__ = ["FILES", "OWN", "EnvironmentSettings", "Settings", "Waiver", "load"]
