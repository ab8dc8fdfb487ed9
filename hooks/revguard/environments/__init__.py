"""The Alembic environments of a tree: its listing and the settings in, Environments out."""

from revguard.environments.environment import Environment, Listing, Read, Skipped
from revguard.environments.finding import discover, select

__all__ = ["Environment", "Listing", "Read", "Skipped", "discover", "select"]
