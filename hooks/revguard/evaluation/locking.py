"""`lock = true`: a report in, the same with the head files that have to go with its script out."""

from __future__ import annotations

from dataclasses import replace

from revguard.evaluation.case import Case
from revguard.evaluation.tasks import Evaluated
from revguard.history import headfile, reading
from revguard.history.graph import Graph
from revguard.rules.head_file import is_finding
from revguard.verdict import EnvironmentReport, HeadFile


def with_head_files(
    case: Case, evaluated: Evaluated, report: EnvironmentReport
) -> EnvironmentReport:
    """The head files as they will be with the missing script, as far as they change. Where none
    is missing, those that are wrong."""
    if not case.around.environment.settings.lock:
        return report
    graph = _with_script(evaluated.histories.graph, report)
    if graph is None:
        return report
    found = headfile.outdated(graph, evaluated.locations, case.subject.read)
    files = (HeadFile(path=path, text=text.decode()) for path, text in found.items())
    return replace(report, head_files=tuple(files))


def _with_script(graph: Graph, report: EnvironmentReport) -> Graph | None:
    """The history as `revguard add` will leave it; None where it has nothing to write."""
    if report.script is None or report.script_path is None:
        return graph if any(map(is_finding, report.findings)) else None
    new = reading.read_one(report.script_path, report.script.encode("utf-8", "surrogateescape"))
    if new is None or not graph.certain:
        return None
    # the branch's own script may be generated anew, under its name
    return Graph((*(node for node in graph.nodes.values() if node.path != new.path), new))
