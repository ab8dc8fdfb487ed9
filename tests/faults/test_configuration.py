"""Configuration, interpreter and driver as they should not be."""

import shutil
import sys
from pathlib import Path

import pytest

CASES = [
    pytest.param(b"tiemout = 3\n", ["revguard.toml: tiemout: unknown key", '"timeout"'], id="key"),
    pytest.param(b"timeout = 'soon'\n", ["revguard.toml: timeout:"], id="type"),
    pytest.param(b"timeout = \n", ["revguard.toml:1:11:"], id="syntax"),
    pytest.param(b"# caf\xe9\n", ["revguard.toml:1: is not written in UTF-8"], id="encoding"),
    pytest.param(
        b'[rules]\n"history/mising-revision" = "off"\n', ["history/missing-revision"], id="rule"
    ),
    pytest.param(b'[rules]\n"destructive/drop-table" = "no"\n', ["rules", '"off"'], id="severity"),
    pytest.param(b'database = "mysqll"\n', ["revguard.toml: database"], id="database"),
    pytest.param(b"[environments.shop]\nconfig = 'alembik.ini'\n",
                 ["revguard.toml: environments.shop", '"alembic.ini"'], id="config"),
    pytest.param(b"[environments.shop]\nconfig = 'alembic.ini'\nroot = 'src'\n",
                 ["environments.shop.root: src is no folder"], id="root"),
    pytest.param(b"[tool.revguard]\ntimeout = 3\n", ["without `[tool.revguard]`"], id="table"),
    pytest.param(b"environ = {A = 'b'}\n", ["[environments.NAME]"], id="place"),
    pytest.param(b"a = " + b"[" * 3000, ["revguard.toml"], id="deep"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "says"), CASES)
def test_wrong_configuration(shop, fails, content, says):
    shop.write("revguard.toml", content)
    shop.git("add", "-A")
    fails(shop, code=2, says=says)


def test_two_configurations(shop, fails):
    shop.write("pyproject.toml", "[tool.revguard]\ntimeout = 3\n")
    shop.git("add", "-A")
    fails(shop, code=2, says=["both pyproject.toml", "revguard.toml"])


def test_a_pyproject_that_is_broken(shop, fails):
    (shop.path / "revguard.toml").unlink()
    shop.write("pyproject.toml", "[tool.revguard\n")
    shop.git("add", "-A")
    fails(shop, code=2, says=["pyproject.toml:1:"])


def test_a_folder_where_the_configuration_should_be(shop, fails):
    (shop.path / "revguard.toml").unlink()
    shop.write("revguard.toml/x", "a folder\n")
    shop.git("add", "-A")
    said = fails(shop, code=2, says=["revguard.toml cannot be read: it is a folder"])
    assert "error" in said


def test_a_configuration_that_is_a_link(shop, fails):
    (shop.path / "revguard.toml").unlink()
    (shop.path / "revguard.toml").symlink_to("elsewhere.toml")
    shop.git("add", "-A")
    fails(shop, code=2, says=["revguard.toml is a symbolic link"])


def test_a_configuration_that_cannot_be_read(shop, fails, ordinary):
    shop.git("rm", "-q", "--cached", "revguard.toml")
    shop.git("commit", "-qm", "untracked")
    before = (shop.path / "revguard.toml").read_bytes()
    (shop.path / "revguard.toml").chmod(0)
    done = shop.run("check", before=ordinary)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "revguard.toml" in done.stderr
    assert "Permission denied" in done.stderr
    (shop.path / "revguard.toml").chmod(0o644)
    assert (shop.path / "revguard.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"script_location = x\n", ["alembic.ini:1"], id="no section"),
        pytest.param(b"[alembik]\nscript_location = m\n", ["no section [alembic]"], id="other"),
        pytest.param(b"[alembic]\n", ["names no script_location"], id="no location"),
        pytest.param(b"[alembic]\nscript_location = gone\n", ["gone", "env.py"], id="gone"),
    ],
)
def test_a_wrong_ini(shop, fails, content, says):
    shop.write("alembic.ini", content)
    shop.git("add", "-A")
    fails(shop, code=2, says=says)


