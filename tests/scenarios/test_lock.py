"""`lock = true`: a head file, so that two branches that each add a revision conflict in git."""

import pytest

from .shop import EMAIL, NOTE, adds, finding, only, rules, script

FILE = "migrations/versions/heads.txt"
EMAIL_SCRIPT = script("0002", "0001", **adds("users", "email"))
NOTE_SCRIPT = script("0003", "0001", **adds("orders", "note", "sa.String(20)"))
HEADS = "history/multiple-heads"


def names(report):
    return (report["verdict"], rules(report))


def said(one, name=FILE):
    """The heads that the file names."""
    lines = one.read(name).splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def add(one, reports, *words):
    return reports.read(one.revguard("add", "--format", "json", *words))


@pytest.fixture
def locked(shop, reports):
    """A shop with its head file."""
    one = shop(more={"revguard.toml": "lock = true\n"})
    assert add(one, reports, "--all")["verdict"] == "pass"
    one.commit_all("lock")
    return one


def test_it_is_asked_for_and_written(shop, reports):
    one = shop()
    one.write("revguard.toml", "lock = true\n")
    one.git("add", "-A")
    report = reports.settled(one)
    assert names(report) == ("fail", [HEADS])
    found = finding(report, HEADS)
    assert (found["path"], found["hint"]) == (FILE, "`revguard add` writes it")
    report = add(one, reports)
    assert names(report) == ("pass", [])
    assert f"{FILE} names the heads now" in only(report)["notes"]
    assert (said(one), one.status()) == (["0001"], [f"A  {FILE}", "A  revguard.toml"])
    assert names(reports.settled(one)) == ("pass", [])


def test_it_goes_with_the_script_that_is_added(locked, reports):
    locked.model()
    locked.git("add", "-A")
    locked.hook("add")
    locked.git("commit", "-qm", "email")
    assert locked.status() == []
    changed = locked.committed()
    assert changed[FILE] == "M"
    (path,) = [name for name in changed if name.endswith(".py") and changed[name] == "A"]
    assert said(locked) == [path.rpartition("/")[2].partition("_")[0]]
    locked.replace("shop/models.py", '"""What', '"""All that')
    locked.git("add", "-A")
    assert names(reports.settled(locked)) == ("pass", [])


def test_a_commit_of_a_path_takes_it_along(locked):
    locked.model()
    locked.hook("add")
    locked.git("commit", "-qm", "email", "shop/models.py")
    assert locked.status() == []
    assert locked.committed()[FILE] == "M"


def test_a_script_by_hand_needs_it_too(locked, reports):
    locked.model()
    locked.write("migrations/versions/0002_email.py", EMAIL_SCRIPT)
    locked.git("add", "-A")
    report = reports.settled(locked)
    assert names(report) == ("fail", [HEADS])
    message = finding(report, HEADS)["message"]
    assert message == f"{FILE} names '0001', and the scripts there end in '0002'"
    assert names(add(locked, reports)) == ("pass", [])
    assert said(locked) == ["0002"]
    assert names(reports.settled(locked)) == ("pass", [])


def test_a_change_of_it_alone_is_looked_at(locked, reports):
    locked.write(FILE, "0009\n")
    locked.git("add", "-A")
    assert names(reports.settled(locked)) == ("fail", [HEADS])
    locked.git("rm", "-q", "-f", FILE)
    assert names(reports.settled(locked)) == ("fail", [HEADS])


def test_what_has_landed_so_is_not_blamed_on_others(locked, reports):
    locked.write(FILE, "0009\n")
    locked.commit_all("anyway")
    locked.write("README.md", "Another\n")
    locked.git("add", "-A")
    for words in ((), ("--all",), ("--all", "--no-cache")):
        assert names(reports.check(locked, *words)) == ("pass", [])
    locked.write("migrations/versions/0002_email.py", EMAIL_SCRIPT)
    locked.model()
    locked.git("add", "-A")
    assert names(reports.settled(locked)) == ("fail", [HEADS])


