"""Reads the history of a tree: a listing of scripts and a way to load blobs in, the graph out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from revguard.history import cache as caching
from revguard.history.graph import Graph, GraphProblem, Node
from revguard.history.script import Script, parse

# alembic/script/base.py: _only_source_rev_file, _legacy_rev
_LOADED = re.compile(r"(?!\.\#|__init__)(.*\.py)\Z", re.DOTALL)
_LEGACY = re.compile(r"([a-f0-9]+)\.py\Z")


def read(
    files: Mapping[str, str],
    load: Callable[[list[str]], Mapping[str, bytes]],
    cache: Path | None = None,
) -> Graph:
    """The graph of the scripts in `files` (path to blob id), none of which is run.

    `files` are those of the version locations as Alembic would list them (below them only
    where `recursive_version_locations` is set); other files there are passed over. `load` is
    asked once, for the blobs that `cache`, a JSON file, does not know.
    """
    wanted = {path: oid for path, oid in files.items() if is_loaded(path)}
    records = caching.load(cache)
    scripts = {}
    for oid in wanted.values():
        script = caching.script_of(records.get(oid))
        if script is not None:
            scripts[oid] = script
    unknown = sorted({oid for oid in wanted.values() if oid not in scripts})
    if unknown:
        read_now = {oid: parse(source) for oid, source in load(unknown).items()}
        scripts.update(read_now)
        # what does not compile here may compile with a newer Python: it is read again
        sound = {oid: script for oid, script in read_now.items() if script.error is None}
        if cache is not None and sound:
            caching.save(cache, records, sound, set(wanted.values()))
    return from_scripts({path: (oid, scripts.get(oid)) for path, oid in wanted.items()})


def read_one(path: str, content: bytes) -> Node | None:
    """A script that is in no tree yet, as the history will have it."""
    oid = hashlib.sha256(content).hexdigest()
    return next(iter(read({path: oid}, lambda _oids: {oid: content}).nodes.values()), None)


def from_scripts(scripts: Mapping[str, tuple[str, Script | None]]) -> Graph:
    """The graph of scripts that were read (path to blob id and script)."""
    nodes, problems, unknown, strangers = [], [], [], []
    for path, (oid, script) in scripts.items():
        if script is None:
            problems.append(
                GraphProblem(kind="unreadable", message=f"{path} cannot be read", path=path)
            )
            unknown.append(path)
            continue
        if script.error is not None:
            why = f"{path} is not valid Python: {script.error.message}"
            line = script.error.line
            problems.append(GraphProblem(kind="syntax", message=why, path=path, line=line))
        node = node_of(path, oid, script)
        if node is not None:
            nodes.append(node)
        elif script.error is not None or "revision" in script.bound:
            unknown.append(path)
        else:
            strangers.append(path)
        if node is not None and script.error is None and "down_revision" not in script.bound:
            problems.append(_no_down(node))
    return Graph(nodes, problems, unknown=unknown, strangers=strangers)


def is_loaded(path: str) -> bool:
    """Whether Alembic takes a file of this name for a revision script."""
    return _LOADED.match(path.rpartition("/")[2]) is not None


def node_of(path: str, oid: str, script: Script) -> Node | None:
    """The node that a script is, or None where it has no id, or one that cannot be known."""
    id_ = script.revision
    if "revision" not in script.bound and script.error is None:
        named = _LEGACY.match(path.rpartition("/")[2])
        id_ = named.group(1) if named and "down_revision" in script.bound else None
    if id_ is None:
        return None
    return Node(
        id=id_,
        down=script.down or (),
        depends_on=script.depends_on or (),
        labels=script.labels or (),
        doc=script.doc,
        path=path,
        oid=oid,
        imports=script.imports,
        line=script.line,
        line_of_down=script.line_of_down,
        extensions=script.extensions,
        dynamic=None in (script.down, script.depends_on, script.labels),
    )


def _no_down(node: Node) -> GraphProblem:
    return GraphProblem(
        kind="no-down-revision",
        message=f"{node.path} has no `down_revision`",
        path=node.path,
        line=node.line,
        revision=node.id,
    )
