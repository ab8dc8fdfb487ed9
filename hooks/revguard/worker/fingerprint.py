"""A canonical digest of everything in the metadata that can reach DDL.

Two trees with the same digest, the same env.py and the same history have the same drift, so the
second needs no database. All MetaData objects count that are alive at the first connection, for
env.py names its target only later.
"""

import hashlib
import weakref

_SIMPLE = (str, bytes, int, float, bool, type(None))


class MetadataRegistry:
    """Knows every MetaData that was made since install()."""

    def __init__(self):
        self._alive = weakref.WeakSet()

    def install(self):
        from sqlalchemy import MetaData

        original = MetaData.__init__
        alive = self._alive

        def init(metadata, *args, **kwargs):
            original(metadata, *args, **kwargs)
            alive.add(metadata)

        init.__wrapped__ = original
        MetaData.__init__ = init

    def digest(self, dialect, module_globals):
        """SHA-256 over all metadata, as this dialect sees them, and env.py's simple globals."""
        describe = _Describer(dialect)
        parts = sorted("\n".join(describe.metadata(item)) for item in list(self._alive))
        parts.extend(_simple_globals(module_globals))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _simple_globals(names):
    lines = []
    for name in sorted(names):
        value = names[name]
        if name.startswith("__"):
            continue
        if isinstance(value, _SIMPLE):
            lines.append("%s=%r" % (name, value))
        elif isinstance(value, (list, tuple, set, frozenset, dict)) and len(value) < 1000:
            items = value.items() if isinstance(value, dict) else value
            text = sorted(repr(item) for item in items)
            if not any(" at 0x" in item for item in text):
                lines.append("%s=%s" % (name, text))
    return lines


class _Describer:
    def __init__(self, dialect):
        self._dialect = dialect
        self._types = {}

    def metadata(self, metadata):
        yield "metadata %s %r" % (metadata.schema, sorted(map(repr, _naming(metadata))))
        for key in sorted(getattr(metadata, "_sequences", {})):
            yield "sequence %s %s" % (key, _attributes(metadata._sequences[key]))
        for key in sorted(metadata.tables):
            for line in self.table(metadata.tables[key]):
                yield line

    def table(self, table):
        yield "table %s %s comment=%r info=%s options=%s prefixes=%s" % (
            table.schema,
            table.name,
            getattr(table, "comment", None),
            _plain(table.info),
            _options(table),
            list(map(str, getattr(table, "_prefixes", ()))),
        )
        for column in table.columns:
            yield self.column(column)
        for text in sorted(self.constraint(item) for item in table.constraints):
            yield text
        for text in sorted(self.index(item) for item in table.indexes):
            yield text

    def column(self, column):
        default = column.default if getattr(column.default, "is_sequence", False) else None
        return (
            "column %s key=%s %s null=%s pk=%s auto=%s unique=%s index=%s sd=%s seq=%s c=%r i=%s %s"
            % (
                column.name,
                column.key,
                self.type(column.type),
                column.nullable,
                column.primary_key,
                column.autoincrement,
                column.unique,
                column.index,
                self.server_default(column.server_default),
                None if default is None else _attributes(default),
                getattr(column, "comment", None),
                _plain(column.info),
                _options(column),
            )
        )

    def type(self, type_):
        key = id(type_)
        if key not in self._types:
            self._types[key] = (type_, self._type(type_))  # kept alive, so that ids stay unique
        return self._types[key][1]

    def _type(self, type_):
        parts = [type(type_).__module__, type(type_).__qualname__, repr(type_)]
        for name in ("enums", "name", "schema", "native_enum", "create_constraint", "collation"):
            value = getattr(type_, name, None)
            if value is not None and not callable(value):
                parts.append("%s=%s" % (name, value))
        try:
            parts.append(type_.compile(dialect=self._dialect))
        except Exception as error:  # a type of another dialect: its repr is what there is
            parts.append(type(error).__name__)
        return " ".join(parts)

    def server_default(self, default):
        if default is None:
            return None
        text = getattr(default, "arg", None)
        if text is None:
            text = getattr(default, "sqltext", None)
        return "%s %s %s" % (type(default).__name__, self.sql(text), _attributes(default))

    def sql(self, element):
        if element is None or isinstance(element, str):
            return element
        try:
            compiled = element.compile(
                dialect=self._dialect, compile_kwargs={"literal_binds": True}
            )
        except Exception:
            compiled = element
        return str(compiled)

    def constraint(self, constraint):
        columns = [c.name for c in getattr(constraint, "columns", ())]
        references = [
            "%s %s %s" % (e.target_fullname, e.ondelete, e.onupdate)
            for e in getattr(constraint, "elements", ())
        ]
        return "constraint %s name=%s %s %s %s %s %s" % (
            type(constraint).__name__,
            constraint.name,
            columns,
            references,
            self.sql(getattr(constraint, "sqltext", None)),
            [
                getattr(constraint, name, None)
                for name in (
                    "deferrable",
                    "initially",
                    "ondelete",
                    "onupdate",
                    "match",
                    "use_alter",
                )
            ],
            _options(constraint) + str(getattr(constraint, "operators", "")),
        )

    def index(self, index):
        return "index %s unique=%s %s %s" % (
            index.name,
            index.unique,
            [self.sql(expression) for expression in index.expressions],
            _options(index, self.sql),
        )


def _naming(metadata):
    return (getattr(metadata, "naming_convention", None) or {}).items()


def _plain(info):
    return sorted("%s=%r" % (k, v) for k, v in dict(info or {}).items() if isinstance(v, _SIMPLE))


def _options(item, sql=str):
    options = getattr(item, "dialect_options", None)
    found = []
    for dialect in sorted(options or ()):
        arguments = options[dialect]
        for name in sorted(getattr(arguments, "_non_defaults", arguments)):
            value = arguments[name]
            found.append("%s_%s=%s" % (dialect, name, value if _is_text(value) else sql(value)))
    return str(found)


def _is_text(value):
    return isinstance(value, (str, bool, int, list, tuple, dict, type(None)))


def _attributes(item):
    return sorted(
        "%s=%r" % (name, value)
        for name, value in vars(item).items()
        if isinstance(value, _SIMPLE) and not name.startswith("_")
    )
