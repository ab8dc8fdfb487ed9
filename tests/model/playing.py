"""What people do in a history: each operation is played whatever the state is, or does nothing."""

from dataclasses import dataclass

from . import alphabet, modes
from .game import HEADS, SEVERAL
from .world import MAIN


@dataclass(frozen=True)
class Change:
    """A developer changes the models, and brings a revision in one of several ways."""

    branch: str
    feature: str
    how: str
    anyway: bool = False

    def play(self, game):
        world = game.world
        world.switch(self.branch)
        heads = game.history().heads
        if not heads:
            return
        before = world.features()
        after = before ^ {self.feature}
        scripts = [] if self.how == "forgotten" else [self._script(game, heads[0], before, after)]
        if self.how == "twice":
            middle, after = after, after ^ {self._other()}
            scripts.append(game.script(scripts[0][0], middle, after, more=1))
        features = before if self.how == "without the models" else after
        texts = {f"{id_}_.py": text for id_, text in scripts}
        if self.how == "by hand":  # revguard would have written the head file
            world.write(features, texts)
        else:
            game.write_scripts(texts, features)
        game.commit(anyway=self.anyway)

    def _script(self, game, down, before, after):
        if self.how == "empty":
            return game.script(down, before, before)
        if self.how == "on another":
            down = (game.history().down[down] or (down,))[0]
        return game.script(down, before, after, undone=self.how != "one-way")

    def _other(self):
        return next(one for one in alphabet.FEATURES if one != self.feature)


@dataclass(frozen=True)
class Merge:
    """The second branch is merged into the first."""

    pair: tuple[str, str]
    anyway: bool = False

    def play(self, game):
        world = game.world
        into, other = self.pair
        world.switch(into)
        if world.tried("merge", "-q", "--no-commit", "--no-ff", other).returncode:
            world.forget()
        elif world.at("MERGE_HEAD"):
            game.commit(anyway=self.anyway)


@dataclass(frozen=True)
class Land:
    """A pull request is merged where its range is fine; or anyway, by one who may."""

    branch: str
    anyway: bool = False

    def play(self, game):
        world = game.world
        tree = world.merged(world.at(self.branch))
        if game.judge_range(self.branch) or (self.anyway and tree and not game.is_broken(tree)):
            world.switch(MAIN)
            if world.tried("merge", "-q", "--no-ff", "-m", "more", self.branch).returncode:
                world.forget()


@dataclass(frozen=True)
class OnTop:
    """Main is merged, and `revguard rebase` moves the branch's revisions on top of its head."""

    branch: str

    def play(self, game):
        world = game.world
        world.switch(self.branch)
        command, mended = ("rebase", "--from-ref", MAIN), HEADS | SEVERAL
        merged = world.merged_anyway()
        if not world.tried("merge", "-q", "--no-commit", "--no-ff", MAIN).returncode:
            game.mend(command, mended)
        elif world.conflicts() == {f"{alphabet.FOLDER}/{modes.HEADS}"}:
            game.mend(command, mended, merged)
        elif alphabet.MODELS in world.conflicts():
            world.forget()
        else:
            game.rebase_in_conflict()


@dataclass(frozen=True)
class Squash:
    """`revguard squash` makes one of the branch's revisions."""

    branch: str

    def play(self, game):
        game.world.switch(self.branch)
        game.mend(("squash",), SEVERAL)


@dataclass(frozen=True)
class Join:
    """`alembic merge heads`, where there are several."""

    branch: str

    def play(self, game):
        world = game.world
        world.switch(self.branch)
        heads = game.history().heads
        if len(heads) > 1:
            id_, text = game.script(heads, frozenset(), frozenset())
            game.write_scripts({f"{id_}_.py": text})
            game.commit(anyway=False)


@dataclass(frozen=True)
class Rebase:
    """Git's rebase onto main."""

    branch: str

    def play(self, game):
        game.world.switch(self.branch)
        if game.world.tried("rebase", "-q", MAIN).returncode:
            game.world.git("rebase", "--abort")


@dataclass(frozen=True)
class CherryPick:
    """The last commit of the first branch, onto the second one."""

    pair: tuple[str, str]
    anyway: bool = False

    def play(self, game):
        source, target = self.pair
        game.world.switch(target)
        _take(game, ("cherry-pick", "--no-commit", source), source, anyway=self.anyway)


@dataclass(frozen=True)
class Revert:
    """The last commit of a branch is undone by another one."""

    branch: str
    anyway: bool = False

    def play(self, game):
        game.world.switch(self.branch)
        _take(game, ("revert", "--no-commit", "HEAD"), "HEAD", anyway=self.anyway)


def _take(game, words, name, *, anyway):
    world = game.world
    if len(world.objects.parents_of(world.at(name))) != 1:
        return
    if world.tried(*words).returncode:
        world.forget()
    else:
        game.commit(anyway=anyway)


@dataclass(frozen=True)
class Damage:
    """Someone lays hands on a revision that is there."""

    branch: str
    what: str
    number: int
    anyway: bool = False

    def play(self, game):
        world = game.world
        world.switch(self.branch)
        texts = game.history().texts
        if texts:
            name = sorted(texts)[self.number % len(texts)]
            world.write(scripts={name: _damaged(texts[name], self.what)})
            game.commit(anyway=self.anyway)


def _damaged(text, what):
    if what == "edited":
        return text.replace("def upgrade():\n", 'def upgrade():\n    op.execute("select 1")\n')
    if what == "reworded":
        return text.replace("def upgrade():\n", "# What it does:\ndef upgrade():\n")
    return None
