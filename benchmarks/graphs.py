"""A history of many revisions: what our commands take of their own, beside Alembic's.

`python -m benchmarks.graphs` does what `check` does with the graph before a worker has answered: it
chooses the staged tree and its parent, reads their histories and asks the rules on them. It fails
where that imported a revision.
"""

from __future__ import annotations

import datetime
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Way

if TYPE_CHECKING:
    from benchmarks.projects import Project

REVISIONS = 2000


def main() -> int:
    """Read and judge the graph of the project in this folder."""
    from revguard.evaluation import choosing
    from revguard.evaluation.subject import histories
    from revguard.options import Options
    from revguard.rules import history, landed
    from revguard.staging import trees

    options = Options(command="check", directory=os.getcwd(), environ=os.environ,
                      today=datetime.date.min)  # fmt: skip
    target = choosing.choose(options)
    settings = choosing.settings_of(target)
    subject = choosing.subject_of(target, settings, options)
    (environment,), _skipped = choosing.discovered(subject, settings, options)
    found = histories(subject, environment, environment.version_locations or ())
    findings = history.multiple_heads(found.graph, found.parents, landed=found.base)
    findings += history.several_revisions(found.graph, found.added)
    findings += landed.changed_revisions(
        found.base, found.graph, found.parents, lambda oids: trees.read_blobs(subject.repo, oids)
    )
    imported = [name for name in sys.modules if name.startswith("rev0")]
    print(f"{len(found.graph)} revisions, {len(found.added)} new, {len(findings)} findings")
    return int(bool(imported or findings) or len(found.added) != 1)


def of_the_graph(python: str, project: Project, environ: dict[str, str], *, cold: bool) -> Way:
    """This module's own work, with or without what an earlier run has read."""
    here = str(Path(__file__).parent.parent)
    before = (lambda: _forget(environ)) if cold else (lambda: None)
    return Way(
        [[python, "-m", "benchmarks.graphs"]],
        str(project.folder), {**environ, "PYTHONPATH": here}, before,
    )  # fmt: skip


def _forget(environ: dict[str, str]) -> None:
    shutil.rmtree(environ["REVGUARD_CACHE_DIR"], ignore_errors=True)


def add_branch(project: Project) -> None:
    """Stage a revision on a branch of its own, so that there is something that has not landed."""
    project.git("checkout", "-q", "-b", "mine")
    (project.folder / "revguard.toml").write_text('base = "main"\n')
    project.add_revision()
    project.git("add", "-A")


if __name__ == "__main__":
    sys.exit(main())
