"""Views of a handmade valuation."""

from __future__ import annotations

import re
from itertools import pairwise

from service.web.formatting import Formatter
from service.web.pages import templates
from valuation.result import Band


def rendered(view, language: str) -> str:
    formatter = Formatter(language)
    return (
        templates()
        .get_template("answer.html")
        .render(s=formatter, t=formatter.say, view=view, other="zh", here="/valuations/id-1", posted=False)
    )


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_value_is_formatted_for_the_language(handmade):
    english, chinese = (text_of(rendered(handmade(language), language)) for language in ("en", "zh"))
    assert "4,210 CNY" in english
    assert "3,650 – 4,900 CNY at 90 %" in english
    assert "4,210 元" in chinese
    assert "90% 区间：3,650 – 4,900 元" in chinese
    assert "without VAT" in english
    assert "不含增值税" in chinese


def test_cautions_come_gravest_first_in_the_reader_s_language(handmade):
    lines = handmade("zh").cautions
    assert [(line.id, line.severity) for line in lines] == [("P04", "block"), ("V01", "warn"), ("I01", "info")]
    assert lines[1].message == "关于 V01"
    assert lines[1].effect == "尚无成交数据缩小区间，故区间较宽"
    assert lines[2].effect is None


def test_a_closed_route_has_its_reason(handmade):
    reuse = handmade("en").routes[2]
    assert not reuse.open
    assert reuse.reasons[0] == "The pack is too old to go back into a vehicle."
    assert reuse.reasons[1] == "U05"  # its sentence holds a number that only the caution would know


def test_a_demonstration_model_is_named_as_such(handmade):
    assert "模型由合成市场训练，行情亦为合成数据" in rendered(handmade("zh"), "zh")


def test_actions_that_narrow_the_band_have_their_share(handmade):
    (action,) = handmade("en").actions
    assert action.label == "Test remaining capacity in a laboratory"
    assert round(action.narrower, 3) == 0.25


def test_a_negative_value_is_explained(handmade):
    band = Band(point=-120.5, lower=-300.0, upper=40.0, level=0.9, per_kwh=-2.3, quantiles={})
    text = text_of(rendered(handmade("en", residual_value=band), "en"))
    assert "−120 CNY" in text or "−121 CNY" in text
    assert "fee that the seller pays" in text


def test_texts_of_a_record_are_escaped(handmade):
    nasty = "<script>alert(1)</script>"
    html = rendered(handmade("en", battery_code=nasty), "en")
    assert nasty not in html
    assert "&lt;script&gt;" in html


def test_headings_do_not_skip_a_level(handmade):
    levels = [int(level) for level in re.findall(r"<h([1-6])", rendered(handmade("en"), "en"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
