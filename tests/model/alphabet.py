# ruff: noqa: TID252  (what the scenarios run on)
"""The little that histories are spelled with: models and scripts out of a few features.

Texts repeat from history to history, so what revguard and the oracle remember of them is of use.
"""

import hashlib

from ..scenarios import shop
from . import modes

# feature: the table, and how its column is written in a model and in a script
COLUMNS = {
    "email": ("users", "String(100)"),
    "note": ("orders", "String(20)"),
}
TAGS = "tags"  # a table
FEATURES = (*COLUMNS, TAGS)  # few, so that histories meet what others left in the caches
FOLDER = "migrations/versions"
MODELS = "shop/models.py"

_GAP = "    # room for git,\n    # which merges what\n    # is lines apart\n"
_CLASS = """

class {name}(Base):
    __tablename__ = "{table}"

    id = Column(Integer, primary_key=True)
"""


def models(features):
    """The models that have these features; git merges two of them where they differ apart."""
    text = "from sqlalchemy import Column, Integer, String\n"
    text += "from sqlalchemy.orm import declarative_base\n\nBase = declarative_base()\n"
    for table in ("users", "orders"):
        text += _CLASS.format(name=table.title(), table=table)
        for name, (owner, type_) in COLUMNS.items():
            if owner == table:
                line = f"    {name} = Column({type_}, nullable=True)\n" if name in features else ""
                text += f"{_GAP}{line}{_GAP}"
    if TAGS in features:
        text += _CLASS.format(name="Tags", table=TAGS)
    return text


def features_in(text):
    """What `models` was given."""
    found = {name for name in COLUMNS if f"    {name} = Column(" in text}
    return frozenset(found | ({TAGS} if f'"{TAGS}"' in text else set()))


def operations(feature, *, add):
    """The line of a script that brings a feature, or takes it away."""
    if feature == TAGS:
        created = f'op.create_table("{TAGS}", sa.Column("id", sa.Integer(), primary_key=True))'
        return created if add else f'op.drop_table("{TAGS}")'
    table, type_ = COLUMNS[feature]
    if add:
        return f'op.add_column("{table}", sa.Column("{feature}", sa.{type_}, nullable=True))'
    return f'op.drop_column("{table}", "{feature}")'


def script(down, before, after, *, salt="", number="", undone=True):
    """The id and the text of a script that leads from some features to others.

    `salt` keeps apart what different developers write; a `number` does not.
    """
    lines = [operations(one, add=one in after) for one in sorted(before ^ after)]
    back = [operations(one, add=one in before) for one in sorted(before ^ after, reverse=True)]
    upgrade = "\n".join(lines) or "pass"
    downgrade = ("\n".join(back) if undone else "") or "pass"
    key = repr((down, upgrade, downgrade, salt))
    id_ = number or "x" + hashlib.sha256(key.encode()).hexdigest()[:7]
    return id_, shop.script(id_, down, upgrade, downgrade)


def first_files(mode):
    """The project that every history of a mode begins with: no feature, and one revision."""
    files = shop.files()
    files[MODELS] = models(frozenset())
    files[f"{FOLDER}/0001_first.py"] = shop.FIRST.replace(
        '        sa.Column("name", sa.String(50), nullable=False),\n', ""
    ).replace(
        '        sa.Column("user_id", sa.Integer(), nullable=False),\n'
        '        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),\n',
        "",
    )
    files["revguard.toml"] = mode.text
    if mode.lock:
        files[f"{FOLDER}/{modes.HEADS}"] = modes.head_file(["0001"])
    return files
