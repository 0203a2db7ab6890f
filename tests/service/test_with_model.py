"""All channels with a trained model; its training data are random, which suffices for these tests."""

from __future__ import annotations

import json
import shutil
from math import prod

import numpy as np
import pandas as pd
import pytest

from models import ResidualValueRegressor, load_model
from models.artifact import registry
from models.artifact.promotion_log import Decision
from service import cli
from service.settings import Settings
from valuation import features

AS_OF = "2026-11-20"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A home folder with a small champion."""
    chance = np.random.default_rng(5)
    rows = 400
    matrix = chance.uniform(0.0, 1.0, (rows, len(features.NAMES)))
    for column in features.CATEGORICAL:
        place = column if isinstance(column, int) else features.NAMES.index(column)
        matrix[:, place] = chance.integers(0, 4, rows)
    base = chance.uniform(-10.0, 120.0, rows)
    price = base * (1.0 + 0.2 * matrix[:, 0]) + chance.normal(0.0, 3.0, rows)
    estimator = ResidualValueRegressor(
        monotone=features.MONOTONE, categorical=features.CATEGORICAL, trees=20, random_state=0, n_jobs=1
    )
    estimator.fit(_named(matrix), price, base=base, groups=["LFP/T2"] * rows)
    home = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "mirror_alias", lambda *_: None)  # the copy for MLflow is another test's matter
        said = registry.Publication(name="nonsense", created_on="2026-01-05", trained_through="2026-01-01")
        version = registry.publish(estimator.fitted_, said, home)
        registry.promote(
            "nonsense@1", Decision(who="a test", why="it is the only one", at="2026-01-05T00:00:00+00:00"), home
        )
    return home, version


def _named(matrix):
    return pd.DataFrame(matrix, columns=list(features.NAMES))


@pytest.fixture
def model_home(trained, home):
    shutil.copytree(trained[0], home)
    return home


def test_answers_name_the_model(model_home, open_client, pack):
    with open_client(Settings(home=model_home)) as client:
        answer = client.post("/v1/valuations", json={"trace": pack, "as_of": AS_OF}).json()
        model = client.get("/v1/model").json()
    assert answer["model"]["name"] == model["name"] == "nonsense"
    assert answer["model"]["digest"] == model["digest"]
    assert model["features"] == list(features.NAMES)
    cents = round(answer["base_cny"] * 100) + sum(round(driver["effect_cny"] * 100) for driver in answer["drivers"])
    assert cents == round(answer["residual_value"]["point"] * 100)
    width = answer["residual_value"]["upper"] - answer["residual_value"]["lower"]
    factors = [driver["factor"] for driver in answer["width_drivers"]]
    assert len(factors) > 1
    assert answer["base_width_cny"] * prod(factors) == pytest.approx(width, rel=1e-3)


def test_every_channel_gives_the_same_bytes_and_the_valuation_is_reproduced(
    model_home, open_client, pack, pack_file, capsys
):
    assert cli.run(["value", str(pack_file), "--as-of", AS_OF, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    with open_client(Settings(home=model_home)) as client:
        answered = client.post("/v1/valuations", json={"trace": pack, "as_of": AS_OF}).json()
        batch = client.post("/v1/valuations/batch", json={"items": [{"trace": pack, "as_of": AS_OF}] * 3}).json()
    everything = [printed, answered, *(item["valuation"] for item in batch["items"])]
    assert len({json.dumps(one | {"valuation_id": ""}) for one in everything}) == 1
    for one in everything:
        assert cli.run(["reproduce", one["valuation_id"]]) == 0


def test_a_kept_valuation_outlives_its_model_s_reign(model_home, pack_file, capsys):
    cli.run(["value", str(pack_file), "--json"])
    answer = json.loads(capsys.readouterr().out)
    (model_home / "models" / "promotions.jsonl").unlink()
    assert cli.run(["reproduce", answer["valuation_id"]]) == 0
    shutil.rmtree(model_home / "models" / "nonsense")
    assert cli.run(["reproduce", answer["valuation_id"]]) == 1
    assert "hint: " in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_a_bundle_folder_can_be_named(trained, pack_file, tmp_path, capsys, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(trained[1].folder, elsewhere)
    monkeypatch.setenv("CANZHI_MODEL", str(elsewhere))
    assert cli.run(["value", str(pack_file), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["model"]["digest"] == load_model(elsewhere).digest
    assert cli.run(["reproduce", answer["valuation_id"]]) == 0


@pytest.mark.usefixtures("home")
def test_a_model_that_is_not_there_is_a_sentence(pack_file, capsys):
    assert cli.run(["value", str(pack_file), "--model", "nobody@9"]) == 1
    told = capsys.readouterr()
    assert "nobody@9" in told.err
    assert "hint: " in told.err


def test_a_damaged_champion_is_a_sentence_and_never_a_silent_structural_value(model_home, pack_file, capsys):
    files = [path for path in (model_home / "models" / "nonsense" / "1").iterdir() if path.stat().st_size > 100]
    files[0].write_bytes(files[0].read_bytes()[:-10])
    assert cli.run(["value", str(pack_file)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "hint: " in told.err
    assert "something inside" not in told.err
