"""Migrates the tables of a store to this version, one process at a time; refuses newer stores."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection, column, inspect, make_url, select, table, text

from service.store.database import Database
from valuation.errors import StoreNotReady

REVISION = "0004"
"""Newest revision in `service/store/migrations/versions` (a test compares)."""

STEP_TABLE = "canzhi_step"
"""Table of the current revision; it differs from Alembic's default because MLflow may use the same database."""
_OLD_STEP_TABLE = "alembic_version"  # table of the revision in early stores


def upgrade(url: str, *, wait_s: float = 10.0) -> None:
    """Create or migrate the tables of a store.

    Raises
    ------
    StoreNotReady
        If the store cannot be reached, or was made by a newer version.
    """
    database = Database(url, wait_s=wait_s)
    try:
        file = make_url(url).database if database.is_sqlite else None
        if file is not None and not Path(file).exists():
            make_folder(Path(file).parent)
        with database.reading() as connection:
            if revision(connection) == REVISION and inspect(connection).has_table(STEP_TABLE):
                return
        with _locked(file), database.writing() as connection:
            _run_steps(connection)
    finally:
        database.close()


def check_store_exists(url: str) -> None:
    """Refuse a SQLite store whose file is missing, because an empty new one would split the records.

    Raises
    ------
    StoreNotReady
        If the file is missing.
    """
    address = make_url(url)
    file = address.database if address.get_backend_name() == "sqlite" else None
    if file and file != ":memory:" and not Path(file).exists():
        raise StoreNotReady("store.file_gone", file=file)


def revision(connection: Connection) -> str | None:
    """Return the revision of the store, None for an empty one."""
    inspector = inspect(connection)
    if inspector.has_table(STEP_TABLE):
        kept_in = STEP_TABLE
    elif inspector.has_table("ledger") and inspector.has_table(_OLD_STEP_TABLE):
        kept_in = _OLD_STEP_TABLE
    else:
        return None
    return connection.execute(select(column("version_num")).select_from(table(kept_in))).scalar()


def _run_steps(connection: Connection) -> None:
    found, moved = revision(connection), inspect(connection).has_table(STEP_TABLE)
    if found == REVISION and moved:  # another process was faster
        return
    if found is not None and found > REVISION:
        raise StoreNotReady("store.newer", found=found, known=REVISION)
    # Importing Alembic is slow, and most starts do not need it.
    from alembic import command, config  # noqa: PLC0415 - see above

    logging.getLogger("alembic").setLevel(logging.WARNING)
    configuration = config.Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    if found is not None and not moved:
        connection.execute(text(f"DROP TABLE {_OLD_STEP_TABLE}"))
        command.stamp(configuration, found)
    command.upgrade(configuration, REVISION)


def make_folder(folder: Path) -> None:
    """Create a folder for local state, private to the user.

    Raises
    ------
    StoreNotReady
        If it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as reason:
        raise StoreNotReady("store.folder", folder=folder, reason=reason.strerror) from reason


@contextmanager
def _locked(file: str | None) -> Iterator[None]:
    """Hold an exclusive file lock for a SQLite store; PostgreSQL has its own lock."""
    if file is None:
        with nullcontext():
            yield
        return
    with Path(file + ".lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
