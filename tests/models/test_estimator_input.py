"""The estimator accepts the usual column types, and refuses others with the name of the column."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import ResidualValueRegressor
from models.fitting.training_data import days, group_labels_of, numbers
from models.inference.column_cells import label_text, read_column, read_numbers, read_texts
from models.inference.column_encoder import NEVER_SEEN, column_names, fit_column_encoder

ROWS = 300


@pytest.fixture(scope="module")
def table():
    draw = np.random.default_rng(1)
    return pd.DataFrame({"km": draw.uniform(1e4, 3e5, ROWS), "age": draw.integers(1, 12, ROWS)})


@pytest.fixture(scope="module")
def price(table):
    noise = 0.05 * np.random.default_rng(2).normal(size=ROWS)
    return np.exp(9.0 - 0.12 * table["age"] - table["km"] / 4e5 + noise).to_numpy()


@pytest.fixture(scope="module")
def fitted(table, price):
    return quick().fit(table, price, groups=table["age"] % 3)


def quick():
    return ResidualValueRegressor(trees=10, folds=3)


def cells(*values):
    return np.array([*values, None], dtype=object)[:-1]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15), min_size=1))
def test_numbers_as_texts_are_the_same_numbers(values):
    expected = np.array(values, dtype=np.float64)
    for texts in (
        cells(*map(str, values)),
        cells(*(f" {value} " for value in values)),
        np.array(list(map(str, values))),
    ):
        np.testing.assert_array_equal(read_numbers(texts, "km"), expected)
        np.testing.assert_array_equal(read_column(texts, "km"), expected)


@pytest.mark.parametrize("mark", ["-", "--", "/", "", " ", "NaN", "None", "N/A", "<NA>", pd.NA, pd.NaT, None, np.nan])
def test_one_mark_leaves_a_column_numeric(mark):
    for column in (cells(1.5, mark, 2.0), cells("1.5", mark, "2")):
        np.testing.assert_array_equal(read_column(column, "km"), [1.5, np.nan, 2.0])
        np.testing.assert_array_equal(read_numbers(column, "km"), [1.5, np.nan, 2.0])


def test_a_text_among_numbers_is_refused_by_name():
    with pytest.raises(ValueError, match=r"column km holds numbers, but '12 km' in row 2; .*name the column in categ"):
        read_column(cells(1.0, "2", "12 km"), "km")
    with pytest.raises(ValueError, match=r"column km holds numbers, but 'fast' in row 1"):
        read_numbers(cells(1.0, "fast"), "km")


def test_categories_stay_texts():
    assert read_column(cells("500", "Panda", "Punto"), "model").tolist() == ["500", "Panda", "Punto"]
    assert read_column(cells("0042", "0107"), "code").tolist() == ["0042", "0107"]
    assert read_column(cells("1", "2"), "trim", categorical=True).tolist() == ["1", "2"]
    assert read_column(cells(1, 2.0, "A", "B"), "trim", categorical=True).tolist() == ["1", "2", "A", "B"]


def test_a_column_of_a_category_type_is_categorical():
    kept = pd.DataFrame({"trim": pd.Categorical([1, 2, 1]), "km": [1.0, 2.0, 3.0]})
    assert fit_column_encoder(kept, ("trim", "km"), None).categorical == (True, False)
    other = pl.DataFrame({"trim": pl.Series(["1", "2"], dtype=pl.Categorical), "km": [1.0, 2.0]})
    encoder = fit_column_encoder(other, column_names(other), None)
    assert encoder.categorical == (True, False)
    np.testing.assert_array_equal(encoder.codes(pd.DataFrame({"trim": [2.0, 3.0], "km": 1.0}))[:, 0], [1.0, NEVER_SEEN])


def test_days_are_numbers_in_every_form():
    shanghai = timezone(timedelta(hours=8))
    forms = cells(
        date(1970, 1, 3),
        datetime(1970, 1, 3),  # noqa: DTZ001 - what people have
        datetime(1970, 1, 3, tzinfo=UTC),
        datetime(1970, 1, 3, 8, tzinfo=shanghai),
        pd.Timestamp("1970-01-03"),
        pd.Timestamp("1970-01-03 08:00", tz=shanghai),
        np.datetime64("1970-01-03"),
    )
    np.testing.assert_array_equal(read_numbers(forms, "sold"), np.full(len(forms), 2.0))
    np.testing.assert_array_equal(days(forms, len(forms)), np.full(len(forms), 2.0))
    np.testing.assert_array_equal(days(["1970-01-03", "2099-12-31"], 2), [2.0, 47_481.0])
    zoned = pd.Series(pd.to_datetime(["1970-01-03 08:00"])).dt.tz_localize(shanghai)
    np.testing.assert_array_equal(days(zoned, 1), [2.0])


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ([1.7e9, 18_000.0], r"time is 1700000000 in row 0, no day from 1970 to 2100"),
        ([18_000.0, 20_240_131], "time is 20240131 in row 1"),
        ([-1.0, 18_000.0], "time is -1 in row 0"),
        ([2019, 2023], "time is 2019 in row 0, a year, as in all rows"),
        (["2020-01-01", "gestern"], "time cannot be read"),
        ([pd.Timestamp("2020-01-01"), pd.NaT], "time is not known in row 1"),
        (["2020-01-01", None], "time is not known in row 1"),
        ([date(1969, 12, 31), date(2020, 1, 1)], "time is -1 in row 0"),
    ],
)
def test_a_time_that_is_no_day_is_refused_with_the_reason(time, reason):
    with pytest.raises(ValueError, match=reason):
        days(time, 2)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, "inf"])
def test_infinity_is_refused_by_name(table, price, fitted, bad):
    infinite = table.astype({"km": object})
    infinite.loc[5, "km"] = bad
    for ask in (lambda: quick().fit(infinite, price), lambda: fitted.predict(infinite)):
        with pytest.raises(ValueError, match=r"column km .*in row 5"):
            ask()


def test_the_base_is_named():
    with pytest.raises(ValueError, match="base is not known in row 1"):
        numbers([1.0, np.nan], 2, "base")
    with pytest.raises(ValueError, match="column base holds numbers, but 'x' in row 1"):
        numbers(["1.0", "x"], 2, "base")
    np.testing.assert_array_equal(numbers(["1.0", "2"], 2, "base"), [1.0, 2.0])


def test_group_labels_are_one_in_every_spelling():
    expected = ["1", "2", "10"]
    for labels in (
        [1, 2, 10],
        [1.0, 2.0, 10.0],
        ["1", "2", "10"],
        pd.Series([1, 2, 10], dtype="Int64"),
        ["1.0", 2, 10],
    ):
        assert group_labels_of(labels, 3) == expected
    assert group_labels_of(np.array([["LFP", 1.0], ["NMC", 2]], dtype=object), 2) == ["LFP/1", "NMC/2"]
    assert [label_text(text) for text in ("1.05", "v1.0", ".0", "1.", "a.00")] == ["1.05", "v1.0", ".0", "1.", "a.00"]
    assert read_texts(np.array([1.0, np.nan]), "trim").tolist() == ["1", None]


def test_answers_do_not_depend_on_the_type_of_cells(table, price, fitted):
    expected = fitted.predict_interval(table, groups=table["age"] % 3)
    texts = table.astype(str)
    np.testing.assert_array_equal(fitted.predict_interval(texts, groups=(table["age"] % 3).astype(str)), expected)
    np.testing.assert_array_equal(fitted.predict_interval(table, groups=(table["age"] % 3).astype(float)), expected)
    again = quick().fit(texts, price, groups=(table["age"] % 3).astype(float))
    np.testing.assert_array_equal(again.predict_interval(table, groups=table["age"] % 3), expected)


def test_a_missing_column_is_named(table, price, fitted):
    with pytest.raises(ValueError, match="km"):
        fitted.predict(table[["age"]])
    counted = table.set_axis([0, 1], axis=1)
    model = quick().fit(counted, price)
    with pytest.raises(ValueError, match="lacks column 0"):
        model.predict(counted[[1]])
    with pytest.raises(ValueError, match="has the unknown column 2"):
        model.predict(counted.assign(**{"2": 1.0}))
    with pytest.raises(ValueError, match="in the order of the training: 0, 1"):
        model.predict(counted[[1, 0]])
    np.testing.assert_array_equal(model.predict(counted.to_numpy()), model.predict(counted))
    with pytest.raises(ValueError, match=r"unique column names[^k]*km"):
        quick().fit(pd.concat([table, table[["km"]]], axis=1), price)
