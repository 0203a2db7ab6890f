"""Tests of .ci/debian.py that need no Debian tree."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def debian():
    spec = importlib.util.spec_from_file_location("debian", ROOT / ".ci" / "debian.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_ci_runs_the_default_tests_on_newer_pythons():
    steps = re.findall(
        r"^step python-\S+ \d+ python3 \.ci/debian\.py \S+ (\S+) .*'\./canzhi test'$",
        (ROOT / ".ci" / "run").read_text("utf-8"),
        re.MULTILINE,
    )
    assert steps == ["3.13", "3.14"]
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"] == ">=3.11"


def test_paths_in_pip_settings_are_found(debian, tmp_path):
    (tmp_path / "index" / "simple").mkdir(parents=True)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "limits.txt").touch()
    places = f"file://{tmp_path}/index/simple https://index.example/simple"
    settings = [
        f"[global]\none = {places}\ntwo = {tmp_path}/wheels\n  {tmp_path}/absent\n",
        f"{tmp_path}/limits.txt",
        f"{tmp_path}/wheels",
    ]
    assert debian.local_folders(settings) == [tmp_path / name for name in ("index", "wheels", "limits.txt")]


def test_it_fails_without_root(debian, monkeypatch):
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit, match="needs root"):
        debian.main("trixie", "3.13", ["./canzhi test"])


def test_it_fails_without_debootstrap(debian, monkeypatch):
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian.shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match="apt-get install debootstrap"):
        debian.main("trixie", "3.13", ["./canzhi test"])


def test_a_failure_inside_the_tree_is_a_failure(debian, monkeypatch):
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian.shutil, "which", lambda name: f"/usr/sbin/{name}")
    monkeypatch.setattr(debian.signal, "signal", lambda *_: None)
    monkeypatch.setattr(debian, "ALONE", ("sh", "-c", "exit 7"))
    assert debian.main("trixie", "3.13", ["./canzhi test"]) == 7
