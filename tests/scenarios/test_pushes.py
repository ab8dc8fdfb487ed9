"""A push is judged by what it brings to the other side, whatever is checked out here."""

import os
import pty
import sys

import pytest

from . import machine
from .shop import NOTE, OURS, adds, script

EMAIL = "    email = Column(String(100), nullable=True)\n"
EMAIL_SCRIPT = script("0002", "0001", **adds("users", "email"))
NOTE_SCRIPT = script("0003", "0001", **adds("orders", "note", "sa.String(20)"))
NULL = "0" * 40


@pytest.fixture
def cloned(shop, tmp_path):
    """A shop whose `main` is on the remote `origin`; a push is looked at by the plain hook."""

    def make(hooked=True, pushed=True):
        one = shop()
        one.git("branch", "-M", "main")
        origin = tmp_path / "origin.git"
        one.git("init", "-q", "--bare", str(origin))
        one.git("remote", "add", "origin", str(origin))
        if pushed:
            one.git("push", "-q", "-u", "origin", "main")
            one.git("remote", "set-head", "origin", "main")
        if hooked:
            one.environ["PYTHONPATH"] = OURS
            one.hook('check --hook pre-push "$@"', "pre-push")
        return one

    return make


def email(one, content=None):
    """The model and, where it is given, its script; no hook looks at the commit."""
    one.model("users", EMAIL)
    if content:
        one.write("migrations/versions/0002_email.py", content)
    one.commit_all("email")


def note(one, content=None):
    one.model("orders", NOTE)
    if content:
        one.write("migrations/versions/0003_note.py", content)
    one.commit_all("note")


def push(one, *words):
    done = one.run_git("push", *words)
    return done.returncode, done.stdout + done.stderr


# each brings the shop to what is pushed, and returns the words of the push


def new_branch(one, content):
    one.git("checkout", "-q", "-b", "mine")
    email(one, content)
    return ["origin", "mine"]


def to_the_base(one, content):
    email(one, content)
    return ["origin", "main"]


def from_elsewhere(one, content):
    """The working tree is another branch's."""
    new_branch(one, content)
    one.git("checkout", "-q", "main")
    return ["origin", "mine"]


def older_commit(one, content):
    """HEAD is the other way round: without a script where the pushed commit has one."""
    email(one, content)
    one.git("rm", "-q", "--cached", "--ignore-unmatch", "migrations/versions/0002_email.py")
    if not content:
        one.write("migrations/versions/0002_email.py", EMAIL_SCRIPT)
        one.git("add", "migrations")
    one.git("commit", "-q", "--no-verify", "-m", "the other way round")
    return ["origin", "HEAD~1:refs/heads/main"]


def forced(one, content):
    one.git("checkout", "-q", "-b", "mine")
    one.write("README.md", "More\n")
    one.commit_all("first try")
    one.git("push", "-q", "--no-verify", "origin", "mine")
    one.git("reset", "-q", "--hard", "main")
    email(one, content)
    return ["-f", "origin", "mine"]


def second_of_several(one, content):
    one.git("checkout", "-q", "-b", "fine")
    one.write("README.md", "More\n")
    one.commit_all("no model")
    one.git("checkout", "-q", "main")
    new_branch(one, content)
    return ["origin", "fine", "mine"]


def everything(one, content):
    new_branch(one, content)
    return ["origin", "--all"]


def annotated_tag(one, content):
    email(one, content)
    one.git("tag", "-a", "-m", "one", "v1")
    one.git("reset", "-q", "--hard", "HEAD~1")
    return ["origin", "v1"]


def light_tag(one, content):
    email(one, content)
    one.git("tag", "v1")
    return ["origin", "refs/tags/v1"]


def following_tags(one, content):
    email(one, content)
    one.git("tag", "-a", "-m", "one", "v1")
    return ["--follow-tags", "origin", "main"]


def by_url(one, content):
    one.git("checkout", "-q", "-b", "mine")
    email(one, content)
    return [one.git("remote", "get-url", "origin"), "mine"]


def to_a_new_remote(one, content):
    """Nothing is known of it, but of what has landed elsewhere."""
    one.git("init", "-q", "--bare", "../mirror.git")
    one.git("remote", "add", "mirror", "../mirror.git")
    email(one, content)
    return ["mirror", "main"]


