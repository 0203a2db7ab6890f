"""The store on PostgreSQL, with the binaries of Debian."""

from __future__ import annotations

import threading
import zlib
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import text

from service.settings import Settings
from service.store import anchors, ledger, upgrade
from service.store.database import Database
from service.store.tables import metadata
from valuation.errors import StoreNotReady

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(server_url):
    """An empty database."""
    database = Database(server_url)
    with database.writing() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    database.close()
    return server_url


def test_the_migrations_build_the_tables_of_the_code(url):
    upgrade.upgrade(url)
    upgrade.upgrade(url)
    database = Database(url)
    with database.writing() as connection:
        ours = {
            "version_table": upgrade.STEP_TABLE,
            "include_name": lambda name, kind, _: kind != "table" or name in metadata.tables,
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=ours), metadata) == []
    database.close()


def test_upgrades_at_the_same_time_do_not_collide(url):
    errors = []

    def work() -> None:
        try:
            upgrade.upgrade(url)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)

    _at_once([work] * 4)
    assert errors == []


def test_writers_at_the_same_time_make_one_chain(url):
    upgrade.upgrade(url)
    database = Database(url)

    def work() -> None:
        for number in range(20):
            with database.writing() as connection:
                entry = ledger.Entry(kind="sale", subject=f"S{number}", payload=b"{}")
                ledger.append(connection, [entry], recorded_by="test")

    _at_once([work] * 4)
    with database.reading() as connection:
        assert ledger.head(connection)[0] == 80
        assert list(ledger.broken_entries(connection)) == []
    database.close()


def _at_once(works) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_service_works_as_on_sqlite(url, home, pack, open_client):
    code, key = pack["battery_code"], {"idempotency-key": "k"}
    with open_client(Settings(home=home, database_url=url)) as client:
        assert client.get("/readyz").status_code == 200
        first = client.post("/v1/valuations", json={"trace": pack, "as_of": "2026-11-20"}, headers=key)
        assert first.status_code == 200, first.text
        again = client.post("/v1/valuations", json={"trace": pack, "as_of": "2026-11-20"}, headers=key)
        assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
        kept = client.get(f"/v1/valuations/{first.json()['valuation_id']}")
        assert kept.content == first.content
        report = client.post(f"/v1/packs/{code}/events", json={"events": pack["events"]})
        assert report.status_code == 201, report.text
        assert client.get(f"/v1/packs/{code}").json()["events"] == len(pack["events"])
        assert client.post("/v1/valuations", json={"battery_code": code}).status_code == 200


def test_sales_and_their_steps_work_on_it_as_on_sqlite(url, open_champion, pack, sold, day):

    def value(client, as_of):
        return client.post("/v1/valuations", json={"trace": pack, "as_of": as_of}).json()["residual_value"]

    with open_champion(database_url=url) as client:
        sold.know(client, range(4))
        before = value(client, "2026-11-19")
        sold.report(client, sold.sale(0), sold.sale(1), sold.sale(2, 9000.0))
        assert sold.step(client, 1, "void")["state"] == "voided"
        day("2026-11-22")
        assert sold.step(client, 2, "confirm")["state"] == "confirmed"
        sold.report(client, sold.sale(3, battery_code=sold.code(2), corrects="S2"))
        listed = client.get("/v1/sales").json()["sales"]
        today = value(client, "2026-11-22")
    assert [one["state"] for one in listed] == ["accepted", "voided", "corrected", "accepted"]
    with open_champion(database_url=url) as client:
        assert client.get("/v1/model").json()["anchor_sales"] == 2
        assert value(client, "2026-11-19") == before
        assert value(client, "2026-11-22") == today
    database = Database(url)
    with database.reading() as connection:
        assert list(ledger.broken_entries(connection)) == []
    database.close()


def test_anchors_kept_before_they_had_a_day_stay_on_it(url):
    upgrade.upgrade(url)
    database = Database(url)
    with database.writing() as connection:
        configuration = Config()
        configuration.set_main_option("script_location", str(Path(upgrade.__file__).parent / "migrations"))
        configuration.set_main_option("path_separator", "os")
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "0002")
        words = (
            "INSERT INTO anchors (model_digest, sale_sequence, digest, market_digest, summary, content, created_at)"
            " VALUES ('m', 7, 'd', 'q', '{}'::bytea, :content, '2026')"
        )
        connection.execute(text(words), {"content": zlib.compress(b"band")})
    upgrade.upgrade(url)
    with database.reading() as connection:
        kept = anchors.find_by_digest(connection, "d")
        assert (kept.as_of, kept.sale_sequence, kept.content) == ("", 7, b"band")
    database.close()


def test_a_server_that_does_not_answer_is_a_sentence():
    with pytest.raises(StoreNotReady) as caught:
        upgrade.upgrade("postgresql+psycopg://nobody@127.0.0.1:1/none", wait_s=2.0)
    assert caught.value.hint
