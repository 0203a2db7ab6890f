from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from service import cli
from service.commands import run as run_module


def _without_training(name):
    return run_module.run if name == "run" else None


@pytest.mark.usefixtures("home")
def test_without_training_installed_the_structural_value_answers(monkeypatch, capsys, tmp_path, pack):
    (tmp_path / "one.json").write_text(json.dumps(pack), "utf-8")
    (tmp_path / "broken.json").write_text("{", "utf-8")
    monkeypatch.setattr(run_module, "SAMPLES", tmp_path)
    monkeypatch.setattr(cli, "load_command", _without_training)
    monkeypatch.setattr(run_module, "load_command", _without_training)
    assert cli.run(["run", "--no-serve"]) == 0
    told = capsys.readouterr()
    assert pack["battery_code"] in told.out
    assert "the structural value answers alone" in told.err
    assert "broken.json" in told.err


@pytest.mark.usefixtures("home")
def test_samples_that_are_not_there_are_no_fault(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(run_module, "SAMPLES", tmp_path / "none")
    monkeypatch.setattr(cli, "load_command", _without_training)
    monkeypatch.setattr(run_module, "load_command", _without_training)
    assert cli.run(["run", "--no-serve"]) == 0
    assert "canzhi value FILE" in capsys.readouterr().err


def test_an_unusable_home_folder_is_reported_before_the_work(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(run_module, "SAMPLES", tmp_path / "none")
    assert cli.run(["run", "--no-serve"]) == 1
    told = capsys.readouterr()
    assert "cannot be made" in told.err
    assert "synthetic market:" not in told.out + told.err


@pytest.mark.slow
def test_the_environment_is_created_once(home):
    first = _canzhi(home, "run", "--no-serve", "--packs", "1500")
    assert "training the demonstration model" in first.stderr
    assert "model demonstration 1 (a demonstration" in first.stderr
    assert "T01PB0A0000001A680000123" in first.stdout
    assert (home / "models" / "demonstration" / "1").is_dir()
    second = _canzhi(home, "run", "--no-serve")
    assert "training the demonstration model" not in second.stderr, "the champion is there already"


def _canzhi(home, *arguments):
    command = [sys.executable, "-c", "from service.cli import main; main()", *arguments]
    surroundings = os.environ | {"CANZHI_HOME": str(home)}
    return subprocess.run(command, env=surroundings, capture_output=True, check=True, timeout=280, text=True)
