"""Pull requests in throw-away repositories: a scene's name in, the comment of a real run out."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from revguard.demo import serving, shop

HEAD = """\
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Numeric, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()
"""
SHOP = {
    "customers": {"name": "String(50), nullable=False", "phone": "String(20)"},
    "orders": {"customer_id": 'ForeignKey("customers.id")', "total": "Integer, nullable=False"},
    "carts": {"customer_id": 'ForeignKey("customers.id")'},
}
ADDRESSES = {
    "customer_id": 'ForeignKey("customers.id"), nullable=False',
    "city": "String(100), nullable=False",
}
MORE = {
    **SHOP,
    "customers": {"name": "String(50), nullable=False", "email": "String(254)"},
    "addresses": ADDRESSES,
}
WRONG = '''\
"""what a reviewer should not have to find"""
from alembic import op
import sqlalchemy as sa

revision = "c0ffee123456"
down_revision = "{parent}"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("customers", sa.Column("email", sa.String(254)))
    op.alter_column("customers", "name", type_=sa.String(20), existing_nullable=False)
    op.drop_table("carts")


def downgrade():
    op.create_table("carts", sa.Column("id", sa.Integer(), primary_key=True))
    op.drop_column("customers", "email")
'''


def renamed(tables, more):
    """Changes of columns in some tables; None takes a column away."""
    changed = {name: {**columns, **more.get(name, {})} for name, columns in tables.items()}
    return {
        name: {column: type_ for column, type_ in columns.items() if type_ is not None}
        for name, columns in changed.items()
    }


WIDE = {
    f"measurement_series_{number:02}": {
        **({"parent": f'ForeignKey("measurement_series_{number - 1:02}.id")'} if number else {}),
        **{f"channel_{column:02}": "Numeric(10, 2)" for column in range(12)},
    }
    for number in range(30)
}
WIDER = renamed(
    WIDE,
    {
        name: {f"quality_of_channel_{column:02}": "String(40), index=True" for column in range(12)}
        for name in WIDE
    },
)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Services by their folders: tables before, tables after; and what else the branch brings."""

    before: dict
    after: dict
    adds: bool = False  # whether it brings the revisions that revguard makes
    revision: str = ""  # one by hand
    settings: dict = field(default_factory=dict)


SCENES = {
    "blocked": Scene(before={"": SHOP}, after={"": MORE}),
    "mended": Scene(before={"": SHOP}, after={"": MORE}, adds=True),
    "findings": Scene(
        before={"": SHOP},
        after={"": renamed(MORE, {"customers": {"name": "String(20), nullable=False"}})},
        revision=WRONG,
    ),
    "dropped": Scene(
        before={"": SHOP},
        after={"": {name: columns for name, columns in SHOP.items() if name != "carts"}},
        adds=True,
    ),
    "several": Scene(
        before={"billing": SHOP, "stock": SHOP, "mail": SHOP},
        after={"billing": MORE, "stock": renamed(SHOP, {"orders": {"note": "String(80)"}}),
               "mail": SHOP},
    ),
    "large": Scene(before={"": WIDE}, after={"": WIDER}),
}  # fmt: skip


def models(tables):
    """The module that declares them."""
    classes = []
    for table, columns in tables.items():
        lines = [f"    {name} = Column({of})" for name, of in columns.items()]
        named = "".join(part.title() for part in table.split("_"))
        classes.append(
            f'\n\nclass {named}(Base):\n    __tablename__ = "{table}"\n\n'
            "    id = Column(Integer, primary_key=True)\n" + "\n".join(lines) + "\n"
        )
    return HEAD + "".join(classes)


class Repository:
    """A scene's repository, and revguard in it."""

    def __init__(self, path):
        self.path = path
        self.environ = {
            **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "REVGUARD_CACHE_DIR": f"{path}.cache",
            "VIRTUAL_ENV": sys.prefix,
            **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
               (("NAME", "ann"), ("EMAIL", "ann@example.com"), ("DATE", "2026-01-02T03:04:05Z"))},
        }  # fmt: skip

    def run(self, *argv, codes=(0,), **environ):
        done = subprocess.run(
            argv, cwd=self.path, env={**self.environ, **environ}, capture_output=True, text=True
        )
        if done.returncode not in codes:
            raise SystemExit(f"{' '.join(argv)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def revguard(self, *argv, codes=(0,), **environ):
        return self.run(sys.executable, "-m", "revguard", *argv, codes=codes, **environ)

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message):
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)


def comment(name, folder):
    """The Markdown that the pull request of this scene gets."""
    scene, path = SCENES[name], Path(folder) / name
    path.mkdir()
    one = Repository(path)
    one.run("git", "init", "-q", "-b", "main")
    _landed(one, scene)
    one.run("git", "checkout", "-qb", "mine")
    for where, tables in scene.after.items():
        one.write(Path(where, shop.MODELS), models(tables))
    one.run("git", "add", "-A")
    if scene.revision:
        (parent,) = (path / shop.VERSIONS).glob("*.py")
        one.write(
            f"{shop.VERSIONS}c0ffee123456_wrong.py",
            scene.revision.format(parent=parent.name.partition("_")[0]),
        )
    if scene.adds:
        one.revguard("add")
    one.commit("the change")
    return _said(one)


def _landed(one, scene):
    """The base: an environment for each service, with a first revision that revguard makes."""
    kind = serving.choose(os.environ)
    for where, tables in scene.before.items():
        for name, text in shop.files(kind).items():
            if name not in (shop.HOOKS, "pyproject.toml") and not name.startswith(shop.VERSIONS):
                one.write(Path(where, name), text)
        one.write(Path(where, shop.MODELS), models(tables))
        one.write(Path(where, shop.VERSIONS, ".gitkeep"), "")
    one.write("pyproject.toml", shop.files(kind)["pyproject.toml"])
    one.run("git", "add", "-A")
    one.revguard("add", "-m", "open the shop")
    one.commit("first")


def _said(one):
    """As in a run of the Action for pull request 7."""
    ids = {name: one.run("git", "rev-parse", name) for name in ("main", "mine")}
    event = one.path.with_suffix(".json")
    head = {"sha": ids["mine"], "ref": "mine", "repo": {"full_name": "shop/shop"}}
    base = {"sha": ids["main"], "ref": "main"}
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": head, "base": base}}))
    files = one.path.with_suffix(".files")
    one.revguard(
        "pr", "--files", str(files), "--comment", "never", codes=(0, 1), GITHUB_ACTIONS="true",
        GITHUB_EVENT_NAME="pull_request", GITHUB_EVENT_PATH=str(event),
        GITHUB_REPOSITORY="shop/shop", GITHUB_SERVER_URL="https://github.com",
        GITHUB_SHA=ids["mine"], GITHUB_WORKSPACE=str(one.path),
    )  # fmt: skip
    return (files / "revguard.md").read_text()
