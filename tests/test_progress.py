"""The progress line: shown on a terminal, limited in its rate, and gone in the end."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import revguard
from revguard.progress import ProgressLine

CLEAR = "\r\x1b[2K"
SOURCES = Path(revguard.__file__).parents[1]


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def stream():
    return io.StringIO()


def test_nothing_is_written_for_nothing(stream, clock):
    with ProgressLine(stream, width=80, clock=clock):
        pass
    assert stream.getvalue() == ""


def test_each_message_takes_the_place_of_the_one_before(stream, clock):
    with ProgressLine(stream, width=80, clock=clock) as progress:
        progress("starting database")
        progress("importing the models")
    expected = f"{CLEAR}starting database{CLEAR}importing the models{CLEAR}"
    assert stream.getvalue() == expected


def test_counts_are_shown_now_and_then(stream, clock):
    with ProgressLine(stream, width=80, clock=clock) as progress:
        for number in range(1, 378):
            progress(f"replaying {number} of 377 revisions")
            clock.now += 0.01
    assert 30 < stream.getvalue().count("replaying") < 45


def test_a_message_fits_one_line(stream, clock):
    with ProgressLine(stream, width=10, clock=clock) as progress:
        progress("0123456789\nmore")
    assert stream.getvalue() == f"{CLEAR}012345678{CLEAR}"


def test_it_is_gone_after_a_failure(stream, clock):
    def fail():
        with ProgressLine(stream, width=80, clock=clock) as progress:
            progress("starting database")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert stream.getvalue().endswith(CLEAR)


def test_a_closed_stream_is_no_failure(clock):
    stream = io.StringIO()
    stream.close()
    with ProgressLine(stream, width=80, clock=clock) as progress:
        progress("starting database")


WORKING = """
import sys
from revguard import rim
from revguard.verdict import Report

def work(invocation):
    invocation.options.progress("starting database")
    return Report(verdict="pass")

rim.COMMAND_BY_NAME = {"check": work}
sys.exit(rim.run(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize(
    ("words", "variables", "shown"),
    [
        pytest.param([], {}, True, id="terminal"),
        pytest.param(["-q"], {}, False, id="quiet"),
        pytest.param([], {"PRE_COMMIT": "1"}, False, id="pre-commit records its terminal"),
        pytest.param([], {"TERM": "dumb"}, False, id="dumb terminal"),
    ],
)
def test_on_a_terminal(words, variables, shown):
    ours, theirs = os.openpty()
    environ = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(SOURCES), **variables}
    argv = [sys.executable, "-c", WORKING, "check", *words]
    try:
        done = subprocess.run(argv, stderr=theirs, stdout=subprocess.PIPE, env=environ, check=False)
        os.set_blocking(ours, False)
        try:
            written = os.read(ours, 1000).decode()
        except BlockingIOError:
            written = ""
    finally:
        os.close(theirs)
        os.close(ours)
    assert (done.returncode, done.stdout) == (0, b"")
    assert written == (f"{CLEAR}starting database{CLEAR}" if shown else "")


def test_elsewhere_there_is_none():
    environ = {**os.environ, "PYTHONPATH": str(SOURCES)}
    argv = [sys.executable, "-c", WORKING, "check"]
    done = subprocess.run(argv, capture_output=True, env=environ, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
