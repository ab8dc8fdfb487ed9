"""What a run makes is removed, also when it is killed; what lives is left alone."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

from revguard import leftovers, runs, scratch
from revguard.errors import CouldNotCheck
from revguard.runs import FileLock, Run, sweep

HOOKS = str(Path(runs.__file__).parents[1])
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


class Places:
    def __init__(self, folder):
        self.cache = folder / "cache"
        self.options = {}
        for name in ("memory", "temporary"):
            (folder / name).mkdir()
            self.options[name] = str(folder / name)

    def run(self):
        return Run(self.cache, **self.options)

    def sweep(self):
        return sweep(self.cache, **self.options)

    def left(self):
        bases = [self.cache / "runs", *map(Path, self.options.values())]
        return sorted(str(path) for base in bases if base.is_dir() for path in base.iterdir())

    def die(self, body, **popen):
        """Run `body` in another process inside a run, then kill that; what it printed."""
        code = textwrap.dedent(
            """
            import os, signal, subprocess, sys
            from pathlib import Path
            from revguard.runs import Run
            def sleeper(**options):
                quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                quiet["start_new_session"] = True
                return subprocess.Popen(["sleep", "600"], **quiet, **options)
            run = Run(Path(sys.argv[1]), memory=sys.argv[2], temporary=sys.argv[3])
            with run:
            {body}
                sys.stdout.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            """
        ).replace("{body}", textwrap.indent(textwrap.dedent(body), "    "))
        done = subprocess.run(
            [sys.executable, "-c", code, str(self.cache), *self.options.values()],
            env={**os.environ, "PYTHONPATH": HOOKS},
            capture_output=True,
            text=True,
            **popen,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        return done.stdout.split()


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path)


def alive(pid):
    return bool(leftovers.identity(int(pid)))


def test_a_run_has_folders_and_leaves_none(places):
    with places.run() as run:
        assert run.cache_writable
        for folder in (run.folder, run.memory, run.temporary()):
            assert folder.name == run.id
            assert folder.is_dir()
        assert run.folder.parent == places.cache / "runs"
        (run.folder / "deep").mkdir()
        (run.memory / "file").write_text("x")
        assert (run.number(), run.number()) == (1, 2)
        assert run.environ({"A": "b"}) == {"A": "b", "REVGUARD_RUN": run.id}
    assert places.left() == []
    run.close()
    run.temporary()
    assert places.left() == []


def test_without_a_memory_file_system(places):
    places.options["memory"] = "/nonexistent"
    with places.run() as run:
        assert run.memory is None
    places.options["memory"] = None
    with places.run() as run:
        assert run.memory is None


@posix
def test_a_failure_ends_what_is_registered(places):
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    with suppress(ZeroDivisionError), places.run() as run:
        run.register(process.pid, ends_on=signal.SIGTERM)
        raise ZeroDivisionError
    process.wait(5)
    assert places.left() == []


@linux
def test_a_failure_ends_also_what_is_not_registered(places):
    with suppress(KeyboardInterrupt), places.run() as run:
        process = subprocess.Popen(["sleep", "600"], env=run.environ({"PATH": os.defpath}))
        raise KeyboardInterrupt
    assert process.wait(5) == -signal.SIGKILL


@posix
def test_what_ignores_its_signal_is_killed(places):
    with places.run() as run:
        process = subprocess.Popen(
            ["sh", "-c", "trap '' TERM; echo; while :; do sleep 1; done"],
            start_new_session=True,
            stdout=subprocess.PIPE,
        )
        process.stdout.readline()
        run.register(process.pid, ends_on=signal.SIGTERM)
    process.wait(5)
    process.stdout.close()
    assert not alive(process.pid)


@posix
def test_what_was_forgotten_is_left_alone(places):
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    with places.run() as run:
        run.register(process.pid)
        run.forget(process.pid)
    assert process.poll() is None
    process.kill()
    process.wait()


@linux
@pytest.mark.parametrize(
    "body",
    [
        pytest.param("p = sleeper(); run.register(p.pid); print(p.pid)", id="registered"),
        pytest.param(
            "p = sleeper(); run.register(p.pid, ends_on=signal.SIGTERM); print(p.pid)",
            id="registered-gentle",
        ),
        pytest.param("print(sleeper(env=run.environ({'PATH': os.defpath})).pid)", id="by-environ"),
        pytest.param("print(sleeper(cwd=run.folder).pid)", id="by-folder"),
        pytest.param("print(sleeper(cwd=run.memory).pid)", id="by-memory-folder"),
        pytest.param("print(sleeper(cwd=run.temporary()).pid)", id="by-temporary-folder"),
        pytest.param("(run.folder / 'x').mkdir(); (run.memory / 'y').write_text('')", id="files"),
        pytest.param("(run.folder / 'processes').write_bytes(b'12')", id="torn-line"),
        pytest.param("(run.folder / 'processes').write_bytes(bytes(99))", id="torn-file"),
    ],
)
def test_a_dead_run_is_swept(places, body):
    pids = places.die(body)
    assert all(map(alive, pids))
    assert places.left() != []
    assert places.sweep() == 1
    assert not any(map(alive, pids))
    assert places.left() == []
    assert places.sweep() == 0


@linux
def test_a_group_is_ended_with_its_leader(places):
    pids = places.die(
        """
        p = subprocess.Popen(
            ["sh", "-c", "exec 2>&-; sleep 600 & echo $!; wait"],
            start_new_session=True,
            stdout=subprocess.PIPE,
        )
        run.register(p.pid)
        print(p.pid, p.stdout.readline().decode())
        """
    )
    assert len(pids) == 2
    places.sweep()
    until = time.monotonic() + 10  # who was killed may still be dying, on a machine with work
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(map(alive, pids))


@linux
def test_a_process_that_has_the_id_now_is_left_alone(places):
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    places.die(f"(run.folder / 'processes').write_text('{process.pid} 9 123@0\\n')")
    assert places.sweep() == 1
    assert process.poll() is None
    process.kill()
    process.wait()


def test_a_live_run_is_left_alone(places):
    with places.run() as run:
        assert places.sweep() == 0
        assert run.folder.is_dir()
        assert run.memory.is_dir()


@posix
def test_a_dead_run_beside_a_live_one(places):
    with places.run() as run:
        places.die("pass")
        assert places.sweep() == 1
        assert run.folder.is_dir()
    assert places.left() == []


@linux
def test_the_sweeper_is_not_its_own_victim(places):
    """As where a post-write hook of a dead run's worker commits, and so starts us."""
    places.die("Path(sys.argv[1], 'id').write_text(run.id)")
    code = (
        "import sys; from pathlib import Path; from revguard.runs import sweep;"
        "print(sweep(Path(sys.argv[1]), memory=sys.argv[2], temporary=sys.argv[3]))"
    )
    done = subprocess.run(
        [
            *("sh", "-c", '"$@"; echo over', "sh"),
            *(sys.executable, "-c", code, str(places.cache), *places.options.values()),
        ],
        env={
            **os.environ,
            "PYTHONPATH": HOOKS,
            "REVGUARD_RUN": (places.cache / "id").read_text(),
        },
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["1", "over"]
    assert places.left() == []


AT_ANY_MOMENT = """
import contextlib, os, signal, subprocess, sys
from pathlib import Path
from revguard import leftovers, runs, scratch, subprocesses
import shutil, subprocess
ends_on, left = int(sys.argv[4]), int(sys.argv[5])
def hook(event, arguments):
    global left
    if event in ("open", "os.listdir", "subprocess.Popen") or event.startswith(
        ("os.", "fcntl.", "shutil.")
    ):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), ends_on)
def end(number, frame):
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
if ends_on == signal.SIGINT:
    signal.signal(ends_on, end)
sys.addaudithook(hook)
with scratch.folder({"TMPDIR": sys.argv[3]}) as folder:
    Path(folder, "file").touch()
with contextlib.ExitStack() as stack:
    signals = subprocesses.Held()
    with signals:
        run = runs.Run(Path(sys.argv[1]), memory=sys.argv[2], temporary=sys.argv[3])
        stack.enter_context(run)
    signals.deliver()
    run.temporary()
    process = subprocesses.start(
        ["sh", "-c", "exec >&- 2>&-; sleep 600"], environ=run.environ({}), cwd=run.folder
    )
    run.register(process.pid)
    (run.folder / "a").mkdir()
    process.kill()
    process.wait()
    run.forget(process.pid)
print(left)
"""


def at_any_moment(places, number):
    """The n-th event that the interpreter audits is when it comes, for every n of a whole run."""
    for step in range(1, 300):
        done = subprocess.run(
            [sys.executable, "-c", AT_ANY_MOMENT, str(places.cache), *places.options.values(),
             str(int(number)), str(step)],
            env={**os.environ, "PYTHONPATH": HOOKS},
            capture_output=True,
            text=True,
        )  # fmt: skip
        yield step, done
        if done.returncode == 0 and int(done.stdout) > 0:
            assert step > 20
            return
    raise AssertionError("it never came to its end")


@linux
def test_killed_at_any_moment(places):
    for step, done in at_any_moment(places, signal.SIGKILL):
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        places.sweep()
        scratch.sweep({"TMPDIR": places.options["temporary"]})
        assert places.left() == [], step


@linux
def test_interrupted_at_any_moment(places):
    """Nothing waits for a sweep: also not what was being acquired when the signal came."""
    for step, done in at_any_moment(places, signal.SIGINT):
        if done.returncode:
            assert done.stderr.rstrip().endswith("KeyboardInterrupt"), done.stderr
        assert places.left() == [], (step, done.stderr)


@linux
def test_the_folder_for_temporary_files_is_not_tried(tmp_path):
    """`tempfile` writes a file there, and a kill at that moment leaves it for good."""
    code = (
        "import sys, pathlib; from revguard import runs, scratch; runs.sweep(pathlib.Path('c'));"
        "scratch.sweep({}); print('tempfile' in sys.modules)"
    )
    environ = {**os.environ, "PYTHONPATH": HOOKS}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


@posix
def test_a_foreign_base_is_not_used(places):
    own = f"revguard-{os.geteuid()}"
    Path(places.options["memory"], own).mkdir()
    Path(places.options["memory"], own).chmod(0o777)
    os.symlink(places.cache.parent, Path(places.options["temporary"], own))
    with places.run() as run:
        assert run.memory is None
        assert run.temporary() == run.folder


def test_a_cache_that_cannot_be_written(places):
    places.cache.write_text("a file")
    with places.run() as run:
        assert not run.cache_writable
        assert run.folder == run.temporary()
    assert places.left() == []


@posix
def test_a_dead_run_without_a_cache_is_swept(places):
    places.cache.write_text("a file")
    places.die("pass")
    assert places.sweep() == 1
    assert places.left() == []


def test_nowhere_to_write(places):
    places.cache.write_text("a file")
    os.rmdir(places.options["temporary"])
    Path(places.options["temporary"]).write_text("a file")
    with pytest.raises(CouldNotCheck, match="no folder for this run") as caught, places.run():
        pass
    assert "REVGUARD_CACHE_DIR" in caught.value.hint


def test_a_file_lock_is_one_holders(tmp_path):
    with FileLock(tmp_path / "lock"):
        descriptor = os.open(tmp_path / "lock", os.O_RDWR)
        assert not runs.lock(descriptor, wait=False)
        os.close(descriptor)
    descriptor = os.open(tmp_path / "lock", os.O_RDWR)
    assert runs.lock(descriptor, wait=False)
    os.close(descriptor)
