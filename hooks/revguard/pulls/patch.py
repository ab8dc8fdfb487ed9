"""The missing scripts and head files of a report in, a patch that `git apply` takes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from revguard.errors import RevguardError
from revguard.staging import entries, plumbing, repository
from revguard.verdict import Report

# A path and the text that `revguard add` writes there in, what the judged tree has there and what
# git makes of the text out: line ends of the working tree are none of git's.
Sides: TypeAlias = Callable[[str, str], tuple[str | None, str]]

_ESCAPES: Final = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r",
                   '"': '"', "\\": "\\"}  # fmt: skip


def of(report: Report, sides: Sides) -> str:
    """The patch; empty where nothing is missing."""
    files = {path: text for one in report.environments for path, text in one.missing_files.items()}
    return "".join(_file(path, *sides(path, text)) for path, text in files.items())


def judged(report: Report, directory: str, environ: Mapping[str, str]) -> Sides:
    """As the judged tree has it; nothing, where there is no checkout of it."""
    if not report.tree or not any(one.missing_files for one in report.environments):
        return _nothing
    try:
        repo = repository.find(directory, environ)
    except RevguardError:
        return _nothing

    def content(name: str) -> str | None:
        done = plumbing.run(repo, "cat-file", "blob", name)
        return done.text() if done.returncode == 0 else None

    def both(path: str, text: str) -> tuple[str | None, str]:
        written = text.encode("utf-8", "surrogateescape")
        new = content(entries.oid_of(repo, path, written, write=True))
        return content(f"{report.tree}:{path}"), text if new is None else new

    return both


def _nothing(_path: str, text: str) -> tuple[None, str]:
    return None, text


def _file(path: str, before: str | None, after: str) -> str:
    """A new file, or one that is generated anew: all of it out, all of it in."""
    old, new = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    tab = "\t" if " " in path and not new.startswith('"') else ""  # as git ends such a name
    lines, removed = _lines("+", after), _lines("-", before or "")
    mode = "new file mode 100644\n" if before is None else ""
    source = "/dev/null" if before is None else old + tab
    start = f"-1,{removed[0]}" if removed[0] else "-0,0"
    return (
        f"diff --git {old} {new}\n{mode}--- {source}\n+++ {new}{tab}\n"
        f"@@ {start} +1,{lines[0]} @@\n{removed[1]}{lines[1]}"
    )


def _lines(sign: str, content: str) -> tuple[int, str]:
    """How many there are, and the lines of the patch."""
    if not content:
        return 0, ""
    lines = content.split("\n")
    ends = lines[-1] == ""
    if ends:
        lines.pop()
    body = "".join(f"{sign}{line}\n" for line in lines)
    return len(lines), body if ends else f"{body}\\ No newline at end of file\n"


def _quoted(path: str) -> str:
    """As git writes a path that has to be quoted."""
    if path.isascii() and path.isprintable() and not {'"', "\\"} & set(path):
        return path
    return '"' + "".join(map(_escaped, path)) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return f"\\{_ESCAPES[character]}"
    if character.isascii() and character.isprintable():
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
