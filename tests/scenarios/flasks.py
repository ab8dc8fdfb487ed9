"""A shop that was begun with Flask-Migrate: the files that `flask db init` makes, and its own."""

from .shop import script

EXTENSIONS = """\
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()
migrate = Migrate()
"""
MODELS = """\
from shop.extensions import db


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    # more of users
"""
FACTORY = """\
from flask import Flask

from shop.extensions import db, migrate


def create_app(kind="plain"):
    app = Flask("shop")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:////nowhere/%s.db" % kind
    db.init_app(app)
    migrate.init_app(app, db)
    from shop import models
    return app
"""
FIRST = script(
    "0001", None,
    'op.create_table("users", sa.Column("id", sa.Integer(), primary_key=True))',
    'op.drop_table("users")',
)  # fmt: skip


def template(virtualenv, name):
    """The files that `flask db init` makes."""
    (folder,) = virtualenv.glob(f"lib/python*/site-packages/flask_migrate/templates/{name}")
    files = {one: (folder / one).read_text() for one in ("env.py", "script.py.mako")}
    files["alembic.ini"] = (folder / "alembic.ini.mako").read_text()
    return {f"migrations/{one}": text for one, text in files.items()}


def files(virtualenv, name):
    """All of the shop, with the template of this name."""
    return {
        **template(virtualenv, name),
        "shop/__init__.py": "",
        "shop/extensions.py": EXTENSIONS,
        "shop/models.py": MODELS,
        "shop/factory.py": FACTORY,
        "migrations/versions/0001.py": FIRST,
    }
