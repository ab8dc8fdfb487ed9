"""Options and a Place in, the same options with the range that the place is about out."""

from __future__ import annotations

from dataclasses import replace

from revguard.evaluation import choosing
from revguard.options import Options
from revguard.pulls import tips
from revguard.pulls.place import Place
from revguard.staging import repository


def ranged(options: Options, place: Place) -> Options:
    """As what is to be judged: from the base's current commit to the change. CouldNotCheck."""
    repo = repository.find(options.directory, options.environ)
    settings = choosing.settings_of(choosing.choose(replace(options, from_ref=None, tree="HEAD")))
    ends = tips.ends(
        repo, place, base=options.from_ref, head=options.to_ref, configured=settings.base
    )
    return replace(options, from_ref=ends.base, to_ref=ends.head)
