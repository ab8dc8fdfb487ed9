"""Long work, said while it is done: messages in, one line of the terminal that goes away again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, TextIO

from revguard.options import Progress

_INTERVAL: Final = 0.1  # seconds between two counts of the same work
_CLEAR: Final = "\r\x1b[2K"
_NUMBER = re.compile(r"\d+")


class ProgressLine:
    """A context manager to be called with messages; nothing of it is left afterwards."""

    def __init__(
        self, stream: TextIO, *, width: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._width = width
        self._clock = clock
        self._kind = ""
        self._last = 0.0

    def __enter__(self) -> Progress:
        return self

    def __call__(self, message: str) -> None:
        """Show the message in place of the one before."""
        kind, now = _NUMBER.sub("", message), self._clock()
        if kind == self._kind and now - self._last < _INTERVAL:
            return
        self._kind, self._last = kind, now
        line = message.splitlines()[0] if message else ""
        self._write(f"{_CLEAR}{line[: self._width - 1]}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._kind:
            self._write(_CLEAR)
            self._kind = ""

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError, UnicodeError):
            pass  # nobody is looking any more
