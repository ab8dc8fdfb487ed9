"""Merged scripts call what their parts called, in the same order, whatever these look like."""

import textwrap

import alembic
import pytest

from revguard.history.graph import Node
from revguard.squashing import merging, scripts, toplevel
from revguard.squashing.chains import Chain, Refusal

HEAD = '"""{id}"""\n\nfrom alembic import op\n\nrevision = "{id}"\ndown_revision = "{down}"\n'


def script(id_, down, upgrade="pass", downgrade="pass", *, top="", imports=""):
    ways = "".join(
        f"\n\ndef {name}():\n{textwrap.indent(body, '    ')}\n"
        for name, body in (("upgrade", upgrade), ("downgrade", downgrade))
    )
    head = HEAD.format(id=id_, down=down).replace("\n\nfrom", f"\n\n{imports}from")
    return head + (f"\n\n{top}\n" if top else "") + ways


def merge(*texts):
    nodes = tuple(Node(id=f"{n:04}", path=f"v/{n:04}.py") for n in range(2, 2 + len(texts)))
    chain = Chain(nodes=nodes, down=("0001",), depends_on=(), labels=())
    pieces = [
        scripts.parts(node.id, node.path, text.encode())
        for node, text in zip(nodes, texts, strict=True)
    ]
    more = [text for one in pieces for text in toplevel.paragraphs(one)]
    return merging.merged(chain, pieces, "all", more)


