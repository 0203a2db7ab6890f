"""Connections to the database: SQLite (one file, write-ahead log, commits on disk) or PostgreSQL, same statements."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, Table, create_engine, event, insert, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError

from valuation.errors import StoreNotReady

_WRITING = "canzhi_writing"
_FILE = "canzhi_file"
LEDGER_LOCK = 0x63616E7A  # "canz": every writer of this ledger takes the same PostgreSQL lock


class Database:
    """Connections to the store: read-only ones, and writing ones that follow one another."""

    def __init__(self, url: str, *, wait_s: float = 10.0) -> None:
        self.url = url
        try:
            self._engine = _engine(url, wait_s)
        except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as reason:
            raise StoreNotReady(
                f"the database address cannot be used ({type(reason).__name__})",
                hint="set CANZHI_DATABASE_URL to sqlite:////path/to/file or postgresql+psycopg://user@host/database",
            ) from reason
        self._closed = False
        weakref.finalize(self, self._engine.dispose)  # whoever forgets it, forgets its connections too

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is one SQLite file."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the store."""
        with _translate_errors(), self._dispose_if_closed(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection for one transaction; writers of the ledger follow one another, all or nothing is kept."""
        with (
            _translate_errors(),
            self._dispose_if_closed(),
            self._engine.connect().execution_options(**{_WRITING: True}) as connection,
            connection.begin(),
        ):
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LEDGER_LOCK})
            yield connection

    def close(self) -> None:
        """Close every connection; one that another thread still uses is closed when that thread has done."""
        self._closed = True
        self._engine.dispose()

    @contextmanager
    def _dispose_if_closed(self) -> Iterator[None]:
        """Close what the block gives back to the pool, if the store was closed meanwhile."""
        pool = self._engine.pool
        try:
            yield
        finally:
            if self._closed:
                pool.dispose()


def insert_rows(
    connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    """Insert rows, their values in the order of these columns and as the driver takes them.

    The statement is worded once for each table and kind of database, and the driver is handed the rows as they are: for
    many rows SQLAlchemy's own way costs more than the database does.
    """
    if not rows:
        return
    words, by_place = _insert_statement(connection.dialect, table, names)
    given: Any = rows if by_place else [dict(zip(names, row, strict=True)) for row in rows]
    connection.exec_driver_sql(words, given)


@lru_cache
def _insert_statement(dialect: Dialect, table: Table, names: tuple[str, ...]) -> tuple[str, bool]:
    """Return the statement that inserts a row, and whether its values are told by their place, in the order given."""
    compiled = insert(table).compile(dialect=dialect, column_keys=names)
    places = getattr(compiled, "positiontup", None)
    if places is not None and tuple(places) != names:
        raise AssertionError("values must be given in the order of the columns")
    return str(compiled), places is not None


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Say in a sentence what the database driver says in a traceback."""
    try:
        yield
    except DBAPIError as reason:
        raise StoreNotReady(
            f"the store cannot be used: {_first_line(reason.orig)}",
            hint="see that the folder exists, is writable and has room, or that the database server answers",
        ) from reason


def _first_line(reason: object) -> str:
    lines = str(reason).strip().splitlines()
    return lines[0] if lines else type(reason).__name__


def _engine(url: str, wait_s: float) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        patience = f"-c lock_timeout={int(wait_s * 1000)} -c statement_timeout={int(wait_s * 3000)}"
        arguments = {"connect_timeout": max(2, int(wait_s)), "options": patience}
        return create_engine(url, pool_pre_ping=True, pool_timeout=wait_s, connect_args=arguments)
    engine = create_engine(url, connect_args={"timeout": wait_s})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "checkout", _check_same_file)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own pool record
    """Make a fresh SQLite connection durable, and leave transactions to us."""
    record.info[_FILE] = _file_of(connection)
    connection.isolation_level = None
    # The log is folded into the file every 16 MB: pages that many valuations touch are then written there once.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=4000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _check_same_file(connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:  # noqa: ANN401 - as above
    """Give up a connection whose file was deleted or replaced: what is written to it would be kept nowhere."""
    if record.info[_FILE] != _file_of(connection):
        raise DisconnectionError("the file of the store is another one now")


def _file_of(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """Return which file the store's path leads to; None for a store in memory, or where there is none."""
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def _begin(connection: Connection) -> None:
    """Begin: a writer takes its turn at once, so that no reader is upgraded into a deadlock."""
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
