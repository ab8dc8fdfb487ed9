"""The tables of a change: as the models and the operations have them, with their neighbours."""

import pytest

from .cases import BOTH, Case, column, fk, table

ORDERS = table(fk("shop_id", "shops.id"), column("total", "Integer"), name="orders")
SHOPS = table(
    column("town", "String(50)", "nullable=False"), column("fax", "String(9)"), name="shops"
)
ITEMS = table(fk("order_id", "orders.id"), column("amount", "Integer"), name="items")
CARTS = table(fk("shop_id", "shops.id"), column("rest", "Integer"), name="carts")
BEFORE = SHOPS + ORDERS + ITEMS + CARTS + table(name="alone")
AFTER = (
    table(column("town", "String(80)"), column("mail", "String(99)"), name="shops")
    + ORDERS
    + ITEMS
    + table(fk("order_id", "orders.id"), name="bills")
    + table(name="alone")
)


def flat(tables):
    """Each table as its state, its columns and keys that are not as they were."""
    return {
        one["name"]: (
            one["state"],
            {c["name"]: c["was"] or c["state"] for c in one["columns"] if c["state"] != "same"},
            [(key["columns"], key["table"], key["state"]) for key in one["foreign_keys"]],
        )
        for one in tables
    }


@pytest.mark.parametrize("dialect", BOTH)
def test_what_is_added_changed_and_removed_with_its_neighbours(evaluated, dialect):
    case = Case("picture", BEFORE, AFTER)
    _, after, clean = evaluated(case, dialect)
    assert flat(after["tables"]) == {
        "bills": (
            "added",
            {"id": "added", "order_id": "added"},
            [(["order_id"], "orders", "added")],
        ),
        "shops": (
            "changed",
            {"town": "VARCHAR(50), NOT NULL", "mail": "added", "fax": "removed"},
            [],
        ),
        "carts": (
            "removed",
            {"id": "removed", "shop_id": "removed", "rest": "removed"},
            [(["shop_id"], "shops", "removed")],
        ),
        "orders": ("same", {}, [(["shop_id"], "shops", "same")]),
    }
    by_name = {one["name"]: one for one in after["tables"]}
    assert [one["name"] for one in by_name["orders"]["columns"]] == ["id", "shop_id"]
    assert by_name["bills"]["columns"][0]["primary"] is True
    assert clean["tables"] == []


@pytest.mark.parametrize("dialect", BOTH)
def test_a_key_that_comes_or_goes(evaluated, dialect):
    plain = table(column("shop_id", "Integer"), name="orders")
    keyed = table(
        column("shop_id", "Integer"),
        'ForeignKeyConstraint(["shop_id"], ["shops.id"], name="fk_shop")',
        name="orders",
    )
    for before, after, state in ((plain, keyed, "added"), (keyed, plain, "removed")):
        _, result, _ = evaluated(Case("key", SHOPS + before, SHOPS + after), dialect)
        assert flat(result["tables"])["orders"] == (
            "changed", {}, [(["shop_id"], "shops", state)],
        )  # fmt: skip
        assert flat(result["tables"])["shops"][0] == "same"


def test_of_many_tables_not_all_are_told(evaluated):
    many = "".join(table(name=f"t{number}") for number in range(60))
    _, after, _ = evaluated(Case("many", "", many), "sqlite")
    assert len(after["tables"]) == 40
