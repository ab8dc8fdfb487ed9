"""Projects that tests change, the worker that is forked for them, and a server of each kind."""

import os

import pytest

from .evaluating import Databases, Forks
from .project import Project, explained

SERVERS = {"mysql": "mariadb"}
PROVIDER = os.environ.get("REVGUARD_TEST_PROVIDER", "auto")


@pytest.fixture(autouse=True)
def quickly(warm_workers):
    """What a worker imports is no matter here."""


@pytest.fixture(scope="session")
def changes_cache(tmp_path_factory):
    """One cache for the session: servers are initialised once, interpreters looked at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REVGUARD_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def postgresql(changes_cache, chosen, serving):
    """A server on which each evaluation has databases of its own."""
    with serving(changes_cache, chosen(PROVIDER, "postgresql")) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(mariadb_server):
    """A MariaDB server, likewise."""
    return mariadb_server


@pytest.fixture(scope="session")
def sqlite(changes_cache, chosen, serving):
    """A folder in which each evaluation has files of its own."""
    with serving(changes_cache, chosen("sqlite", "sqlite")) as server:
        yield server


@pytest.fixture(scope="session")
def forks(changes_cache):
    """The worker, loaded."""
    with Forks() as forks:
        yield forks


@pytest.fixture
def evaluated(forks, tmp_path, request):
    """`evaluated(case, dialect)`: the results at the models before, after, and once more."""

    def run(case, dialect, server=None):
        server = server or request.getfixturevalue(SERVERS.get(dialect, dialect))
        options = case.options or ("render_as_batch=True" if dialect == "sqlite" else "")
        folder = tmp_path / f"project{len(list(tmp_path.iterdir()))}"
        project = Project(folder, dialect, options=options, metadata=case.metadata)
        place = Databases(dialect, server)
        request.addfinalizer(place.drop)
        results, ids = [], []
        for models in (case.before, case.after, case.after):
            project.models(models)
            if len(results) == 1:  # before it nothing is there, after it nothing is tried
                place.mark()
            asked = {**project.request(ids[-1:]), "named": list(case.named)}
            event = forks.evaluate(asked, place)
            assert event["event"] == "result", event["failure"]
            results.append(event["result"])
            for script in event["result"]["scripts"]:
                project.keep(script)
                ids.append(script["id"])
        return results

    return run


def said(result):
    """A result as text, for an assertion's message."""
    report = {
        "verdict": (result["failure"] or {}).get("message"),
        "proof": result["proof"],
        "changes": result["left"],
        "script": "".join(script["text"] for script in result["scripts"]),
    }
    return explained(report)


@pytest.fixture
def blocked_added_clean(evaluated):
    """Runs a case: something is new, a script is made and proven, and then all is clean."""

    def run(case, dialect, server=None):
        before, after, clean = evaluated(case, dialect, server)
        assert proven(before), said(before)
        assert after["left"], "nothing was found"
        assert proven(after), said(after)
        if case.changes:
            found = sorted(f"{one['op']} {one['object']}" for one in after["left"])
            changes = case.changes
            if dialect in ("mariadb", "mysql"):  # a unique constraint is an index there
                changes = changes.replace("remove_constraint", "remove_index")
            assert found == sorted(changes.split(", ")), said(after)
        assert case.holds in after["scripts"][0]["text"], said(after)
        assert not clean["drift"], said(clean)
        return after

    return run


def proven(result):
    steps = [(step["step"], step["result"]) for step in result["proof"]]
    return not result["failure"] and not result["still"] and steps == [
        ("upgrade", "pass"), ("compare", "pass"), ("downgrade", "pass"), ("reupgrade", "pass"),
    ]  # fmt: skip
