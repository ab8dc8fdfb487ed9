"""One history: operations in, whatever revguard and the oracle do not agree on out."""

import json

from . import alphabet, modes
from .oracle import DEPENDS, MAY_BE_KNOWN, Oracle
from .world import BRANCHES, MAIN

OFF_BASE = "history/not-on-base-head"
HEADS = frozenset({"history/multiple-heads", OFF_BASE})
SEVERAL = frozenset({"history/several-revisions"})
# Of these rules both must find the same ones; of all others both find some, or none.
EXACT = HEADS | SEVERAL
EXACT |= {f"history/{name}-revision" for name in ("edited", "deleted", "renumbered", "missing")}
EXACT |= {"history/broken-graph"}


class DisagreementError(AssertionError):
    """revguard and the oracle do not say the same, or a command did not keep what it promises."""


class Game:
    """A world that is played on. `answered`: the questions on which both agreed; `numbered`: ids
    are the next number each, so that those of two branches meet."""

    def __init__(self, world, answered, mode, *, numbered):
        self.world = world
        self.mode = mode
        self.oracle = Oracle(world.objects, mode)
        self._answered = answered
        self._numbered = numbered
        self._story = []

    def play(self, history):
        self.world.renew(self.mode)
        for operation in history:
            self._story.append(repr(operation))
            operation.play(self)
            for branch in BRANCHES[1:]:
                self.judge_range(branch)

    def object(self, text):
        raise DisagreementError("\n".join([text, *self._story]))

    # verdicts
    def judge_staged(self):
        """Whether what is staged may be committed."""
        world = self.world
        tree, base, parents = world.staged(), world.tree(MAIN), world.parents()
        trees = [world.objects.tree_of(one) for one in parents]
        if any(map(self.is_broken, (base, *trees))):
            return False  # after a rebase of git's that broke it
        expected = self.oracle.staged(tree, trees, base)
        self._agree_on(("check",), (tree, *trees, base), expected)
        return not expected

    def judge_range(self, branch):
        """Whether the branch may be merged; None where git cannot merge it."""
        base, head = self.world.at(MAIN), self.world.at(branch)
        expected = self._of_range(head)
        if expected is None:
            return None
        words = ("check", "--from-ref", MAIN, "--to-ref", branch)
        self._agree_on(words, (base, head), expected)
        return not expected

    def _of_range(self, head):
        tree = self.world.merged(head)
        return None if tree is None else self.oracle.range(tree, self.world.at(MAIN), head)

    def _agree_on(self, words, question, expected):
        key = (len(words), *question)
        if key in self._answered:
            return
        code, report = self.world.revguard(*words)
        found = _rules(report)
        self._story.append(f"  {' '.join(words)}: exit {code} {sorted(found)}")
        if not _agree(code, found, expected):
            again, _ = self.world.revguard(*words, "--no-cache")
            self.object(
                f"revguard: exit {code} (without its cache {again}), {sorted(found)}; "
                f"the oracle: {sorted(expected)}"
            )
        self._answered[key] = expected

    # what operations have in common
    def history(self):
        """Of the branch that is checked out."""
        return self.oracle.history(self.world.tree())

    def script(self, down, before, after, *, more=0, **options):
        """A new script of the branch that is checked out. `more`: new ones before it."""
        number = ""
        if self._numbered:
            ids = (int(id_) for id_ in self.history().modules if id_.isdecimal())
            number = f"{max(ids, default=0) + more + 1:04}"
        salt = "" if number else self.world.branch()
        return alphabet.script(down, before, after, number=number, salt=salt, **options)

    def commit(self, *, anyway):
        """Commit what is staged if it is fine, or anyway, unless nobody could work on; else forget
        it."""
        if self.judge_staged() or (anyway and not self.is_broken(self.world.staged())):
            self.world.commit()
        else:
            self.world.forget()

    def is_broken(self, tree):
        return bool(self.oracle.history(tree).broken)

    def mend(self, words, mended, before=None):
        """Run a command that rewrites revisions; whatever it does, the schema stays.

        `mended`: the rules whose findings it is for. Where there are no others, and main has one
        head, it must do it. `before`: the tree as it was, where git could not write it.
        """
        world = self.world
        before, state = before or world.staged(), world.state()
        expected = self._of_commit(before)
        must = expected is not None and expected <= mended and self._landed_heads() == 1
        code, answer = world.revguard(*words)
        self._story.append(f"  {' '.join(words)}: exit {code}")
        if not code:
            left = SEVERAL & (expected or set()) if words[0] == "rebase" else set()
            self._hold_mended(words[0], before, left, must=must)
            return
        if must:
            self.object(f"nothing speaks against it, and it refused: {json.dumps(answer)}")
        if world.state() != state:
            self.object("it refused, and changed something")
        world.forget()

    def _of_commit(self, tree):
        """The rules that a commit of this tree would break as what lands."""
        words = [word for parent in self.world.parents() for word in ("-p", parent)]
        return self._of_range(self.world.git("commit-tree", tree, "-m", "more", *words))

    def _hold_mended(self, name, before, left, *, must):
        """`left`: rules whose findings may stay."""
        after = self.world.staged()
        landed = self.world.tree(MAIN)
        old, new = (self.oracle.schema(one, landed) for one in (before, after))
        if old is not None and old != new:
            self.object(f"{name} left another schema: {old ^ (new or frozenset())}")
        self._hold_one_head(name, after)
        self.judge_staged()
        self.world.commit()
        self.judge_range(self.world.branch())
        found = self._of_range(self.world.at())
        if must and (found is None or found - left):
            self.object(f"after {name} the branch is not clean")

    def _hold_one_head(self, name, tree):
        if self._landed_heads() == 1 and len(self.oracle.history(tree).heads) != 1:
            self.object(f"{name} left several heads")

    def _landed_heads(self):
        return len(self.oracle.history(self.world.tree(MAIN)).heads)

    def write_scripts(self, texts, features=None):
        """Put scripts, and models, into the commit, with the head file where there is to be one."""
        self.world.write(features, texts)
        heads = self.oracle.history(self.world.staged()).heads
        if self.mode.lock and heads:
            self.world.write(scripts={modes.HEADS: modes.head_file(heads)})

    def rebase_in_conflict(self):
        """Git could not merge scripts: whatever `revguard rebase` makes of it holds together."""
        world = self.world
        code, answer = world.revguard("rebase", "--from-ref", MAIN)
        self._story.append(f"  rebase in a conflict: exit {code} {json.dumps(answer)}")
        if code or world.git("ls-files", "--unmerged"):
            world.forget()
            return
        self._hold_one_head("rebase", world.staged())
        self.commit(anyway=True)


def _rules(report):
    found = {
        one["rule"]
        for environment in report["environments"]
        for one in environment["findings"]
        if one["severity"] == "error"
    }
    return found | ({"error"} if report["verdict"] == "error" else set())


def _agree(code, found, expected):
    if DEPENDS in expected:
        return True
    if MAY_BE_KNOWN in expected:
        return code in (0, 3)
    if bool(found) != bool(expected) or (code == 0) != (not expected):
        return False
    return "error" in found | expected or found & EXACT == expected & EXACT
