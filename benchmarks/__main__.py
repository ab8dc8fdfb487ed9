"""`python -m benchmarks [ROW ...]`: a line for each row, a ratio against doing it by hand."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import action, chains, databases, graphs, plans, providers
from benchmarks.measure import Measured, Way, side_by_side
from benchmarks.projects import Project

PYTHON = sys.executable
BIN = Path(PYTHON).parent
REVGUARD = str(BIN / "revguard")
ALEMBIC = str(BIN / "alembic")
DRIFT = "    email: Mapped[str | None] = mapped_column(String(255))\n"
POSTGRES = "postgresql+psycopg2://nobody@database.invalid/shop"
URL = "postgresql+psycopg2://postgres@/{name}"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    what: str
    measured: dict[str, Measured]
    limit: str
    passed: bool


class Bench:
    """Where everything lies while it is measured."""

    def __init__(self, base: Path, repeat: int, socket: str, only: str = "") -> None:
        self.base = base
        self.only = only  # a part of the names of the providers that are wanted
        self.repeat = repeat
        self.socket = socket  # of a PostgreSQL that runs
        self.environ = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "REVGUARD_CACHE_DIR": str(base / "cache"),
            "VIRTUAL_ENV": str(BIN.parent),
            "PGHOST": socket,
            "PGUSER": "postgres",
        }
        self.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        self._count = 0

    def project(self, *, tables: int = 5, revisions: int = 5, files: int = 0) -> Project:
        """A committed project, its database on the running server migrated."""
        self._count += 1
        name = f"bench{self._count}"
        project = Project(self.base / name, URL.format(name=name), tables, revisions)
        project.make(files)
        subprocess.run(["createdb", name], env=self.environ, check=True)
        self.run(project, ALEMBIC, "upgrade", "head")
        return project

    def project_at(self, url: str, settings: list[str], first: str = "") -> Project:
        """A committed project for which nothing runs yet."""
        self._count += 1
        project = Project(self.base / f"bench{self._count}", url, first=first)
        project.folder.mkdir()
        (project.folder / "revguard.toml").write_text("\n".join(settings) + "\n")
        project.make()
        return project

    def run(self, project: Project, *command: str) -> int:
        """Run a command in the project, quietly."""
        return subprocess.run(
            command, cwd=project.folder, env=self.environ, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ).returncode  # fmt: skip

    def way(self, project: Project, *commands: list[str], **more: object) -> Way:
        """Commands in the project's folder."""
        return Way(commands, str(project.folder), self.environ, **more)  # type: ignore[arg-type]

    def judged(self, project: Project) -> None:
        """Let revguard see the project as it stands, as the commit before would have."""
        if self.run(project, REVGUARD, "check", "--all"):
            raise SystemExit("the project of the benchmark is not clean")


def row_a(bench: Bench) -> Row:
    project = bench.project()
    bench.judged(project)
    (project.folder / "README").write_text("hello\n")
    project.git("add", "-A")
    measured = side_by_side(
        {
            "revguard check": bench.way(project, [REVGUARD, "check"]),
            "python -c pass; git diff --cached": bench.way(
                project, [PYTHON, "-c", "pass"], ["git", "diff", "--cached"]
            ),
        },
        max(bench.repeat, 15),
    )
    ours, hand = measured.values()
    passed = ours.seconds <= 0.090 and ours.seconds - hand.seconds <= 0.030
    return Row("a", "no relevant change", measured, "<= 90 ms, <= 30 ms more", passed)


def row_b(bench: Bench) -> Row:
    project = bench.project()
    bench.judged(project)
    project.write_models(DRIFT)
    project.git("add", "-A")
    bench.run(project, REVGUARD, "check")
    measured = side_by_side(
        {
            "revguard check": bench.way(project, [REVGUARD, "check"], expected=(1,)),
            "python -c pass; git diff --cached": bench.way(
                project, [PYTHON, "-c", "pass"], ["git", "diff", "--cached"]
            ),
        },
        bench.repeat,
    )
    return Row(
        "b", "known content", measured, "<= 130 ms", next(iter(measured.values())).seconds <= 0.130
    )


