"""Ended at any moment: by Ctrl-C, by the system, by kill -9; and what the next run makes of it."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from itertools import cycle
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")

# how often, cold and warm: until the script is written, `add` does what `check` does
POINTS = {("check", False): 4, ("check", True): 5, ("add", False): 7, ("add", True): 11}
MODES = [
    pytest.param(command, warm, id=f"{command} {'warm' if warm else 'cold'}")
    for command, warm in POINTS
]


class Sweep:
    """Runs of one command, each ended a little later than the one before."""

    def __init__(self, shop, command, warm, tools):
        self.shop = shop
        self.command = command
        self.tools = tools
        self.kept = shop.base / "kept"
        if warm:  # of the commit before, with a server to copy and a snapshot to start from
            done = shop.run("check", "--all")
            assert done.returncode == 0, done.stderr
        shop.cache.mkdir(exist_ok=True)
        shop.change()
        for folder in (shop.path, shop.cache):
            shutil.copytree(folder, self.kept / folder.name, symlinks=True)

    def again(self):
        """As it was before the first run. The owner of a server's files is kept, too."""
        for folder in (self.shop.path, self.shop.cache):
            subprocess.run(["rm", "-rf", folder], check=True)
            subprocess.run(["cp", "-a", self.kept / folder.name, folder], check=True)
        self.shop.git("status")  # times of the files into the index

    def length(self):
        """How long a whole run takes, and that it is right."""
        started = time.monotonic()
        done = self.shop.run(self.command)
        assert done.returncode == (1 if self.command == "check" else 0), done.stderr
        return time.monotonic() - started

    def end(self, after, number):
        """(exit code, processes, stderr) of a run that gets this signal after so many seconds."""
        with self.shop.start(self.command) as process:
            until = time.monotonic() + after
            seen = {}
            while process.poll() is None and time.monotonic() < until:
                seen.update(self.tools.descendants(process.pid))
                time.sleep(0.01)
            if process.poll() is None:
                seen.update(self.tools.descendants(process.pid))
                process.send_signal(number)
            if number == signal.SIGKILL:
                process.wait()
                err = ""
                process.stdout.close()
                process.stderr.close()
            else:
                _, err = process.communicate(timeout=60)
        return process.returncode, seen, err


def kept(shop):
    """What an interrupt must not change; what git remembers of trees in its index it may."""
    return shop.git("ls-files", "--stage", "-v"), *shop.state()[1:]


def points(length, count):
    return [length * 1.05 * (number + 0.5) / count for number in range(count)]


def temporary_leftovers(shop):
    return [path for path in shop.left() if "/cache/" not in path]


def memory_leftovers(ids):
    folder = f"/dev/shm/revguard-{os.geteuid()}"
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [name for name in names if name.partition(".")[0] in ids]


@pytest.mark.parametrize(("command", "warm"), MODES)
def test_kill_9_at_any_moment(make_shop, tools, command, warm):
    pg_shop = make_shop("postgresql", cold=not warm)
    sweep = Sweep(pg_shop, command, warm, tools)
    length = sweep.length()
    reached = 0
    for after in points(length, POINTS[command, warm]):
        sweep.again()
        before = pg_shop.state()
        code, processes, _ = sweep.end(after, signal.SIGKILL)
        reached += code == -signal.SIGKILL
        where = f"killed after {after:.2f} of {length:.2f} s"
        ids = pg_shop.run_ids()
        status = pg_shop.git("status", "--porcelain", "-uall").splitlines()
        if command == "check":
            assert pg_shop.state() == before, where
        else:
            assert_whole_or_nothing(status, before, pg_shop, where)
        done = pg_shop.run("check")
        assert done.returncode == expected(status), (where, done.stdout, done.stderr)
        assert tools.wait_for(lambda p=processes: not tools.alive(p)), where
        assert pg_shop.left() == [], where
        assert memory_leftovers(ids) == [], where
        if command == "add":
            lock = pg_shop.path / ".git" / "index.lock"
            assert not lock.exists(), where
            done = pg_shop.run("add")
            assert done.returncode == 0, (where, done.stdout, done.stderr)
            assert statuses(pg_shop) == ["A ", "M "], where
    assert reached >= POINTS[command, warm] // 2


def statuses(shop):
    return [line[:2] for line in shop.git("status", "--porcelain", "-uall").splitlines()]


def expected(status):
    return 0 if any(line.startswith("A ") for line in status) else 1


def assert_whole_or_nothing(status, before, shop, where):
    """The script is in the index, or on disk only (and then a run says so), or nowhere."""
    _, was, files = shop.state()
    kinds = [line[:2] for line in status]
    assert kinds in (["M "], ["A ", "M "], ["M ", "??"]), (where, status)
    if kinds == ["M "]:
        assert (was, files) == before[1:], where


