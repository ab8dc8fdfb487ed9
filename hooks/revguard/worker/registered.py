"""What the target metadata holds, and which names of the project's modules stand for it."""

from __future__ import annotations

import os
import sys
from typing import Any, Iterable, Iterator, Mapping

from sqlalchemy import MetaData, Table, orm

_REGISTRY: Any = getattr(orm, "registry", ())  # new in SQLAlchemy 1.4


def new() -> dict[str, Any]:
    """Nothing seen yet (JSON-ready)."""
    return {"tables": [], "homes": [], "excluded": []}


def note(
    found: dict[str, Any],
    metadata: Any,
    env_globals: Mapping[str, Any],
    tree: str,
) -> None:
    """Add the tables ([schema, name]) and the homes ([path, name]) of one run's target metadata.

    A home is a name of a module of the tree that is bound to the metadata, or to a base, a registry
    or a Flask-SQLAlchemy object that has it.
    """
    many = list(metadata) if isinstance(metadata, (list, tuple)) else [metadata]
    targets = {id(one) for one in many if one is not None}
    for one in many:
        if one is not None:
            _add(found["tables"], ([table.schema, table.name] for table in one.tables.values()))
    _add(found["homes"], _homes(targets, env_globals, tree))


def note_excluded(found: dict[str, Any], declared: Iterable[Any], context: Any) -> None:
    """Add those of the declared tables ([schema, name]) that env.py's filters leave out.

    No object of theirs is at hand: where a filter fails for that, the table counts as left out.
    """
    for schema, name in declared:
        try:
            table = Table(name or "?", MetaData(), schema=schema)
            parents = {"schema_name": schema}
            taken = bool(name) or not (context._name_filters or context._object_filters)
            taken = taken and context.run_name_filters(table.name, "table", parents)
            taken = taken and context.run_object_filters(table, table.name, "table", False, None)
        except Exception:  # noqa: BLE001 - the project's own code
            taken = False
        if not taken:
            _add(found["excluded"], [[schema, name]])


def _add(known: list[Any], items: Iterable[Any]) -> None:
    seen = {tuple(item) for item in known}
    for item in items:
        if tuple(item) not in seen:
            seen.add(tuple(item))
            known.append(item)


def _homes(targets: set[int], env_globals: Mapping[str, Any], tree: str) -> Iterator[Any]:
    modules = [vars_ for vars_ in map(_vars, list(sys.modules.values())) if vars_ is not None]
    for names in [*modules, env_globals]:
        path = names.get("__file__")
        if isinstance(path, str) and path.startswith(tree + os.sep):
            relative = os.path.relpath(path, tree).replace(os.sep, "/")
            for name, value in list(names.items()):
                if isinstance(name, str) and id(_metadata_of(value)) in targets:
                    yield [relative, name]


def _vars(module: Any) -> Any:
    """The module's names; a lazy one is not woken for them."""
    try:
        names = object.__getattribute__(module, "__dict__")
    except Exception:  # noqa: BLE001 - anything may be in sys.modules
        return None
    return names if isinstance(names, dict) else None


def _metadata_of(value: Any) -> Any:
    """The metadata that is the value, or that it owns; no code of the project runs for it.

    Hence no isinstance() and no getattr(): a proxy would look for what stands behind it.
    """
    kind = type(value)
    if issubclass(kind, MetaData):
        return value
    if issubclass(kind, type):
        return type.__getattribute__(value, "__dict__").get("metadata")
    if issubclass(kind, _REGISTRY):
        return object.__getattribute__(value, "__dict__").get("metadata")
    if any(_is_flask(one.__module__) for one in kind.__mro__):
        names = object.__getattribute__(value, "__dict__")
        many = names.get("metadatas")
        if isinstance(many, dict):
            return many.get(None)
        model = names.get("Model")
        return _metadata_of(model) if isinstance(model, type) else None
    return None


def _is_flask(module: Any) -> bool:
    return isinstance(module, str) and module.partition(".")[0] == "flask_sqlalchemy"
