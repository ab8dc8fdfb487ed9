"""Which virtualenvs hold a tool and never a project: a prefix in, the reason out."""

from __future__ import annotations

import os
from collections.abc import Mapping

MARKER = "revguard-isolated"
# by their usual folders; a variable that moves one is in _MOVED
_FOLDERS = {
    "/.cache/pre-commit/": "pre-commit made it for a hook",
    "/.cache/prek/": "prek made it for a hook",
    "/pipx/venvs/": "pipx made it for a tool",
    "/uv/tools/": "uv made it for a tool",
    "/uv/archive-v": "uvx made it for a tool",
    "/uv/environments-v": "uvx made it for a tool",
    "/uv/builds-v": "uv made it for a build",
}
_MOVED = {
    "PRE_COMMIT_HOME": "pre-commit made it for a hook",
    "PREK_HOME": "prek made it for a hook",
    "PIPX_HOME": "pipx made it for a tool",
    "UV_TOOL_DIR": "uv made it for a tool",
    "UV_CACHE_DIR": "uvx made it for a tool",
}
_IN_CACHE = {"pre-commit": "PRE_COMMIT_HOME", "prek": "PREK_HOME"}


def why_isolated(prefix: str, environ: Mapping[str, str]) -> str:
    """Why no project lives in this prefix; nothing where one may."""
    if os.path.basename(prefix.rstrip("/\\")).startswith("py_env-"):
        return "pre-commit made it for a hook"
    if os.path.exists(os.path.join(prefix, MARKER)):
        return f"it holds the file {MARKER}"
    path = _slashes(prefix)
    for part, reason in _FOLDERS.items():
        if part in path:
            return reason
    for folder, reason in _moved(environ):
        if path.startswith(folder):
            return reason
    return ""


def _moved(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    found = [
        (_slashes(environ[name]), reason) for name, reason in _MOVED.items() if environ.get(name)
    ]
    cache = environ.get("XDG_CACHE_HOME")
    if cache:
        found += [
            (_slashes(os.path.join(cache, name)), _MOVED[variable])
            for name, variable in _IN_CACHE.items()
        ]
    return found


def _slashes(path: str) -> str:
    # not its real path: a virtualenv's python may be a link that leads anywhere, its folder not
    return os.path.abspath(os.path.expanduser(path)).replace("\\", "/") + "/"
