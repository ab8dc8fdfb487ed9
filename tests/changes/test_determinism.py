"""The same change gives the same script, and a script that is whole: whatever the hash seed."""

import ast
import difflib
import itertools
import subprocess
import sys

import pytest

from .cases import column, fk, table
from .evaluating import Databases, Forks
from .project import Project, explained

SEEDS = ("0", "1", "7", "42", "1234")
BEFORE = "".join(
    [
        *(table(fk("before", f"old{i - 1}.id"), name=f"old{i}") for i in range(1, 6)),
        table(name="old0"),
        table(*(column(f"gone{i}", "Integer", "index=True") for i in range(6)), name="wide"),
        table(
            column("a", "Integer"), column("b", "Integer"),
            column("e", "Enum('x', 'y', name='e1')"),
            "UniqueConstraint('a', name='uq_a')", "UniqueConstraint('b', name='uq_b')",
            "Index('ix_a', 'a')", "Index('ix_ab', 'a', 'b')", fk("u", "users.id"),
            name="many",
        ),
        "class Money(TypeDecorator):\n    impl = Numeric(10, 2)\n    cache_ok = True\n\n\n",
    ]
)  # fmt: skip
AFTER = "".join(
    [
        "class Money(TypeDecorator):\n    impl = Numeric(10, 2)\n    cache_ok = True\n\n\n",
        *(table(fk("next", f"new{i + 1}.id"), name=f"new{i}") for i in range(5)),
        table(fk("first", "new0.id"), column("j", "JSON"), name="new5"),
        table(*(column(f"come{i}", "Integer", "index=True") for i in range(6)), name="wide"),
        table(
            column("a", "BigInteger"), column("b", "Integer", "nullable=False"),
            *(column(f"e{i}", f"Enum('x', 'y', name='e{i}')") for i in (2, 3, 4)),
            "UniqueConstraint('a', 'b', name='uq_c')", "UniqueConstraint('b', name='uq_d')",
            "Index('ix_ba', 'b', 'a')", "Index('ix_b', 'b')",
            fk("w", "wide.id"), fk("v", "users.id"),
            column("m", "Money"),
            column("t", "postgresql.ARRAY(Integer).with_variant(Text, 'sqlite')"),
            name="many",
        ),
    ]
)  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def texts(request, changes_cache, tmp_path_factory):
    """{seed: the script's text}, each from a worker of its own; the first seed twice."""
    server = request.getfixturevalue(request.param)
    found = []
    for seed in (*SEEDS, SEEDS[0]):
        folder = tmp_path_factory.mktemp("seed")
        options = "render_as_batch=True" if request.param == "sqlite" else ""
        project = Project(folder, request.param, options=options)
        databases = Databases(request.param, server)
        ids = []
        with Forks(PYTHONHASHSEED=seed) as forks:
            for models in (BEFORE, AFTER):
                project.models(models)
                databases.mark()
                event = forks.evaluate(project.request(ids), databases)
                result = event["result"]
                assert not result["failure"], result["failure"]
                assert [step["result"] for step in result["proof"]] == ["pass"] * 4, explained(
                    {"proof": result["proof"], "script": result["scripts"][0]["text"]}
                )
                (script,) = result["scripts"]
                ids.append(script["id"])
                project.keep(script)
        found.append((script["path"], script["text"]))
    return found


def test_same_bytes(texts):
    for one, other in itertools.pairwise(texts):
        difference = difflib.unified_diff(one[1].splitlines(True), other[1].splitlines(True), n=0)
        assert one == other, "".join(difference)


def test_complete(texts):
    """It compiles, imports what it uses and nothing that it does not use."""
    text = texts[0][1]
    ast.parse(text)
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F", "-"],
        input=text, capture_output=True, text=True,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout
    assert "import models" in text


def test_order(texts):
    """What is referenced is made first, and dropped last."""
    created = [text.split("'")[1] for text in texts[0][1].split("op.create_table(")[1:]]
    upgrade = [name for name in created if name.startswith("new")]
    assert upgrade.index("new1") < upgrade.index("new0") or "create_foreign_key" in texts[0][1]
    dropped = [text.split("'")[1] for text in texts[0][1].split("op.drop_table(")[1:]]
    old = [name for name in dropped if name.startswith("old")]
    assert old == sorted(old, reverse=True)
