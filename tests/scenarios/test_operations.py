"""Merges, reverts, cherry-picks, stopped rebases, submodules: more than plain commits."""

import pytest

from .shop import NOTE, OURS, adds, script

EMAIL = "    email = Column(String(100), nullable=True)\n"
EMAIL_SCRIPT = script("0002", "0001", **adds("users", "email"))
NOTE_SCRIPT = script("0003", "0001", **adds("orders", "note", "sa.String(20)"))
UPON_EMAIL = NOTE_SCRIPT.replace('down_revision = "0001"', 'down_revision = "0002"')


@pytest.fixture
def hooked(shop, tmp_path):
    """``hooked(command)``: a shop on `main` with plain hooks for commit, merge and push."""

    def make(command="check", **options):
        one = shop(**options)
        one.git("branch", "-M", "main")
        origin = tmp_path / "origin.git"
        one.git("init", "-q", "--bare", str(origin))
        one.git("remote", "add", "origin", str(origin))
        one.git("push", "-q", "-u", "origin", "main")
        one.environ["PYTHONPATH"] = OURS
        for name in ("pre-commit", "pre-merge-commit"):
            one.hook(command, name)
        one.hook('check --hook pre-push "$@"', "pre-push")
        return one

    return make


def done(one, *words, **options):
    """The exit code of a git command, and what it said."""
    ran = one.run_git(*words, **options)
    return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


def email(one, content=EMAIL_SCRIPT):
    one.model("users", EMAIL)
    if content:
        one.write("migrations/versions/0002_email.py", content)
    one.commit_all("email")


def note(one, content=NOTE_SCRIPT):
    one.model("orders", NOTE)
    if content:
        one.write("migrations/versions/0003_note.py", content)
    one.commit_all("note")


def branch(one, name, *changes, start="main"):
    one.git("checkout", "-q", "-b", name, start)
    for change in changes:
        change()
    one.git("checkout", "-q", "main")


# merges

ON_BOTH = (
    "\nfrom shop import left, right\n\nif left.ON and right.ON:\n    User.both = Column(Integer)\n"
)


def two_halves(one):
    """Each branch turns one of two on; the column is there where both are."""
    one.write({"shop/left.py": "ON = False\n", "shop/right.py": "ON = False\n",
               "shop/models.py": one.read("shop/models.py") + ON_BOTH})  # fmt: skip
    one.commit_all("halves")
    branch(one, "side", lambda: turned_on(one, "right"))
    turned_on(one, "left")


def turned_on(one, name):
    one.write(f"shop/{name}.py", "ON = True\n")
    one.commit_all(f"{name} on")


@pytest.mark.parametrize("command", ["check", "add"])
def test_a_clean_merge_that_makes_a_difference_nobody_had(command, hooked, reports):
    """What is added in `pre-merge-commit` is not in the commit: `add` blocks there, too."""
    one = hooked(command)
    two_halves(one)
    code, said = done(one, "merge", "--no-edit", "side")
    assert code == 1, said
    assert "history/missing-revision" in said
    assert "users.both" in said
    assert "`revguard add` writes the revision" in said
    assert "`git commit` concludes the merge" in said
    assert len(one.versions()) == 1
    assert not one.git("diff", "--cached", "--name-only", "--", "migrations")
    # what it says to do
    assert one.revguard("add").returncode == 0
    one.git("commit", "-q", "--no-edit")
    assert len(one.git("rev-parse", "HEAD^@").split()) == 2
    assert one.status() == []
    assert len(one.versions()) == 2
    assert (reports.settled(one)["verdict"], push(one)) == ("pass", 0)


@pytest.mark.parametrize("command", ["check", "add"])
def test_a_clean_merge_without_one(command, hooked):
    one = hooked(command)
    two_halves(one)
    one.git("reset", "-q", "--hard", "HEAD~1")
    one.write("README.md", "More\n")
    one.commit_all("readme")
    assert done(one, "merge", "--no-edit", "side")[0] == 0
    assert len(one.git("rev-parse", "HEAD^@").split()) == 2
    assert one.status() == []


def push(one, *words):
    return done(one, "push", *(words or ("origin", "HEAD")))[0]


