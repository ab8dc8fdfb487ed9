"""Histories that cannot be loaded or replayed, and runs of env.py that compare nothing."""

import pytest


def broken(shop, *parts, path=None):
    """check and add: exit 1 with history/broken-graph that says this, at the file."""
    for command in ("check", "add"):
        before = shop.state()
        code, report = shop.report(command)
        assert code == 1, report
        (environment,) = report["environments"]
        findings = [one for one in environment["findings"] if one["rule"] == "history/broken-graph"]
        assert findings, environment
        said = " ".join(f"{one['message']} {one['hint']}" for one in findings)
        for part in parts:
            assert part in said
        if path:
            assert path in [one["path"] for one in findings]
        assert shop.state() == before
    done = shop.run("check")
    assert done.returncode == 1
    assert "error[history/broken-graph]" in done.stdout


def test_a_syntax_error(shop):
    path = f"{shop.versions}/r2.py"
    shop.write(path, "revision = 'r2'\ndown_revision = 'r1'\n\ndef upgrade(:\n    pass\n")
    shop.git("add", "-A")
    broken(shop, "syntax", path=path)


def test_a_script_that_is_no_utf8(shop):
    path = f"{shop.versions}/r2.py"
    shop.write(path, b"name = 'caf\xe9'\nrevision = 'r2'\ndown_revision = 'r1'\n")
    shop.git("add", "-A")
    broken(shop, path=path)


def test_a_script_with_nul_bytes(shop):
    path = f"{shop.versions}/r2.py"
    shop.write(path, b"\0\0\0\nrevision = 'r2'\ndown_revision = 'r1'\n")
    shop.git("add", "-A")
    broken(shop, path=path)


def test_a_missing_parent(shop, script):
    shop.write(f"{shop.versions}/r2.py", script("r2", "gone"))
    shop.git("add", "-A")
    broken(shop, "gone", path=f"{shop.versions}/r2.py")


def test_a_missing_parent_that_is_untracked(shop, script):
    shop.write(f"{shop.versions}/r2.py", script("r2", "r1"))
    shop.write(f"{shop.versions}/r3.py", script("r3", "r2"))
    shop.git("add", f"{shop.versions}/r3.py")
    broken(shop, f"git add {shop.versions}/r2.py")


def test_a_cycle(shop, script):
    shop.write(f"{shop.versions}/r2.py", script("r2", "r3"))
    shop.write(f"{shop.versions}/r3.py", script("r3", "r2"))
    shop.git("add", "-A")
    broken(shop, "r2", "r3")


def test_its_own_parent(shop, script):
    shop.write(f"{shop.versions}/r2.py", script("r2", "r2"))
    shop.git("add", "-A")
    broken(shop, "r2")


def test_a_duplicate_id(shop, script):
    shop.write(f"{shop.versions}/again.py", script("r1"))
    shop.git("add", "-A")
    broken(shop, "r1")


def test_a_staged_script_without_functions(shop):
    path = shop.versions + "/r2.py"
    shop.write(path, "revision = 'r2'\ndown_revision = 'r1'\n")
    shop.change()
    shop.git("add", "-A")
    code, report = shop.report("check")
    assert code == 1, report
    (found,) = [f for f in report["environments"][0]["findings"] if f["rule"].startswith("proof/")]
    assert (found["rule"], found["path"]) == ("proof/upgrade-fails", path)
    assert "the script has no upgrade()" in found["message"]


def test_a_staged_script_without_a_downgrade(shop):
    text = (
        "from alembic import op\nimport sqlalchemy as sa\nrevision = 'r2'\ndown_revision = 'r1'\n"
    )
    upgrade = "op.add_column('users', sa.Column('email', sa.String(200)))"
    shop.write(shop.versions + "/r2.py", f"{text}\ndef upgrade():\n    {upgrade}\n")
    shop.change()
    shop.git("add", "-A")
    code, report = shop.report("check")
    assert code == 1, report
    (found,) = report["environments"][0]["findings"]
    assert found["rule"] == "proof/downgrade-fails"
    assert "the script has no downgrade()" in found["message"]
    assert "`raise NotImplementedError`" in found["hint"]


def test_an_id_that_alembic_refuses(shop, script):
    shop.write(f"{shop.versions}/r2.py", script("r-2", "r1"))
    shop.git("add", "-A")
    shop.change()
    code, report = shop.report("check")
    assert code in (1, 3), report


def landed(shop, script, **body):
    """A history of r1 and this r2, committed; then a change of the models."""
    shop.write(f"{shop.versions}/r2.py", script("r2", "r1", **body))
    shop.commit()
    shop.change()


