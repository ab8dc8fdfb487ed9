"""Workers that need not load Alembic: a process that has it forks one for each that is asked for.

`start` starts the process; what it returns besides is a file to run in place of `worker/boot.py`.
Run so, it hands its pipes, its environ and its folder on, and ends when the forked worker does.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

_ASKS = """\
import array, json, os, socket
asked = socket.socket(socket.AF_UNIX)
asked.connect({path!r})
told = json.dumps([dict(os.environ), os.getcwd()]).encode()
fds = array.array("i", [0, 1, 2])
asked.sendmsg([len(told).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
asked.sendall(told)
for one in fds:
    os.close(one)
os._exit((asked.recv(1) or b"\\0")[0])
"""


def start(folder, boot):
    """The process, and the file that asks it."""
    path = folder / "socket"
    asks = folder / "boot.py"
    asks.write_text(_ASKS.format(path=str(path)))
    argv = [sys.executable, str(Path(__file__)), str(path), str(boot)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process, asks


def main(path, boot):
    import sqlalchemy.dialects.sqlite
    import sqlalchemy.orm  # noqa: F401

    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_tests, daemon=True).start()
    while True:
        asked, _ = listening.accept()
        length, fds, _, _ = socket.recv_fds(asked, 4, 3)
        told = b""
        size = int.from_bytes(length, "big")
        while len(told) < size:
            told += asked.recv(size - len(told))
        if os.fork() == 0:
            listening.close()
            _become(fds, *json.loads(told), boot)
        for one in (*fds, asked.fileno()):
            os.close(one)
        asked.detach()


def _end_with_the_tests():
    sys.stdin.read()
    os._exit(0)


def _become(fds, environ, folder, boot):
    import runpy

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, one in enumerate(fds):
        os.dup2(one, number)
        os.close(one)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.argv[:] = [boot]
    sys.path[0] = str(Path(boot).parent)
    sys.stdin, sys.stdout, sys.stderr = map(os.fdopen, (0, 1, 2), "rww")
    sys.modules.pop("__main__", None)
    code = 0
    try:
        runpy.run_path(boot, run_name="__main__")
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:  # noqa: BLE001
        import traceback

        traceback.print_exc()
        code = 1
    finally:
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
