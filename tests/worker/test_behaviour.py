"""env.py that misbehaves: what the command says of it, and that nothing is left behind."""

import os
import sys
import textwrap
import time
from pathlib import Path

import pytest


def with_start(make_shop, start, **options):
    """A shop whose env.py begins with these lines."""
    code = textwrap.dedent(start).strip("\n") + "\n"
    shop = make_shop(env=code + make_shop.ENV, **options)
    shop.commit("start")
    return shop


class Watch:
    """The state of a repository and of the machine before a command, compared after it."""

    def __init__(self, shop, cache):
        self.shop = shop
        self.cache = Path(cache)
        self.index = (shop.folder / ".git/index").read_bytes()
        self.files = self._files()

    def check(self):
        assert (self.shop.folder / ".git/index").read_bytes() == self.index
        assert self._files() == self.files
        assert self.processes() == []
        runs = self.cache / "v1" / "runs"
        assert not runs.exists() or list(runs.iterdir()) == []

    def processes(self):
        """What still runs with this test's cache in its environ."""
        if not sys.platform.startswith("linux"):
            return []
        marker = os.fsencode(f"REVGUARD_CACHE_DIR={self.cache}")
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and int(folder.name) != os.getpid():
                try:
                    if marker in (folder / "environ").read_bytes().split(b"\0"):
                        found.append((folder / "cmdline").read_bytes())
                except OSError:
                    pass
        return found

    def _files(self):
        return sorted(
            str(path.relative_to(self.shop.folder))
            for path in self.shop.folder.rglob("*")
            if ".git" not in path.parts
        )


COULD_NOT = {
    "raises": (
        "raise ValueError('no luck today')",
        ["ValueError: no luck today", "migrations/env.py:1"],
    ),
    "sys.exit": (
        "import sys; print('settings are missing'); sys.exit(0)",
        ["sys.exit(0)", "migrations/env.py:1", "settings are missing"],
    ),
    "os._exit": ("import os; os._exit(0)", ["exit code 0", "os._exit()"]),
    "kills itself": ("import os; os.kill(os.getpid(), 9)", ["signal 9"]),
    "os._exit with a child that lives on": (
        "import os, time\nif os.fork() == 0:\n    time.sleep(600)\nos._exit(3)",
        ["exit code 3"],
    ),
    "closes all files": (
        "import os; os.closerange(0, 4096)",
        ["closed files that it had not opened"],
    ),
    "swallows everything": (
        (
            "import contextlib\n"
            "with contextlib.suppress(BaseException):\n    raise SystemExit\n"
            "def _(*_): pass\nimport alembic.context; alembic.context.run_migrations = _"
        ),
        ["context.run_migrations() was not called"],
    ),
    "asks for a driver that is missing": (
        "import sqlalchemy; sqlalchemy.create_engine('mysql+cymysql://u@h/d')",
        ["No module named 'cymysql'", "-m pip install cymysql"],
    ),
    "connects by itself": (
        "import psycopg2; psycopg2.connect('host=db.invalid')",
        ["opened directly with psycopg2 was refused", "migrations/env.py:1"],
    ),
    "connects by itself, and hides it": (
        """
        import sqlite3, sys
        try:
            sqlite3.connect('shop.db')
        except Exception:
            print('no database today')
        class Nothing:
            def __getattr__(self, name): return lambda *a, **k: Nothing()
            def __enter__(self): return self
            def __exit__(self, *_): pass
        import sqlalchemy; sqlalchemy.engine_from_config = lambda *a, **k: Nothing()
        import alembic.context
        for name in ('configure', 'begin_transaction', 'run_migrations'):
            setattr(alembic.context, name, lambda *a, **k: Nothing())
        """,
        ["opened directly with sqlite3 (shop.db) was refused"],
    ),
    "retries for ever": (
        """
        import psycopg2
        while True:
            try:
                psycopg2.connect('host=db.invalid')
            except Exception:
                pass
        """,
        ["opened directly with psycopg2 was refused"],
    ),
}


@pytest.mark.parametrize("name", COULD_NOT)
def test_could_not_check(name, make_shop, cache_dir):
    start, said = COULD_NOT[name]
    shop = with_start(make_shop, start)
    watch = Watch(shop, cache_dir)
    done = shop.run("check")
    assert done.returncode == 3, done.stdout + done.stderr
    for part in said:
        assert part in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stdout + done.stderr
    watch.check()


HANGS = {
    "sleeps": "import time; time.sleep(600)",
    "ignores signals": """
        import signal, time
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        while True:
            time.sleep(600)
    """,
    "waits for input": "import time\nwhile not input(): pass",
    "with a child in a session of its own": """
        import os, time
        if os.fork() == 0:
            os.setsid()
        time.sleep(600)
    """,
    "with a program in a session of its own": """
        import subprocess, time
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        time.sleep(600)
    """,
}


