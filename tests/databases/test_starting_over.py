"""A step that failed where DDL is not transactional: the next run starts over from the snapshot."""

import os
import shutil

import pytest

from .images import MARIADB
from .test_remote_projects import Project

USERS = """\
revision, down_revision = "aaa", None
from alembic import op
import sqlalchemy as sa
def upgrade():
    op.create_table("users", sa.Column("id", sa.Integer, primary_key=True),
                    sa.Column("name", sa.String(50), nullable=False))
    op.execute("INSERT INTO users (name) VALUES ('kept')")
def downgrade():
    op.drop_table("users")
"""
# the first statement stays where the second fails
CARTS = """\
revision, down_revision = "bbb", "aaa"
from alembic import op
import sqlalchemy as sa
def upgrade():
    assert op.get_bind().exec_driver_sql("SELECT count(*) FROM users").scalar() == 1
    op.create_table("carts", sa.Column("id", sa.Integer, primary_key=True))
    {more}
def downgrade():
    op.drop_table("carts")
"""
MODEL = """)
sa.Table("carts", metadata, sa.Column("id", sa.Integer, primary_key=True)"""


@pytest.fixture(params=["local", f"docker:{MARIADB}"], ids=["local", "docker"])
def project(request, require, tmp_path):
    require(shutil.which("mariadbd"), "mariadb-server-core")
    environ = dict(os.environ)
    if request.param != "local":
        environ |= request.getfixturevalue("engine").environ
    made = Project(tmp_path, "mysql+pymysql", request.param, environ)
    made.write("migrations/versions/aaa.py", USERS)
    made.git("add", "-A")
    made.git("commit", "-qm", "users")
    return made


def test_what_was_left_half_done_is_not_there_again(project):
    """Each of these would fail on a table that is there already."""
    project.models(MODEL)
    for more, expected in (
        ('op.execute("ALTER TABLE nothing ADD x INT")', 1),
        ('op.execute("ALTER TABLE nothing ADD y INT")', 1),
        ("pass", 0),
    ):
        project.write("migrations/versions/bbb.py", CARTS.format(more=more))
        project.git("add", "-A")
        code, report = project.revguard("check", "--format", "json")
        assert code == expected, project.said
        (environment,) = report["environments"]
        failed = [one["reason"] for one in environment["proof"] if one["result"] == "fail"]
        assert all("left half done: table carts was left behind" in one for one in failed)
        assert len(failed) == expected
    assert environment["cached"] == "snapshot"
