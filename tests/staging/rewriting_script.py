"""What the tests of rewriting run: it rewrites, and is killed before its N-th change of anything.

An audit hook counts what the interpreter is about to change: files and programs. N as the first
argument, 0 for never; "mend" as the second undoes what an earlier run left.
"""

import json
import os
import signal
import sys

from revguard.errors import RevguardError
from revguard.staging import putting_back, repository, rewriting

CHANGING = {"os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.chmod"}


def is_change(event, arguments):
    if event == "open":
        flags = arguments[2]
        return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
    return event in CHANGING or event == "subprocess.Popen"


def main(number, what, writes, removals, resolve):
    left = number = int(number)

    def count(event, arguments):
        nonlocal left
        if number and is_change(event, arguments):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    repo = repository.find(".", os.environ)
    sys.addaudithook(count)
    if what == "mend":
        putting_back.put_back(repo)
        return
    contents = {path: text.encode() for path, text in json.loads(writes).items()}
    try:
        rewriting.rewrite(repo, contents, json.loads(removals), resolve=json.loads(resolve))
    except RevguardError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main(*sys.argv[1:])