def test_no_environment(shop, fails):
    shop.git("rm", "-qr", "alembic.ini", "migrations")
    fails(shop, code=2, says=["no alembic.ini", "`alembic init`"])


def test_several_candidates_of_which_none_will_do(shop, fails):
    ini = (shop.path / "alembic.ini").read_text()
    shop.git("rm", "-qr", "alembic.ini", "migrations")
    shop.write("template/{{ name }}/alembic.ini", ini)
    shop.write("tests/fixtures/alembic.ini", ini)
    (shop.path / "link").mkdir()
    (shop.path / "link/alembic.ini").symlink_to("../tests/fixtures/alembic.ini")
    shop.git("add", "-A")
    says = [
        "skipped",
        "template/{{ name }}/alembic.ini: lies in the folder of a template",
        "tests/fixtures/alembic.ini: has the script_location migrations, where no env.py",
        "link/alembic.ini: is a symbolic link",
    ]
    fails(shop, code=2, says=says)


def test_a_template_beside_the_environment_is_passed_over(shop):
    shop.write("{{ name }}/alembic.ini", "[alembic]\nscript_location = nowhere\n")
    shop.write("tests/fixtures/alembic.ini", "[alembic]\nscript_location = nowhere\n")
    shop.git("add", "-A")
    shop.change()
    code, report = shop.report("check")
    assert (code, [one["name"] for one in report["environments"]]) == (1, ["shop"])
    said = shop.run("doctor").stdout
    assert "tests/fixtures/alembic.ini: has the script_location" in " ".join(said.split())


def test_an_environment_that_is_not_there(shop, fails):
    fails(shop, "--env", "shopp", code=2, says=['no environment "shopp"', '"shop"'])


def fake(path, body):
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_an_interpreter_that_is_missing(shop, base, fails):
    shop.change()
    shop.configure(python=".venv/bin/python")
    shop.git("add", "-A")
    fails(shop, code=2, says=["python = .venv/bin/python", "is not there"])
    fails(shop, command="add", code=2, says=["is not there"])


def test_an_interpreter_that_is_too_old(shop, base, fails):
    shop.change()
    answer = '{"executable": "", "prefix": "", "base_prefix": "", "python": "2.7.18", "path": []}'
    python = fake(base / "python2", f"echo 'revguard-probe:{answer}'")
    shop.configure(python=python)
    shop.git("add", "-A")
    fails(shop, code=2, says=["python2", "is Python 2.7.18", "3.8 or later"])


def test_an_interpreter_that_does_not_start(shop, base, fails):
    shop.change()
    shop.configure(python=fake(base / "python3", "echo 'no such library' >&2; exit 127"))
    shop.git("add", "-A")
    fails(shop, code=2, says=["does not start (exit code 127): no such library"])


def empty_virtualenv(folder, packages=()):
    """A virtualenv with links to some of our packages."""
    import sysconfig
    import venv

    venv.EnvBuilder(symlinks=True).create(folder)
    (target,) = folder.glob("lib/python3*/site-packages")
    source = Path(sysconfig.get_path("purelib"))
    for path in source.iterdir():
        if path.name.lower().split("-")[0].split(".")[0] in packages:
            (target / path.name).symlink_to(path)
    return str(folder / "bin" / "python")


def test_an_interpreter_without_alembic(shop, base, fails):
    shop.change()
    python = empty_virtualenv(base / "venv")
    shop.configure(python=python)
    shop.git("add", "-A")
    says = [python, "has no Alembic and no SQLAlchemy", f"`{python} -m pip install alembic`"]
    fails(shop, code=2, says=says)


def test_an_alembic_that_does_not_import(shop, base, fails):
    shop.change()
    python = empty_virtualenv(base / "venv", ("sqlalchemy", "typing_extensions"))
    (packages,) = (base / "venv").glob("lib/python3*/site-packages")
    (packages / "alembic").mkdir()
    (packages / "alembic" / "__init__.py").write_text("__version__ = '1.13.0'\nimport mako\n")
    shop.configure(python=python)
    shop.git("add", "-A")
    says = [python, "cannot load Alembic", "No module named 'mako'", "pip install"]
    fails(shop, code=3, says=says)


