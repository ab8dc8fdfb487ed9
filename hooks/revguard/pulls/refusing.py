"""Mode `push`: a report, a Place and the branch's commit in, why nothing is pushed out, if so."""

from __future__ import annotations

from revguard import adding
from revguard.history import headfile, reading
from revguard.pulls.place import Place
from revguard.staging import plumbing, trees
from revguard.staging.repository import Repository
from revguard.verdict import EnvironmentReport


class NotPushed(Exception):  # noqa: N818  (it is caught, and said as a warning)
    """Why nothing was pushed."""


def refuse_place(place: Place) -> None:
    """Only a branch of this very repository is ours to write to."""
    if place.service != "github" or place.kind != "pull_request":
        raise NotPushed("`mode: push` is for pull requests on GitHub")
    if place.is_fork:
        raise NotPushed("the pull request comes from a fork, whose branch is not ours to write to")
    if not place.head_branch or not place.head:
        raise NotPushed("the event does not name the branch")


def refuse_report(one: EnvironmentReport) -> None:
    """What is not proven, and what is no script."""
    _refuse_unproven(one)
    _refuse_strange(one)


def _refuse_unproven(one: EnvironmentReport) -> None:
    others = {found.rule for found in adding.left_over(one)}
    if others or one.verdict == "error":
        said = ", ".join(sorted(others)) or "it could not be checked"
        raise NotPushed(f"{one.name}: the script is not all that is missing ({said})")
    if any(step.result == "fail" for step in one.proof):
        raise NotPushed(f"{one.name}: the script is not proven")


def _refuse_strange(one: EnvironmentReport) -> None:
    """The report may be another job's artifact: nothing of it becomes a workflow, say."""
    names = [*filter(None, [one.script_path]), *(file.path for file in one.head_files)]
    strange = [path for path in names if not (headfile.is_one(path) or reading.is_loaded(path))]
    if strange:
        raise NotPushed(f"{one.name}: {strange[0]!r} is no revision script")


def refuse_behind(repo: Repository, place: Place, head: str, one: EnvironmentReport) -> None:
    """What stands on revisions of the base that the branch does not have."""
    _refuse_moved(repo, place, head, one)
    _refuse_without_parents(repo, place, head, one)


def _refuse_moved(repo: Repository, place: Place, head: str, one: EnvironmentReport) -> None:
    """What comes after the base's new revisions would not fit onto the branch alone."""
    base = trees.commit_of(repo, f"origin/{place.base_branch}") or place.base
    folders = {path.rpartition("/")[0] or "." for path in one.missing_files}
    parted = trees.parted(repo, base, head)
    if not parted:
        raise NotPushed("where the branch began is not in this clone: `fetch-depth: 0`")
    if plumbing.output(repo, "diff", "--name-only", "-z", parted, base, "--", *sorted(folders)):
        raise _behind(place)


def _refuse_without_parents(
    repo: Repository, place: Place, head: str, one: EnvironmentReport
) -> None:
    """Its parent may lie in another version folder, and have come with the base, too."""
    files = adding.encoded(one)
    script = files.get(one.script_path or "")
    node = reading.read_one(one.script_path or "", script) if script else None
    for id_ in node.down if node else ():
        if plumbing.run(repo, "grep", "--quiet", "-F", "-e", id_, head).returncode != 0:
            raise _behind(place)


def _behind(place: Place) -> NotPushed:
    return NotPushed(
        f"{place.base_branch} has revisions that {place.head_branch} does not have: merge it "
        "into the branch first"
    )
