"""Bring a store to the tables of this version, one program at a time; a store of a newer version is left alone."""

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
"""The newest step in `service/store/migrations/versions` (a test compares)."""

STEP_TABLE = "canzhi_step"
"""Where the store keeps its step: a name of its own, for MLflow may live in the same database and uses Alembic too."""
_OLD_STEP_TABLE = "alembic_version"  # where stores of the first days kept it


def upgrade(url: str, *, wait_s: float = 10.0) -> None:
    """Make or change the store's tables so that this version can use it.

    Raises
    ------
    StoreNotReady
        If the store cannot be reached or was made by a newer version.
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
    """Refuse to go on with a SQLite store that has gone away: a new, empty one in its place would divide the records.

    Raises
    ------
    StoreNotReady
        If the file is not there.
    """
    address = make_url(url)
    file = address.database if address.get_backend_name() == "sqlite" else None
    if file and file != ":memory:" and not Path(file).exists():
        raise StoreNotReady(
            f"the store {file} has gone away",
            hint="bring the file back, or stop the service and start it again to begin with an empty store",
        )


def revision(connection: Connection) -> str | None:
    """Return the step the store is at, None for an empty one."""
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
    if found == REVISION and moved:  # another program was faster
        return
    if found is not None and found > REVISION:
        raise StoreNotReady(
            f"the store was made by a newer canzhi (step {found}, this version knows {REVISION})",
            hint="start the newer version, or name another store in CANZHI_DATABASE_URL",
        )
    # Alembic takes longer to import than a valuation takes in all; most starts do not need it.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    logging.getLogger("alembic").setLevel(logging.WARNING)
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    if found is not None and not moved:
        connection.execute(text(f"DROP TABLE {_OLD_STEP_TABLE}"))
        command.stamp(configuration, found)
    command.upgrade(configuration, REVISION)


def make_folder(folder: Path) -> None:
    """Make a folder for local state, closed to others.

    Raises
    ------
    StoreNotReady
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as reason:
        raise StoreNotReady(
            f"the folder {folder} cannot be made: {reason.strerror}",
            hint="set CANZHI_HOME to a folder that you may write to",
        ) from reason


@contextmanager
def _locked(file: str | None) -> Iterator[None]:
    """Let one program at a time change a SQLite store; PostgreSQL has its own lock."""
    if file is None:
        with nullcontext():
            yield
        return
    with Path(file + ".lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
