import numpy as np
import pytest

from benchmarks.price_bands.calibration import conformal
from benchmarks.price_bands.datasets import read_sets, stand_in
from benchmarks.price_bands.matrices import Reader
from benchmarks.price_bands.page import text_of
from benchmarks.price_bands.scores import interval_score, lowest_share, narrowest_constant, scores, violations
from benchmarks.price_bands.splits import LABEL_DELAY_DAYS, in_time, random_split, unseen_split, walk


@pytest.fixture(scope="module")
def sales(tmp_path_factory):
    return stand_in(tmp_path_factory.mktemp("nothing"))


def test_the_interval_score_adds_width_and_twenty_times_a_miss():
    band = np.array([[0.0, 0.5, 1.0], [0.0, 0.5, 1.0]])
    assert interval_score(band, np.array([0.5, 1.25])) == pytest.approx(1.0 + 20.0 * 0.25 / 2.0)


def test_the_narrowest_constant_band_covers_nine_in_ten():
    assert narrowest_constant(np.array([*np.linspace(0.0, 0.8, 9), 50.0])) == pytest.approx(0.8)


def test_a_small_group_is_not_the_worst():
    held = np.array([1.0, 1.0, 0.0, 0.0])
    label = np.array(["large", "large", "large", "small"])
    assert lowest_share(held, label, 2) == pytest.approx(2.0 / 3.0)


def test_a_curve_that_violates_its_direction_is_counted():
    slopes = np.array([1.0, -1.0])

    def band(value):
        return np.column_stack([slopes * value] * 3)

    assert violations(band, 0.0, 1.0, 1) == 0.5


def test_infinite_and_crossing_bands_are_reported():
    band = np.array([[0.0, 1.0, 2.0], [-np.inf, 1.0, 2.0], [3.0, 1.0, 2.0], [0.0, 1.0, 2.0]])
    figures = scores(band, np.array([1.0, 1.1, 1.2, 1.4]), np.full(4, "a"))
    assert figures["finite"] == 0.75
    assert figures["crossings"] == 0.25


def test_the_conformal_quantile_counts_the_next_sale():
    assert conformal(np.arange(1.0, 20.0), 0.9) == 18.0


def test_no_sale_is_in_both_training_and_test(sales):
    train, test = random_split(sales, 1000, 3)
    assert not set(train.price.tolist()) & set(test.price.tolist())


def test_no_unseen_model_is_in_the_training_part(sales):
    train, test = unseen_split(sales, 2000, 3)
    assert len(test) > 200
    assert not set(train.model) & set(test.model)


def test_no_price_is_reported_before_its_delay_or_twice(sales):
    kept = in_time(sales, 1)
    reported = []
    for step in walk(kept):
        assert np.all(kept.day[step.known] + LABEL_DELAY_DAYS <= step.start)
        assert np.all(kept.day[step.asked] > step.start)
        reported.extend(step.reported.tolist())
    assert len(reported) == len(set(reported))


def test_level_averages_exclude_the_row_itself(sales):
    train, _ = random_split(sales, 1000, 0)
    reader = Reader(train, 0)
    again = reader.read(train)
    assert not np.array_equal(reader.training.encoded, again.encoded)
    assert np.array_equal(reader.training.native, again.native, equal_nan=True)


def test_an_absent_folder_is_reported(tmp_path, capsys):
    assert read_sets(tmp_path / "nowhere", [])[0].name == "synthetic stand-in"
    assert "absent" in capsys.readouterr().out


def test_the_page_uses_the_best_other_method():
    results = [
        {"split": "random", "set": "a", "rows": 10, "seed": seed, "method": name, "seconds": 1.0, "figures": figures}
        for seed in range(3)
        for name, figures in {
            "canzhi": {"interval_score": 0.8, "mape": 0.1, "coverage": 0.9},
            "NGBoost": {"interval_score": 1.0, "mape": 0.2, "coverage": 0.9},
            "quantile-forest": {"interval_score": 1.6, "mape": 0.1, "coverage": 0.9},
        }.items()
    ]
    assert "| a, 10 training sales | 0.800 | NGBoost | 1.000 | quantile-forest |" in text_of(results)
