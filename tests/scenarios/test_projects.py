"""Projects of other shapes: where things lie, what env.py and the ini ask of the script."""

import re
import sys

import pytest

from .shop import MODELS, NOTE, adds, files, only, rules, script

EMAIL_SCRIPT = script("0002", "0001", **adds("users", "email"))


def names(report):
    return (report["verdict"], rules(report))


def added(shop, reports):
    """`revguard add` on what is staged; the path and the text of the script, which is proven."""
    known = set(shop.git("ls-files", "-z").split("\0"))
    report = reports.read(shop.revguard("add", "--format", "json"))
    assert report["verdict"] == "pass", report
    (path,) = set(shop.git("ls-files", "-z").split("\0")) - known
    (new,) = only(report)["new_revisions"]
    assert (new["path"], new["added_by"]) == (path, "revguard")
    assert all(step["result"] == "pass" for step in only(report)["proof"])
    text = (shop.path / path).read_text()
    compile(text, path, "exec")
    assert names(reports.settled(shop)) == ("pass", [])
    return path, text, report


def ini(shop, lines):
    """Put lines into the [alembic] section."""
    shop.replace("alembic.ini", "prepend_sys_path = .\n", f"prepend_sys_path = .\n{lines}\n")


def env(shop, old, new):
    shop.replace("migrations/env.py", old, new)


CONFIGURE = "connection=connection, target_metadata=target_metadata, "


# where things lie


def test_models_that_the_folder_of_the_ini_does_not_hold(shop, reports):
    """The ini lies in a folder; models are imported from the repository's top."""
    one = shop()
    one.git("mv", "alembic.ini", "db.ini")
    for name in ("alembic.ini", "migrations"):
        source = "db.ini" if name.endswith("ini") else name
        (one.path / "database").mkdir(exist_ok=True)
        one.git("mv", source, f"database/{name}")
    one.replace("database/alembic.ini", "script_location = migrations",
                "script_location = %(here)s/migrations")  # fmt: skip
    one.commit_all("moved")
    one.model()
    one.git("add", "-A")
    path, _, _ = added(one, reports)
    assert path.startswith("database/migrations/versions/")


def test_models_in_a_source_folder(shop, reports):
    one = shop()
    one.git("mv", "shop", "src")
    (one.path / "src" / "shop").mkdir()
    for name in ("__init__.py", "models.py", "views.py"):
        one.git("mv", f"src/{name}", f"src/shop/{name}")
    one.replace("alembic.ini", "prepend_sys_path = .", "prepend_sys_path = src")
    one.commit_all("moved")
    one.model(name="src/shop/models.py")
    one.git("add", "-A")
    _, text, report = added(one, reports)
    assert "email" in text
    (change,) = only(report)["changes"]
    assert change["source"] == {"path": "src/shop/models.py", "line": 14}


def test_env_py_that_fails_at_the_parent(shop, reports):
    """Nothing can be known of the parent, so it could not be checked, and it says where."""
    one = shop()
    env(one, "from alembic import context", "from alembic import context\nimport nowhere_at_all")
    one.commit_all("broken")
    env(one, "\nimport nowhere_at_all", "")
    one.model()
    one.git("add", "-A")
    report = reports.settled(one)
    # what the commit brings is judged for itself where its parent cannot be
    assert names(report) == ("fail", ["history/missing-revision"])
    assert any("parent" in note for note in only(report)["notes"])
    one.write("migrations/versions/0002.py", EMAIL_SCRIPT)
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])


@pytest.mark.parametrize(
    ("ignored", "advice"),
    [
        pytest.param("", "git add shop/_version.py", id="forgotten"),
        pytest.param("_version.py\n", "git add -f shop/_version.py", id="ignored"),
    ],
)
def test_a_module_that_is_not_in_the_commit(shop, reports, ignored, advice):
    """Only what is committed is judged; it says why the import fails, and what to do."""
    one = shop()
    one.write(".gitignore", ignored)
    one.model()
    one.replace("shop/models.py", "from sqlalchemy", "from shop import _version\nfrom sqlalchemy")
    one.git("add", "-A")
    one.write("shop/_version.py", "VERSION = 1\n")
    report = reports.read(one.revguard("check", "--format", "json"))
    assert report["verdict"] == "error"
    assert "shop/_version.py" in only(report)["error"]
    assert advice in only(report)["hint"]


def test_the_first_commit_of_everything(shop, reports):
    one = shop(commit=False)
    one.git("add", "-A")
    assert names(reports.settled(one)) == ("pass", [])
    one.hook("check")
    one.git("commit", "-qm", "first")
    assert one.status() == []


