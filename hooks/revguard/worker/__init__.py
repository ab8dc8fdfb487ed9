"""The guest: runs in the project's interpreter, takes one request, gives back what was observed.

Only the standard library, SQLAlchemy and Alembic are imported here, in the syntax of Python 3.8.
"""
