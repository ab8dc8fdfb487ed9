"""A canonical digest of everything in the metadata that can reach DDL.

Two trees with the same digest, the same env.py and the same history have the same drift, so the
second needs no database. All MetaData objects count that are alive at the first connection, for
env.py names its target only later.
"""

from __future__ import annotations

import functools
import hashlib
import weakref
from typing import Any, Iterator, Mapping

from sqlalchemy import MetaData

from .canonical import SIMPLE, Describer


class MetadataRegistry:
    """Knows every MetaData that was made since install()."""

    def __init__(self) -> None:
        """Nothing is known before install()."""
        self._alive: weakref.WeakSet[Any] = weakref.WeakSet()

    def install(self) -> None:
        """From here on every new MetaData is noted."""
        metadata_class: Any = MetaData
        original = metadata_class.__init__
        alive = self._alive

        @functools.wraps(original)
        def init(metadata: Any, *args: Any, **kwargs: Any) -> None:
            original(metadata, *args, **kwargs)
            alive.add(metadata)

        metadata_class.__init__ = init

    def digest(self, dialect: Any, module_globals: Mapping[str, Any]) -> str:
        """SHA-256 over all metadata, as this dialect sees them, and env.py's simple globals."""
        describe = Describer(dialect)
        parts = sorted("\n".join(describe.metadata(item)) for item in list(self._alive))
        parts.extend(_simple_globals(module_globals))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _simple_globals(names: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(names):
        value = names[name]
        if name.startswith("__"):
            continue
        if isinstance(value, SIMPLE):
            yield f"{name}={value!r}"
        elif isinstance(value, (list, tuple, set, frozenset, dict)) and len(value) < 1000:
            items = value.items() if isinstance(value, dict) else value
            texts = sorted(repr(item) for item in items)
            if not any(" at 0x" in text for text in texts):
                yield f"{name}={texts}"
