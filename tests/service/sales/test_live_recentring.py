"""Reported sales recentre the band at once and equally in every process; earlier answers stay reproducible."""

from __future__ import annotations

import json
import time

import pytest

from models.artifact import registry
from models.artifact.promotion_log import Decision
from service import cli
from service.monitoring import realised_bands
from service.sales.serving_models import serving_models
from service.settings import Settings
from service.store.tables import anchors
from service.valuation_service import open_valuation_service
from valuation.errors import BundleTampered

AS_OF = "2026-11-20"
CODE = "001PB0A0000001A680000123"

pytestmark = pytest.mark.usefixtures("day")


def decided():
    return Decision(who="a test", why="a test", at="2026-01-05T00:00:00+00:00")


def ask(client, pack, as_of=AS_OF):
    return client.post("/v1/valuations", json={"trace": pack, "as_of": as_of, "explain": False}).json()


def wait_for(client, condition):
    for _ in range(200):
        if condition(client.get("/v1/model").json()):
            return
        time.sleep(0.05)
    pytest.fail("nothing changed within ten seconds")


def read_summary(client):
    return client.app.state.refresher.service.models.current.summary


def test_reported_sales_move_the_answer_and_every_answer_is_reproduced(champion_home, open_client, pack, sold, capsys):
    with open_client(Settings(home=champion_home)) as client:
        sold.know(client, range(30))
        before = ask(client, pack)
        trained = client.get("/v1/model").json()
        sales = [sold.sale(number) for number in range(30)]
        assert client.post("/v1/sales", json={"sales": sales}).status_code == 201
        wait_for(client, lambda model: model["anchor_sales"] == 30)
        after, model = ask(client, pack), client.get("/v1/model").json()
        again = client.post("/v1/sales", json={"sales": sales}).json()
        assert (again["sales_added"], again["sales_known"]) == (0, 30)
        numbers = client.get("/metrics").text
    assert before["model"]["digest"] == trained["digest"] == trained["trained_digest"]
    assert after["model"]["digest"] == model["digest"] != trained["digest"]
    assert model["trained_digest"] == trained["digest"]
    assert model["anchor_day"] == AS_OF
    assert after["model"]["version"] == before["model"]["version"] == "one"
    assert after["residual_value"]["point"] > 1.02 * before["residual_value"]["point"]
    assert "canzhi_anchor_sales 30.0" in numbers
    for one in (before, after):
        assert cli.run(["reproduce", one["valuation_id"]]) == 0
    assert "bit-identical" in capsys.readouterr().out


def test_every_process_makes_the_same_anchor_in_any_order_of_arrival(champion_home, open_client, sold, tmp_path):
    digests = []
    for name, order in (("a", 1), ("b", -1)):
        settings = Settings(home=champion_home, database_url=f"sqlite:///{tmp_path / name}.sqlite")
        with open_client(settings) as client:
            sold.know(client, range(6))
            for one in [sold.sale(number, 6400.0 + number) for number in range(6)][::order]:
                client.post("/v1/sales", json={"sales": [one]})
        service = open_valuation_service(settings)
        assert service.models.current.summary.used == 6
        digests.append(service.model.digest)
        service.database.close()
    assert digests[0] == digests[1]


def test_an_anchor_is_kept_and_another_champion_gets_its_own(champion_home, open_client, sold):
    with open_client(Settings(home=champion_home)) as client:
        sold.know(client, range(5))
        sold.report(client, *[sold.sale(number) for number in range(5)])
        first = client.get("/v1/model").json()
        registry.promote("small@two", decided(), champion_home)
        second = client.get("/v1/model").json()
        registry.rollback(decided(), champion_home)
        third = client.get("/v1/model").json()
    assert (second["version"], second["anchor_sales"]) == ("two", 5)
    assert third["digest"] == first["digest"] != second["digest"]
    with open_client(Settings(home=champion_home)) as client:  # after a new start
        assert client.get("/v1/model").json()["digest"] == first["digest"]


def test_unused_sales_are_counted_by_reason(champion_home, open_client, sold):
    with open_client(Settings(home=champion_home)) as client:
        sold.know(client, [1, 3])
        sold.report(client, sold.sale(1, sold_on="2025-12-31"), sold.sale(2), sold.sale(3, sold_on="2026-10-02"))
        sold.report(client, sold.sale(4, 6400.0, battery_code=sold.code(3), sold_on="2026-10-20"))
        model = client.get("/v1/model").json()
    assert model["anchor_sales"] == 1
    assert model["anchor_left_out"] == 3
    assert sorted(reason.partition(";")[0] for reason in model["anchor_left_out_reasons"]) == [
        "no history of the pack is kept",
        "sold before the model's last training",
        "the pack was sold again later",
    ]


