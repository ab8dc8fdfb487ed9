"""What a change can affect, by names of files and imports, and by what earlier runs saw."""

import datetime
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from revguard import rim
from revguard.evaluation import choosing
from revguard.evaluation.recorded import Recorded
from revguard.options import Options
from revguard.planning import plan
from revguard.planning.source import Import, Source
from revguard.planning.tree import Sources, Tree
from revguard.records import Record
from revguard.staging import repository
from revguard.staging.trees import Entry

INI = "[alembic]\nscript_location = migrations\nsqlalchemy.url = sqlite://\n"


def service(name, env=None, ini=INI, **more):
    """The files of one service; `more` are modules of its package."""
    base = f"services/{name}"
    modules = {"models": "from common.base import Base\n", "__init__": "", **more}
    return {
        f"{base}/alembic.ini": ini,
        f"{base}/migrations/env.py": env or f"import {name}.models\n",
        f"{base}/migrations/versions/1.py": "revision = '1'\n",
        **{f"{base}/{name}/{module}.py": text for module, text in modules.items()},
    }


FILES = {
    **service("billing", tables="from libs.money import Money\n"),
    **service("stock"),
    **service("audit", models="import json\n"),
    "common/base.py": "from . import types\n",
    "common/__init__.py": "",
    "common/types.py": "from pathlib import Path\n",
    "common/alone.py": "",
    "libs/money/__init__.py": "",
    "tools/report.py": "print()\n",
    "docs/index.md": "billing\n",
    "pyproject.toml": "",
    "services/stock/requirements.txt": "",
}
TABLE = "class X(Base):\n    __tablename__ = 'x'\n"
ALL = "audit billing stock"


@pytest.fixture
def repository_of(tmp_path, cache_dir):
    """`repository_of(files)`: they are committed."""

    def make(files):
        folder = tmp_path / "repo"
        folder.mkdir()
        git(folder, "init", "-q")
        write(folder, files)
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "first")
        return folder

    return make


def git(folder, *words):
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)


def write(folder, files):
    for path, text in files.items():
        place = folder / path
        if text is None:
            place.unlink()
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            place.symlink_to(text[3:])
        else:
            place.write_text(text)


def planned(folder, **options):
    found = plan(Options(
        command="plan", directory=str(folder), environ=os.environ,
        today=datetime.date(2026, 1, 2), **options,
    ))  # fmt: skip
    return {one.name: one for one in found.environments}


def affected(folder, **options):
    return " ".join(sorted(n for n, one in planned(folder, **options).items() if one.affected))


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        pytest.param({"services/billing/billing/models.py": "x = 1\n"}, "billing", id="model"),
        pytest.param({"services/billing/migrations/versions/2.py": ""}, "billing", id="revision"),
        pytest.param({"services/billing/alembic.ini": INI + "x = 1\n"}, "billing", id="ini"),
        pytest.param({"services/stock/data.csv": ""}, "stock", id="new file in the root"),
        pytest.param({"services/stock/stock/models.py": None}, "stock", id="deleted"),
        pytest.param({"common/base.py": "x = 1\n"}, "billing stock", id="imported"),
        pytest.param({"common/types.py": ""}, "billing stock", id="imported by an imported one"),
        pytest.param({"common/__init__.py": "x = 1\n"}, "billing stock", id="its package"),
        pytest.param({"common/types.py": None}, "billing stock", id="imported, deleted"),
        pytest.param({"libs/money/__init__.py": "x = 1\n"}, "billing", id="package"),
        pytest.param({"services/stock/requirements.txt": "x"}, "stock", id="requirements"),
        pytest.param({"uv.lock": ""}, ALL, id="lock file of all"),
        pytest.param({"pyproject.toml": "[tool.x]\n"}, ALL, id="pyproject of all"),
        pytest.param({"revguard.toml": ""}, ALL, id="settings"),
        pytest.param({"other/models.py": TABLE}, ALL, id="a table of nobody's"),
        pytest.param({"common/alone.py": TABLE}, ALL, id="a table where there was none"),
        pytest.param({**service("new")}, "new", id="new environment"),
        pytest.param({"services/audit/audit/models.py": "import stock\n"}, "audit", id="import"),
        pytest.param({"docs/index.md": "x\n"}, "", id="not: documentation"),
        pytest.param({"README.md": "x\n"}, "", id="not: a new file at the top"),
        pytest.param({"tools/report.py": "x = 1\n"}, "", id="not: a script"),
        pytest.param({"tools/report.py": TABLE}, "", id="not: a table of a tool"),
        pytest.param({"common/alone.py": "x = 1\n"}, "", id="not: what nobody imports"),
        pytest.param({}, "", id="not: nothing"),
    ],
)  # fmt: skip
def test_what_is_affected_where_nothing_is_known(repository_of, changed, names):
    folder = repository_of(FILES)
    write(folder, changed)
    git(folder, "add", "-A")
    assert affected(folder) == names


