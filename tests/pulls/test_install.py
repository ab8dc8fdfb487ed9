"""The action's first step: a virtualenv of its own, whole or not there at all."""

import pytest

from revguard.pulls import install


@pytest.fixture
def environ(tmp_path):
    source = tmp_path / "action"
    (source / "hooks" / "revguard").mkdir(parents=True)
    (source / "hooks" / "revguard" / "__init__.py").write_text("x = 1\n")
    (source / "pyproject.toml").write_text("[\n")  # pip refuses it
    (tmp_path / "output").touch()
    return {
        "GITHUB_ACTION_PATH": str(source),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "RUNNER_TOOL_CACHE": str(tmp_path / "tools"),
        "PATH": "/nowhere",
    }


def test_no_python_is_new_enough(environ, monkeypatch, capfd):
    monkeypatch.setattr(install, "OLDEST", (99, 0))
    monkeypatch.setattr(install, "PLACES", ())
    assert install.main(environ) == 2
    assert "itself needs Python 3.10 or newer" in capfd.readouterr().out


def test_what_cannot_be_installed_leaves_nothing(environ, tmp_path, capfd):
    assert install.main(environ) == 3
    assert "::error title=revguard::revguard cannot be installed" in capfd.readouterr().out
    assert [*(tmp_path / "tools" / "revguard").iterdir()] == []
    assert (tmp_path / "output").read_text() == ""


def test_what_is_there_is_taken(environ, tmp_path):
    key = install._key(environ["GITHUB_ACTION_PATH"], "")
    folder = tmp_path / "tools" / "revguard" / key
    folder.mkdir(parents=True)
    assert install.main(environ) == 0
    assert (tmp_path / "output").read_text() == f"python={install._python(str(folder))}\n"


def test_one_for_each_content_and_version(environ, tmp_path):
    source = environ["GITHUB_ACTION_PATH"]
    keys = {install._key(source, ""), install._key(source, "0.1.0"), install._key(source, "0.2.0")}
    path = tmp_path / "action" / "hooks" / "revguard" / "__init__.py"
    path.write_text("x = 2\n")
    assert len(keys | {install._key(source, "")}) == 4
    assert install._key(source, "0.1.0") in keys
