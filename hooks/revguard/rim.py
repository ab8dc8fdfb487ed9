"""The rim: argv, environ and clock in, output and exit code out; errors are printed here only."""

from __future__ import annotations

import datetime
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType
from typing import Any, Final, NoReturn

from revguard import fast, terminal
from revguard.arguments import Invocation, parse
from revguard.arguments.names import ANSWERING
from revguard.commands import COMMAND_BY_NAME
from revguard.commands.answer import Answer
from revguard.errors import CouldNotCheck, RevguardError, UsageError
from revguard.options import Options, Progress, no_progress
from revguard.progress import ProgressLine
from revguard.reporters import REPORTER_BY_NAME, reporter
from revguard.verdict import COULD_NOT_CHECK, Report, exit_code

ISSUES: Final = "https://github.com/revguard/revguard/issues"


class Ended(KeyboardInterrupt):
    """Ctrl-C, or the system ended the run: everything is released.

    Not KeyboardInterrupt itself: where that has passed through `exec`, as in making a dataclass,
    CPython ends the process by SIGINT whatever its exit code is.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command and say what came of it."""
    environ = dict(os.environ)
    rim = _Rim(arguments, environ)
    came: list[int] = []
    try:
        with _signals(came):
            return rim.run()
    except RevguardError as error:
        return rim.failed(error)
    except SystemExit as ended:  # argparse has printed what was asked for
        return ended.code if isinstance(ended.code, int) else 0
    except Exception as error:
        if came:  # a class that is being made wraps what is raised there
            raise Ended from error
        return rim.broken(error)


class _Rim:
    """What is known of the invocation, as far as it was understood."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self.arguments = arguments
        self.environ = environ
        self.format = _format_of(arguments)
        self.color = "auto"
        self.output: str | None = None

    def run(self) -> int:
        with self._progress() as progress:
            invocation = self._parsed(progress)
            # a wrong format or place is said before the work, not after it
            reporter(invocation.format)
            _refuse_format(invocation)
            _refuse_missing_folder(invocation.output)
            answer = COMMAND_BY_NAME[invocation.options.command](invocation)
        return self._say(answer, invocation)

    def _parsed(self, progress: Progress) -> Invocation:
        invocation = parse(
            self.arguments,
            environ=self.environ,
            directory=os.getcwd(),
            today=datetime.date.today(),  # noqa: DTZ011  (the user's day)
            progress=progress,
        )
        self.format, self.color = invocation.format, invocation.color
        self.output = invocation.output
        return invocation

    def _progress(self) -> ProgressLine | nullcontext[Progress]:
        # pre-commit gives its hooks a terminal, records it, and would show each state of the line
        quiet = "-q" in self.arguments or "--quiet" in self.arguments
        stream = sys.stderr
        if quiet or self.environ.get("PRE_COMMIT") or not stream:
            return nullcontext(no_progress)
        if not terminal.is_terminal(stream, self.environ):
            return nullcontext(no_progress)
        return ProgressLine(stream, width=terminal.width())

    def _say(self, answer: Answer | Report, invocation: Invocation) -> int:
        if isinstance(answer, Report):
            if answer.verdict == "error" and self.output is None and self.format == "text":
                self._complain(_as_text(answer, self.color, self.environ, invocation.options))
                return exit_code(answer)
            text, code = self._rendered(answer, invocation), exit_code(answer)
            self._write(text)
            if self.output is None and answer.verdict != "error":
                fast.answered(self.arguments, self.environ, answer.tree, text, code)
            return code
        self._write(answer.machine() if self.format == "json" else answer.text)
        return answer.code

    def _rendered(self, report: Report, invocation: Invocation | None = None) -> str:
        options = invocation.options if invocation else None
        to_file = self.output is not None
        color = "never" if to_file and self.color == "auto" else self.color
        return reporter(self.format)(
            report,
            color=terminal.wants_color(color, terminal.stdout(), self.environ),
            width=terminal.width(),
            verbose=bool(options and options.verbose),
            quiet=bool(options and options.quiet),
        )

    def _write(self, text: str) -> None:
        if self.output is None:
            terminal.write(text, terminal.stdout())
        else:
            terminal.write_file(text, self.output)

    def failed(self, error: RevguardError) -> int:
        """Say a failure once: on stderr, or as a report where a machine reads it."""
        report = Report(
            verdict="error", error=error.message, hint=error.hint, exit_code=error.exit_code
        )
        if self._is_for_machines() and error.exit_code in (2, COULD_NOT_CHECK):
            try:
                self._write(self._rendered(report))
            except RevguardError as unwritten:
                self._complain(f"revguard: {unwritten.message}\n")
            if self.output is None:
                return error.exit_code
        self._complain(_as_text(report, self.color, self.environ))
        return error.exit_code

    def broken(self, error: Exception) -> int:
        """Say what nobody expected."""
        import traceback

        self._complain("".join(traceback.format_exception(error)))
        self._complain(
            f"revguard: this is a bug in revguard; report it at {ISSUES} with this text\n"
        )
        said = f"a bug in revguard: {type(error).__name__}: {error}"
        failure = CouldNotCheck(said, hint=f"report it at {ISSUES}")
        return self.failed(failure) if self._is_for_machines() else COULD_NOT_CHECK

    def _is_for_machines(self) -> bool:
        return self.format != "text" and self.format in REPORTER_BY_NAME

    def _complain(self, text: str) -> None:
        if sys.stderr:
            with suppress(RevguardError):  # there is nowhere left to say it
                terminal.write(text, sys.stderr)


def _as_text(
    report: Report, color: str, environ: Mapping[str, str], options: Options | None = None
) -> str:
    return reporter("text")(
        report,
        color=bool(sys.stderr) and terminal.wants_color(color, sys.stderr, environ),
        width=terminal.width(),
        verbose=bool(options and options.verbose),
        quiet=bool(options and options.quiet),
    )


def _format_of(arguments: Sequence[str]) -> str:
    # for errors in the arguments themselves: a machine that asked for JSON gets JSON
    text = "\0".join(arguments)
    asked = (
        one for one in REPORTER_BY_NAME if f"--format\0{one}" in text or f"--format={one}" in text
    )
    return next(asked, "text")


def _refuse_format(invocation: Invocation) -> None:
    """What judges nothing has no findings to show in the formats that are made for them."""
    command, asked = invocation.options.command, invocation.format
    if command in ANSWERING and asked not in ("text", "json"):
        raise UsageError(
            f"`revguard {command}` has no format {asked!r}", hint="`--format` takes text or json"
        )


def _refuse_missing_folder(output: str | None) -> None:
    folder = os.path.dirname(output or "")
    if output is not None and not os.path.isdir(folder):
        raise UsageError(f"there is no folder {folder} to write the report to")


@contextmanager
def _signals(came: list[int]) -> Iterator[None]:
    """End as after Ctrl-C when the system ends us, so that everything is released; once. `came`:
    by which signal.

    What comes after the first signal, to the very end, must not stop the cleaning up.
    """
    usual: dict[signal.Signals | None, Any] = {
        getattr(signal, "SIGINT", None): signal.default_int_handler,
        getattr(signal, "SIGTERM", None): signal.SIG_DFL,
        getattr(signal, "SIGHUP", None): signal.SIG_DFL,
    }
    # nohup has SIGHUP ignored, and so it stays
    ours = [one for one, handler in usual.items() if one and signal.getsignal(one) is handler]
    if threading.current_thread() is not threading.main_thread():
        ours = []

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        for one in ours:
            signal.signal(one, signal.SIG_IGN)
        came.append(number)
        raise Ended

    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, usual[number])
