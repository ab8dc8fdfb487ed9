"""Where the cache lies."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import revguard
from revguard.cachedir import cache_dir, cache_folder, repository_dir, snapshots_limit
from revguard.errors import ConfigError


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"REVGUARD_CACHE_DIR": "/c", "XDG_CACHE_HOME": "/x"}, "/c/v1", id="own"),
        pytest.param({"XDG_CACHE_HOME": "/x"}, "/x/revguard/v1", id="xdg"),
        pytest.param({"XDG_CACHE_HOME": "x", "HOME": "/h"}, "/h/.cache/revguard/v1", id="relative"),
        pytest.param({"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/revguard/v1", id="empty"),
        pytest.param({"HOME": "/h"}, "/h/.cache/revguard/v1", id="home"),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG is Linux's")
def test_where_it_is(environ, expected):
    assert cache_folder(environ) == expected
    assert cache_dir(environ) == Path(expected)


def test_a_relative_setting_is_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cache_folder({"REVGUARD_CACHE_DIR": "c"}) == f"{tmp_path}/c/v1"


def test_each_repository_has_a_part_by_its_real_path(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    environ = {"REVGUARD_CACHE_DIR": "/c"}
    part = repository_dir(str(tmp_path / "real"), environ)
    assert part.parent == Path("/c/v1/repos")
    assert len(part.name) == 16
    assert repository_dir(str(tmp_path / "link"), environ) == part
    assert repository_dir(str(tmp_path), environ) != part


def test_asking_for_it_imports_nothing_of_weight():
    code = (
        "import os, sys; before = set(sys.modules); import revguard.cachedir as c;"
        "c.cache_folder(os.environ); print(*sorted(set(sys.modules) - before))"
    )
    environ = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(revguard.__file__))}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"__future__", "revguard", "revguard.cachedir"}


@pytest.mark.parametrize(
    ("told", "size"),
    [
        (None, 1 << 30),
        ("", 1 << 30),
        ("0", 0),
        ("4096", 4096),
        ("500M", 500 << 20),
        ("2G", 2 << 30),
        ("2 GiB", 2 << 30),
        ("1.5g", 3 << 29),
        ("10kb", 10 << 10),
    ],
)
def test_how_much_may_be_kept(told, size):
    assert snapshots_limit({} if told is None else {"REVGUARD_CACHE_LIMIT": told}) == size


@pytest.mark.parametrize("told", ["much", "-1", "2X", "G", "inf", "nan", "1e400G"])
def test_a_limit_that_is_none(told):
    with pytest.raises(ConfigError, match="REVGUARD_CACHE_LIMIT is"):
        snapshots_limit({"REVGUARD_CACHE_LIMIT": told})
