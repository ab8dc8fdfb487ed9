"""Head files (`lock = true`) for a history that is about to be staged: its graph in, files out."""

from __future__ import annotations

from revguard.environments import Environment
from revguard.evaluation.subject import Subject
from revguard.history import headfile
from revguard.history.graph import Graph


def changed(
    subject: Subject, environment: Environment, locations: tuple[str, ...], graph: Graph
) -> dict[str, bytes]:
    """Those that the subject's tree does not have, or has otherwise; none without `lock`."""
    if not environment.settings.lock:
        return {}
    wanted = headfile.contents(graph, locations)
    there = subject.read([*wanted])
    return {path: text for path, text in wanted.items() if there.get(path) != text}
