"""The missing scripts of a report in, a patch that `git apply` takes out."""

from __future__ import annotations

from typing import Final

from revguard.verdict import Report

_ESCAPES: Final = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r",
                   '"': '"', "\\": "\\"}  # fmt: skip


def of(report: Report) -> str:
    """The patch; empty where no script is missing."""
    return "".join(
        _new_file(one.script_path, one.script)
        for one in report.environments
        if one.script and one.script_path
    )


def _new_file(path: str, content: str) -> str:
    lines = content.split("\n")
    ends = lines[-1] == ""
    if ends:
        lines.pop()
    body = "".join(f"+{line}\n" for line in lines)
    end = "" if ends else "\\ No newline at end of file\n"
    old, new = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    tab = "\t" if " " in path and not new.startswith('"') else ""  # as git ends such a name
    return (
        f"diff --git {old} {new}\nnew file mode 100644\n--- /dev/null\n+++ {new}{tab}\n"
        f"@@ -0,0 +1,{len(lines)} @@\n{body}{end}"
    )


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
