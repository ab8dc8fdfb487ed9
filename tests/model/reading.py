"""Git's objects as the oracle sees them: ids in, contents out; one process for all questions."""

import subprocess


class Objects:
    """A repository's objects and branches."""

    def __init__(self, folder, environ):
        self._git = folder / ".git"
        self._process = subprocess.Popen(
            ["git", "-C", str(folder), "cat-file", "--batch"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ,
        )  # fmt: skip
        self._known = {}

    def close(self):
        self._process.communicate()

    def _asked(self, id_):
        self._process.stdin.write(id_.encode() + b"\n")
        self._process.stdin.flush()
        words = self._process.stdout.readline().decode().split()
        return self._process.stdout.read(int(words[2]) + 1)[:-1]

    def content(self, id_):
        if id_ not in self._known:
            self._known[id_] = self._asked(id_)
        return self._known[id_]

    def commit(self, name):
        """The id that HEAD, MERGE_HEAD or a branch stands for; None where there is none."""
        for path in (self._git / name, self._git / "refs" / "heads" / name):
            if path.exists():
                text = path.read_text().split()
                return self.commit(text[1].removeprefix("refs/heads/")) if text[1:] else text[0]
        return None

    def tree_of(self, commit):
        return self._header(commit, "tree")[0]

    def parents_of(self, commit):
        return self._header(commit, "parent")

    def _header(self, commit, word):
        head = self.content(commit).decode().partition("\n\n")[0]
        return [line.split()[1] for line in head.splitlines() if line.startswith(f"{word} ")]

    def entries(self, tree):
        """{name: id} of a tree."""
        found, content = {}, self.content(tree)
        while content:
            head, _, rest = content.partition(b"\0")
            found[head.split(b" ", 1)[1].decode()] = rest[:20].hex()
            content = rest[20:]
        return found

    def files(self, tree, folder):
        """{name: text} of a folder of a tree."""
        for name in folder.split("/"):
            tree = self.entries(tree).get(name)
            if tree is None:
                return {}
        return {name: self.content(id_).decode() for name, id_ in self.entries(tree).items()}

    def reached(self, commit):
        """A commit and all before it."""
        found, left = set(), [commit]
        while left:
            one = left.pop()
            if one not in found:
                found.add(one)
                left += self.parents_of(one)
        return found
