"""Database connections: SQLite (write-ahead log, synchronous commits) or PostgreSQL."""

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
LEDGER_LOCK = 0x63616E7A  # "canz": PostgreSQL lock shared by all writers of the ledger


class Database:
    """Read-only connections, and write transactions that run one after another."""

    def __init__(self, url: str, *, wait_s: float = 10.0) -> None:
        self.url = url
        try:
            self._engine = _engine(url, wait_s)
        except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as reason:
            raise StoreNotReady("store.address", reason=type(reason).__name__) from reason
        self._closed = False
        weakref.finalize(self, self._engine.dispose)  # closes the connections of a forgotten instance

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is a SQLite file."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one consistent state of the store."""
        with _translate_errors(), self._dispose_if_closed(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection for one write transaction; writers of the ledger are serialised."""
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
        """Close all connections; those in use by other threads are closed when they are returned."""
        self._closed = True
        self._engine.dispose()

    @contextmanager
    def _dispose_if_closed(self) -> Iterator[None]:
        """Dispose of returned connections if the store was closed meanwhile."""
        pool = self._engine.pool
        try:
            yield
        finally:
            if self._closed:
                pool.dispose()


def insert_rows(
    connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    """Insert rows whose values are in the order of the columns.

    The compiled statement is cached, and the driver gets the rows directly, because SQLAlchemy's own insert of many
    rows costs more than the database.
    """
    if not rows:
        return
    words, by_place = _insert_statement(connection.dialect, table, names)
    given: Any = rows if by_place else [dict(zip(names, row, strict=True)) for row in rows]
    connection.exec_driver_sql(words, given)


@lru_cache
def _insert_statement(dialect: Dialect, table: Table, names: tuple[str, ...]) -> tuple[str, bool]:
    """Return the INSERT statement, and whether its parameters are positional."""
    compiled = insert(table).compile(dialect=dialect, column_keys=names)
    places = getattr(compiled, "positiontup", None)
    if places is not None and tuple(places) != names:
        raise AssertionError("values must be given in the order of the columns")
    return str(compiled), places is not None


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Convert database errors to :class:`StoreNotReady`."""
    try:
        yield
    except DBAPIError as reason:
        raise StoreNotReady("store.unusable", reason=_first_line(reason.orig)) from reason


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


def _prepare(connection: sqlite3.Connection, record: Any) -> None:  # noqa: ANN401 - type of SQLAlchemy's pool
    """Configure a new SQLite connection: durable commits, manual transactions."""
    record.info[_FILE] = _file_of(connection)
    connection.isolation_level = None
    # A checkpoint every 16 MB: pages that many valuations change are written once.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=4000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _check_same_file(connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:  # noqa: ANN401 - as above
    """Discard a pooled connection whose file was deleted or replaced."""
    if record.info[_FILE] != _file_of(connection):
        raise DisconnectionError("the file of the store is another one now")


def _file_of(connection: sqlite3.Connection) -> tuple[int, int] | None:
    """Return device and inode of the store's file; None in memory, or if it is missing."""
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def _begin(connection: Connection) -> None:
    """Start a transaction; a writer locks immediately, which avoids deadlocks."""
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