def test_no_interpreter_at_all(shop, base):
    shop.change()
    shop.git("rm", "-qf", "revguard.toml")
    programs = base / "bin"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git"))
    python = Path(empty_virtualenv(base / "venv"))
    # our own interpreter has all, but a tool's virtualenv is not the project's
    environ = {"PATH": f"{python.parent}:{programs}", "UV_TOOL_DIR": sys.prefix}
    done = shop.run("check", environ=environ)
    assert done.returncode == 3, done.stdout + done.stderr
    said = " ".join(done.stderr.split())
    assert "no Python with Alembic and SQLAlchemy is found" in said
    assert f"{python} has no Alembic and no SQLAlchemy" in said
    assert f"`{python} -m pip install alembic`" in said


DRIVER_URLS = [
    pytest.param("postgresql+psycopg2://u@h/x", "psycopg2", "psycopg2-binary", id="psycopg2"),
    pytest.param("postgresql+pg8000://u@h/x", "pg8000", "pg8000", id="pg8000"),
    pytest.param("postgresql+psycopg://u@h/x", "psycopg", "'psycopg[binary]'", id="psycopg"),
]


@pytest.mark.parametrize(("url", "module", "package"), DRIVER_URLS)
def test_a_driver_that_is_missing(pg_shop, base, fails, url, module, package):
    pg_shop.change()
    needed = ("alembic", "sqlalchemy", "mako", "markupsafe", "typing_extensions", "greenlet")
    python = empty_virtualenv(base / "venv", needed)
    pg_shop.configure(python=python)
    ini = (pg_shop.path / "alembic.ini").read_text()
    pg_shop.write("alembic.ini", ini.replace("postgresql+psycopg2://nobody@db.invalid/app", url))
    pg_shop.git("add", "-A")
    says = [f"No module named '{module}'", "driver is missing", f"-m pip install {package}`"]
    fails(pg_shop, code=3, says=says)


IMPORTS = [
    pytest.param(
        "import logging.config\n"
        "logging.config.dictConfig({'version': 1, 'handlers': {'pretty': "
        "{'class': 'never_installed.Handler'}}, 'root': {'handlers': ['pretty']}})\n",
        ["Unable to configure handler", "because never_installed cannot be imported",
         "-m pip install never_installed`"],
        id="a logging handler",
    ),
    pytest.param(
        "try:\n    import greenlet_that_is_not_there\n"
        "except ImportError as error:\n    raise ImportError('it needs more') from error\n",
        ["it needs more", "because greenlet_that_is_not_there cannot be imported"],
        id="an import of an import",
    ),
    pytest.param(
        "raise ImportError('this version is too old')\n",
        ["env.py cannot run: ImportError: this version is too old"],
        id="no module",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "says"), IMPORTS)
def test_an_import_that_fails_behind_another_error(shop, fails, code, says):
    shop.change()
    env = (shop.path / "migrations" / "env.py").read_text()
    shop.write("migrations/env.py", code + env)
    shop.git("add", "-A")
    said = fails(shop, code=3, says=says)
    assert "pip install `" not in said


def test_a_generated_module_that_git_ignores(shop, fails):
    """Beside the module that imports it, wherever that lies."""
    shop.change()
    env = (shop.path / "migrations" / "env.py").read_text()
    shop.write("migrations/env.py", "import sys\nsys.path.insert(0, 'src')\nimport app\n" + env)
    shop.write("src/app/__init__.py", "from . import _build\n")
    shop.write(".gitignore", "_build.py\n")
    shop.git("add", "-A")
    shop.write("src/app/_build.py", "VERSION = 1\n")
    fails(shop, code=3, says=["src/app/_build.py is there but git ignores it", "git add -f"])


def test_a_dialect_that_nobody_serves(shop, fails):
    shop.change()
    ini = (shop.path / "alembic.ini").read_text()
    shop.write("alembic.ini", ini.replace("sqlite:///never.db", "mssql+pyodbc://u@h/x"))
    shop.git("add", "-A")
    said = fails(shop, code=3)
    assert "pyodbc" in said or "no mssql database can be had" in said
