"""Makes revision scripts and graphs of them for the tests."""

from __future__ import annotations

import hashlib

from revguard.history.graph import Graph
from revguard.history.reading import read

FOLDER = "migrations/versions"


def text(id_, down=None, *, depends_on=None, labels=None, doc="", body="pass"):
    return (
        f'"""{doc or id_}\n\nRevision ID: {id_}\nRevises: {down or ""}\n"""\n'
        "from alembic import op\n\n"
        f"revision = {id_!r}\n"
        f"down_revision = {down!r}\n"
        f"branch_labels = {labels!r}\n"
        f"depends_on = {depends_on!r}\n\n\n"
        f"def upgrade():\n    {body}\n\n\ndef downgrade():\n    pass\n"
    )


def path(name):
    return f"{FOLDER}/{name}.py"


def oid(content):
    return hashlib.sha1(content).hexdigest()


class Blobs:
    """Remembers texts by their id, and what it was asked for."""

    def __init__(self):
        self.texts = {}
        self.asked = []

    def load(self, oids):
        self.asked.append(list(oids))
        return {one: self.texts[one] for one in oids if one in self.texts}

    def files(self, scripts):
        """A listing: path to blob id."""
        found = {}
        for name, content in scripts.items():
            raw = content if isinstance(content, bytes) else content.encode()
            found[name if "/" in name else path(name)] = oid(raw)
            self.texts[oid(raw)] = raw
        return found

    def graph(self, scripts, cache=None) -> Graph:
        return read(self.files(scripts), self.load, cache)


def graph_of(scripts) -> Graph:
    return Blobs().graph(scripts)


def chain(*ids, **last):
    """Scripts one after the other, from a base; keywords are for the last."""
    downs = (None, *ids)
    made = {id_: text(id_, down) for id_, down in zip(ids, downs, strict=False)}
    if last:
        made[ids[-1]] = text(ids[-1], downs[len(ids) - 1], **last)
    return made
