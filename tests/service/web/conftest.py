"""A handmade valuation for tests of the page without a market; photos of labels."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date

import msgspec
import numpy as np
import pytest
import zxingcpp
from PIL import Image

from service.answers.valuation import with_id
from service.web.formatting import Formatter
from service.web.valuation_view import view_answer
from valuation.result import (
    Band,
    Caution,
    Driver,
    Evidence,
    HealthEstimate,
    MarketCard,
    MetalValue,
    ModelCard,
    NextEvidence,
    PackState,
    RouteValue,
    Valuation,
    WidthDriver,
)

CODE = "001PB0A0000001A680000123"
SECOND_CODE = "T01PB0A0000002B3A0000456"


def _caution(identity: str, severity: str, effect: str = "none", effect_zh: str = "") -> Caution:
    return Caution(
        id=identity,
        severity=severity,
        message_en=f"about {identity}",
        message_zh=f"关于 {identity}",
        effect=effect,
        effect_zh=effect_zh,
    )


HANDMADE = Valuation(
    battery_code=CODE,
    as_of=date(2026, 11, 20),
    currency="CNY",
    vat_included=False,
    region="CN",
    residual_value=Band(
        point=4210.4,
        lower=3650.2,
        upper=4900.0,
        level=0.9,
        per_kwh=80.2,
        quantiles={"0.05": 3650.2, "0.25": 3990.0, "0.5": 4210.4, "0.75": 4480.0, "0.95": 4900.0},
    ),
    routes=(
        RouteValue(route="recycling", value=3900.0, probability=0.8, open=True, blocked_by=()),
        RouteValue(route="second_life", value=4700.0, probability=0.2, open=True, blocked_by=()),
        RouteValue(route="reuse", value=2100.0, probability=0.0, open=False, blocked_by=("K04", "U05")),
    ),
    best_route="recycling",
    state=PackState(
        soh=HealthEstimate(value=0.78, sd=0.03, source="quick_test"), full_cycles=None, calendar_age_a=6.45
    ),
    metals=(
        MetalValue(element="Li", mass_kg=4.6, value_cny=2500.0, value_change_per_pct_cny=25.0),
        MetalValue(element="graphite", mass_kg=47.0, value_cny=0.0, value_change_per_pct_cny=0.0),
    ),
    drivers=(
        Driver(feature="metal:Li", label_en="lithium content", label_zh="锂含量", effect_cny=4500.5),
        Driver(feature="cost:transport", label_en="transport", label_zh="运输", effect_cny=-290.1),
    ),
    base_cny=0.0,
    width_drivers=(
        WidthDriver(feature="soh_sd", label_en="uncertainty of health", label_zh="健康状态不确定度", factor=1.25),
    ),
    base_width_cny=999.84,
    evidence=Evidence(
        tier="T3",
        grade="B",
        next_best=(NextEvidence(action="capacity_test", band_width_now_cny=1249.8, band_width_after_cny=937.35),),
    ),
    cautions=(
        _caution("I01", "info", "info"),
        _caution(
            "V01", "warn", "the band is wide because no sales have narrowed it", "尚无成交数据缩小区间，故区间较宽"
        ),
        _caution("P04", "block"),
    ),
    model=ModelCard(
        name="champion",
        version="3",
        digest="sha256:" + "ab" * 32,
        trained_through="2026-06-30",
        demonstration=True,
        group_used="lfp",
        effective_sales=412.0,
    ),
    market=MarketCard(
        digest="sha256:" + "cd" * 32, oldest_quote_days=3.0, quotes={"copper": "2026-11-17"}, synthetic=True
    ),
    input_digest="sha256:" + "ef" * 32,
)


@pytest.fixture
def handmade():
    """Return the view of the handmade valuation with changed fields."""

    def view(language: str = "en", **changes: object):
        return view_answer(msgspec.json.encode(with_id(replace(HANDMADE, **changes), "id-1")), Formatter(language))

    return view


@pytest.fixture
def symbol():
    """Return a photo of barcodes on a grey table, slightly rotated, as JPEG or PNG."""

    def draw(*texts: str, kind: str = "QRCode", file_format: str = "JPEG", turn: float = 7.0) -> bytes:
        table = Image.new("L", (40 + 420 * len(texts), 460), 190)
        for place, text in enumerate(texts):
            barcode = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
            pixels = np.array(zxingcpp.write_barcode_to_image(barcode, scale=8))
            label = Image.fromarray(pixels).resize((380, 380), Image.Resampling.NEAREST)
            table.paste(label, (40 + 420 * place, 40))
        photo = io.BytesIO()
        table.rotate(turn, fillcolor=190, expand=True).save(photo, file_format)
        return photo.getvalue()

    return draw
