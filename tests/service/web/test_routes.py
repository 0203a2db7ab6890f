"""The page: code, record, files, photo, errors, one valuation and its report."""

from __future__ import annotations

import json
import re

import pytest

from service.reproduction import reproduce_valuation

CODE = "001PB0A0000001A680000123"
SECOND_CODE = "T01PB0A0000002B3A0000456"
TWO_PACKS = (
    "电池编码,电池类型,额定能量(kWh),生产日期\n"
    f"{SECOND_CODE},磷酸铁锂,62.0,2021-03-10\n"
    "T02PE010000009B1S0000078,三元,55.0,2021-01-26\n"
)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def send(client, files=(), lang="en", **fields):
    return client.post(f"/?lang={lang}", data=fields, files=[("files", one) for one in files], follow_redirects=False)


def valued(client, *args, **kwargs):
    answer = send(client, *args, **kwargs)
    assert answer.status_code == 303, text_of(answer.text)[:600]
    return answer.headers["location"]


def test_a_wrong_method_lists_all_allowed_methods(shared_client):
    response = shared_client.put("/")
    assert response.status_code == 405
    assert {"GET", "POST"} <= set(response.headers["allow"].split(", "))


def test_the_form_has_labels_and_needs_no_script(shared_client):
    html = shared_client.get("/?lang=en").text
    for field in ("code", "files", "chemistry", "rated_energy_kwh", "made_on", "record", "as_of", "level"):
        assert f'<label for="{field}">' in html
    assert re.search(r'<input id="code"[^>]* autofocus', html)
    assert 'method="post" action="/" enctype="multipart/form-data"' in html


@pytest.mark.parametrize("path", ["/", "/valuations/none", "/valuations/none/report"])
def test_every_page_has_the_headers_that_keep_it_safe(shared_client, path):
    headers = shared_client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("file", "kind"), [("canzhi.css", "text/css"), ("canzhi.js", "javascript"), ("canzhi.svg", "image/svg+xml")]
)
def test_the_page_s_own_files_are_served(shared_client, file, kind):
    answer = shared_client.get(f"/static/{file}")
    assert answer.status_code == 200
    assert kind in answer.headers["content-type"]


def test_nothing_beside_the_page_s_own_files_is_served(shared_client):
    assert shared_client.get("/static/../routes.py").status_code == 404
    assert shared_client.get("/static/%2e%2e/routes.py").status_code == 404


@pytest.mark.parametrize(("lang", "amount"), [("en", "CNY"), ("zh", "元")])
def test_a_code_becomes_a_value(shared_client, lang, amount):
    place = valued(shared_client, code=f" {CODE.lower()} ", lang=lang)
    page = shared_client.get(f"{place}?lang={lang}")
    kept = json.loads(shared_client.get(f"/v1{place}").content)
    assert page.status_code == 200
    assert f"{kept['residual_value']['point']:,.0f} {amount}" in text_of(page.text)
    assert kept["battery_code"] == CODE
    assert shared_client.get(f"{place}/answer.json").content == shared_client.get(f"/v1{place}").content


def test_a_nameplate_narrows_what_a_code_leaves_open(shared_client):
    bare, plated = (
        json.loads(shared_client.get("/v1" + valued(shared_client, code=CODE, **more)).content)["residual_value"]
        for more in ({}, {"chemistry": "LFP", "rated_energy_kwh": "52,5", "made_on": "2020-06-08"})
    )
    assert (plated["upper"] - plated["lower"]) / plated["point"] < (bare["upper"] - bare["lower"]) / bare["point"]


def test_an_old_pack_without_a_label_is_valued_by_its_nameplate(shared_client):
    place = valued(shared_client, chemistry="NMC622", rated_energy_kwh="55")
    assert "Pack without a code" in shared_client.get(f"{place}?lang=en").text


def test_a_typed_code_finds_its_kept_history(client):
    event = {
        "type": "usage",
        "on": "2025-03-31",
        "reported_on": "2025-04-02",
        "soh": 0.71,
        "soh_source": "bms",
        "full_cycles": 900.0,
    }
    client.post(f"/v1/packs/{CODE}/events", json={"pack": {"rated_energy_kwh": 52.5}, "events": [event]})
    kept = json.loads(client.get("/v1" + valued(client, code=CODE)).content)
    assert kept["state"]["full_cycles"] is not None
    assert kept["evidence"]["tier"] == "T2"


