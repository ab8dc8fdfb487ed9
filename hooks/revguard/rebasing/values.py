"""What a rebase deals with: scripts of the branch, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass

from revguard.history.graph import Graph, Node

_LONGEST_NUMBER = 8  # digits: what is longer is a date, or by chance no letter is in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A revision script of the branch, that has not landed."""

    node: Node  # its id is `key`, and others of the branch are named by their keys
    id: str  # as the script says it
    down: tuple[str, ...]  # as the script says it
    depends_on: tuple[str, ...]  # as the script says it
    texts: tuple[bytes, ...] = ()  # of a conflict: ours, theirs and, where there was one, the old
    must_move: bool = False  # another revision has landed under this path

    @property
    def key(self) -> str:
        """Unlike the id, no revision that has landed has it."""
        return self.node.id

    @property
    def path(self) -> str:
        """Where it is."""
        return self.node.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripts:
    """The history of one environment: what has landed, and what the branch has on its own."""

    landed: Graph
    own: tuple[Own, ...]
    again: tuple[Own, ...] = ()  # what has landed, as the branch had it before that


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What becomes of one script. `path`: None where it is needless from now on."""

    own: Own
    id: str
    path: str | None
    down: tuple[str, ...]
    depends_on: tuple[str, ...]
    create_date: tuple[str, str] | None = None  # what it begins with, before and after
    why: str = ""  # it goes

    @property
    def changes_history(self) -> bool:
        """Whether it goes on top of something else, or has another id."""
        return self.path is None or (self.id, self.down) != (self.own.id, self.own.down)


def is_number(id_: str) -> bool:
    """Whether a revision id is one of a row of numbers."""
    return id_.isascii() and id_.isdigit() and len(id_) <= _LONGEST_NUMBER
