"""GitHub's variables and its event file in, a Place out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from revguard.errors import UsageError
from revguard.pulls.place import Kind, Place

_KINDS: Final[Mapping[str, Kind]] = {
    "pull_request": "pull_request",
    "merge_group": "merge_group",
    "push": "push",
    "workflow_run": "workflow_run",
}
_REFUSED: Final = (
    "`pull_request_target` is refused: it would import the models of the pull request, which "
    "anybody may have written, where a token that may write and the secrets are"
)
_INSTEAD: Final = (
    "run on `pull_request`; for pull requests from forks, docs/action.md has the two-stage "
    "workflow, whose second stage runs nothing of theirs"
)


def refuse(place: Place, *, judges: bool) -> None:
    """UsageError for events in which somebody else's code must not run."""
    if place.event == "pull_request_target":
        raise UsageError(_REFUSED, hint=_INSTEAD)
    if place.event == "workflow_run" and judges:
        raise UsageError(
            "in a `workflow_run` nothing is judged: its token may write, and the code that the "
            "first workflow ran on may be anybody's",
            hint="give it the reports of the first workflow: `parts` of the action, `--parts DIR`",
        )


def place(environ: Mapping[str, str]) -> Place:
    """Where this run takes place. UsageError for an event file that cannot be read."""
    event = _event(environ.get("GITHUB_EVENT_PATH", ""))
    name = environ.get("GITHUB_EVENT_NAME", "")
    kind = _KINDS.get(name, "other")
    server = environ.get("GITHUB_SERVER_URL") or "https://github.com"
    repository = environ.get("GITHUB_REPOSITORY", "")
    told: dict[str, Any] = {
        "service": "github",
        "kind": kind,
        "event": name,
        "server": server.rstrip("/"),
        "api": (environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/"),
        "repository": repository,
        "project": repository,
        "head": environ.get("GITHUB_SHA", ""),
        "run": _run(environ.get("GITHUB_RUN_ID"), environ.get("GITHUB_RUN_ATTEMPT")),
        "run_url": f"{server}/{repository}/actions/runs/{environ.get('GITHUB_RUN_ID', '')}",
        "workspace": environ.get("GITHUB_WORKSPACE", ""),
    }
    return Place(**{**told, **_OF_EVENT[kind](event, environ)})


def _event(path: str) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"the event of this run cannot be read: {path}: {error}",
            hint="GITHUB_EVENT_PATH names the file that the runner writes",
        ) from error
    return found if isinstance(found, dict) else {}


def _of_pull_request(event: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    pull = _at(event, "pull_request")
    # refs/pull/7/merge: what is left where the file is not there (a container, another runner)
    by_ref = re.fullmatch(r"refs/pull/(\d+)/\w+", environ.get("GITHUB_REF", ""))
    number = _number(_at(pull, "number")) or (int(by_ref[1]) if by_ref else None)
    if number is None:
        raise UsageError(
            "the event names no pull request",
            hint="`on: pull_request` gives one; `git log` ranges need no event: "
            "`revguard check --from-ref A --to-ref B`",
        )
    return {
        "number": number,
        "base": _text(_at(pull, "base", "sha")),
        "base_branch": _text(_at(pull, "base", "ref")) or environ.get("GITHUB_BASE_REF", ""),
        "head": _text(_at(pull, "head", "sha")),
        "head_branch": _text(_at(pull, "head", "ref")) or environ.get("GITHUB_HEAD_REF", ""),
        # the repository of a fork that was deleted is null
        "head_repository": _text(_at(pull, "head", "repo", "full_name"))
        or ("" if not pull else "a repository that is gone"),
    }


def _of_merge_group(event: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    del environ
    group = _at(event, "merge_group")
    branch = _text(_at(group, "base_ref")).removeprefix("refs/heads/")
    return {
        "base": _text(_at(group, "base_sha")),
        "base_branch": branch,
        "head": _text(_at(group, "head_sha")),
    }


def _of_push(event: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    before = _text(event.get("before"))
    return {
        "base": "" if set(before) == {"0"} else before,
        "head": _text(event.get("after")) or environ.get("GITHUB_SHA", ""),
        "head_branch": environ.get("GITHUB_REF_NAME", ""),
    }


def _of_workflow_run(event: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """What GitHub says of the run before. Nothing of it is taken from what that run left."""
    del environ
    first = _at(event, "workflow_run")
    pulls = _at(first, "pull_requests")
    numbers = [_number(_at(one, "number")) for one in pulls] if isinstance(pulls, list) else []
    return {
        "number": numbers[0] if len(numbers) == 1 else None,  # none for a fork's
        "head": _text(_at(first, "head_sha")),
        "head_branch": _text(_at(first, "head_branch")),
        "head_repository": _text(_at(first, "head_repository", "full_name")),
        "run": _run(_at(first, "id"), _at(first, "run_attempt")),
        "run_url": _text(_at(first, "html_url")),
    }


def _of_other(event: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    del event, environ
    return {}


_Told: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, str]], dict[str, Any]]
_OF_EVENT: Final[Mapping[Kind, _Told]] = {
    "pull_request": _of_pull_request,
    "merge_group": _of_merge_group,
    "push": _of_push,
    "workflow_run": _of_workflow_run,
    "other": _of_other,
}


def _at(value: object, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if value is not None else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _run(number: object, attempt: object) -> tuple[int, int]:
    def plain(value: object) -> int:
        return int(str(value)) if str(value).isdecimal() else 0

    return plain(number), plain(attempt)
