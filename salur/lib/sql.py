"""Named statements: every statement over more than one row lives in its folder's ``queries.sql``.

A file is read once. Each statement starts with ``-- name: word``, followed by one comment line of purpose, and is called with
named parameters (``%(stage)s``)::

    queries = Queries(__file__)
    rows = queries.realisation(stage=7, as_of=now)          # list of named tuples

``Queries`` uses Django's connection, so statements join the transaction that is open. Parameters are bound on the server in
binary form, which is what makes arrays of a hundred payments cheap.

A statement may take in a part that another folder owns, on a line of its own: ``-- include: ledger.post`` stands for the text of
``post`` in ``ledger/queries.sql``. So one statement can pay and move the money, and each folder's SQL still lives in its own file.
"""

import re
from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from django.db import connection

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
_INCLUDE = re.compile(r"^\s*-- include: ([\w/]+)\.(\w+)\s*$", re.MULTILINE)
_PACKAGE = Path(__file__).resolve().parent.parent


def read_statements(path: Path) -> dict[str, str]:
    """The statements of one ``queries.sql`` by name, with what they take in; a name given twice is a bug."""
    return {name: _INCLUDE.sub(_included, text) for name, text in _written(path).items()}


def _included(line: re.Match[str]) -> str:
    folder, name = line.groups()
    return _written(_PACKAGE / folder / "queries.sql")[name]


def _written(path: Path) -> dict[str, str]:
    """The statements as they are written in the file."""
    parts = _NAME.split(path.read_text(encoding="utf-8"))
    statements: dict[str, str] = {}
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        assert name not in statements, f"{path}: {name} is named twice"
        assert text.lstrip().startswith("--"), f"{path}: {name} lacks its line of purpose"
        statements[name] = text.strip().rstrip(";")
    return statements


@contextmanager
def server_cursor() -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """A psycopg cursor on Django's connection that binds on the server and speaks binary."""
    connection.ensure_connection()
    raw: psycopg.Connection[tuple[Any, ...]] = connection.connection
    with psycopg.Cursor(raw) as cursor:
        yield cursor


class Queries:
    """The statements of one folder as methods; see the module's docstring."""

    def __init__(self, module_file: str) -> None:
        self.path = Path(module_file).with_name("queries.sql")
        self.statements = read_statements(self.path)
        self._rows: dict[tuple[str, ...], type[Any]] = {}

    def __getattr__(self, name: str) -> Callable[..., list[Any]]:
        if name.startswith("__") or name not in self.statements:
            raise AttributeError(f"{self.path} has no statement named {name}")
        return lambda **parameters: self.run(name, **parameters)

    def run(self, name: str, *, table: str | None = None, **parameters: Any) -> list[Any]:
        """Run one statement; its rows as named tuples, or an empty list for a statement that returns none.

        ``table`` stands where the statement says ``{lines}``, for tables that are made while the system runs.
        """
        statement = self.statements[name] if table is None else self.statements[name].replace("{lines}", table)
        with connection.wrap_database_errors, server_cursor() as cursor:
            cursor.execute(statement, parameters or None, binary=True)
            if cursor.description is None:
                return []
            row = self._row(tuple(column.name for column in cursor.description))
            return [row(*values) for values in cursor.fetchall()]

    def one(self, name: str, **parameters: Any) -> Any:
        """Run one statement that answers exactly one row."""
        (row,) = self.run(name, **parameters)
        return row

    def _row(self, columns: tuple[str, ...]) -> type[Any]:
        if columns not in self._rows:
            self._rows[columns] = namedtuple("Row", columns)  # noqa: PYI024
        return self._rows[columns]


class Recount(NamedTuple):
    """One invariant recounted from the facts: what `salur verify` prints."""

    name: str
    checked: int
    broken: int
    examples: Sequence[str]

    @property
    def ok(self) -> bool:
        return self.broken == 0
