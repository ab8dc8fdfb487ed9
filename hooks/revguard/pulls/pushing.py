"""Mode `push`: a report's missing scripts in, a commit with them on the pull request's branch out.

The commit is made of git's objects: no file is checked out, no hook and no code of the project runs
where the token is. What is committed is what `revguard add` writes.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from revguard import subprocesses
from revguard.history import headfile
from revguard.pulls import github_thread
from revguard.pulls.place import Place
from revguard.pulls.web import Api, NotSaid
from revguard.rules.drift import MISSING
from revguard.staging import drafts, plumbing, trees
from revguard.staging.repository import Repository
from revguard.verdict import EnvironmentReport, Report

_BOT: Final = {
    "NAME": "github-actions[bot]",
    "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com",
}
_PUSH_TIMEOUT: Final = 120
NO_WORKFLOW: Final = (
    "A push with the job's own GITHUB_TOKEN starts no workflow: push another commit, or give the "
    "action a `token` of a GitHub App."
)


class NotPushed(Exception):  # noqa: N818  (it is caught, and said as a warning)
    """Why nothing was pushed."""


def push(repo: Repository, place: Place, report: Report, api: Api, token: str) -> str:
    """The commit that was pushed; empty where no script is missing. NotPushed."""
    missing = [one for one in report.environments if one.script and one.script_path]
    if not missing:
        return ""
    _refuse_place(place)
    for one in missing:
        _refuse_unproven(one)
    head = trees.commit_of(repo, place.head)
    if not head:
        raise NotPushed("the branch's last commit is not in this clone: `fetch-depth: 0`")
    for one in missing:
        _refuse_moved(repo, place, head, one)
    try:
        protected = github_thread.is_protected(api, place)
    except NotSaid as error:
        raise NotPushed(f"whether the branch is protected is not known: {error}") from error
    if protected:
        raise NotPushed(f"the branch {place.head_branch} is protected")
    commit = _commit(repo, head, missing)
    _send(repo, place, commit, token)
    return commit


def _refuse_place(place: Place) -> None:
    if place.service != "github" or place.kind != "pull_request":
        raise NotPushed("`mode: push` is for pull requests on GitHub")
    if place.is_fork:
        raise NotPushed("the pull request comes from a fork, whose branch is not ours to write to")
    if not place.head_branch or not place.head:
        raise NotPushed("the event does not name the branch")


def _refuse_unproven(one: EnvironmentReport) -> None:
    blocking = {found.rule for found in one.findings if found.severity == "error"}
    if blocking - {MISSING}:
        others = ", ".join(sorted(blocking - {MISSING}))
        raise NotPushed(f"{one.name}: the script is not all that is missing ({others})")
    if any(step.result == "fail" for step in one.proof):
        raise NotPushed(f"{one.name}: the script is not proven")


def _refuse_moved(repo: Repository, place: Place, head: str, one: EnvironmentReport) -> None:
    """A script that comes after the base's new revisions would not fit onto the branch alone."""
    assert one.script_path is not None
    base = trees.commit_of(repo, f"origin/{place.base_branch}") or place.base
    folder = one.script_path.rpartition("/")[0]
    parted = plumbing.output(repo, "merge-base", base, head).decode("ascii").strip()
    if trees.listing(repo, head).get(headfile.path_in(folder)):
        raise NotPushed(f"{headfile.path_in(folder)} has to change with the script: `revguard add`")
    moved = plumbing.output(repo, "diff", "--name-only", "-z", parted, base, "--", folder or ".")
    if moved:
        raise NotPushed(
            f"{place.base_branch} has revisions that {place.head_branch} does not have: merge it "
            "into the branch first"
        )


def _commit(repo: Repository, head: str, missing: Sequence[EnvironmentReport]) -> str:
    """A commit on top of `head` that holds the scripts."""
    scripts = {
        one.script_path: one.script.encode("utf-8", "surrogateescape")
        for one in missing
        if one.script is not None and one.script_path is not None
    }
    tree = drafts.holding(repo, trees.tree_of(repo, head), scripts)
    paths = ", ".join(str(one.script_path) for one in missing)
    message = f"Add the missing revision\n\nrevguard made and proved {paths}.\n"
    ours = {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in
            _BOT.items()}  # fmt: skip
    by_us = replace(repo, environ={**repo.environ, **ours})
    words = ("commit-tree", tree, "-p", head, "-F", "-")
    return _id(plumbing.output(by_us, *words, stdin=message.encode()))


def _id(output: bytes) -> str:
    return output.decode("ascii").strip()


def _send(repo: Repository, place: Place, commit: str, token: str) -> None:
    """Push; a branch that moved on refuses it, as nothing is forced."""
    url = f"{place.server}/{place.repository}.git"
    target = f"{commit}:refs/heads/{place.head_branch}"
    done = subprocesses.run(
        plumbing.command("push", "--quiet", "--no-verify", url, target),
        cwd=repo.toplevel,
        environ={**plumbing.inside(repo), **_login(place, token)},
        timeout=_PUSH_TIMEOUT,
    )
    if done.returncode != 0:
        said = done.error_text().replace(token, "***")
        raise NotPushed(f"git refused: {said or 'it said nothing'}")


def _login(place: Place, token: str) -> Mapping[str, str]:
    """The token as git's configuration in the environ: in no argument, in no file."""
    word = base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii")
    key = f"http.{place.server}/.extraheader"
    values = {  # the empty one takes back what actions/checkout has configured
        "credential.helper": [""],
        key: ["", f"Authorization: basic {word}"],
    }
    pairs = [(name, value) for name, all_of in values.items() for value in all_of]
    environ = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (name, value) in enumerate(pairs):
        environ[f"GIT_CONFIG_KEY_{number}"] = name
        environ[f"GIT_CONFIG_VALUE_{number}"] = value
    return environ
