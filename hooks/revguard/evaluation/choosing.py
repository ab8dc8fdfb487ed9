"""What the options name: the staged tree, the working tree, any tree or a range."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from revguard import cachedir, config, environments
from revguard.config import Settings, values
from revguard.config.values import Where
from revguard.environments import Environment
from revguard.errors import ConfigError, UsageError
from revguard.evaluation.subject import Subject
from revguard.options import Options, PushedRef
from revguard.staging import index, pushes, ranges, repository, trees
from revguard.staging.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A tree to judge, and the trees that it comes from."""

    repo: Repository
    reader: trees.Reader
    tree: str
    parents: tuple[str, ...]
    in_working_tree: bool
    range: ranges.Range | None = None  # where a range was asked for
    landed_at: str = ""  # the commit that the change comes on top of


def choose(options: Options, repo: Repository | None = None) -> Target:
    """The tree that the options name. UsageError where a name means nothing."""
    repo = repo or repository.find(options.directory, options.environ)
    reader = trees.Reader(repo)
    found = _range(repo, reader, options)
    if found is not None:
        old = [trees.tree_of(repo, commit) for commit in found.others]
        return Target(
            repo=repo,
            reader=reader,
            tree=found.tree,
            parents=(found.base_tree, *old) if found.base else (),
            in_working_tree=False,
            range=found,
            landed_at=found.base,
        )
    if options.tree:
        landed = _landed_of(repo, options.tree)
        return Target(
            repo=repo,
            reader=reader,
            tree=trees.tree_of(repo, options.tree),
            parents=(trees.tree_of(repo, landed),) if landed else (),
            in_working_tree=False,
            landed_at=landed,
        )
    staged = index.staged(repo)
    merged = [trees.tree_of(repo, commit) for commit in staged.parents[1:]]
    parents = () if staged.head_tree is None else (staged.head_tree, *merged)
    tree = index.worktree_tree(repo) if options.worktree else staged.tree
    return Target(
        repo=repo,
        reader=reader,
        tree=tree,
        parents=parents,
        in_working_tree=True,
        landed_at=staged.parents[0] if parents else "",
    )


def _range(repo: Repository, reader: trees.Reader, options: Options) -> ranges.Range | None:
    """The range that the options name, or pre-commit's variables where they name nothing."""
    if options.from_ref:
        return ranges.between(repo, options.from_ref, options.to_ref or "HEAD")
    environ = options.environ
    if options.worktree or options.tree:
        return None
    push = options.push or pushes.from_pre_commit(environ)
    if options.command != "check":
        _refuse_to_add(push)
        return None
    if push is not None:
        return _pushed(repo, reader, push)
    # `pre-commit run --from-ref A --to-ref B`
    old, new = environ.get("PRE_COMMIT_FROM_REF"), environ.get("PRE_COMMIT_TO_REF")
    return ranges.between(repo, old, new) if old and new else None


def _refuse_to_add(push: PushedRef | None) -> None:
    if push is not None:
        raise UsageError(
            "nothing can be added to commits that are made and are being pushed",
            hint="in the stage pre-push use the hook alembic-revision-check",
        )


def _pushed(repo: Repository, reader: trees.Reader, push: PushedRef) -> ranges.Range:
    head = trees.tree_of(repo, f"{push.new}^{{commit}}")
    known = Target(repo=repo, reader=reader, tree=head, parents=(), in_working_tree=False)
    return pushes.between(repo, push, repository.base(repo, settings_of(known).base))


def _landed_of(repo: Repository, treeish: str) -> str:
    """The first parent for a commit; HEAD for a bare tree; empty where there is none."""
    is_commit = trees.commit_of(repo, treeish)
    return trees.commit_of(repo, f"{treeish}^1" if is_commit else "HEAD")


def settings_of(target: Target) -> Settings:
    """The configuration of the judged tree; a file that git does not know counts, too."""
    listing = target.reader.listing(target.tree)
    entries = {
        name: listing[name]
        for name in config.FILES
        if name in listing and not _is_link(name, listing[name])
    }
    blobs = trees.read_blobs(target.repo, (entry.oid for entry in entries.values()))
    files = {name: blobs[entry.oid] for name, entry in entries.items()}
    for name in config.FILES:
        path = Path(target.repo.toplevel, name)
        if name not in listing and path.exists():
            files[name] = _untracked(path)
    return config.load(files)


def _is_link(name: str, entry: trees.Entry) -> bool:
    """A pyproject.toml that is one configures other tools; ours must be a file of the commit."""
    if entry.mode.startswith("100"):
        return False
    if name == config.OWN:
        raise ConfigError(
            f"{name} is a symbolic link, and what it leads to may not be in the commit",
            hint=f"Put the settings into a file: `rm {name}`, then write and `git add` it.",
        )
    return True


def _untracked(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = "it is a folder" if path.is_dir() else error.strerror
        raise ConfigError(
            f"{path.name} cannot be read: {reason}",
            hint=f"revguard reads its settings there; see `ls -ld {path}`.",
        ) from error


def subject_of(target: Target, settings: Settings, options: Options) -> Subject:
    """The subject: the target with what has landed and the date of what it builds on."""
    repo, found = target.repo, target.range
    base = found.landed if found else repository.base(repo, settings.base)
    return Subject(
        repo=repo,
        reader=target.reader,
        tree=target.tree,
        parents=target.parents,
        base=None if base is None else trees.tree_of(repo, base.commit),
        base_name="" if base is None else base.name,
        created=_created(repo, found),
        cache=Path(cachedir.repository_dir(repo.toplevel, options.environ)),
        in_working_tree=target.in_working_tree,
        range=found,
        landed_at=target.landed_at,
    )


def discovered(
    subject: Subject, settings: Settings, options: Options
) -> tuple[list[Environment], list[environments.Skipped]]:
    """The environments that the options select, and the files that only look like one's."""
    top = os.path.basename(subject.repo.toplevel)
    found, skipped = environments.discover(settings, subject.listing, subject.read, top_name=top)
    chosen = environments.select(found, options.environments)
    return [_overridden(one, options) for one in chosen], list(skipped)


def _overridden(environment: Environment, options: Options) -> Environment:
    """With what the command line says in place of the configuration."""
    said = environment.settings
    if options.python:
        said = replace(said, python=options.python)
    if options.database:
        said = replace(said, database=values.database(options.database, Where("--database", ())))
    return replace(environment, settings=said)


def _created(repo: Repository, found: ranges.Range | None) -> int:
    """The date of what is built on: the same change on the same parent gives the same script.

    Without any commit it is a fixed day, as reproducible builds have it.
    """
    commit = found.head if found else trees.commit_of(repo, "HEAD")
    return trees.date_of(repo, commit) if commit else trees.NO_COMMIT
