"""The grammar of the command line: the options of every command in, a parser of them out."""

from __future__ import annotations

import argparse
from typing import NoReturn

import revguard
from revguard.arguments import saying
from revguard.arguments.names import BLOCKING, COMMANDS
from revguard.checkouts import STAGES
from revguard.errors import UsageError


class Parser(argparse.ArgumentParser):
    """argparse's, whose errors are ours."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"`{self.prog} --help` shows what there is")


def parser_of_all() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
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
    saying.add(parser)
    _add_for_judging(parser)


def _add_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-stage", action="store_true", help="write the script, and exit 1")
    parser.add_argument("-m", "--message", metavar="MESSAGE", help="the revision's message")
    parser.add_argument("--rename", metavar="OLD:NEW", dest="renamed", action="append", default=[],
                        type=_rename, help=_RENAME)  # fmt: skip
    said = "whatever else looks like a rename is a drop and an add"
    parser.add_argument("--no-rename", action="store_true", help=said)
    _add_for_judging(parser)


_RENAME = "a rename, `table.old:new` of a column, `old:new` of a table (may be repeated)"


def _rename(said: str) -> str:
    # a name may hold dots and colons: which it is, the models tell
    if ":" not in said.strip(":"):
        raise argparse.ArgumentTypeError(f"{said!r} is not `table.old:new` or `old:new`")
    return said


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
