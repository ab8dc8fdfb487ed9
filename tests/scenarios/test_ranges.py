"""A range is judged as merging it into the base's current commit would land it."""

import pytest

from .shop import NOTE, adds, only, rules, script

EMAIL_SCRIPT = script("0002", "0001", **adds("users", "email"))
NOTE_SCRIPT = script("0003", "0001", **adds("orders", "note", "sa.String(20)"))


@pytest.fixture
def branch(shop):
    """A shop on the branch `mine`, one commit behind nothing yet."""
    one = shop()
    one.git("branch", "-M", "main")
    one.git("checkout", "-q", "-b", "mine")
    return one


def lands(one, table, text, name, content, branch):
    """A commit on a branch that changes a model and brings its revision."""
    one.git("checkout", "-q", branch)
    one.model(table, text)
    if content:
        one.write(f"migrations/versions/{name}.py", content)
    one.commit_all(f"{table} on {branch}")


def email(one, content=EMAIL_SCRIPT, branch="mine"):
    lands(one, "users", "    email = Column(String(100), nullable=True)\n", "0002_email", content,
          branch)  # fmt: skip


def note(one, content=NOTE_SCRIPT, branch="main"):
    lands(one, "orders", NOTE, "0003_note", content, branch)


def judged(one, reports, *words, **options):
    return reports.read(one.revguard("check", *words, "--format", "json", **options))


RANGE = ("--from-ref", "main", "--to-ref", "mine")


def test_a_range_that_is_fine(branch, reports):
    email(branch)
    before = branch.status()
    report = judged(branch, reports, *RANGE)
    assert (report["verdict"], rules(report)) == ("pass", [])
    assert [one["id"] for one in only(report)["new_revisions"]] == ["0002"]
    assert (branch.status(), branch.git("branch", "--show-current")) == (before, "mine")


def test_a_range_without_its_revision(branch, reports):
    email(branch, None)
    report = judged(branch, reports, *RANGE)
    assert (report["verdict"], rules(report)) == ("fail", ["history/missing-revision"])
    assert 'down_revision: Union[str, Sequence[str], None] = "0001"' in only(report)[
        "script"
    ].replace("'", '"')


def test_green_goes_red_when_the_base_moves(branch, reports):
    """Nobody pushes anything: the other pull request was merged."""
    email(branch)
    assert judged(branch, reports, *RANGE)["verdict"] == "pass"
    note(branch)
    branch.git("checkout", "-q", "mine")
    report = judged(branch, reports, *RANGE)
    assert report["verdict"] == "fail"
    assert {"history/multiple-heads", "history/not-on-base-head"} <= {*rules(report)}


def test_two_pull_requests(branch, reports):
    """Both are green; one lands, and the other is red though nobody pushed; a rebase mends it."""
    email(branch)
    branch.git("branch", "-q", "yours", "main")
    note(branch, branch="yours")
    yours = ("--from-ref", "main", "--to-ref", "yours")
    assert [judged(branch, reports, *one)["verdict"] for one in (RANGE, yours)] == ["pass"] * 2
    head = branch.git("rev-parse", "mine")
    branch.git("checkout", "-q", "main")
    branch.git("merge", "-q", "--no-ff", "--no-edit", "yours")
    report = judged(branch, reports, *RANGE)
    assert report["verdict"] == "fail"
    assert {"history/multiple-heads", "history/not-on-base-head"} <= {*rules(report)}
    assert branch.git("rev-parse", "mine") == head
    # what the findings say
    branch.git("checkout", "-q", "mine")
    branch.git("merge", "-q", "--no-edit", "main")
    done = branch.revguard("rebase", "--from-ref", "main")
    assert done.returncode == 0, done.stdout + done.stderr
    branch.git("commit", "-q", "-m", "on top of yours")
    report = judged(branch, reports, *RANGE)
    assert (report["verdict"], rules(report)) == ("pass", [])


