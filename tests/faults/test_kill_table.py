"""kill -9 of each process that takes part, at each stage, for each provider; then the next run.

All that there is is counted before and after, and the verdict is what it would have been.
"""

import os
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import CHANGED, Shop, alive, descendants, script, wait_for
from .worlds import World

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")

HELD = str(Path(__file__).with_name("held.py"))
VICTIMS = ("run", "worker", "server", "engine")
STAGES = ("acquiring", "ready", "replay", "proof", "saving")
# how it is had, and its dialect
PROVIDERS = {
    "sqlite": ("sqlite", "sqlite"),
    "local-postgresql": ("local", "postgresql"),
    "local-mariadb": ("local", "mariadb"),
    "embedded-postgresql": ("embedded", "postgresql"),
    "docker-postgresql": ("docker", "postgresql"),
    "docker-mariadb": ("docker", "mariadb"),
    "keep-postgresql": ("docker", "postgresql"),
    "server-postgresql": ("server", "postgresql"),
    "server-mariadb": ("server", "mariadb"),
}


def why_not(provider, victim, stage):
    """Why a cell has no test; empty where it has one."""
    setting, _ = PROVIDERS[provider]
    if victim == "server" and setting == "sqlite":
        return "SQLite has no server"
    if victim == "engine" and setting != "docker":
        return "no engine takes part"
    if stage == "saving" and setting == "server":
        return "of a user's server no snapshot is kept"
    if stage == "saving" and victim == "worker":
        return "the worker has ended by then"
    # what is spared for time
    if setting == "embedded" and (victim, stage) not in EMBEDDED:
        return "as local-postgresql, whose programs are run alike"
    if provider.startswith("keep") and (victim == "worker" or stage == "acquiring"):
        return "as docker-postgresql: the container is found, not made"
    return ""


EMBEDDED = {("run", "replay"), ("worker", "replay"), ("server", "replay"), ("run", "saving")}
EVERY = [(p, v, s) for p in PROVIDERS for v in VICTIMS for s in STAGES]
CASES = [cell for cell in EVERY if not why_not(*cell)]

# a server is stopped in order to be saved: it has to be killed before that
PLACES = {("server", "saving"): "keeping", ("engine", "saving"): "archiving"}
# waits where the test says so, as held.py does
STOP = """\
import os, time
if os.path.exists("{held}/{place}"):
    os.rename("{held}/{place}", "{held}/reached")
    while not os.path.exists("{held}/go"):
        time.sleep(0.005)
"""
ADD = 'op.add_column("users", sa.Column("email", sa.String(200)))'
DROP = 'op.drop_column("users", "email")'


class Way:
    """One provider: a shop whose database it is, and those who serve it."""

    def __init__(self, name, shop, setting, engine=None, server=None):
        self.name, self.shop, self.engine, self.server = name, shop, engine, server
        self.held = shop.base / "held"
        self.held.mkdir()
        self.environ = {"HELD": str(self.held), **(engine.environ if engine else {})}
        self._fill(setting)
        self.world = World(shop, engine, server)
        self.again()
        self.verdict = self.judge()
        if engine and not self.name.startswith("keep"):
            assert wait_for(lambda: engine.containers() == [])
        self.whole = self.world.count()

    def _fill(self, setting):
        """A history of two revisions, and a third with a change that is staged."""
        shop = self.shop
        keep = "10m" if self.name.startswith("keep") else "0"
        shop.configure(python=sys.executable, database=setting, keep=keep)
        replay, proof = (STOP.format(held=self.held, place=one) for one in ("replay", "proof"))
        second = script("r2", "r1", upgrade=f'{replay}op.execute("SELECT 1")')
        shop.write(f"{shop.versions}/r2.py", second)
        shop.commit()
        shop.write("models.py", CHANGED)
        third = script("r3", "r2", upgrade=f'{proof}op.execute("SELECT 1")\n{ADD}', downgrade=DROP)
        shop.write(f"{shop.versions}/r3.py", third)
        shop.git("add", "-A")

    def again(self):
        """Forget the verdict and the snapshots: the next run does all of the work."""
        shutil.rmtree(self.shop.cache / "v1" / "snapshots", ignore_errors=True)
        self.forget()

    def forget(self):
        """The verdict only: the next run begins with a snapshot, if there is one."""
        shutil.rmtree(self.shop.cache / "v1" / "repos", ignore_errors=True)
        for path in self.held.iterdir():
            path.unlink()

    def differences(self):
        """{kind: (what there is of it now, what there was)}."""
        now = self.world.count()
        return {kind: (now[kind], was) for kind, was in self.whole.items() if now[kind] != was}

    def judge(self):
        """What a run that nobody disturbs says."""
        code, report = self.shop.report("check", environ=self.environ)
        (found,) = report["environments"]
        assert [step["result"] for step in found["proof"]] == ["pass"] * 4, found["error"]
        assert found["notes"] == []
        self.world.look()
        return code, found["verdict"], found["changes"], found["database"], found["new_revisions"]

    @property
    def outlives(self):
        """Whether the server is no part of the run."""
        return self.server is not None or self.name.startswith("keep")

    def start(self, victim, stage):
        """A run that stops at this stage."""
        place = PLACES.get((victim, stage), stage)
        if self.name.startswith("keep") and stage == "saving":
            place = "keeping"  # nothing is archived
        (self.held / place).touch()
        return self.shop.start("check", program=(HELD,), environ=self.environ)

    def kill(self, victim, process, mine):
        """As the kernel would."""
        if victim == "run":
            process.kill()
        elif victim == "worker":
            (worker,) = [pid for pid in mine if "worker/boot.py" in command(pid)]
            os.kill(worker, signal.SIGKILL)
        elif victim == "engine":
            self.engine.kill()
        elif self.engine:
            (name,) = self.engine.containers()
            assert wait_for(lambda: self.engine.runs(name, "kill -9 $(cat /revguard/server)"))
        elif self.server:
            known = descendants(self.server.pid)
            self.server.kill(signal.SIGKILL)
            assert wait_for(lambda: not alive(known))
        else:
            (server,) = [pid for pid in mine if is_server(pid)]
            os.kill(server, signal.SIGKILL)

    def revive(self, victim):
        """What is the user's comes back."""
        if victim == "engine":
            self.engine.start()
        if victim == "server" and self.server:
            self.server.start()

    def inside(self):
        """The processes in containers."""
        if self.engine is None or self.name.startswith("keep"):
            return {}
        return {k: v for shim in self.engine.shims() for k, v in descendants(shim).items()}


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_server(pid):
    words = command(pid)
    return any(word in words for word in ("/postgres -D", "/mariadbd --", "/launcher.py "))