def test_the_answer_says_why_a_sale_does_not_count(champion_home, open_client, pack, sold):
    wet = pack | {"events": [*pack["events"], WET, TESTED]}
    with open_client(Settings(home=champion_home)) as client:
        sold.know(client, [3])
        ask(client, wet | {"battery_code": sold.code(4)}, "2026-09-30")
        sales = [sold.sale(1, sold_on="2025-12-31"), sold.sale(2), sold.sale(3), sold.sale(4, route="reuse")]
        first, again = (sold.report(client, *sales)["sales"] for _ in range(2))
    assert [one["unused"] and one["unused"]["message_id"] for one in first] == [
        "sale.unused.trained_on",
        "sale.unused.no_history",
        None,
        "ledger.reason.closed_route",
    ]
    assert first[1]["unused"]["message_en"].startswith("no history of the pack is kept")
    assert first[1]["unused"]["message_zh"].startswith("尚无该电池包的履历")
    assert [one["unused"] for one in again] == [one["unused"] for one in first]


def test_a_pack_counts_once_by_its_newest_sale(champion_home, open_client, sold, tmp_path):
    """Thirty reports of one pack count as one."""
    digests = []
    for name, more in (("once", []), ("often", range(30))):
        settings = Settings(home=champion_home, database_url=f"sqlite:///{tmp_path / name}.sqlite")
        with open_client(settings) as client:
            sold.know(client, [1])
            earlier = {"battery_code": sold.code(1), "sold_on": "2026-10-01"}
            sold.report(client, *[sold.sale(100 + n, 6700.0, **earlier) for n in more], sold.sale(1, 6500.0))
            digests.append(client.get("/v1/model").json()["digest"])
    assert digests[0] == digests[1]


def test_a_lot_is_shared_and_vat_taken_off(champion_home, open_client, sold, tmp_path):
    lot = {"price_cny": None, "lot_id": "L1", "lot_price_cny": 13000.0 * 1.13, "vat_included": True}
    ratios = []
    for name, told in (("lot", lot), ("apart", {"price_cny": 6500.0})):
        settings = Settings(home=champion_home, database_url=f"sqlite:///{tmp_path / name}.sqlite")
        with open_client(settings) as client:
            sold.know(client, [1, 2])
            same_day = {"sold_on": "2026-10-02", **told}
            sold.report(client, sold.sale(1, **same_day), sold.sale(2, **same_day))
            model = client.get("/v1/model").json()
            assert model["anchor_sales"] == 2
            ratios.append(model["anchor_point_ratio"])
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-9)


WET = {"type": "negative", "on": "2026-09-01", "kind": "water", "severity": 0.3}
TESTED = {"type": "tested", "on": "2026-09-02", "method": "lab", "soh": 0.9}


def anchored_on(champion_home, open_client, record, sales, sold):
    """Return the summary of the anchor and the coverage before it; every sale is confirmed."""
    with open_client(Settings(home=champion_home)) as client:
        for one in sales:
            ask(client, record | {"battery_code": one["battery_code"]}, "2026-08-30")
        client.post("/v1/sales", json={"sales": sales})
        for one in sales:
            client.post(f"/v1/sales/{one['sale_id']}/confirm")
        sold.follow(client)
        service = client.app.state.refresher.service
        with service.database.reading() as connection:
            realised = realised_bands(connection, service.market, 100)
        return read_summary(client), realised


def test_a_sale_into_a_closed_route_has_no_effect(champion_home, open_client, pack, sold):
    wet = pack | {"events": [*pack["events"], WET, TESTED]}
    lot = {"price_cny": None, "lot_id": "L1", "lot_price_cny": 90_000.0, "sold_on": "2026-10-02"}
    sales = [
        sold.sale(1, route="recycling"),
        sold.sale(2, 20_000.0, route="second_life"),
        sold.sale(3, 20_000.0, route="梯次利用"),
        sold.sale(4, 20_000.0),  # a second life would fetch more than recycling: the price may be of one
        sold.sale(5, **lot, route="recycling"),
        sold.sale(6, **lot, route="reuse"),
        sold.sale(7, 20_000.0, route="reuse", sold_on="2026-08-31"),
    ]
    summary, realised = anchored_on(champion_home, open_client, wet, sales, sold)
    assert summary.used == 2  # the pack stood in water the day after the seventh
    reasons = {"ledger.reason.route_not_stated": 1, "ledger.reason.closed_route": 3, "sale.unused.broken_lot": 1}
    assert summary.left_out == reasons
    assert realised.sales == 2


