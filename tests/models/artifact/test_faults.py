"""Killed, concurrent, disk full, tampered with: the registry stays consistent and the champion in service."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import resource
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import models.artifact.bundle
from models import load_model
from models.artifact.bundle import read_bundle
from models.artifact.promotion_log import LOG, Decision, read_log
from models.artifact.registry import CHAMPION, Publication, list_versions, promote, promotions, publish, rollback
from valuation.errors import BundleTampered, StoreNotReady

WHO = Decision(who="a valuer", why="a test", at="2026-01-06T08:00:00+00:00")
FILES = ("manifest.json", "model.json", "arrays.npz", "signature.json")
_FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def no_mlflow(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)


def said(version=None):
    return Publication(name="demo", created_on="2026-01-05", trained_through="2026-01-01", version=version)


@pytest.fixture
def home(tmp_path, estimator):
    publish(estimator.fitted_, said(), tmp_path)
    publish(estimator.fitted_, said(), tmp_path)
    promote("demo@1", WHO, tmp_path)
    return tmp_path


def _die_at(number, work):
    """Run the work in this process, which exits at a given call that changes the disk."""
    calls = 0

    def counted(real):
        def call(*arguments, **named):
            nonlocal calls
            calls += 1
            if calls == number:
                os._exit(9)
            return real(*arguments, **named)

        return call

    for owner, name in ((os, "fsync"), (os, "mkdir"), (os, "rename"), (Path, "rename"), (Path, "open"), (os, "open")):
        setattr(owner, name, counted(getattr(owner, name)))
    work()
    os._exit(0)


def kill_at_every_step(work, check):
    """Kill the work at its first step, its second and so on until it completes, and check the state each time."""
    for number in range(1, 60):
        process = _FORK.Process(target=_die_at, args=(number, work))
        process.start()
        process.join()
        check(process.exitcode)
        if process.exitcode == 0:
            assert number > 3
            return
    pytest.fail("the work did not come to its end")


@pytest.mark.slow
def test_a_publication_killed_at_any_step_leaves_the_registry_whole(home, estimator):
    def check(_):
        versions = list_versions(home)
        assert [version.problem for version in versions] == [""] * len(versions)
        assert load_model(CHAMPION, home=home).version == "1"

    kill_at_every_step(lambda: publish(estimator.fitted_, said(), home), check)
    before = len(list_versions(home))
    publish(estimator.fitted_, said(), home)
    assert len(list_versions(home)) == before + 1
    assert not list((home / "models" / "demo").glob(".*"))  # nothing half written is left


@pytest.mark.slow
def test_a_promotion_killed_at_any_step_leaves_one_champion(home):
    def check(exitcode):
        entries = promotions(home)  # the chain is whole
        assert len(entries) in ({1, 2} if exitcode else {2})
        assert load_model(CHAMPION, home=home).version in {"1", "2"}
        if exitcode and len(entries) == 2:  # it died after its entry was whole
            rollback(WHO, home)
            (home / "models" / LOG).write_text(
                (home / "models" / LOG).read_text("utf-8").split("\n")[0] + "\n", encoding="utf-8"
            )

    kill_at_every_step(lambda: promote("demo@2", WHO, home), check)


def _promote_many(home, version, turns):
    sys.modules["mlflow"] = None
    for _ in range(turns):
        promote(f"demo@{version}", WHO, home)


def _publish_many(home, state, turns):
    sys.modules["mlflow"] = None
    for _ in range(turns):
        publish(state, said(), home)


def test_two_trainings_and_two_promotions_at_once(home, estimator):
    works = [(_promote_many, (home, 1, 10)), (_promote_many, (home, 2, 10))]
    works += [(_publish_many, (home, estimator.fitted_, 2))] * 2
    processes = [_FORK.Process(target=work, args=arguments) for work, arguments in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert [version.problem for version in list_versions(home)] == [""] * 6
    entries = promotions(home)
    assert all(entry.before != entry.after for entry in entries)
    assert all(entry.before == earlier.after for earlier, entry in itertools.pairwise(entries))
    assert load_model(CHAMPION, home=home).version == entries[-1].after.partition("@")[2]


def _out_of_room(room, work, expected):
    """Run the work with a limit on file size, and exit with its result."""
    sys.modules["mlflow"] = None
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        work()
    except StoreNotReady as error:
        os._exit(7 if expected in error.message and error.hint else 8)
    os._exit(0)


@pytest.mark.parametrize("room", [0, 100, 5000])
def test_a_full_disk_is_reported_and_changes_nothing(home, estimator, room):
    log = (home / "models" / LOG).read_bytes()
    works = {
        "publish": lambda: publish(estimator.fitted_, said(), home),
        "promote": lambda: promote("demo@2", WHO, home),
    }
    for name, work in works.items():
        if room > len(log) + 500 and name == "promote":
            continue  # the entry finds room
        process = _FORK.Process(target=_out_of_room, args=(room, work, "cannot be written"))
        process.start()
        process.join()
        assert process.exitcode == 7, name
        assert read_log(home / "models")[-1].after == "demo@1"
        assert load_model(CHAMPION, home=home).version == "1"
        assert [(version.about.version, version.problem) for version in list_versions(home)] == [("1", ""), ("2", "")]
    promote("demo@2", WHO, home)  # with room again it goes on
    assert load_model(CHAMPION, home=home).version == "2"


@pytest.fixture
def nothing_is_loaded(monkeypatch):
    monkeypatch.setattr(models.artifact.bundle, "load_state", lambda *_: pytest.fail("a damaged bundle was loaded"))


def _places(content):
    """Return positions of every kind in a file: both ends, archive headers, and some between."""
    heads = [place for place in range(len(content) - 4) if content[place : place + 4] == b"PK\x03\x04"]
    chance = np.random.default_rng(1).integers(0, len(content), 12).tolist()
    ends = [0, 1, len(content) // 2, len(content) - 2, len(content) - 1]
    return sorted({*ends, *(place + step for place in heads for step in (0, 14, 18, 30, 60)), *chance})


@pytest.mark.usefixtures("nothing_is_loaded")
@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_of_any_kind_of_place_is_refused_before_anything_is_loaded(bundle_folder, tmp_path, name):
    copy = tmp_path / "copy"
    shutil.copytree(bundle_folder, copy)
    whole = (copy / name).read_bytes()
    for place in _places(whole):
        for bit in (1, 32, 128):  # 32 makes a capital of a small letter
            spoiled = bytearray(whole)
            spoiled[min(place, len(whole) - 1)] ^= bit
            (copy / name).write_bytes(bytes(spoiled))
            with pytest.raises(BundleTampered):
                read_bundle(copy, None)


@pytest.mark.usefixtures("nothing_is_loaded")
@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_or_lengthened_anywhere_is_refused_before_anything_is_loaded(bundle_folder, tmp_path, name):
    copy = tmp_path / "copy"
    shutil.copytree(bundle_folder, copy)
    whole = (copy / name).read_bytes()
    for kept in {0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 1}:
        (copy / name).write_bytes(whole[:kept])
        with pytest.raises(BundleTampered):
            read_bundle(copy, None)
    for surplus in (b"\0", b"\n", b" "):
        (copy / name).write_bytes(whole + surplus)
        with pytest.raises(BundleTampered):
            read_bundle(copy, None)


@pytest.mark.usefixtures("nothing_is_loaded")
def test_every_bit_of_the_signature_counts(bundle_folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(bundle_folder, copy)
    whole = (copy / "signature.json").read_bytes()
    for place, bit in itertools.product(range(len(whole)), range(8)):
        spoiled = bytearray(whole)
        spoiled[place] ^= 1 << bit
        (copy / "signature.json").write_bytes(bytes(spoiled))
        with pytest.raises(BundleTampered):
            read_bundle(copy, None)
