"""action.yml, and every workflow that we show or write: clean for the linters that there are."""

import itertools
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from revguard.init import hookentry, workflow

REPOSITORY = Path(__file__).parents[2]
WORKFLOWS = sorted((REPOSITORY / "docs" / "workflows").glob("*.yml"))
PAGE = (REPOSITORY / "docs" / "action.md").read_text()
ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text())
PAGES = sorted(
    path
    for folder, pattern in (("", "*.md"), ("docs", "**/*.md"), ("hooks", "**/*.md"))
    for path in (REPOSITORY / folder).glob(pattern)
)
YAML = re.compile(r"^```ya?ml\n(.*?)^```", re.MULTILINE | re.DOTALL)
# steps of a job, as a page shows them
AROUND = """\
name: shown
on: pull_request
permissions: {}
concurrency:
  group: shown
  cancel-in-progress: true
jobs:
  shown:
    runs-on: ubuntu-latest
    permissions:
      contents: read
    steps:
"""
FILES = ((), ("uv.lock",), ("poetry.lock",), ("requirements.txt",), ("pyproject.toml",))


def blocks():
    """{place: text} of each block of YAML on a page."""
    found = {}
    for path in PAGES:
        for number, text in enumerate(YAML.findall(path.read_text())):
            found[f"{path.relative_to(REPOSITORY)}-{number + 1}"] = textwrap.dedent(text)
    return found


def kind(text):
    """What a block is for."""
    data = yaml.safe_load(text)
    if isinstance(data, list):
        return "steps"
    for name in ("jobs", "repos", "services"):
        if name in data:
            return name
    return "gitlab" if any("script" in one for one in data.values()) else "another"


BLOCKS = {place: (kind(text), text) for place, text in blocks().items()}


def workflow_of(kind, text):
    return text if kind == "jobs" else AROUND + textwrap.indent(text, "      ")


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """What `revguard init` writes, for each way of installing a project; and what pages show."""
    folder = tmp_path_factory.mktemp("written")
    for release, home, names in itertools.product((True, False), ("", "services/a b"), FILES):
        files = frozenset(f"{home}/{name}" if home else name for name in names)
        project = workflow.Project(home=home, files=files, python="3.12", texts={}, remotes=())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hookentry, "is_release", lambda release=release: release)
            text = workflow.step(project).after
        (folder / f"init-{release}-{len(home)}-{'-'.join(names)}.yml").write_bytes(text)
    for place, (kind, text) in BLOCKS.items():
        if kind in ("jobs", "steps"):
            (folder / f"{place.replace('/', '-')}.yml").write_text(workflow_of(kind, text))
    return sorted(folder.glob("*.yml"))


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
    linter("actionlint", "-shellcheck", shellcheck, *WORKFLOWS, *written)


def test_zizmor(linter, written):
    config = Path(__file__).with_name("zizmor.yml")
    every = (*WORKFLOWS, *written, REPOSITORY / "action.yml")
    linter("zizmor", "--offline", "--no-progress", "--quiet", "--config", config, *every)


def test_schema(linter, written):
    kind = "--builtin-schema", "vendor.github-workflows"
    linter("check-jsonschema", *kind, *WORKFLOWS, *written)
    linter("check-jsonschema", "--builtin-schema", "vendor.github-actions",
           REPOSITORY / "action.yml")  # fmt: skip


def test_gitlab(linter, tmp_path):
    shown = [text for kind, text in BLOCKS.values() if kind == "gitlab"]
    assert shown
    for number, text in enumerate(shown):
        (tmp_path / f"{number}.yml").write_text(text)
    linter("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", *tmp_path.glob("*.yml"))


def test_every_block_is_of_a_known_kind():
    """So that none is left out: a workflow, steps of one, GitLab's, pre-commit's, compose's."""
    assert {kind for kind, _ in BLOCKS.values()} <= {"jobs", "steps", "gitlab", "repos", "services"}
    assert [place for place, (kind, _) in BLOCKS.items() if kind == "steps"]
    for place, (kind, text) in BLOCKS.items():
        assert kind in ("jobs", "steps") or "uses:" not in text, place


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