def test_a_sale_reported_by_options_states_its_route(champion_home, pack, tmp_path, capsys):
    file = tmp_path / "wet.json"
    file.write_text(json.dumps(pack | {"events": [*pack["events"], WET, TESTED]}), encoding="utf-8")
    assert cli.run(["value", str(file), "--as-of", "2026-09-30", "--json"]) == 0
    one = ["--code", CODE, "--sold-on", "2026-10-30", "--price", "20000", "--no-vat"]
    assert cli.run(["report-sale", "--sale-id", "X1", *one, "--route", "reuse"]) == 0
    assert "left out 1: sold into a route that a finding" in capsys.readouterr().out
    assert cli.run(["report-sale", "--sale-id", "X2", *one, "--route", "recycling"]) == 0
    assert "held 1: far outside" in capsys.readouterr().out
    assert cli.run(["report-sale", "--confirm", "X2"]) == 0
    assert "on 1 sales" in capsys.readouterr().out


def test_a_finding_reported_after_the_sale_closes_nothing_on_its_day(champion_home, open_client, pack, sold):
    late = WET | {"reported_on": "2026-10-20"}
    record = pack | {"events": [*pack["events"], late, TESTED]}
    sales = [
        sold.sale(1, route="second_life", sold_on="2026-10-19"),
        sold.sale(2, route="second_life", sold_on="2026-10-20"),
    ]
    summary, realised = anchored_on(champion_home, open_client, record, sales, sold)
    assert summary.used == 1
    assert list(summary.left_out.values()) == [1]
    assert realised.sales == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"battery_code": "001PB0A0000001A680000999"},
        {"lot_price_cny": 13001.0},
        {"vat_included": True},
        {"sold_on": "2026-10-03"},
    ],
)
def test_the_price_of_an_incomplete_or_contradictory_lot_is_not_shared(champion_home, open_client, sold, fault):
    lot = {"price_cny": None, "lot_id": "L1", "lot_price_cny": 13000.0, "sold_on": "2026-10-02"}
    with open_client(Settings(home=champion_home)) as client:
        sold.know(client, [1, 2, 3])
        for one in (sold.sale(1, **lot), sold.sale(2, **(lot | fault)), sold.sale(3)):
            sold.report(client, one)
        client.post("/v1/sales/S1/confirm")
        client.post("/v1/sales/S2/confirm")
        sold.follow(client)
        summary = read_summary(client)
    assert summary.used == 1
    assert sum(summary.left_out.values()) == 2
    assert any("lot" in reason for reason in summary.left_out)


def test_a_damaged_anchor_is_refused_and_the_incumbent_stays(champion_home, open_client, sold):
    with open_client(Settings(home=champion_home)) as client:
        sold.know(client, [1])
        sold.report(client, sold.sale(1))
        service = client.app.state.refresher.service
        assert service.models.current.summary.used == 1
        with service.database.writing() as connection:
            connection.execute(anchors.update().values(digest="sha256:" + "0" * 64))
        with pytest.raises(BundleTampered, match="recentring"):
            serving_models(service.models.trained, service.market, service.database)


