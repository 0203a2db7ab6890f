"""Error messages of `valuation` in Chinese."""

from __future__ import annotations

import json
from datetime import date

import pytest

from service.web.form import FormEntry
from service.web.formatting import Formatter
from service.web.problem_view import view_error
from valuation.errors import CanzhiError
from valuation.ingest import read_passport, read_trace

CODE = "001PB0A0000001A680000123"


def usage(**facts: object) -> str:
    return json.dumps({"battery_code": CODE, "events": [{"type": "usage", "on": "2024-03-31"} | facts]})


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (usage(soh=88), "events[0].soh 为 88，超过可能的最大值"),
        (usage(soh=-3), "低于可能的最小值"),
        (usage(soh="high"), "不是数字"),
        (usage(on="soon"), "不是 ISO 8601 日期"),
        (usage(soh=88, full_cycles=-5), "；"),
        (usage(type="party"), "应为以下之一"),
        ('{"battery_code": "x9"}', "不符合 GB/T 34014，且未给出电池类型和额定能量"),
        ('{"chemistry": "LFP"}', "缺少电池编码，且未给出额定能量"),
        ("{", "不是有效的 JSON"),
        (b"PK\x03\x04 workbook", "Excel"),
    ],
)
def test_a_refused_record_has_a_chinese_message(source, told):
    with pytest.raises(CanzhiError) as caught:
        read_trace(source)
    seen = view_error(caught.value, Formatter("zh"), FormEntry(), date(2026, 11, 20))
    assert told in seen.detail
    assert seen.advice
    assert seen.original == caught.value.message


def test_a_refused_passport_has_a_chinese_message_and_hint():
    with pytest.raises(CanzhiError) as caught:
        read_passport('{"batteryMaterials": [], "batteryChemistry": {}}')
    seen = view_error(caught.value, Formatter("zh"), FormEntry(), date(2026, 11, 20))
    assert "电池护照无法评估：其中无法得知电池类型和额定能量" in seen.detail
    assert "一并上传" in seen.advice
    assert "the " not in seen.detail
