from __future__ import annotations

import json
import multiprocessing
import sqlite3
import threading
import zlib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import column, inspect, select, table, text, update

from models import clock
from service import valuation_service
from service.settings import Settings
from service.store import anchors, ledger, packs, upgrade
from service.store.database import Database
from service.store.idempotency import Outcome, make_idempotency_key, run_once
from service.store.tables import ledger as ledger_table
from service.store.tables import metadata
from valuation.errors import FieldError, IdempotencyConflict, StoreNotReady, UnknownPack


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'deep' / 'store.sqlite'}"


@pytest.fixture
def database(url: str):
    upgrade.upgrade(url)
    opened = Database(url)
    yield opened
    opened.close()


def test_moments_of_the_ledger_never_run_backwards(database, monkeypatch):
    """A clock that is set back does not change past days."""
    moments = iter(datetime(2026, 11, day, tzinfo=UTC) for day in (20, 18, 21))
    monkeypatch.setattr(clock, "moment", lambda: next(moments))
    for number in range(3):
        with database.writing() as connection:
            ledger.append(connection, [_sale(number)], recorded_by="test")
    with database.reading() as connection:
        recorded = [row.recorded_at[:10] for row in connection.execute(select(ledger_table).order_by("sequence"))]
        assert recorded == ["2026-11-20", "2026-11-20", "2026-11-21"]
        assert list(ledger.broken_entries(connection)) == []


def _sale(number: int) -> ledger.Entry:
    return ledger.Entry(kind="sale", subject=f"S{number}", payload=b'{"n":%d}' % number)


def test_the_migrations_build_the_tables_of_the_code(database):
    with database.writing() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "version_table": upgrade.STEP_TABLE}
        )
        assert compare_metadata(context, metadata) == []


def test_the_revision_of_the_code_is_the_newest_step():
    folder = Path(upgrade.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == upgrade.REVISION


def test_a_second_upgrade_does_nothing(url, database):
    with database.writing() as connection:
        ledger.append(connection, [_sale(1)], recorded_by="test")
    upgrade.upgrade(url)
    with database.reading() as connection:
        assert ledger.count(connection, "sale") == 1


def test_upgrades_at_the_same_time_do_not_collide(url):
    with multiprocessing.get_context("spawn").Pool(3) as workers:
        workers.map(upgrade.upgrade, [url] * 6)
    opened = Database(url)
    with opened.reading() as connection:
        assert upgrade.revision(connection) == upgrade.REVISION
        assert set(metadata.tables) <= set(inspect(connection).get_table_names())
    opened.close()


def test_a_store_of_a_newer_version_is_left_alone(url, database):
    with database.writing() as connection:
        connection.execute(text("UPDATE canzhi_step SET version_num = '9999'"))
    with pytest.raises(StoreNotReady, match="newer canzhi"):
        upgrade.upgrade(url)


def back_to(connection, step: str) -> None:
    """Migrate a store back to an earlier revision, with the revision table of early stores."""
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(upgrade.__file__).parent / "migrations"))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    command.downgrade(configuration, step)


@pytest.mark.parametrize("step", ["0001", "0002"])
def test_a_store_of_the_first_version_is_migrated_with_its_data(url, database, step):
    with database.writing() as connection:
        ledger.append(connection, [_sale(1)], recorded_by="test")
        back_to(connection, step)
        connection.execute(text("DROP TABLE canzhi_step"))
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:step)"), {"step": step})
    upgrade.upgrade(url)
    with database.reading() as connection:
        assert upgrade.revision(connection) == upgrade.REVISION
        assert set(metadata.tables) | {"canzhi_step"} == set(inspect(connection).get_table_names())
        assert ledger.count(connection, "sale") == 1


def test_anchors_kept_before_they_had_a_day_are_found_by_the_valuations_that_name_them(url, database):
    with database.writing() as connection:
        back_to(connection, "0002")
        old = {"model_digest": "m", "sale_sequence": 7, "digest": "d", "market_digest": "q", "created_at": "2026"}
        words = "INSERT INTO anchors (model_digest, sale_sequence, digest, market_digest, summary, content, created_at)"
        places = " VALUES (:model_digest, :sale_sequence, :digest, :market_digest, :summary, :content, :created_at)"
        summary = b'{"used":["S1"],"left_out":{},"as_of":"2026-10-01","moved":null}'
        connection.execute(text(words + places), old | {"summary": summary, "content": zlib.compress(b"band")})
    upgrade.upgrade(url)
    key = anchors.AnchorKey(model_digest="m", as_of="2026-10-01", sale_sequence=7, market_digest="q")
    with database.reading() as connection:
        kept = anchors.find_by_digest(connection, "d")
        assert (kept.as_of, kept.sale_sequence, kept.content) == ("", 7, b"band")
        assert anchors.find(connection, key) is None


