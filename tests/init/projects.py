"""Small projects of the shapes that real ones have: none has Alembic yet."""

BASE = """\
from sqlalchemy.orm import declarative_base

Base = declarative_base()
"""
ENGINE = """\
import os

from sqlalchemy import create_engine
from sqlalchemy.orm import declarative_base

DATABASE_URL = os.environ.get("DATABASE_URL", "sqlite:///shop.db")
engine = create_engine(DATABASE_URL)
Base = declarative_base()
"""


def model(name, base="from shop.db import Base", table=""):
    """The source of a model with a column."""
    return f"""\
{base}
from sqlalchemy import Column, Integer, String


class {name}(Base):
    __tablename__ = "{table or name.lower() + "s"}"

    id = Column(Integer, primary_key=True)
    name = Column(String(50), nullable=False)
"""


DECLARATIVE = {
    "shop/__init__.py": "",
    "shop/db.py": ENGINE,
    "shop/models.py": model("Customer"),
}
# nobody imports all of them
SCATTERED = DECLARATIVE | {
    "shop/orders/__init__.py": "",
    "shop/orders/tables.py": model("Order"),
    "shop/stock/items.py": model("Item", "from ..db import Base"),
}
SRC = {f"src/{path}": text for path, text in DECLARATIVE.items()} | {
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n'
}
NO_PACKAGE = {
    "backend/database.py": ENGINE,
    "backend/models.py": model("Customer", "from database import Base"),
    "backend/main.py": "import models\n",
    "frontend/package.json": "{}",
}
ONE_FILE = {
    "app.py": model("Customer", BASE) + '\nif __name__ == "__main__":\n'
    "    from sqlalchemy import create_engine\n"
    '    Base.metadata.create_all(create_engine("sqlite:///app.db"))\n',
}
ASYNC = {
    "shop/__init__.py": "",
    "shop/db.py": """\
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

engine = create_async_engine("sqlite+aiosqlite:///shop.db")
Session = async_sessionmaker(engine)


class Base(DeclarativeBase):
    pass
""",
    "shop/models.py": model("Customer"),
}
IMPERATIVE = {
    "shop/__init__.py": "",
    "shop/orm.py": """\
from sqlalchemy import Column, Integer, MetaData, String, Table
from sqlalchemy.orm import registry

from shop.domain import Customer

metadata = MetaData()
mapper_registry = registry(metadata=metadata)
customers = Table(
    "customers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(50), nullable=False),
)


def start_mappers():
    mapper_registry.map_imperatively(Customer, customers)
""",
    "shop/domain.py": "class Customer:\n    pass\n",
    "shop/config.py": """\
import os


def get_uri():
    host = os.environ.get("DB_HOST", "localhost")
    return f"sqlite:///{host}.db"
""",
    "shop/adapters.py": """\
from sqlalchemy import create_engine

from shop import config


def engine():
    return create_engine(config.get_uri())
""",
}
SQLMODEL = {
    "shop/__init__.py": "",
    "shop/db.py": 'from sqlmodel import create_engine\n\nengine = create_engine("sqlite:///shop.db")\n',
    "shop/models.py": """\
from sqlmodel import Field, SQLModel


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True)
""",
}
FLASK_FACTORY = {
    "shop/__init__.py": """\
from flask import Flask

from .extensions import db


def create_app(config=None):
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///shop.db"
    db.init_app(app)
    return app
""",
    "shop/extensions.py": "from flask_sqlalchemy import SQLAlchemy\n\ndb = SQLAlchemy()\n",
    "shop/models.py": """\
from .extensions import db


class Customer(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(50), nullable=False)
""",
    "run.py": "from shop import create_app\n\napp = create_app()\n",
}
FLASK_ONE_FILE = {
    "app.py": """\
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///todo.db"
db = SQLAlchemy(app)


class Todo(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    title = db.Column(db.String(100))


@app.route("/")
def home():
    return "todo"


if __name__ == "__main__":
    with app.app_context():
        db.create_all()
    app.run()
""",
}
SETTINGS = """\
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    DATABASE_URL: str
    SECRET_KEY: str


settings = Settings()
"""
PYDANTIC = {
    "shop/__init__.py": "",
    "shop/config.py": SETTINGS,
    "shop/db.py": """\
from sqlalchemy import create_engine
from sqlalchemy.orm import declarative_base

from .config import settings

engine = create_engine(settings.DATABASE_URL)
Base = declarative_base()
""",
    "shop/models.py": model("Customer"),
}
EXAMPLE_ENV = "DATABASE_URL=sqlite:///example.db\nSECRET_KEY=change-me\n"
ENVIRON = {
    "shop/__init__.py": "",
    "shop/db.py": """\
import os

from sqlalchemy import create_engine
from sqlalchemy.orm import declarative_base

engine = create_engine(os.environ["SHOP_DATABASE_URL"])
Base = declarative_base()
""",
    "shop/models.py": model("Customer"),
}
PASSWORD = {
    "shop/__init__.py": "",
    "shop/db.py": """\
from sqlalchemy import create_engine
from sqlalchemy.orm import declarative_base

engine = create_engine("postgresql+psycopg2://shop:hunter2@db.invalid/shop")
Base = declarative_base()
""",
    "shop/models.py": model("Customer"),
}