def test_add_leaves_what_is_not_staged(locked, reports):
    locked.model()
    locked.git("add", "-A")
    locked.write(FILE, locked.read(FILE) + "# mine\n")
    done = locked.revguard("add")
    assert done.returncode == 2
    assert f"{FILE} has changes that are not staged" in done.stdout + done.stderr
    assert locked.versions() == ["0001_first.py"]
    assert "# mine" in locked.read(FILE)


@pytest.mark.parametrize(("severity", "verdict"), [("warning", "pass"), ("off", "pass")])
def test_it_has_the_severity_of_its_rule(severity, verdict, locked, reports):
    locked.write("revguard.toml", f'lock = true\n[rules]\n"{HEADS}" = "{severity}"\n')
    locked.write(FILE, "0009\n")
    locked.git("add", "-A")
    assert reports.check(locked)["verdict"] == verdict


def test_without_lock_nothing_is_asked(shop, reports):
    one = shop()
    one.write(FILE, "0009\n")
    one.model()
    one.git("add", "-A")
    assert names(add(one, reports)) == ("pass", [])
    assert one.read(FILE) == "0009\n"


def test_several_version_folders(shop, reports):
    one = shop()
    one.replace(
        "alembic.ini", "[alembic]\n",
        "[alembic]\nversion_locations = migrations/versions migrations/jobs\n"
        "version_path_separator = space\n",
    )  # fmt: skip
    one.write("migrations/jobs/j1.py", script("j1", None, 'op.execute("select 1")'))
    one.commit_all("jobs")
    one.write("revguard.toml", "lock = true\n")
    one.git("add", "-A")
    report = add(one, reports)
    assert names(report) == ("pass", []), only(report)["findings"]
    assert (said(one), said(one, "migrations/jobs/heads.txt")) == (["0001"], ["j1"])
    assert reports.check(one)["verdict"] == "pass"


# two branches


@pytest.fixture
def torn(locked):
    """Two branches that each bring a revision; `mine` is where we are."""
    locked.git("branch", "-M", "main")
    for branch, table, text, name, content in (
        ("mine", "users", EMAIL, "0002_email", EMAIL_SCRIPT),
        ("main", "orders", NOTE, "0003_note", NOTE_SCRIPT),
    ):
        locked.git("checkout", "-q", *(["-b"] if branch == "mine" else []), branch)
        locked.model(table, text)
        locked.write(f"migrations/versions/{name}.py", content)
        locked.git("add", "-A")
        assert locked.revguard("add").returncode == 0
        locked.commit_all(branch)
    locked.git("checkout", "-q", "mine")
    return locked


RANGE = ("--from-ref", "main", "--to-ref", "mine")


def test_two_branches_conflict_in_git(torn, reports):
    done = torn.run_git("merge", "main")
    assert done.returncode == 1
    assert "AA" not in " ".join(torn.status())
    assert f"UU {FILE}" in torn.status()
    torn.git("merge", "--abort")
    report = reports.check(torn, *RANGE)
    assert {*rules(report)} == {HEADS, "history/not-on-base-head"}
    assert f"merging with main conflicts in {FILE}" in " ".join(only(report)["notes"])


