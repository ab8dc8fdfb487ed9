"""A project whose settings come from the environ: what is missing, and the line that mends it."""

from .shop import only, typed

SETTINGS = """\
import os

URL = os.environ["DATABASE_URL"]
PORT = int(os.getenv("APP_PORT"))
"""


def test_the_lines_that_are_given_mend_it(shop, reports):
    """One variable after the other, as the project asks for them; then it passes."""
    one = shop()
    one.write("shop/settings.py", SETTINGS)
    models = "from shop.models"
    one.replace("migrations/env.py", models, f"from shop import settings\n{models}")
    url = 'config.set_main_option("sqlalchemy.url", settings.URL)\n\n\ndef run_migrations_offline'
    one.replace("migrations/env.py", "def run_migrations_offline", url)
    one.git("add", "-A")
    error = only(reports.check(one))
    assert "needs the variable DATABASE_URL, which is not set" in error["error"]
    assert "shop/settings.py:3" in error["error"]
    line = typed(error["hint"])
    assert line == 'environ = { DATABASE_URL = "{url}" }'
    one.write("pyproject.toml", f"[tool.revguard.environments.shop]\n{line}\n")
    one.git("add", "-A")
    error = only(reports.check(one))
    assert "needs the variable APP_PORT, which is not set" in error["error"]
    assert '`APP_PORT = "1"`' in error["hint"]
    one.replace("pyproject.toml", '"{url}" }', '"{url}", APP_PORT = "1" }')
    one.git("add", "-A")
    assert reports.check(one)["verdict"] == "pass"


def test_the_way_to_a_module_of_the_tree(shop, reports):
    """It says where the module lies, and the line for the ini; that mends it."""
    one = shop()
    one.git("mv", "shop", "backend")
    (one.path / "backend" / "shop").mkdir()
    for name in ("__init__.py", "models.py", "views.py"):
        one.git("mv", f"backend/{name}", f"backend/shop/{name}")
    error = only(reports.check(one))
    assert "No module named 'shop'" in error["error"]
    assert error["interpreter"] is None or error["interpreter"]["path"] in error["error"]
    assert error["hint"] == (
        "shop lies in backend, which is not on the import path: `prepend_sys_path = backend` in "
        "alembic.ini"
    )
    one.replace("alembic.ini", "prepend_sys_path = .", typed(error["hint"]))
    one.git("add", "-A")
    assert reports.check(one)["verdict"] == "pass"
