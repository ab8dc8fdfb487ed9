# ruff: noqa: TID252  (the shop of another folder)
"""Mode `push` and the patch: what they hold is what `revguard add` writes, and when they refuse."""

import json

import pytest

from revguard.pulls import refusing
from revguard.pulls.refusing import NotPushed
from revguard.verdict import EnvironmentReport, Finding, HeadFile, ProofStep

from ..scenarios.shop import NOTE, adds, script
from .fake import TOKEN

VERSIONS = "migrations/versions"
FILE = f"{VERSIONS}/heads.txt"


def said(one, *words, fork=None):
    """`revguard pr` in a job of the pull request, in one go."""
    temp = one.shop.path.parent / "job"
    temp.mkdir(exist_ok=True)
    (temp / "event.json").write_text(json.dumps(one.event))
    told = {
        "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(temp / "event.json"), "GITHUB_REPOSITORY": "shop/shop",
        "GITHUB_SERVER_URL": one.github.url, "GITHUB_API_URL": f"{one.github.url}/api/v3",
        "GITHUB_TOKEN": TOKEN, "GITHUB_WORKSPACE": str(one.shop.path), "GITHUB_RUN_ID": "100",
        "GITHUB_RUN_ATTEMPT": "1", "RUNNER_TEMP": str(temp),
    }  # fmt: skip
    done = one.shop.revguard("pr", "--files", str(temp / "out"), *words, environ=told)
    assert TOKEN not in done.stdout + done.stderr
    return done.stdout + done.stderr


def folder(one, name):
    """The version folder of a tree, {path: (mode, lines)}, but for the dates of scripts."""
    found = {}
    for line in one.shop.git("ls-tree", "-r", name, "--", VERSIONS).splitlines():
        mode, _, blob, path = line.split()
        lines = one.shop.git("cat-file", "blob", blob).split("\n")
        found[path] = (mode, [text for text in lines if not text.startswith("Create Date:")])
    return found


def settings(one, text):
    """Into what has landed."""
    shop = one.shop
    shop.git("checkout", "-q", "main")
    shop.write("revguard.toml", text)
    shop.git("add", "-A")
    shop.revguard("add", "--all")
    shop.commit_all("settings")
    shop.git("push", "-q", "origin", "main")
    shop.git("checkout", "-q", "-B", "mine", "main")


def plain(one):
    one.shop.model()


def own(one, mode=0o644):
    """The branch has a script, which is made anew for a second change."""
    shop = one.shop
    shop.model()
    shop.git("add", "-A")
    assert shop.revguard("add").returncode == 0
    (name,) = {*shop.versions()} - {"0001_first.py"}
    (shop.path / VERSIONS / name).chmod(mode)
    shop.commit_all("email")
    shop.model("orders", NOTE)


def executable(one):
    own(one, 0o755)


def with_line_ends(one):
    """Of the working tree alone: git stores others."""
    shop = one.shop
    shop.write(".gitattributes", "*.py text eol=crlf\n*.mako text eol=crlf\n")
    shop.git("add", "-A")
    shop.git("rm", "-rq", "--cached", "migrations", "shop")
    shop.git("checkout", "-q", "HEAD", "--", "migrations", "shop")
    assert "\r\n" in (shop.path / "migrations/script.py.mako").read_bytes().decode()
    shop.model()


def by_hand(one):
    """The script is there, and the head file does not know of it."""
    one.shop.model()
    one.shop.write(f"{VERSIONS}/0002_email.py", script("0002", "0001", **adds("users", "email")))


LOCK = "lock = true\n"
PER_BRANCH = 'base = "main"\none-per = "branch"\n'
WAYS = {
    "a script": ("", plain, {"A"}),
    "and a head file": (LOCK, plain, {"A", "M"}),
    "its own anew, and executable": (PER_BRANCH, executable, {"M"}),
    "its own anew, with a head file": (LOCK + PER_BRANCH, own, {"M"}),
    "other line ends in the working tree": ("", with_line_ends, {"A"}),
    "a head file alone": (LOCK, by_hand, {"M"}),
}


@pytest.mark.parametrize("name", WAYS)
def test_patch_push_and_add_are_the_same(name, pull):
    """But for the date of a script; and what was judged red is green with it."""
    text, changes, statuses = WAYS[name]
    one = pull()
    shop = one.shop
    settings(one, text)
    changes(one)
    one.push()
    assert "was pushed to the branch" in said(one, "--mode", "push")
    shop.git("fetch", "-q", "origin")
    shop.git("checkout", "-q", "mine")
    changed = shop.committed("origin/mine")
    assert {*changed.values()} == statuses
    assert (FILE in changed) == ("head file" in name and "anew" not in name)

    shop.git("apply", "--index", str(shop.path.parent / "job" / "out" / "revguard.patch"))
    assert shop.git("write-tree") == shop.git("rev-parse", "origin/mine^{tree}")
    done = shop.revguard("check", "--from-ref", "main", "--to-ref", "origin/mine")
    assert done.returncode == 0, done.stdout + done.stderr

    shop.git("reset", "-q", "--hard")
    shop.git("reset", "-q", "--soft", "main" if "anew" not in name else "HEAD~1")
    done = shop.revguard("add")
    assert done.returncode == 0, done.stdout + done.stderr
    assert folder(one, shop.git("write-tree")) == folder(one, "origin/mine")


