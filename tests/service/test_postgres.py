"""The same store on PostgreSQL, from the binaries that Debian installs."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from service.settings import Settings
from service.store import ledger, upgrade
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


def test_the_counter_works_on_it_as_on_sqlite(url, home, pack, open_client):
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


def test_a_server_that_does_not_answer_is_a_sentence():
    with pytest.raises(StoreNotReady) as caught:
        upgrade.upgrade("postgresql+psycopg://nobody@127.0.0.1:1/none", wait_s=2.0)
    assert caught.value.hint
