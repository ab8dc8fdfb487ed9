"""The user's project seen through its interpreter: a place in, an interpreter and environ out."""

from revguard.project.environ import filled, placeholders_in, worker_environ
from revguard.project.interpreter import Interpreter, find

__all__ = ["Interpreter", "filled", "find", "placeholders_in", "worker_environ"]
