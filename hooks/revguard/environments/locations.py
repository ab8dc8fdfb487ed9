"""Where in a tree a location of Alembic's configuration is: its text in, paths out."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from revguard.environments import inifile
from revguard.environments.environment import Listing
from revguard.environments.inifile import HERE, Options

ENV_PY = "env.py"


class Location(NamedTuple):
    """The script location, and where to run Alembic so that it finds it there."""

    path: str | None  # None: only the run can know
    roots: tuple[str, ...]
    beside_ini: bool = False  # not named: Flask-Migrate keeps the ini in it


def script_location(
    options: Options, folder: str, root: str | None, files: Listing
) -> Location | None:
    """Where env.py is; None where it is not in this tree. `folder` is that of the ini."""
    roots = (root,) if root is not None else tuple(dict.fromkeys((folder, "")))
    said = options.script_location
    if said is None:
        if posixpath.join(folder, ENV_PY) not in files:
            return None
        if root is None:  # the application lies beside the folder, where `flask db` is called
            roots = tuple(dict.fromkeys((posixpath.dirname(folder), "", folder)))
        return Location(folder, roots, beside_ini=True)
    if inifile.is_open(said):
        return Location(None, roots)
    for place in _places(said, folder, roots, files):
        if posixpath.join(place, ENV_PY) in files:
            first = [it for it in roots if _inside(posixpath.join(it, _resource(said))) == place]
            return Location(place, tuple(dict.fromkeys((*first, *roots))))
    return None


def version_locations(
    options: Options, location: Location, folder: str, files: Listing
) -> tuple[str, ...] | None:
    """The folders of the revision scripts; None where only the run can know one of them."""
    if options.version_locations is None:
        return None if location.path is None else (posixpath.join(location.path, "versions"),)
    found = [
        _version_location(said, folder, location.roots, files) for said in options.version_locations
    ]
    known = [place for place in found if place is not None]
    return tuple(dict.fromkeys(known)) if len(known) == len(found) else None


def _version_location(said: str, folder: str, roots: tuple[str, ...], files: Listing) -> str | None:
    if inifile.is_open(said):
        return None
    possible = _places(said, folder, roots, files)
    for place in possible:
        if any(path.startswith(place + "/") for path in files):
            return place
    return possible[0] if possible else None  # without a script yet git does not know the folder


def _places(said: str, folder: str, roots: tuple[str, ...], files: Listing) -> list[str]:
    """Where in the tree a location may be, likeliest first."""
    if said.startswith(HERE):
        joined = [_inside(posixpath.join(folder, said[len(HERE) :].lstrip("/")))]
    elif ":" in said:
        return _in_packages(said, roots, files)
    else:
        joined = [_inside(posixpath.join(root, said)) for root in roots]
    return [place for place in joined if place is not None]


def _resource(said: str) -> str:
    """The path that `package:path` stands for, from where the package is imported."""
    package, *inside = said.split(":")  # "shop:db:migrations" too
    return posixpath.join(package.replace(".", "/"), *inside) if inside else said


def _in_packages(said: str, roots: tuple[str, ...], files: Listing) -> list[str]:
    resource = posixpath.normpath(_resource(said))
    near = [posixpath.join(root, source, resource) for root in roots for source in ("", "src")]
    end = f"/{resource}/"
    far = {path[: path.index(end) + len(end) - 1] for path in files if end in path}
    return near + (list(far) if len(far) == 1 else [])


def _inside(path: str) -> str | None:
    if path.startswith("/"):
        return None
    normal = posixpath.normpath(path)
    if normal == ".." or normal.startswith("../"):
        return None
    return "" if normal == "." else normal
