"""The patch with the missing script: git takes it, whatever it is called and whatever is in it."""

import subprocess

import pytest

from revguard.pulls import patch
from revguard.verdict import EnvironmentReport, Report


def report(path, script):
    one = EnvironmentReport(name="shop", verdict="fail", script=script, script_path=path)
    return Report(verdict="fail", environments=(one,))


def git(folder, *words, **more):
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, **more)


PATHS = (
    "migrations/versions/1_add.py", "a b/ c.py", 'quo"te.py', "back\\slash.py", "tab\there.py",
    "über/ñ.py", "-dash.py", "--- /dev/null.py",
)  # fmt: skip
CONTENTS = {
    "usual": "a = 1\nb = 2\n",
    "no newline at the end": "a = 1",
    "lines that look like a patch": "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n\\ No newline\n",
    "carriage returns": "a\r\nb\r\n",
    "form feeds and other ends of lines": "a\x0cb\x85c\u2028d\n",
    "empty lines": "\n\n\n",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path(path, tmp_path):
    applied(tmp_path, path, None, "a = 1\n")


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("before", [None, "old\nold\n", "old", ""])
def test_a_content(before, name, tmp_path):
    """`before`: the branch's own script, which is generated anew."""
    applied(tmp_path, "versions/1.py", before, CONTENTS[name])


def applied(folder, path, before, after):
    git(folder, "init", "-q")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if before is not None:
        target.write_bytes(before.encode())
        git(folder, "add", "-A")
    text = patch.of(report(path, after), lambda _path, text: (before, text))
    git(folder, "apply", "--index", "-", input=text.encode())
    assert target.read_bytes() == after.encode()


def test_nothing_is_missing():
    assert patch.of(report(None, None), lambda _path, text: (None, text)) == ""
