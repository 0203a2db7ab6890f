from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest

from service.api.security import read_keys
from service.store.tables import idempotency
from valuation.errors import SettingError

SECRET = "a-long-random-key"  # noqa: S105 - a key of this test


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text(f"# the yard\nyard sha256:{hashlib.sha256(SECRET.encode()).hexdigest()}  # since 2026\n\n", "utf-8")
    return path


@pytest.fixture
def guarded(open_client, settings, key_file):
    with open_client(
        replace(settings, api_keys=key_file), base_url="http://canzhi.example", address="10.1.2.3"
    ) as opened:
        yield opened


def _bearer(key):
    return {"authorization": f"Bearer {key}"}


def test_with_keys_an_unknown_caller_is_refused_with_a_hint(guarded):
    response = guarded.get("/v1/model")
    assert (response.status_code, response.json()["code"]) == (401, "no-valid-key")
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("key", ["", "wrong", SECRET + " x", SECRET.upper(), "é"])
def test_a_wrong_key_is_refused(guarded, key):
    assert guarded.get("/v1/model", headers={"authorization": f"Bearer {key}".encode()}).status_code == 401


def test_the_right_key_is_let_in_from_anywhere(guarded):
    assert guarded.get("/v1/model", headers=_bearer(SECRET)).status_code == 200


def test_the_name_of_the_key_is_in_the_ledger(guarded):
    sale = {"sale_id": "S1", "battery_code": "C-1", "sold_on": "2026-10-01", "price_cny": 1.0, "vat_included": True}
    assert guarded.post("/v1/sales", json={"sales": [sale]}, headers=_bearer(SECRET)).status_code == 201
    with guarded.app.state.refresher.service.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT recorded_by FROM ledger").scalar() == "yard"


def test_a_browser_may_give_the_key_as_a_password_on_pages_only(guarded):
    basic = {"authorization": "Basic " + base64.b64encode(f"anyone:{SECRET}".encode()).decode()}
    assert guarded.get("/metrics", headers=basic).status_code == 200
    assert guarded.get("/v1/model", headers=basic).status_code == 401
    asked = guarded.get("/metrics")
    assert asked.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_key(guarded, path):
    assert guarded.get(path).status_code == 200


def test_without_keys_another_machine_is_refused(open_client, settings):
    with open_client(settings, address="192.0.2.7") as opened:
        response = opened.get("/v1/model")
    assert (response.status_code, response.json()["code"]) == (403, "this-machine-only")


def test_without_keys_a_name_that_points_here_is_refused(open_client, settings):
    with open_client(settings, base_url="http://evil.example:8000") as opened:
        assert opened.get("/v1/model").status_code == 403


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8000", "http://localhost:9", "http://[::1]:8000"])
def test_without_keys_this_machine_is_served(open_client, settings, base_url):
    with open_client(settings, base_url=base_url) as opened:
        assert opened.get("/v1/model").status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999"])
def test_a_page_of_another_site_cannot_post(shared_client, pack, origin):
    response = shared_client.post("/v1/valuations", json={"trace": pack}, headers={"origin": origin})
    assert (response.status_code, response.json()["code"]) == (403, "foreign-origin")


def test_our_own_page_can_post(shared_client, pack):
    origin = {"origin": "http://127.0.0.1:8000"}
    assert shared_client.post("/v1/valuations", json={"trace": pack}, headers=origin).status_code == 200


@pytest.mark.parametrize("line", ["", "yard", "yard sha256:12", "yard md5:" + "0" * 64, "yard sha256:" + "G" * 64])
def test_a_bad_key_file_is_a_sentence(tmp_path, line):
    path = tmp_path / "keys.txt"
    path.write_text(line + "\n", "utf-8")
    with pytest.raises(SettingError) as caught:
        read_keys(path)
    assert caught.value.hint


def test_a_missing_key_file_is_a_sentence(tmp_path):
    with pytest.raises(SettingError, match="cannot be read"):
        read_keys(tmp_path / "none.txt")


def test_the_hash_of_an_empty_key_is_no_key(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text(f"yard sha256:{hashlib.sha256(b'').hexdigest()}\n", "utf-8")
    with pytest.raises(SettingError, match="empty key"):
        read_keys(path)


def test_a_name_that_the_store_cannot_keep_is_refused_at_the_start(tmp_path):
    path = tmp_path / "keys.txt"
    room = idempotency.c.caller.type.length
    for length in (room, room + 1):
        path.write_text(f"{'x' * length} sha256:{'0' * 64}\n", "utf-8")
        if length == room:
            assert read_keys(path)[0].name == "x" * room
            continue
        with pytest.raises(SettingError, match="81 characters"):
            read_keys(path)


@pytest.mark.parametrize("header", [{"origin": "http://["}, {"host": "["}, {"host": "[::1", "origin": "//["}])
def test_an_invalid_address_is_refused_without_an_internal_error(shared_client, pack, header):
    response = shared_client.post("/v1/valuations", json={"trace": pack}, headers=header)
    assert response.status_code == 403, response.text


@pytest.mark.parametrize("credentials", [b"Basic \xe9", b"Basic ====", b"Basic //79", b"Basic"])
def test_a_password_that_cannot_be_read_is_refused(guarded, credentials):
    assert guarded.get("/metrics", headers={"authorization": credentials}).status_code == 401
