"""The commands on a database in a container: they block, add and prove, and leave nothing."""

import pytest


@pytest.fixture
def docker_shop(request, make_shop, docker_engine):
    """The shop, its database in a container; PostgreSQL where nothing else is asked for."""
    dialect = getattr(request, "param", "postgresql")
    shop = make_shop(dialect)
    shop.configure(database=docker_engine.images[dialect], keep="0")
    shop.commit()
    return shop


@pytest.mark.parametrize("docker_shop", ["postgresql", "mariadb"], indirect=True)
def test_it_blocks_then_adds_then_passes(docker_shop, docker_engine):
    environ = docker_engine.environ
    docker_shop.change()
    code, report = docker_shop.report("check", environ=environ)
    (one,) = report["environments"]
    assert code == 1
    assert one["database"]["provider"] in docker_engine.images.values()
    assert one["database"]["server_version"]
    assert [finding["rule"] for finding in one["findings"]] == ["history/missing-revision"]
    assert docker_shop.left() == []
    code, report = docker_shop.report("add", "-m", "an email", environ=environ)
    (one,) = report["environments"]
    assert code == 0
    assert {step["result"] for step in one["proof"]} <= {"pass", "skipped"}
    docker_shop.git("commit", "-qm", "an email")
    docker_shop.change("# a word\n" + (docker_shop.path / "models.py").read_text())
    code, report = docker_shop.report("check", "--no-cache", environ=environ)
    assert (code, report["verdict"]) == (0, "pass")
    assert docker_engine.containers(str(docker_shop.path)) == []


def test_kept_warm(docker_shop, docker_engine):
    docker_shop.configure(database=docker_engine.images["postgresql"], keep="5m")
    docker_shop.git("add", "-A")
    docker_shop.change()
    for _ in range(2):
        code, report = docker_shop.report("check", "--no-cache", environ=docker_engine.environ)
        assert (code, report["verdict"]) == (1, "fail")
        (name,) = docker_engine.containers(str(docker_shop.path))
        assert name.startswith("revguard-keep-")
    docker_engine.remove(name)


def test_no_engine(docker_shop, fails):
    docker_shop.change()
    says = ["no postgresql database can be had", "there is no /nowhere (DOCKER_HOST)", "start it"]
    fails(docker_shop, code=3, says=says, environ={"DOCKER_HOST": "unix:///nowhere"})


def test_an_image_that_is_nowhere(docker_shop, docker_engine, fails):
    docker_shop.configure(database="docker:localhost:1/no/image:1")
    docker_shop.git("add", "-A")
    docker_shop.change()
    says = ["the image localhost:1/no/image:1 is not here and cannot be pulled", "`docker pull"]
    fails(docker_shop, code=3, says=says, environ=docker_engine.environ)
