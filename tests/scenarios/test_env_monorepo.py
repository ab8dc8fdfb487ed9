"""Many environments in one repository: uv workspaces, siblings that are imported, and which run."""

import sys

import pytest

from . import machine, walkthrough
from .shop import EMAIL, MODELS, Shop, environment, files

COMMON = "libs/common/src/common"
WORKSPACE = '[tool.uv.workspace]\nmembers = ["libs/*", "services/*"]\n'


def virtualenv_at(folder, *paths):
    """A virtualenv with what the shared one has, and these folders as `uv sync` has them."""
    machine.run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    shared = machine.virtualenv(*machine.PROJECT_NEEDS)
    (site,) = folder.glob("lib/python*/site-packages")
    (packages,) = shared.glob("lib/python*/site-packages")
    (site / "members.pth").write_text("".join(f"{path}\n" for path in (packages, *paths)))


def service(name, models="common.models"):
    made = environment("sqlite:///shop.db", models=models)
    made["migrations/versions/0001_first.py"] = files()["migrations/versions/0001_first.py"]
    made["pyproject.toml"] = f'[project]\nname = "{name}"\n'
    return {f"services/{name}/{path}": text for path, text in made.items()}


@pytest.fixture
def workspace(tmp_path):
    """A workspace: a library of models, and services whose env.py imports it."""

    def make(services, more=()):
        path = tmp_path / "shop"
        path.mkdir()
        one = Shop(path, tmp_path / "none")
        one.environ = machine.plain_environ()
        one.git("init", "-q")
        one.write({
            "pyproject.toml": WORKSPACE, ".gitignore": ".venv/\n__pycache__/\n*.db\n",
            f"{COMMON}/__init__.py": "", f"{COMMON}/models.py": MODELS,
            **{path: text for name in services for path, text in service(name).items()},
            **dict(more),
        })  # fmt: skip
        one.commit_all("first")
        return one

    return make


@pytest.mark.parametrize("shared", [True, False], ids=["one .venv at the top", "one .venv each"])
def test_a_uv_workspace_whose_members_import_a_sibling(shared, workspace, reports):
    """What is judged is the sibling of the commit, though it is installed from the working tree."""
    one = workspace(["billing", "stock"])
    for folder in ["."] if shared else ["services/billing", "services/stock"]:
        virtualenv_at(one.path / folder / ".venv", one.path / "libs/common/src")
    walkthrough.passes(one, reports)
    one.model("users", EMAIL, f"{COMMON}/models.py")
    assert walkthrough.passes(one, reports)["tree"]  # nothing is staged
    one.git("add", "-A")
    report = walkthrough.blocks(one, reports)
    assert [env["name"] for env in report["environments"]] == ["billing", "stock"]
    added = walkthrough.adds(one, reports)
    assert [path.split("/")[1] for path in added] == ["billing", "stock"]
    walkthrough.passes(one, reports)


def test_of_many_environments_the_affected_run(workspace, reports):
    names = [f"service{number}" for number in range(6)]
    own = {f"services/{name}/{name}/models.py": MODELS for name in names[:5]}
    one = workspace(names[5:], {
        **own, **{f"services/{name}/{name}/__init__.py": "" for name in names[:5]},
        **{path: text for name in names[:5]
           for path, text in service(name, f"{name}.models").items()},
    })  # fmt: skip
    virtualenv_at(one.path / ".venv", one.path / "libs/common/src")
    assert len(walkthrough.passes(one, reports)["environments"]) == 6
    for name in names[1:3]:
        one.model("users", EMAIL, f"services/{name}/{name}/models.py")
    one.git("add", "-A")
    report = walkthrough.blocks(one, reports)
    assert [env["name"] for env in report["environments"]] == names[1:3]
    assert [path.split("/")[1] for path in walkthrough.adds(one, reports)] == names[1:3]


@pytest.mark.parametrize(
    ("imported", "code", "said"),
    [
        ("nowhere", 3, "No module named 'nowhere'"),
        ("shop.views", 0, ""),
    ],
    ids=["what no folder has", "what its folder has"],
)
def test_a_package_of_the_same_name_at_the_top(imported, code, said, tmp_path, reports):
    """It is not judged with the models of another."""
    path = tmp_path / "shop"
    path.mkdir()
    one = Shop(path, tmp_path / "none")
    one.git("init", "-q")
    other = {f"stock/{path}": text for path, text in files().items()}
    other["stock/shop/models.py"] = f"import {imported}\n{MODELS}"
    one.write({**files(), **other})
    one.commit_all("first")
    done = one.revguard("check", "--all", "--env", "stock", "--format", "json")
    report = reports.read(done)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in str(report["environments"][0])