class Recorder:
    """Stands for `op`: notes what is called."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        def call(*args, **kwargs):
            self.calls.append((name, args, tuple(kwargs.items())))
            return self

        return call


def called(text, way, monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(alembic, "op", recorder)
    namespace = {"__name__": "script"}
    exec(compile(text, "script", "exec"), namespace)
    namespace[way]()
    return recorder.calls, namespace


ALIKE = {
    "plain": (script("0002", "0001", "op.a(1)", "op.b(1)"), script("0003", "0002", "op.a(2)")),
    "nothing": (script("0002", "0001"), script("0003", "0002")),
    "one name in two bodies": (
        script("0002", "0001", "x = 1\nop.a(x)"), script("0003", "0002", "x = 2\nop.a(x)"),
    ),
    "a local that hides a global": (
        script("0002", "0001", "op.a(x)", top="x = 1"),
        script("0003", "0002", "x = 2\nop.a(x)"),
    ),
    "an import that hides a global": (
        script("0002", "0001", "op.a(os)", top="os = 1"),
        script("0003", "0002", "import os\nop.a(os.sep)"),
    ),
    "returns": (
        script("0002", "0001", "if op:\n    op.a(1)\n    return\nop.a(2)"),
        script("0003", "0002", "op.a(3)"),
    ),
    "returns inside": (
        script("0002", "0001", "def f():\n    return 1\nop.a(f())"),
        script("0003", "0002", "op.a(3)"),
    ),
    "changes a global": (
        script("0002", "0001", "global n\nn += 1\nop.a(n)", top="n = 1"),
        script("0003", "0002", "op.a(3)"),
    ),
    "helpers": (
        script("0002", "0001", "_f(1)", top="def _f(n):\n    op.a(n)"),
        script("0003", "0002", "_g(2)", top="ROWS = [1]\n\n\ndef _g(n):\n    op.a(n, ROWS)"),
    ),
    "the same helper": (
        script("0002", "0001", "_f(1)", top="def _f(n):\n    op.a(n)"),
        script("0003", "0002", "_f(2)", top="def _f(n):\n    op.a(n)"),
    ),
    "imports": (
        script("0002", "0001", "op.a(sep)", imports="from os import sep\n"),
        script("0003", "0002", "op.a(sep, linesep, path.sep)",
               imports="from __future__ import annotations\nfrom os import linesep, path, sep\n"),
    ),
    "one-liners": (
        script("0002", "0001").replace("():\n    pass", "(): pass"),
        script("0003", "0002", "op.a(1)").replace("def upgrade():\n    op", "def upgrade(): op"),
    ),
    "tabs": (
        script("0002", "0001", "op.a(1)"),
        script("0003", "0002", "if op:\n    op.a(2)").replace("    ", "\t"),
    ),
    "tabs first": (
        script("0002", "0001", "if op:\n    op.a(2)").replace("    ", "\t"),
        script("0003", "0002", "op.a(1)"),
    ),
    "texts of many lines": (
        script("0002", "0001").replace("():\n    pass", "():\n    op.a('''x\n  y\n''')", 1),
        script("0003", "0002").replace("():\n    pass", "():\n    op.a('''x\n  z\n''')", 1),
    ),
    "docstrings and comments": (
        script("0002", "0001", '"""Up."""\n# first\nop.a(1)\n# last'),
        script("0003", "0002", '"""Up\nthere."""\n# more\nop.a(2)\n# last'),
    ),
    "three": tuple(
        script(f"{n:04}", f"{n - 1:04}", f"op.a({n})", f"op.b({n})") for n in range(2, 5)
    ),
}  # fmt: skip


@pytest.mark.parametrize("texts", ALIKE.values(), ids=ALIKE.keys())
def test_calls_the_same(texts, monkeypatch):
    made = merge(*texts)
    for way in ("upgrade", "downgrade"):
        ordered = texts if way == "upgrade" else texts[::-1]
        wanted = [call for text in ordered for call in called(text, way, monkeypatch)[0]]
        assert called(made, way, monkeypatch)[0] == wanted, made
    _, names = called(made, "upgrade", monkeypatch)
    assert (names["revision"], names["down_revision"]) == (f"{len(texts) + 1:04}", "0001")
    comments = [line.strip() for text in texts for line in text.splitlines() if "# " in line]
    assert all(comment in made for comment in comments), made


def test_three_that_return_keep_their_order(monkeypatch):
    texts = [
        script(f"{n:04}", f"{n - 1:04}", f"op.a({n})\nreturn", f"op.b({n})") for n in range(2, 5)
    ]
    made = merge(*texts)
    assert [args for _, args, _ in called(made, "upgrade", monkeypatch)[0]] == [(2,), (3,), (4,)]
    assert [args for _, args, _ in called(made, "downgrade", monkeypatch)[0]] == [(4,), (3,), (2,)]


REFUSED = {
    "two helpers": (
        script("0002", "0001", top="x = 1"), script("0003", "0002", top="x = 2"), "both define `x`",
    ),
    "two imports": (
        script("0002", "0001", imports="from os import path as p\n"),
        script("0003", "0002", imports="import os as p\n"),
        "`p` is os.path in one of them and os in another",
    ),
    "a helper and an import": (
        script("0002", "0001", imports="import os\n"),
        script("0003", "0002", top="os = 1"),
        "defines `os`",
    ),
    "its own id": (
        script("0002", "0001", "op.a(revision)"), script("0003", "0002"), "uses its own `revision`",
    ),
    "its own file": (
        script("0002", "0001", "op.a(__file__)"), script("0003", "0002"), "uses its own `__file__`",
    ),
    "a star": (
        script("0002", "0001", imports="from os.path import *\n"), script("0003", "0002"),
        "imports `*`",
    ),
    "arguments": (
        script("0002", "0001"),
        script("0003", "0002").replace("upgrade()", "upgrade(engine_name)"),
        "takes arguments",
    ),
    "a decorator": (
        script("0002", "0001"),
        script("0003", "0002").replace("def upgrade", "@staticmethod\ndef upgrade"),
        "has a decorator",
    ),
    "no downgrade": (
        script("0002", "0001"), script("0003", "0002").partition("\n\ndef downgrade")[0],
        "has no downgrade()",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses(one, other, said):
    with pytest.raises(
        Refusal, match=said.replace("(", r"\(").replace(")", r"\)").replace("*", r"\*")
    ):
        merge(one, other)


MADE = {
    "a column": ('op.add_column("t", c)', False),
    "in a batch": (
        'with op.batch_alter_table("t") as batch_op:\n    batch_op.drop_column("c")',
        False,
    ),
    "a type of PostgreSQL": ("op.execute(\"CREATE TYPE k AS ENUM ('a')\")", False),
    "nothing": ("pass", False),
    "what Alembic notes": (
        "# ### commands auto generated by Alembic - please adjust! ###\npass",
        False,
    ),
    "a rename": ('op.alter_column("t", "c", new_column_name="d")', True),
    "a table's rename": ('op.rename_table("t", "u")', True),
    "sql": ('op.execute("UPDATE t SET c = 1")', True),
    "rows": ("op.bulk_insert(t, [])", True),
    "a condition": ('if op:\n    op.add_column("t", c)', True),
    "another's operation": ("op.create_view(v)", True),
    "a comment": ("# at night\npass", True),
}


@pytest.mark.parametrize(("body", "by_hand"), MADE.values(), ids=MADE.keys())
def test_what_is_written_by_hand(body, by_hand):
    texts = [script("0002", "0001"), script("0003", "0002", body)]
    pieces = [scripts.parts(str(n), f"{n}.py", text.encode()) for n, text in enumerate(texts)]
    assert scripts.by_hand(pieces) == [False, by_hand]


def test_what_the_template_brings_is_nobodys_hand():
    top = "import logging\n\nlog = logging.getLogger()  # of the template"
    texts = [script("0002", "0001", top=top), script("0003", "0002", top=top)]
    pieces = [scripts.parts(str(n), f"{n}.py", text.encode()) for n, text in enumerate(texts)]
    assert scripts.by_hand(pieces) == [False, False]
