"""Sales far outside their band are held until confirmed; wrong sales are voided or corrected."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest
from httpx2 import get, post

from service import cli
from service.settings import Settings
from service.store import ledger

AS_OF = "2026-11-20"

pytestmark = pytest.mark.usefixtures("day")


@pytest.fixture
def client(champion_home, open_client, sold):
    with open_client(Settings(home=champion_home)) as client:
        sold.know(client, range(40))
        yield client


def ask(client, pack, as_of=AS_OF):
    answer = client.post("/v1/valuations", json={"trace": pack, "as_of": as_of, "explain": False})
    assert answer.status_code == 200, answer.text
    return answer.json()


def point(client, pack, as_of=AS_OF):
    return ask(client, pack, as_of)["residual_value"]["point"]


def model_of(client):
    return client.get("/v1/model").json()


def whole(client):
    """Return whether the hash chain of the ledger is intact."""
    with client.app.state.refresher.service.database.reading() as connection:
        return list(ledger.broken_entries(connection)) == []


def test_an_extreme_price_is_held_and_has_no_effect(client, pack, sold):
    before = ask(client, pack)
    said = sold.report(client, sold.sale(1, 999_999_999.0))
    (one,) = said["sales"]
    assert (said["sales_added"], said["sales_held"], one["outcome"], one["state"]) == (1, 1, "held", "held")
    held = one["held"]
    assert held["lower_cny"] < held["upper_cny"] < held["price_cny"] == 999_999_999.0
    assert "999,999,999.00 CNY" in held["message_en"]
    assert "暂挂" in held["message_zh"]
    assert "/v1/sales/S1/confirm" in held["hint_en"]
    assert "/v1/sales/S1/void" in held["hint_zh"]
    after = ask(client, pack)
    assert after["residual_value"] == before["residual_value"]
    assert after["model"] == before["model"]
    assert (model_of(client)["anchor_sales"], model_of(client)["anchor_held"]) == (0, 1)
    assert "canzhi_sales_held 1.0" in client.get("/metrics").text


def test_thirty_sales_of_one_yuan_are_held(client, pack, sold):
    before = ask(client, pack)
    said = sold.report(client, *[sold.sale(number, 1.0) for number in range(30)])
    assert said["sales_held"] == 30
    assert ask(client, pack)["residual_value"] == before["residual_value"]
    assert [one["sale_id"] for one in client.get("/v1/sales?state=held").json()["sales"]] == [
        f"S{number}" for number in range(30)
    ]


def test_a_sale_is_reviewed_once_its_pack_is_known(client, pack, sold):
    before = ask(client, pack)
    said = sold.report(client, sold.sale(50, 999_999_999.0), sold.sale(51))
    assert [one["outcome"] for one in said["sales"]] == ["accepted", "accepted"]  # without a history, no band
    assert {one["unused"]["message_id"] for one in said["sales"]} == {"sale.unused.no_history"}
    sold.know(client, [50, 51])
    assert [one["unused"] for one in sold.report(client, sold.sale(51))["sales"]] == [None]
    sold.report(client, sold.sale(2))
    model = model_of(client)
    assert (model["anchor_sales"], model["anchor_held"], model["anchor_left_out"]) == (2, 1, 0)
    assert point(client, pack) < 1.2 * before["residual_value"]["point"]
    assert [one["sale_id"] for one in client.get("/v1/sales?state=held").json()["sales"]] == ["S50"]
    assert sold.step(client, 50, "void")["state"] == "voided"
    assert (model_of(client)["anchor_held"], model_of(client)["anchor_voided"]) == (0, 1)


def test_a_held_sale_counts_once_it_is_confirmed_from_that_day_on(client, pack, sold, day):
    sold.report(client, sold.sale(1, 9500.0))
    before = ask(client, pack)
    day("2026-11-22")
    done = sold.step(client, 1, "confirm", json={"note": "seen the invoice"})
    assert (done["state"], done["steps"][-1]["note"], done["steps"][-1]["by"]) == (
        "confirmed",
        "seen the invoice",
        "local",
    )
    assert done["steps"][-1]["at"].startswith("2026-11-22")
    assert model_of(client)["anchor_sales"] == 1
    assert point(client, pack) == before["residual_value"]["point"]  # as of the 20th it was not confirmed
    assert point(client, pack, "2026-11-22") > point(client, pack, "2026-11-21")
    again = sold.step(client, 1, "confirm")
    assert again["steps"] == done["steps"]
    assert whole(client)


def test_a_voided_sale_counts_no_more_from_that_day_on(client, pack, sold, day):
    sold.report(client, sold.sale(1))
    before = ask(client, pack)
    day("2026-11-23")
    done = sold.step(client, 1, "void", json={"note": "the wrong pack"})
    assert done["state"] == "voided"
    assert sold.step(client, 1, "void")["steps"] == done["steps"]
    assert point(client, pack) == before["residual_value"]["point"]
    assert point(client, pack, "2026-11-22") > point(client, pack, "2026-11-23")
    model = model_of(client)
    assert (model["anchor_sales"], model["anchor_voided"]) == (0, 1)
    assert model["digest"] == model["trained_digest"]
    refused = client.post("/v1/sales/S1/confirm")
    assert (refused.status_code, refused.json()["code"]) == (409, "sale-closed")
    assert cli.run(["reproduce", before["valuation_id"]]) == 0


def test_a_sale_is_corrected_by_another_that_names_it(client, sold, tmp_path):
    sold.report(client, sold.sale(1, 6900.0), sold.sale(2, 999_999_999.0))
    right = sold.sale(3, 6600.0, battery_code=sold.code(1), sold_on="2026-10-02", corrects="S1")
    sold.report(client, right, sold.sale(4, 6600.0, battery_code=sold.code(2), sold_on="2026-10-03", corrects="S2"))
    listed = {one["sale_id"]: one for one in client.get("/v1/sales").json()["sales"]}
    assert [(listed[f"S{n}"]["state"], listed[f"S{n}"]["corrected_by"]) for n in (1, 2, 3)] == [
        ("corrected", "S3"),
        ("corrected", "S4"),
        ("accepted", None),
    ]
    model = model_of(client)
    assert (model["anchor_sales"], model["anchor_voided"], model["anchor_held"]) == (2, 2, 0)
    assert client.post("/v1/sales", json={"sales": [right]}).json()["sales_known"] == 1
    for wrong, field in (
        (sold.sale(5, corrects="S1"), "was corrected by 'S3'"),
        (sold.sale(6, corrects="S99"), "was not reported"),
        (sold.sale(7, corrects="S7"), "was not reported"),
    ):
        answer = client.post("/v1/sales", json={"sales": [wrong]})
        assert answer.status_code == 422
        assert field in answer.json()["detail"]
        assert answer.json()["field"] == "corrects"
    refused = client.post("/v1/sales/S1/void")
    assert (refused.status_code, refused.json()["code"]) == (409, "sale-closed")
    assert whole(client)


def test_other_content_under_a_known_id_is_refused_with_a_hint(client, sold):
    sold.report(client, sold.sale(1))
    refused = client.post("/v1/sales", json={"sales": [sold.sale(1, 6500.0)]}).json()
    assert "corrects" in refused["hint"]


def test_steps_honour_their_idempotency_key(client, sold):
    sold.report(client, sold.sale(1, 1.0))
    key = {"idempotency-key": "once"}
    first = client.post("/v1/sales/S1/confirm", headers=key)
    client.post("/v1/sales/S1/void")
    again = client.post("/v1/sales/S1/confirm", headers=key)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    other = client.post("/v1/sales/S1/void", headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-conflict")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/sales/nothing/confirm", None, 404),
        ("/v1/sales/nothing/void", {}, 404),
        ("/v1/sales/S1/confirm", {"note": 7}, 422),
        ("/v1/sales/S1/confirm", {"why": "x"}, 422),
        ("/v1/sales?limit=0", "get", 422),
        ("/v1/sales?after=x", "get", 422),
        ("/v1/sales?state=lost", "get", 422),
    ],
)
def test_impossible_steps_are_refused(client, sold, path, body, status):
    sold.report(client, sold.sale(1))
    answer = (
        client.get(path) if body == "get" else client.post(path, json=body) if body is not None else client.post(path)
    )
    assert answer.status_code == status, answer.text
    assert answer.json()["hint"]


def test_a_sale_id_may_contain_url_characters(client, sold):
    said = sold.report(client, sold.sale(1, 1.0, sale_id="HT/2026 第7号"))
    address = said["sales"][0]["held"]["hint_en"].split()[1]
    assert client.post(address).json()["state"] == "confirmed"


def test_the_list_is_read_page_by_page(client, sold):
    sold.report(client, *[sold.sale(number) for number in range(5)])
    seen, after = [], 0
    while after is not None:
        page = client.get("/v1/sales", params={"after": after, "limit": 2}).json()
        seen += [one["sale_id"] for one in page["sales"]]
        after = page["next_after"]
    assert seen == [f"S{number}" for number in range(5)]


def test_the_caller_is_the_reporter_and_cannot_name_another(champion_home, open_client, sold, tmp_path):
    answer_of = {}
    with open_client(Settings(home=champion_home)) as client:
        refused = client.post("/v1/sales", json={"sales": [sold.sale(1, reporter="somebody")]})
        assert refused.status_code == 422
        sold.report(client, sold.sale(1))
        answer_of["http"] = client.get("/v1/sales").json()["sales"][0]["reporter"]
    (tmp_path / "s.jsonl").write_text(json.dumps(sold.sale(2, reporter="yard A")), encoding="utf-8")
    assert cli.run(["report-sale", str(tmp_path / "s.jsonl"), "--reporter", "yard B"]) == 0
    (tmp_path / "t.jsonl").write_text(json.dumps(sold.sale(3)), encoding="utf-8")
    assert cli.run(["report-sale", str(tmp_path / "t.jsonl"), "--reporter", "yard B"]) == 0
    with open_client(Settings(home=champion_home)) as client:
        listed = [one["reporter"] for one in client.get("/v1/sales").json()["sales"]]
    assert listed == ["local", "yard A", "yard B"]


def test_the_command_line_lists_and_confirms_held_sales(client, sold, tmp_path, capsys):
    lines = [sold.sale(1, 999_999_999.0), sold.sale(2, 9000.0), sold.sale(3)]
    (tmp_path / "s.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert cli.run(["report-sale", str(tmp_path / "s.jsonl")]) == 0
    said = capsys.readouterr().out
    assert "3 sales entered, 0 known already" in said
    assert "held: S1: 999,999,999.00 CNY" in said
    assert "--confirm ID" in said
    assert "held 2: far outside" in said
    assert cli.run(["report-sale", "--void", "S1", "--confirm", "S2", "--note", "typed wrong"]) == 0
    said = capsys.readouterr().out
    assert "S1: voided\n" in said
    assert "S2: confirmed\n" in said
    assert cli.run(["report-sale", "--void", "S9"]) == 1
    assert "no sale was reported under the id 'S9'" in capsys.readouterr().err
    assert cli.run(["report-sale", str(tmp_path / "s.jsonl"), "--void", "S1"]) == 2
    one = ["--sale-id", "S4", "--code", sold.code(1), "--sold-on", "2026-10-02", "--price", "6700", "--no-vat"]
    assert cli.run(["report-sale", *one, "--corrects", "S3", "--route", "recycling"]) == 0
    listed = {one["sale_id"]: one["state"] for one in client.get("/v1/sales").json()["sales"]}
    assert listed == {"S1": "voided", "S2": "confirmed", "S3": "corrected", "S4": "accepted"}


def test_far_moves_within_a_week_are_a_caution_and_a_gauge(client, pack, sold, day):
    day("2026-11-22")
    sold.report(client, *[sold.sale(number) for number in range(40)])
    moved = model_of(client)["anchor_week_ratio"]
    assert moved > 0.05
    cautions = {one["id"]: one for one in ask(client, pack, "2026-11-22")["cautions"]}
    assert f"{moved:+.1%}" in cautions["V10"]["message_en"]
    assert "近一周" in cautions["V10"]["message_zh"]
    assert f"canzhi_anchor_week_ratio {moved!r}" in client.get("/metrics").text
    day("2026-12-01")
    sold.follow(client)
    assert abs(model_of(client)["anchor_week_ratio"]) < 0.05
    answer = ask(client, pack, "2026-12-01")
    assert "V10" not in {one["id"] for one in answer["cautions"]}
    for one in (ask(client, pack, "2026-11-22"), answer):
        assert cli.run(["reproduce", one["valuation_id"]]) == 0


def test_a_restart_changes_nothing(champion_home, open_client, sold, pack):
    with open_client(Settings(home=champion_home)) as client:
        sold.know(client, range(3))
        sold.report(client, sold.sale(0), sold.sale(1, 1.0), sold.sale(2))
        sold.step(client, 1, "confirm")
        sold.step(client, 2, "void")
        before, listed = model_of(client), client.get("/v1/sales").content
        value = ask(client, pack)["residual_value"]
    with open_client(Settings(home=champion_home)) as client:
        assert model_of(client) == before
        assert client.get("/v1/sales").content == listed
        assert ask(client, pack)["residual_value"] == value


KILLED = """
import os, sys
from service.valuation_service import open_valuation_service
from service.settings import Settings
from service.sale_reports import reporting as sale_reports
from service.sales.sale_types import Sale
from service.store import ledger
import msgspec
service = open_valuation_service(Settings.from_environment())
sales = msgspec.json.decode(sys.argv[1], type=list[Sale])
appended = ledger.append
def append(*arguments, **named):
    appended(*arguments, **named)
    os.kill(os.getpid(), 9)
