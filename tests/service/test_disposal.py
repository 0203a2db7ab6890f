"""A pack with all routes closed, at each entry point: no best route, cost of disposal, and texts for both."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import text

from service import cli
from service.store.database import Database

CASES = Path(__file__).parents[1] / "cases"
BURNT_OUT, FLOODED = CASES / "burnt_out.json", CASES / "flooded.json"
AS_OF = "2026-11-20"
COST_EN = re.compile(r"No route is open: it costs ([\d,.]+) CNY")
COST_ZH = re.compile(r"无可行利用途径，须付费处置，费用 ([\d,.]+) 元")


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.fixture
def answer(client):
    asked = {"trace": json.loads(BURNT_OUT.read_text("utf-8")), "as_of": AS_OF}
    return client.post("/v1/valuations", json=asked).json()


def test_http_answers_null_and_names_the_cost(client, answer):
    assert answer["best_route"] is None
    assert answer["disposal_cny"] == -answer["residual_value"]["point"] > 1000.0
    assert [(route["open"], route["probability"]) for route in answer["routes"]] == [(False, 0.0)] * 3
    assert all("P09" in route["blocked_by"] for route in answer["routes"])
    assert client.get(f"/v1/valuations/{answer['valuation_id']}").json() == answer
    assert 'canzhi_valuations_total{route="disposal"} 1.0' in client.get("/metrics").text


def test_an_open_route_has_no_disposal_cost(client):
    asked = {"trace": json.loads(FLOODED.read_text("utf-8")), "as_of": AS_OF}
    said = client.post("/v1/valuations", json=asked).json()
    assert said["best_route"] == "recycling"
    assert said["disposal_cny"] is None


@pytest.mark.parametrize("page", ["", "/report"])
@pytest.mark.parametrize(("lang", "cost"), [("en", COST_EN), ("zh", COST_ZH)])
def test_page_and_report_show_the_disposal_cost(client, answer, page, lang, cost):
    html = text_of(client.get(f"/valuations/{answer['valuation_id']}{page}?lang={lang}").text)
    shown = cost.search(html)
    assert shown
    assert float(shown[1].replace(",", "").rstrip(".")) == pytest.approx(answer["disposal_cny"], abs=0.5)


@pytest.mark.parametrize(("lang", "word"), [("en", "disposal at a cost"), ("zh", "付费处置")])
def test_a_lot_names_the_disposal_among_routes(client, lang, word):
    packs = [json.loads(path.read_text("utf-8")) for path in (BURNT_OUT, FLOODED)]
    packs[1]["battery_code"] = "T04PE01000020HC810004712"
    sent = {"files": ("lot.jsonl", "\n".join(json.dumps(pack) for pack in packs), "text/plain")}
    assert word in text_of(client.post(f"/?lang={lang}", files=sent).text)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("lang", "cost"), [("en", COST_EN), ("zh", COST_ZH)])
def test_the_terminal_shows_the_answer_and_reproduces_it(capsys, monkeypatch, lang, cost):
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.run(["value", str(BURNT_OUT), "--as-of", AS_OF, "--lang", lang]) == 0
    printed = capsys.readouterr().out
    assert cost.search(" ".join(printed.split()))
    assert "P09" in printed
    kept = re.search(r"valuation_id (\S+)", printed)[1]
    assert cli.run(["reproduce", kept]) == 0


def test_reproducing_an_older_answer_names_the_differences(settings, client, answer, capsys):
    """An old answer had a closed best route and no cost of disposal; it is shown unchanged, with its differences."""
    older = {name: part for name, part in answer.items() if name != "disposal_cny"} | {"best_route": "second_life"}
    database = Database(settings.store_url)
    with database.writing() as connection:
        change = text("UPDATE valuations SET answer = :answer, code_version = '0.0.9'")
        connection.execute(change, {"answer": json.dumps(older).encode()})
    database.close()
    page = client.get(f"/valuations/{answer['valuation_id']}?lang=en")
    assert "second life" in text_of(page.text)
    assert cli.run(["reproduce", answer["valuation_id"]]) == 1
    said = capsys.readouterr().err
    assert "best_route" in said
    assert "disposal_cny" in said
    assert "made by canzhi 0.0.9" in said