@pytest.mark.parametrize("how", ["merge", "rebase"])
def test_revguard_rebase_mends_it_in_the_middle(how, torn, reports):
    assert torn.run_git(how, "main").returncode == 1
    done = torn.revguard("rebase", "--from-ref", "main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not any(line.startswith("U") for line in torn.status())
    environ = {"GIT_EDITOR": "true"}
    torn.git(*(("commit", "-q") if how == "merge" else ("rebase", "--continue")), environ=environ)
    assert said(torn) == ["0002"]
    assert 'down_revision = "0003"' in torn.read("migrations/versions/0002_email.py")
    assert names(reports.check(torn, *RANGE)) == ("pass", [])
    assert torn.status() == []


def test_a_conflict_that_is_staged_as_it_is(torn, reports):
    """The scripts were mended by hand; the file still holds what git wrote into it."""
    assert torn.run_git("merge", "main").returncode == 1
    torn.git("add", FILE)
    assert rules(reports.check(torn)) == [HEADS]  # of the scripts, which come first
    torn.replace("migrations/versions/0002_email.py", '"0001"', '"0003"')
    torn.git("add", "-A")
    report = reports.check(torn)
    assert names(report)[1].count(HEADS) == 1
    assert "still holds a conflict of a git merge" in finding(report, HEADS)["message"]
    assert add(torn, reports)["verdict"] == "pass"
    assert said(torn) == ["0002"]
    torn.git("commit", "-qm", "merged")
    assert torn.status() == []


def test_a_rebase_after_the_merge_of_both(torn, reports):
    """Without a conflict of git's (`-X ours`), the rebase still writes the file."""
    torn.git("merge", "-q", "-X", "ours", "main")
    done = torn.revguard("rebase", "--from-ref", "main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert said(torn) == ["0002"]
    torn.commit_all("rebased")
    assert names(reports.check(torn, *RANGE)) == ("pass", [])


def test_squash_keeps_it_right(torn, reports):
    torn.model("users", "    phone = Column(String(30), nullable=True)\n")
    torn.git("add", "-A")
    assert torn.revguard("add").returncode == 0
    torn.commit_all("phone")
    torn.write(FILE, "0009\n")  # stale, which squash mends as well
    torn.git("add", "-A")
    torn.write("revguard.toml", 'lock = true\nbase = "main~"\n')
    torn.git("add", "-A")
    done = torn.revguard("squash")
    assert done.returncode == 0, done.stdout + done.stderr
    assert said(torn) == only(reports.check(torn))["heads"]
    assert len(torn.versions()) == 2


def test_squash_to_nothing(locked, reports):
    """Its revisions take each other back: the head is that of the base again."""
    locked.git("branch", "landed")
    locked.model()
    locked.git("add", "-A")
    assert locked.revguard("add").returncode == 0
    locked.commit_all("email")
    locked.replace("shop/models.py", EMAIL, "")
    locked.write("revguard.toml", 'lock = true\nbase = "landed"\n')
    locked.git("add", "-A")
    assert locked.revguard("add").returncode == 0
    locked.commit_all("without")
    done = locked.revguard("squash")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (locked.versions(), said(locked)) == (["0001_first.py"], ["0001"])
    assert reports.check(locked)["verdict"] == "pass"


def test_by_pre_commit_with_edits_that_it_has_put_away(locked, published):
    """Writing the file would keep pre-commit from putting them back."""
    locked.pre_commit(published, "add")
    locked.model()
    locked.git("add", "-A")
    locked.write(FILE, locked.read(FILE) + "# mine\n")
    done = locked.run_git("commit", "-qm", "email")
    assert done.returncode == 1
    said_ = " ".join((done.stdout + done.stderr).split())
    assert f"{FILE} has changes that are not staged: it was not touched" in said_
    assert locked.read(FILE).endswith("# mine\n")
    assert locked.versions() == ["0001_first.py"]
    locked.git("restore", "--", FILE)
    locked.git("commit", "-qm", "email")
    assert (locked.committed()[FILE], locked.status()) == ("M", [])


def test_one_environment_of_two(shop, reports):
    """`lock` of one environment asks nothing of the other."""
    one = shop()
    ini = one.read("alembic.ini").replace("location = migrations", "location = other")
    one.write("other/alembic.ini", ini.replace("sys_path = .", "sys_path = .."))
    for name in ("env.py", "script.py.mako", "versions/0001_first.py"):
        one.write(f"other/{name}", one.read(f"migrations/{name}"))
    one.write("revguard.toml", '[environments.a]\nconfig = "alembic.ini"\nlock = true\n'
              '[environments.b]\nconfig = "other/alembic.ini"\n')  # fmt: skip
    one.commit_all("two")
    one.model()
    one.git("add", "-A")
    report = add(one, reports)
    assert report["verdict"] == "pass", report
    assert (one.path / FILE).exists()
    assert not (one.path / "other/versions/heads.txt").exists()
    assert len(one.versions()) == len(one.versions("other/versions")) == 2
    assert reports.check(one)["verdict"] == "pass"
