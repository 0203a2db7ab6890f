from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.inference.column_encoder import NEVER_SEEN, column_names, fit_column_encoder
from valuation.errors import BundleMismatch

FRAME = pd.DataFrame(
    {
        "health": [0.9, None, 0.7],
        "maker": ["b", "a", None],
        "cells": pd.Categorical(["x", "y", "x"]),
        "sold": pd.to_datetime(["1970-01-02", None, "1970-01-03"]),
        "open": [True, False, True],
    }
)


def codes_of(frame):
    return fit_column_encoder(frame, column_names(frame), None)


def test_a_frame_becomes_numbers_and_codes():
    vocabulary = codes_of(FRAME)
    assert vocabulary.categorical == (False, True, True, False, False)
    expected = [[0.9, 1.0, 0.0, 1.0, 1.0], [np.nan, 0.0, 1.0, np.nan, 0.0], [0.7, np.nan, 0.0, 2.0, 1.0]]
    np.testing.assert_array_equal(vocabulary.codes(FRAME), expected)


def test_objects_without_an_envelope_are_read_equally():
    matrix = FRAME[["health", "maker"]].to_numpy(dtype=object)
    vocabulary = fit_column_encoder(matrix, column_names(matrix), None)
    np.testing.assert_array_equal(vocabulary.codes(matrix), codes_of(FRAME).codes(FRAME)[:, :2])


def test_other_data_frames_are_read_by_their_protocol():
    class Frame:
        columns = ("health", "maker")

        def __getitem__(self, name):
            return {"health": np.array([0.9, 0.8]), "maker": np.array(["a", "b"])}[name]

    frame = Frame()
    vocabulary = fit_column_encoder(frame, column_names(frame), None)
    np.testing.assert_array_equal(vocabulary.codes(frame), [[0.9, 0.0], [0.8, 1.0]])


def test_a_text_never_met_is_marked_and_not_taken_for_missing():
    other = FRAME.assign(maker=["zzz", None, "a"])
    np.testing.assert_array_equal(codes_of(FRAME).codes(other)[:, 1], [NEVER_SEEN, np.nan, 0.0])


def test_a_named_number_is_a_category():
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert fit_column_encoder(matrix, ("a", "b"), ["b"]).categorical == (False, True)
    assert fit_column_encoder(matrix, ("a", "b"), [0]).categorical == (True, False)
    with pytest.raises(ValueError, match="'c'"):
        fit_column_encoder(matrix, ("a", "b"), ["c"])


def test_a_wrong_number_of_columns_is_reported():
    with pytest.raises(BundleMismatch, match="4 columns"):
        codes_of(FRAME).codes(FRAME.drop(columns="open"))


def test_cells_that_are_neither_text_nor_number_are_refused():
    matrix = np.array([[{"a": 1}], [2.0]], dtype=object)
    with pytest.raises(TypeError, match="dict"):
        fit_column_encoder(matrix, ("a",), None)
