"""Text that may hold the URL of a server in, the same without its passwords out."""

from __future__ import annotations

import re

MASK = "***"
# to the last @, since a password may hold one that should have been written %40
_IN_AUTHORITY = re.compile(r"(://[^\s:/?#@]*:)\S+(?=@)")
_IN_QUERY = re.compile(
    r"([?&](?:\w*password|passwd|\w*secret|\w*token)=)[^&\s\"'`]+", re.IGNORECASE
)


def masked(text: str) -> str:
    """The text with *** where a URL in it has a password."""
    return _IN_QUERY.sub(rf"\1{MASK}", _IN_AUTHORITY.sub(rf"\1{MASK}", text))
