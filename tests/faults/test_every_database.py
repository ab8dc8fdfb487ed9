"""Blocked, added, proven, clean: on each kind of database, however it is had."""

import sys
from pathlib import Path

import pytest

CASES = [
    ("sqlite", "sqlite"),
    ("postgresql", "local"),
    ("postgresql", "embedded"),
    ("mysql", "local"),
    ("mariadb", "local"),
]


@pytest.mark.parametrize(("dialect", "setting"), CASES, ids=map(":".join, CASES))
def test_blocked_added_clean(make_shop, chosen, dialect, setting):
    chosen(setting, dialect)
    shop = make_shop(dialect)
    shop.configure(python=sys.executable, database=setting)
    shop.commit()
    assert shop.run("check").returncode == 0
    shop.change()
    code, report = shop.report("check")
    (found,) = report["environments"]
    assert code == 1
    assert [one["rule"] for one in found["findings"]] == ["history/missing-revision"]
    assert (found["database"]["provider"], found["database"]["dialect"]) == (setting, dialect)
    assert [(one["op"], one["object"]) for one in found["changes"]] == [
        ("add_column", "users.email")
    ]
    code, report = shop.report("add")
    (found,) = report["environments"]
    assert code == 0, report
    assert [step["result"] for step in found["proof"]] == ["pass"] * 4
    (added,) = found["new_revisions"]
    assert Path(shop.path, added["path"]).is_file()
    shop.git("commit", "-qm", "more")
    assert shop.git("status", "--porcelain") == ""
    code, report = shop.report("check", "--tree", "HEAD", "--all", "--no-cache")
    assert code == 0, report
    assert [step["result"] for step in report["environments"][0]["proof"]] == ["pass"] * 4
    assert shop.left() == []
