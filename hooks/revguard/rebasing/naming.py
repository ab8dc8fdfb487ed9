"""Ids and file names of moved scripts: new parents in, for each script what becomes of it out.

An id stays unless a landed revision has it, too, as the next number in a row of numbers has. A name
follows the id that it is made from, and its date is moved where it would sort before its parent's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from revguard.errors import UsageError
from revguard.history import file_names
from revguard.history.file_names import Name
from revguard.history.graph import Graph
from revguard.rebasing.planning import Down
from revguard.rebasing.values import Move, Own, Scripts, is_number


def moves(
    scripts: Scripts,
    down: Down,
    template: str | None,
    locations: Sequence[str],
    taken: Collection[str],
) -> list[Move]:
    """Every script of the branch as it will be, each after its parents. `taken`: paths."""
    whole = _graph(scripts, down)
    ids = _ids(scripts, whole)
    own = {one.key: one for one in scripts.own}
    names = _Names(scripts, template or file_names.DEFAULT, locations, dated=template is not None)
    found = []
    for key in (id_ for id_ in whole.order if id_ in down):
        one = own[key]
        named = names.of(one, ids[key], down[key])
        found.append(
            Move(
                own=one,
                id=ids[key],
                path=named.path,
                down=tuple(ids.get(id_, id_) for id_ in down[key]),
                depends_on=tuple(ids.get(id_, id_) for id_ in one.node.depends_on),
                create_date=named.create_date,
            )
        )
    gone = [one for one in scripts.own if one.key not in down]
    return [
        *_placed(found, taken),
        *(_gone(one, "there is nothing left to merge") for one in gone),
        *(_gone(one, "it has landed") for one in scripts.again),
    ]


def _gone(one: Own, why: str) -> Move:
    return Move(own=one, id=one.id, path=None, down=one.down, depends_on=one.depends_on, why=why)


def _graph(scripts: Scripts, down: Down) -> Graph:
    kept = (one for one in scripts.own if one.key in down)
    moved = (replace(one.node, down=down[one.key]) for one in kept)
    return Graph([*scripts.landed.nodes.values(), *moved])


def _ids(scripts: Scripts, whole: Graph) -> dict[str, str]:
    """By key the id that a revision will have."""
    ids = {one.key: one.id for one in scripts.own}
    if all(key == id_ for key, id_ in ids.items()):
        return ids
    twice = [key for key, id_ in ids.items() if key != id_]
    again = set(twice) | whole.descendants(*twice)
    kept = (*scripts.landed.nodes, *(id_ for key, id_ in ids.items() if key not in again))
    numbers = [id_ for id_ in kept if is_number(id_)]
    for key in (key for key in whole.order if key in again):
        if is_number(ids[key]):
            ids[key] = str(max(map(int, numbers)) + 1).zfill(len(ids[key]))
            numbers.append(ids[key])
        elif key in twice:
            raise UsageError(
                f"{_path(scripts, key)} has the revision id {ids[key]!r}, which a revision that "
                "has landed has, too",
                hint="give it another id, in `revision`, in its docstring and where others name it",
            )
    return ids


def _path(scripts: Scripts, key: str) -> str:
    return next(one.path for one in scripts.own if one.key == key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    path: str
    create_date: tuple[str, str] | None = None


class _Names:
    """The names of scripts, as far as the template tells how they were made."""

    def __init__(
        self, scripts: Scripts, template: str, locations: Sequence[str], *, dated: bool
    ) -> None:
        self._landed = scripts.landed
        self._template = template
        self._locations = sorted(locations, key=len, reverse=True)
        self._dated = dated
        self._own: dict[str, Name] = {}  # by key, as they will be
        self._moved: set[str] = set()
        self._own_before = {one.key: one for one in scripts.own}

    def of(self, one: Own, id_: str, down: tuple[str, ...]) -> _Named:
        folder, name = self._split(one.path)
        before = file_names.parse(self._template, name, one.id)
        if before is None:
            return _Named(path=one.path)
        after = replace(before, rev=id_)
        is_moved = down != one.node.down or not self._moved.isdisjoint(down)
        if is_moved and self._dated:
            self._moved.add(one.key)
            for parent in (self._name(key) for key in down):
                after = file_names.after(after, parent) if parent is not None else after
        self._own[one.key] = after
        return _Named(
            path=posixpath.join(folder, after.text),
            create_date=file_names.moved(before, after),
        )

    def _name(self, key: str) -> Name | None:
        if key in self._own_before:
            return self._own.get(key)
        return file_names.parse(self._template, self._split(self._landed.nodes[key].path)[1], key)

    def _split(self, path: str) -> tuple[str, str]:
        for folder in self._locations:
            if path.startswith(f"{folder}/"):
                return folder, path[len(folder) + 1 :]
        return posixpath.split(path)


def _placed(moves: Sequence[Move], taken: Collection[str]) -> list[Move]:
    """With paths that no other script has; those that stay come first."""
    stay = {one.path for one in moves if one.path == one.own.path and not one.own.must_move}
    left = {one.own.path for one in moves if not one.own.must_move}
    used = (set(taken) - left) | stay
    found = []
    for one in moves:
        stays = one.path in stay and one.path == one.own.path
        path = one.path if stays and one.path else _free(one, used)
        used.add(path)
        found.append(replace(one, path=path))
    return found


def _free(move: Move, used: Collection[str]) -> str:
    """The path, or one that says the id, too, where another script has it."""
    assert move.path is not None
    for candidate in (move.path, f"{move.path.removesuffix('.py')}_{move.id}.py"):
        if candidate not in used:
            return candidate
    raise UsageError(
        f"{move.own.path} cannot be renamed: {move.path} is there",
        hint="give one of them another name",
    )
