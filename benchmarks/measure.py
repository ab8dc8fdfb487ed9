"""Measure whole processes: commands in, medians of wall time and peak memory out."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


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
        started = time.perf_counter()
        peak = max(self._run(command) for command in self.commands)
        return time.perf_counter() - started, peak

    def _run(self, command: Sequence[str]) -> float:
        """Peak MiB of one command; SystemExit where it ends otherwise than is expected."""
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                command, cwd=self.cwd, env=dict(self.environ),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
            )  # fmt: skip
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode not in (*self.expected, 0):
                said.seek(0)
                why = said.read().decode(errors="replace")
                raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {why}")
        return usage.ru_maxrss / 1024


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
