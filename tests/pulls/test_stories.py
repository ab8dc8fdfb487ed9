# ruff: noqa: TID252  (the shop of another folder)
"""Whole stories on GitHub: action.yml as a workflow runs it."""

import json
import subprocess
from pathlib import Path

import pytest

from ..scenarios.shop import NOTE, adds, script
from . import running
from .fake import READER, TOKEN
from .running import red

EMAIL = script("0002", "0001", **adds("users", "email"))


def test_red_mended_green(pull, runner, github):
    one = pull()
    one.shop.model()
    one.push()
    red = runner.run(one.shop, "pull_request", one.event)
    assert (red.verdict, red.status, red.codes["judge"]) == ("fail", "failure", 1), red.said
    (comment,) = github.ours()
    assert "users.email" in comment
    assert red.outputs["comment-url"].endswith("#issuecomment-1000")
    assert red.outputs["changed"] == "true"
    assert red.outputs["revisions"] == "[]"
    assert any("file=shop/models.py" in line for line in red.annotations)
    assert "users.email" in red.summary
    patch = Path(red.outputs["patch"])
    assert not patch.is_relative_to(one.shop.path)
    assert one.shop.status() == []

    before = github.writes()
    again = runner.run(one.shop, "pull_request", one.event)  # the job is run once more
    assert again.verdict == "fail"
    assert github.writes() == before

    one.edit()
    one.shop.git("apply", "--index", str(patch))
    one.push("the missing script")
    green = runner.run(one.shop, "pull_request", one.event)
    assert (green.verdict, green.status) == ("pass", "success"), green.said
    (mended,) = github.ours()
    assert "pass" in mended
    assert "missing-revision" not in mended
    assert green.outputs["patch"] == ""
    assert len(json.loads(green.outputs["revisions"])) == 1
    assert green.unknown == []


def test_a_fork(pull, runner, github):
    """Its token may only read: the verdict, the summary and the annotations are there."""
    one = red(pull, fork="ann/shop")
    done = runner.run(one.shop, "pull_request", one.event, token=READER)
    assert (done.verdict, done.status, done.codes["comment"]) == ("fail", "failure", 0), done.said
    assert github.bodies() == []
    (warning,) = [line for line in done.annotations if line.startswith("::warning")]
    assert "two-stage" in warning
    assert "users.email" in done.summary
    assert done.outputs["comment-url"] == ""


def test_no_rights(pull, runner, github):
    one = red(pull)
    done = runner.run(one.shop, "pull_request", one.event, token=READER)
    assert (done.verdict, done.codes["comment"]) == ("fail", 0)
    assert "permissions:%0A  contents: read%0A  pull-requests: write" in done.said


def test_two_stages(pull, runner, github, tmp_path):
    """The second stage has no checkout, asks GitHub for the number, and runs nothing of theirs."""
    one = red(pull, fork="ann/shop")
    first = runner.run(one.shop, "pull_request", one.event, token=READER, number=500)
    report = first.report
    report["environments"][0]["name"] = "`</details>@everyone <!-- x -->\n# hi"
    event, parts = running.after(one, tmp_path, report), tmp_path / "parts"
    second = runner.run(one.shop, "workflow_run", event, parts=str(parts))
    assert (second.status, second.verdict) == ("success", "fail"), second.said
    (comment,) = github.ours()
    assert comment.startswith("<!-- revguard project=. run=500.1 state=")
    assert "\n# hi" not in comment
    assert comment.count("<!--") == 1
    assert comment.count("<details>") == comment.count("</details>")
    assert "users.email" in comment
    again = runner.run(one.shop, "workflow_run", event, parts=str(parts))
    assert again.status == "success"
    assert len(github.ours()) == 1
    event["workflow_run"]["head_sha"] = "f" * 40  # no pull request has this commit (any more)
    runner.run(one.shop, "workflow_run", event, parts=str(parts))
    assert len(github.bodies()) == 1


