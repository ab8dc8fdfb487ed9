"""Data moves left to right: who may import whom, what the worker may use, what must not load."""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import revguard
from revguard.rules import RULES

PACKAGE = Path(revguard.__file__).parent
REPOSITORY = PACKAGE.parents[1]

# A module imports only from those that stand before it. "" is revguard/__init__.py.
ORDER = [
    # shared by all: values and small tools
    *("", "errors", "phrases", "masking", "leftovers", "observed", "options", "verdict"),
    *("cachedir", "subprocesses", "scratch", "runs"),
    # the stages
    *("staging", "config", "environments", "project", "databases", "history"),
    *("declared", "records", "sources", "revision", "proof", "rules", "evaluation", "planning"),
    *("adding", "checkouts", "fast", "preparing", "pipeline", "reporters", "pulls", "configured"),
    *("rebasing", "squashing", "doctor", "init"),
    # the rim: everything is to its left
    *("terminal", "demo", "progress", "arguments", "commands", "rim", "cli", "action", "__main__"),
]
# Arrows that go the other way, each with its reason
LENT = {
    ("config", "rules"): "the ids that a configuration may name; loaded late",
    ("runs", "databases"): "how a dead run's container is removed; loaded late",
}
WORKER_MAY_USE = {"sqlalchemy", "alembic"}


class Arrow(NamedTuple):
    importer: str
    imported: str
    line: int
    runs: bool  # not only for the type checker


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
WORKER = {name: path for name, path in FILES.items() if name.startswith("revguard.worker")}
OURS = {name: path for name, path in FILES.items() if name not in WORKER}


def imports(name: str, path: Path) -> Iterator[Arrow]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            typing_only |= {id(one) for child in node.body for one in ast.walk(child)}
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        for imported in imported_by(node, package):
            yield Arrow(name, imported, node.lineno, id(node) not in typing_only)


def imported_by(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *filter(None, [base])])
        for alias in node.names:
            module = f"{base}.{alias.name}"
            yield module if module in FILES else base


@functools.cache
def arrows() -> list[Arrow]:
    """All imports of one of our modules by another, the late ones too."""
    return [
        arrow
        for name, path in OURS.items()
        for arrow in imports(name, path)
        if arrow.imported.partition(".")[0] == "revguard"
    ]


def family(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def test_every_module_has_its_place():
    assert {family(name) for name in OURS} - set(ORDER) == set()


def test_modules_import_from_their_left():
    wrong = [
        f"{arrow.importer}:{arrow.line} imports {arrow.imported}"
        for arrow in arrows()
        if family(arrow.importer) != family(arrow.imported)
        and ORDER.index(family(arrow.imported)) > ORDER.index(family(arrow.importer))
        and (family(arrow.importer), family(arrow.imported)) not in LENT
    ]
    assert wrong == []


def test_what_is_lent_is_used():
    used = {(family(arrow.importer), family(arrow.imported)) for arrow in arrows()}
    assert set(LENT) - used == set()


def test_there_is_no_cycle():
    graph: dict[str, set[str]] = {name: set() for name in OURS}
    for arrow in arrows():
        # a package may be imported by its own parts, as the face that they show
        inside_out = arrow.imported in (arrow.importer, arrow.importer.rpartition(".")[0])
        if arrow.runs and arrow.imported in graph and not inside_out:
            graph[arrow.importer].add(arrow.imported)
    while leaves := {name for name, needs in graph.items() if not needs & set(graph)}:
        graph = {name: needs for name, needs in graph.items() if name not in leaves}
    assert graph == {}


@pytest.mark.parametrize("name", WORKER)
def test_the_worker_is_a_guest(name):
    foreign = [
        arrow.imported
        for arrow in imports(name, WORKER[name])
        if arrow.imported.partition(".")[0] not in WORKER_MAY_USE | sys.stdlib_module_names
        and arrow.imported not in WORKER
    ]
    assert foreign == []


@pytest.mark.parametrize("name", WORKER)
def test_the_worker_speaks_the_oldest_python(name):
    ast.parse(WORKER[name].read_text(encoding="utf-8"), feature_version=(3, 8))


def test_nobody_imports_the_worker():
    assert [arrow for arrow in arrows() if family(arrow.imported) == "worker" and arrow.runs] == []


HEAVY = ("argparse", "dataclasses", "git", "sqlalchemy", "alembic", "docker", "pygments", "json")


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(PACKAGE.parent)},
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


LIGHT = ("cli", "fast", "checkouts", "cachedir")


@pytest.mark.parametrize("module", [f"revguard.{name}" for name in LIGHT])
def test_the_quick_way_out_loads_nothing_heavy(module):
    assert loaded_by(f"import {module}") & {*HEAVY} - {"json"} == set()


def test_the_command_line_needs_no_package_but_our_own():
    # with -S there are no others: whatever was needed would fail
    assert "argparse" in loaded_by("from revguard.cli import main; main(['cache', 'show'])")


def rule_pages() -> set[str]:
    folder = PACKAGE / "rules" / "pages"
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.md")}


CHECKED = [rule for rule in RULES.values() if not rule.reserved]


def test_every_rule_has_a_page_and_every_page_a_rule():
    assert rule_pages() == {rule.id for rule in CHECKED}


@pytest.mark.parametrize("rule", CHECKED, ids=lambda rule: rule.id)
def test_a_page_says_what_it_must(rule):
    text = (PACKAGE / "rules" / "pages" / f"{rule.id}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {rule.id}\n\nDefault: `{rule.severity}`\n")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        *("## What it says", "## Example", "## How to mend it", "## How to silence it"),
    ]
    assert all(len(line) <= 100 for line in text.splitlines())


def test_every_rule_is_in_the_index_of_the_documentation():
    index = (REPOSITORY / "docs" / "rules" / "README.md").read_text(encoding="utf-8")
    for rule in CHECKED:
        link = f"../../hooks/revguard/rules/pages/{rule.id}.md"
        assert f"[{rule.id}]({link}) | {rule.severity} | {rule.summary} |" in index
