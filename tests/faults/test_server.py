"""Servers that do not start, are not there, or die in the middle of the work."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from revguard.databases import installations

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


def programs(folder, **bodies):
    """A folder of shell scripts."""
    folder.mkdir()
    for name, body in bodies.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def real(name):
    return Path(installations.local_binaries(os.environ["PATH"]), name)


# what initdb needs, and the end of our own preparation
INITIALISING = 'case "$1" in --*|-V) exec REAL "$@";; esac'


@pytest.fixture
def local(pg_shop):
    pg_shop.change()
    pg_shop.configure(python=sys.executable, database="local")
    pg_shop.git("add", "-A")
    return pg_shop


def test_a_server_that_does_not_start(local, base, fails):
    # what initdb made is there, then the server itself fails
    body = f"""{INITIALISING.replace("REAL", str(real("postgres")))}
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "line $n" >&2; done
echo 'FATAL:  no ticket for this ride' >&2
exit 1"""
    environ = programs(base / "bin", postgres=body, initdb=f'exec {real("initdb")} "$@"',
                       pg_config="exit 1")  # fmt: skip
    says = ["bin/postgres` does not start", "FATAL: no ticket for this ride", "line 12",
            "`database =`"]  # fmt: skip
    said = fails(local, code=3, says=says, environ=environ)
    assert "line 1 " not in said
    assert local.left() == []


def test_an_initdb_that_fails(local, base, fails):
    environ = programs(base / "bin", postgres=f'exec {real("postgres")} "$@"',
                       initdb="echo 'initdb: error: no locale today' >&2; exit 1",
                       pg_config="exit 1")  # fmt: skip
    says = ["bin/initdb` does not start", "initdb: error: no locale today"]
    fails(local, code=3, says=says, environ=environ)
    fails(local, command="add", code=3, says=says, environ=environ)
    assert local.left() == []


def test_a_server_that_never_answers(local, base, fails):
    body = f"""{INITIALISING.replace("REAL", str(real("postgres")))}
exec sleep 600"""
    environ = programs(base / "bin", postgres=body, initdb=f'exec {real("initdb")} "$@"',
                       pg_config="exit 1")  # fmt: skip
    local.configure(python=sys.executable, database="local", timeout=3)
    local.git("add", "-A")
    fails(local, code=3, says=["postgres"], environ=environ)
    assert local.left() == []


def test_no_server_where_one_is_configured(local, monkeypatch, base):
    # without PostgreSQL in the usual folders, which no environ can hide
    hide = base / "sitecustomize.py"
    hide.write_text("from revguard.databases import installations\n"
                    "installations._USUAL = ()\n")  # fmt: skip
    path = os.pathsep.join([str(base), local.environ()["PYTHONPATH"]])
    folders = [d for d in os.environ["PATH"].split(os.pathsep)
               if not os.path.exists(os.path.join(d, "postgres"))]  # fmt: skip
    environ = {"PYTHONPATH": path, "PATH": os.pathsep.join(folders)}
    done = local.run("check", environ=environ)
    assert done.returncode == 3, done.stdout + done.stderr
    said = " ".join(done.stderr.split())
    assert 'no postgresql database can be had with `database = "local"`' in said
    assert "local: no `postgres` on PATH or in the usual folders" in said
    assert "Install PostgreSQL's server" in said
    assert local.report("check", environ=environ)[0] == 3


def test_sqlite_for_a_postgresql_project(pg_shop, fails):
    pg_shop.change()
    pg_shop.configure(python=sys.executable, database="sqlite")
    pg_shop.git("add", "-A")
    fails(pg_shop, code=3, says=["sqlite: serves sqlite, not postgresql", '`database = "auto"`'])


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_a(pid, what):
    text = command(pid)
    if what == "worker":
        return "worker/boot.py" in text
    return "/postgres -D" in text or "/mariadbd --" in text


@linux
def test_killed_servers_are_told_from_broken_revisions(local, tools, script):
    """The server dies while the new revision is proven: that is no finding on the revision."""
    marker = local.base / "marker"
    upgrade = (
        f"open({str(marker)!r}, 'w').close()\nimport time\ntime.sleep(4)\nop.execute('SELECT 1')"
    )
    local.write(f"{local.versions}/r2.py", script("r2", "r1", upgrade=upgrade))
    local.git("add", "-A")
    with local.start("check") as process:
        assert tools.wait_for(marker.exists, 60)
        mine = tools.descendants(process.pid)
        os.kill(next(pid for pid in mine if is_a(pid, "server")), signal.SIGKILL)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 3, (process.returncode, out, err)
    assert "server" in err
    assert tools.wait_for(lambda: not tools.alive(mine))
    assert local.left() == []


def test_a_copy_of_the_programs_without_a_library(local, base, fails):
    """A half-removed installation: initdb is there but cannot run."""
    folder = base / "bin"
    folder.mkdir()
    for name in ("postgres", "initdb"):
        shutil.copy(real(name), folder / name)
    environ = {"PATH": f"{folder}:{os.environ['PATH']}"}
    fails(local, code=3, says=[str(folder)], environ=environ)
    assert local.left() == []
