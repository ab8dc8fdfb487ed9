"""SQL or a script before the first revision: an empty database in, a prepared one out."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from revguard import subprocesses
from revguard.databases import Database, addresses, extensions, wire
from revguard.errors import ConfigError, CouldNotCheck
from revguard.evaluation.accounts import shortened
from revguard.evaluation.case import Surroundings
from revguard.evaluation.lacking import ExtensionMissing
from revguard.evaluation.subject import Subject
from revguard.history.extensions import named_in
from revguard.staging.trees import Entry

_LAST_LINES = 8
_POLL_SECONDS = 0.02
_ENDS = re.compile(r";[ \t]*(?:--.*)?(?:\r?\n|$)")  # of statements: at the end of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """The file that `bootstrap` names, as it is in the judged tree."""

    path: str
    oid: str
    content: bytes
    is_script: bool  # executable, or with a first line that says what runs it

    @property
    def extensions(self) -> tuple[str, ...]:
        """Those that it creates, as far as its text tells."""
        return named_in(self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a script runs, and what it is told."""

    around: Surroundings
    tree: str
    root: str
    told: Mapping[str, str]  # the variables that tell env.py the database: they win
    given_up: Callable[[], bool]


def find(subject: Subject, path: str | None, *, needed: bool) -> Bootstrap | None:
    """The bootstrap of a tree. ConfigError where it is needed and not there."""
    entry = entry_of(subject, "bootstrap", path or "", path or "", needed=needed)
    if entry is None or path is None:
        return None
    content = subject.read([path])[path]
    is_script = entry.mode == "100755" or content.startswith(b"#!")
    return Bootstrap(path=path, oid=entry.oid, content=content, is_script=is_script)


def entry_of(subject: Subject, key: str, said: str, path: str, *, needed: bool) -> Entry | None:
    """The file of the tree that a key names. ConfigError where it is needed and not there."""
    entry = subject.listing.get(path)
    if entry is not None and entry.mode.startswith("100"):
        return entry
    if not needed or not said:
        return None
    lack = "is not in the commit" if entry is None else "is no file"
    raise ConfigError(f'`{key} = "{said}"`: it {lack}', hint=f"`git add {path}`")


def run(bootstrap: Bootstrap, database: Database, place: Place) -> None:
    """Run it to its end on the empty database. CouldNotCheck, ExtensionMissing."""
    place.around.progress(f"running {bootstrap.path}")
    if bootstrap.is_script:
        _run_script(bootstrap, database, place)
    elif database.dialect == "sqlite":
        _run_on_sqlite(bootstrap, str(database.url["database"]))
    else:
        _run_on_server(bootstrap, database, place.around.timeout)


def _run_on_server(bootstrap: Bootstrap, database: Database, timeout: float) -> None:
    text = bootstrap.content.decode("utf-8-sig", "replace")
    # drivers of other servers take one statement at a time
    parts = [text] if database.login is None else _ENDS.split(text)
    try:
        with addresses.connect(database, timeout) as login:
            for statement in filter(str.strip, parts):
                login.query(statement)
    except wire.ServerError as error:
        line = text.count("\n", 0, max(error.position - 1, 0)) + 1 if error.position else 0
        raise _failed(bootstrap, str(error), line, _statement_at(text, error.position)) from error
    except TimeoutError as error:
        raise _failed(bootstrap, f"it did not end within {timeout:g} s") from error
    except OSError as error:
        raise _failed(bootstrap, str(error)) from error


def _run_on_sqlite(bootstrap: Bootstrap, path: str) -> None:
    connection, at = sqlite3.connect(path), (0, "")
    try:
        for at in _statements(bootstrap.content.decode("utf-8-sig", "replace")):
            connection.executescript(at[1])
    except sqlite3.Error as error:
        raise _failed(bootstrap, str(error), *at) from error
    finally:
        connection.close()


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """(line, statement): SQLite says which characters end one."""
    pending, begun = "", 1
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not pending.strip():
            pending, begun = "", number
        pending += line
        if sqlite3.complete_statement(pending):
            yield begun, pending
            pending = ""
    if pending.strip():
        yield begun, pending


def _run_script(bootstrap: Bootstrap, database: Database, place: Place) -> None:
    path = os.path.join(place.tree, *bootstrap.path.split("/"))
    run, timeout = place.around.run(), place.around.timeout
    log = run.folder / f"bootstrap{run.number()}.log"
    environ = dict(place.around.environ)
    for name in addresses.ELSEWHERE:
        environ.pop(name, None)
    with open(log, "wb") as output:
        process = subprocesses.start(
            _command(bootstrap, path),
            cwd=os.path.join(place.tree, *place.root.split("/")),
            environ=run.environ(environ | addresses.variables(database) | {**place.told}),
            stdout=output.fileno(),
            stderr=subprocess.STDOUT,
        )
    run.register(process.pid)
    try:
        code = _ended(process, place)
    finally:
        subprocesses.kill(process)
        run.forget(process.pid)
    if code == 0:
        return
    said = log.read_text("utf-8", "replace")
    how = f"did not end within {timeout:g} s" if code is None else f"ended with code {code}"
    missing = extensions.refused(said)
    if missing:
        raise ExtensionMissing(missing, f"{bootstrap.path} {how}")
    tail = "".join(f"\n  {line}" for line in said.strip().splitlines()[-_LAST_LINES:])
    raise CouldNotCheck(
        f"the bootstrap {bootstrap.path} {how}" + (f":{tail}" if tail else ", and says nothing"),
        hint="It runs before the first revision, in the ephemeral database only.",
    )


def _command(bootstrap: Bootstrap, path: str) -> list[str]:
    """The script itself where it can be executed, else by what its first line names."""
    if os.access(path, os.X_OK):
        return [path]
    first = bootstrap.content.partition(b"\n")[0].decode("utf-8", "replace")
    return [*first.removeprefix("#!").split(), path]


def _ended(process: subprocess.Popen[bytes], place: Place) -> int | None:
    """Its exit code; None where it took too long."""
    until = time.monotonic() + place.around.timeout
    while process.poll() is None:
        if place.given_up():
            raise CouldNotCheck("the bootstrap was given up")
        if time.monotonic() > until:
            return None
        time.sleep(_POLL_SECONDS)
    return process.returncode


def _statement_at(text: str, position: int) -> str:
    """The statement around a character, roughly: from the semicolon before to the one after."""
    if not position:
        return ""
    begun = text.rfind(";", 0, position - 1) + 1
    end = text.find(";", position)
    return text[begun : end if end >= 0 else len(text)]


def _failed(bootstrap: Bootstrap, said: str, line: int = 0, statement: str = "") -> CouldNotCheck:
    missing = extensions.refused(said)
    where = f"{bootstrap.path}:{line}" if line else bootstrap.path
    if missing:
        return ExtensionMissing(missing, where)
    shown = shortened(statement)
    hint = "It runs before the first revision, in the ephemeral database only."
    if re.search(r'syntax error at or near "\\"', said):
        hint = r"What begins with \ is psql's own and no SQL: run psql in a script instead."
    return CouldNotCheck(
        f"the bootstrap fails at {where}: {said}" + (f"\n  statement: {shown}" if shown else ""),
        hint=hint,
    )
