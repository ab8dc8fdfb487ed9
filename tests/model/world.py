"""A repository with three branches in which a history is played: real git, real files."""

import contextlib
import io
import json
import os
import shutil
import subprocess

from revguard import cli

from . import alphabet, modes
from .reading import Objects

MAIN = "main"
BRANCHES = (MAIN, "one", "two")
_QUICK = {"gc.auto": "0", "maintenance.auto": "false", "core.fsync": "none"}


class World:
    """One working tree, which is new for each history. What git has stored stays: a store that
    is addressed by content can be shared."""

    def __init__(self, folder, environ):
        self.path = folder / "shop"
        self._folder = folder
        self._templates = {}
        self.environ = {**environ, **_variables(environ, _QUICK)}
        self._merged = {}
        self.mode = modes.PLAIN
        shutil.copytree(self._template(self.mode), self.path, dirs_exist_ok=True)
        self.objects = Objects(self.path, self.environ)

    def close(self):
        self.objects.close()

    def _template(self, mode):
        """The repository that the histories of a mode begin with; its objects are in our store."""
        if mode not in self._templates:
            self._templates[mode] = folder = self._folder / f"template{len(self._templates)}"
            _make(folder, alphabet.first_files(mode), self.environ)
            objects = self.path / ".git" / "objects"
            shutil.copytree(folder / ".git" / "objects", objects, dirs_exist_ok=True)
        return self._templates[mode]

    def renew(self, mode):
        """As the template is."""
        self.mode = mode
        template, store = self._template(mode), self.path / ".git"
        for path in (*self.path.iterdir(), *store.iterdir()):
            if path not in (store, store / "objects"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        ignored = shutil.ignore_patterns("objects")
        shutil.copytree(template, self.path, ignore=ignored, dirs_exist_ok=True)

    # git
    def git(self, *words):
        done = self.tried(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def tried(self, *words):
        return subprocess.run(
            ["git", *words], cwd=self.path, env=self.environ, capture_output=True, text=True
        )

    def switch(self, branch):
        if self.branch() != branch:
            self.git("checkout", "-q", branch)

    def branch(self):
        return (self.path / ".git" / "HEAD").read_text().strip().removeprefix("ref: refs/heads/")

    def at(self, name="HEAD"):
        """A commit."""
        return self.objects.commit(name)

    def tree(self, name="HEAD"):
        """A commit's tree."""
        return self.objects.tree_of(self.at(name))

    def parents(self):
        """What the next commit descends from."""
        return [self.at(), *filter(None, [self.at("MERGE_HEAD")])]

    def staged(self):
        return self.git("write-tree")

    def merged(self, head):
        """The tree of main with a commit merged; None where git cannot."""
        pair = self.at(MAIN), head
        if pair not in self._merged:
            done = self.tried("merge-tree", "--write-tree", *pair)
            self._merged[pair] = None if done.returncode else done.stdout.strip()
        return self._merged[pair]

    def conflicts(self):
        """The paths that git could not merge."""
        return set(self.git("diff", "--name-only", "--diff-filter=U").split())

    def merged_anyway(self):
        """The tree of HEAD with main merged, what is in conflict with git's marks in it."""
        return self.tried("merge-tree", "--write-tree", self.at(), self.at(MAIN)).stdout.split()[0]

    def commit(self):
        """The same content on the same parents is the same commit: it says no more than that."""
        self.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "more")

    def forget(self):
        """What is not committed."""
        self.git("reset", "-q", "--hard")

    def state(self):
        """All that a command of revguard may change."""
        return self.at(), self.git("ls-files", "--stage"), self.git("status", "--porcelain")

    # files
    def features(self):
        return alphabet.features_in((self.path / alphabet.MODELS).read_text())

    def write(self, features=None, scripts=()):
        """Put models and scripts into the commit."""
        if features is not None:
            (self.path / alphabet.MODELS).write_text(alphabet.models(features))
        for name, text in dict(scripts).items():
            path = self.path / alphabet.FOLDER / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text) if text is not None else path.unlink()
        self.git("add", "-A")

    # revguard
    def revguard(self, *words):
        """The exit code and what came on stdout, as JSON."""
        out, err = io.StringIO(), io.StringIO()
        argv = [*words, "-C", str(self.path), "--format", "json"]
        told = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
        with _environ(self.environ), told[0], told[1]:
            code = cli.main(argv)
        assert "Traceback" not in err.getvalue(), err.getvalue()
        assert out.getvalue(), (words, code, err.getvalue())
        return code, json.loads(out.getvalue())


def _make(folder, files, environ):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for words in (
        ("init", "-q", "--template="),
        ("add", "-A"),
        ("commit", "-q", "-m", "first"),
        ("branch", "-M", MAIN),
        *(("branch", name) for name in BRANCHES[1:]),
    ):
        subprocess.run(["git", *words], cwd=folder, env=environ, check=True)


def _variables(environ, settings):
    """More of git's configuration, by variables."""
    count = int(environ.get("GIT_CONFIG_COUNT", "0"))
    found = {"GIT_CONFIG_COUNT": str(count + len(settings))}
    for number, (key, value) in enumerate(settings.items(), count):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


@contextlib.contextmanager
def _environ(environ):
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