def test_alembic_is_added_in_this_commit(shop, reports):
    """Models were there, Alembic was not: the whole schema is new."""
    one = shop()
    one.git("rm", "-rq", "alembic.ini", "migrations")
    one.commit_all("no alembic")
    one.git("checkout", "-q", "HEAD^", "--", "alembic.ini", "migrations")
    assert names(reports.settled(one)) == ("pass", [])
    one.git("rm", "-qf", "migrations/versions/0001_first.py")
    report = reports.settled(one)
    assert names(report) == ("fail", ["history/missing-revision"])
    assert only(report)["known_drift"] == 0
    _, text, _ = added(one, reports)
    assert text.index("'users'") < text.index("'orders'")


def test_no_alembic_at_all(shop, reports):
    one = shop()
    one.git("rm", "-rq", "alembic.ini", "migrations")
    report = reports.check(one)
    assert report["verdict"] == "error"
    done = one.revguard("check")
    assert done.returncode == 2
    assert "revguard init" in done.stderr


def two(shop, **options):
    """Two environments: billing and stock, each with models and migrations of its own."""
    one = shop(folder="services/billing", commit=False, **options)
    other = {f"../stock/{name}": text for name, text in files().items()}
    one.write({name: text.replace("users", "parts") for name, text in other.items()})
    one.commit_all("first")
    return one


def test_only_the_affected_environment_runs(shop, reports):
    one = two(shop)
    report = reports.check(one)
    assert [env["name"] for env in report["environments"]] == ["billing", "stock"]
    one.model()
    one.git("add", "-A")
    report = reports.settled(one)
    assert [env["name"] for env in report["environments"]] == ["billing"]
    assert names(report) == ("fail", ["history/missing-revision"])
    one.hook("add")
    one.git("commit", "-qm", "x")
    assert one.status() == []
    assert len(one.committed()) == 2


def test_both_environments_get_their_script(shop, reports):
    one = two(shop)
    one.model()
    one.model("parts", NOTE, "../stock/shop/models.py")
    one.git("add", "-A")
    report = reports.settled(one)
    assert names(report) == ("fail", ["history/missing-revision"] * 2)
    one.hook("add")
    one.git("commit", "-qm", "x")
    assert one.status() == []
    assert sorted(path.split("/")[1] for path in one.committed()) == ["billing"] * 2 + ["stock"] * 2
    assert names(reports.settled(one)) == ("pass", [])


def test_one_broken_environment_does_not_hide_the_other(shop, reports):
    one = two(shop)
    one.model()
    one.write("../stock/migrations/env.py", "import nowhere_at_all\n")
    one.git("add", "-A")
    report = reports.settled(one)
    assert report["verdict"] == "error"
    by_name = {env["name"]: env for env in report["environments"]}
    assert by_name["billing"]["verdict"] == "fail"
    assert "nowhere_at_all" in by_name["stock"]["error"]
    assert one.revguard("check").returncode == 3
    assert one.revguard("check", "--env", "billing").returncode == 1


def test_an_environment_is_removed(shop, reports):
    one = two(shop)
    reports.check(one)
    one.git("rm", "-rq", "services/stock")
    report = reports.settled(one)
    assert report["verdict"] == "pass"
    assert "stock" not in {env["name"] for env in report["environments"]}
    one.hook("check")
    one.git("commit", "-qm", "x")
    assert one.status() == []


# what the ini asks of the script


def test_file_template_with_dates(shop, reports):
    one = shop()
    day = "%%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d"
    ini(one, f"file_template = {day}-%%(rev)s_%%(slug)s")
    one.commit_all("names")
    one.model()
    one.git("add", "-A")
    path, text, _ = added(one, reports)
    # the day of the parent commit: the same change gives the same file
    assert re.search(r"/2026_01_02_0304-[0-9a-f]{12}_add_users_email\.py$", path)
    assert "Create Date: 2026-01-02 03:04:05" in text


def test_the_same_change_gives_the_same_file(shop, reports):
    made = []
    for _ in range(2):
        one = shop()
        one.model()
        one.git("add", "-A")
        path, text, _ = added(one, reports)
        made.append((path, text))
    assert made[0] == made[1]


def test_version_locations(shop, reports):
    one = shop()
    ini(one, "version_locations = %(here)s/migrations/versions %(here)s/history\n"
             "path_separator = space")  # fmt: skip
    one.write("history/0002.py", EMAIL_SCRIPT)
    one.model()
    one.commit_all("two folders")
    one.model("orders", NOTE)
    one.git("add", "-A")
    path, text, _ = added(one, reports)
    assert "'0002'" in text
    assert path.startswith("history/")  # where its parent lies, as Alembic has it


