"""Run other programs: arguments in, bytes out, and no process left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

from revguard.errors import CouldNotCheck

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

_ENDING = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if (number := getattr(signal, name, None)) is not None
)
_LAST_OUTPUT_SECONDS = 1.0  # what a killed process may still have in its pipes


class ProgramMissing(CouldNotCheck):
    """The program is not there or cannot be started."""


class TimedOut(CouldNotCheck):
    """The program took longer than it was given; its whole process group was killed."""


class ProgramFailed(CouldNotCheck):
    """The program ended with a code other than 0 (only with `check=True`)."""

    def __init__(self, completed: Completed) -> None:
        said = completed.error_text() or "it said nothing"
        command = " ".join(completed.argv)
        super().__init__(f"`{command}` failed with exit code {completed.returncode}: {said}")
        self.completed = completed


class Completed:
    """A program that ended: its exit code (negative: the signal) and its output."""

    __slots__ = ("argv", "returncode", "stderr", "stdout")

    def __init__(
        self, argv: tuple[str, ...], returncode: int, stdout: bytes, stderr: bytes
    ) -> None:
        self.argv = argv
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr

    def text(self) -> str:
        """Its standard output; bytes that are no UTF-8 survive as surrogates."""
        return self.stdout.decode("utf-8", "surrogateescape")

    def error_text(self) -> str:
        """What it said on standard error, to be shown."""
        return self.stderr.decode("utf-8", "replace").strip()


def run(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
    check: bool = False,
) -> Completed:
    """Run a program to its end; on a timeout or an interrupt its process group is killed.

    Without `stdin` the program reads nothing. ProgramMissing, TimedOut; with `check`
    ProgramFailed for an exit code other than 0.
    """
    process = start(
        argv,
        cwd=cwd,
        environ=environ,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        kill(process)
        raise TimedOut(f"`{' '.join(argv)}` did not end within {timeout:g} s") from None
    except BaseException:
        kill(process)
        raise
    completed = Completed(tuple(argv), process.returncode, out, err)
    if check and completed.returncode != 0:
        raise ProgramFailed(completed)
    return completed


def start(
    argv: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | None = None,
    stderr: int | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program as the leader of its own process group, to be ended with `kill`."""
    signals = Held()
    try:
        with signals:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=None if environ is None else dict(environ),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                pass_fds=pass_fds,
            )
    except (OSError, ValueError) as error:
        signals.deliver()
        if cwd is not None and not os.path.isdir(cwd):
            raise ProgramMissing(f"there is no folder {os.fspath(cwd)} to run in") from error
        reason = getattr(error, "strerror", None) or str(error)
        unknown = isinstance(error, FileNotFoundError) and not os.path.dirname(argv[0])
        hint = f"Install {argv[0]}, or put its folder on PATH." if unknown else ""
        raise ProgramMissing(f"`{argv[0]}` cannot be started: {reason}", hint=hint) from error
    try:
        signals.deliver()
    except BaseException:
        kill(process)
        raise
    return process


class Held:
    """Keeps signals back while something is acquired or released: one that raised there would
    leave it behind.

    `deliver` handles what came meanwhile, as soon as that is safe; after `settle` nothing is left
    to be interrupted.
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
        self.came: list[int] = []  # the signals that came so far

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # handlers run in the main thread only
        self._handlers = {}  # of an earlier time: after an interrupt they must not come back
        for number in _ENDING:
            handler = signal.getsignal(number)
            if callable(handler):
                self._handlers[number] = handler
                signal.signal(number, lambda came, _frame: self.came.append(came))

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def settle(self) -> None:
        """What was asked for is done: from now on the run ends as it would have, and says so."""
        self._handlers = dict.fromkeys(self._handlers, _take_no_notice)

    def deliver(self) -> None:
        """What came meanwhile is handled now."""
        while self.came:
            number = self.came.pop(0)
            if number in self._handlers:
                self._handlers[number](number, None)


def _take_no_notice(_number: int, _frame: FrameType | None) -> None:
    # not SIG_IGN: programs that are started would inherit it
    return


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and all of its process group at once, and collect it."""
    kill_group(process.pid)
    if process.poll() is None:
        process.kill()  # where there are no groups
    try:
        process.communicate(timeout=_LAST_OUTPUT_SECONDS)
    except (subprocess.TimeoutExpired, ValueError, OSError):
        # a grandchild in a session of its own holds the pipes: let go of them
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                # aside: closing waits for a thread that is reading from it
                threading.Thread(target=pipe.close, daemon=True).start()
        process.wait()


def kill_group(group: int, signal_number: int = getattr(signal, "SIGKILL", signal.SIGTERM)) -> None:
    """Send a signal to a process group; one that is gone is no failure."""
    if sys.platform == "win32":
        argv = ["taskkill", "/F", "/T", "/PID", str(group)]
        subprocess.run(argv, check=False, capture_output=True)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal_number)