def with_what_has_landed(one, content):
    """A branch that was pushed before takes in the base, which has its own revision."""
    one.git("checkout", "-q", "-b", "mine")
    one.write("README.md", "More\n")
    one.commit_all("begun")
    one.git("push", "-q", "--no-verify", "origin", "mine")
    one.git("checkout", "-q", "main")
    one.model("orders", "    landed = Column(Integer)\n")
    one.commit_all("drift that has landed")
    one.git("push", "-q", "--no-verify", "origin", "main")
    one.git("checkout", "-q", "mine")
    one.git("merge", "-q", "--no-edit", "main")
    email(one, content)
    return ["origin", "mine"]


def deleted_beside(one, content):
    one.git("push", "-q", "--no-verify", "origin", "main:old")
    new_branch(one, content)
    return ["origin", ":old", "mine"]


def with_a_base_of_its_own(one, content):
    """The local branch that is pushed is the base of the configuration."""
    one.write("revguard.toml", 'base = "main"\n')
    one.commit_all("base")
    one.git("push", "-q", "--no-verify", "origin", "main")
    email(one, content)
    return ["origin", "main"]


def of_a_linked_worktree(one, content):
    one.git("worktree", "add", "-q", "-b", "mine", "../linked")
    one.path = one.home = one.path.parent / "linked"
    email(one, content)
    return ["origin", "mine"]


PUSHES = [
    new_branch, to_the_base, from_elsewhere, older_commit, forced, second_of_several, everything,
    annotated_tag, light_tag, following_tags, by_url, to_a_new_remote, with_what_has_landed,
    deleted_beside, with_a_base_of_its_own, of_a_linked_worktree,
]  # fmt: skip


@pytest.mark.parametrize("kind", PUSHES, ids=lambda one: one.__name__)
def test_a_push_is_blocked_or_passes(kind, cloned):
    for content, code in ((None, 1), (EMAIL_SCRIPT, 0)):
        one = cloned()
        found, said = push(one, *kind(one, content))
        assert found == code, said
        assert ("history/missing-revision" in said) == (code == 1), said
        assert ("email" in said) == (code == 1) or "0002_email" in said
        assert "landed" not in said
        one.path.rename(one.path.parent / f"done{code}")
        (one.path.parent / "origin.git").rename(one.path.parent / f"done{code}.git")


# nothing to do


def nothing_new(one):
    return ["origin", "main"]


def only_deleted(one):
    one.git("push", "-q", "--no-verify", "origin", "main:old")
    return ["origin", ":old"]


def a_tag_of_what_landed(one):
    one.git("tag", "-a", "-m", "one", "v1")
    return ["origin", "v1"]


def a_tag_of_a_file(one):
    one.git("tag", "readme", "HEAD:README.md")
    return ["origin", "readme"]


def a_branch_at_what_landed(one):
    return ["origin", "main:other"]


def taken_back_on_a_branch(one):
    """A force push to an older commit of a branch: what it had was nobody else's."""
    new_branch(one, EMAIL_SCRIPT)
    one.git("push", "-q", "--no-verify", "origin", "mine")
    one.git("reset", "-q", "--hard", "main")
    return ["-f", "origin", "mine"]


def with_drift_of_another_branch(one):
    """What the remote has already on another branch is not this push's."""
    new_branch(one, None)
    one.git("push", "-q", "--no-verify", "origin", "mine")
    one.git("checkout", "-q", "-b", "upon")
    one.write("README.md", "More\n")
    one.commit_all("more")
    return ["origin", "upon"]


def a_revert(one):
    """What was pushed without its script is taken back."""
    to_the_base(one, None)
    one.git("push", "-q", "--no-verify", "origin", "main")
    one.git("revert", "--no-edit", "HEAD")
    return ["origin", "main"]


QUIET = [
    nothing_new, only_deleted, a_tag_of_what_landed, a_tag_of_a_file, a_branch_at_what_landed,
    taken_back_on_a_branch, with_drift_of_another_branch, a_revert,
]  # fmt: skip


