"""Text of a repository for a Markdown page: anything in, Markdown that shows it and does nothing
out."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

# letters that show nothing, and a pattern without dots
_BLANK: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_UNSEEN: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
# Words and numbers with the usual signs behind them cannot be markup, nor a mention, nor a link.
# All else goes into a code span.
_PLAIN: Final = re.compile(r"\(?(?:[^\W_]+|[^\W\d_]+['-][^\W\d_]+(?:-[^\W\d_]+)*)[.,:;?!)]*")
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_BREAK: Final = "<br>"


def clean(text: str) -> str:
    """Without what is not seen, or turns the direction of writing; lines and tabs stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and text.isprintable():
        return text
    return text.translate({ord(char): _visible(char) for char in set(text)})


def _visible(char: str) -> str:
    if char in "\n\t" or (char not in _BLANK and unicodedata.category(char) not in _UNSEEN):
        return char
    number = ord(char)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def one_line(text: str, most: int = 0) -> str:
    """As `clean`, on one line, and cut where it is longer than `most`."""
    flat = clean(text).replace("\n", "\\n").replace("\t", "\\t")
    return f"{flat[: most - 1]}…" if most and len(flat) > most else flat


def code(text: str, most: int = 300) -> str:
    """A code span that holds exactly this text; also in a cell of a table."""
    text = one_line(text, most)
    if not text.strip():
        return "` `"
    if "|" in text or "\\" in text:  # GFM's cells have rules of their own for both
        return f"<code>{_entities(text)}</code>"
    ticks = "`" * (_longest_run(text) + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _entities(text: str) -> str:
    def one(char: str) -> str:
        if char.isascii() and (char.isalnum() or char == " "):
            return char
        # an address would become a link: its parts are kept apart
        return f"&#{ord(char)};" + ("<span></span>" if char == "@" else "")

    return "".join(map(one, text))


def prose(text: str, most: int = 2000) -> str:
    """Sentences: commands in backticks and all that is no plain word as code, the rest as it is.

    It never begins a block of its own: put it behind something.
    """
    lines = [_sentence(line) for line in clean(text)[:most].split("\n") if line.strip()]
    return _BREAK.join(lines) + ("…" if len(text) > most else "")


def _sentence(line: str) -> str:
    said = ""
    for place, part in enumerate(_SPAN.split(line)):
        more = code(part) if place % 2 else _words(part)
        # two runs of backticks that touch would be one
        said += f" {more}" if said.endswith("`") and more.startswith("`") else more
    return said


def _words(text: str) -> str:
    said: list[str] = []
    strange: list[str] = []  # neighbours share a span
    for word in text.split():
        if _PLAIN.fullmatch(word):
            said += [*_joined(strange), word]
            strange = []
        else:
            strange.append(word)
    said += _joined(strange)
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and said else ""
    return before + " ".join(said) + after


def _joined(words: list[str]) -> Iterable[str]:
    if not words:
        return
    whole = " ".join(words)
    bare = whole.rstrip(".,:;")
    yield (code(bare) if bare else "") + whole[len(bare) :]


def in_html(text: str) -> str:
    """Text for inside a line of HTML."""
    return html.escape(one_line(text))


def fence(text: str, language: str) -> str:
    """A code block that ends where the text does."""
    text = clean(text).strip("\n")
    ticks = "`" * max(3, _longest_run(text) + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def folded(summary: str, *blocks: str) -> str:
    """Blocks that are shown on demand; the summary is HTML."""
    inside = "\n\n".join(blocks)
    return f"<details><summary>{summary}</summary>\n\n{inside}\n\n</details>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; without columns in which nothing stands."""
    kept = [at for at in range(len(head)) if any(row[at] for row in rows)]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells[at] for at in kept)} |" for cells in lines)
