"""A search fits on older sales, scores on newer ones, and never uses the held-out sales."""

import gc
from dataclasses import replace

import numpy as np
import pytest

import training.tuning
from training.dataset.prepare import TrainingInput
from training.dataset.source_files import Sources
from training.evaluation.holdout import newest_from
from training.parallel import Workers
from training.tuning import SPACE, Execution, search, time_splits
from valuation.errors import TooFewSales


@pytest.fixture
def prepared(sales, augmentation, ledger, quotes, market_folder):
    sources = Sources(ledger=market_folder / "sales.parquet", traces=market_folder, market=market_folder / "quotes.csv")
    return TrainingInput(sources=sources, ledger=ledger, sales=sales, augmentation=augmentation, market=quotes)


@pytest.fixture(autouse=True)
def nothing_left_open():
    """A connection that a search forgot is found here, not in whatever test happens to collect it."""
    yield
    gc.collect()


@pytest.fixture
def quick(monkeypatch):
    """Replace the fit: the score of a trial is a function of its options."""

    class Said:
        interval_score_per_kwh = 0.0

    asked = []

    def learn(known, thin, config):
        asked.append((known, thin, config))
        return config

    def score_forecast(config, level):
        predicted = Said()
        predicted.interval_score_per_kwh = (
            100.0 * (1.0 + abs(np.log(config.learning_rate / 0.03))) + config.degraded_weight
        )
        return predicted

    monkeypatch.setattr(training.tuning, "learn", learn)
    monkeypatch.setattr(training.tuning, "forecast", lambda config, following, level: config)
    monkeypatch.setattr(training.tuning, "score_forecast", score_forecast)
    return asked


def test_every_time_split_is_ordered_and_ends_before_the_holdout(sales, augmentation, config):
    rounds = time_splits(sales, augmentation, config)
    assert len(rounds) == 2
    evaluation_start = newest_from(sales, config)
    for part in rounds:
        assert max(part.known.sold_day.max(), part.degraded.sold_day.max()) + config.label_delay_days <= (
            part.following.sold_day.min()
        )
        assert part.following.sold_day.max() + config.label_delay_days <= evaluation_start
    assert rounds[0].following.sold_day.max() <= rounds[1].following.sold_day.min()


def test_a_search_finds_better_options_and_their_gain(prepared, config, quick, tmp_path):
    ticks = []
    found = search(prepared, config, 12, tmp_path, Execution(tick=lambda: ticks.append(1)))
    assert (found.trials, found.earlier, len(ticks)) == (12, 0, 12)
    assert quick[0][2] == config  # the choices given are the first trial
    assert found.after < found.before
    assert found.gain == pytest.approx(1.0 - found.after / found.before)
    assert set(found.changed) <= set(SPACE)
    assert found.config == replace(config, **found.changed)
    evaluated = set(prepared.sales.where(prepared.sales.sold_day > newest_from(prepared.sales, config)).sale_id)
    assert all(not evaluated & (set(known.sale_id) | set(thin.sale_id)) for known, thin, _ in quick)


def test_an_interrupted_search_continues_with_the_same_result(prepared, config, quick, tmp_path):
    whole = search(prepared, config, 9, tmp_path / "one")
    search(prepared, config, 3, tmp_path / "two")
    search(prepared, config, 6, tmp_path / "two")
    rest = search(prepared, config, 9, tmp_path / "two")
    assert (rest.earlier, rest.trials) == (6, 9)
    assert rest.config == whole.config
    assert search(prepared, config, 5, tmp_path / "two").config == rest.config  # enough trials are there already
    assert search(prepared, replace(config, seed=5), 5, tmp_path / "two").earlier == 0  # other choices, another search


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_search_does_not_depend_on_the_workers(prepared, config, tmp_path):
    config = replace(config, trees=5, folds=2, market_calibration_rows=0)
    alone = search(prepared, config, 6, tmp_path / "alone")
    shared = search(prepared, config, 6, tmp_path / "shared", Execution(workers=Workers(processes=2)))
    assert (shared.config, shared.before, shared.after) == (alone.config, alone.before, alone.after)


def test_without_gain_the_options_are_unchanged(prepared, config, quick, tmp_path, monkeypatch):
    config = replace(config, learning_rate=0.2)  # outside of the usual bounds

    class Said:
        def __init__(self, config):
            self.interval_score_per_kwh = 100.0 + (config.learning_rate != 0.2)

    monkeypatch.setattr(training.tuning, "score_forecast", lambda config, level: Said(config))
    found = search(prepared, config, 4, tmp_path)
    assert found.config == config
    assert found.gain == 0.0


def test_too_few_older_sales_are_refused(sales, augmentation, config):
    with pytest.raises(TooFewSales, match="too few for a search"):
        time_splits(sales.take(np.arange(120)), augmentation, config)