@pytest.mark.parametrize("kind", QUIET, ids=lambda one: one.__name__)
def test_a_push_that_is_nothing_to_say_of(kind, cloned):
    one = cloned()
    words = kind(one)
    code, said = push(one, *words)
    assert code == 0, said
    assert "shop" not in said.replace(str(one.path), "").replace("origin.git", "")


# a base that is rewritten


@pytest.mark.parametrize("configured", [None, "origin/main", "main"])
def test_a_force_push_takes_no_landed_revision_away(configured, cloned):
    one = cloned()
    if configured:
        one.write("revguard.toml", f'base = "{configured}"\n')
        one.commit_all("base")
    one.git("branch", "before")
    words = to_the_base(one, EMAIL_SCRIPT)
    assert push(one, *words)[0] == 0
    one.git("reset", "-q", "--hard", "before")
    code, said = push(one, "-f", *words)
    assert code == 1
    assert "history/deleted-revision" in said
    assert "0002_email.py" in said


def test_nor_changes_one(cloned):
    one = cloned()
    one.git("branch", "before")
    words = to_the_base(one, EMAIL_SCRIPT)
    assert push(one, *words)[0] == 0
    one.git("reset", "-q", "--hard", "before")
    email(one, EMAIL_SCRIPT.replace("nullable=True", "nullable=True, comment='x'"))
    code, said = push(one, "-f", *words)
    assert code == 1
    assert "history/edited-revision" in said


# what is not known of the other side


@pytest.mark.parametrize("content", [None, EMAIL_SCRIPT], ids=["without", "with"])
def test_the_first_push_of_all(content, cloned):
    """Several revisions, each in its commit, and nothing old."""
    one = cloned(pushed=False)
    note(one, script("0003", "0001", **adds("orders", "note", "sa.String(20)")))
    email(one, content and content.replace('"0001"', '"0003"'))
    code, said = push(one, "-u", "origin", "main")
    assert code == (0 if content else 1), said
    assert ("history/incomplete-revision" in said) == (content is None)
    assert "several-revisions" not in said


@pytest.mark.parametrize("content", [None, EMAIL_SCRIPT], ids=["without", "with"])
def test_the_other_side_has_moved_and_was_not_fetched(content, cloned, tmp_path):
    one = cloned()
    new_branch(one, EMAIL_SCRIPT)
    assert push(one, "origin", "mine")[0] == 0
    one.git("clone", "-q", "-b", "mine", str(tmp_path / "origin.git"), str(tmp_path / "other"))
    one.git("commit", "-q", "--allow-empty", "-m", "theirs", cwd=tmp_path / "other")
    one.git("push", "-q", "origin", "mine", cwd=tmp_path / "other")
    note(one, content and script("0003", "0002", **adds("orders", "note", "sa.String(20)")))
    code, said = push(one, "-f", "origin", "mine")
    assert code == (0 if content else 1), said
    assert ("history/missing-revision" in said) == (content is None)
    assert "email" not in said


# by hand, and hooks that are written otherwise

UNASKED = "git says on the standard input of its `pre-push` hook what is pushed"
WRITTEN = '`exec revguard check --hook pre-push "$@"`'


@pytest.mark.parametrize(
    ("words", "told", "said"),
    [
        (("--hook", "pre-push"), "", WRITTEN),
        (("--hook", "pre-push", "origin"), "", WRITTEN),
        (("origin", "../origin.git"), "", WRITTEN),
        (("--hook", "pre-push", "origin", "url"), "HEAD\n", "a line of four words"),
        (("--hook", "pre-push", "origin", "url"), "a b c d\n", "a line of four words"),
        (("--hook", "post-merge"), "", "invalid choice"),
        (("--hook", "pre-push", "--worktree"), "", "not allowed with"),
        (("--hook", "pre-commit", "x"), "", "takes no file names"),
    ],
)
def test_a_hook_that_is_not_written_so(words, told, said, cloned):
    one = cloned(hooked=False)
    done = one.revguard("check", *words, input=told)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_nobody_is_asked_at_a_terminal(cloned):
    one = cloned(hooked=False)
    ours, theirs = pty.openpty()
    try:
        done = one.revguard("check", "--hook", "pre-push", "origin", "url", stdin=theirs)
    finally:
        for end in (ours, theirs):
            os.close(end)
    assert done.returncode == 2
    assert UNASKED in " ".join(done.stderr.split())


