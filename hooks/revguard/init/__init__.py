"""Make a repository ready: what is there in, a plan of file edits out, shown or applied."""

from revguard.init.planning import Plan, Wanted, plan

__all__ = ["Plan", "Wanted", "plan"]