@pytest.mark.parametrize("fine", [True, False])
def test_an_octopus(fine, hooked):
    one = hooked()
    branch(one, "one", lambda: email(one))
    branch(one, "two", lambda: (one.write("README.md", "two\n"), one.commit_all("two")))
    start = "one" if fine else "main"
    branch(one, "three", lambda: note(one, UPON_EMAIL if fine else NOTE_SCRIPT), start=start)
    one.write("shop/views.py", "a = 1\n")
    one.commit_all("main")
    code, said = done(one, "merge", "--no-edit", "one", "two", "three")
    if fine:
        assert code == 0, said
        assert len(one.git("rev-parse", "HEAD^@").split()) >= 3
        assert push(one) == 0
        return
    assert code == 1
    assert "history/multiple-heads" in said
    assert one.run_git("merge", "--abort").returncode in (0, 128)


def test_an_octopus_of_what_each_knew(hooked, reports):
    """Drift that any of the parents had is known."""
    one = hooked()
    branch(one, "one", lambda: email(one, None))
    branch(one, "two", lambda: note(one, None))
    one.write("README.md", "main\n")
    one.commit_all("main")
    code, said = done(one, "merge", "--no-edit", "one", "two")
    assert code == 0, said
    assert len(one.git("rev-parse", "HEAD^@").split()) == 3


@pytest.mark.parametrize("fresh", [True, False])
def test_a_merge_that_is_concluded_by_hand(fresh, hooked):
    """`git merge --no-commit`, then `git commit`: both parents are known."""
    one = hooked()
    branch(one, "side", lambda: email(one, None))
    one.write("README.md", "main\n")
    one.commit_all("main")
    one.git("merge", "-q", "--no-commit", "--no-ff", "side")
    if fresh:
        one.model("orders", NOTE)
        one.git("add", "-u")
    code, said = done(one, "commit", "-m", "merged")
    assert code == (1 if fresh else 0), said
    assert ("orders.note" in said) == fresh
    assert "add users.email" not in said


def test_a_squash_merge(hooked):
    one = hooked()
    branch(one, "side", lambda: email(one, None))
    one.git("merge", "-q", "--squash", "side")
    code, said = done(one, "commit", "-m", "squashed")
    assert code == 1
    assert "users.email" in said
    one.git("reset", "-q", "--hard")
    branch(one, "good", lambda: email(one))
    one.git("merge", "-q", "--squash", "good")
    assert done(one, "commit", "-m", "squashed")[0] == 0


# reverts


@pytest.mark.parametrize("landed", [True, False])
def test_a_revert(landed, hooked):
    """git runs no hook for it: the push tells; of what has landed nothing is taken back so."""
    one = hooked()
    email(one)
    if landed:
        one.git("push", "-q", "--no-verify", "origin", "main")
    one.git("revert", "--no-edit", "HEAD")
    assert one.versions() == ["0001_first.py"]
    code, said = done(one, "push", "origin", "main")
    assert code == (1 if landed else 0), said
    assert ("history/deleted-revision" in said) == landed


@pytest.mark.parametrize("landed", [True, False])
def test_a_revert_that_is_committed_by_hand(landed, hooked):
    one = hooked()
    email(one)
    if landed:
        one.git("push", "-q", "--no-verify", "origin", "main")
    one.git("revert", "--no-commit", "HEAD")
    code, said = done(one, "commit", "-m", "back")
    assert code == (1 if landed else 0), said
    assert ("history/deleted-revision" in said) == landed


def test_a_revert_of_the_model_alone(hooked):
    """The revision stays, so the models lack what it makes: a new one has to take it away."""
    one = hooked()
    email(one)
    one.git("push", "-q", "--no-verify", "origin", "main")
    one.git("revert", "--no-edit", "HEAD")
    one.git("checkout", "-q", "HEAD~1", "--", "migrations")
    one.git("commit", "-q", "--amend", "--no-verify", "--no-edit")
    code, said = done(one, "push", "origin", "main")
    assert code == 1
    assert "users.email" in said
    one.git("reset", "-q", "--soft", "origin/main")
    assert one.revguard("add").returncode == 0
    assert done(one, "commit", "-m", "without")[0] == 0
    assert push(one) == 0


# cherry-picks


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (EMAIL_SCRIPT, ""),
        (None, "history/missing-revision"),
        (EMAIL_SCRIPT.replace('"0001"', '"0000"'), "history/broken-graph"),
    ],
    ids=["with its script", "without", "with one that stands on another"],
)
def test_a_cherry_pick(content, rule, hooked):
    """git runs no hook for it: the push tells."""
    one = hooked()
    branch(one, "side", lambda: email(one, content))
    assert done(one, "cherry-pick", "side")[0] == 0
    code, said = done(one, "push", "origin", "main")
    assert code == (1 if rule else 0), said
    assert rule in said


