from __future__ import annotations

import json
from math import prod

import pytest

AS_OF = "2026-11-20"


NOTHING_LEFT_OUT = {
    "events_after_as_of": 0,
    "happened_after": 0,
    "reported_after": 0,
    "recorded_after": 0,
    "nameplate_counts_on": None,
    "first_counts_on": None,
}


def value(client, trace, **terms):
    return client.post("/v1/valuations", json={"trace": trace, "as_of": AS_OF, **terms})


def test_a_pack_is_valued_with_everything_the_contract_names(shared_client, pack):
    response = value(shared_client, pack)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    answer = response.json()
    assert list(answer) == [
        "valuation_id",
        "battery_code",
        "as_of",
        "currency",
        "vat_included",
        "region",
        "residual_value",
        "routes",
        "best_route",
        "disposal_cny",
        "state",
        "metals",
        "drivers",
        "base_cny",
        "width_drivers",
        "base_width_cny",
        "evidence",
        "cautions",
        "not_used",
        "model",
        "market",
        "input_digest",
    ]
    assert answer["battery_code"] == pack["battery_code"]
    assert answer["as_of"] == AS_OF
    band = answer["residual_value"]
    assert band["lower"] <= band["point"] <= band["upper"]
    assert list(band["quantiles"]) == ["0.05", "0.25", "0.5", "0.75", "0.95"]
    assert {route["route"] for route in answer["routes"]} == {"recycling", "second_life", "reuse"}
    assert answer["evidence"]["tier"] in {"T0", "T1", "T2", "T3", "T4"}
    assert answer["model"]["name"] == "structural"
    assert answer["market"]["synthetic"] is True


def test_the_drivers_add_up_to_the_fen(shared_client, pack):
    answer = value(shared_client, pack).json()
    cents = round(answer["base_cny"] * 100) + sum(round(driver["effect_cny"] * 100) for driver in answer["drivers"])
    assert answer["drivers"]
    assert cents == round(answer["residual_value"]["point"] * 100)


def test_band_drivers_multiply_to_the_width(shared_client, pack):
    answer, bare = value(shared_client, pack).json(), value(shared_client, pack, explain=False).json()
    width = answer["residual_value"]["upper"] - answer["residual_value"]["lower"]
    assert answer["width_drivers"]
    assert answer["base_width_cny"] * prod(one["factor"] for one in answer["width_drivers"]) == pytest.approx(
        width, rel=1e-4
    )
    assert (bare["width_drivers"], bare["base_width_cny"]) == ([], pytest.approx(width))


def test_the_same_question_gets_the_same_bytes_but_for_the_id(shared_client, pack):
    first, second = (value(shared_client, pack) for _ in range(2))
    assert first.json()["valuation_id"] != second.json()["valuation_id"]
    assert _without_id(first) == _without_id(second)


def _without_id(response) -> bytes:
    return response.content.replace(response.json()["valuation_id"].encode(), b"")


def test_a_kept_valuation_comes_back_byte_for_byte(shared_client, pack):
    given = value(shared_client, pack)
    kept = shared_client.get(f"/v1/valuations/{given.json()['valuation_id']}")
    assert kept.status_code == 200
    assert kept.content == given.content


def test_later_reports_change_only_the_note_about_them(shared_client, pack):
    before = value(shared_client, pack).json()
    pack["events"].append({"type": "negative", "kind": "fire", "on": "2026-11-21"})
    after = value(shared_client, pack).json()
    assert before["not_used"] == NOTHING_LEFT_OUT
    assert after["not_used"] == NOTHING_LEFT_OUT | {
        "events_after_as_of": 1,
        "happened_after": 1,
        "first_counts_on": "2026-11-21",
    }
    (added,) = [caution for caution in after["cautions"] if caution not in before["cautions"]]
    assert added["id"] == "D01"
    changed = {"valuation_id", "not_used", "cautions"}
    assert {name: after[name] for name in after.keys() - changed} == {
        name: before[name] for name in before.keys() - changed
    }


def test_a_scenario_moves_the_value(shared_client, pack):
    plain = value(shared_client, pack).json()["residual_value"]["point"]
    dear = value(shared_client, pack, market_shift={"lithium_carbonate": 2.0, "copper": 2.0}).json()
    assert dear["residual_value"]["point"] != plain


def test_a_higher_level_gives_a_wider_band(shared_client, pack):
    bands = [value(shared_client, pack, level=level).json()["residual_value"] for level in (0.6, 0.95)]
    assert bands[0]["upper"] - bands[0]["lower"] < bands[1]["upper"] - bands[1]["lower"]
    assert [band["level"] for band in bands] == [0.6, 0.95]


def test_unexplained_answers_come_without_learned_drivers(shared_client, pack):
    answer = value(shared_client, pack, explain=False)
    assert answer.status_code == 200
    assert answer.json()["residual_value"] == value(shared_client, pack).json()["residual_value"]


