"""Whatever way the project is installed, its modules come from the tree that is judged."""

import os
import subprocess
import sys
import sysconfig
import textwrap

import pytest

SETUPTOOLS = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "shop"
version = "0.1"
[tool.setuptools.packages.find]
where = ["{where}"]
include = ["shop*"]
namespaces = true
"""
HATCHLING = """\
[build-system]
requires = ["hatchling"{more}]
build-backend = "hatchling.build"
[project]
name = "shop"
version = "0.1"
[tool.hatch.build.targets.wheel]
packages = ["{where}shop"]
"""
EXACT = "[tool.hatch.build]\ndev-mode-exact = true\n"

# pyproject.toml, where the package is, arguments of `pip install`
INSTALLATIONS = {
    "not at all": (None, "", ()),
    "not at all, src": (None, "src/", ()),
    "setuptools, finder": (SETUPTOOLS.format(where="."), "", ("-e",)),
    "setuptools, pth": (SETUPTOOLS.format(where="src"), "src/", ("-e",)),
    "setuptools, links": (
        SETUPTOOLS.format(where="src"),
        "src/",
        ("--config-settings", "editable_mode=strict", "-e"),
    ),
    "setuptools, namespace": (SETUPTOOLS.format(where="."), "", ("-e",)),
    "hatchling, pth": (HATCHLING.format(where="src/", more=""), "src/", ("-e",)),
    "editables": (HATCHLING.format(where="", more=', "editables"') + EXACT, "", ("-e",)),
    "a copy": (SETUPTOOLS.format(where="."), "", ()),
    "a copy, src": (SETUPTOOLS.format(where="src"), "src/", ()),
}


@pytest.fixture
def bare_virtualenv(tmp_path):
    """An empty virtualenv that sees the packages of the one that runs the tests."""
    folder = tmp_path / "virtualenv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    with open(os.path.join(site.stdout.strip(), "00_shared.pth"), "w") as stream:
        stream.write(sysconfig.get_path("purelib") + "\n")
    return python


def install(python, folder, arguments):
    argv = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps"]
    argv.append("--no-build-isolation")  # the builders are here, and need not be fetched each time
    done = subprocess.run([*argv, *arguments, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def move(shop, where):
    if where:
        (shop.folder / where).mkdir(parents=True)
        (shop.folder / "shop").rename(shop.folder / where / "shop")
    return shop.folder / where / "shop" / "models.py"


@pytest.mark.parametrize("name", INSTALLATIONS)
def test_modules_come_from_the_staged_tree(name, make_shop, bare_virtualenv):
    pyproject, where, arguments = INSTALLATIONS[name]
    shop = make_shop(python=bare_virtualenv)
    models = move(shop, where)
    if "namespace" in name:
        models.with_name("__init__.py").unlink()
    shop.write(".gitignore", "*.egg-info\nbuild\n__pycache__\n")
    if pyproject:
        shop.write("pyproject.toml", pyproject)
        install(bare_virtualenv, shop.folder, arguments)
    shop.commit("start")
    clean = models.read_text()
    code, report = shop.judge()
    assert (code, report.get("error")) == (0, None)
    models.write_text(clean + "    email = sa.Column(sa.String(100))\n")
    shop.stage()
    models.write_text("raise RuntimeError('this is the working tree')\n")
    code, report = shop.judge("check", "--no-cache")
    assert (code, report.get("error")) == (1, None)
    assert [change["object"] for change in report["changes"]] == ["users.email"]


@pytest.mark.parametrize("name", ["types", "logging", "queue"])
@pytest.mark.parametrize("more", ["", "prepend_sys_path = .\n"], ids=["", "prepended"])
def test_a_folder_named_like_the_standard_library(name, more, make_shop):
    """What is there when the project starts is the standard library's."""
    shop = make_shop(more=more)
    shop.write(f"{name}/__init__.py", "raise RuntimeError('not the standard library')\n")
    shop.commit("start")
    shop.add_column()
    code, report = shop.judge()
    assert (code, report.get("error")) == (1, None)
    assert [finding["rule"] for finding in report["findings"]] == ["history/missing-revision"]


@pytest.mark.parametrize("package", [False, True], ids=["folder", "package"])
@pytest.mark.parametrize("more", ["", "prepend_sys_path = .\n"], ids=["", "prepended"])
def test_migrations_in_a_folder_named_alembic(package, more, make_shop):
    shop = make_shop(more=more)
    (shop.folder / "migrations").rename(shop.folder / "alembic")
    ini = shop.folder / "alembic.ini"
    ini.write_text(ini.read_text().replace("= migrations", "= alembic"))
    if package:
        shop.write("alembic/__init__.py", "")
        shop.write("alembic/versions/__init__.py", "")
    shop.commit("start")
    shop.add_column()
    code, report = shop.judge("add")
    assert (code, report.get("error")) == (0, None)
    assert report["new_revisions"][0]["path"].startswith("alembic/versions/")


def test_env_in_another_folder_than_the_models(make_shop):
    """The ini in a subfolder, the models at the top: what worked is used."""
    shop = make_shop()
    for part in ("migrations", "alembic.ini"):
        (shop.folder / "db").mkdir(exist_ok=True)
        (shop.folder / part).rename(shop.folder / "db" / part)
    ini = shop.folder / "db" / "alembic.ini"
    ini.write_text(ini.read_text().replace("= migrations", "= %(here)s/migrations"))
    shop.commit("start")
    shop.add_column()
    code, report = shop.judge()
    assert (code, report.get("error")) == (1, None)


def test_a_path_that_env_adds(make_shop):
    """env.py that adds the working tree itself gets the checkout."""
    shop = make_shop()
    (shop.folder / "lib").mkdir()
    (shop.folder / "shop").rename(shop.folder / "lib" / "shop")
    start = f"""
    import sys
    sys.path.insert(0, {str(shop.folder / "lib")!r})
    """
    shop.write("migrations/env.py", textwrap.dedent(start) + make_shop.ENV)
    shop.commit("start")
    models = shop.folder / "lib" / "shop" / "models.py"
    clean = models.read_text()
    models.write_text(clean + "    email = sa.Column(sa.String(100))\n")
    shop.stage()
    models.write_text("raise RuntimeError('this is the working tree')\n")
    code, report = shop.judge()
    assert (code, report.get("error")) == (1, None)