@pytest.fixture(scope="module")
def folders():
    """`folders()`: a new one that other accounts may pass through, gone with this file."""
    made = []

    def make():
        made.append(Path(tempfile.mkdtemp(prefix="rg-")))
        made[-1].chmod(0o755)
        return made[-1]

    yield make
    for folder in made:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def servers(own_server):
    """`servers(dialect)`: a user's server, for this file."""
    with ExitStack() as stack:
        made = {}

        def server(dialect):
            if dialect not in made:
                made[dialect] = stack.enter_context(own_server(dialect))
            return made[dialect]

        yield server


@pytest.fixture(scope="module")
def ways(request, folders, servers, originals, initialised, chosen):
    """`ways(name)`: a provider, made when it is first asked for."""
    made = {}

    def make(name):
        setting, dialect = PROVIDERS[name]
        taking_part = {}
        if setting == "docker":
            taking_part["engine"] = request.getfixturevalue("mortal_engine")
            setting = taking_part["engine"].images[dialect]
        elif setting == "server":
            taking_part["server"] = servers(dialect)
            setting = f"server:{servers(dialect).account('killed')}"
        else:
            chosen(setting, dialect)
        shop = Shop(folders())
        shutil.copytree(originals(dialect), shop.path, symlinks=True)
        shop.git("update-index", "-q", "--refresh")
        initialised(shop.cache / "v1")
        return Way(name, shop, setting, **taking_part)

    def way(name):
        if name not in made:
            made[name] = make(name)
        return made[name]

    return way


@pytest.mark.parametrize(("provider", "victim", "stage"), CASES, ids=map("-".join, CASES))
def test_killed(ways, provider, victim, stage):
    way = ways(provider)
    way.again()
    with way.start(victim, stage) as process:
        assert wait_for((way.held / "reached").exists, 60), process.communicate()
        way.world.look()
        mine = {**descendants(process.pid), **way.inside()}
        way.kill(victim, process, mine)
        (way.held / "go").touch()
        out, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err
    assert process.returncode == code_of(provider, victim, stage), (out, err)
    if process.returncode == 3:
        assert any(word in err for word in SAYS[victim]), err
    way.revive(victim)
    if victim == "run":
        assert not is_swept(way)
    elif victim == "worker" or (victim == "server" and not way.outlives):
        assert wait_for(lambda: is_swept(way)), way.differences()
        if stage not in ("replay", "saving"):
            return
    if stage == "saving":
        way.forget()
    else:
        way.again()
    assert way.judge() == way.verdict
    assert wait_for(lambda: not way.differences()), way.differences()
    assert alive(mine) == []


# what a run says that was not killed itself
SAYS = {
    "worker": ["signal 9"],
    "server": ["server", "does not start"],
    "engine": ["the engine at"],
}


def code_of(provider, victim, stage):
    if victim == "run":
        return -signal.SIGKILL
    if stage == "saving":  # the verdict is known by then
        return 0
    made = PROVIDERS[provider][0] == "docker" and not provider.startswith("keep")
    if made and (victim, stage) == ("server", "acquiring"):
        return 0  # it is taken for a stored data folder that does not start, and made anew
    return 3


def is_swept(way):
    """Whether all is as it was, but for what a run that failed does not keep in the cache."""
    return set(way.differences()) <= {"cache"}


NAMES = {"postgresql": "PostgreSQL", "mariadb": "MariaDB", "sqlite": "SQLite"}
SHOWN = {"acquiring": "acquired", "ready": "ready", "replay": "replay", "proof": "proof",
         "saving": "saved"}  # fmt: skip
DOCUMENT = Path(__file__).parents[2] / "docs" / "databases.md"


def row(provider):
    """As the page on databases has it."""
    setting, dialect = PROVIDERS[provider]
    spelled = "server:URL" if setting == "server" else setting
    kept = " with `keep`" if provider.startswith("keep") else ""
    cells = [stages_of(provider, victim) for victim in VICTIMS]
    return f"| `{spelled}`{kept}, {NAMES[dialect]} | {' | '.join(cells)} |"


def stages_of(provider, victim):
    stages = [SHOWN[s] for p, v, s in CASES if (p, v) == (provider, victim)]
    return "every stage" if len(stages) == len(STAGES) else ", ".join(stages) or "-"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_page_says_what_is_tested(provider):
    assert row(provider) in DOCUMENT.read_text().splitlines()


def test_each_cell_is_tested_or_has_its_reason():
    assert {*CASES} | {cell for cell in EVERY if why_not(*cell)} == {*EVERY}
    for provider in PROVIDERS:
        assert any(cell[0] == provider for cell in CASES)
