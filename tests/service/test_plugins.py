"""The service loads functions of `training` by entry point, and reports what is missing."""

from __future__ import annotations

import importlib.metadata

import pytest

from service.plugins import GROUP, load_plugin
from valuation.errors import SettingError


def test_every_part_lent_is_there():
    for point in importlib.metadata.entry_points(group=GROUP):
        assert callable(load_plugin(point.name))


def test_a_part_that_is_not_there_is_named():
    with pytest.raises(SettingError, match="unheard of"):
        load_plugin("unheard of")


def test_a_missing_package_is_named(monkeypatch):
    class Point:
        def load(self):
            raise ModuleNotFoundError("No module named 'lightgbm'", name="lightgbm")

    monkeypatch.setattr("service.plugins.entry_points", lambda **_: [Point()])
    with pytest.raises(SettingError, match="lightgbm, which is not installed"):
        load_plugin("ledger-drift")
