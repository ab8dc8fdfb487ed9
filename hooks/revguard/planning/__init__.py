"""`revguard plan`: which environments a change can affect, told without importing any."""

from revguard.planning.planning import Affected, Plan, plan

__all__ = ["Affected", "Plan", "plan"]