def test_history_that_cannot_be_replayed(any_shop, script, fails):
    landed(any_shop, script, upgrade="op.execute('ALTER TABLE legacy ADD COLUMN x INTEGER')")
    says = [
        "history cannot be replayed from an empty database: revision r2",
        f"{any_shop.versions}/r2.py:",
        "legacy",
        "ALTER TABLE legacy ADD COLUMN x INTEGER",
        'start = "dump:ci/schema.sql"',
        'start = "metadata"',
    ]
    fails(any_shop, code=3, says=says)
    fails(any_shop, command="add", code=3, says=says[:1])


def test_history_that_raises(shop, script, fails):
    landed(shop, script, upgrade="raise RuntimeError('not on this machine')")
    says = ["revision r2", "not on this machine", f"{shop.versions}/r2.py:"]
    fails(shop, code=3, says=says)


def test_an_application_that_creates_all(any_shop, tools, fails):
    engine = "engine = create_engine(context.config.get_main_option('sqlalchemy.url'))\n"
    made = f"import models\n\n{engine}models.Base.metadata.create_all(engine)\n"
    any_shop.write("migrations/env.py", tools.env.replace("import models\n", made))
    any_shop.change()
    any_shop.git("add", "-A")
    says = ["made tables before the first revision", "users", "create_all()"]
    fails(any_shop, code=3, says=says)


def test_models_that_create_all_when_imported(shop, tools, fails):
    shop.change(tools.changed + "\n\nfrom sqlalchemy import create_engine\n"
                "Base.metadata.create_all(create_engine('sqlite:///app.db'))\n")  # fmt: skip
    fails(shop, code=3, says=["made tables before the first revision", "create_all()"])


def test_an_env_that_connects_to_nothing(shop, fails):
    shop.change()
    shop.write("migrations/env.py", "import models\n")
    shop.git("add", "-A")
    fails(shop, code=3, says=["env.py opened no connection, so nothing was compared"])


def test_an_env_that_loops_over_no_tenants(shop, tools, fails):
    shop.change()
    body = tools.env.partition("import models\n")
    loop = "for tenant in []:\n" + "".join(f"    {line}\n" for line in body[2].splitlines())
    shop.write("migrations/env.py", body[0] + body[1] + loop)
    shop.git("add", "-A")
    fails(shop, code=3, says=["env.py opened no connection", "tenants"])


def test_an_env_that_never_migrates(shop, tools, fails):
    shop.change()
    env = tools.env.replace("        context.run_migrations()", "        pass")
    env += "    connection.exec_driver_sql('SELECT 1')\n"
    shop.write("migrations/env.py", env)
    shop.git("add", "-A")
    fails(shop, code=3, says=["context.run_migrations() was not called"])


def test_no_target_metadata(shop, tools, fails):
    shop.change()
    shop.write("migrations/env.py", tools.env.replace("=models.Base.metadata", "=None"))
    shop.git("add", "-A")
    fails(shop, code=3, says=["target_metadata", "env.py"])


def test_target_metadata_that_is_none_at_all(shop, tools, fails):
    shop.change()
    shop.write("migrations/env.py", tools.env.replace("=models.Base.metadata", "=models"))
    shop.git("add", "-A")
    fails(shop, code=3, says=["target_metadata", "env.py"])


def test_target_metadata_without_tables(shop, tools, fails):
    shop.change()
    env = tools.env.replace("import models\n", "from sqlalchemy import MetaData\n")
    shop.write("migrations/env.py", env.replace("models.Base.metadata", "MetaData()"))
    shop.git("add", "-A")
    fails(shop, code=3, says=["the target metadata has no tables", "models are not imported"])


@pytest.mark.parametrize("what", ["migrations/script.py.mako", "migrations/env.py"])
def test_a_file_of_the_environment_is_gone(shop, fails, what):
    shop.change()
    shop.git("rm", "-q", what)
    fails(shop, code=2 if what.endswith("env.py") else 3, says=[what.rpartition("/")[2]])


def test_a_template_that_cannot_be_rendered(shop, fails):
    shop.change()
    shop.write("migrations/script.py.mako", "${upgrades\n")
    shop.git("add", "-A")
    fails(shop, code=3, says=["script.py.mako"])


def test_a_template_that_makes_no_python(shop):
    shop.change()
    shop.write("migrations/script.py.mako", "revision = ${repr(up_revision)}\ndef (\n")
    shop.git("add", "-A")
    code, report = shop.report("check")
    assert code == 3, report
    assert "script.py.mako" in report["environments"][0]["error"]
