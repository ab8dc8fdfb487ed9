"""The kinds of change on each database as each provider gives it.

On PostgreSQL by `local` and on SQLite they run one by one, too, in the files beside this one.
"""

import contextlib
import difflib
import os

import pytest

from . import kinds
from .cases import grouped

HOWEVER = [
    ("postgresql", "embedded"),
    ("postgresql", "docker"),
    ("postgresql", "server"),
    ("mariadb", "docker"),
    ("mariadb", "server"),
]
CASES = [
    pytest.param(one, case, id=f"{'-'.join(one)}-{case.id}".replace(" ", "-"))
    for one in HOWEVER  # the very same object for pytest to keep the server
    for case in grouped(kinds.of(one[0]), "kinds")
]


@pytest.fixture(scope="session")
def served(request, changes_cache, chosen, serving, own_server):
    """One server of this provider, and nothing of the one before."""
    dialect, provider = request.param
    setting, environ = provider, os.environ
    with contextlib.ExitStack() as stack:
        if provider == "docker":
            engine = request.getfixturevalue("docker_engine")
            setting, environ = engine.images[dialect], {**os.environ, **engine.environ}
        elif provider == "server":
            own = stack.enter_context(own_server(dialect))
            setting = f"server:{own.account('least')}"
        choice = chosen(setting, dialect, environ)
        yield stack.enter_context(serving(changes_cache, choice))


@pytest.fixture(scope="session")
def by_local():
    """What `local` gave for a case, kept for the other providers."""
    return {}


@pytest.mark.parametrize(("served", "case"), CASES, indirect=["served"])
def test_proven(served, case, blocked_added_clean, by_local):
    """Blocked, added and proven, by `local` and by this one: the script is the very same."""
    key = (served.dialect, case.id)
    if key not in by_local:
        by_local[key] = blocked_added_clean(case, served.dialect)
    found = blocked_added_clean(case, served.dialect, served)
    assert found["left"] == by_local[key]["left"]
    (text,), (expected,) = ([one["text"] for one in it["scripts"]] for it in (found, by_local[key]))
    difference = difflib.unified_diff(expected.splitlines(), text.splitlines(), n=0, lineterm="")
    assert text == expected, "\n".join(difference)


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb", "sqlite"])
def test_there_are_thirty_of_each_database(dialect):
    assert len(kinds.of(dialect)) >= 30
