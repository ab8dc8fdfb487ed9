"""`python -m benchmarks.real CLONE`: a project that nobody here wrote in, a row of a table out."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import by_hand, trees

REVGUARD = str(Path(sys.executable).parent / "revguard")
_HOOK = f"#!/bin/sh\nexec {REVGUARD} check\n"
_WORD = {0: "pass", 1: "block", 2: "usage", 3: "error"}


@dataclass(frozen=True)
class Answer:
    """What a run of revguard said."""

    code: int
    seconds: float
    report: Mapping[str, object]
    said: str

    @property
    def word(self) -> str:
        return _WORD.get(self.code, str(self.code))


@dataclass(frozen=True)
class Insertion:
    """A line of a real model file, and the line to put behind it."""

    path: str
    after: str
    line: str

    def into(self, clone: Path, mark: str = "") -> None:
        """Put it there and stage it; the mark makes content that no cache knows."""
        original = trees.git(clone, "show", f"HEAD:{self.path}")
        lines = original.split("\n")
        place = next(n for n, line in enumerate(lines) if line.strip() == self.after.strip())
        indent = self.line + (f"  # {mark}" if mark else "")
        (clone / self.path).write_text(
            "\n".join([*lines[: place + 1], indent, *lines[place + 1 :]])
        )
        trees.git(clone, "add", "--", self.path)


@dataclass(frozen=True)
class Bench:
    """A clone made for this, its virtualenv, and our settings for it."""

    clone: Path
    settings: Path | None
    cache: Path
    environ: Mapping[str, str]

    def revguard(self, *arguments: str, cache: Path | None = None) -> Answer:
        """Run it in the clone."""
        environ = {**self.environ, "REVGUARD_CACHE_DIR": str(cache or self.cache)}
        command = [REVGUARD, *arguments, "--format", "json"]
        started = time.perf_counter()
        found = subprocess.run(
            command, cwd=self.clone, env=environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        report = json.loads(found.stdout) if found.stdout.startswith("{") else {}
        return Answer(found.returncode, seconds, report, found.stdout + found.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the row, and on stderr what it comes from."""
    asked = _parser().parse_args(argv)
    clone = asked.clone.resolve()
    cells = [asked.name or clone.name, str(_lines(asked.settings))]
    with _clean(clone, asked.settings), _folder(asked.cache) as cache:
        environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        bench = Bench(clone, asked.settings, cache, environ)
        insertion = Insertion(*asked.insert) if asked.insert else None
        if "state" in asked.parts:
            cells.append(_state(bench))
        if "commit" in asked.parts and insertion:
            cells.append(_guarded(bench, insertion))
        if "times" in asked.parts and insertion:
            cells.extend(_times(bench, insertion, asked))
        if "replay" in asked.parts:
            cells.append(_replay(bench, asked))
    print(f"| {' | '.join(cells)} |")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real", description=__doc__)
    parser.add_argument("clone", type=Path, help="made for this: commits are made and taken back")
    parser.add_argument("--name", default="")
    parser.add_argument("--settings", type=Path, help="a revguard.toml for it")
    parser.add_argument("--models", nargs="*", help="pathspecs; default: what looks like models")
    parser.add_argument("--insert", nargs=3, metavar=("FILE", "AFTER", "LINE"), help="a column")
    parser.add_argument("--commits", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--hand", default="alembic upgrade head && alembic check")
    parser.add_argument("--hand-in", default=".", help="folder of the clone to run that in")
    parser.add_argument("--hand-environ", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--venv", default=".venv", help="the project's, for what is done by hand")
    parser.add_argument("--dialect", default="postgresql", help="of the server for that")
    parser.add_argument("--driver", default="", help="that {url} names")
    parser.add_argument("--cache", type=Path, help="kept; default: a folder of its own")
    known = ["state", "commit", "times", "replay"]
    parser.add_argument("--parts", nargs="*", choices=known, default=known)
    return parser


def _lines(settings: Path | None) -> int:
    """How many had to be configured, the headings not counted."""
    text = settings.read_text() if settings else ""
    return sum(bool(line.strip()) and line[0] not in "#[" for line in text.splitlines())


@contextlib.contextmanager
def _clean(clone: Path, settings: Path | None) -> Iterator[None]:
    """At its newest commit and with our settings committed; afterwards as it was."""
    head = trees.git(clone, "rev-parse", "HEAD").strip()
    hook = clone / ".git" / "hooks" / "pre-commit"
    try:
        if settings is not None:
            shutil.copy(settings, clone / "revguard.toml")
            trees.git(clone, "add", "-f", "revguard.toml")
            trees.git(clone, "commit", "-q", "--no-verify", "-m", "settings")
        yield
    finally:
        hook.unlink(missing_ok=True)
        trees.git(clone, "reset", "-q", "--hard", head)


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    made = None if kept else tempfile.mkdtemp(prefix="bench-")
    try:
        yield Path(made or str(kept)).resolve()
    finally:
        if made:
            shutil.rmtree(made, ignore_errors=True)


def _state(bench: Bench) -> str:
    """The verdict where it stands."""
    found = bench.revguard("check", "--worktree", "--all")
    environments = found.report.get("environments") or []
    assert isinstance(environments, list)
    drift = sum(one["known_drift"] for one in environments)
    _say("state", found.word, found)
    return f"{found.word}, {drift} known" if drift else found.word


def _guarded(bench: Bench, insertion: Insertion) -> str:
    """A real commit of a changed model: blocked, then made with the script that `add` brings."""
    hook = bench.clone / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(_HOOK)
    hook.chmod(0o755)
    before = trees.git(bench.clone, "rev-parse", "HEAD").strip()
    insertion.into(bench.clone)
    first = _commit(bench)
    added = bench.revguard("add", "-m", "note")
    _say("add", added.word, added)
    second = _commit(bench)
    hook.unlink()
    shown = trees.git(bench.clone, "diff", "--name-only", before, "HEAD").split()
    print("   committed:", *shown, file=sys.stderr)
    trees.git(bench.clone, "reset", "-q", "--hard", before)
    went = first == 1 and added.code == 0 and second == 0
    return "blocked, added, made" if went else f"{first}, {added.code}, {second}"


def _commit(bench: Bench) -> int:
    """As a user commits."""
    environ = {**bench.environ, "REVGUARD_CACHE_DIR": str(bench.cache)}
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.invalid"]
    found = subprocess.run(
        ["git", *identity, "commit", "-m", "add a note"], cwd=bench.clone, env=environ,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(f"   git commit: {found.returncode}\n{found.stdout}{found.stderr}", file=sys.stderr)
    return found.returncode


def _times(bench: Bench, insertion: Insertion, asked: argparse.Namespace) -> list[str]:
    """Seconds of `revguard check` of a changed model, with an empty cache and with one, and by
    hand; they take turns, so that a slow moment hits all alike."""
    bench.revguard("check", "--all")
    hand: list[float] = []
    cold: list[float] = []
    warm: list[float] = []
    with by_hand.running(asked.dialect, asked.driver) as server:
        for number in range(asked.repeat + 1):
            hand.append(_by_hand(bench, server, f"hand{number}", asked))
            insertion.into(bench.clone, f"{number}")
            with _folder(None) as empty:
                cold.append(_checked(bench, empty))
            insertion.into(bench.clone, f"{number} again")
            warm.append(_checked(bench, bench.cache))
    trees.git(bench.clone, "reset", "-q", "--hard")
    by, *ours = (statistics.median(times[1:]) for times in (hand, cold, warm))
    return [f"{by:.1f} s", *(f"{one:.1f} s, x{one / by:.2f}" for one in ours)]


def _checked(bench: Bench, cache: Path) -> float:
    found = bench.revguard("check", cache=cache)
    if found.code != 1:
        raise SystemExit(f"the changed model was not blocked:\n{found.said}")
    return found.seconds


def _by_hand(bench: Bench, server: by_hand.Server, name: str, asked: argparse.Namespace) -> float:
    told = dict(pair.split("=", 1) for pair in asked.hand_environ)
    programs = bench.clone / asked.venv / "bin"
    environ = {**bench.environ, **by_hand.filled(told, server.fresh(name))}
    environ["PATH"] = f"{programs}{os.pathsep}{environ['PATH']}"
    commands = asked.hand.split("&&")
    started = time.perf_counter()
    for command in commands:
        found = subprocess.run(
            command, shell=True, cwd=bench.clone / asked.hand_in, env=environ,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if found.returncode and command is not commands[-1]:
            raise SystemExit(f"{command} ended with {found.returncode}:\n{found.stderr}")
    seconds = time.perf_counter() - started
    print(f"   by hand: {seconds:.2f} s, {found.returncode}", file=sys.stderr)
    return seconds


def _replay(bench: Bench, asked: argparse.Namespace) -> str:
    """The verdicts over the newest commits that touched models: as made, and without their
    revision."""
    models = asked.models or trees.model_files(bench.clone)
    words: Counter[str] = Counter()
    without: Counter[str] = Counter()
    found = trees.commits(bench.clone, models, asked.commits + bool(asked.settings))
    head = trees.git(bench.clone, "rev-parse", "HEAD").strip()
    for commit in [one for one in found if one != head or not asked.settings][: asked.commits]:
        scripts = trees.revisions(bench.clone, commit)
        answer = _judged(bench, commit, ())
        words[answer.word] += 1
        if scripts:
            without[_judged(bench, commit, scripts).word] += 1
    return f"{_counted(words)} | {_counted(without)}"


def _counted(words: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(words.items())) or "none"


def _judged(bench: Bench, commit: str, without: Sequence[str]) -> Answer:
    settings = bench.settings.read_text() if bench.settings else ""
    tree = trees.changed(bench.clone, commit, without=without, settings=settings)
    answer = bench.revguard("check", "--tree", tree)
    subject = trees.git(bench.clone, "log", "-1", "--format=%h %cs %s", commit).strip()
    what = f"without {' '.join(without)}" if without else "as made"
    expected = 1 if without else 0
    _say(f"{subject}: {what} ({tree[:12]})", answer.word, answer, quiet=answer.code == expected)
    return answer


def _say(what: str, word: str, answer: Answer, *, quiet: bool = False) -> None:
    print(f"-- {what}: {word}, {answer.seconds:.1f} s", file=sys.stderr, flush=True)
    if quiet:
        return
    environments = answer.report.get("environments") or []
    assert isinstance(environments, list)
    for one in environments:
        for finding in one["findings"]:
            print(f"   {finding['rule']}: {finding['message']}", file=sys.stderr)
        if one.get("error"):
            print(f"   {one['name']}: {one['error']}", file=sys.stderr)
    if not environments:
        print(f"   {answer.said}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
