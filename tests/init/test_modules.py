"""Import roots and module names, as the files of a repository import each other."""

import pytest

from revguard.init.modules import Modules, is_application

CASES = {
    "a package": ({"shop/__init__.py": "", "shop/a.py": ""}, "shop/a.py", "", "shop.a"),
    "the package itself": ({"shop/__init__.py": ""}, "shop/__init__.py", "", "shop"),
    "src": (
        {"src/shop/__init__.py": "", "src/shop/a.py": ""},
        "src/shop/a.py",
        "src",
        "shop.a",
    ),
    "src that is imported by name": (
        {"src/a.py": "", "src/main.py": "from src.a import A\n"},
        "src/a.py",
        "",
        "src.a",
    ),
    "src, imported from tests": (
        {"src/shop/a.py": "", "tests/test_a.py": "from shop.a import A\n"},
        "src/shop/a.py",
        "src",
        "shop.a",
    ),
    "no package, siblings": (
        {"app/a.py": "", "app/main.py": "import a\n"},
        "app/a.py",
        "app",
        "a",
    ),
    "no package, from above": (
        {"app/a.py": "", "main.py": "from app import a\n"},
        "app/a.py",
        "",
        "app.a",
    ),
    "no package, relative": (
        {"app/a.py": "", "app/b.py": "from .a import A\n"},
        "app/a.py",
        "",
        "app.a",
    ),
    "relative from below": (
        {"app/a.py": "", "app/x/b.py": "from ..a import A\n"},
        "app/a.py",
        "",
        "app.a",
    ),
    "a package whose files import each other plainly": (
        {"app/__init__.py": "", "app/a.py": "", "app/main.py": "from a import A\n"},
        "app/a.py",
        "app",
        "a",
    ),
    "a file of a library's name": (
        {
            "app/__init__.py": "",
            "app/celery.py": "from celery import Celery\n",
            "app/tasks.py": "from celery import Task\nimport celery\n",
            "app/a.py": "from app.celery import celery\n",
        },
        "app/a.py",
        "",
        "app.a",
    ),
    "a file of the standard library's name": (
        {"app/logging.py": "", "app/a.py": "import logging\n", "app/b.py": "import logging\n"},
        "app/a.py",
        "app",
        "a",
    ),
    "in a subfolder": (
        {"api/app/__init__.py": "", "api/app/a.py": "", "api/main.py": "import app.a\n"},
        "api/app/a.py",
        "api",
        "app.a",
    ),
    "alone": ({"a.py": ""}, "a.py", "", "a"),
}


@pytest.mark.parametrize("name", CASES)
def test_names(name):
    files, path, root, module = CASES[name]
    found = Modules({one: text.encode() for one, text in files.items()})
    assert (found.root(path), found.name(path)) == (root, module)


@pytest.mark.parametrize("path", ["a.py", "shop/models.py", "src/shop/testing_of_wares.py"])
def test_the_applications_own(path):
    assert is_application(path)


@pytest.mark.parametrize(
    "path", ["tests/a.py", "shop/tests/a.py", "test_a.py", "conftest.py", "docs/a.py", ".x/a.py"]
)
def test_not_the_applications_own(path):
    assert not is_application(path)