def test_valuations_stored_before_the_channel_was_called_so_are_read(url, database):
    def insert(connection, table_name: str, **given: str) -> None:
        row = {one.name: one.type.python_type() for one in metadata.tables[table_name].columns} | given
        row.pop("channel", None)
        columns = [column(name) for name in row]
        connection.execute(table(table_name, *columns).insert().values(row))

    with database.writing() as connection:
        back_to(connection, "0003")
        insert(connection, "markets")
        insert(connection, "valuations", door="page")
    upgrade.upgrade(url)
    with database.reading() as connection:
        assert connection.execute(text("SELECT channel FROM valuations")).scalars().all() == ["page"]


def test_somebody_elses_steps_in_the_same_database_are_left_alone(url, database):
    with database.writing() as connection:
        for name in [*metadata.tables, "canzhi_step"]:
            connection.execute(text(f"DROP TABLE {name}"))
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('1bd49d398cd23')"))
    upgrade.upgrade(url)
    with database.reading() as connection:
        assert upgrade.revision(connection) == upgrade.REVISION
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "1bd49d398cd23"


@pytest.mark.parametrize("address", ["nonsense", "oracle9://x", "sqlite:////proc/no/such/file.sqlite"])
def test_an_invalid_address_gives_a_message(address):
    with pytest.raises(StoreNotReady) as caught:
        upgrade.upgrade(address)
    assert caught.value.hint


def test_a_file_that_is_no_database_is_a_sentence(tmp_path):
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"this is no database, but it is long enough to be mistaken for one" * 20)
    with pytest.raises(StoreNotReady, match="not a database"):
        upgrade.upgrade(f"sqlite:///{path}")


def test_every_commit_is_on_disk_before_it_is_answered(database):
    with database.reading() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_the_ledger_is_a_chain(database):
    with database.writing() as connection:
        first = ledger.append(connection, [_sale(1), _sale(2)], recorded_by="a")
    with database.writing() as connection:
        second = ledger.append(connection, [_sale(3)], recorded_by="b")
    with database.reading() as connection:
        assert ledger.head(connection) == (3, second)
        assert first != second
        assert list(ledger.broken_entries(connection)) == []


@pytest.mark.parametrize(
    "change", [{"payload": b"{}"}, {"subject": "S9"}, {"recorded_by": "x"}, {"recorded_at": "1999"}, {"kind": "event"}]
)
def test_a_changed_entry_is_found(database, change):
    with database.writing() as connection:
        ledger.append(connection, [_sale(number) for number in range(1, 6)], recorded_by="a")
        connection.execute(update(ledger_table).where(ledger_table.c.sequence == 3).values(change))
    with database.reading() as connection:
        assert list(ledger.broken_entries(connection)) == [3]


def test_a_removed_entry_is_found(database):
    with database.writing() as connection:
        ledger.append(connection, [_sale(number) for number in range(1, 6)], recorded_by="a")
        connection.execute(ledger_table.delete().where(ledger_table.c.sequence == 3))
    with database.reading() as connection:
        assert list(ledger.broken_entries(connection)) == [4]


def test_concurrent_writers_lose_nothing(database):
    def write(start: int) -> None:
        for number in range(start, start + 10):
            with database.writing() as connection:
                ledger.append(connection, [_sale(number)], recorded_by="thread")

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as connection:
        assert ledger.head(connection)[0] == 40
        assert list(ledger.broken_entries(connection)) == []


def test_a_repeated_request_is_done_once(database):
    done = []
    request_key = make_idempotency_key("me", "key", "POST", "/v1/x", b"body")

    def work(_connection) -> Outcome:
        done.append(1)
        return Outcome(status=201, body=b"first")

    first, second = run_once(database, request_key, work), run_once(database, request_key, work)
    assert (first.body, first.replayed) == (b"first", False)
    assert (second.status, second.body, second.replayed) == (201, b"first", True)
    assert len(done) == 1


@pytest.mark.parametrize("other", [("POST", "/v1/x", b"other"), ("PUT", "/v1/x", b"body"), ("POST", "/v1/y", b"body")])
def test_a_key_with_another_request_is_refused(database, other):
    first = make_idempotency_key("me", "key", "POST", "/v1/x", b"body")
    run_once(database, first, lambda _: Outcome(status=200, body=b""))
    with pytest.raises(IdempotencyConflict):
        run_once(database, make_idempotency_key("me", "key", *other), lambda _: Outcome(status=200, body=b""))


def test_idempotency_keys_are_separate_per_caller(database):
    for caller in ("me", "you"):
        key = make_idempotency_key(caller, "k", "POST", "/", caller.encode())
        outcome = run_once(database, key, lambda _: Outcome(status=200, body=b"x"))
        assert not outcome.replayed


def test_failed_work_leaves_nothing_behind(database):
    request_key = make_idempotency_key("me", "key", "POST", "/", b"")

    def work(connection) -> Outcome:
        ledger.append(connection, [_sale(1)], recorded_by="a")
        raise FieldError("record.not_finite")

    with pytest.raises(FieldError):
        run_once(database, request_key, work)
    assert not run_once(database, request_key, lambda _: Outcome(status=200, body=b"")).replayed
    with database.reading() as connection:
        assert ledger.count(connection, "sale") == 0


