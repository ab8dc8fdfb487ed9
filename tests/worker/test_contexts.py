"""env.py that needs more around it: a Config from code, an application, an event loop, a thread."""

import shutil
from pathlib import Path

import pytest

CONFIG_IN_CODE = """\
from pathlib import Path

from alembic.config import Config


def make_config():
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.set_main_option("sqlalchemy.url", "sqlite:///never.db")
    return config
"""

NEEDS_LOOP = "import asyncio\nasyncio.get_running_loop()\n"
NEEDS_THREAD = (
    "import threading\n"
    "if threading.current_thread().name != 'deep':\n"
    "    raise RuntimeError('not in the worker thread')\n"
)
NEEDS_STATE = (
    "import shop.testing\nif not shop.testing.entered:\n    raise RuntimeError('outside')\n"
)
TESTING = '''\
"""What the project's own tests run env.py in."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
import threading

entered = []


@contextlib.contextmanager
def state():
    entered.append(1)
    yield
    entered.pop()


@contextlib.asynccontextmanager
async def loop():
    yield


@contextlib.contextmanager
def executor():
    with ThreadPoolExecutor(1, initializer=_name) as pool:
        yield pool


def _name():
    threading.current_thread().name = "deep"


@contextlib.contextmanager
def runner():
    def run(work):
        failed = []

        def target():
            try:
                work()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=target, name="deep")
        thread.start()
        thread.join()
        if failed:
            raise failed[0]

    yield run


class Portal:
    """As anyio's blocking portal."""

    def call(self, function):
        return _runner(function)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def _runner(function):
    with executor() as pool:
        return pool.submit(function).result()


def forgotten():
    yield
'''

APP = '''\
"""An application with Flask-Migrate."""

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()
migrate = Migrate()


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(50), nullable=False)


@migrate.configure
def configure(config):
    config.attributes["seen"] = True
    return config


def create_app(name="production"):
    if name != "testing" and STRICT:
        raise RuntimeError("only for testing")
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = URL
    db.init_app(app)
    migrate.init_app(app, db)
    return app
'''


def walk(shop, model, old, new):
    """A change blocks, `add` brings its proven script, the commit of both passes."""
    clean_code, clean = shop.judge("check", "--worktree", "--all")
    assert (clean_code, clean["findings"]) == (0, []), clean.get("error")
    text = (shop.folder / model).read_text()
    assert old in text
    shop.write(model, text.replace(old, new, 1))
    shop.git("add", "-A")
    code, blocked = shop.judge("check")
    assert (code, rules(blocked)) == (1, ["history/missing-revision"]), blocked.get("error")
    assert [(one["op"], one["object"]) for one in blocked["changes"]] == [
        ("add_column", "users.email")
    ]
    code, added = shop.judge("add")
    assert (code, rules(added)) == (0, []), added.get("error")
    assert {step["result"] for step in added["proof"]} == {"pass"}
    code, clean = shop.judge("check", "--no-cache")
    assert (code, rules(clean)) == (0, [])
    return added


def rules(environment):
    return environment.get("error") or [finding["rule"] for finding in environment["findings"]]


def plain(shop):
    name = "    name = sa.Column(sa.String(50), nullable=False)\n"
    return walk(shop, "shop/models.py", name, name + "    email = sa.Column(sa.String(99))\n")


def configure(shop, **settings):
    lines = [f'{key} = "{value}"\n' for key, value in settings.items()]
    text = (shop.folder / "revguard.toml").read_text()
    shop.write("revguard.toml", text + "\n[environments.shop]\n" + "".join(lines))


class TestConfigInCode:
    @pytest.fixture
    def shop(self, make_shop):
        shop = make_shop()
        (shop.folder / "alembic.ini").unlink()
        env = make_shop.ENV.replace("config.config_ini_section", "'alembic'")
        shop.write("migrations/env.py", env)
        shop.write("shop/migrating.py", CONFIG_IN_CODE)
        return shop

    def test_the_whole_way(self, shop):
        configure(shop, **{"alembic-config": "shop.migrating:make_config"})
        shop.commit("start")
        plain(shop)

    @pytest.mark.parametrize(
        ("said", "error"),
        [
            ("shop.migrating:made", "shop.migrating has no made"),
            ("shop.migrating:Path", "gives PosixPath, no alembic.config.Config"),
            ("shop.missing:make_config", "No module named 'shop.missing'"),
            ("shop.connecting:make_config", "it was opened while the Config was made"),
        ],
    )
    def test_what_cannot_be_used(self, shop, said, error):
        shop.write(
            "shop/connecting.py",
            "import sqlalchemy\n\ndef make_config():\n"
            "    sqlalchemy.create_engine('sqlite:///never.db').connect()\n",
        )
        configure(shop, **{"alembic-config": said})
        shop.commit("start")
        code, report = shop.judge("check", "--all")
        assert code == 3
        assert error in report["error"]


WITHIN = {
    "a context manager": (NEEDS_STATE, "state"),
    "a running loop": (NEEDS_LOOP, "loop"),
    "an executor": (NEEDS_THREAD, "executor"),
    "a runner": (NEEDS_THREAD, "runner"),
    "a portal": (NEEDS_THREAD, "Portal"),
}


