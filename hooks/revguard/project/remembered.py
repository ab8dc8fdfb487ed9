"""Answers about interpreters, kept in the cache: a key in, what was said of it out."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile


def stamp(path: str) -> list[object]:
    """What changes when a file or folder is replaced; JSON-ready."""
    try:
        state = os.stat(path)
    except OSError:
        return [path, None]
    return [path, state.st_mtime_ns]


def read(cache: str | None, key: str) -> dict[str, object] | None:
    """What is known of a key; None where nothing is, or where it cannot be read."""
    if cache is None:
        return None
    try:
        with open(_path(cache, key), encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and data.get("key") == key else None


def write(cache: str | None, key: str, data: dict[str, object]) -> None:
    """Keep it; a cache that cannot be written keeps nothing."""
    if cache is None:
        return
    path = _path(cache, key)
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"key": key, **data}, file)
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)


def _path(cache: str, key: str) -> str:
    name = hashlib.sha256(os.fsencode(key)).hexdigest()[:24]
    return os.path.join(cache, "interpreters", f"{name}.json")