@pytest.mark.parametrize("name", HANGS)
def test_hangs(name, make_shop, cache_dir):
    shop = with_start(make_shop, HANGS[name])
    if name != "waits for input":
        shop.settings(timeout=6)
        shop.commit("timeout")
    watch = Watch(shop, cache_dir)
    started = time.monotonic()
    done = shop.run("check")
    assert done.returncode == 3
    if name == "waits for input":
        assert "EOFError" in done.stdout + done.stderr
    else:
        assert "env.py took longer than 6 s and was stopped" in done.stdout + done.stderr
        assert time.monotonic() - started < 40
    watch.check()


AS_USUAL = {
    "prints 50 MB": """
        import os, sys
        for _ in range(500):
            sys.stdout.write("x" * 50_000 + "\\n")
            sys.stderr.write("y" * 50_000 + "\\n")
        os.write(1, b'{"event": "result"}\\n')
    """,
    "changes its folder": "import os; os.chdir('/')",
    "ignores SIGTERM": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "leaves a child": """
        import os, time
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
    """,
    "leaves a child in a session of its own": """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
    """,
    "leaves a program": """
        import subprocess
        subprocess.Popen(["sleep", "600"], start_new_session=True)
    """,
    "leaves threads": """
        import threading, time
        for _ in range(3):
            threading.Thread(target=time.sleep, args=(600,)).start()
    """,
    "registers atexit": "import atexit, time; atexit.register(time.sleep, 600)",
    "closes files 3 to 255": "import os; os.closerange(3, 256)",
    "closes its output": "import sys; sys.stdout.close(); sys.stderr.close()",
    "replaces its output": "import sys; sys.stdout = sys.stderr = None",
    "configures logging": """
        from logging.config import fileConfig
        from alembic import context as _context
        fileConfig(_context.config.config_file_name, disable_existing_loggers=True)
    """,
    "uses the recursion limit": "import sys; sys.setrecursionlimit(150)",
    "sets a trace": "import sys; sys.settrace(lambda *a: None)",
    "changes the locale and the zone": """
        import os, time
        os.environ["TZ"] = "Asia/Kolkata"
        time.tzset()
        os.environ.clear()
    """,
    "runs in a thread": """
        import concurrent.futures
        import sqlalchemy
        _pool = concurrent.futures.ThreadPoolExecutor(1)
        _connect = sqlalchemy.engine.Engine.connect
        assert _pool.submit(lambda: 1).result() == 1
    """,
}


@pytest.mark.parametrize("name", AS_USUAL)
def test_as_if_nothing_were(name, make_shop, cache_dir):
    """The verdict is what it would be without it: a script is missing, then it is proven."""
    shop = with_start(make_shop, AS_USUAL[name])
    shop.add_column()
    watch = Watch(shop, cache_dir)
    code, report = shop.judge()
    assert report.get("error") is None
    assert (code, [finding["rule"] for finding in report["findings"]]) == (
        1,
        ["history/missing-revision"],
    )
    assert [step["result"] for step in report["proof"]] == ["pass"] * 4
    watch.check()


ENVIRONMENTS = {
    "swallows all exceptions": """
        from alembic import context
        from sqlalchemy import create_engine
        from shop.models import Base

        try:
            with create_engine("sqlite:///shop.db").connect() as connection:
                context.configure(connection=connection, target_metadata=Base.metadata)
                with context.begin_transaction():
                    context.run_migrations()
        except BaseException as error:
            print("failed:", error)
    """,
    "retries on database errors": """
        import time
        from alembic import context
        from sqlalchemy import create_engine, exc
        from shop.models import Base

        while True:
            try:
                with create_engine("sqlite:///shop.db").connect() as connection:
                    context.configure(connection=connection, target_metadata=Base.metadata)
                    with context.begin_transaction():
                        context.run_migrations()
                break
            except exc.OperationalError:
                time.sleep(100)
    """,
    "asyncio.run": """
        import asyncio
        from alembic import context
        from sqlalchemy.ext.asyncio import create_async_engine
        from shop.models import Base

        def work(connection):
            context.configure(connection=connection, target_metadata=Base.metadata)
            with context.begin_transaction():
                context.run_migrations()

        async def main():
            async with create_async_engine("sqlite+aiosqlite:///shop.db").connect() as connection:
                await connection.run_sync(work)

        asyncio.run(main())
    """,
    "in a thread": """
        import threading
        from alembic import context
        from sqlalchemy import create_engine
        from shop.models import Base

        def main():
            with create_engine("sqlite:///shop.db").connect() as connection:
                context.configure(connection=connection, target_metadata=Base.metadata)
                with context.begin_transaction():
                    context.run_migrations()

        thread = threading.Thread(target=main)
        thread.start()
        thread.join()
    """,
    "a functional main with sys.exit": """
        import sys
        from alembic import context
        from sqlalchemy import create_engine
        from shop.models import Base

        def main():
            with create_engine("sqlite:///shop.db").connect() as connection:
                context.configure(connection=connection, target_metadata=Base.metadata)
                with context.begin_transaction():
                    context.run_migrations()
            return 0

        main() and sys.exit(1)
    """,
}
FAILING = '''\
"""email"""
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.execute("select * from nowhere")


def downgrade():
    pass
'''


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_unusual_environment(name, make_shop, cache_dir):
    """A missing script is seen, and a revision that fails ends the run and is blamed."""
    shop = make_shop(env=ENVIRONMENTS[name])
    shop.commit("start")
    shop.add_column()
    watch = Watch(shop, cache_dir)
    code, report = shop.judge()
    assert (code, report.get("error")) == (1, None)
    assert [finding["rule"] for finding in report["findings"]] == ["history/missing-revision"]
    watch.check()
    shop.write("migrations/versions/0002_email.py", FAILING)
    shop.stage()
    code, report = shop.judge()
    assert (code, report.get("error")) == (1, None)
    assert "proof/upgrade-fails" in [finding["rule"] for finding in report["findings"]]


