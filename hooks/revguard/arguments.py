"""The command line's grammar: arguments in, an Invocation or a UsageError out."""

from __future__ import annotations

import argparse
import datetime
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NoReturn, TypeAlias

import revguard
from revguard.checkouts import STAGES
from revguard.errors import UsageError
from revguard.options import Options, Progress, no_progress

Color: TypeAlias = Literal["auto", "always", "never"]

COMMANDS: Final[Mapping[str, str]] = {
    "check": "is there one proven revision for each model change? (writes nothing)",
    "add": "write the missing revision script, prove it and stage it",
    "rebase": "move this branch's revisions on top of the base's head, prove and stage them",
    "squash": "make one revision of the several that the branch brings",
    "plan": "which environments the change affects, told without importing any",
    "pr": "the same in CI: what merging would land, said on the pull request",
    "status": "models, scripts and (with --database) the configured database side by side",
    "upgrade": "bring the configured development database to the heads of this branch",
    "explain": "show the page of a rule",
    "doctor": "show what is found, and why: repository, interpreter, environments, databases",
    "cache": "show or clear what is kept between runs",
    "init": "make a repository ready: migration environment, hook and workflow",
    "demo": "a commit is blocked, then made with the revision added, in a throw-away repository",
}
BLOCKING: Final = ("pre-commit", "pre-merge-commit", "pre-push")  # hooks that can stop git
PUSH: Final = "pre-push"
# They judge nothing, and answer in text or JSON.
ANSWERING: Final = (
    *("rebase", "squash", "plan", "status", "upgrade", "explain", "doctor", "cache", "init"),
    "demo",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What `revguard pr` says where."""

    mode: str = "check"
    comment: str = "on-change"
    step: str = "all"
    parts: str | None = None  # absolute, as `files`
    files: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One command line, understood."""

    options: Options
    words: tuple[str, ...] = ()  # the command's own: a rule, a revision, a git hook's arguments
    database: bool = False  # status: whether the configured database is looked at
    hosts: tuple[str, ...] = ()  # upgrade: that are allowed besides this machine
    hook: str = ""  # check, upgrade: the git hook that runs it
    template: str | None = None  # of Alembic, for init
    saying: Saying = Saying()
    format: str = "text"
    output: str | None = None  # absolute
    color: Color = "auto"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"`{self.prog} --help` shows what there is")


def parse(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    directory: str,
    today: datetime.date,
    progress: Progress = no_progress,
) -> Invocation:
    """Understand the arguments. SystemExit(0) after `--help` and `--version`."""
    _refuse_unknown_command(arguments)
    found = _parser().parse_args(list(arguments))
    if found.command is None:
        raise UsageError("no command was given", hint=_known_commands())
    _refuse_files(found)
    if found.command == "upgrade" and not found.hook and len(found.words) > 1:
        raise UsageError("`revguard upgrade` takes one revision", hint="`heads` is all of them")
    base = _directory(directory, found.first_directory, found.directory)
    options = Options(
        command=found.command,
        directory=base,
        environ=environ,
        today=today,
        environments=(*found.first_env, *found.env),
        worktree=getattr(found, "worktree", False),
        tree=getattr(found, "tree", None),
        from_ref=getattr(found, "from_ref", None),
        to_ref=getattr(found, "to_ref", None),
        all=getattr(found, "all", False),
        stage=not getattr(found, "no_stage", False),
        message=getattr(found, "message", None),
        python=getattr(found, "python", None),
        database=getattr(found, "database_setting", None),
        no_cache=found.no_cache,
        verbose=found.verbose,
        quiet=found.quiet,
        progress=progress,
    )
    return Invocation(
        options=_consistent(options),
        words=(*getattr(found, "words", ()), *getattr(found, "files", ())),
        database=getattr(found, "database", False),
        hosts=tuple(getattr(found, "hosts", ())),
        hook=getattr(found, "hook", ""),
        template=getattr(found, "template", None),
        saying=_saying(found, base),
        format=found.format,
        output=os.path.join(base, found.output) if found.output else None,
        color=found.color,
    )