def test_a_branch_without_what_landed_from_it(branch, reports):
    """What it brought first has landed by way of another; it took that back and began anew."""
    email(branch)
    branch.git("branch", "-q", "yours")
    branch.git("rm", "-q", "migrations/versions/0002_email.py")
    branch.write("migrations/versions/0004_email.py", EMAIL_SCRIPT.replace("0002", "0004"))
    branch.commit_all("anew")
    branch.git("checkout", "-q", "main")
    branch.git("merge", "-q", "--no-ff", "--no-edit", "yours")
    report = judged(branch, reports, *RANGE)
    assert {"history/renumbered-revision", "history/not-on-base-head"} <= {*rules(report)}


def test_the_base_moved_elsewhere(branch, reports):
    email(branch)
    branch.git("checkout", "-q", "main")
    branch.write("README.md", "More\n")
    branch.commit_all()
    report = judged(branch, reports, *RANGE)
    assert (report["verdict"], rules(report)) == ("pass", [])


def test_a_range_that_brings_nothing(branch, reports):
    note(branch)
    report = judged(branch, reports, *RANGE)
    assert (report["verdict"], rules(report)) == ("pass", [])


@pytest.mark.parametrize(
    ("path", "verdict"), [("README.md", "pass"), ("migrations/versions/0002_email.py", "error")]
)
def test_a_conflict(path, verdict, branch, reports):
    """Outside of what is judged it is a note; in a script nobody knows whose it is."""
    email(branch)
    branch.write(path, branch.read(path) + "# ours\n")
    branch.commit_all()
    branch.git("checkout", "-q", "main")
    branch.write(path, "# theirs\n" + EMAIL_SCRIPT if path.endswith(".py") else "theirs\n")
    branch.commit_all()
    report = judged(branch, reports, *RANGE)
    assert report["verdict"] == verdict, report
    one = only(report)
    said = " ".join([one.get("error", ""), *one.get("notes", [])])
    assert f"merging with main conflicts in {path}" in said


@pytest.mark.parametrize(
    ("one_per", "expected"), [("commit", []), ("branch", ["history/several-revisions"])]
)
def test_two_commits_each_with_a_revision(one_per, expected, branch, reports):
    branch.write("revguard.toml", f'one-per = "{one_per}"\n')
    email(branch)
    note(branch, script("0003", "0002", **adds("orders", "note", "sa.String(20)")), "mine")
    assert rules(judged(branch, reports, *RANGE)) == expected


def test_the_same_tree_by_other_commits(branch, reports):
    """The commits of a range count, too: what was said of two of them is not true of one."""
    email(branch)
    note(branch, script("0003", "0002", **adds("orders", "note", "sa.String(20)")), "mine")
    assert rules(judged(branch, reports, *RANGE)) == []
    branch.git("branch", "apart")
    branch.git("reset", "-q", "--soft", "main")
    branch.git("commit", "-q", "--no-verify", "-m", "one")
    assert rules(judged(branch, reports, *RANGE)) == ["history/several-revisions"]
    assert rules(judged(branch, reports, "--from-ref", "main", "--to-ref", "apart")) == []


def test_one_commit_with_two_revisions(branch, reports):
    branch.model("orders", NOTE)
    branch.write(
        "migrations/versions/0003_note.py",
        script("0003", "0002", **adds("orders", "note", "sa.String(20)")),
    )
    email(branch)
    branch.write("README.md", "More\n")
    branch.commit_all()
    assert rules(judged(branch, reports, *RANGE)) == ["history/several-revisions"]


def test_a_push_is_judged_by_what_is_pushed(branch, reports, tmp_path):
    """As pre-commit calls the hook in the pre-push stage; the working tree does not matter."""
    email(branch, None)
    branch.git("checkout", "-q", "main")
    variables = {
        "PRE_COMMIT_FROM_REF": branch.git("rev-parse", "main"),
        "PRE_COMMIT_TO_REF": branch.git("rev-parse", "mine"),
        "PRE_COMMIT_REMOTE_NAME": "origin",
        "PRE_COMMIT_REMOTE_BRANCH": "refs/heads/mine",
    }
    report = judged(branch, reports, environ=variables)
    assert rules(report) == ["history/missing-revision"]
    assert rules(judged(branch, reports)) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--from-ref", "gone"), "'gone' names no commit"), (RANGE, "too shallow to know where")],
)
def test_a_range_that_cannot_be_had(words, said, branch, tmp_path):
    email(branch)
    if "mine" in words:  # both ends without what lies between
        note(branch)
        clone = tmp_path / "shallow"
        branch.git("clone", "-q", "--depth=1", "--no-single-branch", f"file://{branch.path}",
                   str(clone))  # fmt: skip
        done = branch.revguard("check", "--from-ref", "origin/main", "--to-ref", "origin/mine",
                               cwd=clone)  # fmt: skip
    else:
        done = branch.revguard("check", *words)
    assert done.returncode in (2, 3)
    assert said in done.stderr
    assert "git fetch --unshallow" in done.stderr