@pytest.mark.parametrize("way", ["record", "code", "file", "wrong_name"])
def test_a_trace_record_is_taken_pasted_or_uploaded(shared_client, pack, way):
    content = json.dumps(pack)
    place = {
        "record": lambda: valued(shared_client, record=content),
        "code": lambda: valued(shared_client, code=content),
        "file": lambda: valued(shared_client, files=[("pack.json", content, "application/json")]),
        "wrong_name": lambda: valued(shared_client, files=[("photo.jpg", content, "image/jpeg")]),
    }[way]()
    assert json.loads(shared_client.get("/v1" + place).content)["battery_code"] == pack["battery_code"]


def test_the_page_and_the_api_give_the_same_answer(shared_client, pack):
    by_page = json.loads(shared_client.get("/v1" + valued(shared_client, record=json.dumps(pack))).content)
    by_api = shared_client.post("/v1/valuations", json={"trace": pack}).json()
    del by_page["valuation_id"], by_api["valuation_id"]
    assert by_page == by_api


def test_values_of_the_page_are_reproducible(client, pack):
    place = valued(client, record=json.dumps(pack), as_of="2026-10-31", level="0.8")
    service = client.app.state.refresher.service
    assert reproduce_valuation(service.database, place.rpartition("/")[2], service.settings.home).identical
    assert json.loads(client.get("/v1" + place).content)["as_of"] == "2026-10-31"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_csv_of_packs_becomes_a_table_with_a_link_to_each(client, lang):
    answer = send(client, files=[("packs.csv", TWO_PACKS.encode(), "text/csv")], lang=lang)
    places = re.findall(r'href="(/valuations/[^"]+)"', answer.text)
    assert answer.status_code == 200
    assert len(places) == 2
    assert all(client.get(place).status_code == 200 for place in places)
    assert SECOND_CODE in answer.text


def test_in_a_lot_each_pack_has_its_own_result(client, pack):
    recycled = pack | {"events": [{"type": "recycled_done", "on": "2025-01-01"}], "battery_code": SECOND_CODE}
    lines = "\n".join(json.dumps(one) for one in (pack, recycled)) + "\n{not json}\n"
    answer = send(client, files=[("lot.jsonl", lines, "text/plain")], lang="zh")
    text = text_of(answer.text)
    assert "已评估 1 个，未评估 2 个" in text
    assert "该电池不予评估" in text
    assert re.search(r"该电池已于评估基准日前\d+天完成再生利用", text)


def test_two_packs_with_one_code_are_refused_both(client, pack):
    lines = "\n".join(json.dumps(one) for one in (pack, pack | {"rated_energy_kwh": 60.0}))
    answer = send(client, files=[("lot.jsonl", lines, "text/plain")], lang="zh")
    assert answer.status_code == 422
    assert answer.text.count("有两个电池包使用同一编码") == 2
    assert "/valuations/" not in answer.text


def test_too_many_packs_are_turned_away_before_any_is_valued(client):
    lines = "\n".join(json.dumps({"chemistry": "LFP", "rated_energy_kwh": 50 + n / 100}) for n in range(1001))
    answer = send(client, files=[("lot.jsonl", lines, "text/plain")])
    assert answer.status_code == 422
    assert "1001 packs, more than 1000" in text_of(answer.text)


@pytest.mark.parametrize("kind", ["QRCode", "DataMatrix"])
def test_a_photo_of_a_label_becomes_a_value(shared_client, symbol, kind):
    place = valued(shared_client, files=[("IMG_1.jpg", symbol(CODE, kind=kind), "image/jpeg")])
    assert json.loads(shared_client.get("/v1" + place).content)["battery_code"] == CODE


def test_of_two_labels_in_a_photo_the_person_chooses(shared_client, symbol):
    answer = send(shared_client, files=[("a.png", symbol(CODE, SECOND_CODE, turn=0.0), "image/png")])
    assert answer.status_code == 422
    assert f'name="chosen" value="{CODE}"' in answer.text
    assert valued(shared_client, chosen=SECOND_CODE, code=CODE)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_form_error_is_shown_and_the_input_kept(shared_client, lang):
    typed = {"code": "T01PH010000001B150000123", "as_of": "2026-10-01", "level": "0.8", "made_on": "2020-01-02"}
    answer = send(shared_client, lang=lang, **typed)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert ("第5位不是A至G或Z" if lang == "zh" else "Position 5 is not one of A to G or Z") in answer.text
    assert 'aria-invalid="true" aria-describedby="problem-detail code-help"' in answer.text
    for text in (typed["code"], typed["as_of"], typed["made_on"], '<option value="0.8" selected>'):
        assert text in answer.text


