"""revguard's own configuration, as far as it differs from the defaults: text in, text out."""

from __future__ import annotations

import json
from collections.abc import Mapping

from revguard.config.loading import OWN, PYPROJECT, toml
from revguard.config.values import dotted
from revguard.init.steps import Step

Tables = Mapping[str, Mapping[str, object]]


def step(environments: Tables, files: Mapping[str, bytes], *, own_file: bool) -> Step:
    """Add a table for each environment to pyproject.toml, or to revguard.toml."""
    path = OWN if own_file or OWN in files or PYPROJECT not in files else PYPROJECT
    before = files.get(path)
    text = (before or b"").decode("utf-8")
    if text and not text.endswith("\n"):
        text += "\n"
    top = () if path == OWN else ("tool", "revguard")
    tables = [_table((*top, "environments", name), said) for name, said in environments.items()]
    after = "\n".join([*filter(None, [text]), *tables]).encode("utf-8")
    toml(path, after)  # ConfigError, rather than a broken file
    keys = [key for said in environments.values() for key in said if key != "config"]
    return Step(
        topic="configuration",
        said=f"{'writes' if before is None else 'adds to'} {path}: {', '.join(keys)}, "
        "what the project needs to be imported",
        path=path,
        before=before,
        after=after,
    )


def _table(keys: tuple[str, ...], said: Mapping[str, object]) -> str:
    body = "".join(f"{key} = {_value(value)}\n" for key, value in said.items())
    return f"[{dotted(keys)}]\n{body}"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{dotted((str(key),))} = {_value(one)}" for key, one in value.items())
        return "{ " + ", ".join(pairs) + " }"
    return json.dumps(value)
