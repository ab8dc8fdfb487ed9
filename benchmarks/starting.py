"""Starts commands for `measure`: a command in, its exit code, seconds and peak memory out.

A process takes over the peak of the one that starts it, so this one holds next to nothing.
"""

import json
import os
import sys
import time


def main():
    """Serve requests, one a line, until there are no more."""
    for line in sys.stdin:
        asked = json.loads(line)
        started = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            _become(asked)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - started
        told = {
            "code": os.waitstatus_to_exitcode(status),
            "seconds": seconds,
            "peak": usage.ru_maxrss / 1024,
        }
        print(json.dumps(told), flush=True)


def _become(asked):
    """The command, quiet but for what goes to the file `said`."""
    try:
        os.chdir(asked["cwd"])
        nothing = os.open(os.devnull, os.O_RDWR)
        said = os.open(asked["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for number, descriptor in enumerate((nothing, nothing, said)):
            os.dup2(descriptor, number)
        os.execvpe(asked["command"][0], asked["command"], asked["environ"])
    except OSError as error:
        os.write(2, str(error).encode())
    finally:
        os._exit(127)


if __name__ == "__main__":
    main()
