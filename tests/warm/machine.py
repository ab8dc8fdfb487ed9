"""Starts of revguard and of its workers that cost next to nothing: see `revguard` and `workers`.

An interpreter that imports SQLAlchemy and Alembic takes 400 ms, revguard itself 100 ms more, in
thousands of tests. Here each is loaded once in a process of its own, and forked: what runs is the
same code in a real process, with its own folder, environ, files and exit code. What a test says
about the start, signals or the process itself needs the real one.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import revguard as package
from revguard.project import launch

from . import ask

HERE = Path(__file__).parent
SOURCE = Path(package.__file__).parent
OURS = str(SOURCE.parent)
_DROPPED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST")
_REAL = {"boot": [str(SOURCE / "worker" / "boot.py")], "revguard": [str(HERE / "console.py")]}


class Machine:
    """The warm processes of this test session."""

    def __init__(self):
        self._folder = None
        self._servers = {}

    @property
    def folder(self):
        """Where the sockets are: their paths must be short."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="rg-warm-"))
            shutil.copy(HERE / "serving.py", self._folder)
            for role, words in _REAL.items():
                shutil.copy(HERE / "ask.py", self._folder / f"{role}.py")
                (self._folder / f"{role}.real").write_text("\0".join(words))
        return self._folder

    @property
    def program(self):
        """A file that does as the console script does."""
        self._serve_revguard()
        return self.folder / "revguard.py"

    def workers(self, python):
        """From now on this interpreter's workers are warm, where the start is a warm one's."""
        if not os.path.exists(python):
            return
        boot = SOURCE / "worker" / "boot.py"
        self._serve("boot", str(python), boot, {**_environ(), "PYTHONHASHSEED": "0"})

    def revguard(self, argv, *, cwd, env, timeout=None, **options):
        """What subprocess.run() gives of revguard, with text. It is a real one where there are
        other options than `input`, or what a warm one does not follow."""
        self._serve_revguard()
        place = ask.address(self.folder, "revguard", sys.prefix, env)
        if options.keys() - {"input"} or place not in self._servers or env["PYTHONPATH"] != OURS:
            return subprocess.run(
                [sys.executable, *_REAL["revguard"], *argv], cwd=cwd, env=env, capture_output=True,
                text=True, timeout=timeout, **options,
            )  # fmt: skip
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            files[0].write(options.get("input", "").encode())
            files[0].seek(0)
            code = _asked(place, files, list(map(str, argv)), cwd, env, timeout)
            return subprocess.CompletedProcess(argv, code, *map(_text, files[1:]))

    @contextlib.contextmanager
    def in_process(self):
        """Workers of a revguard that runs in this very process are warm."""
        boot = launch._BOOT
        launch._BOOT = self.folder / "boot.py"
        try:
            yield
        finally:
            launch._BOOT = boot

    def _serve_revguard(self):
        self._serve("revguard", sys.executable, OURS, {**_environ(), "PYTHONPATH": OURS})

    def _serve(self, role, python, source, environ):
        prefix = sys.prefix if python == sys.executable else str(Path(python).parents[1])
        place = ask.address(self.folder, role, prefix, environ)
        if place in self._servers:
            return
        server = subprocess.Popen(
            [python, self.folder / "serving.py", role, place, source], cwd=self.folder,
            env={**environ, "ROOM": "x" * 16_000},  # for that of a fork
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._servers[place] = server
        assert server.stdout.readline() == b"ready\n"

    def close(self):
        for server in self._servers.values():
            server.stdin.close()
            server.wait()
            server.stdout.close()
        if self._folder is not None:
            shutil.rmtree(self._folder)
        self._servers, self._folder = {}, None


def _environ():
    """Nothing of the one test that was the first to ask."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _DROPPED and not name.startswith("REVGUARD_")
    }


def _asked(place, files, argv, folder, environ, timeout):
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(place)
        connection.settimeout(timeout)
        ask.ask(connection, [one.fileno() for one in files], argv, str(folder), environ)
        try:
            return int(connection.recv(16))
        except TimeoutError:
            raise subprocess.TimeoutExpired(argv, timeout) from None


def _text(file):
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n").replace("\r", "\n")


MACHINE = Machine()