def test_a_history_is_put_together_from_reports(database, set_clock):
    sold, used = b'{"type":"sold","reported_on":"2024-01-02"}', b'{"type":"usage","reported_on":"2024-01-03"}'
    with database.writing() as connection:
        set_clock(date(2024, 2, 1))
        packs.append_report(connection, "C1", b'{"chemistry":"LFP","mass_kg":1}', [sold], recorded_by="a")
        set_clock(date(2024, 3, 1))
        packs.append_report(connection, "C1", b'{"mass_kg":2}', [used], recorded_by="b")
        packs.append_report(connection, "C2", None, [b'{"type":"retired"}'], recorded_by="b")
        found = packs.find(connection, "C1")
    assert found.record == (
        b'{"battery_code":"C1","chemistry":"LFP","mass_kg":2,"events":['
        b'{"type":"sold","reported_on":"2024-01-02","recorded_on":"2024-02-01"},'
        b'{"type":"usage","reported_on":"2024-01-03","recorded_on":"2024-03-01"}]}'
    )
    assert (found.reports, found.events) == (4, 2)


def test_a_nameplate_is_the_one_recorded_by_the_day(database, set_clock):
    plates = {date(2024, 2, 1): 1, date(2024, 3, 1): 2, date(2024, 4, 1): 3}
    with database.writing() as connection:
        for day, mass in plates.items():
            set_clock(day)
            packs.append_report(connection, "C1", b'{"chemistry":"LFP","mass_kg":%d}' % mass, [], recorded_by="a")
        first, second, last, newest = (
            json.loads(packs.find(connection, "C1", as_of=day).record)
            for day in (date(2024, 2, 29), date(2024, 3, 1), date(2024, 4, 1), None)
        )
        with pytest.raises(UnknownPack, match="2024-02-01"):  # the code names no chemistry, and nothing else did
            packs.find(connection, "C1", as_of=date(2024, 1, 31))
    assert (first["mass_kg"], first["superseded_on"]) == (1, "2024-03-01")
    assert (second["mass_kg"], second["superseded_on"]) == (2, "2024-04-01")
    assert last == newest == {"battery_code": "C1", "chemistry": "LFP", "mass_kg": 3, "events": []}


def test_an_event_is_recorded_on_the_day_of_china(database, set_clock):
    with database.writing() as connection:
        set_clock(date(2024, 2, 1), hour=1)  # still January in UTC
        packs.append_report(connection, "C1", None, [b'{"type":"sold"}'], recorded_by="a")
        (event,) = json.loads(packs.find(connection, "C1").record)["events"]
    assert event == {"type": "sold", "reported_on": "2024-02-01", "recorded_on": "2024-02-01"}


def test_recording_times_come_only_from_the_ledger(database, set_clock):
    claimed = (
        '{"type":"sold","reported_on":"2020-01-02","recorded_on":"2020-01-02","平台入库日期":"2020-01-02"}'.encode()
    )
    with database.writing() as connection:
        set_clock(date(2024, 2, 1))
        packs.append_report(connection, "C1", b'{"superseded_on":"2020-01-01"}', [claimed], recorded_by="a")
        record = json.loads(packs.find(connection, "C1").record)
    assert record["events"] == [{"type": "sold", "reported_on": "2020-01-02", "recorded_on": "2024-02-01"}]
    assert "superseded_on" not in record


def test_an_unknown_pack_is_a_sentence(database):
    with database.reading() as connection, pytest.raises(UnknownPack, match="C9"):
        packs.find(connection, "C9")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_write_to_a_removed_file_is_not_confirmed(tmp_path, url, database, replaced):
    with database.writing() as connection:
        ledger.append(connection, [_sale(1)], recorded_by="test")
    file = tmp_path / "deep" / "store.sqlite"
    for part in file.parent.glob("store.sqlite*"):
        part.unlink()
    if replaced:
        upgrade.upgrade(url)
        with database.reading() as connection:
            assert ledger.count(connection, "sale") == 0  # the store that is there now speaks, not the lost one
        return
    with pytest.raises(StoreNotReady, match="no such table"), database.writing() as connection:
        ledger.append(connection, [_sale(2)], recorded_by="test")


def test_a_connection_in_use_while_the_store_closes_is_closed_after_its_use(url):
    upgrade.upgrade(url)
    database, in_use, closed, raw = Database(url), threading.Event(), threading.Event(), []

    def read():
        with database.reading() as connection:
            raw.append(connection.connection.dbapi_connection)
            in_use.set()
            closed.wait()

    reader = threading.Thread(target=read)
    reader.start()
    in_use.wait()
    database.close()
    raw[0].execute("SELECT 1").close()
    closed.set()
    reader.join()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        raw[0].execute("SELECT 1")


@pytest.mark.parametrize("fault", [StoreNotReady("file.no_record"), KeyboardInterrupt()])
def test_a_service_that_cannot_be_opened_closes_its_store(home, monkeypatch, fault):
    def fail(*_):
        raise fault

    monkeypatch.setattr(valuation_service, "find_model", fail)
    with pytest.raises(type(fault)):
        valuation_service.open_valuation_service(Settings(home=home))
