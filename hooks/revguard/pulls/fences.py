"""Text in, a fenced block of Markdown out that nothing in the text can end."""

from __future__ import annotations

import re


def fenced(text: str, language: str = "") -> str:
    """The block, with a fence longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    end = "" if text.endswith("\n") else "\n"
    return f"{fence}{language}\n{text}{end}{fence}\n"


def shortened(text: str, limit: int) -> str:
    """The first lines that fit into so many bytes of UTF-8, and a line that says so."""
    if len(text.encode("utf-8", "replace")) <= limit:
        return text
    said = "... the rest is in the log of the run\n"
    kept = text.encode("utf-8", "replace")[: max(0, limit - len(said))].decode("utf-8", "ignore")
    return kept[: kept.rfind("\n") + 1] + said
