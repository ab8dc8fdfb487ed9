"""A worker that starts at once: one that has loaded Alembic is forked for whoever connects.

`warm.py SOCKET BOOT` is that one, until its stdin ends. A copy of this file that lies beside the
socket takes the place of the worker's boot.py: it hands its pipes over, and ends as the fork does.
"""

import _socket
import os
import sys

LOADED = (
    "alembic.command",
    "alembic.autogenerate",
    "sqlalchemy.orm",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlite3",
    "logging.config",
    "_revguard_worker.candidate",
    "_revguard_worker.evaluate",
    "_revguard_worker.fingerprint",
    "_revguard_worker.observe",
    "_revguard_worker.remap",
)


def serve(address, boot_file):
    """Fork for each connection, until stdin is closed."""
    import importlib.util
    import select
    import signal
    import socket

    spec = importlib.util.spec_from_file_location("boot", boot_file)
    boot = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(boot)
    boot._load(os.path.dirname(boot_file), "session")
    for name in LOADED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listener, 0], [], [])
            if listener not in ready:
                return
            connection, _ = listener.accept()
            if not os.fork():
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                answer(connection, boot, boot_file)
            connection.close()


def answer(connection, boot, boot_file):
    """Be the worker of one connection, and tell how it ended."""
    import socket

    data, files, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while not data.endswith(b"\0\0"):
        more = connection.recv(1 << 20)
        if not more:  # revguard had no use for it any more, and ended it
            os._exit(0)
        data += more
    folder, *environ = data[:-2].split(b"\0")
    child = os.fork()
    if child:
        for file in (*files, 0, 1, 2):
            os.close(file)
        _, status = os.waitpid(child, 0)
        connection.sendall(b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    connection.close()
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(os.fsdecode(one).split("=", 1) for one in environ)
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    sys.argv[:] = [boot_file]
    code = 1
    try:
        boot.main()
        code = 0
    finally:
        os._exit(code)


def ask(address):
    """Hand over this process's files, and end as the worker does."""
    connection = _socket.socket(_socket.AF_UNIX)
    connection.connect(address)
    told = [os.getcwdb(), *(name + b"=" + value for name, value in os.environb.items())]
    text = b"\0".join(told) + b"\0\0"
    numbers = b"".join(one.to_bytes(4, sys.byteorder) for one in range(3))
    sent = connection.sendmsg([text], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, numbers)])
    connection.sendall(text[sent:])
    for file in range(3):
        os.close(file)
    code = int(connection.recv(16) or b"1")
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    if sys.argv[1:]:
        serve(*sys.argv[1:])
    else:
        ask(os.path.join(os.path.dirname(os.path.abspath(__file__)), "socket"))
