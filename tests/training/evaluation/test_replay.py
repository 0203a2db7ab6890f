"""Replay in order of day: a price is used once it is reported, and never earlier."""

import numpy as np

from training.evaluation import replay as replays


def test_every_sale_is_used_once_and_only_after_its_price_is_reported(sales, config, monkeypatch):
    recentred, predicted_days = [], []

    def recentre(state, news, day):
        recentred.append((day, news.sold_day))
        return state

    def predict(state, ahead, level):
        predicted_days.append(ahead.sold_day)
        return np.column_stack([ahead.price] * 3)

    monkeypatch.setattr(replays, "recentre", recentre)
    monkeypatch.setattr(replays, "predict", predict)
    start = float(np.quantile(sales.sold_day, 0.7))
    predicted = replays.replay((None, {}), sales, start, config)
    for day, sold in recentred:
        assert (sold + config.label_delay_days <= day).all()
    used = np.concatenate([sold for _, sold in recentred])
    assert len(used) == len(np.unique(np.flatnonzero(np.isin(sales.sold_day, used))))
    np.testing.assert_array_equal(predicted.point, sales.price[sales.sold_day > start])
    for sold, (day, _) in zip(predicted_days[1:], recentred, strict=False):
        assert sold.min() > day - replays.STEP_DAYS
