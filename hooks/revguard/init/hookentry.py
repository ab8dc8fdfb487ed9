"""The hook entry: the text of .pre-commit-config.yaml in, the same with revguard's lines out.

The text is added to, never written anew: comments, quotes and order stay. What comes out is read
again and must say what the file said, and the entry; where it does not, the lines are told.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any, Final

import revguard
from revguard.errors import ConfigError
from revguard.init.steps import Step

PATH: Final = ".pre-commit-config.yaml"
REPOSITORY: Final = "https://github.com/revguard/revguard"
_KINDS: Final = ("pre-commit", "pre-merge-commit")  # a merge makes a commit without the first
_ID: Final = re.compile(r"alembic-revision-(check|add)\b|\brevguard (check|add)\b")
_RELEASE: Final = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?")

_PINNED: Final = """\
- repo: {repository}
  rev: v{version}
  hooks:
    - id: alembic-revision-check
"""
_LOCAL: Final = """\
- repo: local
  hooks:
    - id: alembic-revision-check
      name: alembic revision (check)
      entry: revguard check
      language: system
      pass_filenames: false
      always_run: true
      require_serial: true
      stages: [pre-commit, pre-merge-commit, pre-push, manual]
"""
_HEADER: Final = "# https://pre-commit.com\n"


def step(before: bytes | None, *, local: bool) -> Step:
    """What is to be done with the file. ConfigError where it cannot be read."""
    text, said = _decoded(before), _read(before)
    if _ID.search(text):
        return Step(topic="hook", said=f"{PATH} runs revguard already")
    local, why = _kind(local, said)
    entry = _entry(local=local)
    after = _HEADER + _kinds_line() + "repos:\n" + _indented(entry, 2) if not text.strip() else ""
    after = after or _added(text, entry, said)
    if not after:
        return Step(
            topic="hook",
            said=f"{PATH} is written in a way that cannot be added to: nothing was changed",
            hint="put this below `repos:`\n" + _indented(entry, 2).rstrip(),
        )
    kinds = "" if "default_install_hook_types" in said else ", default_install_hook_types"
    said_of = f"{'writes' if before is None else 'adds to'} {PATH}: the hook "
    return Step(
        topic="hook",
        said=f"{said_of}alembic-revision-check {why}{kinds}",
        path=PATH,
        before=before,
        after=after.encode("utf-8"),
        hint=_install_hint(said),
    )


def is_release() -> bool:
    """Whether this revguard is a version that others can get."""
    return bool(_RELEASE.fullmatch(revguard.__version__))


def _kind(local: bool, said: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether the entry is local, and the words for it."""
    if local:
        return True, "(local: the revguard that is installed)"
    if not is_release():
        return True, "(local: this revguard is no release)"
    repos = said.get("repos") or []
    if repos and all(isinstance(one, dict) and one.get("repo") == "local" for one in repos):
        return True, "(local, as all hooks there)"
    return False, f"at v{revguard.__version__}"


def _entry(*, local: bool) -> str:
    return _LOCAL if local else _PINNED.format(repository=REPOSITORY, version=revguard.__version__)


def _kinds_line() -> str:
    return f"default_install_hook_types: [{', '.join(_KINDS)}]\n"


def _install_hint(said: Mapping[str, Any]) -> str:
    kinds = said.get("default_install_hook_types") or list(_KINDS)
    lacking = [kind for kind in _KINDS if kind not in kinds]
    if not lacking:
        return ""
    return f"default_install_hook_types lacks {', '.join(lacking)}: commits by it are not checked"


def _yaml() -> Any:
    return importlib.import_module("yaml")  # of pre-commit; 15 ms, and only here


def _decoded(content: bytes | None) -> str:
    try:
        return (content or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{PATH} is not written in UTF-8") from error


def _read(content: bytes | None) -> Mapping[str, Any]:
    yaml = _yaml()
    try:
        said = yaml.safe_load(content or b"")
    except yaml.YAMLError as error:
        raise ConfigError(
            f"{PATH} cannot be read: {error}", hint="`pre-commit validate-config` tells more"
        ) from error
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise ConfigError(f"{PATH} holds no table", hint="`pre-commit validate-config` tells more")
    return said


def _added(text: str, entry: str, said: Mapping[str, Any]) -> str:
    """The text with the entry at the end of `repos`; empty where that cannot be done."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").splitlines()
    place = next((n for n, line in enumerate(lines) if re.match(r"repos\s*:", line)), None)
    if place is None:
        lines += ["repos:", *_indented(entry, 2).splitlines()]
    else:
        if re.fullmatch(r"repos\s*:\s*\[\s*\]\s*(#.*)?", lines[place]):
            lines[place] = "repos:"
        end, indent = _end_of_block(lines, place)
        lines[end:end] = _indented(entry, indent).splitlines()
    if "default_install_hook_types" not in said:
        top = next(n for n, line in enumerate(lines) if re.match(r"repos\s*:", line))
        lines.insert(_above_comments(lines, top), _kinds_line().rstrip())
    after = newline.join([*lines, ""])
    return after if _says(after, said, entry) else ""


def _end_of_block(lines: list[str], place: int) -> tuple[int, int]:
    """Behind the last item of the list, and how far its items are indented."""
    end, indent = place + 1, 2
    for number in range(place + 1, len(lines)):
        line = lines[number]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        width = len(line) - len(line.lstrip())
        if width == 0 and not line.startswith("-"):
            break
        if end == place + 1:
            indent = width
        end = number + 1
    return end, indent


def _above_comments(lines: list[str], place: int) -> int:
    """Above the comments of a line, unless they are the head of the file."""
    start = place
    while start and lines[start - 1].startswith("#"):
        start -= 1
    return start or place


def _indented(text: str, width: int) -> str:
    return "".join(" " * width + line for line in text.splitlines(keepends=True))


def _says(after: str, said: Mapping[str, Any], entry: str) -> bool:
    """Whether the new text means what the old one meant, and the entry."""
    yaml = _yaml()
    try:
        found = yaml.safe_load(after)
    except yaml.YAMLError:
        return False
    wanted = dict(said)
    wanted["repos"] = [*(said.get("repos") or []), *yaml.safe_load(entry)]
    wanted.setdefault("default_install_hook_types", list(_KINDS))
    return bool(found == wanted)
