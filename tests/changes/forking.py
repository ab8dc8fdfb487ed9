"""Started as a file by an interpreter: the worker loaded once, and forked for each line "go"."""

import importlib
import importlib.util
import os
import sys


def line_of(descriptor):
    """One line, and not a byte more: what follows is the child's."""
    found = b""
    while not found.endswith(b"\n"):
        piece = os.read(descriptor, 1)
        if not piece:
            sys.exit()
        found += piece
    return found


def main(folder):
    spec = importlib.util.spec_from_file_location("boot", os.path.join(folder, "boot.py"))
    boot = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(boot)
    commands, events = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.argv[:] = ["alembic"]
    session = boot._load(folder, "session")
    for name in (
        "alembic.command",
        "alembic.autogenerate",
        "sqlalchemy.orm",
        "sqlalchemy.dialects.postgresql.psycopg2",
        "sqlalchemy.dialects.mysql.pymysql",
        "sqlalchemy.dialects.sqlite.pysqlite",
        "psycopg2",
        "pymysql",
        "_revguard_worker.candidate",
        "_revguard_worker.evaluate",
        "_revguard_worker.fingerprint",
        "_revguard_worker.observe",
        "_revguard_worker.remap",
        "sqlite3",
    ):
        importlib.import_module(name)
    while line_of(commands):
        child = os.fork()
        if not child:
            session.serve(os.fdopen(commands, encoding="utf-8"), os.fdopen(events, "w"))
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(sys.argv[1])