def test_a_version_folder_with_folders_below(shop, reports):
    one = shop()
    ini(one, "recursive_version_locations = true")
    one.write("migrations/versions/2025/0002.py", EMAIL_SCRIPT)
    one.model()
    one.commit_all("deep")
    one.model("orders", NOTE)
    one.git("add", "-A")
    _, text, _ = added(one, reports)
    assert "'0002'" in text


def test_a_branch_label(shop, reports):
    one = shop()
    one.replace("migrations/versions/0001_first.py", "branch_labels = None",
                'branch_labels = ("main",)')  # fmt: skip
    one.commit_all("label")
    one.model()
    one.git("add", "-A")
    _, text, _ = added(one, reports)
    assert "down_revision: Union[str, Sequence[str], None] = '0001'" in text


def test_a_template_of_the_projects_own(shop, reports):
    one = shop()
    mako = one.read("migrations/script.py.mako")
    one.write("migrations/script.py.mako", "# ours: ${message}\n" + mako)
    one.commit_all("template")
    one.model()
    one.git("add", "-A")
    _, text, _ = added(one, reports)
    assert text.startswith("# ours: add users.email\n")


def test_a_message_of_the_users(shop, reports):
    one = shop()
    one.model()
    one.git("add", "-A")
    assert one.revguard("add", "-m", "Let users have a mail address").returncode == 0
    (name,) = set(one.versions()) - {"0001_first.py"}
    assert name.endswith("_let_users_have_a_mail_address.py")


# post-write hooks


FORMATTER = """
import pathlib, sys
path = pathlib.Path(sys.argv[1])
path.write_text(path.read_text() + "# formatted\\n")
"""


def hooks(shop, lines):
    shop.replace("alembic.ini", "[loggers]", f"[post_write_hooks]\n{lines}\n\n[loggers]")


def test_a_formatter_that_is_there(shop, reports):
    one = shop(more={"format.py": FORMATTER})
    hooks(one, f"hooks = f\nf.type = exec\nf.executable = {sys.executable}\n"
               "f.options = format.py REVISION_SCRIPT_FILENAME")  # fmt: skip
    one.commit_all("hooks")
    one.model()
    one.git("add", "-A")
    _, text, report = added(one, reports)
    assert text.endswith("# formatted\n")
    assert only(report)["notes"] == []


def test_a_formatter_that_is_missing(shop, reports):
    one = shop()
    hooks(one, "hooks = f\nf.type = exec\nf.executable = /nowhere/prettier\n"
               "f.options = REVISION_SCRIPT_FILENAME")  # fmt: skip
    one.commit_all("hooks")
    one.model()
    one.git("add", "-A")
    _, text, report = added(one, reports)
    assert "email" in text
    (note,) = only(report)["notes"]
    assert "prettier" in note


def test_a_console_script_that_is_missing(shop, reports):
    one = shop()
    hooks(one, "hooks = f\nf.type = console_scripts\nf.entrypoint = black\n"
               "f.options = REVISION_SCRIPT_FILENAME")  # fmt: skip
    one.commit_all("hooks")
    one.model()
    one.git("add", "-A")
    _, _, report = added(one, reports)
    (note,) = only(report)["notes"]
    assert "black" in note


def test_a_formatter_that_fails(shop, reports):
    one = shop(more={"format.py": "import sys; sys.exit('no such style')\n"})
    hooks(one, f"hooks = f\nf.type = exec\nf.executable = {sys.executable}\n"
               "f.options = format.py REVISION_SCRIPT_FILENAME")  # fmt: skip
    one.commit_all("hooks")
    one.model()
    one.git("add", "-A")
    _, text, _ = added(one, reports)
    assert "email" in text


def test_a_post_write_hook_that_runs_pre_commit(shop, reports):
    """As the docs of Alembic propose: it would run us again, within ourselves."""
    one = shop(more={"again.py": (
        "import subprocess, sys, pathlib\n"
        f"done = subprocess.run([{sys.executable!r}, '-m', 'revguard', 'add'])\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "path.write_text(path.read_text() + f'# ran: {done.returncode}\\n')\n"
    )})  # fmt: skip
    hooks(one, f"hooks = f\nf.type = exec\nf.executable = {sys.executable}\n"
               "f.options = again.py REVISION_SCRIPT_FILENAME")  # fmt: skip
    one.commit_all("hooks")
    one.model()
    one.hook("add")
    one.git("commit", "-qam", "x")
    assert one.status() == []
    assert len(one.versions()) == 2
    (path,) = set(one.committed()) - {"shop/models.py"}
    assert one.git("show", f"HEAD:{path}").endswith("# ran: 0")


# what env.py asks of the script


