"""What a command that judges nothing has to say: for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A command's text, the same as data, and its exit code."""

    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    code: int = 0

    def machine(self) -> str:
        """The answer as JSON."""
        return json.dumps(self.data, indent=2) + "\n"
