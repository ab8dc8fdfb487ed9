"""What `revguard init` leaves to the user: what was seen in, notes out."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from revguard.declared import Base
from revguard.init.reading import Source
from revguard.init.steps import Step

# as Alembic's documentation has it
_CONVENTION: Final = """\
MetaData(naming_convention={
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
})"""
_WHERE: Final[Mapping[str, str]] = {
    "DeclarativeBase": "class {name}(DeclarativeBase):\n    metadata = {convention}",
    "declarative_base": "{name} = declarative_base(metadata={convention})",
    "SQLAlchemy": "{name} = SQLAlchemy(metadata={convention})",
    "MetaData": "{name} = {convention}",
    "registry": "{name} = registry(metadata={convention})",
    "SQLModel": "SQLModel.metadata = {convention}",
}
_DEPENDENCIES: Final = ("requirements.txt", "pyproject.toml", "setup.cfg", "Pipfile")


def naming(bases: Iterable[Base], metadata: Mapping[str, Any]) -> Iterator[Step]:
    """The models have no naming convention: the user's to decide, since it changes names."""
    if metadata.get("named", True):
        return
    base = next(iter(bases))
    where = f"in {base.path}:{base.line}" if base.path else "before the first model"
    told = _WHERE.get(base.kind, _WHERE["MetaData"])
    indent = "    " if base.kind == "DeclarativeBase" else ""
    convention = _CONVENTION.replace("\n", f"\n{indent}")
    yield Step(
        topic="naming",
        said="the models have no naming convention, so that constraints have no names of their own",
        hint=f"decide before the first revision; {where}:\n"
        + told.replace("{name}", base.name).replace("{convention}", convention),
    )


def create_all(source: Source, made: Iterable[Mapping[str, Any]], home: str) -> Iterator[Step]:
    """Calls that make tables without Alembic: those of an import stand in the way of a check."""
    at_import = [f"{one['path']}:{one['line']}" for one in made]
    below = f"{home}/" if home else ""
    others = [f"{path}:{line}" for path, line in source.create_all if path.startswith(below)]
    for place in dict.fromkeys(at_import):
        yield Step(
            topic="create_all",
            said=f"{place} makes tables when env.py imports it: nothing can be compared then",
            hint="remove the call: `alembic upgrade head` makes the tables from now on",
        )
    rest = [place for place in dict.fromkeys(others) if place not in at_import]
    if rest:
        yield Step(
            topic="create_all",
            said=f"{', '.join(rest[:3])} makes tables that Alembic does not know of",
            hint="remove the call once the first revision is there",
        )


def failures(answer: Mapping[str, Any], lines: Iterable[str], python: str) -> Iterator[Step]:
    """What could not be imported or evaluated, each once."""
    told: set[str] = set()
    for what, one in zip([*lines, "the metadata", "the URL"], _told(answer), strict=True):
        failure = one.get("failure")
        if not failure or f"{failure['type']}: {failure['message']}" in told:
            continue
        said = f"{failure['type']}: {failure['message']}".strip()
        told.add(said)
        yield Step(
            topic="problem",
            said=f"{what}: {said.splitlines()[0] if said else ''}",
            hint=_remedy(failure, python),
        )
        if failure["type"] != "NameError":
            told |= {f"NameError: {_name(one)}" for one in _told(answer) if _name(one)}


def _told(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*answer["imports"], answer["metadata"], answer["url"]]


def _name(one: Mapping[str, Any]) -> str:
    failure = one.get("failure") or {}
    return str(failure.get("message")) if failure.get("type") == "NameError" else ""


def _remedy(failure: Mapping[str, Any], python: str) -> str:
    frames = failure["frames"]
    where = f"at {frames[-1]['path']}:{frames[-1]['line']}; " if frames else ""
    if failure["module"] and failure["type"] == "ModuleNotFoundError":
        return f"{where}what the project needs must be installed for {python}"
    return where.removesuffix("; ")


def dependency(files: Mapping[str, bytes], paths: frozenset[str], home: str) -> Iterator[Step]:
    """Alembic is to be among what the project needs, or other machines will not have it."""
    texts = {
        path: files[path].decode("utf-8", "replace").lower()
        for folder in dict.fromkeys((home, ""))
        for name in _DEPENDENCIES
        if (path := posixpath.join(folder, name)) in files
    }
    named = [path for path, text in texts.items() if "sql" in text]
    if not named or any("alembic" in text for text in texts.values()):
        return
    yield Step(
        topic="dependency",
        said=f"{named[0]} does not name alembic",
        hint=_add(named[0], paths, posixpath.dirname(named[0])),
    )


def _add(path: str, paths: frozenset[str], folder: str) -> str:
    for lock, command in (("uv.lock", "uv add alembic"), ("poetry.lock", "poetry add alembic"),
                          ("pdm.lock", "pdm add alembic")):  # fmt: skip
        if posixpath.join(folder, lock) in paths:
            return f"`{command}`"
    return f"`echo alembic >> {path}`" if path.endswith(".txt") else f"add it to {path}"
