"""Extensions of PostgreSQL that a script creates: its text in, their names out; nothing is run."""

from __future__ import annotations

import re

# CREATE EXTENSION IF NOT EXISTS "uuid-ossp", in whatever quotes a string of Python puts around it
_STATEMENT = re.compile(
    rb"""\bCREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?\\?["']?([a-z][\w-]*)""", re.IGNORECASE
)
_OF_ALEMBIC_UTILS = re.compile(rb"""\bPGExtension\s*\([^)]*\bsignature\s*=\s*["']([\w-]+)["']""")


def named_in(source: bytes) -> tuple[str, ...]:
    """The names, as far as the text tells them; sorted."""
    if b"xtension" not in source and b"XTENSION" not in source:
        return ()
    found = {name.lower() for name in _STATEMENT.findall(source)} - {b"if"}
    return tuple(sorted(name.decode() for name in (*found, *_OF_ALEMBIC_UTILS.findall(source))))