def test_an_event_where_nothing_of_theirs_may_run(pull, runner, github):
    one = red(pull)
    done = runner.run(one.shop, "pull_request_target", one.event)
    assert (done.status, done.codes) == ("failure", {"install": 0, "judge": 2}), done.said
    assert "would import the models of the pull request" in done.said
    assert github.requests == []


def test_nothing_relevant(pull, runner, github):
    one = pull()
    one.shop.write("README.md", "More\n")
    one.push()
    done = runner.run(one.shop, "pull_request", one.event)
    assert (done.verdict, done.status) == ("pass", "success"), done.said
    assert (done.outputs["changed"], done.annotations) == ("false", [])
    assert github.bodies() == []
    done = runner.run(one.shop, "pull_request", one.event, comment="always")
    assert len(github.ours()) == 1


def test_a_merge_queue(pull, runner, github):
    one = pull()
    one.shop.model()
    one.shop.write("migrations/versions/0002_email.py", EMAIL)
    one.push()
    head, base = (one.shop.git("rev-parse", name) for name in ("HEAD", "origin/main"))
    event = {"merge_group": {"base_sha": base, "head_sha": head, "base_ref": "refs/heads/main"}}
    done = runner.run(one.shop, "merge_group", event)
    assert (done.verdict, done.status) == ("pass", "success"), done.said
    assert json.loads(done.outputs["revisions"]) == ["0002"]
    assert github.requests == []  # there is no pull request to speak in


@pytest.mark.parametrize("forced", [False, True], ids=["a push", "a forced one"])
def test_a_push_to_the_base(forced, pull, runner, github):
    one = pull()
    shop = one.shop
    shop.git("checkout", "-q", "main")
    before = shop.git("rev-parse", "HEAD")
    if forced:
        shop.write("README.md", "gone\n")
        shop.commit_all()
        before = shop.git("rev-parse", "HEAD")
        shop.git("reset", "-q", "--hard", "HEAD^")
    shop.model()
    shop.commit_all()
    shop.git("push", "-q", "--force", "origin", "main")
    event = {"before": before, "after": shop.git("rev-parse", "HEAD"), "ref": "refs/heads/main"}
    done = runner.run(shop, "push", event)
    assert (done.verdict, done.status) == ("fail", "failure"), done.said
    assert github.requests == []


def test_mode_suggest(pull, runner, github):
    """What is pasted from the comment mends the pull request."""
    one = red(pull)
    done = runner.run(one.shop, "pull_request", one.event, mode="suggest")
    assert (done.verdict, done.status) == ("fail", "failure")
    (comment,) = github.ours()
    block = comment[comment.index("git apply --index") :]
    shell = block[: block.index("\n```")]
    one.edit()
    subprocess.run(["bash", "-c", shell], cwd=one.shop.path, env=one.shop.environ, check=True)
    one.push()
    assert runner.run(one.shop, "pull_request", one.event).verdict == "pass"


def test_mode_push(pull, runner, github):
    one = red(pull)
    done = runner.run(one.shop, "pull_request", one.event, mode="push")
    assert (done.verdict, done.status, done.codes["comment"]) == ("fail", "failure", 0)
    shop = one.shop
    assert "starts no workflow" in done.said
    shop.git("fetch", "-q", "origin")
    assert shop.git("rev-parse", "origin/mine^") == one.head
    (path,) = shop.git("diff", "--name-only", "origin/mine^", "origin/mine").splitlines()
    assert path.startswith("migrations/versions/")
    assert shop.git("log", "-1", "--format=%an", "origin/mine") == "github-actions[bot]"
    assert shop.status() == []
    shop.git("checkout", "-q", "-B", "mine", "origin/mine")
    one.push("nothing more")
    assert runner.run(shop, "pull_request", one.event).verdict == "pass"


NOT_PUSHED = {
    "a fork": ({"fork": "ann/shop"}, "comes from a fork"),
    "a protected branch": ({}, "is protected"),
    "a base with new revisions": ({}, "merge it into the branch first"),
}