def _parser() -> _Parser:
    parser = _Parser(
        prog="revguard",
        description="One Alembic revision per model change, proven.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"revguard {revguard.__version__}")
    _add_common(parser, first=True)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, said in COMMANDS.items():
        command = commands.add_parser(name, help=said, description=said, allow_abbrev=False)
        _add_common(command, first=False)
        if name in _OWN:
            _OWN[name](command)
    return parser


def _add_common(parser: argparse.ArgumentParser, *, first: bool) -> None:
    """The options of every command. They may stand before it, too: `first`."""

    def default(value: object) -> object:
        return value if first else argparse.SUPPRESS

    add = parser.add_argument
    prefix = "first_" if first else ""
    add("-C", metavar="DIR", dest=f"{prefix}directory", help="work as if started in DIR")
    add("--env", metavar="NAME", dest=f"{prefix}env", action="append", default=[], help=_ENV)
    add("--format", default=default("text"), metavar="FORMAT", help=_FORMAT)
    add("--output", default=default(None), metavar="FILE", help="write the report to FILE")
    add("-v", "--verbose", action="store_true", default=default(False), help="say more")
    add("-q", "--quiet", action="store_true", default=default(False), help="say less")
    add("--no-cache", action="store_true", default=default(False), help=_NO_CACHE)
    add("--color", choices=("auto", "always", "never"), default=default("auto"))


_FORMAT = "text (default) or json; check and add also github, sarif and markdown"
_ENV = "only this environment (may be repeated)"
_NO_CACHE = "take nothing from earlier runs; the verdict is the same"


def _add_check(parser: argparse.ArgumentParser) -> None:
    what = _add_what(parser)
    said = "as the git hook of this name; git's arguments follow"
    what.add_argument("--hook", metavar="STAGE", choices=BLOCKING, default="", help=said)
    _add_for_judging(parser)


def _add_what(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--worktree", action="store_true", help="judge the files on disk")
    what.add_argument("--tree", metavar="TREEISH", help="judge a commit or a tree")
    what.add_argument("--from-ref", metavar="A", help="judge what B brings on top of A")
    parser.add_argument("--to-ref", metavar="B", help="with --from-ref")
    return what


def _add_plan(parser: argparse.ArgumentParser) -> None:
    said = "print a matrix for GitHub Actions, on one line"
    parser.add_argument("--github-matrix", dest="words", action="store_const",
                        const=("github-matrix",), default=(), help=said)  # fmt: skip
    _add_what(parser)
    _add_for_judging(parser)


def _add_pr(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--from-ref", metavar="A", help="what the change comes on top of (default: its base)")
    add("--to-ref", metavar="B", help="the change (default: as the event says, or HEAD)")
    add("--mode", choices=MODES, default="check", help=_MODE)
    add("--comment", choices=COMMENTS, default="on-change", help="when there is a comment")
    add("--parts", metavar="DIR", help="judge nothing: say what these JSON reports say together")
    add(
        "--files",
        metavar="DIR",
        dest="folder",
        help="leave report, patch and SARIF in DIR",
    )
    add("--step", choices=STEPS, default="all", help=_STEP)
    add("--python", metavar="PATH", help="the project's interpreter, whatever is configured")
    add("--database", metavar="SETTING", dest="database_setting",
        help="the ephemeral database, whatever is configured")  # fmt: skip
    _add_for_judging(parser)


MODES: Final = ("check", "suggest", "push")
COMMENTS: Final = ("on-change", "always", "never")
STEPS: Final = ("all", "judge", "comment")
_MODE = "suggest: with the script to paste; push: commit it to the branch"
_STEP = "judge: all that needs no token; comment: only what does, with --parts"


def _add_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-stage", action="store_true", help="write the script, and exit 1")
    parser.add_argument("-m", "--message", metavar="MESSAGE", help="the revision's message")
    _add_for_judging(parser)


def _add_rebase(parser: argparse.ArgumentParser) -> None:
    said = "what has landed (default: the configured base, or the remote's default branch)"
    parser.add_argument("--from-ref", metavar="BASE", help=said)


def _add_squash(parser: argparse.ArgumentParser) -> None:
    said = "the revision's message (default: those of the several)"
    parser.add_argument("-m", "--message", metavar="MESSAGE", help=said)


def _add_for_judging(parser: argparse.ArgumentParser) -> None:
    said = "report every environment, not only those that the change affects"
    parser.add_argument("--all", action="store_true", help=said)
    parser.add_argument("files", nargs="*", help=argparse.SUPPRESS)


def _add_status(parser: argparse.ArgumentParser) -> None:
    said = "look at the configured database, too, read-only"
    parser.add_argument("--database", action="store_true", help=said)


def _add_upgrade(parser: argparse.ArgumentParser) -> None:
    said = "a host that is not this machine and may be upgraded (may be repeated)"
    parser.add_argument("--allow-host", metavar="NAME", dest="hosts", action="append", default=[],
                        help=said)  # fmt: skip
    said = "as the git hook of this name; git's arguments follow"
    parser.add_argument("--hook", metavar="STAGE", choices=STAGES, default="", help=said)
    said = "where to (heads), as `alembic upgrade` takes it"
    parser.add_argument("words", metavar="REVISION", nargs="*", help=said)


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="RULE", nargs=1, help="for example history/multiple-heads")


def _add_cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", metavar="show|clear", nargs=1, choices=("show", "clear"))


def _add_init(parser: argparse.ArgumentParser) -> None:
    for flag, said in _INIT.items():
        parser.add_argument(
            f"--{flag}", dest="words", action="append_const", const=flag, default=[], help=said
        )
    said = "the revision's message"
    parser.add_argument("-m", "--message", metavar="MESSAGE", help=said)
    said = "Alembic's template: generic, async, pyproject, ... (default: as the engine is)"
    parser.add_argument("--template", metavar="NAME", help=said)


_INIT = {
    "dry-run": "write nothing, and show what would be as a diff",
    "revision": "write the first revision, too, prove it, and stage all of it",
    "install-hooks": "run `pre-commit install`, too",
    "local-hook": "let the hook run the installed revguard: nothing is fetched for it",
    "no-hook": "leave .pre-commit-config.yaml alone",
    "no-workflow": "write no workflow for GitHub",
}
_OWN = {
    "check": _add_check,
    "add": _add_add,
    "pr": _add_pr,
    "plan": _add_plan,
    "rebase": _add_rebase,
    "squash": _add_squash,
    "status": _add_status,
    "upgrade": _add_upgrade,
    "explain": _add_explain,
    "cache": _add_cache,
    "init": _add_init,
}
_WITH_VALUE = ("-C", "--env", "--format", "--output", "--color")


def _refuse_unknown_command(arguments: Sequence[str]) -> None:
    # before argparse does, whose message would not know of those that come later
    words = iter(arguments)
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            if word not in COMMANDS:
                raise UsageError(f"there is no command {word!r}", hint=_nearest_command(word))
            return


def _nearest_command(word: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, COMMANDS, n=1)
    return f"did you mean `revguard {near[0]}`?" if near else _known_commands()


def _known_commands() -> str:
    return f"the commands are: {', '.join(COMMANDS)}"


_HOOK_OF_PUSH = f'exec revguard check --hook {PUSH} "$@"'


def _refuse_files(found: argparse.Namespace) -> None:
    files: Sequence[str] = getattr(found, "files", ())
    if getattr(found, "hook", "") == PUSH:
        if len(files) != 2:
            raise UsageError(
                "git gives its `pre-push` hook the remote's name and URL",
                hint=f"the hook says `{_HOOK_OF_PUSH}`",
            )
        return
    if len(files) == 2 and found.command == "check":  # what git gives, and nobody else
        raise UsageError(
            f"`revguard check` takes no file names, and was given {files[0]!r}",
            hint=f"in .git/hooks/pre-push write `{_HOOK_OF_PUSH}`",
        )
    if files:
        raise UsageError(
            f"`revguard {found.command}` takes no file names, and was given {files[0]!r}",
            hint="it judges the whole staged tree: in .pre-commit-config.yaml leave "
            "`pass_filenames: false` as it is; `--env NAME` chooses an environment",
        )


def _saying(found: argparse.Namespace, base: str) -> Saying:
    if found.command != "pr":
        return Saying()
    if found.step == "comment" and not found.parts:
        raise UsageError("`--step comment` judges nothing and has nothing to say",
                         hint="`--parts FILE` gives it the report")  # fmt: skip
    places = (os.path.join(base, one) if one else None for one in (found.parts, found.folder))
    parts, files = places
    return Saying(mode=found.mode, comment=found.comment, step=found.step, parts=parts, files=files)


def _directory(start: str, *changes: str | None) -> str:
    for change in changes:
        if change is not None:
            start = os.path.normpath(os.path.join(start, change))
            if not os.path.isdir(start):
                raise UsageError(f"there is no folder {start}", hint="`-C DIR` names a folder")
    return start


def _consistent(options: Options) -> Options:
    if options.verbose and options.quiet:
        raise UsageError("`-v` and `-q` contradict each other", hint="give one of them")
    if options.to_ref is not None and options.from_ref is None:
        raise UsageError("`--to-ref` needs `--from-ref`", hint="`--tree` judges a single commit")
    return options