@pytest.mark.parametrize("stage", ["pre-commit", "pre-merge-commit"])
def test_the_other_stages_need_nothing_more(stage, cloned):
    one = cloned(hooked=False)
    one.model("users", EMAIL)
    one.git("add", "-A")
    done = one.revguard("check", "--hook", stage)
    assert done.returncode == 1
    assert "history/missing-revision" in done.stdout


def test_the_report_of_several(cloned, reports):
    one = cloned(hooked=False)
    first, second = second_of_several(one, None)[1:]
    lines = [f"refs/heads/{name} {one.git('rev-parse', name)} refs/heads/{name} {NULL}\n"
             for name in (first, second)]  # fmt: skip
    words = ("check", "--hook", "pre-push", "origin", "url", "--format", "json", "--all")
    report = reports.read(one.revguard(*words, input="".join(lines)))
    assert report["tree"] == one.git("rev-parse", "mine^{tree}")
    assert [each["verdict"] for each in report["environments"]] == ["pass", "fail"]
    assert [each["notes"] for each in report["environments"]] == [
        ["pushed to origin: fine"], ["pushed to origin: mine"],
    ]  # fmt: skip
    assert reports.read(one.revguard(*words, input=""))["environments"] == []


def test_what_the_hint_says_makes_the_push_pass(cloned):
    one = cloned()
    words = new_branch(one, None)
    code, said = push(one, *words)
    assert code == 1
    (before,) = set(one.git("rev-parse", "--short=12", "main").splitlines())
    assert f"`git reset --soft {before}` on that branch, then `revguard add`" in said
    one.git("reset", "--soft", before)
    assert one.revguard("add").returncode == 0
    one.git("commit", "-q", "-m", "with its revision")
    assert push(one, *words)[0] == 0


# by pre-commit and prek, which know of one ref


@pytest.fixture(params=["pre-commit", "prek"])
def managed(request, require, cloned, published):
    """A clone whose hooks another program installs."""
    program = (sys.executable, "-m", "pre_commit")
    if request.param == "prek":
        try:
            program = (str(machine.virtualenv("prek") / "bin" / "prek"),)
        except AssertionError as reason:
            require(False, f"prek ({reason})")

    def make(pushed=True):
        one = cloned(hooked=False, pushed=pushed)
        one.pre_commit(published, "check", "pre-push", program=program)
        one.commit_all("hook")
        if pushed:
            one.git("push", "-q", "--no-verify", "origin", "main")
        return one

    return make


@pytest.mark.parametrize("kind", [new_branch, from_elsewhere, older_commit, forced, light_tag],
                         ids=lambda one: one.__name__)  # fmt: skip
def test_a_push_by_pre_commit(kind, managed):
    one = managed()
    before = one.git("rev-parse", "main")
    assert one.revguard("check").returncode == 0  # the quick way out is open
    code, said = push(one, *kind(one, None))
    assert code == 1, said
    assert "history/missing-revision" in said
    one.git("checkout", "-q", "-B", "main", before)
    one.git("push", "-q", "--no-verify", "-f", "origin", "main")
    one.run_git("branch", "-D", "mine")
    one.run_git("tag", "-d", "v1")
    code, said = push(one, *kind(one, EMAIL_SCRIPT))
    assert code == 0, said


@pytest.mark.parametrize("content", [None, EMAIL_SCRIPT], ids=["without", "with"])
def test_the_first_push_of_all_by_pre_commit(content, managed):
    one = managed(pushed=False)
    email(one, content)
    code, said = push(one, "-u", "origin", "main")
    assert code == (0 if content else 1), said
    assert ("history/incomplete-revision" in said) == (content is None)


def test_nothing_is_added_to_a_push(managed):
    one = managed()
    one.replace(".pre-commit-config.yaml", "alembic-revision-check",
                "alembic-revision-add\n    stages: [pre-push]")  # fmt: skip
    one.commit_all("hook")
    code, said = push(one, *new_branch(one, None))
    assert code == 1
    assert "in the stage pre-push use the hook alembic-revision-check" in " ".join(said.split())
    assert one.status() == []