STEPS = {
    "sys.exit": ("import sys; sys.exit('stop here')", "stop here"),
    "connects by itself": (
        "import psycopg2; psycopg2.connect('host=db.invalid')",
        "opened directly with psycopg2 was refused",
    ),
    "an engine of the models": ("from shop.models import peek; peek()", ""),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_revision_that_misbehaves(name, make_shop, cache_dir):
    body, said = STEPS[name]
    engine = """
from sqlalchemy import create_engine, text
_engine = create_engine("sqlite:////nowhere/prod.db")


def peek():
    with _engine.connect() as connection:
        connection.execute(text("select count(*) from users"))
"""
    shop = make_shop()
    shop.write("shop/models.py", make_shop.MODELS + engine)
    shop.commit("start")
    shop.write(
        "migrations/versions/0002_more.py",
        FAILING.replace('op.execute("select * from nowhere")', f"op.execute('select 1'); {body}"),
    )
    shop.stage()
    watch = Watch(shop, cache_dir)
    code, report = shop.judge()
    assert (code, report.get("error")) == (1, None)
    blamed = [f for f in report["findings"] if f["rule"] == "proof/upgrade-fails"]
    if said:
        assert (blamed[0]["path"], blamed[0]["line"]) == ("migrations/versions/0002_more.py", 9)
        assert said in blamed[0]["message"]
    else:
        assert blamed == []
    watch.check()


WRITES = {
    "open": "open('left.txt', 'a').write('x')",
    "os.open": "import os; os.close(os.open('left.txt', os.O_CREAT | os.O_WRONLY))",
    "rename": "import os, tempfile; h, p = tempfile.mkstemp(); os.rename(p, 'left.txt')",
    "link": "import os; os.symlink('/etc/hostname', 'left.txt')",
    "program": "import subprocess; subprocess.run(['touch', 'left.txt'], check=True)",
    "folder": "import os; os.mkdir('left.txt')",
    "relative to a folder": "import os; d = os.open('.', os.O_RDONLY); "
    "os.symlink('x', 'left.txt', dir_fd=d)",
    "own models": "open('shop/models.py', 'a').write('# edited by env.py')",
    "removal": "import os; os.remove('README')",
}


@pytest.mark.parametrize("name", WRITES)
def test_what_env_writes_is_gone_for_the_next_run(name, make_shop, cache_dir):
    watchman = """
    import os, sys
    if not hasattr(sys, "_was_here"):  # env.py may run twice in one process
        sys._was_here = True
        found = (os.path.lexists("left.txt"), "edited" in open("shop/models.py").read(),
                 os.path.exists("README"))
        if found != (False, False, True):
            raise RuntimeError("not the tree of the commit: %s" % (found,))
    """
    write = textwrap.indent(WRITES[name], "    ")
    shop = with_start(make_shop, f"{textwrap.dedent(watchman).rstrip()}\n{write}")
    shop.write("README", "a shop")
    shop.commit("readme")
    watch = Watch(shop, cache_dir)
    for _ in range(2):
        code, report = shop.judge("check", "--no-cache")
        assert (code, report.get("error")) == (0, None)
    watch.check()


def test_a_connection_to_another_host_is_told(make_shop, cache_dir):
    """Not refused, since it may be a secret store; no packet leaves by a datagram's connect."""
    start = """
    import contextlib, socket
    for address in (("192.0.2.7", 8200), ("192.0.2.7", 53), ("127.0.0.1", 6379)):
        with contextlib.suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(address)
    """
    shop = with_start(make_shop, textwrap.dedent(start))
    done = shop.run("check", "--no-cache", "-v")
    assert done.returncode == 0
    assert "note: env.py connected to 192.0.2.7:8200\n" in done.stdout
    assert "connected to 127.0.0.1" not in done.stdout
    assert ":53" not in done.stdout