BAD_REQUESTS = [
    (b"", 400, "unreadable-record"),
    (b"{", 400, "unreadable-record"),
    (b"\xff\xfe", 400, "unreadable-record"),
    (b"[]", 422, "field"),
    (b"{}", 422, "field"),
    (b'{"trace": {}, "battery_code": "X"}', 422, "field"),
    (b'{"trace": [1]}', 422, "field"),
    (b'{"trace": "pack.json"}', 422, "field"),
    (b'{"trace": null}', 422, "field"),
    (b'{"trace": {}, "surprise": 1}', 422, "field"),
    (b'{"trace": {}, "level": "0.9"}', 422, "field"),
    (b'{"trace": {}, "level": 1.0}', 422, "field"),
    (b'{"trace": {}, "as_of": "20.11.2026"}', 422, "field"),
    (b'{"trace": {}, "market_shift": {"copper": -1}}', 422, "field"),
    (b'{"battery_code": "' + b"9" * 65 + b'"}', 422, "field"),
    (b'{"trace": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "unreadable-record"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_REQUESTS, ids=lambda part: str(part)[:30])
def test_a_bad_envelope_is_a_problem(shared_client, body, status, code):
    response = shared_client.post("/v1/valuations", content=body, headers={"content-type": "application/json"})
    _is_problem(response, status, code)


BAD_TRACES = [
    {"battery_code": "001PB0A0000001A680000123", "rated_energy_kwh": "52,5 kWh?"},
    {"battery_code": "001PB0A0000001A680000123", "rated_energy_kwh": -5},
    {"battery_code": "001PB0A0000001A680000123", "rated_energy_kwh": False},
    {"chemistry": "unobtainium", "rated_energy_kwh": 50},
    {"battery_code": "X", "events": [{"type": "usage", "on": "2024-13-01"}]},
    {"battery_code": "X", "events": [{"type": "usage", "on": "2024-01-01", "soh": 88}]},
    {"battery_code": "X", "events": {}},
    {},
    {"battery_code": ["X"]},
]


@pytest.mark.parametrize("trace", BAD_TRACES, ids=lambda trace: json.dumps(trace)[:60])
def test_a_bad_record_is_refused_with_a_way_out(shared_client, trace):
    response = value(shared_client, trace)
    assert response.status_code in {400, 422}, response.text
    problem = _is_problem(response, response.status_code, response.json()["code"])
    assert problem["hint"]


def test_an_unknown_instrument_in_a_scenario_is_a_problem(shared_client, pack):
    _is_problem(value(shared_client, pack, market_shift={"unobtainium": 2.0}), 422, "market")


def test_a_day_before_the_first_quote_is_a_problem(shared_client, pack):
    response = shared_client.post("/v1/valuations", json={"trace": pack, "as_of": "2019-01-01"})
    _is_problem(response, 422, "missing-quote")


def test_a_recycled_pack_is_refused(shared_client, pack):
    pack["events"].append({"type": "recycled_done", "on": "2026-01-05"})
    _is_problem(value(shared_client, pack), 422, "refused-pack")


def _is_problem(response, status, code):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"].endswith(code)
    assert problem["detail"]
    assert "Traceback" not in response.text
    return problem


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "no-such-path"),
        ("GET", "/v1/valuations/nothing", 404, "unknown-valuation"),
        ("GET", "/v1/packs/nothing", 404, "unknown-pack"),
        ("GET", "/v1/valuations", 405, "no-such-method"),
        ("DELETE", "/v1/sales", 405, "no-such-method"),
        ("GET", "/v1/market?as_of=yesterday", 422, "field"),
    ],
)
def test_every_refusal_is_a_problem(shared_client, method, path, status, code):
    _is_problem(shared_client.request(method, path), status, code)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "text/csv", ""])
def test_a_body_that_is_not_called_json_is_refused(shared_client, kind):
    response = shared_client.post("/v1/valuations", content=b"{}", headers={"content-type": kind})
    _is_problem(response, 415, "not-json")


def test_an_internal_error_does_not_reveal_details(client, pack, monkeypatch):
    def explode(*_arguments, **_named):
        raise RuntimeError("secret inside")

    monkeypatch.setattr(client.app.state.refresher.service, "value_by", explode)
    response = value(client, pack)
    _is_problem(response, 500, "fault")
    assert "secret" not in response.text


def test_too_long_a_body_is_refused(shared_client):
    response = shared_client.post(
        "/v1/valuations", content=b" " * 9_000_000, headers={"content-type": "application/json"}
    )
    _is_problem(response, 413, "body-too-large")


def test_too_long_a_body_in_chunks_is_refused(shared_client):
    def chunks():
        for _ in range(100):
            yield b" " * 100_000

    response = shared_client.post("/v1/valuations", content=chunks(), headers={"content-type": "application/json"})
    _is_problem(response, 413, "body-too-large")


