"""action.yml, and every workflow that we show or write: clean for the linters that there are."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from revguard.init import workflow

REPOSITORY = Path(__file__).parents[2]
WORKFLOWS = sorted((REPOSITORY / "docs" / "workflows").glob("*.yml"))
PAGE = (REPOSITORY / "docs" / "action.md").read_text()
ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text())


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """What `revguard init` writes."""
    step = workflow.step(
        workflow.Project(home="", files=frozenset(), python="3.12", texts={}, remotes=())
    )
    path = tmp_path_factory.mktemp("init") / "revguard.yml"
    path.write_bytes(step.after)
    return path


@pytest.fixture
def linter(require):
    """`linter(name, ...)` runs one; it has to find nothing."""

    def run(name, *arguments):
        program = shutil.which(name, path=str(Path(sys.executable).parent))
        require(program, name)
        done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_actionlint(linter, written):
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or ""
    linter("actionlint", "-shellcheck", shellcheck, *WORKFLOWS, written)


def test_zizmor(linter, written):
    config = Path(__file__).with_name("zizmor.yml")
    every = (*WORKFLOWS, written, REPOSITORY / "action.yml")
    linter("zizmor", "--offline", "--no-progress", "--quiet", "--config", config, *every)


def test_schema(linter, written):
    kind = "--builtin-schema", "vendor.github-workflows"
    linter("check-jsonschema", *kind, *WORKFLOWS, written)
    linter("check-jsonschema", "--builtin-schema", "vendor.github-actions",
           REPOSITORY / "action.yml")  # fmt: skip


def test_the_page_shows_the_file():
    assert f"```yaml\n{(WORKFLOWS[0].parent / 'minimal.yml').read_text()}```" in PAGE


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow(path):
    """It is on the page, and gives and takes only what there is."""
    assert f"[{path.name}](workflows/{path.name})" in PAGE
    text = path.read_text()
    jobs = yaml.safe_load(text)["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    ours = [step for step in steps if step.get("uses", "").startswith("revguard/")]
    assert ours
    for step in ours:
        assert {*step.get("with", {})} <= {*ACTION["inputs"]}
        taken = re.findall(rf"steps\.{step.get('id', '-')}\.outputs\.([\w-]+)", text)
        assert {*taken} <= {*ACTION["outputs"]}


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_the_page_has_every_input_and_output(kind):
    for name in ACTION[kind]:
        assert f"`{name}`" in PAGE


def test_nothing_is_put_into_a_script():
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
        assert "uses" not in step
