"""`one-per = "branch"`: the branch brings one revision, which a second model change extends."""

import pytest

from . import killed
from .shop import EMAIL, NOTE, Shop, adds, copy_of, files, only, rules, script

AGE = "    age = Column(Integer, nullable=True)\n"
ENDING = "    # ### end Alembic commands ###"


@pytest.fixture(scope="module")
def made(tmp_path_factory, virtualenv):
    """The shop that every test has a copy of."""
    one = Shop(tmp_path_factory.mktemp("made"), virtualenv)
    one.git("init", "-q", "-b", "main")
    one.write({**files(), "revguard.toml": 'base = "main"\none-per = "branch"\n'})
    one.commit_all("first")
    one.git("checkout", "-q", "-b", "mine")
    one.model()
    one.git("add", "-A")
    assert one.revguard("add").returncode == 0
    one.commit_all("email")
    return one


@pytest.fixture
def branch(made, tmp_path):
    """A shop on the branch `mine`, whose first model change has its generated revision."""
    one = copy_of(made, tmp_path / "shop")
    one.environ = dict(made.environ)
    return one


def script_of(one):
    """The path of the newest script, and what it holds."""
    (name,) = set(one.versions()) - {"0001_first.py"}
    path = f"migrations/versions/{name}"
    return path, one.read(path)


def changes(one, table="orders", text=NOTE):
    one.model(table, text)
    one.git("add", "-A")


def identity(text):
    return [line for line in text.splitlines() if line.startswith(("revision", "down_revision"))]


