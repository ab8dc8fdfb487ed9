# ruff: noqa: TID252  (the shop of another folder)
"""Whole stories on a GitHub that nobody here wrote. What it cannot do is said in emulated.py."""

import pytest

from ..scenarios.shop import adds, script
from . import emulated, running
from .running import red

EMAIL = script("0002", "0001", **adds("users", "email"))
MERGED_LATER = "migrations/versions/0002_email.py"


@pytest.fixture
def github(emulator, description):
    with emulated.github(emulator, description) as state:
        yield state


def test_red_mended_green(pull, runner, github):
    """One comment. The revision lands on the base, and the button brings it to the branch."""
    one = red(pull)
    done = runner.run(one.shop, "pull_request", one.event)
    assert (done.verdict, done.status) == ("fail", "failure"), done.said
    (comment,) = github.comments()
    assert comment["user"]["login"] == "github-actions[bot]"
    assert "users.email" in comment["body"]
    assert done.outputs["comment-url"] == comment["html_url"]

    again = runner.run(one.shop, "pull_request", one.event)
    assert again.verdict == "fail"
    assert github.comments() == [comment]  # its `updated_at`, too

    shop = one.shop
    shop.git("checkout", "-q", "main")
    shop.write(MERGED_LATER, EMAIL)
    shop.commit_all("the revision")
    shop.git("push", "-q", "origin", "main")
    github.receive(shop, "main")
    one.merge(github.update_branch(shop))
    green = runner.run(shop, "pull_request", one.event)
    assert (green.verdict, green.status) == ("pass", "success"), green.said
    (mended,) = github.comments()
    assert (mended["id"], mended["created_at"]) == (comment["id"], comment["created_at"])
    assert "✅ revguard" in mended["body"]
    assert green.unknown == []


def test_a_fork_in_two_stages(pull, runner, github, tmp_path):
    one = red(pull, fork="ann/shop")
    first = runner.run(
        one.shop, "pull_request", one.event, token=github.tokens["reader"], number=500
    )
    assert (first.verdict, first.codes["comment"]) == ("fail", 0), first.said
    (warning,) = [line for line in first.annotations if line.startswith("::warning")]
    assert "two-stage" in warning
    assert github.bodies() == []
    event = running.after(one, tmp_path, first.report)
    second = runner.run(one.shop, "workflow_run", event, parts=str(tmp_path / "parts"))
    assert (second.status, second.verdict) == ("success", "fail"), second.said
    (comment,) = github.ours()
    assert "run=500.1" in comment
    assert "users.email" in comment
    event["workflow_run"]["head_sha"] = "f" * 40  # no pull request has this commit (any more)
    runner.run(one.shop, "workflow_run", event, parts=str(tmp_path / "parts"))
    assert github.ours() == [comment]


def test_legs_of_a_matrix(pull, runner, github, tmp_path):
    one = running.two_services(pull)
    legs = running.legs(runner, one, tmp_path / "parts")
    assert {name: leg.verdict for name, leg in legs.items()} == {"billing": "fail", "shop": "fail"}
    assert github.writes() == []
    last = runner.run(one.shop, "pull_request", one.event, parts=str(tmp_path / "parts"))
    assert (last.verdict, last.status) == ("fail", "failure"), last.said
    (comment,) = github.ours()
    assert all(f"`{name}`" in comment for name in legs)


def test_nothing_relevant(pull, runner, github):
    one = pull()
    one.shop.write("README.md", "More\n")
    one.push()
    done = runner.run(one.shop, "pull_request", one.event)
    assert (done.verdict, done.status) == ("pass", "success"), done.said
    assert github.writes() == []
    assert github.bodies() == []
