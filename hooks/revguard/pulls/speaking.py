"""What needs the service's API: a report, a Place and a token in, the comment and the push out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from revguard.errors import RevguardError
from revguard.pulls import body, faults, github_thread, marker, posting, pushing
from revguard.pulls.gitlab_thread import TOKEN_HEADER, GitLabThread
from revguard.pulls.marker import Marker
from revguard.pulls.place import Place
from revguard.pulls.posting import Wanted
from revguard.pulls.refusing import NotPushed
from revguard.pulls.thread import Thread
from revguard.pulls.web import Api, NotSaid
from revguard.staging import repository
from revguard.verdict import Report

_PUSHED: Final = (
    "The missing script was pushed to the branch, as {}. A push with the job's own GITHUB_TOKEN "
    "starts no workflow: push another commit, or give the action a `token` of a GitHub App."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be said, and how."""

    report: Report
    project: str
    comment: str = "on-change"
    mode: str = "check"
    patch: str = ""  # with the missing script
    directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What became of it, as lines for the log; warnings apart."""

    url: str = ""
    said: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def speak(wish: Wish, place: Place, token: str, environ: Mapping[str, str]) -> Spoken:
    """Push what is missing where that is wanted, then have the comment say what is true."""
    if not token:
        return _without_token(wish, place)
    api = _api(place, token, environ)
    pushed, warnings = _pushed(wish, place, api, token, environ)
    notes = (_PUSHED.format(pushed[:12]),) if pushed else ()
    if wish.comment == "never" or place.kind not in ("pull_request", "workflow_run"):
        return Spoken(said=notes, warnings=warnings)
    try:
        posted = _posted(wish, place, api, token, pushed, notes)
    except NotSaid as error:
        return Spoken(said=notes, warnings=(*warnings, faults.explained(error, place)))
    return Spoken(url=posted.url, said=(*notes, posted.did), warnings=warnings)


def _without_token(wish: Wish, place: Place) -> Spoken:
    if place.number is None or wish.comment == "never":
        return Spoken()
    name = "GITLAB_TOKEN" if place.service == "gitlab" else "GITHUB_TOKEN"
    said = f"no comment was written: there is no token ({name}, the action's input `token`)"
    return Spoken(warnings=(said,))


def _api(place: Place, token: str, environ: Mapping[str, str]) -> Api:
    if place.service == "gitlab":
        return Api(place.api, {TOKEN_HEADER: token}, environ)
    return Api(place.api, github_thread.headers(token), environ)


def _pushed(
    wish: Wish, place: Place, api: Api, token: str, environ: Mapping[str, str]
) -> tuple[str, tuple[str, ...]]:
    """The commit that was pushed, and why none was."""
    if wish.mode != "push":
        return "", ()
    try:
        repo = repository.find(wish.directory, environ)
        return pushing.push(repo, place, wish.report, api, token), ()
    except (NotPushed, RevguardError) as error:
        return "", (f"the script was not pushed: {error}",)


def _posted(
    wish: Wish, place: Place, api: Api, token: str, pushed: str, notes: tuple[str, ...]
) -> posting.Posted:
    thread = _thread(place, api, token)
    if thread is None:
        return posting.Posted(did="no open pull request has this commit: nothing was written")
    project = marker.quoted(wish.project)
    paste = wish.patch if wish.mode == "suggest" else ""
    state = body.state(wish.report, place, paste=paste, notes=notes)
    wanted = Wanted(
        mark=Marker(project=project, run=place.run, state=state),
        body=body.comment(wish.report, place, paste=paste, notes=notes),
        relevant=wish.comment == "always" or any(_matters(wish.report)),
        head=place.head,
        pushed=pushed,
    )
    return posting.post(thread, wanted)


def _thread(place: Place, api: Api, token: str) -> Thread | None:
    if place.service == "gitlab":
        assert place.number is not None
        return GitLabThread(api, place, place.number)
    number = github_thread.number_of(api, place)
    return None if number is None else github_thread.GitHubThread(api, place, number, token)


def _matters(report: Report) -> Iterator[bool]:
    """Whether a reader of the pull request has to know something."""
    yield report.error is not None
    for one in report.environments:
        yield bool(one.changes or one.findings or one.new_revisions or one.error)
