"""One history: operations in, whatever revguard and the oracle do not agree on out."""

import json

from . import alphabet
from .oracle import MAY_BE_KNOWN, Oracle
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

    def __init__(self, world, answered, *, numbered):
        self.world = world
        self.oracle = Oracle(world.objects)
        self._answered = answered
        self._numbered = numbered
        self._story = []

    def play(self, history):
        self.world.renew()
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

    def mend(self, words, mended):
        """Run a command that rewrites revisions; whatever it does, the schema stays.

        `mended`: the rules whose findings it is for. Where there are no others, it must do it.
        """
        world = self.world
        before, state, expected = world.staged(), world.state(), self._of_commit(world.staged())
        code, answer = world.revguard(*words)
        self._story.append(f"  {' '.join(words)}: exit {code}")
        if not code:
            self._hold_mended(words[0], before, must=expected is not None and expected <= mended)
            return
        if expected is not None and expected <= mended:
            self.object(f"nothing speaks against it, and it refused: {json.dumps(answer)}")
        if world.state() != state:
            self.object("it refused, and changed something")
        world.forget()

    def _of_commit(self, tree):
        """The rules that a commit of this tree would break as what lands."""
        words = [word for parent in self.world.parents() for word in ("-p", parent)]
        return self._of_range(self.world.git("commit-tree", tree, "-m", "more", *words))

    def _hold_mended(self, name, before, *, must):
        after = self.world.staged()
        landed = self.world.tree(MAIN)
        old, new = (self.oracle.schema(one, landed) for one in (before, after))
        if old is not None and old != new:
            self.object(f"{name} left another schema: {old ^ (new or frozenset())}")
        self._hold_one_head(name, after)
        self.judge_staged()
        self.world.commit()
        if must and not self.judge_range(self.world.branch()):
            self.object(f"after {name} the branch is not clean")

    def _hold_one_head(self, name, tree):
        landed, here = (self.oracle.history(one) for one in (self.world.tree(MAIN), tree))
        if len(landed.heads) == 1 and len(here.heads) != 1:
            self.object(f"{name} left several heads")

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
    if MAY_BE_KNOWN in expected:
        return code in (0, 3)
    if bool(found) != bool(expected) or (code == 0) != (not expected):
        return False
    return "error" in found | expected or found & EXACT == expected & EXACT