@pytest.mark.parametrize(
    ("files", "changed", "hit"),
    [
        pytest.param(
            {"services/a/a/models.py": "import importlib\nimportlib.import_module('plug.one')\n",
             "plug/one.py": "", "plug/two.py": ""},
            "plug/one.py", True, id="imported by a text",
        ),
        pytest.param(
            {"services/a/a/models.py": "import shop\n", "shop/__init__.py": "import pkgutil\n",
             "shop/deep/x.py": ""},
            "shop/deep/x.py", True, id="walked packages",
        ),
        pytest.param(
            {"services/a/a/models.py": "import shop\n", "shop/__init__.py": "open(p)\n",
             "shop/data/x.yml": ""},
            "shop/data/x.yml", True, id="files of a package that reads some",
        ),
        pytest.param(
            {"services/a/a/models.py": "import shop\n", "shop/__init__.py": "",
             "shop/data/x.yml": ""},
            "shop/data/x.yml", False, id="not: files of one that reads none",
        ),
        pytest.param(
            {"services/a/migrations/versions/1.py": "load('../sql/views.sql')\n",
             "sql/views.sql": ""},
            "sql/views.sql", True, id="mentioned",
        ),
        pytest.param(
            {"services/a/migrations/versions/1.py": "load(f'{name}.sql')\n", "sql/views.sql": ""},
            "sql/views.sql", True, id="mentioned by its ending",
        ),
        pytest.param({"sql/views.sql": ""}, "sql/views.sql", False, id="not: mentioned nowhere"),
        pytest.param(
            {"services/a/shared": "-> ../../shared", "shared/x.txt": ""},
            "shared/x.txt", True, id="behind a link",
        ),
        pytest.param(
            {"services/a/a/models.py": "from dep.sub import (  # why\n    one,\n    two,\n)\n",
             "packages/dep/src/dep/sub/two.py": ""},
            "packages/dep/src/dep/sub/two.py", True, id="installed from the repository",
        ),
        pytest.param(
            {"services/a/a/models.py": "import models\n", "services/a/models.py": "",
             "services/b/models.py": ""},
            "services/b/models.py", False, id="not: another one of the same name",
        ),
        pytest.param(
            {"services/a/a/models.py": "try: import one\nexcept ImportError: import two; x\n",
             "two.py": ""},
            "two.py", True, id="on a line with others",
        ),
        pytest.param(
            {"revguard.toml": "[environments.a]\nconfig = 'services/a/alembic.ini'\n"
             "watch = ['schema/**/*.txt']\n", "schema/deep/x.txt": ""},
            "schema/deep/x.txt", True, id="watched",
        ),
        pytest.param(
            {"revguard.toml": "[environments.a]\nconfig = 'services/a/alembic.ini'\n"
             "bootstrap = 'ci/boot.sql'\n", "ci/boot.sql": ""},
            "ci/boot.sql", True, id="bootstrap",
        ),
    ],
)  # fmt: skip
def test_what_reaches_further(repository_of, files, changed, hit):
    folder = repository_of({**service("a", models=""), **files})
    write(folder, {changed: "changed = 1\n"})
    git(folder, "add", "-A")
    assert affected(folder) == ("a" if hit else "")


@pytest.mark.parametrize(
    ("ini", "because"),
    [
        pytest.param(INI.replace("migrations", "%(place)s/x"), True, id="a location of variables"),
        pytest.param(INI, False, id="not: a plain one"),
    ],
)
def test_what_only_a_run_can_tell_is_affected(repository_of, ini, because):
    folder = repository_of(service("a", ini=ini))
    write(folder, {"README.md": "x\n"})
    git(folder, "add", "-A")
    (one,) = planned(folder).values()
    assert (one.affected, "only a run" in one.unknown) == (because, because)
    git(folder, "reset", "-q")
    (one,) = planned(folder).values()
    assert not one.affected


def test_an_environment_at_the_top_is_not_affected_by_all(repository_of):
    top = {
        "alembic.ini": INI,
        "migrations/env.py": "from app.models import Base\n",
        "migrations/versions/1.py": "",
        "app/__init__.py": "",
        "app/models.py": "",
        "app/views.py": "",
    }
    folder = repository_of(top)
    for path, hit in (("README.md", ""), ("app/views.py", ""), ("app/models.py", "repo")):
        write(folder, {path: "x = 1\n"})
        git(folder, "add", "-A")
        assert affected(folder) == hit


def test_a_first_commit_affects_all(tmp_path, cache_dir):
    git(tmp_path, "init", "-q")
    write(tmp_path, service("a"))
    git(tmp_path, "add", "-A")
    (one,) = planned(tmp_path).values()
    assert one.unknown


