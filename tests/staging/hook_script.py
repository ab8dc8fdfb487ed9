"""What the test hooks run: a file for the report and actions in, the report out."""

import hashlib
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "hooks"))

from revguard.errors import RevguardError
from revguard.staging import adding, index, repository, trees
from revguard.staging.untracked import untracked

CONTENT = b"revision = 'new'\n"


def digest(path):
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def look(repo):
    before = digest(repo.index_file)
    proposed = index.staged(repo)
    assert index.staged_tree(repo) == proposed.tree
    assert repository.parents(repo) == proposed.parents
    return {
        "tree": proposed.tree,
        "parents": proposed.parents,
        "head_tree": proposed.head_tree,
        "files": sorted(ascii(path) for path in trees.listing(repo, proposed.tree)),
        "untouched": before == digest(repo.index_file),
        "toplevel": repo.toplevel,
        "index_file": repo.index_file,
        "untracked": [list(item) for item in untracked(repo, proposed.tree, "versions")],
    }


def main(report, *actions):
    seen = {}
    code = 0
    for action in actions:
        word, _, value = action.partition("=")
        try:
            if word == "in":
                os.chdir(value)
            elif word == "look":
                seen.update(look(repository.find(value or ".", os.environ)))
            elif word == "add":
                adding.add_file(repository.find(".", os.environ), value, CONTENT)
            elif word == "interrupted":
                interrupted(repository.find(".", os.environ), value)
            elif word == "exit":
                code = int(value)
        except RevguardError as error:
            seen["error"] = str(error)
            code = error.exit_code
    Path(report).write_text(json.dumps(seen))
    return code


def interrupted(repo, path):
    """Ctrl-C while the file is staged: the signal comes when git has changed the index."""
    stage = adding._update

    def then_stopped(*args):
        stage(*args)
        if "--force-remove" not in args[2]:
            os.kill(os.getpid(), signal.SIGINT)

    adding._update = then_stopped
    try:
        adding.add_file(repo, path, CONTENT)
    except KeyboardInterrupt:
        raise RevguardError("interrupted") from None


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
