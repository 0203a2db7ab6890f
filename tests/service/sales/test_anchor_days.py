"""Later sales never change valuations of earlier days: anchors depend on the days of sale and of recording."""

from __future__ import annotations

import json
import shutil
import time
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as chosen
from hypothesis import strategies as st

from service import cli
from service.sales.serving_models import END_OF_DAY, MAX_DAYS
from service.settings import Settings

pytestmark = pytest.mark.usefixtures("day")

FIRST = date(2026, 11, 1)


def ask(client, pack, as_of, way="one"):
    """Return an answer without the fields that differ between requests."""
    body = {"trace": pack, "as_of": str(as_of), "explain": False}
    if way == "batch":
        item = client.post("/v1/valuations/batch", json={"items": [body]}).json()["items"][0]
        answer = item["valuation"]
    else:
        answer = client.post("/v1/valuations", json=body).json()
    return {name: part for name, part in answer.items() if name != "valuation_id"}


def test_a_sale_of_november_does_not_move_a_valuation_of_october(open_champion, pack, sold, day):
    day("2026-11-26")
    with open_champion() as client:
        sold.know(client, range(30))
        before = [ask(client, pack, "2026-10-01", way) for way in ("one", "batch")]
        later = ask(client, pack, "2026-11-26")
        sold.report(client, *[sold.sale(number, 6300.0, sold_on="2026-11-25") for number in range(20)])
        for number in range(20):
            client.post(f"/v1/sales/S{number}/confirm")
    with open_champion() as client:  # nothing is remembered
        assert [ask(client, pack, "2026-10-01", way) for way in ("one", "batch")] == before
        assert ask(client, pack, "2026-11-25") == ask(client, pack, "2026-11-25", "batch")
        moved = ask(client, pack, "2026-11-26")
        assert moved["residual_value"]["point"] > later["residual_value"]["point"]
        day("2026-11-28")
        sold.follow(client)
        assert ask(client, pack, "2026-11-26") == moved


def test_a_sale_recorded_late_counts_from_the_day_of_its_recording(open_champion, pack, sold, day):
    """Sold on 5 October, reported on 20 November: a valuation as of 10 October does not use it."""
    with open_champion() as client:
        sold.know(client, range(5))
        before = {as_of: ask(client, pack, as_of) for as_of in ("2026-10-10", "2026-11-19", "2026-11-20")}
        sold.report(client, *[sold.sale(number) for number in range(5)])
    with open_champion() as client:  # nothing is remembered
        after = {as_of: ask(client, pack, as_of) for as_of in before}
    assert after["2026-10-10"] == before["2026-10-10"]
    assert after["2026-11-19"] == before["2026-11-19"]
    assert after["2026-11-20"]["residual_value"]["point"] > before["2026-11-20"]["residual_value"]["point"]


def test_a_sale_of_tomorrow_counts_tomorrow(open_champion, pack, sold):
    with open_champion() as client:
        sold.know(client, [1])
        before = {as_of: ask(client, pack, as_of) for as_of in ("2026-11-20", "2026-11-21")}
        sold.report(client, sold.sale(1, 6000.0, sold_on="2026-11-21"))
        client.post("/v1/sales/S1/confirm")
        sold.follow(client)
        assert ask(client, pack, "2026-11-20") == before["2026-11-20"]
        assert ask(client, pack, "2026-11-21")["residual_value"] != before["2026-11-21"]["residual_value"]


def test_a_history_reported_later_does_not_let_a_sale_count_earlier(open_champion, pack, sold, day):
    with open_champion() as client:
        sold.report(client, sold.sale(1))
        before = ask(client, pack, "2026-11-20")
        day("2026-11-24")
        sold.know(client, [1])
        day("2026-11-26")
        sold.follow(client)
        assert ask(client, pack, "2026-11-20") == before
        assert ask(client, pack, "2026-11-23")["model"]["digest"] == before["model"]["digest"]
        assert ask(client, pack, "2026-11-25")["model"]["digest"] != before["model"]["digest"]


