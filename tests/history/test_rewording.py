"""Only the literals and the lines that name the place in history change; every other byte stays."""

import pytest

from revguard.history.rewording import NotPlain, Words, reworded

STOCK = '''"""add email

Revision ID: aa01
Revises: 0001
Create Date: 2026-01-02 03:04:05.678901

"""
from typing import Sequence, Union

# revision identifiers, used by Alembic.
revision: str = 'aa01'
down_revision: Union[str, Sequence[str], None] = '0001'  # after 0001
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.execute("update x set note = '0001'")
'''
MOVED = STOCK.replace("Revises: 0001", "Revises: bb02").replace("= '0001'  #", "= 'bb02'  #")
DOWN = Words(down_revision=("bb02",))


def changed(source, words=DOWN):
    return reworded(source.encode(), words).decode()


def test_the_stock_template():
    assert changed(STOCK) == MOVED


@pytest.mark.parametrize(
    "convert",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: ("# coding: latin-1\n" + text.replace("after", "après")).encode("latin-1"),
        lambda text: text.replace("add email", "e-mail ✉ é").encode(),
        lambda text: text.replace("down_revision: U", "é = 1; down_revision: U").encode(),
        lambda text: text.rstrip("\n").encode(),
        lambda text: text.replace("'", '"').replace('"0001"")', '0001")').encode(),
        lambda text: text.replace("revision: str = 'aa01'\n", "").encode(),
        lambda text: text.replace("Revises: ", "Revises:").encode(),
    ],
    ids=[
        "crlf",
        "cr",
        "bom",
        "latin-1",
        "utf-8",
        "column",
        "no-last-line",
        "double",
        "bare",
        "tight",
    ],
)
def test_bytes_stay(convert):
    assert reworded(convert(STOCK), DOWN) == convert(MOVED)


@pytest.mark.parametrize(
    ("before", "words", "after"),
    [
        ("down_revision = '0001'", ("x",), "down_revision = 'x'"),
        ('down_revision = "0001"', ("x",), 'down_revision = "x"'),
        ('down_revision = """0001"""', ("x",), 'down_revision = "x"'),
        ("down_revision = ('0001')", ("x",), "down_revision = ('x')"),
        ("down_revision = ('0001',)", ("x",), "down_revision = ('x',)"),
        ("down_revision = ['0001']", ("x",), "down_revision = ['x']"),
        ("down_revision = ('a', '0001')", ("a", "x"), "down_revision = ('a', 'x')"),
        ("down_revision = ('a', '0001')  # both", ("a",), "down_revision = 'a'  # both"),
        ("down_revision = (\n 'a',\n '0',\n)", ("a", "x"), "down_revision = (\n 'a',\n 'x',\n)"),
        ("down_revision = 'a', 'b'", ("x",), "down_revision = 'x'"),
        ("down_revision = 'a'", ("x", "y"), "down_revision = ('x', 'y')"),
        ("down_revision = None", ("x",), 'down_revision = "x"'),
        ("down_revision = 'a'", (), "down_revision = None"),
        ("P = 'a'\ndown_revision = P", ("x",), "P = 'a'\ndown_revision = \"x\""),
        ("down_revision = 'a' + 'b'", ("x",), 'down_revision = "x"'),
        ("down_revision = 'a' 'b'", ("x",), "down_revision = 'x'"),
        ("revision, down_revision = 'r', 'a'", ("x",), "revision, down_revision = 'r', 'x'"),
        ("down_revision = 1;down_revision = 'b'", ("x",), "down_revision = 1;down_revision = 'x'"),
        ("down_revision = '0001' # Revises: 0001", ("x",), "down_revision = 'x' # Revises: 0001"),
        ("down_revision = 'x'", ("x",), "down_revision = 'x'"),
    ],
)  # fmt: skip
def test_literals(before, words, after):
    assert changed(before + "\n", Words(down_revision=words)) == after + "\n"


@pytest.mark.parametrize(
    "source",
    [
        "down_revision = other()",
        "revision = 'a'",
        "down_revision = a = 'x'",
        "if 1:\n    down_revision = 'a'",
        "from x import down_revision",
        "def broken(",
    ],
)
def test_what_is_not_plain(source):
    with pytest.raises(NotPlain):
        changed(source + "\n")


def test_everything_at_once():
    words = Words(
        revision="0009",
        down_revision=("0008", "bb02"),
        depends_on=("cc03",),
        create_date=("2026-01-02 03:04", "2026-02-03 00:01"),
    )
    source = STOCK.replace("depends_on: Union[str, Sequence[str], None] = None", "depends_on = 'c'")
    after = changed(source, words)
    for line in (
        "Revision ID: 0009",
        "Revises: 0008, bb02",
        "Create Date: 2026-02-03 00:01:05.678901",
        "revision: str = '0009'",
        "down_revision: Union[str, Sequence[str], None] = ('0008', 'bb02')  # after 0001",
        "depends_on = 'cc03'",
    ):
        assert line in after.splitlines()
    assert len(after.splitlines()) == len(source.splitlines())


@pytest.mark.parametrize(
    "docstring",
    [
        '"""x"""',
        "'''Revises: 0001'''",
        "x = 1",
        '"""a\n\nDown: 0001\n"""',
        '"""Revises: 0001"""',
    ],
)
def test_docstrings_of_other_kinds_stay(docstring):
    source = f"{docstring}\nrevision = 'a'\ndown_revision = '0001'\n"
    assert changed(source) == source.replace("down_revision = '0001'", "down_revision = 'bb02'")