ledger.append = append
sale_reports.report_sales(service, sales, "killed", None)
"""


def test_a_killed_process_records_all_sales_or_none(champion_home, open_client, sold):
    with open_client(Settings(home=champion_home)) as client:
        sold.know(client, range(3))
    sales = [sold.sale(0), sold.sale(1, 1.0), sold.sale(2, corrects="S0")]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, msgspec.json.encode(sales).decode()],
        env=os.environ | {"CANZHI_HOME": str(champion_home)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    with open_client(Settings(home=champion_home)) as client:
        assert client.get("/v1/sales").json()["sales"] == []
        assert sold.report(client, *sales)["sales_added"] == 3
        assert whole(client)


def test_two_server_processes_agree_after_every_step(champion_home, start_server, sold):
    with start_server(champion_home, "--workers", "2") as server:
        asked = Asking(server.port)
        sold.know(asked, range(4))
        asked.post("/v1/sales", json={"sales": [sold.sale(0), sold.sale(1, 1.0), sold.sale(2), sold.sale(3)]})
        asked.post("/v1/sales/S1/confirm", json={})
        asked.post("/v1/sales/S2/void", json={})
        for _ in range(100):
            seen = {(one["anchor_sales"], one["anchor_voided"], one["digest"]) for one in asked.models(12)}
            if {one[:2] for one in seen} == {(3, 1)}:
                break
            time.sleep(0.1)
        assert len(seen) == 1
        assert next(iter(seen))[:2] == (3, 1)


class Asking:
    """A client of a server process with a new connection for every request."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"

    def post(self, path, json):
        return post(self._address + path, json=json, timeout=60)

    def models(self, count):
        return [get(self._address + "/v1/model", timeout=60).json() for _ in range(count)]