class TestWithin:
    @pytest.mark.parametrize("name", WITHIN)
    def test_the_whole_way(self, name, make_shop):
        needs, manager = WITHIN[name]
        shop = make_shop(env=needs + make_shop.ENV)
        shop.write("shop/testing.py", TESTING)
        shop.commit("without")
        code, report = shop.judge("check", "--all")
        assert code == 3
        assert "migrations/env.py:" in report["error"]
        configure(shop, within=f"shop.testing:{manager}")
        shop.commit("start")
        plain(shop)

    def test_no_context_manager(self, make_shop):
        shop = make_shop()
        shop.write("shop/testing.py", TESTING)
        configure(shop, within="shop.testing:forgotten")
        shop.commit("start")
        code, report = shop.judge("check", "--all")
        assert code == 3
        assert "is no context manager: it gives generator" in report["error"]
        assert "@contextlib.contextmanager" in report["hint"]


FLASK = {
    # files, settings, variables
    "app.py": ({}, {}, {}),
    "named": ({}, {"flask-app": "billing"}, {}),
    "a factory with arguments": ({}, {"flask-app": "billing:create_app('testing')"}, {}),
    "FLASK_APP": ({}, {}, {"FLASK_APP": "billing"}),
    ".flaskenv": ({".flaskenv": "FLASK_APP=billing\n"}, {}, {}),
}


class TestFlaskMigrate:
    @pytest.fixture
    def make_app(self, make_shop):
        import flask_migrate

        newest = Path(flask_migrate.__file__).parent

        def make(module="app", url="sqlite:///app.db", strict=False, package=newest, **options):
            shop = make_shop(**options)
            (shop.folder / "alembic.ini").unlink()
            first = (shop.folder / "migrations/versions/0001_users.py").read_text()
            shutil.rmtree(shop.folder / "migrations")
            shutil.rmtree(shop.folder / "shop")
            shutil.copytree(package / "templates/flask", shop.folder / "migrations")
            ini = (shop.folder / "migrations/alembic.ini.mako").read_text()
            shop.write("migrations/alembic.ini", ini)
            shop.write("migrations/versions/0001_users.py", first)
            text = APP.replace("STRICT", repr(strict)).replace("URL", repr(url))
            shop.write(f"{module}.py", text)
            return shop

        return make

    @pytest.mark.parametrize("name", FLASK)
    def test_the_whole_way(self, name, make_app, monkeypatch):
        files, settings, variables = FLASK[name]
        module = "app" if name == "app.py" else "billing"
        shop = make_app(module, strict="arguments" in name)
        for path, text in files.items():
            shop.write(path, text)
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        if settings:
            text = (shop.folder / "revguard.toml").read_text()
            said = "".join(f'{key} = "{value}"\n' for key, value in settings.items())
            shop.write("revguard.toml", f"{text}\n[environments.migrations]\n{said}")
        shop.commit("start")
        added = self.change(shop, f"{module}.py")
        assert added["config"] == "migrations/alembic.ini"

    @pytest.mark.parametrize("row", ["1.8"])
    def test_flask_migrate_3(self, row, virtualenv, make_app):
        """With its own env.py, and Flask-SQLAlchemy as it was then."""
        python = virtualenv(row)
        (package,) = Path(python).parents[1].glob("lib/python*/site-packages/flask_migrate")
        shop = make_app(python=python, package=package)
        shop.commit("start")
        self.change(shop, "app.py")

    def test_on_postgresql(self, make_app, require):
        """The application's engine keeps its connections between the runs of env.py."""
        shop = make_app(url="postgresql+psycopg2://shop@db.invalid/shop")
        shop.commit("start")
        assert self.change(shop, "app.py")["database"]["dialect"] == "postgresql"

    def change(self, shop, path):
        name = "    name = db.Column(db.String(50), nullable=False)\n"
        return walk(shop, path, name, name + "    email = db.Column(db.String(99))\n")

    @pytest.mark.parametrize(
        ("module", "settings", "error"),
        [
            ("billing", "", "env.py needs a Flask application: Could not locate a Flask"),
            ("app", 'flask-app = "app:nothing"', "Failed to find attribute 'nothing' in 'app'"),
            ("app", 'flask-app = "lost"', "Could not import 'lost'"),
        ],
    )
    def test_no_application(self, module, settings, error, make_app):
        shop = make_app(module)
        text = (shop.folder / "revguard.toml").read_text()
        shop.write("revguard.toml", f"{text}\n[environments.migrations]\n{settings}\n")
        shop.commit("start")
        code, report = shop.judge("check", "--all")
        assert code == 3
        assert error in report["error"]
        assert "flask-app = " in report["hint"]

    def test_an_application_that_env_py_does_not_name(self, make_shop):
        """Outside of Flask-Migrate's layout it is told how to name one."""
        env = "from shop.helping import here\nhere()\n" + make_shop.ENV
        shop = make_shop(env=env)
        shop.write(
            "shop/helping.py", "import flask\n\ndef here():\n    return flask.current_app.name\n"
        )
        shop.commit("start")
        code, report = shop.judge("check", "--all")
        assert code == 3
        assert "outside of application context" in report["error"]
        assert "flask-app = " in report["hint"]
