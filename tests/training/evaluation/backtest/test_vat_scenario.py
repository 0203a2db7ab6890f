"""An unnoticed VAT change: which prices are misread, by how much, and how methods are scored."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from training.configuration import TrainingConfig
from training.evaluation.backtest import baselines
from training.evaluation.backtest.rolling_origin import OURS, Plan, backtest, plan_origins
from training.evaluation.backtest.vat_scenario import VatChange, apply_vat_mistake, read_vat_change
from valuation.errors import FieldError
from valuation.record.to_columns import calendar_day

QUICK = TrainingConfig(trees=5, folds=2, market_calibration_rows=0)


@pytest.fixture(autouse=True)
def fast_baselines(monkeypatch):
    """Leave out the slow baselines; all methods are misled alike."""
    kept = {name: rival for name, rival in baselines.baselines().items() if name == "last price"}
    monkeypatch.setattr("training.evaluation.backtest.rolling_origin.baselines", lambda: kept)


@pytest.fixture
def middle(sales):
    return calendar_day(float(np.quantile(sales.sold_day, 0.5)))


def test_only_prices_with_tax_after_the_day_change(sales, augmentation, middle):
    tax = np.where(np.arange(len(sales)) % 2 == 0, 0.13, 0.0)
    seen = apply_vat_mistake(sales, tax, [VatChange(on=middle, rate=0.09)])
    after = sales.sold_day >= (middle - date(1970, 1, 1)).days
    np.testing.assert_array_equal(seen.wrong, after & (tax > 0.0))
    np.testing.assert_allclose(seen.sales.price_cny[seen.wrong], sales.price_cny[seen.wrong] * 1.09 / 1.13)
    np.testing.assert_array_equal(seen.sales.price_cny[~seen.wrong], sales.price_cny[~seen.wrong])
    misstated = dict(zip(sales.sale_id, seen.factor.tolist(), strict=True))
    copies = seen.copies(augmentation)
    np.testing.assert_allclose(
        copies.price_cny / augmentation.price_cny, [misstated[sale] for sale in augmentation.sale_id]
    )


def test_the_last_change_by_the_day_of_a_sale_is_in_force(sales):
    days = [calendar_day(float(np.quantile(sales.sold_day, share))) for share in (0.6, 0.3)]
    changes = [VatChange(on=days[0], rate=0.2), VatChange(on=days[1], rate=0.0)]
    seen = apply_vat_mistake(sales, np.full(len(sales), 0.13), changes)
    first, second = ((day - date(1970, 1, 1)).days for day in (days[1], days[0]))
    expected = np.where(sales.sold_day >= second, 1.2 / 1.13, np.where(sales.sold_day >= first, 1 / 1.13, 1.0))
    np.testing.assert_allclose(seen.factor, expected)


def test_a_change_without_effect_is_refused(sales, middle):
    with pytest.raises(FieldError, match="no price would be misread"):
        apply_vat_mistake(sales, np.zeros(len(sales)), [VatChange(on=middle, rate=0.09)])
    with pytest.raises(FieldError, match="no price would be misread"):
        apply_vat_mistake(sales, np.full(len(sales), 0.13), [VatChange(on=middle, rate=0.13)])


@pytest.mark.parametrize("text", ["", "2027-01-01", "soon=9%", "2027-01-01=lots", "2027-13-01=9%"])
def test_a_malformed_change_is_refused(text):
    with pytest.raises(FieldError, match="not a VAT change"):
        read_vat_change(text)


def test_methods_are_scored_by_true_prices(sales, augmentation, middle):
    origins = plan_origins(sales, QUICK, None, 12)
    plan = Plan(origins=origins, refit=False)
    seen = apply_vat_mistake(sales, np.full(len(sales), 0.13), [VatChange(on=middle, rate=0.6)])
    plain = backtest((sales, augmentation), None, QUICK, plan, lambda _: None)
    misled = backtest((seen.sales, seen.copies(augmentation)), None, QUICK, plan, lambda _: None, truth=sales)
    assert misled.entries[0].name == OURS
    np.testing.assert_array_equal(misled.evaluated.price_cny, plain.evaluated.price_cny)
    assert misled.entries[0].overall.bias > plain.entries[0].overall.bias + 0.1  # misled upwards
    assert misled.entries[0].money.turnover == plain.entries[0].money.turnover
    scored_as_read = backtest((seen.sales, seen.copies(augmentation)), None, QUICK, plan, lambda _: None)
    assert scored_as_read.entries[0].money.turnover > misled.entries[0].money.turnover


def test_lots_and_resales_are_matched_by_sale_and_pack(sales, augmentation, middle):
    twice = replace(sales, sale_id=("one order",) * len(sales))
    copies = replace(augmentation, sale_id=("one order",) * len(augmentation))
    seen = apply_vat_mistake(twice, np.full(len(sales), 0.13), [VatChange(on=middle, rate=0.0)])
    assert len(seen.copies(copies)) == len(augmentation)
