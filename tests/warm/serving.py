"""A program that is loaded once, and forked for whoever asks: `serving.py ROLE SOCKET SOURCE`.

It lives until its stdin ends. A fork is a real process in a session of its own; it is ended when
who asked for it is gone.
"""

import atexit
import contextlib
import gc
import importlib
import importlib.util
import io
import os
import selectors
import signal
import socket
import sys
import threading
import traceback

# all that a worker has imported when it says hello, and nothing more
WORKER = (
    "alembic",
    "alembic.autogenerate",
    "alembic.command",
    "sqlalchemy",
    "sqlalchemy.orm",
    *(f"_revguard_worker.{name}" for name in (
        "drivers", "evaluate", "guard", "observe", "project", "remap", "steps"
    )),
)  # fmt: skip
REVGUARD = (
    "revguard.adding",
    "revguard.cli",
    "revguard.evaluation.judge",
    "revguard.fast",
    "revguard.pipeline",
    "revguard.project.launch",
    "revguard.rim",
    "revguard.runs",
    "concurrent.futures.thread",
    "json",
    "subprocess",
)


def worker(source):
    """Load a worker; what a fork of it does."""
    spec = importlib.util.spec_from_file_location("boot", source)
    boot = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(boot)
    boot._load(os.path.dirname(source), "session")
    for name in WORKER:
        importlib.import_module(name)

    def run(argv):
        sys.argv[:] = [source, *argv]
        boot.main()
        return 0

    return run


def revguard(source):
    """Load revguard, whose workers are warm in their turn; what a fork of it does."""
    from pathlib import Path

    for name in REVGUARD:
        importlib.import_module(name)
    from revguard import cli
    from revguard.project import launch

    launch._BOOT = Path(__file__).with_name("boot.py")

    def run(argv):
        sys.argv[:] = ["revguard", *argv]  # as the console script, which is in no folder of theirs
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            setattr(sys, name, _stream(number, getattr(sys, name)))
        return cli.main()

    return run


def _stream(number, like):
    """The text stream of a file that has changed; None where that is closed."""
    try:
        file = open(number, "wb" if number else "rb", closefd=False)  # noqa: SIM115
    except OSError:
        return None
    return io.TextIOWrapper(
        file, like.encoding, like.errors, line_buffering=like.line_buffering or file.isatty()
    )


def read(connection):
    """What is asked: arguments, folder, environ and files."""
    data, files, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while len(data) < 4 or len(data) - 4 < int.from_bytes(data[:4], "big"):
        more = connection.recv(1 << 20)
        if not more:  # it was ended before it had said all
            return None, files
        data += more
    parts = list(map(os.fsdecode, data[4:].split(b"\0")))
    count = int(parts[0]) + 1
    environ = dict(one.split("=", 1) for one in parts[count + 1 :])
    return (parts[1:count], parts[count], environ), files


def become(run, asked, files):
    """Be what was asked for, to the end."""
    argv, folder, environ = asked
    code = 1
    try:
        os.setsid()
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        show(environ)
        sys.dont_write_bytecode = bool(environ.get("PYTHONDONTWRITEBYTECODE"))
        sys.pycache_prefix = environ.get("PYTHONPYCACHEPREFIX")
        for target, file in enumerate(files):
            os.dup2(file, target)
            os.close(file)
        try:
            code = run(argv)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        threading._shutdown()
        atexit._run_exitfuncs()
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        raise
    finally:
        os._exit(code)


def show(environ):
    """Let /proc tell the fork's environ, by which what a run left is known: there is room for it in
    that of the server, as far as what stood there is concerned."""
    with contextlib.suppress(OSError), open("/proc/self/stat", "rb") as stat:
        start, end = map(int, stat.read().rpartition(b")")[2].split()[47:49])
        ours_first = sorted(environ.items(), key=lambda one: not one[0].startswith("REVGUARD"))
        text = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in ours_first)
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            memory.write(text[: end - start].ljust(end - start, b"\0"))


class Server:
    """Forks for each connection, and says there how the fork ended."""

    def __init__(self, listener, run):
        self._listener, self._run = listener, run
        self._asking = {}  # {process id: connection}
        self._ended, self._waker = os.pipe()
        for file in (self._ended, self._waker):
            os.set_blocking(file, False)
        self._waiting = selectors.DefaultSelector()
        for file, work in ((listener, self._begin), (self._ended, self._collect), (0, None)):
            self._waiting.register(file, selectors.EVENT_READ, work)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker)

    def serve(self):
        """Until stdin is closed."""
        while True:
            for key, _ in self._waiting.select():
                if key.data is None:
                    return self._end_all()
                if callable(key.data):
                    key.data()
                elif key.data in self._asking:  # who asked is gone
                    _end(key.data)
                    self._waiting.unregister(key.fileobj)

    def _begin(self):
        connection, _ = self._listener.accept()
        asked, files = read(connection)
        if asked is None:
            connection.close()
        else:
            child = os.fork()
            if not child:
                connection.close()
                self._forget()
                become(self._run, asked, files)
            self._asking[child] = connection
            self._waiting.register(connection, selectors.EVENT_READ, child)
        for file in files:
            os.close(file)

    def _forget(self):
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._waiting.close()
        for one in (self._listener, *self._asking.values()):
            one.close()
        os.close(self._ended)
        os.close(self._waker)

    def _collect(self):
        os.read(self._ended, 1 << 10)
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not child:
                return
            self._tell(self._asking.pop(child), os.waitstatus_to_exitcode(status))

    def _tell(self, connection, code):
        if connection.fileno() in self._waiting.get_map():
            self._waiting.unregister(connection)
        with contextlib.suppress(OSError):  # it is gone
            connection.sendall(b"%d" % code)
        connection.close()

    def _end_all(self):
        for child in self._asking:
            _end(child)


def _end(child):
    for end in (os.killpg, os.kill):
        try:
            end(child, signal.SIGKILL)
        except OSError:  # it has no session yet, or has ended
            continue
        return


def main(role, address, source):
    del sys.path[0]  # this folder
    run = {"boot": worker, "revguard": revguard}[role](source)
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)
        Server(listener, run).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
