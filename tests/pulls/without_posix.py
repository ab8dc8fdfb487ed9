"""What Windows has not, taken away from the interpreter that runs this; then revguard's action.

It shows that what runs on the runner's own Python reaches for nothing of it. Paths, git and the
project's interpreter stay those of the machine, and files have no locks.
"""

# all that the standard library would want to have back if it were loaded later
import asyncio  # noqa: F401
import ctypes.util  # noqa: F401
import getpass  # noqa: F401
import multiprocessing  # noqa: F401
import os
import shutil  # noqa: F401
import signal
import socket
import ssl  # noqa: F401
import subprocess
import sys
import tarfile  # noqa: F401
import tempfile  # noqa: F401
import types
import urllib.request  # noqa: F401

MODULES = {"fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
GONE = {
    os: "chown fchmod fchown fork forkpty fstatvfs getegid geteuid getgid getgroups getloadavg "
    "getpgid getpgrp getpriority getuid killpg lchown mkfifo mknod nice O_CLOEXEC O_DIRECTORY "
    "O_NOFOLLOW O_NONBLOCK openpty pipe2 POSIX_SPAWN_CLOSE POSIX_SPAWN_DUP2 POSIX_SPAWN_OPEN "
    "posix_spawn posix_spawnp pread pwrite register_at_fork sched_getaffinity sendfile setgid "
    "setgroups setpgid setsid setuid statvfs sync uname wait3 wait4",
    signal: "SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGUSR1 SIGUSR2 alarm "
    "pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigwait",
    socket: "AF_UNIX send_fds recv_fds",
}
ONLY_POSIX = ("pass_fds", "preexec_fn", "user", "group", "extra_groups")


class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}, as on Windows", name=name)


class Popen(subprocess.Popen):
    def __init__(self, *words, **options):
        for name in ONLY_POSIX:
            if options.get(name):
                raise ValueError(f"{name} is not supported on Windows platforms")
        super().__init__(*words, **options)


def take_away():
    whole = types.ModuleType("signal")
    whole.__dict__.update(signal.__dict__)
    subprocess.signal = whole  # as of this system, which subprocess has to know
    for module, names in GONE.items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Missing())
    locks = types.ModuleType("msvcrt")
    locks.LK_LOCK, locks.LK_NBLCK, locks.LK_UNLCK = 1, 2, 0
    locks.locking = lambda descriptor, mode, length: None
    sys.modules["msvcrt"] = locks
    subprocess.Popen = Popen
    sys.platform = "win32"
    for stream in (sys.stdout, sys.stderr):  # what a pipe has there
        stream.reconfigure(encoding="cp1252", errors="strict")


if __name__ == "__main__":
    take_away()
    sys.path.insert(0, sys.argv[1])
    from revguard import action, cli

    sys.exit(action.main(sys.argv[3:], os.environ) if sys.argv[2] == "action"
             else cli.main(sys.argv[3:]))  # fmt: skip
