"""The ways in which a commit is made: how it is prepared, and what git is told."""

from dataclasses import dataclass, field

from .shop import NOTE


@dataclass(frozen=True)
class Mode:
    """One way to commit a change of the models.

    ``prepare`` returns the arguments of the commit; ``after`` is the status that a user expects
    once it is made; ``cwd`` names where the commit is made, ``answers`` what ``-p`` is told.
    """

    name: str
    prepare: object
    after: tuple = ()
    committed: tuple = ("shop/models.py",)
    answers: str = ""
    folder: str = ""
    models: str = "shop/models.py"
    first: bool = False
    merge: bool = False
    drops: bool = False  # the change takes something away
    more: dict = field(default_factory=dict)

    def __str__(self):
        return self.name


def staged(shop):
    shop.model()
    shop.git("add", "-A")
    return ["commit", "-m", "x"]


def edited(shop):
    shop.model()
    return ["commit", "-a", "-m", "x"]


def by_path(shop):
    shop.model()
    return ["commit", "-m", "x", "shop/models.py"]


def include(shop):
    shop.model()
    return ["commit", "-m", "x", "-i", "shop/models.py"]


def by_patch(shop):
    shop.model()
    return ["commit", "-p", "-m", "x"]


def others(shop):
    """Other files about: staged, edited, untracked."""
    shop.write("README.md", "The shop, staged\n")
    shop.git("add", "README.md")
    shop.write("shop/views.py", "def index():\n    return 'edited'\n")
    shop.write("notes.txt", "untracked\n")


def staged_among_others(shop):
    others(shop)
    shop.model()
    shop.git("add", "shop/models.py")
    return ["commit", "-m", "x"]


def path_among_others(shop):
    others(shop)
    return by_path(shop)


def all_among_others(shop):
    others(shop)
    return edited(shop)


def partly_staged(shop):
    """The staged model has a column; the one on disk has a further one and a syntax error."""
    shop.model()
    shop.git("add", "shop/models.py")
    shop.model(text=NOTE + "    (\n")
    return ["commit", "-m", "x"]


def unstaged_only_on_disk(shop):
    """A broken env.py and a stray revision on disk are nobody's business."""
    shop.write("migrations/env.py", "raise RuntimeError('not staged')\n")
    return staged_model(shop)


def staged_model(shop):
    shop.model()
    shop.git("add", "shop/models.py")
    return ["commit", "-m", "x"]


def amend(shop):
    shop.write("README.md", "amended\n")
    shop.git("commit", "-q", "--no-verify", "-am", "second")
    return [*staged(shop), "--amend"]


def amend_all(shop):
    shop.write("README.md", "amended\n")
    shop.git("commit", "-q", "--no-verify", "-am", "second")
    return [*edited(shop), "--amend"]


def amend_path(shop):
    shop.write("README.md", "amended\n")
    shop.git("commit", "-q", "--no-verify", "-am", "second")
    return ["commit", "--amend", "-m", "x", *by_path(shop)[3:]]


def first(shop):
    """No revision yet: git does not even know the empty folder of the scripts."""
    (shop.home / "migrations/versions/0001_first.py").unlink()
    shop.model()
    shop.git("add", "-A")
    return ["commit", "-m", "x"]


def detached(shop):
    shop.git("checkout", "-q", "--detach")
    return staged(shop)


def worktree(shop):
    shop.git("worktree", "add", "-q", "-b", "side", "../linked")
    shop.path = shop.home = shop.path.parent / "linked"
    return staged(shop)


def worktree_path(shop):
    worktree(shop)
    shop.git("reset", "-q")
    return ["commit", "-m", "x", "shop/models.py"]


def subfolder_of_commit(shop):
    """The commit is made from within a folder of the repository."""
    staged(shop)
    return ["-C", "shop", "commit", "-m", "x"]


def deletion(shop):
    """A model's file goes, and the last import of it went before."""
    shop.git("rm", "-q", "shop/extra.py")
    return ["commit", "-m", "x"]


def rename(shop):
    """The module of a table gets a name that the loader does not know."""
    shop.git("mv", "shop/extra.py", "shop/other_extra.txt")
    return ["commit", "-m", "x"]


def odd_names(shop):
    shop.write("shop/zwei wörter.py", "a = 1\n")
    shop.write("shop/ein\ttab.py", "a = 1\n")
    return staged(shop)


LOADER = """

import importlib.util, pathlib
for _path in sorted(pathlib.Path(__file__).parent.glob("extra*.py")):
    _spec = importlib.util.spec_from_file_location(_path.stem, _path)
    _spec.loader.exec_module(importlib.util.module_from_spec(_spec))
"""
EXTRA = """from shop.models import Base, Column, Integer


class Extra(Base):
    __tablename__ = "extras"

    id = Column(Integer, primary_key=True)
"""
SECOND = '''"""extras"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table("extras", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade():
    op.drop_table("extras")
'''


def with_extra():
    from .shop import MODELS

    main = MODELS.replace('"""What', '"""All that')
    return {
        "shop/models.py": main,
        "shop/extra.py": EXTRA,
        "shop/all.py": "from shop.models import Base\n" + LOADER,
        "migrations/versions/0002_extras.py": SECOND,
    }


DROPPED = {"models": "shop.all", "more": with_extra()}
AROUND = ("M  README.md", " M shop/views.py", "?? notes.txt")
UNSTAGED = (" M shop/views.py", "?? notes.txt")

MODES = [
    Mode("plain", staged),
    Mode("all", edited),
    Mode("path", by_path),
    Mode("include", include),
    Mode("patch", by_patch, answers="y\n"),
    Mode("among-others", staged_among_others, UNSTAGED, ("shop/models.py", "README.md")),
    Mode("path-among-others", path_among_others, AROUND),
    Mode("all-among-others", all_among_others, ("?? notes.txt",),
         ("shop/models.py", "README.md", "shop/views.py")),
    Mode("partly-staged", partly_staged, (" M shop/models.py",)),
    Mode("broken-on-disk", unstaged_only_on_disk, (" M migrations/env.py",)),
    Mode("amend", amend, (), ("shop/models.py", "README.md")),
    Mode("amend-all", amend_all, (), ("shop/models.py", "README.md")),
    Mode("amend-path", amend_path, (), ("shop/models.py", "README.md")),
    Mode("first-commit", first, (), (), first=True),
    Mode("detached", detached),
    Mode("worktree", worktree),
    Mode("worktree-path", worktree_path),
    Mode("from-a-subfolder", subfolder_of_commit),
    Mode("deletion-only", deletion, (), ("shop/extra.py",), drops=True, more=DROPPED),
    Mode("rename-only", rename, (), ("shop/extra.py", "shop/other_extra.txt"), drops=True,
         more=DROPPED),
    Mode("odd-names", odd_names, (),
         ("shop/models.py", '"shop/ein\\ttab.py"', "shop/zwei wörter.py")),
    Mode("project-in-a-subfolder", staged, (), ("services/the shop/shop/models.py",),
         folder="services/the shop", models="services/the shop/shop/models.py"),
]  # fmt: skip