def test_each_item_of_a_batch_uses_the_anchor_of_its_day(open_champion, pack, sold, day):
    with open_champion() as client:
        sold.know(client, range(10))
        sold.report(client, *[sold.sale(number) for number in range(5)])
        day("2026-11-25")
        sold.report(client, *[sold.sale(number) for number in range(5, 10)])
        days = ["2026-11-19", "2026-11-20", "2026-11-24", "2026-11-25", "2026-11-20"]
        items = [{"trace": pack, "as_of": one, "explain": False} for one in days]
        batch = client.post("/v1/valuations/batch", json={"items": items}).json()["items"]
        alone = [ask(client, pack, one) for one in days]
    digests = [one["valuation"]["model"]["digest"] for one in batch]
    assert digests == [one["model"]["digest"] for one in alone]
    assert len(set(digests)) == 4


def test_value_score_and_reproduce_use_the_anchor_of_the_day(open_champion, pack, sold, tmp_path, capsys):
    with open_champion() as client:
        sold.know(client, range(30))
        sold.report(client, *[sold.sale(number) for number in range(30)])
        days = ("2026-11-19", "2026-11-20")
        told = {as_of: ask(client, pack, as_of) for as_of in days}
        assert told[days[0]]["model"]["digest"] != told[days[1]]["model"]["digest"]
    (tmp_path / "pack.json").write_text(json.dumps(pack), encoding="utf-8")
    packs = [{name: part for name, part in pack.items() if name != "events"}]
    pq.write_table(pa.Table.from_pylist(packs), tmp_path / "packs.parquet")
    empty = dict.fromkeys(name for event in pack["events"] for name in event)
    events = [{**empty, **event, "battery_code": pack["battery_code"]} for event in pack["events"]]
    pq.write_table(pa.Table.from_pylist(events), tmp_path / "events.parquet")
    capsys.readouterr()
    for as_of in days:
        assert cli.run(["value", str(tmp_path / "pack.json"), "--as-of", as_of, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["residual_value"] == told[as_of]["residual_value"]
        assert answer["model"]["digest"] == told[as_of]["model"]["digest"]
        assert cli.run(["reproduce", answer["valuation_id"]]) == 0
        out = tmp_path / f"{as_of}.parquet"
        files = [str(tmp_path / "packs.parquet"), str(tmp_path / "events.parquet"), str(out)]
        assert cli.run(["score", *files, "--as-of", as_of, "--processes", "1"]) == 0
        (row,) = pq.read_table(out).to_pylist()
        assert row["point_cny"] == pytest.approx(
            told[as_of]["residual_value"]["point"], abs=0.005
        )  # rounded to the fen
        raised = {one["id"] for one in told[as_of]["cautions"]}
        assert ("V10" in row["caution_ids"]) == ("V10" in raised) == (as_of == days[1])
        capsys.readouterr()


def test_a_past_day_is_looked_up_and_never_worked_out_again(open_champion, pack, sold, day, monkeypatch):
    with open_champion() as client:
        sold.know(client, range(5))
        sold.report(client, *[sold.sale(number) for number in range(5)])
        day("2026-11-25")
        sold.follow(client)
        answers = [ask(client, pack, as_of) for as_of in ("2026-11-20", "2026-11-22")]
    monkeypatch.setattr("service.sales.live_recentring.recentre", None)  # whoever works an anchor out again, fails
    with open_champion() as client:
        assert [ask(client, pack, as_of) for as_of in ("2026-11-20", "2026-11-22")] == answers


def test_the_model_of_tomorrow_is_ready_before_midnight_and_serves_after_it(open_champion, pack, sold, day):
    with open_champion() as client:
        sold.know(client, range(5))
        sold.report(client, *[sold.sale(number) for number in range(5)])
        refresher, tomorrow = client.app.state.refresher, date(2026, 11, 21)
        assert not refresher.service.models.in_memory(tomorrow)
        day("2026-11-20", hour=23, minute=55)  # five minutes before midnight in China
        wait_until(lambda: refresher.service.models.in_memory(tomorrow))
        ready = refresher.service.models.on(tomorrow).model
        day("2026-11-21")
        wait_until(lambda: client.get("/v1/model").json()["anchor_day"] == "2026-11-21")
        assert refresher.service.model is ready


def wait_until(condition):
    """Wait until the polling task of the server has made a condition true."""
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("nothing changed within ten seconds")


def test_few_days_are_kept_in_memory(open_champion, sold, day):
    with open_champion() as client:
        sold.know(client, [0])
        sold.report(client, sold.sale(0))
        day("2027-03-20")
        sold.follow(client)
        models = client.app.state.refresher.service.models
        days = [date(2026, 11, 25) + timedelta(days=number) for number in range(MAX_DAYS + 5)]
        digests = [models.on(one).model.digest for one in days]
        assert len(models._cache._kept) == MAX_DAYS
        assert not models.in_memory(days[0])
        assert models.in_memory(days[-1])
        assert models.on(days[0]).model.digest == digests[0]
        assert (days[0], END_OF_DAY) in models._cache._kept


@st.composite
def happenings(draw):
    """Draw steps on increasing days: sales with any day of sale, confirmations, voids, corrections."""
    steps, recorded = [], FIRST
    for number in range(draw(st.integers(1, 6))):
        recorded += timedelta(days=draw(st.integers(0, 3)))
        kind = draw(st.sampled_from(("sale", "sale", "wild", "void", "confirm", "correct")))
        back = draw(st.integers(0, 30))
        steps.append((recorded, number, kind, max(recorded - timedelta(days=back), date(2026, 10, 1))))
    return steps


@pytest.fixture
def value(monkeypatch, capsys):
    """A function that values a pack on the command line."""

    def run(home, pack, as_of):
        file = home.parent / "pack.json"
        file.write_text(json.dumps(pack), encoding="utf-8")
        monkeypatch.setenv("CANZHI_HOME", str(home))
        capsys.readouterr()
        assert cli.run(["value", str(file), "--as-of", str(as_of), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def stage(champion_home, open_client, sold, day, tmp_path_factory):
    """A function that creates a separate home for each of many trials."""

    def make():
        home = tmp_path_factory.mktemp("again") / "home"
        shutil.copytree(champion_home, home)
        return home, open_client, sold, day

    return make


@chosen(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=happenings(),
    asked=st.lists(st.integers(0, 40), min_size=1, max_size=3),
)
def test_later_reports_do_not_change_earlier_days(stage, value, pack, steps, asked):
    """An answer for a past day stays the same over HTTP and on the command line."""
    home, open_client, sold, day = stage()
    day(FIRST)
    told: dict[date, object] = {}
    with open_client(Settings(home=home)) as client:
        sold.know(client, range(6))
        for recorded, number, kind, sold_on in steps:
            day(recorded)
            sold.follow(client)
            for back in asked:
                ended = recorded - timedelta(days=1 + back)
                answer = ask(client, pack, ended, "batch")
                assert told.setdefault(ended, answer) == answer
            _do(client, sold, number, kind, sold_on)
            sold.follow(client)
            for ended, answer in told.items():
                assert ask(client, pack, ended) == answer
    with open_client(Settings(home=home)) as client:
        for ended, answer in told.items():
            assert ask(client, pack, ended) == answer
    for ended, answer in told.items():
        said = value(home, pack, ended)
        assert (said["residual_value"], said["model"]) == (answer["residual_value"], answer["model"])


def _do(client, sold, number, kind, sold_on):
    """Apply one step; an impossible one is refused and changes nothing."""
    price = {"wild": 999_999_999.0}.get(kind, 6500.0)
    if kind in ("void", "confirm"):
        client.post(f"/v1/sales/S{number - 1}/{kind}")
        return
    more = {"corrects": f"S{number - 1}"} if kind == "correct" else {}
    client.post("/v1/sales", json={"sales": [sold.sale(number, price, sold_on=str(sold_on), **more)]})
