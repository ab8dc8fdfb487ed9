"""Where output goes: the environ and the streams in, a place to write to out."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

from revguard.errors import CouldNotCheck, UsageError

_WIDTH_ELSEWHERE = 100
_NARROW, _WIDE = 40, 120


def wants_color(choice: str, stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to colour: as chosen, else where the stream is a terminal that can."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or is_terminal(stream, environ)


def is_terminal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether someone looks at this stream through a terminal that knows colours."""
    return stream.isatty() and environ.get("TERM") != "dumb"


def width() -> int:
    """The columns to write for."""
    columns = shutil.get_terminal_size((_WIDTH_ELSEWHERE, 24)).columns
    return min(max(columns, _NARROW), _WIDE)


def write(text: str, stream: TextIO) -> None:
    """Write all of it, whatever the stream's encoding. A reader that went away is no failure.

    CouldNotCheck for a full disk: a report that nobody can read is no verdict.
    """
    try:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _to_nowhere(stream)
    except OSError as error:
        _to_nowhere(stream)
        raise CouldNotCheck(f"cannot write the report: {error.strerror}") from error


def write_file(text: str, path: str) -> None:
    """Write the text to a file; UsageError where it cannot be."""
    try:
        with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", hint="`--output FILE` names another file"
        ) from error


def _to_nowhere(stream: TextIO) -> None:
    # else the interpreter fails once more, when it flushes at its end
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)


def stdout() -> TextIO:
    """Standard output; nowhere, where there is none (pythonw, `>&-`)."""
    return sys.stdout or open(os.devnull, "w", encoding="utf-8")
