"""Mode `push`: a report's missing scripts in, a commit with them on the pull request's branch out.

`revguard add` itself would judge again, which runs the project's code, and that must not be where
the token is. Both write `EnvironmentReport.missing_files` and refuse by `adding.left_over`; here
they come into a commit that is made of git's objects: nothing is checked out and no hook runs.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from revguard import adding, subprocesses
from revguard.pulls import github_thread, refusing
from revguard.pulls.place import Place
from revguard.pulls.refusing import NotPushed
from revguard.pulls.web import Api, NotSaid
from revguard.staging import drafts, plumbing, trees
from revguard.staging.repository import Repository
from revguard.verdict import EnvironmentReport, Report

_BOT: Final = {
    "NAME": "github-actions[bot]",
    "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com",
}
_PUSH_TIMEOUT: Final = 120
_MOVED_ON: Final = ("(stale info)", "(fetch first)", "(non-fast-forward)")


def push(repo: Repository, place: Place, report: Report, api: Api, token: str) -> str:
    """The commit that was pushed; empty where nothing is missing. NotPushed."""
    blocked = (one for one in report.environments if one.verdict != "pass")
    missing = [one for one in blocked if one.missing_files]
    if not missing:
        return ""
    refusing.refuse_place(place)
    for one in missing:
        refusing.refuse_report(one)
    head = trees.commit_of(repo, place.head)
    if not head:
        raise NotPushed("the branch's last commit is not in this clone: `fetch-depth: 0`")
    for one in missing:
        refusing.refuse_behind(repo, place, head, one)
    try:
        protected = github_thread.is_protected(api, place)
    except NotSaid as error:
        raise NotPushed(f"whether the branch is protected is not known: {error}") from error
    if protected:
        raise NotPushed(f"the branch {place.head_branch} is protected")
    commit = _commit(repo, head, missing)
    _send(repo, place, head, commit, token)
    return commit


def _commit(repo: Repository, head: str, missing: Sequence[EnvironmentReport]) -> str:
    """A commit on top of `head` that holds what is missing."""
    files = {path: content for one in missing for path, content in adding.encoded(one).items()}
    before = trees.tree_of(repo, head)
    tree = drafts.draft(repo, before, trees.listing(repo, before), files)
    message = f"Add the missing revision\n\nrevguard made and proved {', '.join(files)}.\n"
    ours = {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in
            _BOT.items()}  # fmt: skip
    by_us = replace(repo, environ={**repo.environ, **ours})
    words = ("commit-tree", tree, "-p", head, "-F", "-")
    return _id(plumbing.output(by_us, *words, stdin=message.encode()))


def _id(output: bytes) -> str:
    return output.decode("ascii").strip()


def _send(repo: Repository, place: Place, head: str, commit: str, token: str) -> None:
    """Push, if the branch still ends where it did."""
    url = f"{place.server}/{place.repository}.git"
    branch = f"refs/heads/{place.head_branch}"
    same = f"--force-with-lease={branch}:{head}"  # which the commit stands on: nothing is lost
    done = subprocesses.run(
        plumbing.command("push", "--quiet", "--no-verify", same, url, f"{commit}:{branch}"),
        cwd=repo.toplevel,
        environ={**plumbing.inside(repo), "LC_ALL": "C", **_login(place, token)},
        timeout=_PUSH_TIMEOUT,
    )
    if done.returncode != 0:
        said = done.error_text().replace(token, "***")
        if any(word in said for word in _MOVED_ON):
            raise NotPushed(
                f"{place.head_branch} has newer commits than what was judged, and nothing is "
                "forced: their run pushes what they miss"
            )
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
