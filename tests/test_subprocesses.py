"""Programs that are run: what they say, how they end, and that nothing of them stays."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from revguard.errors import CouldNotCheck
from revguard.subprocesses import Held, ProgramFailed, ProgramMissing, TimedOut, kill, run, start


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid):
    deadline = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(pid)


def test_output_is_bytes_and_apart():
    done = run(["sh", "-c", "printf 'a\\377'; printf ' oh\\n' >&2; exit 3"])
    assert (done.stdout, done.stderr, done.returncode) == (b"a\xff", b" oh\n", 3)
    assert done.text() == "a\udcff"
    assert done.error_text() == "oh"


def test_standard_input():
    assert run(["cat"], stdin=b"x" * 200_000).stdout == b"x" * 200_000
    assert run(["cat"], timeout=5).stdout == b""


def test_folder_and_environ(tmp_path):
    done = run(["/bin/sh", "-c", 'pwd; echo "$A$HOME"'], cwd=tmp_path, environ={"A": "b"})
    assert done.stdout == f"{tmp_path}\nb\n".encode()


def test_check_tells_what_failed():
    with pytest.raises(ProgramFailed) as caught:
        run(["sh", "-c", "echo why >&2; exit 4"], check=True)
    assert str(caught.value) == "`sh -c echo why >&2; exit 4` failed with exit code 4: why"
    assert caught.value.completed.returncode == 4
    assert isinstance(caught.value, CouldNotCheck)
    with pytest.raises(ProgramFailed, match="it said nothing"):
        run(["false"], check=True)


@pytest.mark.parametrize(
    ("argv", "cwd", "message"),
    [
        pytest.param(["no-such-program"], None, "No such file", id="missing"),
        pytest.param(["/"], None, "Permission denied", id="no program"),
        pytest.param(["true"], "/no/such/folder", "there is no folder", id="folder"),
        pytest.param(["a\0b"], None, "null byte", id="name"),
    ],
)
def test_what_cannot_be_started(argv, cwd, message):
    with pytest.raises(ProgramMissing, match=message):
        run(argv, cwd=cwd)


def test_a_timeout_ends_the_whole_group(tmp_path):
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! >> {pids}; echo $$ >> {pids}; sleep 60"
    with pytest.raises(TimedOut, match=r"did not end within 0\.3 s"):
        run(["sh", "-c", script], timeout=0.3)
    told = [int(pid) for pid in pids.read_text().split()]
    assert len(told) == 2
    assert all(gone(pid) for pid in told)


def test_a_grandchild_that_holds_the_pipes_does_not_hold_us(tmp_path):
    pid = tmp_path / "pid"
    with pytest.raises(TimedOut):
        run(["sh", "-c", f"setsid sh -c 'echo $$ > {pid}; exec sleep 300' & sleep 60"], timeout=0.3)
    assert is_alive(int(pid.read_text()))  # it holds the pipes still, and we are back
    os.kill(int(pid.read_text()), signal.SIGKILL)


def test_killing_while_a_thread_reads(tmp_path):
    pid = tmp_path / "pid"
    script = f"setsid sh -c 'echo $$ > {pid}; exec sleep 300' & sleep 60"
    process = start(["sh", "-c", script], stdout=subprocess.PIPE)
    reader = threading.Thread(target=process.stdout.read, daemon=True)
    reader.start()
    while not pid.exists() or not pid.read_text():
        time.sleep(0.01)
    kill(process)
    assert is_alive(int(pid.read_text()))
    os.kill(int(pid.read_text()), signal.SIGKILL)
    reader.join(5)


def test_killing_twice_is_no_failure():
    process = start(["sleep", "60"])
    kill(process)
    kill(process)
    assert process.returncode == -signal.SIGKILL


def test_an_interrupt_ends_what_runs(tmp_path):
    pid = tmp_path / "pid"
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "from revguard.subprocesses import run\n"
        f"run(['sh', '-c', 'echo $$ > {pid}; exec sleep 60'])\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environ) as process:
        while not pid.exists() or not pid.read_text():
            time.sleep(0.01)
        process.terminate()
        assert process.wait(5) == 7
    assert gone(int(pid.read_text()))


@pytest.fixture
def usual():
    """SIGINT's handler, put back."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_signals_are_handled_after_what_holds_them(usual):
    came = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    signals = Held()
    with signals:
        signal.raise_signal(signal.SIGINT)
        assert came == []
    signals.deliver()
    assert came == [signal.SIGINT]


def test_an_interrupt_is_not_held_a_second_time(usual):
    """The first one had them ignored: what is cleaned up then must not bring the handler back."""

    def once(_number, _frame):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, once)
    signals = Held()
    with signals:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signals.deliver()
    with signals:
        pass
    signals.deliver()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_nothing_is_interrupted_once_it_is_settled(usual):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signals = Held()
    with signals:
        signal.raise_signal(signal.SIGINT)
        signals.settle()
    signals.deliver()
    signal.raise_signal(signal.SIGINT)
