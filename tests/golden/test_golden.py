"""Features and answers of the frozen model for the sample packs, to the last digit."""

import importlib
import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from models.artifact.bundle import read_bundle
from valuation import features
from valuation.appraisal import appraise
from valuation.errors import BundleMismatch, BundleTampered
from valuation.ingest import read_market, read_trace

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "data_samples"
WAY_OUT = "meant? then: ./canzhi golden --overwrite (--retrain where features changed), value impact into CHANGELOG.md"


@pytest.fixture(scope="module")
def golden():
    """The module behind `./canzhi golden`."""
    described = importlib.util.spec_from_file_location("golden", HERE / "golden.py")
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


def recorded(name):
    return (HERE / name).read_text(encoding="utf-8")


def test_the_frozen_model_reads_the_features_of_this_version(golden):
    assert golden.load().feature_names == features.NAMES, WAY_OUT


def test_features_are_those_recorded(golden):
    found = golden.spell(golden.feature_lines())
    assert golden.differences(recorded(golden.FEATURES), found) == [], WAY_OUT
    assert found == recorded(golden.FEATURES)


def test_valuations_are_those_recorded(golden):
    found = golden.spell(golden.valuation_lines(golden.load()))
    assert golden.differences(recorded(golden.VALUATIONS), found) == [], WAY_OUT
    assert found == recorded(golden.VALUATIONS)


def test_every_chemistry_and_every_sample_is_held(golden):
    lines = [json.loads(line) for line in recorded(golden.VALUATIONS).splitlines()]
    assert {line["chemistry"] for line in lines} >= set(golden.CHEMISTRIES)
    held = {line["pack"].partition("/")[0] for line in lines}
    assert held == set(golden.samples())
    assert {path.stem for path in SAMPLES.glob("*.json")} <= held


def test_moved_features_are_named_with_their_share(golden):
    before = recorded(golden.VALUATIONS)
    lines = [json.loads(line) for line in before.splitlines()]
    moved = next(line for line in lines if line["pack"] == "lfp_taxi/0" and line["with"] == "model")
    was = moved["answer"]["residual_value"]["point"]
    moved["answer"]["residual_value"]["point"] = 1.1 * was
    after = golden.spell(lines[1:])
    said = golden.differences(before, after)
    assert f"{lines[0]['pack']} {lines[0]['with']}: no longer there" in said
    assert [line for line in said if "residual_value.point was" in line and line.startswith("lfp_taxi/0 model")]
    assert len(said) == 2
    row = next(line.split() for line in golden.impact(before, after) if line.startswith("model LFP"))
    assert float(row[-1]) == 10.0
    assert golden.differences("", after)[0].endswith("new")


def test_the_frozen_model_is_whole_and_small(golden, tmp_path):
    folder = HERE / golden.BUNDLE
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1.5e6
    broken = tmp_path / "bundle"
    shutil.copytree(folder, broken)
    arrays = bytearray((broken / "arrays.npz").read_bytes())
    arrays[len(arrays) // 2] ^= 1
    (broken / "arrays.npz").write_bytes(arrays)
    with pytest.raises(BundleTampered):
        read_bundle(broken, recorded(golden.SIGNER).strip())
    with pytest.raises(BundleTampered, match="another key"):
        read_bundle(folder, "00" * 32)


def test_a_model_of_other_features_is_refused_with_a_way_out(golden, monkeypatch):
    model = golden.load()
    monkeypatch.setattr(features, "NAMES", ("another", *features.NAMES[1:]))
    with pytest.raises(BundleMismatch, match=model.feature_names[0]) as refusal:
        appraise(
            read_trace(SAMPLES / "lfp_taxi.json"), read_market(SAMPLES / "quotes.csv"), model=model, as_of="2026-11-20"
        )
    assert "train it again" in refusal.value.hint


def test_the_verb_starts_the_script(monkeypatch):
    monkeypatch.syspath_prepend(HERE.parents[1] / "tools")
    start = importlib.import_module("start")
    called = []
    monkeypatch.chdir(HERE)  # the verb changes the folder; put back afterwards
    monkeypatch.setattr(start.environment, "ready", lambda _: Path("home"))
    monkeypatch.setattr(start.os, "execve", lambda program, words, _: called.append((program, words)))
    start.main(str(HERE.parents[1]), ["golden", "--overwrite"])
    assert called == [("home/bin/python", ["home/bin/python", str(HERE / "golden.py"), "--overwrite"])]
