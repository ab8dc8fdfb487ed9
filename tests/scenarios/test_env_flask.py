"""Flask-Migrate's layout, run as `flask db` would: the application found, its context entered."""

import pytest

from . import walkthrough
from .flasks import EXTENSIONS, FIRST
from .shop import only


def change(shop):
    return lambda: shop.model("users", "    email = db.Column(db.String(100))\n")


def configured(**keys):
    lines = "".join(f"{key} = {value!r}\n" for key, value in keys.items())
    return {
        "revguard.toml": '[environments.shop]\nconfig = "migrations/alembic.ini"\n'
        + lines.replace("flask_app", "flask-app")
    }


APP = "from shop.factory import create_app\n\napp = create_app()\n"
WAYS = {
    "app.py with an app": {"app.py": APP},
    "app.py with a factory": {"app.py": "from shop.factory import create_app\n"},
    "wsgi.py": {"wsgi.py": APP},
    "FLASK_APP in .flaskenv": {".flaskenv": "FLASK_APP=shop.factory\n"},
    "flask-app": configured(flask_app="shop.factory"),
    "flask-app, a factory with arguments": configured(flask_app="shop.factory:create_app('other')"),
}


@pytest.mark.parametrize("name", WAYS)
def test_how_the_application_is_found(name, flask_shop, reports):
    one = flask_shop(WAYS[name])
    text = walkthrough.whole_way(one, reports, change(one))
    assert "with op.batch_alter_table('users'" in text  # Flask-Migrate's own default


def test_flask_migrate_3(flask_shop, reports):
    one = flask_shop({"app.py": APP}, version=3)
    walkthrough.whole_way(one, reports, change(one))


def test_flask_app_of_the_shell(flask_shop, reports):
    one = flask_shop({})
    one.environ["FLASK_APP"] = "shop.factory:create_app('shell')"
    walkthrough.passes(one, reports)


def test_a_dotenv_that_is_not_committed(flask_shop, reports):
    """As for the command: it is read from the working tree, and nothing else of there is."""
    one = flask_shop({".gitignore": ".env\n", "shop/settings.py": "raise RuntimeError('staged')\n"})
    one.write(".env", "FLASK_APP=shop.factory:create_app('dotenv')\n")
    one.write("shop/__init__.py", "raise RuntimeError('unstaged')\n")
    walkthrough.passes(one, reports)


def test_an_application_below_the_top(flask_shop, reports):
    one = flask_shop({"app.py": APP}, folder="services/web")
    walkthrough.whole_way(one, reports, change(one))


def test_no_application(flask_shop, reports):
    one = flask_shop({})
    report = reports.check(one)
    assert report["verdict"] == "error"
    assert "FLASK_APP" in only(report)["error"]
    assert "`flask-app = " in only(report)["hint"]


def test_an_application_that_fails(flask_shop, reports):
    one = flask_shop({"app.py": "raise RuntimeError('no luck today')\n"})
    report = reports.check(one)
    assert report["verdict"] == "error"
    assert "no luck today" in only(report)["error"]
    assert "app.py:1" in only(report)["error"]


def test_the_scripts_are_placed_by_a_callback(flask_shop, reports):
    """`@migrate.configure` may say anything of the Config."""
    callback = """

@migrate.configure
def configure(config):
    config.set_main_option("version_locations", "history")
    return config
"""
    one = flask_shop({
        "app.py": APP, "shop/extensions.py": EXTENSIONS + callback, "history/0001.py": FIRST,
    })  # fmt: skip
    one.git("rm", "-qr", "migrations/versions")
    one.commit_all("moved")
    change(one)()
    one.git("add", "-A")
    (path,) = walkthrough.adds(one, reports)
    assert path.startswith("history/")


def test_an_ini_at_the_top_and_an_env_py_that_asks_for_the_application(flask_shop, reports):
    """`alembic` itself could not run it."""
    ini = "[alembic]\nscript_location = migrations\nprepend_sys_path = .\n"
    one = flask_shop({"app.py": APP})
    text = one.read("migrations/alembic.ini")
    one.git("rm", "-q", "migrations/alembic.ini")
    one.write("alembic.ini", text.replace("[alembic]\n", ini))
    one.commit_all("moved")
    walkthrough.whole_way(one, reports, change(one))