def test_a_batch_answers_item_by_item(shared_client, pack):
    other = {"chemistry": "NMC811", "rated_energy_kwh": 80.0, "made_on": "2021-01-01"}
    items = [
        {"trace": pack, "as_of": AS_OF},
        {"trace": {"battery_code": "X", "events": 3}},
        {"trace": other, "as_of": AS_OF, "level": 0.8},
        {"nonsense": 1},
        {"trace": pack, "as_of": "2019-01-01"},
        {"battery_code": "never-reported"},
        7,
    ]
    response = shared_client.post("/v1/valuations/batch", json={"items": items})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["valued"], answer["refused"]) == (2, 5)
    kinds = ["valuation" if "valuation" in item else item["problem"]["code"] for item in answer["items"]]
    assert kinds[:5] == ["valuation", "field", "valuation", "field", "missing-quote"]
    assert kinds[5:] == ["unknown-pack", "field"]
    alone = value(shared_client, pack).json()
    in_batch = answer["items"][0]["valuation"]
    assert {**alone, "valuation_id": ""} == {**in_batch, "valuation_id": ""}
    assert shared_client.get(f"/v1/valuations/{in_batch['valuation_id']}").json() == in_batch


def test_a_batch_has_a_limit(shared_client):
    response = shared_client.post("/v1/valuations/batch", json={"items": [{}] * 1001})
    _is_problem(response, 413, "batch-too-large")


def test_a_waiting_room_that_is_full_turns_batches_away(client, monkeypatch):
    monkeypatch.setattr(client.app.state.pools, "_capacity", 0)
    response = client.post("/v1/valuations/batch", json={"items": [{}]})
    _is_problem(response, 503, "overloaded")
    assert response.headers["retry-after"]


def test_checks_return_findings_without_a_price(shared_client, pack):
    pack["events"].append({"type": "usage", "on": "2025-03-31", "odometer_km": 90000})
    answer = shared_client.post("/v1/checks", json={"trace": pack, "as_of": AS_OF}).json()
    assert answer["battery_code"] == pack["battery_code"]
    assert answer["tier"][0] == "T"
    assert answer["grade"] in "ABCD"
    assert any(caution["severity"] != "info" for caution in answer["cautions"]), "the odometer ran backwards"
    assert "residual_value" not in answer


def test_codes_are_decoded(shared_client):
    answer = shared_client.get("/v1/codes/04QCB76836300JBC40000903").json()
    assert (answer["valid"], answer["level"], answer["made_on"]) == (True, "cell", "2021-12-04")
    refused = shared_client.get("/v1/codes/XX").json()
    assert refused["valid"] is False
    assert refused["reason"]


def test_model_and_market_are_described(shared_client):
    model = shared_client.get("/v1/model").json()
    assert (model["name"], model["structural"]) == ("structural", True)
    market = shared_client.get("/v1/market", params={"as_of": "2026-11-20"}).json()
    quotes = {quote["instrument"]: quote for quote in market["quotes"]}
    assert quotes["lithium_carbonate"]["unit"] == "CNY/t"
    assert all(quote["age_days"] is None or quote["age_days"] >= 0 for quote in market["quotes"])
    assert market["synthetic"] is True


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_head_answers_like_get(shared_client, path):
    asked, wanted = shared_client.head(path), shared_client.get(path)
    assert asked.status_code == wanted.status_code == 200
    assert asked.headers["content-type"] == wanted.headers["content-type"]
    assert asked.headers["content-length"] == wanted.headers["content-length"]


@pytest.mark.parametrize(
    "respell", [str.lower, lambda code: f"{code[:9]} {code[9:]}", lambda code: code.replace("P", "\uff30")]
)
def test_a_code_spelled_otherwise_gets_the_answer_of_the_clean_one(shared_client, pack, respell):
    spelled = value(shared_client, pack | {"battery_code": respell(pack["battery_code"])}).json()
    clean = value(shared_client, pack).json()
    note, *rest = sorted(spelled.pop("cautions"), key=lambda caution: caution["id"] != "I04")
    assert note["id"] == "I04"
    others = clean.pop("cautions")
    assert [caution["id"] for caution in rest] == [caution["id"] for caution in others]
    assert spelled | {"valuation_id": ""} == clean | {"valuation_id": ""}


def test_health_and_numbers(shared_client, pack):
    assert shared_client.get("/healthz").json() == {"status": "ok"}
    assert shared_client.get("/readyz").json()["status"] == "ready"
    value(shared_client, pack)
    shared_client.get("/v1/codes/secret-code-in-a-path")
    numbers = shared_client.get("/metrics").text
    assert 'canzhi_requests_total{method="POST",route="/v1/valuations",status="200"}' in numbers
    assert "canzhi_request_seconds_bucket" in numbers
    assert "secret-code-in-a-path" not in numbers


def test_a_store_that_went_away_is_not_ready(client, home):
    client.app.state.refresher.service.database.close()
    (home / "canzhi.sqlite").write_bytes(b"rubbish" * 1000)
    for rest in home.glob("canzhi.sqlite-*"):
        rest.unlink()
    _is_problem(client.get("/readyz"), 503, "store-not-ready")