@pytest.mark.parametrize("name", NOT_PUSHED)
def test_mode_push_refuses(name, pull, runner, github):
    options, said = NOT_PUSHED[name]
    one = red(pull, **options)
    if "protected" in name:
        github.protected = {"mine"}
    if "revisions" in name:
        one.shop.git("checkout", "-q", "main")
        one.shop.model("orders", NOTE)
        one.shop.write(
            "migrations/versions/0003_note.py",
            script("0003", "0001", **adds("orders", "note", "sa.String(20)")),
        )
        one.shop.commit_all()
        one.shop.git("push", "-q", "origin", "main")
        one.edit()
        one.push()
    before = one.shop.git("-C", str(one.bare), "rev-parse", "mine")
    done = runner.run(one.shop, "pull_request", one.event, mode="push")
    assert done.verdict == "fail"
    assert said in done.said
    assert one.shop.git("-C", str(one.bare), "rev-parse", "mine") == before
    assert github.pushes == []


def test_the_api_is_down(pull, runner, github):
    one = red(pull)
    done = runner.run(one.shop, "pull_request", one.event, api=False)
    assert (done.verdict, done.codes) == ("fail", {"install": 0, "judge": 1, "comment": 0})
    assert "cannot be reached" in done.said
    assert "users.email" in done.summary


def test_an_input_with_a_shells_words(pull, runner, github, tmp_path):
    one, trace = red(pull), tmp_path / "trace"
    base = f'"; touch {trace}; $(touch {trace}) `touch {trace}`'
    done = runner.run(one.shop, "pull_request", one.event, base=base, databse="sqlite")
    assert done.unknown == ["databse"]  # of which GitHub warns
    assert (done.status, done.codes["judge"]) == ("failure", 2), done.said
    assert "names no commit" in done.said
    assert not trace.exists()


def test_an_event_that_is_not_there(pull, runner, github):
    """In a container: the variables name the pull request, too."""
    one = red(pull)
    known = {"ref": "refs/pull/7/merge", "base_ref": "main"}
    done = runner.run(one.shop, "pull_request", {}, variables=known)
    assert done.verdict == "fail", done.said
    assert len(github.ours()) == 1


def test_the_projects_code_sees_no_token(pull, runner, github):
    """Neither the token, nor the files by which a step acts on the next ones."""
    one = pull()
    told = one.shop.path.parent / "environ"
    one.shop.model()
    text = one.shop.read("shop/models.py")
    spy = f"import os\nopen({str(told)!r}, 'a').write(repr(dict(os.environ)))\n"
    one.shop.write("shop/models.py", text.replace('"""\n', f'"""\n{spy}', 1))
    one.push()
    done = runner.run(one.shop, "pull_request", one.event)
    assert done.verdict == "fail", done.said
    seen = told.read_text()
    assert TOKEN not in seen
    assert "GITHUB_OUTPUT" not in seen
    tokens = {one["id"]: "REVGUARD_TOKEN" in one["env"] for one in done.log}
    assert tokens == {"install": False, "judge": False, "comment": True}


def test_legs_of_a_matrix(pull, runner, github, tmp_path):
    """Two legs judge and say nothing; the last job posts the one comment of both."""
    one, parts = running.two_services(pull), tmp_path / "parts"
    shop = one.shop
    for name, leg in running.legs(runner, one, parts).items():
        assert (leg.verdict, [env["name"] for env in leg.report["environments"]]) == (
            "fail", [name],
        ), leg.said  # fmt: skip
    assert github.bodies() == []
    last = runner.run(shop, "pull_request", one.event, parts=str(parts))
    assert (last.verdict, last.status) == ("fail", "failure"), last.said
    (comment,) = github.ours()
    assert comment.startswith("<!-- revguard project=. ")
    assert all(f"`{name}`" in comment for name in ("billing", "shop"))
    (parts / "shop" / "revguard.json").unlink()  # this leg was killed
    last = runner.run(shop, "pull_request", one.event, parts=str(parts))
    assert (last.verdict, last.codes["judge"]) == ("error", 3), last.said
    assert "its leg left no report" in last.summary
