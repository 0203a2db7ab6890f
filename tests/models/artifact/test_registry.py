from __future__ import annotations

import json
import multiprocessing
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import load_model
from models.artifact.promotion_log import LOG, Decision, append, before_champion, champion, locked, read_log
from models.artifact.registry import Publication, home_folder, list_versions, promote, promotions, publish, rollback
from valuation.errors import BundleMismatch, BundleTampered, UnknownModel

WHO = Decision(who="a valuer", why="covers 90 %", at="2026-01-06T08:00:00+00:00")


@pytest.fixture(autouse=True)
def no_mlflow(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)  # importing it fails, as where it is not installed


def made(name="demo", version=None):
    return Publication(name=name, created_on="2026-01-05", trained_through="2026-01-01", version=version)


@pytest.fixture
def home(tmp_path, estimator):
    publish(estimator.fitted_, made(), tmp_path)
    publish(estimator.fitted_, made(), tmp_path)
    publish(estimator.fitted_, made("other"), tmp_path)
    return tmp_path


def test_versions_are_counted_and_listed(home):
    assert [(v.about.name, v.about.version) for v in list_versions(home)] == [
        ("demo", "1"),
        ("demo", "2"),
        ("other", "1"),
    ]


def test_a_version_is_never_published_twice(home, estimator):
    with pytest.raises(BundleMismatch, match="exists already"):
        publish(estimator.fitted_, made(version="1"), home)


def test_there_is_no_champion_before_a_promotion(home):
    with pytest.raises(UnknownModel, match="champion"):
        load_model("champion", home=home)


def test_every_kind_of_reference(home):
    promote("demo@1", WHO, home)
    digest = load_model("demo@2", home=home).digest
    assert load_model("champion", home=home).version == "1"
    assert load_model("demo", home=home).version == "1"
    assert load_model("other", home=home).version == "1"
    assert load_model(digest, home=home).version == "2"
    assert load_model(home / "models" / "demo" / "2").version == "2"


@pytest.mark.parametrize("reference", ["nobody", "demo@9", "../demo", "demo@../1", "demo@", "sha256:" + "0" * 64, ""])
def test_an_unregistered_model_is_unknown(home, reference):
    if reference == "demo@":
        assert load_model(reference, home=home).version == "2"  # no version named: the newest
        return
    with pytest.raises(UnknownModel):
        load_model(reference, home=home)


def test_the_log_records_person_time_and_reason(home):
    promote("demo@1", WHO, home)
    promote("demo@2", WHO, home)
    first, second = promotions(home)
    assert (first.before, first.after, second.before, second.after) == ("", "demo@1", "demo@1", "demo@2")
    assert (second.who, second.why, second.at) == (WHO.who, WHO.why, WHO.at)
    assert second.previous == first.hash


def test_rollback_steps_back_through_every_champion(home):
    for reference in ("demo@1", "demo@2", "other@1"):
        promote(reference, WHO, home)
    assert rollback(WHO, home).after == "demo@2"
    assert rollback(WHO, home).after == "demo@1"
    with pytest.raises(UnknownModel, match="before"):
        rollback(WHO, home)
    assert champion(promotions(home)) == "demo@1"
    assert len(promotions(home)) == 5


def test_who_is_champion_already_is_not_entered_again(home):
    promote("demo@1", WHO, home)
    assert promote("demo@1", WHO, home) is None
    assert promote("champion", WHO, home) is None
    assert len(promotions(home)) == 1
    with pytest.raises(UnknownModel, match="before") as caught:
        rollback(WHO, home)
    assert caught.value.hint
    promote("demo@2", WHO, home)
    assert promote("demo@2", WHO, home) is None
    assert rollback(WHO, home).after == "demo@1"


def test_a_log_that_names_a_champion_twice_in_a_row_still_leads_back(home):
    for label in ("demo@1", "demo@2", "demo@2"):
        append(home / "models", "promote", (label, load_model(label, home=home).digest), WHO)
    assert rollback(WHO, home).after == "demo@1"
    with pytest.raises(UnknownModel, match="before"):
        rollback(WHO, home)


def test_a_promotion_after_a_rollback_starts_from_there(home):
    for reference in ("demo@1", "demo@2"):
        promote(reference, WHO, home)
    rollback(WHO, home)
    promote("other@1", WHO, home)
    assert before_champion(promotions(home)) == "demo@1"


@pytest.mark.parametrize("change", ["edit", "remove", "swap"])
def test_a_changed_log_is_found(home, change):
    for reference in ("demo@1", "demo@2", "other@1"):
        promote(reference, WHO, home)
    path = home / "models" / LOG
    lines = path.read_text().splitlines()
    if change == "edit":
        entry = json.loads(lines[1])
        lines[1] = json.dumps({**entry, "who": "somebody else"})
    elif change == "remove":
        del lines[1]
    else:
        lines[0], lines[1] = lines[1], lines[0]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(BundleTampered, match="broken at entry"):
        promotions(home)


