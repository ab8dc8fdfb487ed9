"""The line of the models that a change comes from."""

import pytest

from revguard.sources import Sources

FILES = {
    "app/views.py": "def users():\n    return 'users'\n",
    "app/broken.py": "class User(Base:\n    __tablename__ = 'users'\n",
    "app/models.py": (
        "class User(Base):\n"
        "    __tablename__ = 'users'\n"
        "    id = Column(Integer)\n"
        "    mail = Column('email', String)\n"
        "    __table_args__ = (Index('by_mail', 'email'),)\n"
        "class UserProfile(db.Model):\n"
        "    name = db.Column(db.String)\n"
        "links = Table('links', metadata, Column('left', Integer))\n"
    ),
    "app/more.py": "class Other(Base):\n    __tablename__ = 'others'\n    x: Mapped[int]\n",
    "app/notes.txt": "__tablename__ = 'notes'\n",
}


@pytest.mark.parametrize(
    ("table", "name", "found"),
    [
        ("users", "", ("app/models.py", 1)),
        ("users", "id", ("app/models.py", 3)),
        ("users", "email", ("app/models.py", 4)),
        ("users", "by_mail", ("app/models.py", 5)),
        ("users", "nothing", ("app/models.py", 1)),
        ("crm.users", "id", ("app/models.py", 3)),
        ("user_profile", "name", ("app/models.py", 7)),
        ("userprofile", "", ("app/models.py", 6)),
        ("links", "left", ("app/models.py", 8)),
        ("others", "x", ("app/more.py", 3)),
        ("notes", "", None),
        ("nowhere", "", None),
        ("", "", None),
    ],
)
def test_the_line_is_found(table, name, found):
    sources = Sources(FILES, lambda paths: {path: FILES[path].encode() for path in paths})
    for _ in range(2):  # again, of what is known by then
        place = sources.find(table, name)
        assert (place and (place.path, place.line)) == found
