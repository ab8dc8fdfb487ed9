"""A report in, what the log of the run shows out: the text, and what the runner acts on."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from revguard.pulls import rendering
from revguard.pulls.place import Place
from revguard.verdict import Report


def log(text: str, place: Place) -> str:
    """The text, such that nothing in it is a command to the runner."""
    if place.service != "github" or not text:
        return text
    word = f"revguard-{secrets.token_hex(16)}"
    return f"::stop-commands::{word}\n{text}\n::{word}::\n"


def marks(report: Report, place: Place) -> str:
    """Annotations, where the service knows them."""
    return rendering.annotations_of(report) if place.service == "github" else ""


def lines(said: Iterable[str], warnings: Iterable[str], place: Place) -> str:
    """What was done, and what could not be."""
    plain = "".join(f"revguard: {one}\n" for one in said)
    return plain + "".join(map(_warning if place.service == "github" else _plain, warnings))


def failure(text: str) -> str:
    """Why there is no report, where a run on GitHub ended before there could be one."""
    return _command("error", text)


def _warning(text: str) -> str:
    return _command("warning", text)


def _command(name: str, text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{name} title=revguard::{escaped}\n"


def _plain(text: str) -> str:
    return f"warning: {text}\n"
