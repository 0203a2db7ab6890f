"""Row i of a pyfunc's answer belongs to input row i, whatever the index of the frame."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from models.artifact.bundle import read_bundle
from models.artifact.predictor import Predictor
from models.artifact.pyfunc import COLUMNS, Valuer
from valuation.ingest import read_market

ROOT = Path(__file__).parents[3]
CODES = ["001PB0A0000001A680000123", "T01PB0A0000002B3A0000456", "T03PB0C0000004A8L0000911"]
PACKS = pd.DataFrame({"code": CODES, "trace": [json.dumps({"battery_code": code}) for code in CODES]})
FRAMES = {
    "as is": PACKS,
    "sorted": PACKS.sort_values("code", ascending=False),
    "filtered": PACKS.iloc[1:],
    "by code": PACKS.set_index("code", drop=False),
    "repeated": PACKS.set_axis([0, 0, 1]),
    "dataframe_split": pd.DataFrame(**PACKS.iloc[[2, 0]].to_dict(orient="split")),
    "two levels": PACKS.set_axis(pd.MultiIndex.from_tuples([("b", 1), ("a", 2), ("a", 1)])),
    "one refused": PACKS.assign(trace=[PACKS["trace"][0], "{}", PACKS["trace"][2]]).iloc[::-1],
    "empty": PACKS.iloc[:0],
}


@pytest.fixture(scope="module")
def valuer():
    return Valuer(Predictor(read_bundle(ROOT / "tests/golden/bundle")), read_market(ROOT / "data_samples/quotes.csv"))


@pytest.fixture(scope="module")
def alone(valuer):
    asked = [valuer.predict(pd.DataFrame({"trace": [trace]}), {"as_of": "2026-11-20"}) for trace in PACKS["trace"]]
    return dict(zip(CODES, (table["point_cny"].item() for table in asked), strict=True))


@pytest.mark.parametrize("name", FRAMES)
def test_answers_belong_to_the_rows_asked(valuer, alone, name):
    asked = FRAMES[name]
    answer = valuer.predict(asked[["trace"]], {"as_of": "2026-11-20"})
    pd.testing.assert_index_equal(answer.index, asked.index)
    assert tuple(answer.columns) == COLUMNS
    assert answer["point_cny"].dtype == "float64"
    for code, problem, point in zip(asked["code"], answer["problem"], answer["point_cny"], strict=True):
        assert problem or point == alone[code]
    assert sum(map(bool, answer["problem"])) == ("{}" in asked["trace"].tolist())
