"""How an environment names its revision scripts: its configuration in, Alembic's template out."""

from __future__ import annotations

from revguard.environments import inifile
from revguard.environments.environment import Environment, Read

_OPTION = "file_template"


def file_template(environment: Environment, read: Read) -> str | None:
    """The template as it is configured; "" for Alembic's own, None where only code knows it."""
    if environment.settings.alembic_config is not None:
        return None
    config, toml = environment.config or "", environment.toml or ""
    files = read([path for path in (config, toml) if path])
    said: object = None
    if config in files and config != toml:
        said = inifile.parse(config, files[config]).get(environment.section, {}).get(_OPTION)
    if not said and toml in files:
        # Alembic fills its own tokens first, and for that a percent sign is written twice
        told = (inifile.tool_table(toml, files[toml]) or {}).get(_OPTION)
        said = inifile.plain(told) if isinstance(told, str) else None
    return said if isinstance(said, str) else ""
