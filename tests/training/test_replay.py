"""Valuing in the order of days: news is told when it is known, and never earlier."""

import numpy as np

import training.evaluation.replay
from training.evaluation.replay import roll


class Listener:
    """Stands in for an estimator: it only remembers what it was told and asked, and when."""

    def __init__(self):
        self.told, self.habits_ = [], {}

    def update(self, table, price, *, time, as_of, base, groups):
        assert len(table) == len(price) == len(base) == len(groups)
        self.told.append((as_of, np.array(time)))


def test_every_sale_is_told_once_and_only_when_its_price_is_known(sales, config, monkeypatch):
    listener, asked = Listener(), []

    def answer(estimator, some, level):
        asked.append(some.sold_day)
        return training.evaluation.replay.Forecast(
            price=some.price, point=some.price, lower=some.price, upper=some.price
        )

    monkeypatch.setattr(training.evaluation.replay, "forecast", answer)
    start = float(np.quantile(sales.sold_day, 0.7))
    said, tested = roll(listener, sales, start, config)
    for as_of, days in listener.told:
        assert (days + config.label_delay_days <= as_of).all()
    told = np.concatenate([days for _, days in listener.told])
    assert len(told) == len(np.unique(np.flatnonzero(np.isin(sales.sold_day, told))))
    assert (sales.sold_day[tested] > start).all()
    np.testing.assert_array_equal(tested, sales.sold_day > start)
    np.testing.assert_array_equal(said.point, sales.price[tested])
    for days, (as_of, _) in zip(asked[1:], listener.told, strict=False):
        assert days.min() > as_of - training.evaluation.replay.STEP_DAYS
