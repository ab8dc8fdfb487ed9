"""A command that writes, killed before each of its changes in turn: what the next run makes of it.

As a script: runs one command of revguard, and where it comes to write forks once for each change
that it would make to a file or by a program. The fork is killed there; what an undoing leaves is
compared with what there was. At last the command does its work.
"""

import json
import os
import signal
import subprocess
import sys

CHANGING = {"os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.chmod"}


def at_each_change(shop, *words):
    """{"kills": how many, "wrong": [number, what is not as before]} of a command in a shop."""
    from .shop import OURS

    done = subprocess.run(
        [sys.executable, __file__, *words], cwd=shop.path, capture_output=True, text=True,
        env={**shop.environ, "PYTHONPATH": OURS},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stderr.splitlines()[-1])


def state(toplevel):
    """All that git and the working tree hold, but for objects."""
    git = [
        subprocess.run(["git", *words], cwd=toplevel, capture_output=True, check=True).stdout
        for words in (("status", "--porcelain", "--ignored"), ("ls-files", "--stage"))
    ]
    files = {}
    for folder, folders, names in os.walk(toplevel):
        folders[:] = [name for name in folders if name not in (".git", "__pycache__")]
        for name in names:
            with open(os.path.join(folder, name), "rb") as stream:
                files[os.path.join(folder, name)] = stream.read()
    return [*git, files, sorted(n for n in os.listdir(os.path.join(toplevel, ".git")))]


def is_change(event, arguments):
    if event == "open":
        flags = arguments[2]
        return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
    return event in CHANGING or event == "subprocess.Popen"


def killed_at(number, work):
    """Whether a fork that does the work was killed before its change of this number."""
    pid = os.fork()
    if pid == 0:
        left = number

        def count(event, arguments):
            nonlocal left
            if is_change(event, arguments):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def main(words):
    from revguard import cli
    from revguard.staging import putting_back, rewriting

    original = rewriting.rewrite
    told = {"kills": 0, "wrong": []}

    def rewrite(repo, *args, **kwargs):
        before = state(repo.toplevel)
        while killed_at(told["kills"] + 1, lambda: original(repo, *args, **kwargs)):
            told["kills"] += 1
            putting_back.put_back(repo)
            after = state(repo.toplevel)
            if after != before:
                told["wrong"].append([told["kills"], repr(after[:2])])
        return original(repo, *args, **kwargs)

    rewriting.rewrite = rewrite
    code = cli.main(words)
    sys.stderr.write(json.dumps(told) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
