"""The training set: every sale as known on its own day."""

from dataclasses import replace

import numpy as np
import pytest

from training.dataset.training_set import build, degraded, join
from valuation import features
from valuation.appraisal import appraise
from valuation.errors import TooFewSales
from valuation.ingest import read_trace
from valuation.record.cases import TraceTable
from valuation.record.to_columns import calendar_day


def first(ledger, count):
    return ledger.take(np.arange(count))


def test_every_sale_is_used_or_rejected(table, ledger, quotes, sales):
    _, rejected_rows = build(table, ledger, quotes)
    assert len(sales) + sum(rejected_rows.values()) == ledger.rows_read
    assert len(sales) > 200
    assert sales.matrix.shape == (len(sales), len(features.NAMES))
    assert np.isfinite(sales.price).all()
    assert set(sales.sale_id) <= set(ledger.sale_id)


def test_later_events_do_not_change_a_cell(table, ledger, quotes):
    few = first(ledger, 60)
    known, _ = build(table, few, quotes)
    day = dict(zip(few.battery_code, few.sold_day, strict=True))
    limit = np.array([day.get(code, np.inf) for code in table.texts["battery_code"]])[table.row]
    reported = np.fmax(table.events["on_day"], table.events["reported_day"])
    early = reported <= limit
    assert 0 < early.sum() < len(early)
    cut_table = replace(
        table, events={name: column[early] for name, column in table.events.items()}, row=table.row[early]
    )
    without, _ = build(cut_table, few, quotes)
    np.testing.assert_array_equal(known.matrix, without.matrix)
    np.testing.assert_array_equal(known.structural, without.structural)
    assert known.groups == without.groups
    late = {name: np.concatenate([column, column]) for name, column in table.events.items()}
    late["on_day"][len(table.row) :] += 20_000.0
    late["reported_day"][len(table.row) :] += 20_000.0
    doubled = replace(table, events=late, row=np.concatenate([table.row, table.row]))
    np.testing.assert_array_equal(build(doubled, few, quotes)[0].matrix, known.matrix)


def test_a_sale_has_the_features_of_a_valuation_on_its_day(sales, quotes, market_folder):
    row = int(np.flatnonzero(sales.tier >= 2)[0])
    traces = read_trace([str(market_folder / "packs.parquet"), str(market_folder / "events.parquet")])
    at = next(at for at, history in enumerate(traces.histories) if history.battery_code == sales.packs[row])
    alone = traces.part(slice(at, at + 1))
    answer = appraise(alone, quotes, as_of=calendar_day(float(sales.sold_day[row])), region=sales.region[row] or "CN")
    assert answer.residual_value.per_kwh == pytest.approx(sales.structural[row], abs=0.005)  # rounded to the fen
    assert answer.evidence.tier == f"T{int(sales.tier[row])}"


def test_sales_of_packs_without_a_record_are_rejected(table, ledger, quotes):
    few = first(ledger, 5)
    unknown = replace(few, battery_code=("unheard of", *few.battery_code[1:]))
    found, rejected_rows = build(table, unknown, quotes)
    assert len(found) == 4
    assert rejected_rows["no trace record of the pack"] == 1
    with pytest.raises(TooFewSales, match="no trace record"):
        build(table, replace(few, battery_code=("unheard of",) * 5), quotes)


def test_sales_before_the_quotes_are_rejected(table, ledger, quotes):
    few = first(ledger, 5)
    day = few.sold_day.copy()
    day[2] = quotes.complete_from - 1.0
    found, rejected_rows = build(table, replace(few, sold_day=day), quotes)
    assert found.sale_id == few.sale_id[:2] + few.sale_id[3:]
    assert rejected_rows["sold before every instrument is quoted"] == 1


def test_the_total_of_a_lot_is_allocated_by_structural_value(table, ledger, quotes):
    few = first(ledger, 6)
    price, lot = few.price_cny.copy(), np.full(6, np.nan)
    price[1:4], lot[1:4] = np.nan, 30_000.0
    names = (None, "L", "L", "L", None, "alone")
    found, _ = build(table, replace(few, price_cny=price, lot_price_cny=lot, lot_id=names), quotes)
    assert found.price_cny[1:4].sum() == pytest.approx(30_000.0)
    worth = np.maximum(found.structural * found.energy_kwh, 0.0)[1:4]
    np.testing.assert_allclose(found.price_cny[1:4], 30_000.0 * worth / worth.sum())
    np.testing.assert_array_equal(found.price_cny[[0, 4, 5]], few.price_cny[[0, 4, 5]])


def test_degraded_records_keep_price_and_day(sales, augmentation, table, quotes):
    place = {sale: row for row, sale in enumerate(sales.sale_id)}
    rows = np.array([place[sale] for sale in augmentation.sale_id])
    np.testing.assert_array_equal(augmentation.price_cny, sales.price_cny[rows])
    np.testing.assert_array_equal(augmentation.sold_day, sales.sold_day[rows])
    assert (augmentation.tier <= sales.tier[rows]).all()
    assert {0.0, 1.0, 2.0} <= set(augmentation.tier)
    assert 0.3 < len(augmentation) / len(sales) < 0.7
    again = degraded(sales, table, quotes, share=0.5, seed=0)
    np.testing.assert_array_equal(again.matrix, augmentation.matrix)
    assert len(degraded(sales, table, quotes, share=0.0, seed=0)) == 0


def test_joined_parts_are_concatenated(sales, augmentation):
    both = join([sales, augmentation])
    assert len(both) == len(sales) + len(augmentation)
    assert both.packs == sales.packs + augmentation.packs
    kept = both.where(np.arange(len(both)) >= len(sales))
    np.testing.assert_array_equal(kept.matrix, augmentation.matrix)
    assert isinstance(kept.groups, tuple)


def test_a_table_without_events_can_be_used(table, ledger, quotes):
    none = TraceTable(
        packs=table.packs,
        texts=table.texts,
        events={name: column[:0] for name, column in table.events.items()},
        row=table.row[:0],
    )
    found, _ = build(none, first(ledger, 5), quotes)
    assert (found.tier == 0.0).all()
    assert np.isfinite(found.structural).all()