def _marks() -> Iterator[str]:
    yield from (f"{number:06d}" for number in range(1_000_000))


def _changing(project: Project, extra: str) -> Callable[[], None]:
    """Each time another content with the same effect, so that no verdict is known."""
    marks = _marks()

    def change() -> None:
        project.write_models(extra, next(marks))
        project.git("add", "-A")

    return change


def row_c(bench: Bench) -> Row:
    project = bench.project()
    bench.judged(project)
    measured = side_by_side(
        {
            "revguard check": bench.way(
                project, [REVGUARD, "check"], before=_changing(project, "")
            ),
            "import models and Alembic": bench.way(
                project,
                [PYTHON, "-c", "import alembic.command, alembic.autogenerate, shop.models"],
            ),
        },
        bench.repeat,
    )
    ours, hand = measured.values()
    return Row(
        "c", "models touched, same schema", measured, "<= 1.2", ours.seconds <= 1.2 * hand.seconds
    )


def _drift(bench: Bench, name: str, what: str, project: Project) -> Row:
    bench.judged(project)
    measured = side_by_side(
        {
            "revguard check": bench.way(
                project, [REVGUARD, "check"], before=_changing(project, DRIFT), expected=(1,)
            ),
            "alembic check (running server)": bench.way(
                project, [ALEMBIC, "check"], expected=(255, 1)
            ),
        },
        bench.repeat,
    )
    ours, hand = measured.values()
    return Row(name, what, measured, "<= 1.5", ours.seconds <= 1.5 * hand.seconds)


def row_d(bench: Bench) -> list[Row]:
    rows = [
        _drift(
            bench, f"d{n}", f"drift, PostgreSQL, {n} revisions, warm", bench.project(revisions=n)
        )
        for n in (5, 50, 500)
    ]
    small, large = (next(iter(rows[i].measured.values())) for i in (0, 2))
    flat = Row(
        "d", "500 revisions against 5",
        {"500 revisions": large, "5 revisions": small}, "<= 1.3",
        large.seconds <= 1.3 * small.seconds,
    )  # fmt: skip
    return [*rows, flat]


def row_e(bench: Bench) -> Row:
    found = next(one for one in providers.ALL if one.name == "local PostgreSQL")
    return _from_nothing(bench, "e", "the same, cold", found, "", _project_of(bench, found, ""))


def row_f(bench: Bench) -> Row:
    return _drift(bench, "f", "drift, 500 tables", bench.project(tables=500, revisions=5))


def row_g(bench: Bench) -> Row:
    small, large = bench.project(), bench.project(files=20_000)
    for project in (small, large):
        bench.judged(project)
    measured = side_by_side(
        {
            "20,000 files": bench.way(
                large, [REVGUARD, "check"], before=_changing(large, DRIFT), expected=(1,)
            ),
            "10 files": bench.way(
                small, [REVGUARD, "check"], before=_changing(small, DRIFT), expected=(1,)
            ),
        },
        bench.repeat,
    )
    ours, hand = measured.values()
    return Row("g", "20,000 files", measured, "<= 1.3", ours.seconds <= 1.3 * hand.seconds)