def test_report_sale_prints_the_shift_and_drift_the_advice(open_champion, sold, pack, tmp_path, capsys):
    with open_champion() as client:
        sold.know(client, range(43))
        for number in range(43):
            ask(client, pack | {"battery_code": sold.code(number)}, "2026-09-30")
    table = tmp_path / "sales.csv"
    table.write_text(
        "sale_id,battery_code,sold_on,price_cny,vat_included\n"
        + "".join(f"C{number},{sold.code(number)},2026-10-{1 + number:02d},7000,false\n" for number in range(12)),
        encoding="utf-8",
    )
    capsys.readouterr()
    assert cli.run(["report-sale", str(table)]) == 0
    told = capsys.readouterr().out
    assert "12 sales entered, 0 known already" in told
    assert "points moved by +" in told
    lines = [json.dumps(sold.sale(number, 7000.0)) for number in range(12, 42)]
    (tmp_path / "more.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert cli.run(["report-sale", str(tmp_path / "more.jsonl")]) == 0
    one = ["--sale-id", "X1", "--code", sold.code(42), "--sold-on", "2026-10-30", "--price", "6400", "--no-vat"]
    assert cli.run(["report-sale", *one]) == 0
    capsys.readouterr()
    assert cli.run(["drift", "--json"]) == 1  # packs that fetch more than their band, all of them
    drift = json.loads(capsys.readouterr().out)
    assert drift["realised"]["sales"] == 43
    assert drift["anchor"]["used"] == 43
    assert drift["calls_for_action"]
    assert cli.run(["drift", "--lang", "zh"]) == 1
    assert "重新训练" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        "sale_id,battery_code\nS1,X\n",
        '{"sales": [{"sale_id": "S1"}]}',
        "\x00",
        '{"sales": 7',
        '{"sales": 7}',
        "7",
        "[" * 9999,
        '{"sale_id": "S1", "sale_id": "S2"}',
    ],
)
def test_sales_that_cannot_be_read_are_a_sentence(champion_home, tmp_path, capsys, content):
    path = tmp_path / ("sales.csv" if content.startswith("sale_id") else "sales.json")
    path.write_text(content, encoding="utf-8")
    assert cli.run(["report-sale", str(path)]) == 1
    told = capsys.readouterr().err
    assert "hint: " in told
    assert "something inside" not in told


@pytest.mark.parametrize("name", ["twice.json", "twice.jsonl"])
def test_a_price_that_is_given_twice_is_not_entered(champion_home, sold, tmp_path, capsys, name):
    path = tmp_path / name
    path.write_text(json.dumps(sold.sale(1))[:-1] + ', "price_cny": 1}', encoding="utf-8")
    assert cli.run(["report-sale", str(path)]) == 1
    assert "'price_cny' is given twice" in capsys.readouterr().err


def test_report_sale_needs_a_whole_sale(champion_home, capsys):
    assert cli.run(["report-sale"]) == 2
    assert cli.run(["report-sale", "--sale-id", "S1"]) == 2


def test_a_recycler_s_own_ledger_is_reported_as_it_is(champion_home, pack_file, tmp_path, capsys):
    """Chinese headings in GB18030, VAT, units of ten thousand, a future day, a bad row: valid rows are recorded."""
    assert cli.run(["value", str(pack_file), "--as-of", "2026-09-30", "--json"]) == 0
    ledger = tmp_path / "台账.csv"
    rows = [
        f"H1,{CODE},2026年10月2日,7684,是,",
        f"H2,{CODE},2026/10/03,6800,否,",
        f"H3,{CODE},2026-10-04,面议,否,",
        f"H4,{CODE},2049-10-04,9000,否,",
        f",{CODE},2026-10-05,0.68万,否,",
    ]
    ledger.write_text("合同编号,电池编码,成交日期,成交价,是否含税,备注\n" + "\n".join(rows) + "\n", encoding="gb18030")
    capsys.readouterr()
    assert cli.run(["report-sale", str(ledger)]) == 0
    told = capsys.readouterr()
    assert "3 sales entered, 0 known already" in told.out
    assert "recentred on 1 sales" in told.out
    assert "left out 2: the pack was sold again later" in told.out
    assert "row 4: price cannot be read (price_cny '面议')" in told.err
    assert "'H4'" in told.err
    assert cli.run(["report-sale", str(ledger)]) == 0
    assert "0 sales entered, 3 known already" in capsys.readouterr().out


def test_a_ledger_without_vat_basis_needs_the_option(champion_home, tmp_path, capsys):
    ledger = tmp_path / "sales.csv"
    ledger.write_text(f"sale_id,battery_code,sold_on,price_cny\nT1,{CODE},2026-10-02,9000\n", encoding="utf-8")
    assert cli.run(["report-sale", str(ledger)]) == 1
    assert "hint: use --vat if prices include VAT" in capsys.readouterr().err
    assert cli.run(["report-sale", str(ledger), "--no-vat"]) == 0


def test_drift_names_the_missing_data(champion_home, capsys):
    assert cli.run(["drift"]) == 0
    assert "report sales with canzhi report-sale, or examine a ledger" in capsys.readouterr().out
    assert cli.run(["drift", "--lang", "zh"]) == 0
    assert "上报成交" in capsys.readouterr().out
    assert cli.run(["drift", "--traces", "."]) == 2
