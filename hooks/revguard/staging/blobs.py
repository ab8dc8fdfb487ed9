"""Contents as a checkout has them: blobs and their paths in, bytes after git's filters out."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from typing import IO, TYPE_CHECKING, NamedTuple

from revguard import subprocesses
from revguard.staging import plumbing, trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from revguard.staging.repository import Repository

_CHUNK = 1 << 20
_BROKEN_FILTERS = 3  # so many failures, then the rest comes unfiltered


class Wanted(NamedTuple):
    """A blob, and the path whose attributes say how it is converted."""

    path: str
    oid: str


class _FilterFailed(Exception):  # noqa: N818  (never leaves this module)
    """A smudge filter that the user has configured did not work."""


def as_checked_out(
    repo: Repository, wanted: Sequence[Wanted], attributes: str
) -> Iterator[tuple[str, bytes]]:
    """Each path with what a checkout would write; `attributes` is a folder with .gitattributes.

    What a broken filter cannot convert, and a path that `cat-file` cannot be told, comes as the
    plain blob.
    """
    plain = [item for item in wanted if not _can_be_asked(item.path)]
    left = [item for item in wanted if _can_be_asked(item.path)]
    failures = 0
    while left and failures < _BROKEN_FILTERS:
        done = 0
        try:
            for path, content in _filtered(repo, left, attributes):
                done += 1
                yield path, content
            left = []
        except _FilterFailed:
            failures += 1
            plain.append(left[done])
            left = left[done + 1 :]
    yield from _plain(repo, [*plain, *left])


def fetch_missing(repo: Repository, tree: str) -> None:
    """In a partial clone, get all blobs of a tree that are not there at once, not one by one."""
    remote = _promisor(repo)
    if not remote:
        return
    listed = plumbing.output(
        repo, "rev-list", "--objects", "--no-object-names", "--missing=print", tree
    )
    missing = [line[1:] for line in listed.splitlines() if line.startswith(b"?")]
    if not missing:
        return
    plumbing.output(
        repo,
        "fetch",
        "--no-tags",
        "--no-write-fetch-head",
        "--recurse-submodules=no",
        "--filter=blob:none",
        "--stdin",
        remote,
        stdin=b"".join(oid + b"\n" for oid in missing),
        config={"fetch.negotiationAlgorithm": "noop"},
    )


def _promisor(repo: Repository) -> str:
    """The remote that owes this clone its objects; "" where the clone is whole."""
    try:
        with open(os.path.join(repo.common_dir, "config"), "rb") as file:
            if b"promisor" not in file.read().lower():
                return ""
    except OSError:
        return ""
    found = plumbing.run(repo, "config", "--get-regexp", r"^remote\..*\.promisor$").text()
    first = found.splitlines()[0].rpartition(" ")[0] if found else ""
    return first.removeprefix("remote.").removesuffix(".promisor")


def _can_be_asked(path: str) -> bool:
    # cat-file reads lines, takes all blanks after the id for one, and drops a CR at the end
    return "\n" not in path and not path.startswith((" ", "\t")) and not path.endswith("\r")


def _filtered(
    repo: Repository, wanted: Sequence[Wanted], attributes: str
) -> Iterator[tuple[str, bytes]]:
    """One `cat-file --filters` for all.

    Its headers give the size before filtering, so contents cannot be told apart by that: after
    each we ask for the empty tree, with a word that no content can know.
    """
    empty = trees.empty_tree(wanted[0].oid)
    word = os.urandom(16).hex()
    asked = "".join(f"{oid} {path}\n{empty} {word}\n" for path, oid in wanted)
    end = f"\n{empty} tree {word}\n\n".encode()
    arguments = ("--filters", "--batch=%(objectname) %(objecttype) %(rest)")
    with _cat_file(repo, arguments, os.fsencode(asked), attributes) as stream:
        buffer = bytearray()
        for path, oid in wanted:
            header = os.fsencode(f"{oid} blob {path}\n")
            at = _find(buffer, end, stream)
            if at < 0:
                raise _FilterFailed
            if not buffer.startswith(header):
                raise trees.lost(oid)
            yield path, bytes(buffer[len(header) : at])
            del buffer[: at + len(end)]


def _find(buffer: bytearray, end: bytes, stream: IO[bytes]) -> int:
    searched = 0
    while (at := buffer.find(end, searched)) < 0:
        searched = max(0, len(buffer) - len(end))
        more = os.read(stream.fileno(), _CHUNK)
        if not more:
            return -1
        buffer += more
    return at


def _plain(repo: Repository, wanted: Sequence[Wanted]) -> Iterator[tuple[str, bytes]]:
    if not wanted:
        return
    contents = trees.read_blobs(repo, (item.oid for item in wanted))
    for path, oid in wanted:
        yield path, contents[oid]


@contextlib.contextmanager
def _cat_file(
    repo: Repository, arguments: Sequence[str], asked: bytes, attributes: str
) -> Iterator[IO[bytes]]:
    environ = plumbing.inside(repo, work_tree=attributes)
    # the attributes are those of the folder: not of the user's index
    environ["GIT_INDEX_FILE"] = os.path.join(attributes, ".git", "no-index")
    process = subprocesses.start(
        plumbing.command("cat-file", "--buffer", *arguments),
        cwd=attributes,
        environ=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    writer = threading.Thread(target=_feed, args=(process.stdin, asked), daemon=True)
    process.stdin = None  # it is the thread's
    writer.start()
    try:
        yield process.stdout
    finally:
        subprocesses.kill(process)
        writer.join()


def _feed(pipe: IO[bytes], asked: bytes) -> None:
    with contextlib.suppress(OSError), pipe:
        pipe.write(asked)
