"""The ways to make one script of a chain: which scripts hold hand-written parts in, plans out, the
one that users would want first and the one that is right whatever they hold last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from revguard.squashing.scripts import Parts, by_hand, touches_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the one script holds, in order. `anew`: autogenerate writes what the kept ones before
    and after it leave out."""

    before: tuple[Parts, ...] = ()
    anew: bool = False
    after: tuple[Parts, ...] = ()

    @property
    def kept(self) -> tuple[Parts, ...]:
        """The scripts whose text is taken over."""
        return (*self.before, *self.after)


def plans(chain: Sequence[Parts]) -> Iterator[Plan]:
    """Autogenerate can stand in for the whole chain, for its end, or for its beginning where only
    data comes after it: nowhere else would it have the schema and the models to compare."""
    hand = by_hand(list(chain))
    if not any(hand):
        yield Plan(anew=True)
    else:
        start = hand.index(True)
        rest = chain[start:]
        if start > 1 and all(hand[start:]) and not any(touches_schema(one) for one in rest):
            yield Plan(anew=True, after=tuple(rest))
        end = len(hand) - hand[::-1].index(True)
        if len(hand) - end > 1:
            yield Plan(before=tuple(chain[:end]), anew=True)
    yield Plan(before=tuple(chain))
