"""Prices per kWh or kg in a ledger become prices of packs, or are refused by the name of their heading."""

from dataclasses import replace

import numpy as np
import pytest

from training.dataset.training_set import build_training_set
from training.sales_ledger import read_ledger
from training.sales_ledger.export import sales_of
from valuation.errors import UnreadableLedger

ROWS = "T01PB0A0000002B3A0000458,2026-05-01,92.0,是\nT01PB0A0000002B3A0000459,2026-05-02,88.5,是\n"


@pytest.fixture
def single(ledger):
    """The first sales that have a price of their own."""
    return ledger.take(np.flatnonzero(~np.isnan(ledger.price_cny))[:120])


def write(tmp_path, heading, rows=ROWS):
    path = tmp_path / "成交.csv"
    path.write_text(f"电池编码,成交日期,{heading},含税\n{rows}", "utf-8")
    return path


def energy_of(ledger, table):
    place = {code: row for row, code in enumerate(table.texts["battery_code"])}
    return table.packs["rated_energy_kwh"][[place[code] for code in ledger.battery_code]]


@pytest.mark.parametrize(
    ("heading", "per", "factor"),
    [
        *[("成交价(元/kWh)", "kWh", 1.0), ("成交价/元/度", "kWh", 1.0), ("单价（元/公斤）", "kg", 1.0)],
        *[("成交价（千元/吨）", "kg", 1.0), ("成交价(千元)", "", 1000.0), ("成交价", "", 1.0)],
    ],
)
def test_the_heading_states_the_unit_of_a_price(tmp_path, heading, per, factor):
    ledger = read_ledger(write(tmp_path, heading))
    assert (ledger.price_per, ledger.price_heading) == (per, heading)
    assert ledger.price_cny.tolist() == [92.0 * factor / 1.13, 88.5 * factor / 1.13]


def test_prices_per_kwh_are_multiplied_with_the_energy_of_the_pack(single, table, quotes):
    per_kwh = single.price_cny / energy_of(single, table)
    fine = single.take(np.flatnonzero(np.isfinite(per_kwh)))
    wanted, _ = build_training_set(table, fine, quotes)
    by_unit = replace(fine, price_cny=fine.price_cny / energy_of(fine, table), price_per="kWh")
    found, kept = build_training_set(table, by_unit, quotes)
    assert found.sale_id == wanted.sale_id
    np.testing.assert_allclose(found.price_cny, wanted.price_cny, rtol=1e-12)
    assert kept.notes["per unit"] >= len(found)


def test_a_pack_without_a_mass_is_rejected_by_reason(single, table, quotes):
    unknown = replace(table, packs={**table.packs, "mass_kg": np.full(table.rows, np.nan)})
    some = single.take(np.arange(3))
    with pytest.raises(Exception, match="per kWh or kg"):
        build_training_set(unknown, replace(some, price_per="kg"), quotes)


@pytest.mark.parametrize(("unit", "divide"), [("CNY/kWh", None), ("千元", 1000.0), ("万元", 10_000.0)])
def test_a_column_in_a_unit_that_its_heading_does_not_state_is_refused(single, table, quotes, unit, divide):
    quantity = energy_of(single, table) if divide is None else divide
    with pytest.raises(UnreadableLedger, match="成交价") as caught:
        build_training_set(
            table, replace(single, price_cny=single.price_cny / quantity, price_heading="成交价"), quotes
        )
    assert f"in {unit}" in caught.value.message


def test_a_ledger_without_traces_cannot_be_converted_and_is_refused_by_its_heading(tmp_path, quotes):
    with pytest.raises(UnreadableLedger, match=r"成交价\(元/kWh\)"):
        sales_of(write(tmp_path, "成交价(元/kWh)"), quotes, None)
    with pytest.raises(UnreadableLedger, match="元/Ah"):
        read_ledger(write(tmp_path, "成交价(元/Ah)"))


def test_totals_of_lots_and_prices_per_unit_do_not_mix(tmp_path):
    path = tmp_path / "lots.csv"
    path.write_text(
        "电池编码,成交日期,成交价(元/kWh),批次总价,含税\nT01PB0A0000002B3A0000458,2026-05-01,92,,是\n", "utf-8"
    )
    with pytest.raises(UnreadableLedger, match="成交价"):
        read_ledger(path)


@pytest.mark.parametrize(("unit", "divide"), [("CNY/kWh", None), ("万元", 10_000.0)])
def test_one_row_in_another_unit_is_rejected_and_the_others_are_used(single, table, quotes, unit, divide):
    wanted, kept = build_training_set(table, single, quotes)
    usual = wanted.price_cny / np.maximum(wanted.structural * wanted.energy_kwh, 1.0)
    sale = wanted.sale_id[int(np.argmin(abs(np.log(np.maximum(usual, 1e-9) / np.median(usual)))))]
    place = single.sale_id.index(sale)
    prices = single.price_cny.copy()
    prices[place] /= energy_of(single, table)[place] if divide is None else divide
    found, left = build_training_set(table, replace(single, price_cny=prices), quotes)
    assert set(wanted.sale_id) - set(found.sale_id) == {sale}
    (rejected,) = [row for row in left.row_errors if row.reason == "other unit"]
    assert f"({unit}?)" in rejected.value
    assert not [row for row in kept.row_errors if row.reason == "other unit"]
