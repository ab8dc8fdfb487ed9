"""What takes the place of a program's start: it hands its files over to the fork of a warm process.

A copy named boot.py is a worker's, one named revguard.py is the console script. Where no process is
warm for this interpreter and these variables, the program itself is started.
"""

import _socket
import os
import sys
from binascii import crc32

FREE = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")  # a fork can follow them
FOLDER = os.path.dirname(os.path.abspath(__file__))


def address(folder, role, prefix, environ):
    """The socket of the process that is warm for an interpreter and what its start depends on."""
    names = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
    told = sorted(
        (name, value)
        for name, value in environ.items()
        if name in names or (name.startswith("PYTHON") and name not in FREE and value)
    )
    path = environ.get("PYTHONPATH") if role == "boot" else None
    return os.path.join(folder, f"{role}-{crc32(repr((prefix, told, path)).encode()):08x}")


def packed(argv, folder, environ):
    """A message: arguments, folder and environ of what is to be."""
    parts = [b"%d" % len(argv), *map(os.fsencode, argv), os.fsencode(folder)]
    parts += [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in environ.items()]
    text = b"\0".join(parts)
    return len(text).to_bytes(4, "big") + text


def ask(connection, files, argv, folder, environ):
    """Begin it; how it ends is read from the connection."""
    text = packed(argv, folder, environ)
    numbers = b"".join(one.to_bytes(4, sys.byteorder) for one in files)
    sent = connection.sendmsg([text], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, numbers)])
    connection.sendall(text[sent:])


def main():
    role = os.path.basename(__file__)[: -len(".py")]
    connection = _socket.socket(_socket.AF_UNIX)
    try:
        connection.connect(address(FOLDER, role, sys.prefix, os.environ))
    except OSError:
        with open(os.path.join(FOLDER, role + ".real")) as real:
            words = real.read().split("\0")
        os.execv(sys.executable, [sys.executable, *words, *sys.argv[1:]])
    ask(connection, (0, 1, 2), sys.argv[1:], os.getcwd(), os.environ)
    if role == "boot":  # who waits for the end of its output waits for the fork's
        for file in range(3):
            os.close(file)
    code = int(connection.recv(16) or b"1")
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
