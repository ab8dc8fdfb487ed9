"""Names of scripts, as Alembic fills its `file_template`."""

import datetime
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from revguard.history import file_names

TEMPLATES = [
    "%(rev)s_%(slug)s",
    "%(rev)s",
    "%(slug)s",
    "%(epoch)s_%(rev)s_%(slug)s",
    "%(year)d_%(month).2d_%(day).2d_%(hour).2d%(minute).2d-%(rev)s_%(slug)s",
    "%(year)d-%(month).2d-%(day).2d_%(slug)s_%(rev)s",
    "%(year)d%(month).2d%(day).2d%(hour).2d%(minute).2d%(second).2d_%(slug)s",
    "%(year)d/%(month).2d/%(rev)s",
    "v%(rev)s-%(rev)s.up",
    "100%%-%(rev)s",
]
WHEN = datetime.datetime(2026, 3, 4, 5, 6, 7)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("message", ["add e-mail", None, "a_b c"])
def test_what_alembic_writes_is_read(template, message, tmp_path):
    scripts = ScriptDirectory(str(tmp_path), file_template=template)
    path = Path(scripts._rev_path(str(tmp_path), "ab12", message, WHEN))
    name = file_names.parse(template, path.relative_to(tmp_path).as_posix(), "ab12")
    assert name is not None
    assert (name.rev, name.text) == ("ab12", path.relative_to(tmp_path).as_posix())
    if "%(slug)s" in template:
        assert name.slug == (message or "").replace(" ", "_").replace("-", "_")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("%(rev)s_%(slug)s", "other_add.py"),
        ("%(year)d_%(rev)s", "26_ab12.py"),
        ("%(year)d%(month).2d%(day).2d_%(rev)s", "20261399_ab12.py"),
        ("%(nonsense)s_%(rev)s", "x_ab12.py"),
    ],
)
def test_what_it_does_not_write_is_not_read(template, name):
    assert file_names.parse(template, name, "ab12") is None


@pytest.mark.parametrize(
    ("template", "own", "parent", "expected"),
    [
        ("%(rev)s_%(slug)s", "aa_x", "bb_y", "aa_x"),
        ("%(epoch)s_%(rev)s", "100_aa", "200_bb", "201_aa"),
        ("%(epoch)s_%(rev)s", "300_aa", "200_bb", "300_aa"),
        ("%(year)d%(month).2d%(day).2d_%(rev)s", "20260101_aa", "20260105_bb", "20260105_aa"),
        ("%(year)d%(month).2d%(day).2d_%(rev)s", "20260105_aa", "20260105_bb", "20260105_aa"),
        ("%(year)d%(month).2d%(day).2d_%(rev)s", "20260107_aa", "20260105_bb", "20260107_aa"),
        (
            "%(year)d_%(month).2d_%(day).2d_%(hour).2d%(minute).2d-%(rev)s",
            "2025_12_31_2359-aa", "2025_12_31_2359-bb", "2026_01_01_0000-aa",
        ),
        (
            "%(year)d%(month).2d%(day).2d%(hour).2d%(minute).2d%(second).2d_%(rev)s",
            "20260101000000_aa", "20260228235959_bb", "20260301000000_aa",
        ),
    ],
)  # fmt: skip
def test_after_its_parent(template, own, parent, expected):
    names = [file_names.parse(template, f"{one}.py", one[-2:]) for one in (own, parent)]
    names = [one or file_names.parse(template, f"{own}.py", "aa") for one in names]
    if names[1].rev == "aa":
        names[1] = file_names.parse(template, f"{parent}.py", "bb")
    assert file_names.after(*names).text == f"{expected}.py"
