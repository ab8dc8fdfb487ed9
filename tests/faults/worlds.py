"""All that a run may leave anywhere, counted."""

import os
from contextlib import closing, suppress
from pathlib import Path

from revguard import leftovers

MEMORY = Path(f"/dev/shm/revguard-{os.geteuid()}")

LISTING = """\
PGPASSWORD=$POSTGRES_PASSWORD psql -h 127.0.0.1 -U $POSTGRES_USER -d $POSTGRES_DB -Atc \\
  "SELECT datname FROM pg_database WHERE datname NOT LIKE 'kept%' ORDER BY 1"
"""


class World:
    """What there is of one shop: in its cache, in memory, on an engine, on a user's server."""

    def __init__(self, shop, engine=None, server=None):
        self._shop, self._engine, self._server = shop, engine, server
        self._runs, self._segments = set(), set()

    def look(self):
        """Remember the runs that are there, by which the rest is known afterwards."""
        self._runs |= self._shop.run_ids()
        for run in self._runs:
            for folder in (MEMORY / run, *self._shop.temporary.glob(f"*/{run}")):
                self._segments |= set(leftovers._noted_segments(str(folder)))

    def count(self):
        """{kind: what there is of it}, the same after each run that was not disturbed."""
        found = {
            "repository": self._shop.state(),
            "cache": self._cached(),
            "runs": self._shop.run_ids(),
            "temporary": [path for path in self._shop.left() if "/cache/" not in path],
            "memory": [path.name for path in MEMORY.glob("*") if path.stem in self._runs],
            "segments": self._segments & _segments(),
            "processes": self._processes(),
        }
        if self._engine:
            found |= self._contained()
        if self._server:
            found["databases"] = _databases(self._server)
        return found

    def _cached(self):
        """Runs and what the project keeps in full; of servers and snapshots which there are."""
        top = self._shop.cache / "v1"
        paths = [*top.glob("*"), *top.glob("servers/.*")]
        paths += [*top.glob("runs/**/*"), *top.glob("repos/**/*")]
        names = sorted(str(path.relative_to(top)) for path in paths)
        # the name tells the container, where that stays
        return [*names, f"{len([*top.glob('snapshots/*')])} snapshots"]

    def _processes(self):
        """Whatever works in our folders, or was started with them or by one of our runs."""
        marks = [os.fsencode(mark) for mark in (self._shop.base, *self._runs)]
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            told = _told(pid)
            if any(mark in told for mark in marks):
                found.append((int(pid), told[:200]))
        return found

    def _contained(self):
        with closing(self._engine.client()) as client:
            return {
                "containers": self._engine.containers(),
                "volumes": [one["Name"] for one in client.volumes()["Volumes"] or ()],
                "databases in containers": _kept(client),
                "networks": sorted(one["Name"] for one in client.networks()),
                "held by the engine": len(self._engine.shims()),
            }


def _told(pid):
    """What a process tells of itself, if it runs."""
    told = b""
    with suppress(OSError):
        told += Path(f"/proc/{pid}/cmdline").read_bytes() + b"\n"
        told += Path(f"/proc/{pid}/environ").read_bytes() + b"\n"
        told += os.fsencode(os.readlink(f"/proc/{pid}/cwd"))
    return told


def _segments():
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {leftovers._segment(*line.split()[:2]) for line in lines}


def _kept(client):
    """The databases in a PostgreSQL that stays, but for the snapshots: the cache tells them."""
    found = []
    for one in client.containers(filters={"label": "dev.revguard.keep"}):
        asked = client.exec_create(one["Id"], ["sh", "-c", LISTING])["Id"]
        found.append(client.exec_start(asked))
    return found


def _databases(server):
    with server.root() as root:
        return sorted(row[0] for row in root.query(server.listing))
