"""Mermaid's own parser takes every picture; what is drawn is what changed."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from revguard.reporters import diagram
from revguard.verdict import Column, ForeignKey, Table

from . import hostile
from .test_reporters import CARTS, ORDERS, USERS

MODULES = Path(__file__).parents[2] / ".make/node/node_modules"  # `make .make/node/ready`


@pytest.fixture(scope="module")
def parsed(require):
    """`parsed(pictures)`: what Mermaid says of each."""
    node = shutil.which("node") or shutil.which("nodejs")
    require(node and (MODULES / "mermaid").is_dir(), "node with npm's mermaid (`make node`)")

    def parse(pictures):
        script = Path(__file__).with_name("mermaid.mjs")
        said = subprocess.run(
            [node, str(script), str(MODULES)],
            input=json.dumps(pictures),
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(said.stdout)

    return parse


def test_mermaid_takes_pictures_of_hostile_schemas(parsed):
    pictures = []

    @given(tables=hostile.schemas())
    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def collect(tables):
        pictures.append(diagram.render(tables))

    collect()
    pictures += [
        diagram.render([replace(USERS, name=piece, columns=(Column(name=piece, type=piece),))])
        for piece in hostile.PIECES
    ]
    drawn = list(filter(None, pictures))
    said = parsed(drawn)
    assert [(one, why) for one, why in zip(drawn, said, strict=True) if why != "er"] == []
    assert len(drawn) > 80


def test_mermaid_says_of_a_bad_picture_that_it_is_bad(parsed):
    good = diagram.render([USERS])
    taken, refused = parsed([good, good.replace("}", "")])
    assert (taken, "Parse error" in refused) == ("er", True)


def test_a_table_that_nothing_touches_is_no_picture():
    assert diagram.render([]) == ""
    assert diagram.render([ORDERS]) == ""


def test_what_is_drawn():
    assert diagram.render([USERS, ORDERS, CARTS]).splitlines() == [
        "erDiagram",
        '    t0["users (changed)"] {',
        "        INTEGER id PK",
        '        VARCHAR(100) name "was VARCHAR(50)"',
        '        VARCHAR email "added"',
        "    }",
        '    t1["carts (removed)"] {',
        '        NUMERIC(10\u201a2) user_id FK "removed"',
        "    }",
        '    t2["orders"] {',
        "        INTEGER id PK",
        "        _ user_id FK",
        "    }",
        '    t0 ||..o{ t1 : "user_id (removed)"',
        '    t0 ||--o{ t2 : "user_id"',
        "    classDef removed stroke:#cf222e,stroke-width:3px",
        "    class t1 removed",
        "    classDef changed stroke:#bf8700,stroke-width:3px",
        "    class t0 changed",
    ]


def test_a_large_change_stays_readable():
    wide = replace(
        USERS,
        columns=(
            *(Column(name=f"c{number}", type="INTEGER") for number in range(60)),
            Column(name="late", type="INTEGER", state="added"),
            Column(name="key", type="INTEGER", primary=True),
        ),
    )
    near = [
        Table(name=f"n{n}", state="same", foreign_keys=(ForeignKey(columns=("x",), table="users"),))
        for n in range(30)
    ]
    picture = diagram.render([wide, *near])
    assert picture.count('["') == 12
    assert 'INTEGER late "added"' in picture
    assert "INTEGER key PK" in picture
    assert '        and more "50 not shown"' in picture
    assert diagram.left_out([wide, *near]) == 19


def test_many_large_tables_are_shown_with_fewer_columns():
    columns = tuple(Column(name=f"c{number}", type="INTEGER") for number in range(20))
    large = [Table(name=f"t{number}", state="changed", columns=columns) for number in range(12)]
    assert diagram.render(large).count("INTEGER") == 60
    assert diagram.render(large[:5]).count("INTEGER") == 60
    assert diagram.render(large[:3]).count("INTEGER") == 36


def test_a_table_of_very_many_keys_stays_readable():
    keys = tuple(ForeignKey(columns=(f"c{number}",), table="users") for number in range(999))
    picture = diagram.render([USERS, replace(ORDERS, foreign_keys=(*keys, *keys))])
    assert picture.count("||--o{") == 60


def test_an_unrelated_table_is_no_neighbour():
    assert "t1" not in diagram.render([CARTS, replace(USERS, name="others", state="same")])