def test_a_naming_convention(shop, reports):
    convention = (
        'declarative_base(metadata=MetaData(naming_convention={"uq": "uq_%(table_name)s_'
        '%(column_0_name)s", "ix": "ix_%(column_0_label)s"}))'
    )
    models = MODELS.replace("declarative_base()", convention).replace(
        "Integer, S", "Integer, MetaData, S"
    )
    one = shop("postgresql", more={"shop/models.py": models})
    one.model("users", "    email = Column(String(100), unique=True)\n")
    one.git("add", "-A")
    _, text, _ = added(one, reports)
    assert "op.f('uq_users_email')" in text


EMPTYING = """
def empty_is_none(context, revision, directives):
    if directives[0].upgrade_ops.is_empty():
        directives[:] = []

"""
NUMBERING = """
def numbered(context, revision, directives):
    directives[0].rev_id = "%04d" % (int(context.get_current_revision() or 0) + 1)

"""


def with_hook(shop, function, name):
    env(shop, "def run_migrations_offline", function.lstrip() + "\ndef run_migrations_offline")
    env(shop, CONFIGURE, f"{CONFIGURE}process_revision_directives={name}")
    shop.commit_all("hook")


def test_directives_that_are_emptied(shop, reports):
    one = shop()
    with_hook(one, EMPTYING, "empty_is_none")
    assert names(reports.settled(one)) == ("pass", [])
    one.model()
    one.git("add", "-A")
    _, text, _ = added(one, reports)
    assert "email" in text


def test_directives_that_number_the_revision(shop, reports):
    one = shop()
    with_hook(one, NUMBERING, "numbered")
    one.model()
    one.git("add", "-A")
    path, text, _ = added(one, reports)
    assert path.endswith("/0002_add_users_email.py")
    assert "revision: str = '0002'" in text


RENDER = """
def render(type_, obj, autogen_context):
    if type_ == "type" and type(obj).__name__ == "String":
        autogen_context.imports.add("from sqlalchemy import String as Text_")
        return "Text_(%d)" % obj.length
    return False

"""


def test_render_item(shop, reports):
    one = shop()
    env(one, "def run_migrations_offline", RENDER.lstrip() + "\ndef run_migrations_offline")
    env(one, CONFIGURE, f"{CONFIGURE}render_item=render")
    one.commit_all("render")
    one.model()
    one.git("add", "-A")
    _, text, _ = added(one, reports)
    assert "sa.Column('email', Text_(100)" in text
    assert "from sqlalchemy import String as Text_" in text


TYPES = """
from sqlalchemy.types import TypeDecorator, String


class Mail(TypeDecorator):
    impl = String(100)
    cache_ok = True
"""


@pytest.mark.parametrize("prefix", [None, "kinds."])
def test_a_type_of_the_projects_own(shop, reports, prefix):
    """With user_module_prefix the template brings the import; without it is completed."""
    one = shop(more={"shop/kinds.py": TYPES})
    if prefix:
        env(one, CONFIGURE, f"{CONFIGURE}user_module_prefix='kinds.'")
        one.replace("migrations/script.py.mako", "import sqlalchemy as sa",
                    "import sqlalchemy as sa\nfrom shop import kinds")  # fmt: skip
    one.commit_all("types")
    one.replace("shop/models.py", "\nBase =", "\nfrom shop.kinds import Mail\n\nBase =")
    one.model("users", "    email = Column(Mail)\n")
    one.git("add", "-A")
    _, text, _ = added(one, reports)
    assert ("kinds.Mail(" if prefix else "shop.kinds.Mail(") in text
    assert ("from shop import kinds" if prefix else "import shop.kinds") in text


def test_a_section_and_x_arguments(shop, reports):
    toml = (
        '[tool.revguard.environments.shop]\nconfig = "alembic.ini"\n'
        'section = "second"\nx = ["tables=two"]\n'
    )
    one = shop(more={"pyproject.toml": toml})
    text = one.read("alembic.ini")
    section = text[: text.index("[loggers]")].replace("[alembic]", "[second]")
    one.replace("alembic.ini", "[loggers]", section + "[loggers]")
    one.replace("alembic.ini", "script_location = migrations", "script_location = nowhere")
    env(one, "config = context.config", "config = context.config\n"
        "assert context.get_x_argument(as_dictionary=True) == {'tables': 'two'}")  # fmt: skip
    one.commit_all("section")
    one.model()
    one.git("add", "-A")
    added(one, reports)


def test_stdout_holds_the_report_and_nothing_else(shop, reports):
    one = shop()
    env(one, "config = context.config", "config = context.config\nimport os, sys\n"
        "print('printed')\nos.write(1, b'written')\nos.system('echo from a child')\n"
        "sys.stderr.write('on stderr')")  # fmt: skip
    one.commit_all("noise")
    one.model()
    one.git("add", "-A")
    assert rules(reports.settled(one)) == ["history/missing-revision"]
    added(one, reports)