def plain(one, *words):
    changes(one)
    done = one.revguard("add", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(*words):
    def run(one):
        one.model("orders", NOTE)
        if words != ("-a",) and "shop/models.py" not in words:
            one.git("add", "-A")
        one.hook("add")
        done = one.run_git("commit", "-q", "-m", "note", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert one.status() == []
        assert one.git("diff", "HEAD") == ""
        return done.stdout + done.stderr

    return run


def before_the_commit(one):
    """The first script is staged only."""
    one.git("reset", "-q", "--soft", "HEAD~1")
    return plain(one)


def in_a_worktree(one):
    one.git("worktree", "add", "-q", "-b", "other", "../linked")
    one.path = one.home = one.path.parent / "linked"
    return commit()(one)


WAYS = {
    "add": plain,
    "git commit": commit(),
    "git commit -a": commit("-a"),
    "git commit PATH": commit("shop/models.py"),
    "git commit --amend": commit("--amend"),
    "twice before the commit": before_the_commit,
    "a linked worktree": in_a_worktree,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_second_change_extends_the_branchs_revision(way, branch):
    path, before = script_of(branch)
    said = " ".join(way(branch).split())
    found, after = script_of(branch)
    assert (found, identity(after)) == (path, identity(before))
    assert "'email'" in after
    assert "'note'" in after
    assert after.startswith('"""add orders.note and 1 more\n')
    assert f": generated anew {path} (" in said
    assert "added" not in said
    assert f"{path} is generated anew" in said


def test_a_rename_is_not_generated_anew(branch):
    """A comparison would not say again that it is one: the values would be lost."""
    branch.replace("shop/models.py", "    name = Column", "    title = Column")
    branch.git("add", "-A")
    done = branch.revguard("add")
    assert done.returncode == 1
    assert "users.name is probably renamed to title" in " ".join(done.stdout.split())
    done = branch.revguard("add", "--rename", "users.name:title")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(branch.versions()) == 3
    branch.commit_all("title")
    changes(branch)
    done = branch.revguard("add")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(branch.versions()) == 4
    assert "revguard squash" in done.stdout


def test_check_names_add(branch, reports):
    path, _ = script_of(branch)
    changes(branch)
    report = reports.settled(branch)
    assert rules(report) == ["history/missing-revision"]
    (finding,) = only(report)["findings"]
    assert finding["hint"] == f"`revguard add` generates {path} anew, proves it and stages it"
    assert only(report)["script_path"] == path
    assert [it["object"] for it in only(report)["changes"]] == ["orders.note"]


# who may have touched it


def formatted(one, path):
    text = one.read(path).replace("'", '"').replace("Union[str, Sequence[str], None]", "str | None")
    one.write(path, text.replace("from typing import Sequence, Union\n\n", ""))


def moved(one, path):
    """As `rebase` does it."""
    one.write("migrations/versions/0000.py", script("0000", None))
    one.replace("migrations/versions/0001_first.py", "down_revision = None",
                'down_revision = "0000"')  # fmt: skip
    one.git("mv", path, "migrations/versions/renamed.py")


def statement(one, path):
    one.replace(path, ENDING, '    op.execute("SELECT 1")\n' + ENDING)


TOUCHED = {  # more of them in tests/history/test_generated.py
    "a formatter": (formatted, True),
    "a new name": (moved, True),
    "a statement": (statement, False),
}


@pytest.mark.parametrize(("edit", "extends"), TOUCHED.values(), ids=TOUCHED.keys())
def test_who_has_touched_it(edit, extends, branch):
    path, _ = script_of(branch)
    edit(branch, path)
    branch.commit_all("touched")
    before = branch.versions()
    said = " ".join(plain(branch).split())
    assert (branch.versions() == before) is extends
    assert ("`revguard squash` makes one of them" in said) is not extends


def test_what_was_renamed_by_hand_keeps_its_message(branch):
    path, _ = script_of(branch)
    branch.replace(path, '"""add users.email', '"""all that users need')
    branch.commit_all("renamed")
    plain(branch)
    assert script_of(branch)[1].startswith('"""all that users need\n')


def test_a_message_is_kept_once_it_was_given(branch):
    plain(branch, "-m", "what the shop needs")
    branch.commit_all()
    changes(branch, "users", AGE)
    assert branch.revguard("add").returncode == 0
    assert script_of(branch)[1].startswith('"""what the shop needs\n')


# what it does not extend


def test_the_next_change_extends_the_second_one(branch):
    """The first was edited; the branch does not grow with each change."""
    path, _ = script_of(branch)
    statement(branch, path)
    branch.commit_all("edited")
    plain(branch)
    branch.commit_all("note")
    before = branch.versions()
    assert len(before) == 3
    changes(branch, "users", AGE)
    assert branch.revguard("add").returncode == 0
    assert branch.versions() == before


def test_what_has_landed_is_not_the_branchs_own(branch):
    branch.git("branch", "-f", "main", "mine")
    plain(branch)
    assert len(branch.versions()) == 3


def test_without_a_base_each_commit_brings_its_own(shop):
    one = shop(more={"revguard.toml": 'one-per = "branch"\n'})
    for table, text in (("users", EMAIL), ("orders", NOTE)):
        changes(one, table, text)
        done = one.revguard("add")
        assert done.returncode == 0
        assert "without a remote or a `base` nothing tells" in " ".join(done.stdout.split())
        one.commit_all()
    assert len(one.versions()) == 3


def test_per_commit_nothing_is_marked_and_nothing_extended(shop):
    one = shop(more={"revguard.toml": 'base = "main"\n'})
    one.git("branch", "-M", "main")
    one.git("checkout", "-q", "-b", "mine")
    for table, text in (("users", EMAIL), ("orders", NOTE)):
        changes(one, table, text)
        assert one.revguard("add").returncode == 0
        one.commit_all()
    assert len(one.versions()) == 3
    texts = [one.read(f"migrations/versions/{name}") for name in one.versions()]
    assert not any("revguard: generated" in text for text in texts)


def test_unstaged_edits_are_not_overwritten(branch):
    path, text = script_of(branch)
    changes(branch)
    branch.write(path, text + "# mine\n")
    done = branch.revguard("add")
    assert done.returncode == 2
    assert f"{path} has changes that are not staged" in " ".join(done.stderr.split())
    assert branch.read(path) == text + "# mine\n"


def test_unstaged_edits_that_pre_commit_has_put_away(branch, published):
    """It would crash when it puts them back on another text."""
    path, text = script_of(branch)
    branch.pre_commit(published, "add")
    branch.commit_all("hook")
    branch.model("orders", NOTE)
    branch.git("add", "shop/models.py")
    branch.write(path, text + "# mine\n")
    done = branch.run_git("commit", "-m", "note")
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1
    assert f"{path} has changes that are not staged: it was not touched" in said
    assert "unexpected error" not in said
    assert branch.read(path) == text + "# mine\n"
    branch.git("restore", path)
    branch.git("commit", "-q", "-m", "note")
    assert branch.status() == []
    assert "'note'" in script_of(branch)[1]


def test_no_stage_writes_it_only(branch):
    path, _ = script_of(branch)
    changes(branch)
    done = branch.revguard("add", "--no-stage")
    assert done.returncode == 1
    assert f" M {path}" in branch.status()
    assert f"git add {path}" in done.stdout
    branch.git("add", path)
    assert branch.revguard("check").returncode == 0
    branch.commit_all("note")
    assert branch.revguard("check", "--from-ref", "main").returncode == 0


def test_a_change_that_takes_the_first_back_adds_one(branch):
    """There is nothing to generate anew."""
    branch.replace("shop/models.py", EMAIL, "")
    branch.git("add", "-A")
    done = branch.revguard("add")
    assert done.returncode == 0, done.stdout
    assert "revguard squash" in done.stdout
    branch.commit_all("back")
    assert branch.revguard("squash").returncode == 0
    assert branch.versions() == ["0001_first.py"]


def test_a_revision_by_hand_is_left_to_squash(branch, reports):
    branch.model("orders", NOTE)
    _, text = script_of(branch)
    id_ = identity(text)[0].split("'")[1]
    branch.write("migrations/versions/0003.py",
                 script("0003", id_, **adds("orders", "note", "sa.String(20)")))  # fmt: skip
    branch.git("add", "-A")
    report = reports.check(branch)
    assert report["verdict"] == "pass"
    assert "revguard squash" in " ".join(only(report)["notes"])
    branch.commit_all("by hand")
    assert rules(reports.check(branch, "--from-ref", "main")) == ["history/several-revisions"]


def test_killed_at_any_change_the_repository_is_as_before(branch):
    path, _ = script_of(branch)
    changes(branch)
    told = killed.at_each_change(branch, "add")
    assert told["kills"] > 5
    assert told["wrong"] == []
    assert f"M  {path}" in branch.status()