def test_ranges_trees_and_names(repository_of):
    folder = repository_of(FILES)
    git(folder, "checkout", "-qb", "branch")
    for path in ("services/billing/billing/models.py", "services/stock/stock/models.py"):
        write(folder, {path: "x = 1\n"})
        git(folder, "commit", "-qam", path)
    assert affected(folder) == ""
    assert affected(folder, from_ref="main", to_ref="branch") == "billing stock"
    assert affected(folder, tree="branch") == "stock"
    assert affected(folder, from_ref="main", environments=("billing",)) == "billing"
    assert affected(folder, all=True) == ALL


def record_of(folder, name, **observed):
    """Keep a record of an environment at HEAD, as a run of env.py leaves it."""
    options = Options(directory=str(folder), environ=os.environ, today=datetime.date(2026, 1, 2))
    target = choosing.choose(options, repository.find(str(folder), os.environ))
    subject = choosing.subject_of(target, choosing.settings_of(target), options)
    found, _ = choosing.discovered(subject, choosing.settings_of(target), options)
    one = next(each for each in found if each.name == name)
    seen = {"files": [], "folders": {}, "roots": [], "attempted": [], "absent": [], **observed}
    record = Record(tree=subject.tree, observed=seen, settings="", digest=None, drift=())
    Recorded(subject, found, enabled=True).of(one).save(record)
    assert replace(record, tree="x") != record
    assert asdict(record)["observed"] == seen


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"docs/index.md": "x\n"}, "billing"),  # it was read, which no name tells
        ({"services/billing/unread.txt": "x\n"}, ""),  # it was not, though it lies in the root
        ({"services/stock/stock/models.py": "x = 1\n"}, "stock"),
    ],
    ids=["read", "not read", "another's"],
)
def test_what_a_run_saw_counts_more_than_names(repository_of, changed, names):
    folder = repository_of(FILES)
    record_of(folder, "billing", files=["docs/index.md"])
    write(folder, changed)
    git(folder, "add", "-A")
    assert affected(folder) == names
    assert affected(folder, no_cache=True) != names or "stock" in names


def test_a_record_of_another_commit_adds_to_the_names(repository_of):
    folder = repository_of(FILES)
    record_of(folder, "billing", files=["docs/index.md"])
    write(folder, {"docs/index.md": "new\n"})  # so the record speaks for no parent
    git(folder, "commit", "-qam", "second")
    write(folder, {"docs/index.md": "newer\n"})
    git(folder, "add", "-A")
    assert affected(folder) == "billing"


def test_the_matrix_is_one_line(repository_of, capsys):
    folder = repository_of(FILES)
    words = ["-C", str(folder), "plan", "--github-matrix"]
    assert rim.run(words) == 0
    assert capsys.readouterr().out == '{"include": []}\n'
    write(folder, {"services/billing/x": ""})
    git(folder, "add", "-A")
    assert rim.run(words) == 0
    assert capsys.readouterr().out == (
        '{"include": [{"environment": "billing", "config": "services/billing/alembic.ini"}]}\n'
    )


def test_text_and_json(repository_of, capsys):
    folder = repository_of(FILES)
    write(folder, {f"services/billing/n{n}.txt": "" for n in range(5)})
    git(folder, "add", "-A")
    assert rim.run(["-C", str(folder), "plan"]) == 0
    assert capsys.readouterr().out == (
        "billing  services/billing/alembic.ini\n  services/billing/n0.txt\n"
        "  services/billing/n1.txt\n  services/billing/n2.txt\n"
        "  and 2 files more; `-v` shows them all\n"
        "1 of 3 environments affected\n"
    )
    assert rim.run(["-C", str(folder), "plan", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["version"], len(found["tree"])) == (1, 40)
    assert [one["name"] for one in found["environments"] if one["affected"]] == ["billing"]
    assert found["environments"][0] == {
        "name": "audit", "config": "services/audit/alembic.ini", "affected": False,
        "because": [], "unknown": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a.b as c, d\n", [(0, "a.b", ""), (0, "as", ""), (0, "c", ""), (0, "d", "")]),
        ("from ..a import b as c\n", [(2, "a", "b as c")]),
        ("from . import (\n    x,  # y\n    z\n)\n", [(1, "", "x y z")]),
        ("from a import b, \\\n    c\n", [(0, "a", "b c")]),
        ("x = 1  # import nothing\n", []),
        ("important = 1\n", []),
    ],
)
def test_imports_are_read(text, found):
    expected = [Import(level, tuple(filter(None, module.split("."))), tuple(names.split()))
                for level, module, names in found]  # fmt: skip
    assert list(Source(text.encode()).imports) == expected