def row_h(bench: Bench) -> list[Row]:
    """From the asking to a login."""
    by_hand = {
        "postgresql": databases.postgresql_by_hand,
        "mysql": databases.mariadb_by_hand,
    }
    rows = []
    for dialect, work in by_hand.items():
        measured = {
            "ready, cache warm": databases.ready(dialect, bench.base / "ready", bench.repeat),
            "initialise and start by hand": databases.timed(work, max(3, bench.repeat // 2)),
        }
        passed = measured["ready, cache warm"].seconds <= 0.25
        rows.append(Row("h", f"{dialect} by local programs", measured, "<= 250 ms", passed))
    return rows


def row_i(bench: Bench) -> Iterator[Row]:
    """From nothing to a verdict by each provider, cold and warm."""
    for one in providers.ALL:
        if bench.only not in one.name:
            continue
        lack = one.lack()
        if lack:
            print(f"--   i     {one.name}: not measured, {lack}", flush=True)
            continue
        with one.running(bench.socket) as where:
            project = _project_of(bench, one, where)
            yield _from_nothing(bench, "i", f"{one.name}, cold", one, where, project)
            yield _once_more(bench, "i", f"{one.name}, warm", one, where, project)


def _project_of(bench: Bench, one: providers.Provider, where: str) -> Project:
    setting = one.setting.replace("@where", where)
    project = bench.project_at(one.url, [f'database = "{setting}"'])
    project.write_models(DRIFT)
    project.git("add", "-A")
    return project


def _from_nothing(
    bench: Bench, row: str, what: str, one: providers.Provider, where: str, project: Project
) -> Row:
    cache = bench.environ["REVGUARD_CACHE_DIR"] + "-cold"
    cold = {**bench.environ, "REVGUARD_CACHE_DIR": cache}
    way = Way(
        [[REVGUARD, "check"]], str(project.folder), cold,
        before=lambda: shutil.rmtree(cache, ignore_errors=True), expected=(1,),
    )  # fmt: skip
    return _against_hand(bench, row, what, one, where, project, way, one.cold)


def _once_more(
    bench: Bench, row: str, what: str, one: providers.Provider, where: str, project: Project
) -> Row:
    way = bench.way(project, [REVGUARD, "check"], before=_changing(project, DRIFT), expected=(1,))
    return _against_hand(bench, row, what, one, where, project, way)


def _against_hand(
    bench: Bench,
    row: str,
    what: str,
    one: providers.Provider,
    where: str,
    project: Project,
    way: Way,
    limit: float = 1,
) -> Row:
    by_hand = [PYTHON, "-m", "benchmarks.databases", one.by_hand, str(project.folder)]
    hand = Way([[*by_hand, where]], str(Path(__file__).parent.parent), bench.environ)
    measured = side_by_side(
        {"revguard check": way, "start, upgrade, check by hand": hand}, bench.repeat
    )
    ours, other = measured.values()
    passed = ours.seconds < limit * other.seconds
    return Row(row, what, measured, f"< {limit}", passed)


def row_j(bench: Bench) -> Row:
    """What a server adds to a run whose models take a second to import."""
    ways = {}
    for name, url in (("PostgreSQL", POSTGRES), ("SQLite", "sqlite:///never.db")):
        project = bench.project_at(url, [], first=databases.BUSY)
        bench.judged(project)
        ways[name] = bench.way(
            project, [REVGUARD, "check"], before=_changing(project, DRIFT), expected=(1,)
        )
    measured = side_by_side(ways, bench.repeat)
    ours, other = measured.values()
    passed = ours.seconds <= 1.3 * other.seconds
    return Row("j", "a server beside imports of 1 s", measured, "<= 1.3", passed)


def row_k(bench: Bench) -> Iterator[Row]:
    """A graph of 2,000 revisions: our own time, without importing one where none is to be run."""
    project = bench.project(revisions=graphs.REVISIONS)
    yield _drift(bench, "k", f"drift, {graphs.REVISIONS} revisions, warm", project)
    project.write_models()
    graphs.add_branch(project)
    cold = {**bench.environ, "REVGUARD_CACHE_DIR": bench.environ["REVGUARD_CACHE_DIR"] + "-cold"}
    for name, environ in (
        ("graph and its rules", bench.environ),
        ("the same, nothing known", cold),
    ):
        way = graphs.of_the_graph(PYTHON, project, environ, cold=environ is cold)
        yield _beside_heads(bench, name, project, way)
    project.git("commit", "-q", "-m", "mine")
    bench.judged(project)
    for name, word in (
        ("rebase, nothing to move", "rebase"),
        ("squash, nothing to squash", "squash"),
        ("status", "status"),
    ):
        yield _beside_heads(bench, name, project, bench.way(project, [REVGUARD, word]))


def _beside_heads(bench: Bench, name: str, project: Project, way: Way) -> Row:
    hand = bench.way(project, [ALEMBIC, "heads"])
    measured = side_by_side({name: way, "alembic heads": hand}, bench.repeat)
    ours, other = measured.values()
    what = f"{graphs.REVISIONS} revisions: {name}"
    return Row("k", what, measured, "<= 1", ours.seconds <= other.seconds)


def row_p(bench: Bench) -> Iterator[Row]:
    """Nothing is known of any environment, as on a fresh runner."""
    for number in (1, 20, 200):
        folder = plans.monorepo(bench.base / f"services{number}", number)
        (folder / "services/s0/s0/models.py").write_text("changed = 1\n")
        subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
        measured = side_by_side(
            {
                "revguard plan": Way([[REVGUARD, "plan"]], str(folder), bench.environ),
                "git diff": Way(
                    [["git", "diff", "--cached", "--name-only"]], str(folder), bench.environ
                ),
            },
            bench.repeat,
        )
        passed = measured["revguard plan"].seconds <= 2
        yield Row("p", f"plan of {number} environments", measured, "<= 2 s", passed)


def row_q(bench: Bench) -> Iterator[Row]:
    """The Action around the check: its installation, and the steps that judge and comment."""
    if action.lack():
        print(f"--   q     the Action: not measured, {action.lack()}", flush=True)
        return
    one = action.Action(bench.base / "q", PYTHON, bench.environ)
    hand = {"venv and pip by hand": one.by_hand(PYTHON)}
    few = max(3, bench.repeat // 2)
    measured = side_by_side({"install step": one.install(cold=True), **hand}, few)
    ours, other = measured.values()
    passed = ours.seconds <= 1.2 * other.seconds
    yield Row("q", "the Action: install, cold", measured, "<= 1.2", passed)
    nothing = {"python -c pass": Way([[PYTHON, "-c", "pass"]], str(bench.base), bench.environ)}
    measured = side_by_side({"install step": one.install(cold=False), **nothing}, bench.repeat)
    cached = next(iter(measured.values()))
    yield Row("q", "the same, cached", measured, "<= 150 ms", cached.seconds <= 0.150)
    yield from _around_the_check(bench, one, cached)


def _around_the_check(bench: Bench, one: action.Action, cached: Measured) -> Iterator[Row]:
    with action.github() as github:
        pull = action.Pull(bench.project(), github, bench.base / "q", DRIFT)
        pull.change()
        told = pull.told(one.python())
        project, words = pull.project, ("--from-ref", "main", "--to-ref", "mine")
        bench.run(project, REVGUARD, "check", "--all", "--from-ref", "main", "--to-ref", "main")
        bench.run(project, REVGUARD, "pr", *words, "--files", str(pull.report))
        check = bench.way(project, [REVGUARD, "check", *words], before=pull.change, expected=(1,))
        found = side_by_side(
            {
                "judge": one.step("judge", project, told, pull.change),
                "comment": one.step("comment", project, told, pull.without_comment),
                "revguard check": check,
            },
            bench.repeat,
        )
        if len(github.ours()) != 1:
            raise SystemExit("the step wrote no comment")
    judge, comment, alone = found.values()
    for name, each in (("judging", judge), ("commenting", comment)):
        measured = {f"{name} step": each, "revguard check": alone}
        yield Row("q", f"the Action: {name}", measured, "-", passed=True)
    more = cached.seconds + judge.seconds + comment.seconds
    steps = Measured(more, max(judge.memory, comment.memory))
    measured = {"its three steps, cached": steps, "revguard check": alone}
    what = f"the Action's own: {(more - alone.seconds) * 1000:.0f} ms"
    yield Row("q", what, measured, "<= 1 s more", more - alone.seconds <= 1)


def row_r(bench: Bench) -> Iterator[Row]:
    """Revisions that are moved or made one, proven, against the same by hand."""
    cold = {**bench.environ, "REVGUARD_CACHE_DIR": bench.environ["REVGUARD_CACHE_DIR"] + "-cold"}
    for word, count in (("rebase", 1), ("rebase", 5), ("squash", 3)):
        folder = bench.base / f"{word}{count}"
        project = chains.branch(folder, count, landed=word == "rebase")
        for environ, state in ((cold, "cold"), (bench.environ, "known content")):
            measured = side_by_side(_ways_of_chain(project, word, environ), bench.repeat)
            ours, hand = measured.values()
            what = f"{word}, {count} revision{'s' if count > 1 else ''}, {state}"
            # squash proves rows besides, on two databases
            limit = 1.5 if word == "squash" else 1
            yield Row("r", what, measured, f"<= {limit}", ours.seconds <= limit * hand.seconds)


def _ways_of_chain(project: Project, word: str, environ: dict[str, str]) -> dict[str, Way]:
    def before() -> None:
        chains.renewed(project)
        if environ["REVGUARD_CACHE_DIR"].endswith("-cold"):
            shutil.rmtree(environ["REVGUARD_CACHE_DIR"], ignore_errors=True)

    here = {**environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    hand = [PYTHON, "-m", "benchmarks.chains", word, str(project.folder)]
    return {
        f"revguard {word}": Way([[REVGUARD, word]], str(project.folder), environ, before),
        "git, an editor, alembic": Way([hand], str(project.folder), here, before),
    }


ROWS: dict[str, Callable[[Bench], Row | Iterable[Row]]] = {
    "a": row_a, "b": row_b, "c": row_c, "d": row_d, "e": row_e, "f": row_f, "g": row_g,
    "h": row_h, "i": row_i, "j": row_j, "k": row_k, "p": row_p, "q": row_q,
    "r": row_r,
}  # fmt: skip


def _print(row: Row) -> None:
    (ours, one), (hand, other) = row.measured.items()
    ratio = one.seconds / other.seconds
    mark = "ok  " if row.passed else "MISS"
    print(
        f"{mark} {row.name:5} {row.what:40} {one.seconds * 1000:7.0f} ms "
        f"{other.seconds * 1000:7.0f} ms"
        f"  x{ratio:5.2f}  (limit {row.limit})  {one.memory:4.0f} MiB  [{ours} / {hand}]",
        flush=True,
    )


@contextlib.contextmanager
def _engine(*, wanted: bool) -> Iterator[None]:
    """With the engine and the images that the tests make; needs root, as they do."""
    if not wanted:
        yield
        return
    from tests.databases import engine, images

    started = engine.Engine.new()
    try:
        images.build(started, lambda found, what: found or sys.exit(f"{what} is missing"))
        os.environ["DOCKER_HOST"] = started.url
        yield
    finally:
        started.close()


def main() -> int:
    """Print the table; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="default: all")
    parser.add_argument("--repeat", type=int, default=7, help="runs of each, for the median")
    parser.add_argument(
        "--engine", action="store_true", help="start the Docker engine of the tests for row i"
    )
    parser.add_argument("--only", default="", help="a part of a provider's name, for row i")
    found = parser.parse_args()
    missed = False
    # nothing is left behind, also where it runs in the background
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    base = Path(tempfile.mkdtemp(prefix="revguard-bench-"))
    try:
        # the user's own: durable
        with databases.postgresql(durable=True) as socket, _engine(wanted=found.engine):
            bench = Bench(base, found.repeat, socket, found.only)
            for name in found.rows or ROWS:
                rows = ROWS[name](bench)
                for row in [rows] if isinstance(rows, Row) else rows:
                    _print(row)
                    missed = missed or not row.passed
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
