from __future__ import annotations

import json

import pytest

from service import cli
from service.commands import run as run_module


def _without_workshop(name):
    return run_module.run if name == "run" else None


@pytest.mark.usefixtures("home")
def test_without_the_workshop_the_structural_value_answers(monkeypatch, capsys, tmp_path, pack):
    (tmp_path / "one.json").write_text(json.dumps(pack), "utf-8")
    (tmp_path / "broken.json").write_text("{", "utf-8")
    monkeypatch.setattr(run_module, "SAMPLES", tmp_path)
    monkeypatch.setattr(cli, "load_command", _without_workshop)
    assert cli.run(["run", "--no-serve"]) == 0
    told = capsys.readouterr()
    assert pack["battery_code"] in told.out
    assert "the structural value answers alone" in told.err
    assert "broken.json" in told.err


@pytest.mark.usefixtures("home")
def test_samples_that_are_not_there_are_no_fault(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(run_module, "SAMPLES", tmp_path / "none")
    monkeypatch.setattr(cli, "load_command", _without_workshop)
    assert cli.run(["run", "--no-serve"]) == 0
    assert "canzhi value FILE" in capsys.readouterr().err


@pytest.mark.slow
def test_everything_is_made_from_nothing_once(home, capsys):
    assert cli.run(["run", "--no-serve", "--packs", "1500"]) == 0
    told = capsys.readouterr()
    assert "training the demonstration model" in told.err
    assert "model demonstration 1 (a demonstration" in told.err
    assert "T01PB0A0000001A680000123" in told.out
    assert (home / "models" / "demonstration" / "1").is_dir()
    assert cli.run(["run", "--no-serve"]) == 0
    assert "training" not in capsys.readouterr().err.replace("trained on", ""), "the champion is there already"
