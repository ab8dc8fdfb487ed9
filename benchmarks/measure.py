"""Measure whole processes: commands in, medians of wall time and peak memory out."""

from __future__ import annotations

import functools
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measured:
    """Median seconds and peak resident memory (MiB) of one way."""

    seconds: float
    memory: float


@dataclass(frozen=True)
class Way:
    """One way to do something: commands in a row, after something that is not measured."""

    commands: Sequence[Sequence[str]]
    cwd: str
    environ: Mapping[str, str]
    before: Callable[[], None] = lambda: None
    expected: tuple[int, ...] = (0,)

    def once(self) -> tuple[float, float]:
        """Seconds and peak MiB of one run through the commands."""
        self.before()
        found = [self._run(command) for command in self.commands]
        return sum(seconds for seconds, _ in found), max(peak for _, peak in found)

    def _run(self, command: Sequence[str]) -> tuple[float, float]:
        """Of one command; SystemExit where it ends otherwise than is expected."""
        with tempfile.NamedTemporaryFile("r", errors="replace") as said:
            asked = {"command": command, "cwd": self.cwd, "environ": self.environ}
            told = _starter().ask({**asked, "said": said.name})
            if told["code"] not in (*self.expected, 0):
                why = said.read()
                raise SystemExit(f"{' '.join(command)} ended with {told['code']}: {why}")
        return told["seconds"], told["peak"]


class Starter:
    """The process that starts what is measured."""

    def __init__(self) -> None:
        path = Path(__file__).parent / "starting.py"
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, words: Mapping[str, Any]) -> dict[str, Any]:
        """Run a command: its exit code, seconds and peak MiB."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


@functools.cache
def _starter() -> Starter:
    """One for all; it ends with us, whose end closes its input."""
    return Starter()


def side_by_side(ways: Mapping[str, Way], repeat: int) -> dict[str, Measured]:
    """Medians of each way; they take turns, so that a slow moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    peaks: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way.once()  # bytecode, file cache
    for _ in range(repeat):
        for name, way in ways.items():
            seconds, peak = way.once()
            times[name].append(seconds)
            peaks[name].append(peak)
    return {name: Measured(statistics.median(times[name]), max(peaks[name])) for name in ways}
