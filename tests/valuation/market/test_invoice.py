"""The seller's invoice moves what a buyer pays in cash, and every answer states its value by weight and with tax."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from valuation.appraisal import appraise
from valuation.errors import FieldError
from valuation.ingest import read_market, read_trace
from valuation.market.invoice import INVOICES, cash_factor
from valuation.record.to_columns import day_number

ROOT = Path(__file__).parents[3]
SAMPLE, BURNT_OUT = ROOT / "data_samples" / "lfp_taxi.json", ROOT / "tests" / "cases" / "burnt_out.json"


@pytest.fixture(scope="module")
def market():
    return read_market(ROOT / "data_samples" / "quotes.csv")


def band_of(market, path=SAMPLE, **terms):
    return appraise(read_trace(path), market, **({"as_of": "2026-11-20"} | terms)).residual_value


def test_the_invoice_changes_only_the_cash_price(market):
    bands = {invoice: band_of(market, invoice=invoice) for invoice in INVOICES}
    points = {band.point for band in bands.values()}
    assert len(points) == 1
    point = points.pop()
    assert {name: round(band.with_vat / point, 3) for name, band in bands.items()} == {
        "general": 1.13,
        "simplified": 1.03,
        "reverse": 1.01,
        "none": 0.95,
    }
    assert [band.invoice for band in bands.values()] == list(INVOICES)
    assert len({replace(band, with_vat=0.0, invoice="") for band in map(hashable, bands.values())}) == 1


def hashable(band):
    return replace(band, quantiles=tuple(band.quantiles.items()))


def test_without_an_invoice_named_the_general_one_counts(market):
    assert band_of(market) == band_of(market, invoice="general")


def test_the_general_rate_is_that_of_the_day():
    assert cash_factor("general", day_number(date(2018, 4, 1))) == pytest.approx(1.17)
    assert cash_factor("general", day_number(date(2019, 4, 1))) == pytest.approx(1.13)


def test_an_unknown_invoice_is_refused_with_the_choices(market):
    with pytest.raises(FieldError, match="general or simplified or reverse or none") as refused:
        band_of(market, invoice="17 %")
    assert refused.value.field == "invoice"


def test_an_answer_states_its_value_per_kg_and_per_remaining_kwh(market):
    traces = read_trace(SAMPLE)
    answer = appraise(traces, market, as_of="2026-11-20")
    band, packs = answer.residual_value, traces.table.packs
    assert band.per_kg == pytest.approx(band.point / packs["mass_kg"][0], abs=0.006)
    assert band.per_remaining_kwh == pytest.approx(band.per_kwh / answer.state.soh.value, abs=0.01)


@pytest.mark.parametrize("invoice", INVOICES)
def test_who_has_a_pack_disposed_of_pays_the_tax_on_top(market, invoice):
    band = band_of(market, BURNT_OUT, invoice=invoice)
    assert band.with_vat == pytest.approx(1.13 * band.point, abs=0.01)
    assert band.with_vat < band.point < 0.0
