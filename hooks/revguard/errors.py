"""What went wrong, typed: raised where it is known, printed once by the command line."""

from __future__ import annotations


class RevguardError(Exception):
    """A failure with a message for the user, what to do about it, and the exit code."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(RevguardError):
    """The command cannot be meant as it was given."""


class ConfigError(RevguardError):
    """The configuration cannot be read or says something that it cannot mean."""


class CouldNotCheck(RevguardError):  # noqa: N818  (it is the name of exit code 3)
    """The check could not run, so nothing is known: never a pass."""

    exit_code = 3


class Interrupted(RevguardError):  # noqa: N818  (as KeyboardInterrupt)
    """The user or the system ended the run."""

    exit_code = 130

    def __init__(self, message: str = "interrupted", *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