@pytest.mark.parametrize("content", [EMAIL_SCRIPT, None], ids=["with", "without"])
def test_a_cherry_pick_with_a_conflict(content, hooked):
    one = hooked()
    branch(one, "side", lambda: email(one, content))
    one.replace("shop/models.py", "    # more of users\n", "    # more of them\n")
    one.commit_all("another comment")
    assert done(one, "cherry-pick", "side")[0] == 1
    one.git("checkout", "-q", "--theirs", "shop/models.py")
    one.git("add", "-A")
    code, said = done(one, "commit", "--no-edit")
    assert code == (0 if content else 1), said
    assert ("history/missing-revision" in said) == (content is None)


def test_a_cherry_pick_and_then_a_merge_of_the_same(hooked):
    one = hooked()
    branch(one, "side", lambda: email(one))
    one.write("README.md", "main\n")
    one.commit_all("main")
    one.git("cherry-pick", "side")
    code, said = done(one, "merge", "--no-edit", "side")
    assert code == 0, said
    assert push(one) == 0


# rebases that stop


@pytest.mark.parametrize("way", ["commit", "continue"])
@pytest.mark.parametrize("content", [EMAIL_SCRIPT, None], ids=["with", "without"])
def test_a_rebase_that_stops_at_a_conflict(content, way, hooked):
    """`git rebase --continue` runs no hook, `git commit` does; the push tells in both."""
    one = hooked()
    branch(one, "side", lambda: email(one, content))
    one.replace("shop/models.py", "    # more of users\n", "    # more of them\n")
    one.commit_all("another comment")
    one.git("push", "-q", "--no-verify", "origin", "main")
    one.git("checkout", "-q", "side")
    assert done(one, "rebase", "main")[0] == 1
    one.git("checkout", "-q", "--theirs", "shop/models.py")
    one.git("add", "-A")
    if way == "commit":
        code, said = done(one, "commit", "-m", "resolved")
        assert code == (0 if content else 1), said
        assert ("history/missing-revision" in said) == (content is None)
    assert done(one, "-c", "core.editor=true", "rebase", "--continue")[0] == 0
    code, said = done(one, "push", "origin", "side")
    assert code == (0 if content else 1), said
    assert ("history/missing-revision" in said) == (content is None)


@pytest.mark.parametrize("fresh", [True, False])
def test_a_rebase_that_stops_to_be_edited(fresh, hooked):
    one = hooked()
    branch(one, "side", lambda: email(one), lambda: (one.write("README.md", "x\n"),
                                                      one.commit_all("readme")))  # fmt: skip
    one.write("shop/views.py", "a = 1\n")
    one.commit_all("main")
    one.git("checkout", "-q", "side")
    one.git("-c", "sequence.editor=sed -i '1s/^pick/edit/'", "rebase", "-q", "-i", "main")
    if fresh:
        one.model("orders", NOTE)
        one.git("add", "-u")
    code, said = done(one, "commit", "--amend", "--no-edit")
    assert code == (1 if fresh else 0), said
    assert ("orders.note" in said) == fresh
    one.git("rebase", "--abort")


def test_a_rebase_onto_another_head(hooked):
    """Nothing conflicts for git: the push tells of the second head."""
    one = hooked()
    branch(one, "side", lambda: email(one))
    note(one)
    one.git("push", "-q", "--no-verify", "origin", "main")
    one.git("checkout", "-q", "side")
    one.replace("shop/models.py", "    # more of users\n", "    # more of users\n")
    assert done(one, "rebase", "main")[0] == 0
    code, said = done(one, "push", "origin", "side")
    assert code == 1
    assert "history/multiple-heads" in said


# submodules and linked worktrees