def test_another_job_has_judged(pull):
    """The one with the token takes its report, and runs nothing of the project."""
    one = pull()
    plain(one)
    one.push()
    assert "was pushed" not in said(one)
    report = str(one.shop.path.parent / "job" / "out" / "revguard.json")
    one.shop.write("migrations/env.py", "raise SystemExit('it was run')\n")
    out = said(one, "--mode", "push", "--parts", report)
    assert "was pushed to the branch" in out
    assert "it was run" not in out
    (comment,) = one.github.ours()  # though the pull request has a newer commit now: ours
    assert "starts no workflow" in comment
    one.shop.git("fetch", "-q", "origin")
    assert [*one.shop.committed("origin/mine").values()] == ["A"]


def test_the_branch_moved_on_meanwhile(pull):
    """Somebody pushed while it was judged: theirs stays."""
    one = pull()
    plain(one)
    one.push()
    later = one.shop.git("commit-tree", "-p", one.head, "-m", "later", f"{one.head}^{{tree}}")

    def before(method, path):
        if "/branches/" in path:
            one.shop.git("push", "-q", str(one.bare), f"{later}:refs/heads/mine")

    one.github.before = before
    out = " ".join(said(one, "--mode", "push").split())
    assert "mine has newer commits than what was judged, and nothing is forced" in out
    assert one.shop.git("-C", str(one.bare), "rev-parse", "mine") == later


def test_the_branch_was_deleted_meanwhile(pull):
    """It does not come back."""
    one = pull()
    plain(one)
    one.push()

    def before(method, path):
        if "/branches/" in path:
            one.shop.git("-C", str(one.bare), "update-ref", "-d", "refs/heads/mine")

    one.github.before = before
    assert "newer commits than what was judged" in said(one, "--mode", "push")
    assert one.shop.git("-C", str(one.bare), "for-each-ref", "refs/heads/mine") == ""


def test_a_parent_of_the_base_in_another_folder(pull):
    """On the branch alone the script would stand on nothing."""
    one = pull()
    shop = one.shop
    shop.git("checkout", "-q", "main")
    shop.replace(
        "alembic.ini", "[alembic]\n",
        "[alembic]\nversion_locations = migrations/versions migrations/more\n"
        "version_path_separator = space\n",
    )  # fmt: skip
    shop.write("migrations/more/0002_none.py", script("0002", "0001", 'op.execute("select 1")'))
    shop.commit_all("more")
    shop.git("push", "-q", "origin", "main")
    shop.git("checkout", "-q", "-B", "mine", "main")
    plain(one)
    shop.commit_all("email")
    shop.git("checkout", "-q", "main")
    shop.write("migrations/more/a003_none.py", script("a003", "0002", 'op.execute("select 1")'))
    shop.commit_all("yet more")
    shop.git("push", "-q", "origin", "main")
    shop.git("checkout", "-q", "mine")
    one.push()
    out = said(one, "--mode", "push")
    assert "merge it into the branch first" in " ".join(out.split())
    assert one.github.pushes == []


def report(**more):
    values = {"verdict": "fail", "script": "revision = '2'\n", "script_path": "versions/2.py"}
    return EnvironmentReport(name="shop", **{**values, **more})


MISSING = Finding(rule="history/missing-revision", message="m")
HEADS = Finding(rule="history/multiple-heads", message="m", path="versions/heads.txt")
REFUSED = {
    "a workflow": ({"script_path": ".github/workflows/x.yml"}, "is no revision script"),
    "a module's face": ({"script_path": "shop/__init__.py"}, "is no revision script"),
    "another head file": ({"head_files": (HeadFile(path="setup.cfg", text="x"),)}, "is no revisio"),
    "more is wrong": ({"findings": (MISSING, Finding(rule="proof/x", message="m"))}, "(proof/x)"),
    "a rename that nobody has answered": (
        {"findings": (MISSING, Finding(rule="models/probable-rename", message="m"))},
        "(models/probable-rename)",
    ),
    "two heads": ({"findings": (Finding(rule="history/multiple-heads", message="m"),)}, "is not"),
    "a failed proof": ({"proof": (ProofStep(step="compare", result="fail"),)}, "is not proven"),
    "not checked": ({"verdict": "error", "error": "no"}, "could not be checked"),
}
TAKEN = {
    "the script": {"findings": (MISSING,)},
    "with a warning": {"findings": (MISSING, Finding(rule="x/y", severity="warning", message="m"))},
    "and the head file": {"findings": (MISSING, HEADS)},
    "a skipped step": {"proof": (ProofStep(step="rows", result="skipped"),)},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_report_that_is_refused(name):
    more, why = REFUSED[name]
    with pytest.raises(NotPushed, match=why.replace("(", r"\(").replace(")", r"\)")):
        refusing.refuse_report(report(**more))


@pytest.mark.parametrize("name", TAKEN)
def test_a_report_that_is_taken(name):
    refusing.refuse_report(report(**TAKEN[name]))
