"""The line of a script that takes something away."""

import pytest

from revguard.rules.causes import line_of

SCRIPT = b"""\
revision = "1"


def upgrade():
    op.add_column("users", sa.Column("email", sa.String))
    with op.batch_alter_table("users") as batch:
        batch.drop_index("ix_email")
        batch.drop_column(
            "email"
        )
        batch.alter_column("name", type_=sa.String(9))
    op.drop_table("carts")
    op.execute("DROP SCHEMA archive CASCADE")
    op.drop_table(TABLE)


def downgrade():
    op.drop_table("logs")
"""
SEEN = [
    ("remove_column", "users.email", 8),
    ("modify_type", "users.name", 11),
    ("remove_table", "carts", 12),
    ("remove_schema", "archive", 13),
]
NOT_SEEN = [
    ("remove_table", "logs"),  # in downgrade()
    ("remove_table", "baskets"),
    ("modify_type", "carts.sum"),
    ("modify_type", "users.email"),
]


@pytest.mark.parametrize(("op", "object_", "line"), SEEN)
def test_seen(op, object_, line):
    assert line_of(SCRIPT, op, object_) == line


@pytest.mark.parametrize(("op", "object_"), NOT_SEEN)
def test_not_seen(op, object_):
    assert line_of(SCRIPT, op, object_) == 0


@pytest.mark.parametrize("text", [b"def upgrade(:", b"\xff", b""])
def test_no_script(text):
    assert line_of(text, "remove_table", "carts") == 0
