"""What a terminal needs: text in, the same text coloured, wrapped and made harmless out."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Final

_CODES: Final[Mapping[str, str]] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
}
# what moves the cursor, what turns the direction of writing, and what no encoding can say
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_COMMAND = re.compile(r"`[^`\n]*`")
_NO_BREAK = "\u00a0"


class Paint:
    """Colours where they are wanted."""

    def __init__(self, *, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, *styles: str) -> str:
        """The text in these styles."""
        if not self.color or not text or not styles:
            return text
        codes = ";".join(_CODES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def python(self, code: str) -> str:
        """Python source, highlighted."""
        if not self.color:
            return code
        try:
            # 60 ms, and only where a script is shown on a terminal
            from pygments import highlight
            from pygments.formatters import TerminalFormatter
            from pygments.formatters.terminal import TERMINAL_COLORS
            from pygments.lexers import PythonLexer
            from pygments.token import Whitespace
        except ImportError:
            return code
        formatter = TerminalFormatter(colorscheme={**TERMINAL_COLORS, Whitespace: ("", "")})
        return str(highlight(code, PythonLexer(stripnl=False, ensurenl=False), formatter))


def harmless(text: str) -> str:
    """The text without control characters: a name from a database moves no cursor."""
    return _CONTROL.sub(_escaped, text.replace("\r\n", "\n"))


def _escaped(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def one_line(text: str) -> str:
    """As `harmless`, and on one line: for names and paths."""
    return harmless(text).replace("\n", "\\n").replace("\t", "\\t")


def wrapped(text: str, width: int, indent: str = "", hanging: str | None = None) -> str:
    """Paragraphs broken to the width; commands in backticks and indented lines stay whole."""
    after = indent if hanging is None else hanging
    lines = []
    for number, line in enumerate(harmless(text).splitlines()):
        before = indent if number == 0 else after
        if line[:1].isspace() or not line:
            lines.append((before + line).rstrip())
        else:
            lines += _broken(line, width, before, after)
    return "\n".join(lines)


def _broken(line: str, width: int, before: str, after: str) -> list[str]:
    whole = _COMMAND.sub(lambda match: match[0].replace(" ", _NO_BREAK), line)
    broken = textwrap.wrap(
        whole,
        width=max(width, len(after) + 20),
        initial_indent=before,
        subsequent_indent=after,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [part.replace(_NO_BREAK, " ") for part in broken]