@pytest.mark.parametrize("command", ["check", "add"])
def test_interrupted_at_any_moment(pg_shop, tools, command):
    sweep = Sweep(pg_shop, command, True, tools)
    length = sweep.length()
    codes = []
    for after, number in zip(points(length, 8), cycle((signal.SIGINT, signal.SIGTERM))):
        sweep.again()
        before = kept(pg_shop)
        code, processes, err = sweep.end(after, number)
        where = f"ended after {after:.2f} of {length:.2f} s, {code}: {err}"
        codes.append(code)
        if code == 130:
            assert "Traceback" not in err, where
            assert "interrupted" in err, where
            assert kept(pg_shop) == before, where
        elif code < 0:  # before the first line of ours ran, or after the last one
            assert code == -number, where
            assert kept(pg_shop) == before or command == "add", where
        else:
            assert code == (1 if command == "check" else 0), where
        assert tools.wait_for(lambda p=processes: not tools.alive(p)), where
        assert pg_shop.left() == [], where
        assert memory_leftovers(pg_shop.run_ids()) == [], where
    assert codes.count(130) >= 4, codes


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    ("place", "code", "status"),
    [("staging", 130, ["M "]), ("added", 0, ["A ", "M "])],
    ids=["before it is staged: nothing was", "after it: the run ends as it would have"],
)
def test_interrupted_while_it_adds(shop, tools, place, code, status, number):
    held = shop.base / "held"
    held.mkdir()
    (held / place).touch()
    shop.change()
    before = kept(shop)
    program = (str(Path(__file__).with_name("held.py")),)
    with shop.start("add", program=program, environ={"HELD": str(held)}) as process:
        assert tools.wait_for((held / "reached").exists, 60), process.communicate()
        process.send_signal(number)
        (held / "go").touch()
        out, err = process.communicate(timeout=60)
    assert process.returncode == code, (out, err)
    assert ("interrupted" in err) == (code == 130), err
    assert statuses(shop) == status
    assert (kept(shop) == before) == (code == 130)
    assert shop.left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_second_interrupt_does_not_stop_the_cleaning_up(pg_shop, tools, number):
    pg_shop.change()
    runs = pg_shop.cache / "v1" / "runs"
    with pg_shop.start("check") as process:
        assert tools.wait_for(lambda: list(runs.glob("*.lock")), 60)
        seen = tools.descendants(process.pid)
        for _ in range(10):
            if process.poll() is None:
                process.send_signal(number)
            time.sleep(0.02)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert tools.wait_for(lambda: not tools.alive(seen))
    assert pg_shop.left() == []


IMPORTING = {
    "code that is run": "exec('signal.raise_signal({0})')",
    "a class that is made": """
class Name:
    def __set_name__(self, owner, name):
        signal.raise_signal({0})

class Made:
    name = Name()
""",
}
RUN = """\
import signal, sys
from revguard import cli, pipeline

def check(options):
{}
pipeline.check = check
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("where", IMPORTING)
def test_interrupted_while_a_module_is_imported(shop, where, number):
    """What Python makes of it there is neither a bug of ours nor another exit code."""
    code = RUN.format(textwrap.indent(IMPORTING[where].format(int(number)), "    "))
    (shop.base / "interrupted.py").write_text(code)
    path = os.pathsep.join([str(shop.base), shop.environ()["PYTHONPATH"]])
    done = shop.run("check", program=("-m", "interrupted"), environ={"PYTHONPATH": path})
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "revguard: interrupted\n")


def test_the_terminal_goes_away(pg_shop, tools):
    pg_shop.change()
    runs = pg_shop.cache / "v1" / "runs"
    with pg_shop.start("check") as process:
        assert tools.wait_for(lambda: list(runs.glob("*.lock")), 60)
        seen = tools.descendants(process.pid)
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert tools.wait_for(lambda: not tools.alive(seen))
    assert pg_shop.left() == []


def test_an_interrupt_under_git_commit(pg_shop, tools):
    """Ctrl-C in the terminal reaches git and the hook: no commit, nothing left."""
    pg_shop.change()
    hook = pg_shop.path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec {sys.executable} -m revguard add\n")
    hook.chmod(0o755)
    before = pg_shop.git("rev-parse", "HEAD")
    status = pg_shop.git("status", "--porcelain")
    runs = pg_shop.cache / "v1" / "runs"
    process = subprocess.Popen(
        ["git", "commit", "-qm", "change"],
        cwd=pg_shop.path,
        env=pg_shop.environ(),
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    assert tools.wait_for(lambda: list(runs.glob("*.lock")), 60)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) != 0
    assert tools.wait_for(lambda: pg_shop.left() == [])
    assert pg_shop.git("rev-parse", "HEAD") == before
    assert pg_shop.git("status", "--porcelain") == status
