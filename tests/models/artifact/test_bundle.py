from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.artifact.bundle import ARRAYS, MANIFEST, MODEL, SIGNATURE, read_bundle, write_bundle
from models.artifact.predictor import Predictor
from models.artifact.signing import public_key
from valuation.errors import BundleMismatch, BundleTampered

FILES = [ARRAYS, MANIFEST, MODEL, SIGNATURE]
LEVELS = (0.05, 0.5, 0.95)


@pytest.fixture
def copy(bundle_folder, tmp_path):
    return Path(shutil.copytree(bundle_folder, tmp_path / "copy"))


def test_a_written_record_is_read_with_the_same_value(bundle_folder, estimator, market):
    predictor = Predictor(read_bundle(bundle_folder))
    priced = predictor.price(market.table, market.base, list(market.groups), LEVELS)
    np.testing.assert_array_equal(priced.point, estimator.predict(market.table, market.base, market.groups))
    expected = estimator.predict_quantiles(market.table, LEVELS, market.base, market.groups)
    np.testing.assert_array_equal(priced.quantiles, expected)


def test_the_same_model_has_the_same_digest(bundle_folder, estimator, about, tmp_path):
    again = write_bundle(tmp_path / "again", estimator.fitted_, about, tmp_path / "other-keys")
    assert again.digest == read_bundle(bundle_folder).digest
    changed = write_bundle(tmp_path / "changed", estimator.fitted_, replace(about, version="2"), tmp_path / "keys")
    assert changed.digest != again.digest


def test_a_model_is_never_overwritten(bundle_folder, estimator, about, tmp_path):
    with pytest.raises(BundleMismatch, match="exists already"):
        write_bundle(bundle_folder, estimator.fitted_, about, tmp_path)


@pytest.mark.parametrize("name", ["../evil", "", "a/b", ".hidden"])
def test_a_name_is_no_path(estimator, about, tmp_path, name):
    with pytest.raises(BundleMismatch, match="not a valid name"):
        write_bundle(tmp_path / "x", estimator.fitted_, replace(about, name=name), tmp_path / "keys")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.0, 0.4, 0.999])
def test_one_flipped_bit_is_found(copy, name, share):
    content = bytearray((copy / name).read_bytes())
    content[int(share * len(content))] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleTampered):
        read_bundle(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_is_found(copy, name):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(BundleTampered):
        read_bundle(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(BundleTampered, match=f"{name} is missing"):
        read_bundle(copy)


def test_an_added_file_is_named(copy):
    (copy / "extra.py").write_text("raise SystemExit")
    with pytest.raises(BundleTampered, match=r"extra\.py does not belong"):
        read_bundle(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_link_is_refused(copy, tmp_path, name):
    (copy / name).rename(tmp_path / name)
    (copy / name).symlink_to(tmp_path / name)
    with pytest.raises(BundleTampered, match="does not belong"):
        read_bundle(copy)


def test_an_edited_leaf_is_found_even_with_its_hash_made_to_fit(copy):
    content = bytearray((copy / ARRAYS).read_bytes())
    content[len(content) // 2] ^= 0x10
    (copy / ARRAYS).write_bytes(content)
    manifest = json.loads((copy / MANIFEST).read_bytes())

    manifest["files"][ARRAYS]["sha256"] = hashlib.sha256(content).hexdigest()
    (copy / MANIFEST).write_bytes(json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode())
    with pytest.raises(BundleTampered, match="signature"):
        read_bundle(copy)


def test_another_signer_is_refused(bundle_folder, estimator, about, tmp_path):
    write_bundle(tmp_path / "theirs", estimator.fitted_, about, tmp_path / "their-keys")
    ours = public_key(bundle_folder.parent / "keys")
    assert read_bundle(bundle_folder, ours).signed_by == ours
    with pytest.raises(BundleTampered, match="another key"):
        read_bundle(tmp_path / "theirs", ours)


def test_the_key_is_for_its_owner_only(bundle_folder):
    assert (bundle_folder.parent / "keys" / "signing.key").stat().st_mode & 0o077 == 0


def test_no_folder_is_no_model(tmp_path):
    with pytest.raises(BundleTampered, match="not a folder"):
        read_bundle(tmp_path / "nothing")


def test_a_stored_model_prices_without_the_trainers_libraries(bundle_folder):
    program = f"""
import sys
from pathlib import Path
import numpy as np
from models.artifact.bundle import read_bundle
from models.artifact.predictor import Predictor
predictor = Predictor(read_bundle(Path({str(bundle_folder)!r})))
row = np.array([[0.8, 2.0, 3.0, 1.0, 0.0]])
predictor.price(row, np.array([80.0]), ["LFP/3"], (0.05, 0.95))
predictor.explain(row, np.array([80.0]), ["LFP/3"])
heavy = {{"lightgbm", "sklearn", "pandas", "mlflow", "scipy"}} & set(sys.modules)
print(sorted(heavy))
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