@pytest.mark.parametrize("content", [EMAIL_SCRIPT, None], ids=["with", "without"])
def test_inside_a_submodule(content, hooked, tmp_path):
    """Its commits, merges and pushes are looked at like any other's."""
    shop = hooked()
    outer = tmp_path / "outer"
    outer.mkdir()
    shop.git("init", "-q", cwd=outer)
    shop.git("submodule", "--quiet", "add", "--", str(tmp_path / "origin.git"), "the shop",
             cwd=outer)  # fmt: skip
    shop.git("commit", "-q", "-m", "outer", cwd=outer)
    shop.path = shop.home = outer / "the shop"
    shop.git("checkout", "-q", "-B", "main", "origin/main")
    for name, command in (("pre-commit", "check"), ("pre-push", 'check --hook pre-push "$@"')):
        shop.hook(command, name)
    shop.model("users", EMAIL)
    if content:
        shop.write("migrations/versions/0002_email.py", content)
    shop.git("add", "-A")
    code, said = done(shop, "commit", "-m", "email")
    assert code == (0 if content else 1), said
    assert ("history/missing-revision" in said) == (content is None)
    shop.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "email")
    code, said = done(shop, "push", "origin", "main")
    assert code == (0 if content else 1), said


@pytest.mark.parametrize("content", [EMAIL_SCRIPT, None], ids=["with", "without"])
@pytest.mark.parametrize("way", ["commit", "push"])
def test_a_submodule_that_holds_the_models(content, way, hooked, tmp_path, reports):
    """The superproject's commit is one line, the submodule's id; and the schema moves with it."""
    one = hooked()
    lib = tmp_path / "lib"
    lib.mkdir()
    one.git("init", "-q", cwd=lib)
    (lib / "models.py").write_text(one.read("shop/models.py"))
    one.git("add", "-A", cwd=lib)
    one.git("commit", "-q", "-m", "models", cwd=lib)
    one.git("submodule", "--quiet", "add", str(lib), "kept")
    one.write("shop/models.py", "from kept.models import *  # noqa\n")
    one.commit_all("models in a submodule")
    one.git("push", "-q", "--no-verify", "origin", "main")
    assert reports.settled(one)["verdict"] == "pass"
    path = one.path / "kept" / "models.py"
    path.write_text(path.read_text().replace("    # more of users\n", EMAIL))
    one.git("commit", "-q", "-a", "--no-verify", "-m", "email", cwd=one.path / "kept")
    if content:
        one.write("migrations/versions/0002_email.py", content)
    one.git("add", "-A")
    if way == "commit":
        code, said = done(one, "commit", "-m", "the submodule moves")
    else:
        one.git("commit", "-q", "--no-verify", "-m", "the submodule moves")
        code, said = done(one, "push", "origin", "main")
    assert code == (0 if content else 1), said
    assert ("users.email" in said) == (content is None) or "0002_email.py" in said


@pytest.mark.parametrize("content", [EMAIL_SCRIPT, None], ids=["with", "without"])
def test_a_merge_in_a_linked_worktree(content, hooked):
    one = hooked()
    branch(one, "one", lambda: email(one))
    branch(one, "two", lambda: note(one, UPON_EMAIL if content else NOTE_SCRIPT),
           start="one" if content else "main")  # fmt: skip
    one.git("worktree", "add", "-q", "-b", "linked", "../linked", "one")
    one.path = one.home = one.path.parent / "linked"
    one.write("README.md", "linked\n")
    one.commit_all("linked")
    code, said = done(one, "merge", "--no-edit", "two")
    assert code == (0 if content else 1), said
    assert ("history/multiple-heads" in said) == (content is None)


def test_a_change_where_two_heads_stand_already(hooked):
    """On which of them its revision goes, nobody knows: they are to be joined first."""
    one = hooked()
    for name, text in (("2", EMAIL_SCRIPT), ("3", EMAIL_SCRIPT.replace("email", "mail"))):
        one.write(f"migrations/versions/{name}.py", text.replace("0002", f"000{name}"))
    one.model("users", EMAIL + EMAIL.replace("email", "mail"))
    one.commit_all("two heads")
    one.model("users", NOTE)
    one.git("add", "-u")
    code, said = done(one, "commit", "-m", "note")
    assert code == 1
    assert "history/missing-revision" in said
    assert '`alembic merge -m "merge heads" heads` and `git add` its script' in said
    assert "users.note" in said
    joined = script("0004", ("0002", "0003"))
    one.write("migrations/versions/4.py", joined)
    one.git("add", "-A")
    one.git("commit", "-q", "--no-verify", "-m", "joined", "--", "migrations")
    assert one.revguard("add").returncode == 0
    assert done(one, "commit", "-m", "note")[0] == 0
