"""The database that the project's own configuration names: looked at, or brought to the heads."""