WRONG = {
    "nothing": ({}, "Nothing was entered", "尚未输入任何内容"),
    "energy": ({"chemistry": "LFP", "rated_energy_kwh": "many"}, "not a number", "字段取值有误"),
    "level": ({"code": CODE, "level": "most"}, "is not a fraction", "不是小数"),
    "level out of bounds": ({"code": CODE, "level": "7"}, "level", "字段取值有误"),
    "day": ({"code": CODE, "as_of": "yesterday"}, "no ISO date", "字段取值有误"),
    "day before all quotes": ({"code": CODE, "as_of": "1999-01-01"}, "quote", "缺少"),
    "record": ({"record": "this is no record"}, "Record is neither JSON nor a table", "文件无法读取"),
    "field": ({"record": '{"battery_code": "x", "events": [{"type": "usage", "soh": 88}]}'}, "soh", "字段取值有误"),
    "two ways": ({"record": "{}", "files": [("a.json", b"{}")]}, "came together", "同时提交"),
    "chemistry": ({"chemistry": "WOOD", "rated_energy_kwh": "50"}, "WOOD", "字段取值有误"),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_wrong_entry_has_its_sentence_in_both_languages(shared_client, case):
    fields, english, chinese = WRONG[case]
    for lang, sentence in (("en", english), ("zh", chinese)):
        answer = send(shared_client, lang=lang, **fields)
        assert answer.status_code == 422
        problem = re.search(r'<section class="problem".*?</section>', answer.text, re.DOTALL)
        assert problem is not None
        assert sentence in text_of(problem.group())


def test_refusals_are_shown_in_chinese_with_the_english_text(shared_client):
    answer = send(shared_client, lang="zh", record="this is no record")
    assert re.search(r'<p id="problem-detail">记录 既不是 JSON', answer.text)
    assert '<p lang="en">record is neither JSON' in answer.text


def test_a_day_before_all_quotes_has_a_chinese_message(shared_client):
    text = text_of(send(shared_client, lang="zh", code=CODE, as_of="1999-01-01").text)
    assert "1999-01-01 及之前无报价" in text


def test_submitted_text_is_shown_escaped(shared_client):
    nasty = '"><script>alert(1)</script>'
    answer = send(shared_client, code=nasty, rated_energy_kwh=nasty)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text


def test_too_large_bodies_and_malformed_forms_are_refused(shared_client):
    assert shared_client.post("/", files={"files": ("big.json", b"x" * 9_000_000)}).status_code == 413
    broken = shared_client.post(
        "/", content=b"--x\r\nnonsense", headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert broken.status_code == 422


def test_a_form_sent_by_another_site_is_refused(shared_client):
    answer = shared_client.post("/", data={"code": CODE}, headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 403


def test_an_unknown_valuation_is_a_page_for_people_and_a_problem_for_programs(shared_client):
    for path in ("/valuations/none", "/valuations/none/report"):
        answer = shared_client.get(f"{path}?lang=zh")
        assert answer.status_code == 404
        assert "评估结果不存在" in answer.text
    answer = shared_client.get("/v1/valuations/none/report")
    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown-valuation"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_holds_what_a_recycler_files(client, pack, lang):
    place = valued(client, record=json.dumps(pack))
    kept = json.loads(client.get("/v1" + place).content)
    answer = client.get(f"/v1{place}/report?lang={lang}")
    text = text_of(answer.text)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    told = [
        pack["battery_code"],
        f"{kept['residual_value']['point']:,.2f}",
        f"canzhi reproduce {kept['valuation_id']}",
        kept["market"]["digest"],
        kept["model"]["digest"],
        kept["input_digest"],
        *(one["message_zh" if lang == "zh" else "message_en"][1:] for one in kept["cautions"]),
        *(one["label_zh" if lang == "zh" else "label_en"] for one in (*kept["drivers"], *kept["width_drivers"])),
        *(("碳酸锂", "磷酸铁锂锂折扣系数", "2026年11月20日") if lang == "zh" else ("lithium carbonate", "20 Nov 2026")),
    ]
    assert [one for one in told if one not in text.replace("&#39;", "'").replace("&lt;", "<")] == []
    assert client.get(f"{place}/report?lang={lang}").text.replace(place, "") == answer.text.replace(
        f"/v1{place}", place
    ).replace(place, "")


def test_a_report_names_its_market_scenario(client, pack):
    made = client.post("/v1/valuations", json={"trace": pack, "market_shift": {"lithium_carbonate": 1.25}}).json()
    text = text_of(client.get(f"/v1/valuations/{made['valuation_id']}/report?lang=en").text)
    assert "Scenario: lithium carbonate × 1.25" in text


def test_a_report_shows_the_quotes_of_its_own_day_after_the_market_went_on(client, pack):
    place = valued(client, record=json.dumps(pack), as_of="2026-09-30")
    assert "30 Sep 2026" in client.get(f"{place}/report?lang=en").text