def test_branches_with_nothing_in_common(branch):
    branch.git("switch", "-q", "--orphan", "other")
    branch.write("README.md", "elsewhere\n")
    branch.commit_all("elsewhere")
    done = branch.revguard("check", "--from-ref", "main", "--to-ref", "other")
    assert done.returncode == 3
    assert "have no commit in common" in done.stderr
    assert "git cherry-pick" in done.stderr


def test_a_branch_that_has_landed_whole(branch, reports):
    """The base has squashed what it brought: nothing of it would land again."""
    email(branch)
    branch.git("checkout", "-q", "main")
    branch.git("merge", "-q", "--no-ff", "--no-edit", "mine")
    branch.git("rm", "-q", "migrations/versions/0002_email.py")
    branch.write("migrations/versions/0004_email.py", EMAIL_SCRIPT.replace("0002", "0004"))
    branch.commit_all("as another one")
    report = judged(branch, reports, *RANGE, "--no-cache")
    assert (report["verdict"], rules(report)) == ("pass", [])


# the branch moves the version folder, or the ini


def moves_versions(one):
    one.git("mv", "migrations/versions", "migrations/history")
    one.replace("alembic.ini", "[alembic]\n", "[alembic]\nversion_locations = migrations/history\n")
    return "migrations/history"


def moves_migrations(one):
    one.git("mv", "migrations", "db")
    one.replace("alembic.ini", "script_location = migrations", "script_location = db")
    return "db/versions"


def moves_all(one):
    (one.path / "service").mkdir()
    one.git("mv", "migrations", "service/migrations")
    one.git("mv", "alembic.ini", "service/alembic.ini")
    one.replace("service/alembic.ini", "prepend_sys_path = .", "prepend_sys_path = .:..")
    return "service/migrations/versions"


MOVES = pytest.mark.parametrize("move", [moves_versions, moves_migrations, moves_all])


@MOVES
@pytest.mark.parametrize("brings", [False, True])
def test_the_version_folder_moves(move, brings, branch, reports):
    """Each script is changed, too, so that nothing is where or what it was."""
    branch.git("checkout", "-q", "mine")
    if brings:
        email(branch)
    folder = move(branch)
    for name in branch.versions(folder):
        branch.write(f"{folder}/{name}", branch.read(f"{folder}/{name}") + "# formatted\n")
    branch.commit_all("move")
    report = judged(branch, reports, *RANGE)
    assert (report["verdict"], rules(report)) == ("pass", [])
    assert [one["id"] for one in only(report)["new_revisions"]] == ["0002"] * brings


@MOVES
def test_a_landed_revision_is_lost_on_the_way(move, branch, reports):
    email(branch, branch="main")
    branch.git("checkout", "-q", "mine")
    branch.git("merge", "-q", "main")
    folder = move(branch)
    branch.git("rm", "-qf", f"{folder}/0002_email.py")
    branch.commit_all("move")
    report = judged(branch, reports, *RANGE)
    assert report["verdict"] == "fail"
    assert "history/deleted-revision" in rules(report)


@MOVES
def test_known_drift_stays_known_where_the_folder_moves(move, branch, reports):
    email(branch, None, branch="main")
    branch.git("checkout", "-q", "mine")
    branch.git("merge", "-q", "main")
    move(branch)
    branch.git("add", "-A")
    report = judged(branch, reports)
    assert (report["verdict"], rules(report)) == ("pass", [])
    assert only(report)["known_drift"] == 1
