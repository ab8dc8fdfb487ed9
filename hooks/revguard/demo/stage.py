"""Where the demo is played: commands as a user types them in, all that they say on a stream out."""

from __future__ import annotations

import codecs
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from revguard import leftovers, subprocesses, terminal
from revguard.errors import CouldNotCheck

_PATIENCE = 5.0  # seconds that interrupted commands have to release what they hold
_ASSIGNMENT = re.compile(r"[A-Z_]+=")
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_LINUX = sys.platform.startswith("linux")


class Stage:
    """A folder, an environ and a stream."""

    def __init__(
        self, folder: str, environ: Mapping[str, str], out: TextIO, run_id: str, *, color: bool
    ) -> None:
        self.folder = folder
        self.environ = environ
        self._out = out
        self._run_id = run_id
        self._color = color
        self._last = ""  # what was written, its end

    def say(self, text: str, style: str = "") -> None:
        """Write a text of ours."""
        width = int(self.environ["COLUMNS"])
        text = "\n".join(textwrap.fill(line, width) for line in text.split("\n"))
        self._styled(text, style)

    def heading(self, text: str) -> None:
        """Write what happens next."""
        self.say(text, _BOLD)

    def command(self, typed: str, *, code: int = 0) -> None:
        """Show a command and run just that. CouldNotCheck if its exit code is another."""
        self._styled(f"$ {typed}", _BOLD)
        words = shlex.split(typed)
        variables = {}
        while _ASSIGNMENT.match(words[0]):
            name, _, variables[name] = words.pop(0).partition("=")
        found = self._run(words, {**self.environ, **variables})
        self._write("" if self._last.endswith("\n\n") else "\n")
        if found != code:
            raise CouldNotCheck(
                f"the demo expected exit code {code} of `{typed}`, not {found}",
                hint="what it says stands above; `revguard doctor` shows what is found here",
            )

    def _run(self, argv: list[str], environ: Mapping[str, str]) -> int:
        process = subprocesses.start(
            argv,
            cwd=self.folder,
            environ=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        with process.stdout as said:
            try:
                # through us, not past us: so it ends up where our own words do, in this order
                while part := os.read(said.fileno(), 1 << 16):
                    self._write(decode(part))
                return process.wait()
            except BaseException:
                self._end(process)
                raise

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Let git, pre-commit and revguard clean up; what is left then is killed."""
        subprocesses.kill_group(process.pid, signal.SIGTERM)
        _wait(lambda: process.poll() is not None and not self._living(process.pid))
        subprocesses.kill(process)

    def _living(self, group: int) -> bool:
        if _LINUX:
            # a group of zombies counts as one, and not every container has who collects them
            return bool(leftovers.find(self._run_id, ()))
        try:
            os.killpg(group, 0)
        except (OSError, AttributeError):
            return False
        return True

    def _styled(self, text: str, style: str) -> None:
        self._write(f"{style}{text}{_PLAIN}\n" if style and self._color else f"{text}\n")

    def _write(self, text: str) -> None:
        self._last = (self._last + text)[-2:]
        terminal.write(text, self._out)


def _wait(done: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not done() and time.monotonic() < until:
        time.sleep(0.01)
