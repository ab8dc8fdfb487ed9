"""What was read from revision scripts, kept by blob id: a file in, scripts out, and back."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from revguard.history.script import Script

VERSION = 3
_KEPT = 20_000  # scripts; beyond that, those that this run did not need go


def load(path: Path | None) -> dict[str, list[object]]:
    """The records of the file by blob id; none where it is missing, damaged or of another kind."""
    if path is None:
        return {}
    try:
        head, _, body = path.read_bytes().partition(b"\n")
        header = json.loads(head)
        if header != {"version": VERSION, "crc": zlib.crc32(body)}:
            return {}
        records = json.loads(body)
    except (OSError, ValueError, RecursionError):
        return {}
    return records if isinstance(records, dict) else {}


def script_of(record: Any) -> Script | None:
    """The script that a record is of, or None where it is no such record."""
    try:  # written out, since thousands are read at each commit
        revision, down, depends_on, labels, bound, doc, imports, line, line_of_down, extensions = (
            record
        )
        return Script(
            revision=revision,
            down=None if down is None else tuple(down),
            depends_on=None if depends_on is None else tuple(depends_on),
            labels=None if labels is None else tuple(labels),
            bound=tuple(bound),
            doc=doc,
            imports=tuple(imports),
            line=line,
            line_of_down=line_of_down,
            extensions=tuple(extensions),
        )
    except (TypeError, ValueError):
        return None


def save(
    path: Path | None, old: Mapping[str, list[object]], new: Mapping[str, Script], used: set[str]
) -> None:
    """Write the file anew, in one step. A folder that cannot be written to is no error."""
    records = {**old, **{oid: _record(script) for oid, script in new.items()}}
    if len(records) > _KEPT:
        records = {oid: record for oid, record in records.items() if oid in used}
    body = json.dumps(records, separators=(",", ":")).encode()
    head = json.dumps({"version": VERSION, "crc": zlib.crc32(body)}).encode()
    if path is not None:
        _replace(path, head + b"\n" + body)


def _record(script: Script) -> list[object]:
    return [
        script.revision,
        script.down,
        script.depends_on,
        script.labels,
        script.bound,
        script.doc,
        script.imports,
        script.line,
        script.line_of_down,
        script.extensions,
    ]


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