@pytest.mark.parametrize(
    "line", [b'{"who": "\xff"}', b"\xff\xfe", b"[1]", b"null", b'{"sequence": NaN}', b"[" * 100_000]
)
def test_a_log_that_cannot_be_decoded_is_a_sentence_and_a_named_version_is_still_read(home, line):
    promote("demo@1", WHO, home)
    path = home / "models" / LOG
    whole = path.read_bytes()
    path.write_bytes(whole + line + b"\n")
    for use in (promotions, list_versions):
        with pytest.raises(BundleTampered, match="broken at entry 2"):
            use(home)
    with pytest.raises(BundleTampered, match="broken at entry 2") as caught:
        load_model(home=home)
    assert "name@version" in caught.value.hint
    assert load_model("demo@1", home=home).version == "1"
    path.write_bytes(whole)
    assert load_model(home=home).version == "1"


def swap(first, second):
    aside = first.with_name("aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)


@pytest.mark.parametrize("reference", ["champion", "demo", "demo@1", "demo@2", "other", "other@1"])
@pytest.mark.parametrize("promoted", [True, False])
def test_versions_swapped_on_disk_are_never_read_under_each_others_name(home, reference, promoted):
    if promoted:
        promote("demo@1", WHO, home)
    models = home / "models"
    swap(models / "demo" / "1", models / "demo" / "2")
    swap(models / "demo" / "2", models / "other" / "1")
    swapped = [version for version in list_versions(home) if version.problem]
    assert [(version.about.name, version.about.version) for version in swapped] == [
        ("demo", "1"),
        ("demo", "2"),
        ("other", "1"),
    ]
    expected = UnknownModel if reference == "champion" and not promoted else BundleTampered
    with pytest.raises(expected, match=r"holds the signed files of|no model is champion") as caught:
        load_model(reference, home=home)
    assert caught.value.hint
    with pytest.raises(BundleTampered, match="holds the signed files of"):
        promote("demo@2", WHO, home)


def replace_version(home, estimator, **changes):
    """Replace the version demo@1 by another signed model with the same name and version."""
    shutil.rmtree(home / "models" / "demo" / "1")
    return publish(estimator.fitted_, replace(made(version="1"), **changes), home).digest


def test_a_version_changed_after_promotion_is_refused(home, estimator):
    promote("demo@1", WHO, home)
    promote("demo@2", WHO, home)
    digest = replace_version(home, estimator, created_on="2026-02-02")
    with pytest.raises(BundleTampered, match="demo@1 is not the model that was promoted") as caught:
        load_model("demo@1", home=home)
    assert digest in caught.value.message
    with pytest.raises(BundleTampered, match="is not the model that was promoted"):
        rollback(WHO, home)
    assert champion(promotions(home)) == "demo@2"
    assert "is not the model that was promoted" in list_versions(home)[0].problem
    assert load_model(digest, home=home).digest == digest, "a digest names what was meant"
    promote("demo@1", WHO, home)
    assert load_model(home=home).digest == digest


def test_the_champion_replaced_on_disk_can_be_promoted_under_its_own_name(home, estimator):
    promote("demo@1", WHO, home)
    replace_version(home, estimator, created_on="2026-02-02")
    with pytest.raises(BundleTampered, match="is not the model that was promoted"):
        load_model(home=home)
    assert promote("demo@1", WHO, home) is not None
    assert load_model(home=home).about.created_on == "2026-02-02"


def test_a_line_cut_by_a_crash_was_never_an_entry(home):
    promote("demo@1", WHO, home)
    path = home / "models" / LOG
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    assert len(promotions(home)) == 1
    promote("demo@2", WHO, home)
    assert [entry.after for entry in promotions(home)] == ["demo@1", "demo@2"]


def test_a_damaged_version_is_listed_with_its_damage_and_never_promoted(home):
    (home / "models" / "demo" / "1" / "arrays.npz").write_bytes(b"")
    damaged = list_versions(home)[0]
    assert "arrays.npz" in damaged.problem
    with pytest.raises(BundleTampered):
        promote("demo@1", WHO, home)
    assert promotions(home) == ()


def test_a_registered_model_must_be_signed_with_the_local_key(home, estimator, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    publish(estimator.fitted_, made(version="7"), elsewhere)
    (elsewhere / "models" / "demo" / "7").rename(home / "models" / "demo" / "7")
    with pytest.raises(BundleTampered, match="another key"):
        load_model("demo@7", home=home)


def add_entries(folder, count):
    for step in range(count):
        with locked(Path(folder)):
            append(Path(folder), "promote", (f"demo@{step}", "sha256:0"), WHO)


def test_two_at_once_do_not_collide(tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=add_entries, args=(str(tmp_path), 15)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(read_log(tmp_path)) == 30


def test_the_home_folder_is_read_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path))
    assert home_folder() == tmp_path
    monkeypatch.delenv("CANZHI_HOME")
    assert home_folder().name == "canzhi"


def test_prices_survive_the_registry(home, estimator, market):
    predictor = load_model("demo@1", home=home)
    priced = predictor.price(market.table[:5], market.base[:5], list(market.groups[:5]), (0.05, 0.95))
    np.testing.assert_array_equal(priced.point, estimator.predict(market.table[:5], market.base[:5], market.groups[:5]))