@pytest.mark.parametrize(
    ("files", "changed"),
    [
        pytest.param(
            {"services/a/a/models.py": "import one\n", "one.py": "-> real/two.py",
             "real/two.py": ""},
            "real/two.py", id="a module that is a link",
        ),
        pytest.param(
            {"services/a/a/models.py": "import lib.x\n", "services/a/lib": "-> ../../real",
             "real/x.py": "import further\n", "further.py": ""},
            "further.py", id="imported behind a link",
        ),
    ],
)  # fmt: skip
def test_links_are_followed(repository_of, files, changed):
    folder = repository_of({**service("a", models=""), **files})
    write(folder, {changed: "changed = 1\n"})
    git(folder, "add", "-A")
    assert affected(folder) == "a"


def test_a_submodule_affects_all(repository_of, tmp_path):
    folder = repository_of({**service("a", models=""), **service("b", models="")})
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    git(other, "commit", "-qm", "x", "--allow-empty")
    git(folder, "submodule", "--quiet", "add", str(other), "vendor.py")
    git(folder, "reset", "-q", ".gitmodules")
    assert affected(folder) == "a b"
    git(folder, "commit", "-qm", "with it")
    write(folder, {"services/a/a/models.py": "import vendor\n"})
    git(folder, "add", "services")
    assert affected(folder) == "a"


def test_a_merge_in_progress_affects_what_neither_side_knows(repository_of):
    folder = repository_of(FILES)
    git(folder, "checkout", "-qb", "branch")
    write(folder, {"services/billing/billing/models.py": "x = 1\n"})
    git(folder, "commit", "-qam", "billing")
    git(folder, "checkout", "-q", "main")
    write(folder, {"services/stock/stock/models.py": "x = 1\n"})
    git(folder, "commit", "-qam", "stock")
    git(folder, "merge", "-q", "--no-commit", "--no-ff", "branch")
    assert affected(folder) == ""
    write(folder, {"services/audit/audit/models.py": "x = 1\n"})
    git(folder, "add", "-A")
    assert affected(folder) == "audit"


def test_it_works_from_any_folder_and_imports_nothing(repository_of):
    folder = repository_of(service("a", env="raise SystemExit('imported')\n"))
    write(folder, {"services/a/x": ""})
    git(folder, "add", "-A")
    assert affected(folder / "services/a/a") == "a"


NAMES = ("one", "two", "three", "four", "five")
PLACES = [f"{folder}{name}.py" for folder in ("", "pack/", "pack/deep/") for name in NAMES]
PACKAGES = {"pack/__init__.py": "", "pack/deep/__init__.py": ""}
FORMS = (
    "import {top}\n",
    "import json, {top} as other\n",
    "from pack import {name}\n",
    "from pack.deep import (\n    {name},  # why\n)\n",
    "from pack import deep\nfrom .deep import {name}\n",
    "from . import {name}\n",
    "from .. import {name}\n",
    "from .{name} import *\n",
    "import importlib; importlib.import_module('pack.{name}')\n",
    "if True: import {top}; import pack.deep.{name}\n",
    "try:\n    from pack.deep import {name} as x, \\\n        deepest\nexcept ImportError: pass\n",
    "class A:\n    def f():\n        import {top}\n    f()\n",
)
LOADED = """
import sys, os
before = {*sys.modules}
try:
    import start
except Exception:
    pass
for name in {*sys.modules} - before:
    path = getattr(sys.modules[name], "__file__", None) or ""
    if path.startswith(os.getcwd()): print(os.path.relpath(path))
"""


@given(data=st.data())
@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_python_loads_is_reached(tmp_path_factory, data):
    forms = st.sampled_from(FORMS)
    texts = {
        path: "".join(
            data.draw(forms).format(top=name, name=data.draw(st.sampled_from(NAMES)))
            for name in data.draw(st.lists(st.sampled_from(NAMES), max_size=2))
        )
        for path in PLACES
    }
    folder = tmp_path_factory.mktemp("loaded")
    start = "".join(f"try: import {name}\nexcept Exception: pass\n" for name in NAMES[:2])
    write(folder, {**PACKAGES, **texts, "start.py": start})
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=folder, check=True, capture_output=True, text=True
    )
    loaded = {*done.stdout.split()} - {"start.py"}
    listing = {path: Entry("100644", path) for path in (*PACKAGES, *texts, "start.py")}
    sources = Sources(None)
    sources._known = {p: Source((folder / p).read_bytes()) for p in listing}
    tree = Tree(listing, sources)
    found, waiting = {"start.py"}, ["start.py"]
    while waiting:
        new = {*tree.imported(waiting.pop(), ("",))} - found
        found |= new
        waiting += new
    assert loaded - found == set()
